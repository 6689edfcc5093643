"""A small project whose champion is a LightGBM, its bundle, and the app over it."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("fastapi", reason="no server: the extra 'serve' is not installed")

from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Send

from foresell.apps.api.app import create_app
from foresell.core.settings import Serving
from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.keys import Keys
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.source import FolderSource, Source


@pytest.fixture(scope="session")
def project(_shop: Path, share_folder, tmp_path_factory: pytest.TempPathFactory, change_settings) -> Project:
    """A shop with a small LightGBM and a regression of single sales, all steps up to the forecast done.

    It is trained once a run, and each worker has a copy.
    """

    def fill(folder: Path) -> None:
        shutil.copytree(_shop, folder, dirs_exist_ok=True)
        model = {"name": "lightgbm", "options": {"trees": 30, "share": 0.5}}
        singles = {"target": "units", "models": ["forest"]}
        change_settings(folder / "shop", models=[model], backtest={"windows": 1}, transactions=singles)
        Project(folder / "shop").run("forecast")

    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(share_folder("served", fill), folder, dirs_exist_ok=True)
    return Project(folder / "shop")


@pytest.fixture(scope="session")
def bundle(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "shop"
    write_bundle(project.folder, project.settings, project.steps, folder)
    return folder


@pytest.fixture
def log_folder(tmp_path: Path) -> Path:
    return tmp_path / "predictions"


@pytest.fixture
def serve(bundle: Path, log_folder: Path, project: Project) -> Callable[..., object]:
    """Serves the bundle, or another source, to a client on this machine: ``with serve(max_rate=5) as client``.

    Plans are those of the project, or of the one in the folder `planning`.
    """

    @contextmanager
    def served(
        source: Source | None = None,
        keys: Keys | None = None,
        wait: bool = True,
        planning: Path | None = project.folder,
        **serving: object,
    ):
        log = PredictionLog(log_folder, rows=10, seconds=0.2)
        app = create_app(source or FolderSource(bundle), Serving(**serving), keys or Keys(), log, planning)
        headers = {"X-Requested-With": "tests"}
        with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False, headers=headers) as client:
            end = time.monotonic() + 60
            while wait and client.get("/ready").status_code != 200:
                assert time.monotonic() < end, client.get("/ready").text
                time.sleep(0.02)
            yield client

    return served


@pytest.fixture
def client(serve) -> Iterator[TestClient]:
    with serve() as client:
        yield client


@pytest.fixture(scope="session")
def rows(project: Project) -> pl.DataFrame:
    """What the batch forecast says of each series and day: the keys, ``date``, ``mean`` and the quantiles."""
    level = " x ".join(project.panel.keys)
    return project.forecasts.filter(pl.col("level") == level)


@pytest.fixture(scope="session")
def one(rows: pl.DataFrame, project: Project) -> dict[str, str]:
    """A series and day that can be asked, as JSON has it."""
    row = rows.row(3, named=True)
    return {**{key: row[key] for key in project.panel.keys}, "date": str(row["date"])}


@pytest.fixture(scope="module")
def address(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server in a thread of this process."""
    import threading

    import uvicorn

    from foresell.apps.api.server import bind

    listening = bind("127.0.0.1", 0)
    app = create_app(
        FolderSource(bundle), Serving(max_rate=1e6), Keys(), PredictionLog(tmp_path_factory.mktemp("log"), 100, 1)
    )
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    end = time.monotonic() + 60
    while not (server.started and app.state.current_model.service):
        assert time.monotonic() < end, app.state.current_model.reason
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def upload() -> Callable[..., Awaitable[None]]:
    """An upload of CSV whose messages are in the test's hands: ``await upload(app, receive, send)``."""

    async def run(app: ASGIApp, receive: Receive, send: Send) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
            "path": "/predict_batch_csv", "raw_path": b"/predict_batch_csv", "query_string": b"", "root_path": "",
            "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"text/csv")],
        }  # fmt: skip
        await asyncio.wait_for(app(scope, receive, send), 60)

    return run
