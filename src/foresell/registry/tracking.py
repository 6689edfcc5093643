"""Runs as MLflow keeps them: what was done, from what, and what came of it.

Without settings they lie in the project, ``results/mlflow.db`` (SQLite) and ``results/mlflow/`` (files). They move with
it, and keep the name that they began with when its folder gets another. A server or a bucket is named by its address,
and its credentials come from the environment (``MLFLOW_TRACKING_*``, ``AWS_*``).
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import importing
from foresell.core.settings import Tracking as TrackingSettings
from foresell.store.address import mask, parse_address
from foresell.store.lock import DATABASE_SECONDS, held_by, locked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

DATABASE, FILES = "results/mlflow.db", "mlflow"
KIND, FINGERPRINT = "foresell.kind", "foresell.fingerprint"
LONGEST_VALUE, LONGEST_KEY, BATCH = 6000, 250, 100  # what MLflow takes of a parameter, and how many at once
PATIENCE = 5  # seconds for a server to say anything at all
ABSENT = "RESOURCE_DOES_NOT_EXIST"

_MANNERS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its own 7 take four minutes to find that a server is down
}
"""What the environment tells MLflow where it says nothing itself: print nothing, call nobody, do not wait long."""

_PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Where MLflow's database holds addresses of files, by table."""


@dataclass(frozen=True)
class Where:
    """Where runs and models are recorded.

    - `uri`: of MLflow's store; `shown` is the same, safe to print.
    - `artifacts`: where files go; None leaves it to the server.
    - `name`: of the experiment and of the registered model. Where the settings give none: in the project's own store
      the one that is there, elsewhere (other projects may be there too) and at the beginning that of the folder.
    - `database`: the SQLite file, where there is one; `beside` says that the files lie beside it and move with it.
    """

    uri: str = field(repr=False)
    artifacts: str | None
    name: str
    shown: str
    database: Path | None = None
    beside: bool = False

    @classmethod
    def of(cls, folder: str | Path, settings: TrackingSettings) -> Where:
        """As the settings of the project in `folder` say. Raises UsageError for an address of an unknown kind."""
        base = Path(folder).resolve()
        name = _taken(settings.name or base.name)
        if settings.name is None and settings.uri is None:
            name = _name_there(base / DATABASE, name)
        artifacts = settings.artifacts
        if artifacts is not None and "://" not in artifacts:
            artifacts = (base / artifacts).as_uri()
        uri = settings.uri or f"sqlite:///{DATABASE}"
        if uri.startswith(("http://", "https://")):
            return cls(uri, artifacts, name, mask(uri))
        if not uri.startswith("sqlite:"):
            raise UsageError(
                f"Found the address {mask(uri)!r} in 'tracking.uri'; expected sqlite:///file.db or http(s)://server."
            )
        database = parse_address(uri, folder).path
        assert database is not None  # sqlite addresses name a file
        place = database.resolve()
        beside = artifacts is None
        artifacts = artifacts or (place.parent / FILES).as_uri()
        return cls(f"sqlite:///{place.as_posix()}", artifacts, name, str(database), database, beside)


@dataclass(frozen=True)
class Run:
    """What is recorded of one piece of work; the content of the folder `artifacts` is kept with it.

    `fingerprint` names what was done from what: the same is not recorded twice.
    """

    kind: str
    fingerprint: str
    title: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Path | None = None


@dataclass(frozen=True)
class Recorded:
    """A run as it stands in MLflow: its `id`, when it began, and its tags."""

    id: str
    made: datetime
    tags: Mapping[str, str]


