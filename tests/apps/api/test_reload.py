"""A new champion takes the old one's place under load: no request fails, and each has the answer of one model."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from foresell.apps.api.app import create_app
from foresell.apps.api.current_model import CurrentModel
from foresell.core.errors import UnreadableFile
from foresell.core.settings import Serving
from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.keys import Keys
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.service import Service


@pytest.fixture(scope="module")
def other_bundle(project: Project, tmp_path_factory, change_settings) -> Path:
    """The same shop with another model."""
    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(project.folder.parent, folder, dirs_exist_ok=True)
    change_settings(folder / "shop", models=[{"name": "moving_average"}])
    other = Project(folder / "shop")
    other.run("train")
    write_bundle(other.folder, other.settings, other.steps, folder / "bundle")
    return folder / "bundle"


class Turns:
    """A source whose champion is set by hand; it loads real bundles."""

    def __init__(self, *bundles: Path):
        self.bundles = bundles
        self.champion = 0
        self.loads: list[str] = []
        self.held = threading.Event()
        self.held.set()

    def newest(self) -> str:
        return str(self.champion)

    def load(self, version: str) -> Service:
        self.loads.append(version)
        self.held.wait(60)
        return Service.load(self.bundles[int(version) % len(self.bundles)], version)


def test_no_request_fails_while_models_change(serve, bundle, other_bundle, one) -> None:
    source, answers, ended = Turns(bundle, other_bundle), [], threading.Event()
    with serve(source) as client, ThreadPoolExecutor(4) as pool:

        def keep_asking() -> None:
            while not ended.is_set():
                answers.append(client.post("/predict", json=one))

        asking = [pool.submit(keep_asking) for _ in range(4)]
        for turn in range(1, 6):
            source.champion = turn
            told = client.post("/reload").json()
            assert (told["changed"], told["before"], told["version"]) == (True, str(turn - 1), str(turn))
            asked = len(answers)
            while len(answers) < asked + 20:
                time.sleep(0.01)
        ended.set()
        for each in asking:
            each.result(60)
    assert {answer.status_code for answer in answers} == {200}
    told = [answer.json() for answer in answers]
    assert {each["version"] for each in told} == {str(turn) for turn in range(6)}
    units = {each["version"]: each["units"] for each in told}
    assert all(each["units"] == units[each["version"]] for each in told)
    assert units["0"] == units["2"] == units["4"] != units["1"] == units["3"] == units["5"]


def test_reloads_at_once_are_one(serve, bundle, monkeypatch) -> None:
    source, reload, arrived = Turns(bundle), CurrentModel.reload, []

    async def counted(self: CurrentModel) -> dict[str, object]:
        arrived.append(self)
        return await reload(self)

    with serve(source) as client, ThreadPoolExecutor(8) as pool:
        source.champion = 1
        source.held.clear()
        monkeypatch.setattr(CurrentModel, "reload", counted)
        asked = [pool.submit(client.post, "/reload") for _ in range(8)]
        while len(source.loads) < 2 or len(arrived) < 8:
            time.sleep(0.01)
        assert client.get("/status").json()["version"] == "0"
        source.held.set()
        told = [each.result(60).json() for each in asked]
        assert source.loads == ["0", "1"]
        assert {each["version"] for each in told} == {"1"}
        assert client.post("/reload").json()["changed"] is False
        assert source.loads == ["0", "1"]


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before(serve, bundle, tmp_path, one) -> None:
    source = Turns(bundle, tmp_path / "missing")
    with serve(source) as client:
        source.champion = 1
        with pytest.raises(UnreadableFile):
            Service.load(tmp_path / "missing")
        answer = client.post("/reload")
        assert answer.status_code == 503
        assert "holds no model" in answer.json()["detail"]
        assert client.post("/predict", json=one).json()["version"] == "0"
        assert client.get("/ready").status_code == 200


def test_an_upload_ends_with_the_model_it_began_with(bundle, other_bundle, rows, project, upload, tmp_path) -> None:
    source = Turns(bundle, other_bundle)
    sheet = rows.select(*project.panel.keys, "date").write_csv().encode().splitlines(keepends=True)
    head, body = sheet[0], sheet[1:]
    parts: list[bytes] = []

    async def run() -> None:
        app = create_app(source, Serving(), Keys(), PredictionLog(tmp_path, 1000, 1))
        async with app.router.lifespan_context(app):
            await app.state.current_model.reload()
            half = len(body) // 2
            pieces = [head + b"".join(body[:half]), b"".join(body[half:])]

            async def receive() -> dict:
                if len(pieces) == 1:
                    source.champion = 1
                    assert (await app.state.current_model.reload())["version"] == "1"
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

            async def send(message: dict) -> None:
                parts.append(message.get("body", b""))
                headers.update(message.get("headers", []))

            headers: dict[bytes, bytes] = {}
            await upload(app, receive, send)
            assert headers[b"x-model-version"] == b"0"
            assert app.state.current_model.service.version == "1"

    asyncio.run(run())
    units = [float(line.split(b",")[3]) for line in b"".join(parts).splitlines()[1:]]
    assert units == pytest.approx(rows["mean"].to_list(), rel=1e-6)
