"""The results of the steps of a project: read-only, typed, and read from disk on first use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl

from foresell.core.errors import UsageError
from foresell.core.finding import Finding, Severity, worst_first
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import features_in_use, wanted_models
from foresell.evaluate.backtest import TABLES, Backtest
from foresell.features.catalogue import catalogue
from foresell.features.question import Feature
from foresell.pipeline.summaries import Summary
from foresell.store.history import HISTORY, History
from foresell.store.panels import load_panel
from foresell.store.step_results import StepRecord, Steps
from foresell.store.tables import read_table

S = TypeVar("S", bound=Summary)


@dataclass(frozen=True, eq=False)
class Results:
    """The results of the project in the folder `base`; `panel_in_memory` replaces the panel of the step `check`.

    Results of a step that is not done raise UsageError (a summary), UnreadableFile (the panel) or StoreError (a table).
    """

    settings: Settings
    base: Path
    steps: Steps
    panel_in_memory: Panel | None = field(default=None, kw_only=True)

    @property
    def root(self) -> Path:
        """The folder of all results."""
        return self.steps.root

    def folder(self, step: str) -> Path:
        """The folder of the results of a step, which need not exist yet."""
        return self.steps.folder(step)

    def record(self, step: str) -> StepRecord | None:
        """The record of what a step was done from, and when; None where it is not done."""
        return self.steps.record(step)

    def training(self) -> str | None:
        """The fingerprint of the newest training; None without one."""
        record = self.record("train")
        return None if record is None else record.fingerprint

    def summary(self, kind: type[S]) -> S:
        """The summary of the step of that kind, such as `CheckSummary`. Raises UsageError where it is not done."""
        summary = self.find_summary(kind)
        if summary is None:
            raise UsageError(f"The step {kind.step} of {self.base} is not done. Do it with: foresell run")
        return summary

    def find_summary(self, kind: type[S]) -> S | None:
        """The same; None where the step is not done."""
        return kind.read(self.folder(kind.step))

    @cached_property
    def panel(self) -> Panel:
        """The panel of the step `check`."""
        return load_panel(self.folder("check") / "panel") if self.panel_in_memory is None else self.panel_in_memory

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The levels of the settings."""
        return Hierarchy.of(self.panel.keys, self.settings.levels)

    @cached_property
    def features(self) -> dict[str, Feature]:
        """Every feature there is for the panel."""
        return catalogue(self.panel, self.settings.levels)

    @cached_property
    def used(self) -> dict[str, Feature]:
        """The features that the models of the settings use."""
        return features_in_use(wanted_models(self.settings), self.settings.features, self.features)

    @property
    def catalogue(self) -> pl.DataFrame:
        """The features as a table: name, group, meaning, reads, earliest, used."""
        return pl.read_csv(self.folder("features") / "catalogue.csv", glob=False)

    @property
    def findings(self) -> list[Finding]:
        """The findings of the steps `check` and `features`, the most severe first."""
        return worst_first([finding for step in ("check", "features") for finding in read_findings(self.folder(step))])

    def scores(self, step: str = "combine") -> Backtest:
        """The tables of scores of `step`: ``backtest`` has the models, ``combine`` also the ensemble."""
        folder = self.folder(step)
        return Backtest(*(read_table(folder / f"{name}.parquet") for name in TABLES))

    def model_forecasts(self, model: str, cutoff: date) -> pl.DataFrame:
        """The test forecasts by `model` of one window, beside the sales."""
        return read_table(self.folder("backtest") / "forecasts" / f"{model}-{cutoff}.parquet")

    def test_forecasts(self) -> pl.DataFrame:
        """The test forecasts by the ensemble of all windows, beside the sales."""
        folder = self.folder("combine") / "forecasts"
        return pl.concat([read_table(file) for file in sorted(folder.glob("*.parquet"))])

    @property
    def combination(self) -> Combination:
        """The weights and the reconciliation of the ensemble."""
        return Combination.load(self.folder("combine"))

    @property
    def quantile_trials(self) -> pl.DataFrame:
        """The table ``quantiles`` of `range_backtest.backtest_ranges`: how many actuals lay below each quantile."""
        return read_table(self.folder("combine") / "quantiles.parquet")

    @property
    def sum_trials(self) -> pl.DataFrame:
        """The table ``sums`` of `range_backtest.backtest_ranges`: how often ranges of sums over several days held."""
        return read_table(self.folder("combine") / "sums.parquet")

    @property
    def metrics(self) -> dict[str, float]:
        """The ensemble's scores as plain numbers by name, see `ensemble_metrics.metrics`."""
        scores: dict[str, float] = json.loads((self.folder("combine") / "metrics.json").read_text(encoding="utf-8"))
        return scores

    @property
    def history(self) -> History:
        """The tables that are kept over time: forecasts as they were made, their errors, the registry."""
        return History(self.root / HISTORY)

    @property
    def forecasts(self) -> pl.DataFrame:
        """The forecasts of all levels, see `Forecasts.to_frame`."""
        return read_table(self.folder("forecast") / "forecasts.parquet")


def read_findings(folder: Path) -> list[Finding]:
    """The findings in the folder of a step."""
    rows = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    return [
        Finding(**{**row, "severity": Severity(row["severity"]), "examples": tuple(row["examples"])}) for row in rows
    ]