class Tracking:
    """The runs of a project. Nothing is opened, and MLflow is not imported, before it is asked for something.

    Raises UsageError where MLflow is not installed or the settings do not fit what is there, and StoreError where the
    store cannot be reached or does not take what it is given.
    """

    def __init__(self, where: Where):
        self.where = where

    @cached_property
    def client(self) -> MlflowClient:
        imported()
        if self.where.database is None:
            _reached(self.where)
        else:
            self.where.database.parent.mkdir(parents=True, exist_ok=True)
        from mlflow import MlflowClient

        with self.speaking():
            client = MlflowClient(self.where.uri, self.where.uri)
            self.settle()
            return client

    def settle(self) -> None:
        """Leads the addresses of files that lie beside a database to where they are now.

        They are asked for anew before files are read: the same folder may have another name for another process,
        as in a container.
        """
        if self.where.beside and self.where.database is not None:
            try:
                _rehome(self.where.database, self.where.name, str(self.where.artifacts))
            except sqlite3.Error as error:
                raise StoreError(self._trouble(error)) from error

    @cached_property
    def experiment(self) -> str:
        """The id of the project's experiment, which is made where there is none."""
        where, client = self.where, self.client
        with self.speaking():
            found = client.get_experiment_by_name(where.name)
            if found is None:
                return client.create_experiment(where.name, artifact_location=where.artifacts)
        if where.artifacts is not None and found.artifact_location.rstrip("/") != where.artifacts.rstrip("/"):
            raise UsageError(
                f"The experiment '{where.name}' of {where.shown} keeps its files in {mask(found.artifact_location)}, "
                f"and MLflow cannot move them to {mask(where.artifacts)}. Give 'tracking.artifacts' as it was, or "
                "another 'tracking.name'."
            )
        return found.experiment_id

    @contextmanager
    def recording(self, run: Run) -> Iterator[str]:
        """Records `run` and gives its id to the block, which may add to it; the run counts when the block is done."""
        client, experiment = self.client, self.experiment
        with self.speaking():
            tags = {**run.tags, KIND: run.kind, FINGERPRINT: run.fingerprint}
            made = client.create_run(experiment, tags=_clipped(tags), run_name=run.title).info.run_id
        try:
            with self.speaking():
                self._log(made, run)
            yield made
            with self.speaking():
                client.set_terminated(made)
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell of
                client.set_terminated(made, "FAILED")
            raise

    def _log(self, made: str, run: Run) -> None:
        from mlflow.entities import Metric, Param

        params = [Param(name[:LONGEST_KEY], value) for name, value in _clipped(run.params).items()]
        for start in range(0, len(params), BATCH):
            self.client.log_batch(made, params=params[start : start + BATCH])
        now = int(datetime.now(UTC).timestamp() * 1000)
        metrics = [Metric(metric_name(name), float(value), now, 0) for name, value in run.metrics.items()]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(made, metrics=metrics[start : start + BATCH])
        if run.artifacts is not None:
            self.client.log_artifacts(made, str(run.artifacts))

    def find(self, kind: str, fingerprint: str) -> Recorded | None:
        """The run of that kind and fingerprint, if it was recorded."""
        return next(iter(self._search(f"tags.`{KIND}` = '{kind}' and tags.`{FINGERPRINT}` = '{fingerprint}'")), None)

    def runs(self, kind: str) -> list[Recorded]:
        """All recorded runs of a kind, the oldest first."""
        return self._search(f"tags.`{KIND}` = '{kind}'")

    def begun(self, kind: str) -> list[Recorded]:
        """The runs of a kind that are under way, or whose process died, the oldest first."""
        return self._search(f"tags.`{KIND}` = '{kind}'", "RUNNING")

    def end(self, made: str) -> None:
        """Makes a run that was begun count."""
        with self.speaking():
            self.client.set_terminated(made)

    def _search(self, condition: str, status: str = "FINISHED") -> list[Recorded]:
        client, found, token = self.client, [], None
        experiment = self.experiment
        with self.speaking():
            while True:
                page = client.search_runs(
                    [experiment],
                    f"{condition} and attributes.status = '{status}'",
                    order_by=["attributes.start_time ASC"],
                    max_results=1000,
                    page_token=token,
                )
                found += [_recorded(run) for run in page]
                token = page.token
                if not token:
                    return found

    def run(self, made: str) -> Recorded:
        """The run of that id."""
        with self.speaking():
            return _recorded(self.client.get_run(made))

    def artifact(self, made: str, path: str, folder: Path) -> Path:
        """Brings a file (or folder) of a run into `folder`; its place there."""
        client = self.client
        with self.speaking():
            self.settle()
            return Path(client.download_artifacts(made, path, str(folder)))

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Turns whatever MLflow, and what lies below it, raises of a store into a StoreError."""
        try:
            yield
        except troubles() as error:
            raise StoreError(self._trouble(error)) from error

    def _trouble(self, error: Exception) -> str:
        if self.where.database is not None and "database is locked" in str(error):
            return str(locked(f"The tracking store {self.where.shown}", held_by(self.where.database), DATABASE_SECONDS))
        return (
            f"The tracking store {self.where.shown} (files in {mask(self.where.artifacts or 'its own place')}) did "
            f"not take or give what was asked: {_first_line(error)}. See that it can be reached, or change "
            "'tracking' in the settings."
        )


def imported() -> None:
    """Imports MLflow, quietly. Raises NotInstalled where it is not there."""
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)
    with importing("mlflow"):
        for name in ("mlflow.pyfunc", "sqlalchemy", "alembic"):
            import_module(name)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def troubles() -> tuple[type[Exception], ...]:
    """What the libraries raise when a store does not do its part."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    known: tuple[type[Exception], ...] = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError)
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return known
    return (*known, Boto3Error, BotoCoreError, ClientError)


