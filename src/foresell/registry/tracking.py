"""Runs as MLflow records them: what was done, from which inputs, and with which results.

By default they lie in the project, in ``results/mlflow.db`` (SQLite) and ``results/mlflow/`` (files). They move with
the project, and keep their first name when its folder is renamed. A server or a bucket is named by its address. Its
credentials come from the environment (``MLFLOW_TRACKING_*``, ``AWS_*``).
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import importing
from foresell.registry.tracking_store import Where, await_database, move_addresses, name_of
from foresell.store.address import mask
from foresell.store.database_lock import holder_of, is_locked, locked_error

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

KIND, FINGERPRINT = "foresell.kind", "foresell.fingerprint"
LONGEST_VALUE, LONGEST_KEY, BATCH = 6000, 250, 100  # MLflow's limits: characters of a parameter; parameters at once
SERVER_TIMEOUT = 5  # seconds
ABSENT = "RESOURCE_DOES_NOT_EXIST"

_ENVIRONMENT = {
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its records go where those of foresell go, also as JSON lines
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its own 7 take four minutes to find that a server is down
}
"""Defaults for MLflow where the environment does not set them: print nothing, send no telemetry, do not wait long."""


@dataclass(frozen=True)
class Run:
    """The record of one piece of work, with the content of the folder `artifacts`.

    `fingerprint` identifies the work and its inputs, so that the same work is not recorded twice.
    """

    kind: str
    fingerprint: str
    title: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Path | None = None


@dataclass(frozen=True)
class RecordedRun:
    """A run in MLflow: its `id`, the time it began (`made`), and its tags."""

    id: str
    made: datetime
    tags: Mapping[str, str]


class Tracking:
    """The runs of a project. The store is opened, and MLflow imported, on first use.

    Its methods raise UsageError where MLflow is not installed or the settings do not fit the store, and StoreError
    where the store cannot be reached or refuses a request.
    """

    def __init__(self, where: Where):
        self.where = where

    @cached_property
    def client(self) -> MlflowClient:
        import_mlflow()
        if self.where.database is None:
            _check_server(self.where)
        else:
            self.where.database.parent.mkdir(parents=True, exist_ok=True)
        from mlflow import MlflowClient

        with self.translated_errors():
            client = MlflowClient(self.where.uri, self.where.uri)
            self.update_addresses()
            return client

    def update_addresses(self) -> None:
        """Updates the addresses of files that lie beside a database to where the files are now.

        This is done each time before files are read, because the same folder may have another path for another process,
        as in a container.
        """
        if self.where.beside and self.where.database is not None:
            try:
                move_addresses(self.where)
            except sqlite3.Error as error:
                raise StoreError(self._message(error)) from error

    @cached_property
    def experiment(self) -> str:
        """The id of the project's experiment, which is created where there is none."""
        where, client = self.where, self.client
        with self.translated_errors():
            experiment = client.get_experiment_by_name(where.name)
            if experiment is None:
                return client.create_experiment(where.name, artifact_location=where.artifacts)
        if where.artifacts is not None and experiment.artifact_location.rstrip("/") != where.artifacts.rstrip("/"):
            raise UsageError(
                f"The experiment '{where.name}' of {where.shown} keeps its files in "
                f"{mask(experiment.artifact_location)}, and MLflow cannot move them to {mask(where.artifacts)}. Set "
                "'tracking.artifacts' to the earlier address, or give another 'tracking.name'."
            )
        return experiment.experiment_id

    @contextmanager
    def recording(self, run: Run) -> Iterator[str]:
        """Records `run`, and gives its id to the block, which may add to it. The run is finished with the block."""
        client, experiment = self.client, self.experiment
        with self.translated_errors():
            tags = {**run.tags, KIND: run.kind, FINGERPRINT: run.fingerprint}
            run_id = client.create_run(experiment, tags=_clipped(tags), run_name=run.title).info.run_id
        try:
            with self.translated_errors():
                self._log(run_id, run)
            yield run_id
            with self.translated_errors():
                client.set_terminated(run_id)
        except BaseException:
            with suppress(Exception):  # the first error is the one to report
                client.set_terminated(run_id, "FAILED")
            raise

    def _log(self, run_id: str, run: Run) -> None:
        from mlflow.entities import Metric, Param

        params = [Param(name[:LONGEST_KEY], value) for name, value in _clipped(run.params).items()]
        for start in range(0, len(params), BATCH):
            self.client.log_batch(run_id, params=params[start : start + BATCH])
        now = int(datetime.now(UTC).timestamp() * 1000)
        metrics = [Metric(metric_name(name), float(value), now, 0) for name, value in run.metrics.items()]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])
        if run.artifacts is not None:
            self.client.log_artifacts(run_id, str(run.artifacts))

    def find(self, kind: str, fingerprint: str) -> RecordedRun | None:
        """The finished run with this kind and fingerprint; None where there is none."""
        return next(iter(self._search(f"tags.`{KIND}` = '{kind}' and tags.`{FINGERPRINT}` = '{fingerprint}'")), None)

    def runs(self, kind: str) -> list[RecordedRun]:
        """All finished runs of a kind, oldest first."""
        return self._search(f"tags.`{KIND}` = '{kind}'")

    def begun(self, kind: str) -> list[RecordedRun]:
        """The runs of a kind that are not finished, oldest first: they are under way, or their process died."""
        return self._search(f"tags.`{KIND}` = '{kind}'", "RUNNING")

    def end(self, run_id: str) -> None:
        """Finishes a run that was begun."""
        with self.translated_errors():
            self.client.set_terminated(run_id)

    def _search(self, condition: str, status: str = "FINISHED") -> list[RecordedRun]:
        client, experiment = self.client, self.experiment
        runs: list[RecordedRun] = []
        token = None
        with self.translated_errors():
            while True:
                page = client.search_runs(
                    [experiment],
                    f"{condition} and attributes.status = '{status}'",
                    order_by=["attributes.start_time ASC"],
                    max_results=1000,
                    page_token=token,
                )
                runs += [_recorded(run) for run in page]
                token = page.token
                if not token:
                    return runs

    def run(self, run_id: str) -> RecordedRun:
        """The run with this id."""
        with self.translated_errors():
            return _recorded(self.client.get_run(run_id))

    def artifact(self, run_id: str, path: str, folder: Path) -> Path:
        """Copies a file (or folder) of a run into `folder`. Returns its path there."""
        client = self.client
        with self.translated_errors():
            self.update_addresses()
            return Path(client.download_artifacts(run_id, path, str(folder)))

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turns errors of the store, raised by MLflow or the libraries below it, into a StoreError.

        MLflow waits 20 s for a locked SQLite file, whatever its address says, and prints a traceback. So the lock is
        awaited here, before MLflow is asked.
        """
        try:
            await_database(self.where)
            yield
        except store_errors() as error:
            raise StoreError(self._message(error)) from error

    def _message(self, error: Exception) -> str:
        database = self.where.database
        if database is not None and is_locked(error):
            return str(locked_error(name_of(self.where), holder_of(database), self.where.lock_seconds))
        return (
            f"A request to the tracking store {self.where.shown} (files in "
            f"{mask(self.where.artifacts or 'its own place')}) failed: {_first_line(error)}. Make sure that it can be "
            "reached, or change 'tracking' in the settings."
        )


def import_mlflow() -> None:
    """Imports MLflow, and silences its logs. Raises NotInstalled where it is not installed."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with importing("mlflow"):
        for name in ("mlflow", "mlflow.pyfunc", "sqlalchemy", "alembic"):
            import_module(name)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs the SQL and the traceback of each error that it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def store_errors() -> tuple[type[Exception], ...]:
    """The errors that MLflow and the libraries below it raise when a store fails."""
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
    """`text` as a valid name of a metric in MLflow.

    >>> metric_name("wrmsse/store x größe (%)")
    'wrmsse/store x gr__e ___'
    """
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "_", text)[:LONGEST_KEY]


def _clipped(values: Mapping[str, object]) -> dict[str, str]:
    """The values as text, cut to MLflow's limit."""
    return {name: str(value)[:LONGEST_VALUE] for name, value in values.items()}


def _recorded(run: MlflowRun) -> RecordedRun:
    return RecordedRun(run.info.run_id, _when(run.info.start_time), dict(run.data.tags))


def _when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _first_line(error: Exception) -> str:
    return mask((str(error).strip() or type(error).__name__).splitlines()[0].rstrip("."))


def _check_server(where: Where) -> None:
    """Raises StoreError where the server does not answer. Any HTTP status is an answer."""
    parts = urlsplit(where.uri)
    port = f":{parts.port}" if parts.port else ""
    try:
        with urlopen(f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/health", timeout=SERVER_TIMEOUT):
            pass
    except HTTPError:
        return
    except (URLError, OSError) as error:
        raise StoreError(
            f"The tracking server {where.shown} does not answer: {_first_line(error)}. Start it, or change "
            "'tracking.uri' in the settings."
        ) from error
