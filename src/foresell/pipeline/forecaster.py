"""Which model forecasts here: the champion of the project's registry as it stands, else what was trained last.

| the registry | who forecasts |
|---|---|
| is switched off, or has no champion | the newest training |
| has a champion that answers for the settings | the champion, asked with the newest sales |
| has one that does not (other keys, horizon or levels) | the newest training, with a warning |
| cannot be reached | the version that forecast last, from its files on this machine, with a warning; where these are |
| | gone, nobody (an error); where no version ever forecast, the newest training, with a warning |

So a store that is down for a night never changes the model that forecasts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.core.errors import DataError, StoreError, UnreadableFile, UsageError
from foresell.core.hierarchy import level_name
from foresell.core.settings import Settings
from foresell.core.words import listed, many
from foresell.ensemble.champion import Champion
from foresell.pipeline.choice import NEWEST, Choice
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary, TrainSummary
from foresell.registry.champion import champion_of, files_at_hand
from foresell.registry.tracking import FINGERPRINT
from foresell.registry.versions import Registry, Version
from foresell.serving.bundle import BY_DAY, MODEL, PANEL, RANGES, SCATTER, Manifest, described, read_manifest
from foresell.serving.source import registry_of
from foresell.store.panels import load_panel
from foresell.store.tables import read_table

TRAINED = "foresell.trained"


def choose(results: Results, *, fetch: bool = True) -> Choice:
    """Who forecasts in the project that the results are of.

    With `fetch` the champion's files are brought here where they are not. Without, a champion whose files are not here
    is taken to answer for the settings.
    """
    base, settings = results.base, results.settings
    if not settings.tracking.enabled:
        return NEWEST
    try:
        registry = registry_of(base, settings)
        champion = champion_of(registry)
        if champion is None:
            return NEWEST
        training = champion.tags.get(FINGERPRINT) or f"version-{champion.number}"
        choice = Choice(champion.number, training, _files(registry, champion, fetch))
    except (StoreError, UsageError) as error:
        choice = _unsure(base, results.find_summary(ForecastSummary), error)
    unfit = "" if choice.bundle is None else _unfit(described(choice.bundle), settings)
    if unfit:
        reason = (
            f"Version {choice.version}, the champion, {unfit}. The newest training forecasts, which was not promoted."
        )
        return Choice(unfit=f"{reason} Have one judged for these settings with: foresell retrain --now REASON")
    return choice


def _files(registry: Registry, champion: Version, fetch: bool) -> Path | None:
    """The bundle of the champion. Raises StoreError where it cannot be fetched or is not sound."""

    def check(folder: Path) -> None:
        trained = described(folder).trained.isoformat(timespec="seconds")
        if trained != champion.tags.get(TRAINED, trained):  # the cache may be of another registry
            raise UnreadableFile(f"{folder} is not version {champion.number}: it was trained at {trained}.")

    folder = files_at_hand(registry, champion.number)
    if folder is not None:
        try:
            check(folder)
            return folder
        except DataError:
            pass
    if not fetch:
        return None
    try:
        return registry.fetch(champion.number, check)
    except DataError as error:
        raise StoreError(str(error)) from error


def _unsure(base: Path, last: ForecastSummary | None, error: Exception) -> Choice:
    """Who forecasts while nobody can say who is champion: whoever did last, by the summary of that forecast."""
    unknown = f"It is not known which version is champion. {error}"
    if last is None or last.version is None or last.bundle is None:
        return Choice(unsure=f"{unknown} The newest training forecasts, as no version did before.")
    version, place = last.version, base / last.bundle
    here = (place / "manifest.json").exists()
    return Choice(
        version,
        last.training,
        place if here else None,
        lost="" if here else f"{unknown} Version {version} forecast last, and its files are no longer in {place}.",
        unsure=f"{unknown} Version {version} forecasts, as it did last." if here else "",
    )


def _unfit(manifest: Manifest, settings: Settings) -> str:
    """Why a model does not answer for the settings; empty where it does."""
    if set(manifest.keys) != set(settings.data.keys):
        return f"knows series by {listed(list(manifest.keys))}, not by {listed(list(settings.data.keys))}"
    if manifest.horizon != settings.horizon:
        return f"forecasts {manifest.horizon} periods ahead, not {settings.horizon}"
    missing = [level_name(level) for level in settings.levels if tuple(level) not in set(manifest.levels)]
    return f"knows nothing of the {many(len(missing), 'level')} {listed(missing)}" if missing else ""


def _sound(version: str, bundle: Path, results: Results) -> Path:
    """The bundle with all its files as they were; fetched again where the copy here is damaged."""
    try:
        read_manifest(bundle)
    except UnreadableFile:
        return registry_of(results.base, results.settings).fetch(version, read_manifest)
    return bundle


@dataclass(frozen=True)
class Forecaster:
    """The model that forecasts: its `version` (None where it is not registered), the fingerprint of its `training`,
    when it was `trained`, the last day that it `learnt_to`; its files are in `folder`, see `Forecaster.of`."""

    version: str | None
    training: str
    trained: datetime
    learnt_to: date
    folder: Path | None
    results: Results

    @classmethod
    def of(cls, results: Results, choice: Choice) -> Forecaster:
        """The model that was chosen. Raises StoreError where the files of that version are not to be had."""
        if choice.version is None or choice.training is None:
            record = results.record("train")
            assert record is not None  # what asks for a forecaster needs it
            learnt_to = results.summary(TrainSummary).cutoff
            return cls(None, record.fingerprint, record.finished, learnt_to, None, results)
        if choice.bundle is None:
            raise StoreError(
                f"{choice.lost} Let the registry be reached again, or forecast with the newest training: "
                "foresell forecast --newest"
            )
        bundle = _sound(choice.version, choice.bundle, results)
        manifest = described(bundle)
        return cls(choice.version, choice.training, manifest.trained, manifest.cutoff, bundle, results)

    @cached_property
    def champion(self) -> Champion:
        """The fitted models, for all series of the task's panel, also such as have begun since."""
        if self.folder is None:
            return Champion.load(self.results.folder("train") / MODEL)
        learnt = load_panel(self.folder / PANEL).series
        return Champion.load(self.folder / MODEL).for_series(learnt, self.results.panel)

    @cached_property
    def ranges(self) -> Ranges:
        """How its errors scatter."""
        return Ranges.load(self._of_combine("scatter.parquet", SCATTER))

    @property
    def backtest(self) -> tuple[pl.DataFrame, pl.DataFrame] | None:
        """How its backtest erred: the day sums, and the table of its ranges; None where it was trained before these
        were kept."""
        by_day = self._of_combine("by_day.parquet", BY_DAY)
        return (read_table(by_day), read_table(self._of_combine("ranges.parquet", RANGES))) if by_day.exists() else None

    @property
    def called(self) -> str:
        """How people call it."""
        return "the newest training" if self.version is None else f"version {self.version}"

    @property
    def age_days(self) -> int:
        """How many days of sales there are that it did not learn from."""
        return (self.results.panel.cutoff - self.learnt_to).days

    @property
    def bundle(self) -> str | None:
        """Where its files lie, relative to the project where they lie in it; None for the newest training."""
        return None if self.folder is None else os.path.relpath(self.folder, self.results.base)

    def _of_combine(self, name: str, in_bundle: str) -> Path:
        return self.results.folder("combine") / name if self.folder is None else self.folder / in_bundle
