"""The process: what it says when it begins, that a signal loses nothing, and what the verb refuses."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner
from fixtures.warm_process import Running, Start

from foresell.apps.api.app import create_app
from foresell.apps.api.server import bind, server_of
from foresell.apps.cli import main
from foresell.core.extras import install_command
from foresell.core.settings import Serving
from foresell.serving.keys import VARIABLE, Keys, new_key, read_keys
from foresell.serving.prediction_log.reader import read_predictions
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.source import FolderSource


@contextmanager
def serving(start: Start, *words: object, cold: bool = False) -> Iterator[tuple[Running, dict]]:
    """The server as a process of its own, and what it said when it began."""
    server = start("serve", "--json", "--port", "0", *words, cold=cold)
    try:
        end = time.monotonic() + 120
        while not (text := server.out.read_text(encoding="utf-8")).endswith("\n}\n"):
            assert server.process.is_alive(), server.end()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield server, json.loads(text)
    finally:
        server.process.kill()


def wait_until_ready(address: str) -> None:
    end = time.monotonic() + 60
    while httpx.get(f"{address}/ready").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_loses_no_record(bundle: Path, tmp_path: Path, one, start_foresell: Start, ends) -> None:
    answered: list[str] = []
    refused: list[httpx.Response] = []
    broken: list[Exception] = []
    cold = ends == signal.SIGTERM
    with serving(start_foresell, "--bundle", bundle, "--log", tmp_path / "log", cold=cold) as (server, said):
        assert said["docs"] == f"{said['address']}/docs"
        assert said["version"].startswith("unregistered")
        assert said["keys"] == 0
        wait_until_ready(said["address"])

        def keep_asking() -> None:
            with httpx.Client() as client:
                while True:
                    try:
                        answer = client.post(f"{said['address']}/predict", json=one)
                    except httpx.ConnectError:
                        return  # it takes no more
                    except httpx.HTTPError as error:
                        broken.append(error)  # a connection that was cut without an answer
                        return
                    if answer.status_code == 503:
                        refused.append(answer)
                        return
                    assert answer.status_code == 200
                    answered.append(answer.json()["id"])

        asking = [threading.Thread(target=keep_asking) for _ in range(4)]
        for each in asking:
            each.start()
        while len(answered) < 50:
            time.sleep(0.01)
        os.kill(server.pid, ends)
        ended = server.end(60)
        assert ended.code == 0
        for each in asking:
            each.join(60)
        assert "Traceback" not in ended.err
    assert not broken
    assert all(answer.headers["Retry-After"] and answer.headers["Connection"] == "close" for answer in refused)
    kept = set(read_predictions(tmp_path / "log").frame["id"])
    assert len(answered) >= 50
    assert set(answered) <= kept


@pytest.mark.slow
def test_a_project_without_a_champion_is_served_and_says_what_to_do(tracked_shop: Path, start_foresell: Start) -> None:
    with serving(start_foresell, tracked_shop) as (server, said):
        assert said["version"] is None
        assert "There is no champion yet" in " ".join(said["says"])
        assert said["log"] == str(tracked_shop / "results" / "predictions")
        end = time.monotonic() + 60
        while "foresell promote" not in (answer := httpx.get(f"{said['address']}/ready")).text:
            assert time.monotonic() < end, answer.text
            time.sleep(0.1)
        assert answer.status_code == 503
        os.kill(server.pid, signal.SIGTERM)
        assert server.end(60).code == 0


@pytest.mark.slow
def test_the_champion_of_the_registry_is_served(tracked_shop: Path, start_foresell: Start) -> None:
    from foresell.serving.source import RegistrySource

    registry = RegistrySource(tracked_shop).registry
    number = registry.versions()[-1].number
    registry.promote(number, "the first", before=None)
    with serving(start_foresell, tracked_shop) as (server, said):
        assert said["version"] == number
        wait_until_ready(said["address"])
        told = httpx.get(f"{said['address']}/status").json()
        assert told["version"] == told["champion"] == number
        assert httpx.post(f"{said['address']}/reload", headers={"X-Requested-With": "tests"}).json()["changed"] is False
        os.kill(server.pid, signal.SIGTERM)
        assert server.end(60).code == 0


def run(*words: object):
    return CliRunner().invoke(main, ["serve", *map(str, words)])


def test_without_keys_it_listens_on_this_machine_only(bundle: Path, monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    shown = run("--bundle", bundle, "--host", "0.0.0.0")
    assert shown.exit_code == 2
    assert "No API keys are set" in shown.stderr
    assert "--new-key" in shown.stderr


def test_a_port_that_is_taken(bundle: Path) -> None:
    from foresell.apps.api.server import bind

    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        shown = run("--bundle", bundle, "--port", taken.getsockname()[1])
    assert shown.exit_code == 2
    assert "cannot listen on 127.0.0.1" in shown.stderr


def test_a_new_key(monkeypatch) -> None:
    shown = run("--new-key", "predict", "--json")
    made = json.loads(shown.stdout)
    monkeypatch.setenv(VARIABLE, made["line"])
    keys: Keys = read_keys()
    assert str(keys.find(made["key"]).role) == "predict"
    text = run("--new-key", "admin").stdout
    assert "fs_" in text
    assert "admin:" in text
    assert run("--new-key", "owner").exit_code == 2


def test_a_registry_without_mlflow_ends_with_the_command_that_installs_it(shop: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    ended = run(shop)
    assert ended.exit_code == 2
    assert install_command("mlflow") in ended.stderr
    assert not list(shop.rglob("fault-*.txt"))
    assert not (shop / "results" / "predictions").exists()


def test_what_it_cannot_serve(tmp_path: Path, bundle: Path, monkeypatch) -> None:
    assert "There is no settings file" in run(tmp_path).stderr
    assert "not both" in run(tmp_path, "--bundle", bundle).stderr
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    shown = run("--bundle", bundle)
    assert shown.exit_code == 2
    assert "prometheus_client" in shown.stderr
    assert install_command("serve") in shown.stderr


def test_no_header_names_the_client_unless_a_proxy_is_trusted(tmp_path: Path) -> None:
    """Many addresses in X-Forwarded-For would be as many clients for the limit of requests a second."""
    _, key = new_key("read")
    for proxies, statuses in (((), {200, 429}), (("127.0.0.1",), {200})):
        app = create_app(
            FolderSource(tmp_path),
            Serving(max_rate=0.01, proxies=proxies),
            Keys((key,)),
            PredictionLog(tmp_path / "log"),
        )
        listening = bind("127.0.0.1", 0)
        started = threading.Event()
        server = server_of(app, started.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert started.wait(60)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        seen = {
            httpx.get(f"{address}/health", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(20)
        }
        server.should_exit = True
        thread.join(60)
        assert seen == statuses
