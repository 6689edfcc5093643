"""Which scores the gate compares: what is known of champion and challenger, and what has to be tried for it.

| comparison | when | the champion's scores |
|---|---|---|
| nothing | there is no champion | |
| kept | both were tried on the same data and windows | those kept with it |
| as it stands | the same settings, learnt anew from later sales | of the champion as it was trained then, asked with |
| | | the newer sales at the challenger's windows after its last day |
| no window since | the same, but no window lies wholly after that day | none: the two cannot be told apart |
| tried again | all else | of its settings, in a backtest on the challenger's data and windows |

A backtest says how well settings learn. Of equal settings it says the same, however stale the one model is, so it
could never let a refresh pass: there the model that serves is asked itself, on days that it has not seen. The
challenger stands there as its settings would have taught it up to the window's cutoff, so that neither knows the
answers.

The plain model that the gate asks for, seasonal naive, is scored here where the challenger's backtest did without it:
it learns nothing, and takes a moment.
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
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import Settings, parse_settings
from foresell.ensemble.champion import ENSEMBLE, Champion
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
    """What a challenger was compared with; see the table above."""

    NOTHING = "nothing"
    KEPT = "kept"
    AS_IT_STANDS = "as it stands"
    NO_WINDOW_SINCE = "no window since"
    TRIED_AGAIN = "tried again"


@dataclass
class Comparison:
    """A challenger and the champion; `folder` is the project's, `place` a folder for what passes.

    The scores that the verdict rests on are left in ``place/evidence``.
    """

    registry: Registry
    challenger: Version
    champion: Version | None
    folder: Path
    place: Path
    tell: Callable[..., None]

    def judged(self, settings: Settings) -> tuple[Verdict, Compared]:
        """The verdict by the rules of the project's `settings`, and what was compared for it."""
        self.tell(0, 2, f"the scores of version {self.challenger.number}")
        mine, champion = self._with_plain(self._stored(self.challenger, "challenger")), self.champion
        if champion is None:
            return judge(mine, None, settings.promotion), Compared.NOTHING
        if self._refreshes(champion):
            since = [each for each in mine.cutoffs if each > date.fromisoformat(champion.tags[DATA_LAST])]
            theirs = self._as_it_stands(champion, since) if since else None
            compared = Compared.AS_IT_STANDS if since else Compared.NO_WINDOW_SINCE
            return judge(mine, theirs, settings.promotion, refresh=True), compared
        theirs = self._stored(champion, "champion")
        if self._same_data(champion) and mine.comparable(theirs):
            return judge(mine, theirs, settings.promotion), Compared.KEPT
        return judge(mine, self._again(champion, mine), settings.promotion), Compared.TRIED_AGAIN

    def _same_data(self, champion: Version) -> bool:
        known = champion.tags.get(DATA)
        return known is not None and known == self.challenger.tags.get(DATA)

    def _refreshes(self, champion: Version) -> bool:
        """Whether the challenger learnt by the champion's settings, from other sales that reach as far or farther."""
        before, now = champion.tags.get(DATA_LAST, ""), self.challenger.tags.get(DATA_LAST, "")
        if self._same_data(champion) or not before or before > now:  # dates as text
            return False
        theirs = self._settings(champion)
        return with_models_of(theirs, self._mine) == self._mine and theirs.horizon == self._mine.horizon

    def _settings(self, version: Version) -> Settings:
        path = self.registry.tracking.artifact(version.run, "settings.json", self._folder(f"settings-{version.number}"))
        return parse_settings(msgspec.json.decode(path.read_bytes()), f"version {version.number}")

    @cached_property
    def _mine(self) -> Settings:
        """The challenger's settings."""
        return self._settings(self.challenger)

    @cached_property
    def _panel(self) -> Panel:
        """The challenger's data."""
        return load_panel(self.registry.fetch(self.challenger.number, read_manifest) / PANEL)

    def _stored(self, version: Version, who: str) -> Scores:
        folder = self.registry.tracking.artifact(version.run, SCORES, self._folder(f"evidence/{who}"))
        return _scores(folder)

    def _with_plain(self, mine: Scores) -> Scores:
        """The challenger's scores with those of the plain model, at the same windows, where they have none."""
        if BENCHMARK in mine.levels["model"].unique():
            return mine
        plain = SeasonalNaive(name=BENCHMARK).fit(self._panel, self._mine.horizon)
        levels = score_levels(BENCHMARK, self._asked(plain, mine.cutoffs))
        levels.write_parquet(self._folder("evidence/plain") / "levels.parquet")
        return replace(mine, levels=pl.concat([mine.levels, levels], how="diagonal_relaxed"))

    def _as_it_stands(self, champion: Version, cutoffs: list[date]) -> Scores:
        """The scores of the model that serves, asked with the challenger's data."""
        self.tell(1, 2, f"version {champion.number} as it stands")
        panel, levels = self._panel, self._mine.levels
        bundle = self.registry.fetch(champion.number, read_manifest)
        fitted = Champion.load(bundle / MODEL).for_series(load_panel(bundle / PANEL).series, panel)
        asked = list(self._asked(fitted, cutoffs))
        ranges = EMPTY["ranges"]
        if read_bundle_settings(bundle).levels == levels:  # else it has no ranges for some
            ranges = score_forecasts(panel, Hierarchy.of(panel.keys, levels), asked, Ranges.load(bundle / SCATTER))
        return self._left(Scores(score_levels(ENSEMBLE, asked), ranges, ENSEMBLE), "evidence/champion")

    def _asked(self, fitted: Fitted, cutoffs: Sequence[date]) -> Iterator[tuple[EvaluationWindow, Forecast]]:
        """What a model that is not taught anew says at some of the challenger's windows, with its data and weights."""
        weights = self._mine.backtest.weights
        at = None if weights is None else weights if is_remote(weights) else self.folder / weights
        return frozen_forecasts(fitted, self._panel, cutoffs, Hierarchy.of(self._panel.keys, self._mine.levels), at)

    def _again(self, champion: Version, mine: Scores) -> Scores:
        """The backtest of the champion's settings on the challenger's data and windows."""
        settings = with_models_of(self._settings(champion), self._mine)
        results = Steps(self.place / "again")
        task = Task(settings, self.folder, results, self._telling(champion.number), panel_in_memory=self._panel)
        for step, work in (("backtest", backtest.run), ("combine", combine.run)):
            with results.run_step(step, "again") as folder:
                work(task, folder)
        made = _scores(results.folder("combine"))
        self._left(made, "evidence/champion/again")
        if not mine.comparable(made):
            raise UsageError(
                f"Version {champion.number} could not be tried on the windows of version {self.challenger.number}, "
                f"{', '.join(map(str, mine.cutoffs))}: its backtest came to {', '.join(map(str, made.cutoffs))}. "
                "Train the challenger again with: foresell train --again"
            )
        return made

    def _left(self, scores: Scores, name: str) -> Scores:
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


def with_models_of(champion: Settings, challenger: Settings) -> Settings:
    """The challenger's settings, the windows and levels among them, with what the champion says of how to learn.

    Levels whose totals the champion learns, and which are no longer there, are left out.
    """
    totals = champion.totals
    if totals.levels is not None:
        there = tuple(level for level in totals.levels if level in ((), *challenger.levels))
        totals = msgspec.structs.replace(totals, levels=there)
    return msgspec.structs.replace(
        challenger,
        models=champion.models,
        quality=champion.quality,
        features=champion.features,
        totals=totals,
        champion=champion.champion,
        seed=champion.seed,
    )


def _scores(folder: Path) -> Scores:
    try:
        return Scores(read_table(folder / "levels.parquet"), read_table(folder / "ranges.parquet"), ENSEMBLE)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{folder} holds no scores of a backtest: {error}. Train again with --again.") from error
