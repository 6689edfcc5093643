"""Registered models: each training makes a version, and one of them is the champion.

MLflow's registry knows which version has the alias ``champion`` and forgets which had it before. So each change of it
is a run of the kind ``promotion``, which keeps the reason and the verdict; `history` reads them.
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
from foresell.registry.portable_model import Portable, data_of, save
from foresell.registry.tracking import ABSENT, FINGERPRINT, Recorded, Run, Tracking, _when

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

CHAMPION = "champion"
PROMOTION = "promotion"
VERDICT, VERSION, BEFORE, REASON = "foresell.verdict", "foresell.version", "foresell.before", "foresell.reason"
ASKED = "foresell.asked"
PROMOTED, FORCED, REFUSED, ROLLED_BACK = "promoted", "forced", "refused", "rolled back"
DEAD = 86_400  # seconds after which what is half done is taken to be left by a process that died


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
                save(model, Path(place) / "model", run, logged)
                client.log_model_artifacts(logged.model_id, str(Path(place) / "model"))
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            client.finalize_logged_model(logged.model_id, "READY")
            self._there_is_a_name()
            made = client.create_model_version(
                self.name, logged.artifact_location, run_id=run, tags=dict(tags), model_id=logged.model_id
            )
        return _version(made, None)

    def _there_is_a_name(self) -> None:
        client = self.tracking.client
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(self.name)
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
        return self._aliases().get(CHAMPION)

    def _aliases(self) -> dict[str, str]:
        """Which version has which alias."""
        client = self.tracking.client  # says what to install where MLflow is missing
        from mlflow.exceptions import MlflowException

        with self.tracking.speaking():
            try:
                found = client.get_registered_model(self.name).aliases
            except MlflowException as error:
                if error.error_code != ABSENT:
                    raise
                return {}
        return {alias: str(number) for alias, number in found.items()}

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
        """Puts right what processes left that died.

        The record of a promotion whose alias had moved is ended, so that the history has it. One that died before that
        has changed nothing, and its record stays unfinished, which no one reads. Of a registration that was broken off
        the files go, after a day: no version has them.
        """
        now = self._champion()
        last = next((each for each in reversed(self.history()) if each.verdict != REFUSED), None)
        if now is not None and (last is None or last.version != now):
            begun = [each for each in self.tracking.begun(PROMOTION) if each.tags.get(VERSION) == now]
            if begun:
                self.tracking.end(begun[-1].id)
        self._clear_broken_off()

    def _clear_broken_off(self) -> None:
        client, long_ago = self.tracking.client, int(1000 * (time.time() - DEAD))
        asked = f"name = '{self.name}' AND creation_timestamp < {long_ago}"  # MLflow 3.17 finds none by its status
        with self.tracking.speaking():
            self.tracking.settle()
            for each in client.search_logged_models([self.tracking.experiment], asked, max_results=1000):
                if each.status.name == "PENDING":
                    self._files(each.artifact_location).delete_artifacts()
                    client.delete_logged_model(each.model_id)

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
        now, before = self._champion(), self._before()
        if now is None or before is None:
            raise UsageError(
                f"There is nothing to go back to: '{self.name}' has "
                + ("no champion." if now is None else f"had no champion before version {now}.")
            )
        return self.promote(before, reason, before=now, verdict=ROLLED_BACK)

    def _before(self) -> str | None:
        """The version that a rollback takes; None where no other that was champion is still there."""
        now, known = self._champion(), {each.number for each in self.versions()}
        line = [each for each in line_of_champions(self.history()) if each in known]
        earlier = line[:-1] if line and line[-1] == now else line
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
            folder = data_of(Path(unquote(address.path)), source)
            check(folder)
            return folder
        place = self.cache / version
        with suppress(DataError, StoreError):
            folder = data_of(place, source)
            check(folder)
            return folder
        self._download(source, place)
        folder = data_of(place, source)
        check(folder)
        self._clear_cache(place)
        return folder

    def _download(self, source: str, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        work = place.with_name(f".{place.name}.{uuid4().hex[:8]}.part")
        try:
            work.mkdir()
            with self.tracking.speaking():
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
        """Keeps of the cache what was fetched last, what serves, and what a rollback would let serve. The rest is only
        a copy, and is fetched again when it is asked for."""
        stay = {newest.name, self._champion(), self._before()}
        for each in self.cache.iterdir():
            begun = each.name.startswith(".") and time.time() - each.stat().st_mtime < DEAD
            if each.name not in stay and not begun:
                shutil.rmtree(each, ignore_errors=True)

    def spare(self, newest: int) -> list[Version]:
        """The versions that may be removed, the oldest first: all but the `newest`, those that have an alias (the
        champion has one) and the one that a rollback takes."""
        stay = self._needed()
        return [each for each in self.versions()[newest:] if each.number not in stay][::-1]

    def _needed(self) -> set[str | None]:
        return {*self._aliases().values(), self._before()}

    def remove(self, version: str) -> int:
        """Removes a version and the files of its model for good; how many bytes they were.

        Its training, with settings and scores, stays among the runs, and so does what was decided of it. Where this is
        broken off, the version is still listed, without all of its files; once more ends it.

        Raises UsageError where there is no such version, or it has an alias or is what a rollback takes.
        """
        self.version(version)
        if version in self._needed():  # asked anew: another process may have promoted it since it was found to be spare
            raise UsageError(
                f"Version {version} of '{self.name}' was not removed: it is the champion, the one before, or has "
                "another alias."
            )
        client = self.tracking.client
        with self.tracking.speaking():
            self.tracking.settle()
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
    """How many bytes lie there."""
    found = files.list_artifacts(folder)
    return sum(_size(files, each.path) if each.is_dir else each.file_size or 0 for each in found)


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
