"""The verb retrain: what it prints, as text and as JSON, the codes it ends with, and what it asks of a server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixtures.log_lines import log_lines

from foresell.apps.cli import main
from foresell.apps.cli.server_reload import reload


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def printed(ended) -> str:
    return " ".join(ended.output.split())


def test_the_first_model_is_promoted_and_a_second_time_there_is_nothing_to_do(tracked_shop):
    ended = run("retrain", tracked_shop, "--quiet")
    assert ended.exit_code == 0, ended.output
    assert printed(ended).startswith("Trained because there is no champion yet. Version 1 of shop is the champion now")
    assert any(line.endswith(" ok") for line in ended.stdout.splitlines())  # the figures of the verdict
    again = run("retrain", tracked_shop, "--quiet")
    assert again.exit_code == 0
    assert printed(again).startswith(
        "Nothing to do: there is no reason to: version 1 learnt from sales until 2025-12-28"
    )


def test_as_json(tracked_shop):
    content = json.loads(run("retrain", tracked_shop, "--json", "--quiet").stdout)
    assert content["done"] is True
    assert content["reasons"] == [{"kind": "first", "text": "there is no champion yet"}]
    assert (content["decision"]["decision"], content["decision"]["compared"]) == ("promoted", "nothing")
    assert content["server"] is None
    again = json.loads(run("retrain", tracked_shop, "--json", "--quiet", "--now", "I want to").stdout)
    assert (again["done"], again["decision"]) == (False, None)
    assert again["why"] == "data and settings are those of version 1, which is the champion"
    assert again["reasons"] == [{"kind": "now", "text": "I want to"}]


def test_json_lines_say_what_was_decided(tracked_shop):
    ended = run("retrain", tracked_shop, "--log", "json")
    assert (ended.exit_code, ended.stdout) == (0, "")
    lines = log_lines(ended.stderr)
    assert {line["level"] for line in lines} == {"info"}
    assert lines[-1]["step"] == "retrain"
    assert lines[-1]["message"].startswith(
        "Trained because there is no champion yet. Version 1 of shop is the champion"
    )
    assert lines[-1]["retraining"]["decision"]["decision"] == "promoted"
    both = run("retrain", tracked_shop, "--log", "json", "--json")
    assert json.loads(both.stdout)["done"] is False
    assert log_lines(both.stderr)[-1]["message"].startswith("Nothing to do: ")


def test_a_refused_challenger_ends_with_0_and_says_why(tracked_shop, change_settings):
    run("retrain", tracked_shop, "--quiet")
    change_settings(tracked_shop, champion="seasonal_naive")
    ended = run("retrain", tracked_shop, "--quiet", "--now", "fewer models")
    assert ended.exit_code == 0, ended.output
    assert printed(ended).startswith("Trained because fewer models. Version 2 of shop was refused; version 1 stays")
    assert "NOT MET" in ended.output


def test_wrong_use(tracked_shop, shop):
    assert run("retrain", tracked_shop, "--reload", "ftp://somewhere").exit_code == 2
    switched_off = run("retrain", shop.parent)
    assert switched_off.exit_code == 2
    assert "There is no settings file" in printed(switched_off)


@pytest.fixture
def server(tracked_shop: Path, tmp_path: Path) -> Iterator[str]:
    """A real server over the shop's registry, which asks for a key; a key of the role admin is in the environment."""
    pytest.importorskip("fastapi", reason="no server: the extra 'serve' is not installed")
    import uvicorn

    from foresell.apps.api.app import create_app
    from foresell.apps.api.server import bind
    from foresell.core.settings import Serving
    from foresell.serving.keys import Keys, new_key
    from foresell.serving.prediction_log.writer import PredictionLog
    from foresell.serving.source import RegistrySource

    text, key = new_key("admin")
    listening = bind("127.0.0.1", 0)
    app = create_app(RegistrySource(tracked_shop), Serving(), Keys((key,)), PredictionLog(tmp_path / "log", 100, 1))
    running = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    end = time.monotonic() + 60
    while not running.started:
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FORESELL_API_KEY", text)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


def test_a_running_server_takes_the_champion_up(tracked_shop, server, monkeypatch):
    ended = run("retrain", tracked_shop, "--quiet", "--reload", server)
    assert ended.exit_code == 0, ended.output
    assert printed(ended).endswith(f"{server} serves version 1 now.")
    again = run("retrain", tracked_shop, "--quiet", "--reload", f"{server}/", "--json")
    answer = json.loads(again.stdout)["server"]
    assert (answer["reached"], answer["version"], answer["changed"]) == (True, "1", False)
    monkeypatch.setenv("FORESELL_API_KEY", "fs_wrong")
    refused = run("retrain", tracked_shop, "--quiet", "--reload", server)
    assert refused.exit_code == 0
    assert f"The server {server} did not load the champion: 401" in printed(refused)
    assert printed(refused).endswith("Set FORESELL_API_KEY to a key of the role admin.")
    assert "fs_wrong" not in refused.output


def test_a_server_that_cannot_be_reached_is_told_of(tracked_shop):
    ended = run("retrain", tracked_shop, "--quiet", "--reload", "http://127.0.0.1:1")
    assert ended.exit_code == 0
    assert "Version 1 of shop is the champion now" in printed(ended)
    assert "The server http://127.0.0.1:1 does not answer as it should: " in printed(ended)


@pytest.fixture
def answering() -> Iterator[Callable[..., tuple[str, list[dict[str, str]]]]]:
    """A real HTTP server that answers POST as told; its address, and the headers of what it is asked."""
    servers = []

    def start(status: int, body: bytes, **headers: str) -> tuple[str, list[dict[str, str]]]:
        requests: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                requests.append(dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", requests

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b"<html>hello</html>", "does not answer as it should"),
        (200, b'{"version": "1"}', "does not answer as it should"),
        (200, b"[]", "does not answer as it should"),
        (503, b'{"detail": "There is no champion."}', "503, There is no champion."),
        (500, b"boom", "500, Internal Server Error."),
    ],
)
def test_another_answer_than_expected_is_told_of(answering, status, body, says):
    address, _ = answering(status, body)
    answer = reload(address)
    assert answer["reached"] is False
    assert says in answer["says"]


def test_the_key_does_not_follow_a_redirect(answering, monkeypatch):
    monkeypatch.setenv("FORESELL_API_KEY", "fs_secret")
    elsewhere, heard = answering(200, b'{"version": "1", "changed": true}')
    address, requests = answering(302, b"", Location=f"{elsewhere}/reload")
    answer = reload(address)
    assert (answer["reached"], heard) == (False, [])
    assert "302" in answer["says"]
    assert requests[0]["X-Api-Key"] == "fs_secret"
