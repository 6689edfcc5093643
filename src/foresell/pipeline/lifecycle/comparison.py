"""The comparison of a challenger with the champion: which scores of the two the gate judges.

| comparison | when | the champion's scores |
|---|---|---|
| nothing | there is no champion | |
| kept | both have a backtest on the same data and windows | those of that backtest |
| as it stands | the challenger has the same settings and later sales | of the fitted champion, which forecasts from |
| | | the newer sales, at the challenger's windows after its last day |
| no window since | the same, but no window lies wholly after that day | none: the two cannot be told apart |
| tried again | all other cases | of its settings, in a backtest on the challenger's data and windows |

A backtest says how well settings learn, not how stale a fitted model is. For equal settings it would always come to a
draw, and no refresh would ever pass. So the fitted champion forecasts days that it has not learnt from. The scores of
the challenger there are those of its backtest, whose models learnt up to the cutoff of each window: neither has seen
the days that it is judged by.

The gate compares with seasonal naive too. Where the challenger's backtest has no scores of it, they are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import msgspec
import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.core.errors import StoreError, UsageError
from foresell.core.forecast import Forecast
from foresell.core.frequency import date_of_text
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import Settings, parse_settings
from foresell.ensemble.champion import ENSEMBLE, Champion
from foresell.ensemble.configured_models import with_models_of
from foresell.ensemble.range_backtest import EMPTY, score_forecasts
from foresell.evaluate.backtest import BENCHMARK
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.frozen_model import frozen_forecasts, score_levels
from foresell.models.contract import Fitted
from foresell.models.naive import SeasonalNaive
from foresell.pipeline.run_record import SCORES
from foresell.pipeline.steps import backtest, combine
from foresell.pipeline.task import Task, Tell
from foresell.registry.gate import Scores, Verdict, judge
from foresell.registry.versions import Registry, Version
from foresell.serving.bundle import MODEL, PANEL, SCATTER, read_bundle_settings, read_manifest
from foresell.store.panels import load_panel
from foresell.store.step_results import Steps
from foresell.store.tables import is_remote, read_table

DATA, DATA_LAST = "foresell.data", "foresell.data_last"


class Compared(StrEnum):
    """What a challenger was compared with; see the table at the top of the file."""

    NOTHING = "nothing"
    KEPT = "kept"
    AS_IT_STANDS = "as it stands"
    NO_WINDOW_SINCE = "no window since"
    TRIED_AGAIN = "tried again"


@dataclass
class Comparison:
    """A challenger and the champion; `folder` is the project's, `place` a folder for temporary files.

    The scores behind the verdict are written to ``place/evidence``.
    """

    registry: Registry
    challenger: Version
    champion: Version | None
    folder: Path
    place: Path
    tell: Callable[..., None]

    def judge(self, settings: Settings) -> tuple[Verdict, Compared]:
        """The verdict by the rules of the project's `settings`, and what was compared for it."""
        self.tell(0, 2, f"the scores of version {self.challenger.number}")
        scores, champion = self._with_benchmark(self._recorded_scores(self.challenger, "challenger")), self.champion
        if champion is None:
            return judge(scores, None, settings.promotion), Compared.NOTHING
        if self._is_refresh(champion):
            last = date_of_text(champion.tags[DATA_LAST])
            since = [cutoff for cutoff in scores.cutoffs if cutoff > last]
            refreshed = self._scores_as_it_stands(champion, since) if since else None
            compared = Compared.AS_IT_STANDS if since else Compared.NO_WINDOW_SINCE
            return judge(scores, refreshed, settings.promotion, refresh=True), compared
        recorded = self._recorded_scores(champion, "champion")
        if self._same_data(champion) and scores.comparable(recorded):
            return judge(scores, recorded, settings.promotion), Compared.KEPT
        return judge(scores, self._scores_again(champion, scores), settings.promotion), Compared.TRIED_AGAIN

    def _same_data(self, champion: Version) -> bool:
        data = champion.tags.get(DATA)
        return data is not None and data == self.challenger.tags.get(DATA)

    def _is_refresh(self, champion: Version) -> bool:
        """Whether the challenger has the champion's settings, and learnt from other sales that end as late or later."""
        before, now = champion.tags.get(DATA_LAST, ""), self.challenger.tags.get(DATA_LAST, "")
        if self._same_data(champion) or not before or before > now:  # ISO dates, which sort as text
            return False
        settings, own = self._settings(champion), self._own_settings
        return with_models_of(settings, own) == own and settings.horizon == own.horizon

    def _settings(self, version: Version) -> Settings:
        path = self.registry.tracking.artifact(version.run, "settings.json", self._folder(f"settings-{version.number}"))
        return parse_settings(msgspec.json.decode(path.read_bytes()), f"version {version.number}")

    @cached_property
    def _own_settings(self) -> Settings:
        """The challenger's settings."""
        return self._settings(self.challenger)

    @cached_property
    def _panel(self) -> Panel:
        """The challenger's data."""
        return load_panel(self.registry.fetch(self.challenger.number, read_manifest) / PANEL)

    def _recorded_scores(self, version: Version, role: str) -> Scores:
        folder = self.registry.tracking.artifact(version.run, SCORES, self._folder(f"evidence/{role}"))
        return _scores(folder)

    def _with_benchmark(self, scores: Scores) -> Scores:
        """The challenger's scores, with those of seasonal naive at the same windows."""
        if BENCHMARK in scores.levels["model"].unique():
            return scores
        benchmark = SeasonalNaive(name=BENCHMARK).fit(self._panel, self._own_settings.horizon)
        levels = score_levels(BENCHMARK, self._forecasts(benchmark, scores.cutoffs))
        levels.write_parquet(self._folder("evidence/plain") / "levels.parquet")
        return replace(scores, levels=pl.concat([scores.levels, levels], how="diagonal_relaxed"))

    def _scores_as_it_stands(self, champion: Version, cutoffs: list[date]) -> Scores:
        """The scores of the fitted champion, which forecasts from the challenger's data."""
        self.tell(1, 2, f"version {champion.number} as it stands")
        panel, levels = self._panel, self._own_settings.levels
        bundle = self.registry.fetch(champion.number, read_manifest)
        fitted = Champion.load(bundle / MODEL).for_series(load_panel(bundle / PANEL).series, panel)
        forecasts = list(self._forecasts(fitted, cutoffs))
        ranges = EMPTY["ranges"]
        if read_bundle_settings(bundle).levels == levels:  # a champion of other levels has no ranges for some of them
            hierarchy = Hierarchy.of(panel.keys, levels)
            ranges = score_forecasts(panel, hierarchy, forecasts, Ranges.load(bundle / SCATTER))
        return self._write(Scores(score_levels(ENSEMBLE, forecasts), ranges, ENSEMBLE), "evidence/champion")

    def _forecasts(self, fitted: Fitted, cutoffs: Sequence[date]) -> Iterator[tuple[EvaluationWindow, Forecast]]:
        """The forecasts of a fitted model at some of the challenger's windows, with its data and weights."""
        weights = self._own_settings.backtest.weights
        place = None if weights is None else weights if is_remote(weights) else self.folder / weights
        hierarchy = Hierarchy.of(self._panel.keys, self._own_settings.levels)
        return frozen_forecasts(fitted, self._panel, cutoffs, hierarchy, place)

    def _scores_again(self, champion: Version, scores: Scores) -> Scores:
        """The scores of the champion's settings in a backtest on the challenger's data and windows."""
        settings = with_models_of(self._settings(champion), self._own_settings)
        results = Steps(self.place / "again")
        task = Task(settings, self.folder, results, self._telling(champion.number), panel_in_memory=self._panel)
        for step, work in (("backtest", backtest.run), ("combine", combine.run)):
            with results.run_step(step, "again") as folder:
                work(task, folder)
        again = _scores(results.folder("combine"))
        self._write(again, "evidence/champion/again")
        if not scores.comparable(again):
            raise UsageError(
                f"The backtest of version {champion.number} should have the windows of version "
                f"{self.challenger.number}, {', '.join(map(str, scores.cutoffs))}, but has "
                f"{', '.join(map(str, again.cutoffs))}. Train the challenger again with: foresell train --again"
            )
        return again

    def _write(self, scores: Scores, name: str) -> Scores:
        scores.levels.write_parquet(self._folder(name) / "levels.parquet")
        scores.ranges.write_parquet(self._folder(name) / "ranges.parquet")
        return scores

    def _folder(self, name: str) -> Path:
        folder = self.place / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _telling(self, champion: str) -> Tell:
        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            self.tell(done, total, f"version {champion} on these windows: {doing}", left)

        return tell


def _scores(folder: Path) -> Scores:
    try:
        return Scores(read_table(folder / "levels.parquet"), read_table(folder / "ranges.parquet"), ENSEMBLE)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{folder} holds no scores of a backtest: {error}. Train again with --again.") from error
