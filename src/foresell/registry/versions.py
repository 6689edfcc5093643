"""Registered models: each training makes a version, and one version is the champion.

The decisions about the champion are recorded as runs, which `Registry.history` reads.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from foresell.core.errors import DataError, StoreError, UsageError, first_five
from foresell.registry.champion_changes import (
    ASKED,
    BEFORE,
    PROMOTED,
    PROMOTION,
    REASON,
    REFUSED,
    ROLLED_BACK,
    VERDICT,
    VERSION,
    ChampionChange,
    champion_lineage,
    change_of,
)
from foresell.registry.portable_model import PortableModel, data_folder, save
from foresell.registry.tracking import ABSENT, FINGERPRINT, Run, Tracking, _when

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

CHAMPION = "champion"
_LOCAL = ("", "file")  # schemes of addresses on this machine
DEAD = 86_400  # seconds; unfinished work that is older was left by a process that died


@dataclass(frozen=True)
class Version:
    """A registered model: its number, the time it was registered (`made`), the run that trained it, its tags, and
    whether it is the champion."""

    number: str
    made: datetime
    run: str
    tags: Mapping[str, str]
    champion: bool = False


class Registry:
    """The versions of the model in a `tracking` store. Files fetched from a server or bucket stay in `cache`."""

    def __init__(self, tracking: Tracking, cache: Path):
        self.tracking = tracking
        self.cache = cache

    @property
    def name(self) -> str:
        return self.tracking.where.name

    def register(self, run: str, model: PortableModel, tags: Mapping[str, str]) -> Version:
        """Registers a model that the run `run` trained as a new version.

        A model whose `foresell.fingerprint` in `tags` is already registered is not registered again; the existing
        version is returned.
        """
        same = [version for version in self.versions() if version.tags.get(FINGERPRINT) == tags.get(FINGERPRINT)]
        if same and tags.get(FINGERPRINT):
            return same[0]
        from mlflow.entities import LoggedModelOutput

        client, experiment = self.tracking.client, self.tracking.experiment
        with self.tracking.translated_errors():
            logged = client.create_logged_model(experiment, name=self.name, source_run_id=run)
            with tempfile.TemporaryDirectory(prefix="foresell-model-") as place:
                save(model, Path(place) / "model", run, logged)
                client.log_model_artifacts(logged.model_id, str(Path(place) / "model"))
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            client.finalize_logged_model(logged.model_id, "READY")
            self._ensure_name()
            version = client.create_model_version(
                self.name, logged.artifact_location, run_id=run, tags=dict(tags), model_id=logged.model_id
            )
        return _version(version, None)

    def _ensure_name(self) -> None:
        client = self.tracking.client
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        client, champion = self.tracking.client, self._champion()
        versions: list[Any] = []
        token = None
        with self.tracking.translated_errors():
            while True:
                page = client.search_model_versions(f"name = '{self.name}'", max_results=1000, page_token=token)
                versions += page
                token = page.token
                if not token:
                    break
        return sorted((_version(version, champion) for version in versions), key=lambda version: -int(version.number))

    def _champion(self) -> str | None:
        return self._aliases().get(CHAMPION)

    def _aliases(self) -> dict[str, str]:
        """The versions that have an alias, by alias."""
        client = self.tracking.client  # raises NotInstalled where MLflow is missing
        from mlflow.exceptions import MlflowException

        with self.tracking.translated_errors():
            try:
                aliases = client.get_registered_model(self.name).aliases
            except MlflowException as error:
                if error.error_code != ABSENT:
                    raise
                return {}
        return {alias: str(number) for alias, number in aliases.items()}

    def champion(self) -> Version | None:
        """The version that is champion now; None where there is none."""
        number = self._champion()
        return None if number is None else self.version(number)

    def version(self, number: str) -> Version:
        """The version with this number. Raises UsageError where there is none."""
        versions = self.versions()
        for version in versions:
            if version.number == number:
                return version
        known = first_five([version.number for version in versions])
        raise UsageError(
            f"There is no version {number} of '{self.name}' in {self.tracking.where.shown}; "
            + (f"there are {known}." if known else "there is none yet. Make one with: foresell train")
        )

    def history(self) -> list[ChampionChange]:
        """The decisions about the champion, oldest first."""
        return [change_of(run) for run in self.tracking.runs(PROMOTION)]

    def mend(self) -> None:
        """Repairs what processes that died left unfinished.

        Where a promotion had moved the alias already, its record is finished, so that the history has it. A promotion
        that died earlier has changed nothing; its record stays unfinished and is not read. The files of an unfinished
        registration, which belong to no version, are removed after a day.
        """
        now = self._champion()
        last = next((change for change in reversed(self.history()) if change.verdict != REFUSED), None)
        if now is not None and (last is None or last.version != now):
            begun = [run for run in self.tracking.begun(PROMOTION) if run.tags.get(VERSION) == now]
            if begun:
                self.tracking.end(begun[-1].id)
        self._remove_unfinished_models()

    def _remove_unfinished_models(self) -> None:
        client, long_ago = self.tracking.client, int(1000 * (time.time() - DEAD))
        # The status is not part of the query, because MLflow 3.17 finds no model by it.
        query = f"name = '{self.name}' AND creation_timestamp < {long_ago}"
        with self.tracking.translated_errors():
            self.tracking.update_addresses()
            for model in client.search_logged_models([self.tracking.experiment], query, max_results=1000):
                if model.status.name == "PENDING":
                    self._files(model.artifact_location).delete_artifacts()
                    client.delete_logged_model(model.model_id)

    def promote(
        self,
        version: str,
        reason: str,
        *,
        before: str | None,
        verdict: str = PROMOTED,
        evidence: Path | None = None,
        asked: Sequence[str] = (),
    ) -> ChampionChange:
        """Makes `version` the champion instead of `before`, and records the reason, with the files of `evidence`.

        Raises StoreError, and changes nothing, where the champion is no longer `before`.
        """
        with self._deciding(version, reason, before, verdict, evidence, asked) as run:
            now = self._champion()
            if now != before:
                raise StoreError(
                    f"Version {version} was not promoted: while it was judged against "
                    f"{_called(before)}, {_called(now)} became champion. Judge it again."
                )
            with self.tracking.translated_errors():
                self.tracking.client.set_registered_model_alias(self.name, CHAMPION, version)
        return change_of(self.tracking.run(run))

    def refuse(
        self,
        version: str,
        reason: str,
        *,
        before: str | None,
        evidence: Path | None = None,
        asked: Sequence[str] = (),
    ) -> ChampionChange:
        """Records why `version` did not become the champion."""
        with self._deciding(version, reason, before, REFUSED, evidence, asked) as run:
            pass
        return change_of(self.tracking.run(run))

    def rollback(self, reason: str = "") -> ChampionChange:
        """Makes the previous champion the champion again. A second call goes back one more.

        Raises UsageError where there was no champion before.
        """
        now, before = self._champion(), self.previous_champion()
        if now is None or before is None:
            raise UsageError(
                f"There is nothing to go back to: '{self.name}' has "
                + ("no champion." if now is None else f"had no champion before version {now}.")
            )
        return self.promote(before, reason, before=now, verdict=ROLLED_BACK)

    def previous_champion(self) -> str | None:
        """The version that a rollback would take; None where no earlier champion still exists."""
        now, known = self._champion(), {version.number for version in self.versions()}
        champions = [version for version in champion_lineage(self.history()) if version in known]
        earlier = champions[:-1] if champions and champions[-1] == now else champions
        return earlier[-1] if earlier else None

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
        """A local folder with the files of a version's model, which `check` accepts.

        Files on this machine are used where they lie. Others are copied to the cache, and copied again where `check`
        raises a DataError about the copy there. An error that `check` raises about a fresh copy is passed on.
        """
        source = self._source(version)
        address = urlsplit(source)
        if address.scheme in _LOCAL:
            folder = data_folder(Path(unquote(address.path)), source)
            check(folder)
            return folder
        place = self.cache / version
        with suppress(DataError, StoreError):
            folder = data_folder(place, source)
            check(folder)
            return folder
        self._download(source, place)
        folder = data_folder(place, source)
        check(folder)
        self._clear_cache(place)
        return folder

    def add(self, version: str, file: Path) -> None:
        """Adds a file, which lies in the folder that `fetch` returned, to the files of a version's model."""
        source = self._source(version)
        if urlsplit(source).scheme not in _LOCAL:
            with self.tracking.translated_errors():
                self._files(source).log_artifact(str(file), f"data/{file.parent.name}")

    def _source(self, version: str) -> str:
        """The address of the files of a version's model. Raises UsageError where there is no such version."""
        self.version(version)
        with self.tracking.translated_errors():
            self.tracking.update_addresses()
            return self.tracking.client.get_model_version_download_uri(self.name, version)

    def _download(self, source: str, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        work = place.with_name(f".{place.name}.{uuid4().hex[:8]}.part")
        try:
            work.mkdir()
            with self.tracking.translated_errors():
                self._files(source).download_artifacts("", str(work))
            shutil.rmtree(place, ignore_errors=True)
            work.rename(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _files(self, source: str) -> ArtifactRepository:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        uri = self.tracking.where.uri
        return get_artifact_repository(source, tracking_uri=uri, registry_uri=uri)

    def _clear_cache(self, newest: Path) -> None:
        """Removes all copies from the cache but the newest one, the champion, and the version of a rollback. A removed
        copy can be fetched again."""
        needed = {newest.name, self._champion(), self.previous_champion()}
        for place in self.cache.iterdir():
            in_progress = place.name.startswith(".") and time.time() - place.stat().st_mtime < DEAD
            if place.name not in needed and not in_progress:
                shutil.rmtree(place, ignore_errors=True)

    def spare(self, newest: int) -> list[Version]:
        """The versions that may be removed, oldest first: all but the `newest`, those with an alias (such as the
        champion) and the one that a rollback would take."""
        needed = self._needed()
        return [version for version in self.versions()[newest:] if version.number not in needed][::-1]

    def _needed(self) -> set[str | None]:
        return {*self._aliases().values(), self.previous_champion()}

    def remove(self, version: str) -> int:
        """Removes a version and the files of its model for good. Returns the number of bytes that were freed.

        The run of its training, with settings and scores, stays, and so do the decisions about it. If the process dies,
        the version may be listed without all of its files; a second call finishes the removal.

        Raises UsageError where there is no such version, where it has an alias, or where a rollback would take it.
        """
        self.version(version)
        if version in self._needed():  # checked again, because another process may have promoted it
            raise UsageError(
                f"Version {version} of '{self.name}' was not removed: it is the champion, the one before, or has "
                "another alias."
            )
        client = self.tracking.client
        with self.tracking.translated_errors():
            self.tracking.update_addresses()
            files = self._files(client.get_model_version_download_uri(self.name, version))
            freed = _size(files)
            files.delete_artifacts()
            model = client.get_model_version(self.name, version).model_id
            if model:
                client.delete_logged_model(model)
            client.delete_model_version(self.name, version)
        shutil.rmtree(self.cache / version, ignore_errors=True)
        return freed


def _size(files: ArtifactRepository, folder: str | None = None) -> int:
    """The size of a folder in bytes."""
    return sum(
        _size(files, entry.path) if entry.is_dir else entry.file_size or 0 for entry in files.list_artifacts(folder)
    )


def _version(entry: ModelVersion, champion: str | None) -> Version:
    number = str(entry.version)
    return Version(number, _when(entry.creation_timestamp), entry.run_id or "", dict(entry.tags), number == champion)


def _called(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"