def metric_name(text: str) -> str:
    """`text` as MLflow takes it for a metric.

    >>> metric_name("wrmsse/store x größe (%)")
    'wrmsse/store x gr__e ___'
    """
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "_", text)[:LONGEST_KEY]


def _clipped(values: Mapping[str, object]) -> dict[str, str]:
    """Values as text that is not too long for MLflow."""
    return {name: str(value)[:LONGEST_VALUE] for name, value in values.items()}


def _recorded(run: MlflowRun) -> Recorded:
    return Recorded(run.info.run_id, _when(run.info.start_time), dict(run.data.tags))


def _when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _first_line(error: Exception) -> str:
    return mask((str(error).strip() or type(error).__name__).splitlines()[0].rstrip("."))


def _reached(where: Where) -> None:
    """Raises StoreError unless a server answers, be it only to say who may ask."""
    parts = urlsplit(where.uri)
    port = f":{parts.port}" if parts.port else ""
    try:
        with urlopen(f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/health", timeout=PATIENCE):
            pass
    except HTTPError:
        return
    except (URLError, OSError) as error:
        raise StoreError(
            f"The tracking server {where.shown} does not answer: {_first_line(error)}. Start it, or change "
            "'tracking.uri' in the settings."
        ) from error


def holds(where: Where, run: str) -> bool:
    """Whether a run is still in a project's own database. A server is not asked, and MLflow is not imported."""
    if where.database is None:
        return True
    if not where.database.exists():
        return False
    try:
        with closing(sqlite3.connect(where.database, timeout=DATABASE_SECONDS)) as open_:
            return open_.execute("SELECT 1 FROM runs WHERE run_uuid = ?", (run,)).fetchone() is not None
    except sqlite3.Error:
        return False


def _taken(name: str) -> str:
    """`name` as the registry takes it."""
    return re.sub(r"[^\w .-]", "-", name) or "foresell"


def _name_there(database: Path, name: str) -> str:
    """What the runs in a project's own database go by: the only name there is; `name` where there are none or others.

    MLflow is not imported.
    """
    if not database.exists():
        return name
    asked = "SELECT name FROM experiments WHERE lifecycle_stage = 'active' AND experiment_id != 0"  # 0: MLflow's own
    try:
        with closing(sqlite3.connect(database, timeout=DATABASE_SECONDS)) as open_:
            there = [str(row[0]) for row in open_.execute(asked)]
    except sqlite3.Error:  # whoever opens it says so
        return name
    return there[0] if len(there) == 1 else name


def _rehome(database: Path, name: str, artifacts: str) -> None:
    """Puts `artifacts` in the place of where the files of an experiment were: MLflow keeps their addresses whole."""
    with closing(sqlite3.connect(database, timeout=DATABASE_SECONDS)) as open_, open_:
        row: Any = open_.execute("SELECT artifact_location FROM experiments WHERE name = ?", (name,)).fetchone()
        if row is None or row[0] == artifacts:
            return
        before = row[0]
        for table, columns in _PLACES.items():
            for column in columns:
                open_.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (artifacts, len(before) + 1, len(before), before),
                )
