"""Registered models: each training makes a version, and one of them is the champion.

MLflow's registry knows which version has the alias ``champion`` and forgets which had it before. So each change of it
is a run of the kind ``promotion``, which keeps the reason and the verdict; `history` reads them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from foresell.core.errors import DataError, StoreError, UsageError, first_five
from foresell.store.tracking import ABSENT, FINGERPRINT, Recorded, Run, Tracking, _when

if TYPE_CHECKING:
    import polars as pl
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
PROMOTION = "promotion"
VERDICT, VERSION, BEFORE, REASON = "foresell.verdict", "foresell.version", "foresell.before", "foresell.reason"
ASKED = "foresell.asked"
PROMOTED, FORCED, REFUSED, ROLLED_BACK = "promoted", "forced", "refused", "rolled back"
KEPT = 2  # versions that stay in the cache of what was fetched


@dataclass(frozen=True)
class Version:
    """A registered model: its number, when it was registered, the run that made it, its tags, whether it serves."""

    number: str
    made: datetime
    run: str
    tags: Mapping[str, str]
    champion: bool = False


@dataclass(frozen=True)
class Change:
    """A change of the champion, or one that was refused: what was decided on which version, when and why.

    `verdict` is ``promoted``, ``forced``, ``refused`` or ``rolled back``; `before` was champion then, if any was;
    `asked` is what the version was trained for, where a retraining was asked for.
    """

    run: str
    when: datetime
    verdict: str
    version: str
    before: str | None
    reason: str
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column that a model takes or gives; `kind` is ``string``, ``double``, ``long``, ``datetime``, ``boolean`` or
    ``strings``, a list of them."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True)
class Portable:
    """A model as files, and how MLflow is to load and ask it.

    `loader` is the module whose ``_load_pyfunc(folder)`` reads `folder`; `example` are rows as it takes them.
    """

    folder: Path
    loader: str
    inputs: Sequence[Column]
    outputs: Sequence[Column]
    example: pl.DataFrame
    requirements: Sequence[str] = field(default_factory=tuple)


class Registry:
    """The versions of the model that `tracking` names; what is fetched from a server or bucket stays in `cache`."""

    def __init__(self, tracking: Tracking, cache: Path):
        self.tracking = tracking
        self.cache = cache

    @property
    def name(self) -> str:
        return self.tracking.where.name

    def register(self, run: str, model: Portable, tags: Mapping[str, str]) -> Version:
        """Registers a model that the run `run` made as a new version.

        The same `foresell.fingerprint` among `tags` is not registered twice: its version is given back.
        """
        there = [each for each in self.versions() if each.tags.get(FINGERPRINT) == tags.get(FINGERPRINT)]
        if there and tags.get(FINGERPRINT):
            return there[0]
        from mlflow.entities import LoggedModelOutput

        client, experiment = self.tracking.client, self.tracking.experiment
        with self.tracking.speaking():
            logged = client.create_logged_model(experiment, name=self.name, source_run_id=run)
            with tempfile.TemporaryDirectory(prefix="foresell-model-") as place:
                _save(model, Path(place) / "model", run, logged)
                client.log_model_artifacts(logged.model_id, str(Path(place) / "model"))
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            client.finalize_logged_model(logged.model_id, "READY")
            self._there_is_a_name()
            made = client.create_model_version(
                self.name, logged.artifact_location, run_id=run, tags=dict(tags), model_id=logged.model_id
            )
        return _version(made, None)

    def _there_is_a_name(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.tracking.client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        client, champion = self.tracking.client, self._champion()
        found: list[Any] = []
        token = None
        with self.tracking.speaking():
            while True:
                page = client.search_model_versions(f"name = '{self.name}'", max_results=1000, page_token=token)
                found += page
                token = page.token
                if not token:
                    break
        return sorted((_version(each, champion) for each in found), key=lambda each: -int(each.number))

    def _champion(self) -> str | None:
        from mlflow.exceptions import MlflowException

        client = self.tracking.client
        with self.tracking.speaking():
            try:
                number = client.get_registered_model(self.name).aliases.get(CHAMPION)
            except MlflowException as error:
                if error.error_code != ABSENT:
                    raise
                return None
        return None if number is None else str(number)

    def champion(self) -> Version | None:
        """The version that is champion now; None where there is none."""
        number = self._champion()
        return None if number is None else self.version(number)

    def version(self, number: str) -> Version:
        """The version of that number. Raises UsageError where there is none."""
        versions = self.versions()
        for each in versions:
            if each.number == number:
                return each
        known = first_five([each.number for each in versions])
        raise UsageError(
            f"There is no version {number} of '{self.name}' in {self.tracking.where.shown}; "
            + (f"there are {known}." if known else "there is none yet. Make one with: foresell train")
        )

    def history(self) -> list[Change]:
        """What was decided of champions, the oldest first."""
        return [_change(each) for each in self.tracking.runs(PROMOTION)]

    def mend(self) -> None:
        """Ends the record of a promotion whose process died after the alias had moved, so that the history has it.

        One that died before that has changed nothing, and its record stays unfinished, which no one reads.
        """
        now = self._champion()
        last = next((each for each in reversed(self.history()) if each.verdict != REFUSED), None)
        if now is None or (last is not None and last.version == now):
            return
        begun = [each for each in self.tracking.begun(PROMOTION) if each.tags.get(VERSION) == now]
        if begun:
            self.tracking.end(begun[-1].id)

    def promote(
        self,
        version: str,
        reason: str,
        *,
        before: str | None,
        verdict: str = PROMOTED,
        evidence: Path | None = None,
        asked: Sequence[str] = (),
    ) -> Change:
        """Makes `version` the champion in the place of `before`, and keeps why, with the files of `evidence`.

        Raises StoreError, changing nothing, where another than `before` is champion by now.
        """
        with self._deciding(version, reason, before, verdict, evidence, asked) as run:
            now = self._champion()
            if now != before:
                raise StoreError(
                    f"Version {version} was not promoted: while it was judged against "
                    f"{_called(before)}, {_called(now)} became champion. Judge it again."
                )
            with self.tracking.speaking():
                self.tracking.client.set_registered_model_alias(self.name, CHAMPION, version)
        return _change(self.tracking.run(run))

    def refuse(
        self,
        version: str,
        reason: str,
        *,
        before: str | None,
        evidence: Path | None = None,
        asked: Sequence[str] = (),
    ) -> Change:
        """Keeps why `version` did not become champion."""
        with self._deciding(version, reason, before, REFUSED, evidence, asked) as run:
            pass
        return _change(self.tracking.run(run))

    def rollback(self, reason: str = "") -> Change:
        """Makes the version champion that was so before the last promotion; once more goes back one more.

        Raises UsageError where there was none before.
        """
        now = self._champion()
        known = {each.number for each in self.versions()}
        line = [each for each in line_of_champions(self.history()) if each in known]
        earlier = line[:-1] if line and line[-1] == now else line
        if now is None or not earlier:
            raise UsageError(
                f"There is nothing to go back to: '{self.name}' has "
                + ("no champion." if now is None else f"had no champion before version {now}.")
            )
        return self.promote(earlier[-1], reason, before=now, verdict=ROLLED_BACK)

    @contextmanager
    def _deciding(
        self,
        version: str,
        reason: str,
        before: str | None,
        verdict: str,
        evidence: Path | None,
        asked: Sequence[str],
    ) -> Iterator[str]:
        tags = {VERDICT: verdict, VERSION: version, REASON: reason, BEFORE: before or ""}
        tags |= {ASKED: json.dumps(list(asked), ensure_ascii=False)} if asked else {}
        title = f"version {version} {verdict}"
        with self.tracking.recording(Run(PROMOTION, uuid4().hex, title, tags, artifacts=evidence)) as run:
            yield run

    def fetch(self, version: str, check: Callable[[Path], object] = lambda folder: None) -> Path:
        """A local folder with the files of a version's model, which `check` found sound.

        What lies on this machine is used where it lies; the rest is brought to the cache, and brought again where
        `check` raises a DataError of what is there. Raises what `check` raises of a fresh copy.
        """
        client = self.tracking.client
        self.version(version)
        with self.tracking.speaking():
            self.tracking.settle()
            source = client.get_model_version_download_uri(self.name, version)
        address = urlsplit(source)
        if address.scheme in ("", "file"):
            folder = _data(Path(unquote(address.path)), source)
            check(folder)
            return folder
        place = self.cache / version
        with suppress(DataError, StoreError):
            folder = _data(place, source)
            check(folder)
            return folder
        self._download(source, place)
        folder = _data(place, source)
        check(folder)
        self._prune(place)
        return folder

    def _download(self, source: str, place: Path) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place.parent.mkdir(parents=True, exist_ok=True)
        work = place.with_name(f".{place.name}.{uuid4().hex[:8]}.part")
        try:
            work.mkdir()
            with self.tracking.speaking():
                repository = get_artifact_repository(
                    source, tracking_uri=self.tracking.where.uri, registry_uri=self.tracking.where.uri
                )
                repository.download_artifacts("", str(work))
            shutil.rmtree(place, ignore_errors=True)
            work.rename(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _prune(self, newest: Path) -> None:
        """Keeps the cache small: what was fetched last, and one more."""
        others = sorted(
            (each for each in self.cache.iterdir() if each != newest), key=lambda each: each.stat().st_mtime
        )
        for each in others[: len(others) - KEPT + 1]:
            shutil.rmtree(each, ignore_errors=True)


def line_of_champions(history: Sequence[Change]) -> list[str]:
    """The versions that led to the champion of now, the oldest first: a rollback takes the last one away.

    >>> from datetime import datetime
    >>> def change(verdict, version):
    ...     return Change("", datetime(2026, 1, 1), verdict, version, None, "")
    >>> steps = [("promoted", "1"), ("refused", "2"), ("promoted", "3"), ("forced", "4"), ("rolled back", "3")]
    >>> line_of_champions([change(*step) for step in steps])
    ['1', '3']
    """
    line: list[str] = []
    for each in history:
        if each.verdict in (PROMOTED, FORCED):
            line.append(each.version)
        elif each.verdict == ROLLED_BACK and each.version in line:
            del line[len(line) - line[::-1].index(each.version) :]
    return line


def _save(model: Portable, place: Path, run: str, logged: Any) -> None:
    """Writes the model as MLflow wants it: its files as they are, and beside them how to load and ask it."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Array, ColSpec, Schema

    def schema(columns: Sequence[Column]) -> Schema:
        kinds = {"strings": Array("string")}
        return Schema([ColSpec(kinds.get(each.kind, each.kind), each.name, each.required) for each in columns])

    example = pd.DataFrame({name: model.example[name].to_list() for name in model.example.columns})
    for column in model.inputs:
        if column.kind == "datetime" and column.name in example:
            example[column.name] = pd.to_datetime(example[column.name])
    mlflow.pyfunc.save_model(
        str(place),
        loader_module=model.loader,
        data_path=str(model.folder),
        mlflow_model=Model(
            artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run, model_id=logged.model_id
        ),
        signature=ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs)),
        input_example=example,
        pip_requirements=list(model.requirements),
    )


def _data(place: Path, source: str) -> Path:
    """The model's own files within what MLflow keeps of it."""
    folders = [each for each in (place / "data").glob("*") if each.is_dir()]
    if len(folders) != 1:
        raise StoreError(
            f"{source} holds no model of foresell: it should have one folder under data/, and has {len(folders)}. "
            "Register the model again with: foresell train --again"
        )
    return folders[0]


def _version(found: ModelVersion, champion: str | None) -> Version:
    number = str(found.version)
    return Version(number, _when(found.creation_timestamp), found.run_id or "", dict(found.tags), number == champion)


def _change(of: Recorded) -> Change:
    tags = of.tags
    verdict, version, reason = (tags.get(name, "") for name in (VERDICT, VERSION, REASON))
    return Change(of.id, of.made, verdict, version, tags.get(BEFORE) or None, reason, _asked(tags.get(ASKED, "[]")))


def _asked(text: str) -> tuple[str, ...]:
    """What a tag says of why a version was trained; nothing where it was clipped, or written by someone else."""
    try:
        return tuple(map(str, json.loads(text)))
    except (ValueError, TypeError):
        return ()


def _called(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"
