"""The model that forecasts in a project: the champion of its registry, or the newest training.

| the registry | which model forecasts |
|---|---|
| is switched off, or has no champion | the newest training |
| has a champion that fits the settings | the champion, from the newest sales |
| has one that does not fit (other keys, horizon or levels) | the newest training, with a warning |
| cannot be reached | the version that forecast last, from its files on this machine, with a warning; an error where |
| | these files are gone; the newest training, with a warning, where no version has forecast yet |

So a registry that is down for a night never changes the model that forecasts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from foresell.adjust.paths.dependence import Dependence
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
from foresell.serving.bundle import (
    BY_DAY,
    DEPENDENCE,
    MODEL,
    PANEL,
    RANGES,
    SCATTER,
    Manifest,
    described,
    read_manifest,
)
from foresell.serving.source import registry_of
from foresell.store.panels import load_panel
from foresell.store.tables import read_table

TRAINED = "foresell.trained"


def choose(results: Results, *, fetch: bool = True) -> Choice:
    """The model that forecasts in the project of `results`.

    With `fetch` the champion's files are fetched where they are not on this machine. Without, a champion whose files
    are not here is taken to fit the settings.
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
        choice = _choice_without_registry(base, results.find_summary(ForecastSummary), error)
    unfit = "" if choice.bundle is None else _unfit(described(choice.bundle), settings)
    if unfit:
        reason = (
            f"Version {choice.version}, the champion, {unfit}. The newest training forecasts, which was not promoted."
        )
        return Choice(unfit=f"{reason} Have one judged for these settings with: foresell retrain --now REASON")
    return choice


def _files(registry: Registry, champion: Version, fetch: bool) -> Path | None:
    """The bundle of the champion. Raises StoreError where it cannot be fetched or is damaged."""

    def check(folder: Path) -> None:
        trained = described(folder).trained.isoformat(timespec="seconds")
        if trained != champion.tags.get(TRAINED, trained):  # the cache may hold files of another registry
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


def _choice_without_registry(base: Path, last: ForecastSummary | None, error: Exception) -> Choice:
    """The model that forecasts while the champion is not known: the one that made the last forecast."""
    unknown = f"It is not known which version is the champion. {error}"
    if last is None or last.version is None or last.bundle is None:
        return Choice(unsure=f"{unknown} The newest training forecasts, as no version has done so before.")
    version, bundle = last.version, base / last.bundle
    here = (bundle / "manifest.json").exists()
    return Choice(
        version,
        last.training,
        bundle if here else None,
        lost="" if here else f"{unknown} Version {version} forecast last, and its files are no longer in {bundle}.",
        unsure=f"{unknown} Version {version} forecasts, as it did last." if here else "",
    )


def _unfit(manifest: Manifest, settings: Settings) -> str:
    """Why a model does not fit the settings; empty where it does."""
    if set(manifest.keys) != set(settings.data.keys):
        return f"has series by {listed(list(manifest.keys))}, not by {listed(list(settings.data.keys))}"
    if manifest.horizon != settings.horizon:
        return f"forecasts {manifest.horizon} periods ahead, not {settings.horizon}"
    missing = [level_name(level) for level in settings.levels if tuple(level) not in set(manifest.levels)]
    return f"does not have the {many(len(missing), 'level')} {listed(missing)}" if missing else ""


def _verified(version: str, bundle: Path, results: Results) -> Path:
    """The bundle, fetched again where the copy on this machine is damaged."""
    try:
        read_manifest(bundle)
    except UnreadableFile:
        return registry_of(results.base, results.settings).fetch(version, read_manifest)
    return bundle


@dataclass(frozen=True)
class Forecaster:
    """The model that forecasts.

    `version` is None where it is not registered. `training` is the fingerprint of its training, `trained` the time of
    it, `learnt_to` the last day of its sales. `folder` holds its files, and is None for the newest training.
    """

    version: str | None
    training: str
    trained: datetime
    learnt_to: date
    folder: Path | None
    results: Results

    @classmethod
    def of(cls, results: Results, choice: Choice) -> Forecaster:
        """The chosen model. Raises StoreError where the files of that version cannot be had."""
        if choice.version is None or choice.training is None:
            record = results.record("train")
            assert record is not None  # steps that ask for a forecaster need the training
            learnt_to = results.summary(TrainSummary).cutoff
            return cls(None, record.fingerprint, record.finished, learnt_to, None, results)
        if choice.bundle is None:
            raise StoreError(
                f"{choice.lost} Make the registry reachable again, or forecast with the newest training: "
                "foresell forecast --newest"
            )
        bundle = _verified(choice.version, choice.bundle, results)
        manifest = described(bundle)
        return cls(choice.version, choice.training, manifest.trained, manifest.cutoff, bundle, results)

    @cached_property
    def champion(self) -> Champion:
        """The fitted models, for all series of the panel, also those that have begun since."""
        if self.folder is None:
            return Champion.load(self.results.folder("train") / MODEL)
        known_series = load_panel(self.folder / PANEL).series
        return Champion.load(self.folder / MODEL).for_series(known_series, self.results.panel)

    @cached_property
    def ranges(self) -> Ranges:
        """The scatter of its errors."""
        return Ranges.load(self._of_combine("scatter.parquet", SCATTER))

    @cached_property
    def dependence(self) -> Dependence:
        """How its errors of days and series depend on each other. Raises UsageError for an earlier version, of which
        that is not known."""
        path = self._of_combine("dependence.parquet", DEPENDENCE)
        if not path.exists():
            raise UsageError(
                f"There are no sample paths of {self.label}: an earlier foresell trained it, which did not learn how "
                "days and series depend on each other. Train anew with: foresell retrain --now REASON. Or ask the "
                "newest training with: --newest"
            )
        return Dependence.load(path)

    @property
    def backtest(self) -> tuple[pl.DataFrame, pl.DataFrame] | None:
        """The errors of its backtest as day sums, and the table of its ranges; None for an old training."""
        by_day = self._of_combine("by_day.parquet", BY_DAY)
        return (read_table(by_day), read_table(self._of_combine("ranges.parquet", RANGES))) if by_day.exists() else None

    @property
    def label(self) -> str:
        """Its name in messages."""
        return "the newest training" if self.version is None else f"version {self.version}"

    @property
    def age_days(self) -> int:
        """The number of days of sales since its training."""
        return (self.results.panel.cutoff - self.learnt_to).days

    @property
    def bundle(self) -> str | None:
        """Where its files lie, relative to the project where they lie in it; None for the newest training."""
        return None if self.folder is None else os.path.relpath(self.folder, self.results.base)

    def _of_combine(self, name: str, in_bundle: str) -> Path:
        return self.results.folder("combine") / name if self.folder is None else self.folder / in_bundle
