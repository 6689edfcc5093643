"""One look at a project's forecasts: what was kept of them, what has come in since, and what is judged.

Judged is the newest forecast of which a whole block (a week, `bounds.block_of`) has come in, by its own days and beside
the backtest of its own model. One that is younger waits; what was wrong with one that is older was answered, or still
is so. Slow drift is looked for over all forecasts, each week by the one that was in use when it began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from foresell.core.hierarchy import level_name
from foresell.core.panel import Panel
from foresell.evaluate.weights import compute_weights
from foresell.monitor.accuracy import ALL, DAILY, LEVEL, MADE, NODE, SEGMENT, added_up, figures
from foresell.monitor.baseline import Baseline, read_baseline
from foresell.monitor.bounds import BIAS, block_of
from foresell.monitor.checks import cusum, judging
from foresell.monitor.checks.judging import Check, Reference
from foresell.monitor.checks.stockouts import Emptied, emptied
from foresell.monitor.false_alarms import EMPTY, SLOW, rate_of
from foresell.monitor.weekly import by_week
from foresell.pipeline.choice import Choice
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.matured_forecasts import Matured, history_of, matured, nominal_of
from foresell.pipeline.monitoring.logged_predictions import LOG, Answered, answered, asked_figures
from foresell.pipeline.monitoring.stockouts import shelves
from foresell.pipeline.progress import Progress
from foresell.pipeline.project import Project
from foresell.pipeline.registry_history import MOMENT, write_history
from foresell.store.history import Kept

BASELINE = "baseline.json"
STEP = "step"
TOTAL = (BIAS, LEVEL, "total", ALL)

_SCORED = ("mae", "rmsse", "wrmsse")
_LABELS: dict[str, Any] = {"version": pl.String, "model": pl.String, MADE: MOMENT}


class Watch:
    """One look at a project, whose data are checked; everything is made when it is first asked for."""

    def __init__(self, project: Project):
        self.project = project
        self.settings = project.settings
        self.results = project.results
        self.panel: Panel = self.results.panel
        self.history = history_of(project.results)
        self.folder = self.results.folder(MONITOR)
        self.size = block_of(self.panel.frequency, self.settings.horizon)
        self.first = max(self.panel.n_days - self.settings.monitoring.days, 0)  # of the newest days, an index
        self.bottom = level_name(self.results.hierarchy.bottom)

    @cached_property
    def choice(self) -> Choice:
        """Who forecasts."""
        return self.project.choice()

    def tell(self, done: float, doing: str) -> None:
        """Says how far the look is, of four parts."""
        self.project.watch(Progress(MONITOR, done, 4, doing))

    @cached_property
    def versions(self) -> dict[str, str]:
        """The number of each registered model by the fingerprint of its training; brings the tables of versions and
        promotions up to date."""
        known = write_history(self.project).versions
        return dict(known.select("model", "version").iter_rows())

    def called(self, model: str) -> str:
        """The version of a model: its number, or the beginning of its fingerprint."""
        return self.versions.get(model, f"unregistered-{model[:8]}")

    @cached_property
    def kept(self) -> list[Kept]:
        """The forecasts that were kept, the oldest first."""
        return self.history.forecasts()

    @cached_property
    def came_in(self) -> list[Matured]:
        """The forecasts that have days among the newest, or days that the history does not have yet, with what has
        come in."""
        known = last_days(self.history.table("accuracy"))
        place = {each: self.panel.day_of(each.cutoff) for each in self.kept}
        begun = [each for each, day in place.items() if 0 <= day < self.panel.n_days - 1]
        wanted = [
            each for each in begun if place[each] + self.settings.horizon >= self.first or self._open(each, known)
        ]
        days = sorted({place[each] for each in wanted})
        weights = (
            dict(zip(days, compute_weights(self.panel, self.results.hierarchy, days), strict=True)) if days else {}
        )
        found = []
        for number, each in enumerate(wanted):
            self.tell(0.1 + 1.9 * number / len(wanted), f"the forecast of {each.cutoff}")
            segments = self.settings.backtest.segments
            at = weights[place[each]]
            found.append(matured(each, self.panel, self.results.hierarchy, self.first, at, segments))
        return [each for each in found if each is not None]

    def _open(self, each: Kept, known: Mapping[tuple[str, date], date]) -> bool:
        """Whether a day of it has come in that is not among the `known` ones."""
        until = known.get((each.model, each.cutoff))
        return until is None or until < min(each.last, self.panel.cutoff)

    @cached_property
    def daily(self) -> pl.DataFrame:
        """The day sums of every forecast, also of earlier looks: the table ``accuracy`` of the history."""
        labels = [self._labelled(each) for each in self.came_in]
        if labels:
            return self.history.put("accuracy", pl.concat(labels), ["model", "cutoff"])
        known = self.history.table("accuracy")
        return pl.DataFrame(schema={**_LABELS, **DAILY}) if known is None else known

    def _labelled(self, each: Matured) -> pl.DataFrame:
        """The day sums of a forecast, with which model made it and when."""
        kept = each.kept
        said = {"version": self.called(kept.model), "model": kept.model, MADE: kept.made}
        return each.daily.select(*(pl.lit(said[name], kind).alias(name) for name, kind in _LABELS.items()), pl.all())

    @cached_property
    def newest(self) -> pl.DataFrame:
        """Those of the newest days."""
        return self.daily.filter(pl.col("date") >= pl.lit(self.panel.dates[self.first]).cast(pl.Date))

    @cached_property
    def judged(self) -> Matured | None:
        """The newest forecast of which a whole block has come in, among the newest days."""
        return next((each for each in reversed(self.came_in) if self._days(each) >= self.size), None)

    def due(self, kept: Kept) -> date:
        """The day whose sales let a forecast be judged: the last of its first block."""
        days: list[date] = kept.read()["date"].unique().sort().to_list()
        return days[min(self.size, len(days)) - 1]

    def own(self, each: Matured) -> pl.DataFrame:
        """The day sums of one forecast on the newest days."""
        return self.newest.filter((pl.col("model") == each.kept.model) & (pl.col("cutoff") == each.kept.cutoff))

    def _days(self, each: Matured) -> int:
        """On how many of the newest days something of it is known."""
        rows = added_up(self.own(each).filter((pl.col("part") == LEVEL) & (pl.col("of") == "total")), NODE)
        return 0 if rows.is_empty() else int(rows["days"][0])

    @cached_property
    def reference(self) -> Reference | None:
        """What is usual, by the backtest of the judged model; None where nothing is judged."""
        daily = None if self.judged is None else self.history.backtest(self.judged.kept.model)
        if daily is None:
            return None
        cutoffs = daily["cutoff"].unique().sort()
        span = self.panel.day_of(cutoffs[-1]) - self.panel.day_of(cutoffs[0])
        horizon = int(daily["step"].max())  # type: ignore[arg-type]
        nominal = nominal_of(self.settings.output.quantiles)
        return Reference.of(daily, self.size, min(len(cutoffs), 1 + span / horizon), nominal)

    @cached_property
    def baseline(self) -> Baseline | None:
        """What was found good before; None where nothing was."""
        return read_baseline(self.folder / BASELINE)

    @cached_property
    def checks(self) -> list[Check]:
        """Every figure of the judged forecast beside what is usual."""
        if self.judged is None or self.reference is None:
            return []
        rate = self.settings.monitoring.false_alarms
        known = self.baseline.known if self.baseline else None
        return judging.judge(self.own(self.judged), self.reference, self.bottom, rate, known)

    @cached_property
    def drift(self) -> cusum.Drift | None:
        """Slow drift over the weeks since the baseline; None where there is nothing to compare with."""
        usual = None if self.reference is None else self.reference.usual.get(TOTAL)
        if usual is None:
            return None
        dates = self.panel.dates[: self.panel.n_days].astype(object).tolist()
        rows = self.daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total"))
        weeks = cusum.weeks_in_use(rows, dates, self.size)
        if self.baseline is not None:
            weeks = [week for week in weeks if week.first > self.baseline.as_of]
            usual = usual.moved(self.baseline.known.get(TOTAL))
        rate = rate_of(SLOW, self.settings.monitoring.false_alarms)
        return cusum.drift(weeks, usual, rate) if weeks else None

    @cached_property
    def weeks(self) -> pl.DataFrame:
        """The table ``by_week``: the forecasts in use, at the total and the single series."""
        usual = {} if self.reference is None else self.reference.usual
        dates = self.panel.dates[: self.panel.n_days].astype(object).tolist()
        return by_week(self.daily, dates, self.size, ("total", self.bottom), usual)

    @cached_property
    def emptied(self) -> list[Emptied]:
        """The groups of which more is out of stock than before."""
        rate = rate_of(EMPTY, self.settings.monitoring.false_alarms)
        return emptied(shelves(self.results, self.size, self.first), rate)

    @cached_property
    def answered(self) -> Answered:
        """What was asked for over HTTP about the newest days."""
        place = self.settings.serving.log or LOG
        return answered(place, self.project.folder, self.panel, self.first)

    @cached_property
    def figures(self) -> pl.DataFrame:
        """The table ``accuracy``: see `graph.BESIDE`."""
        label = ["version", "model", "cutoff"]
        found = self._with_backtest(self._with_scores(_by_node_and_step(self.newest, label)))
        nominal = pl.lit(nominal_of(self.settings.output.quantiles), pl.Float64)
        asked = asked_figures(self.answered.daily, self.panel) if self.answered.daily.height else None
        batch = found.with_columns(source=pl.lit("batch"), nominal=nominal)
        if asked is None:
            return batch
        promised = pl.lit(self.settings.serving.range, pl.Float64)
        return pl.concat([batch, asked.with_columns(nominal=promised)], how="diagonal_relaxed")

    def _with_scores(self, found: pl.DataFrame) -> pl.DataFrame:
        """MAE, RMSSE and WRMSSE of levels, segments and steps, as `evaluate` has them."""
        scored = [_scores(each) for each in self.came_in if each.scores]
        if not scored:
            return found.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _SCORED)
        on = ["model", "cutoff", *NODE, STEP]
        return found.join(pl.concat(scored), on=on, how="left", nulls_equal=True, maintain_order="left")

    def _with_backtest(self, found: pl.DataFrame) -> pl.DataFrame:
        """WAPE, bias, coverage and value added of each model's backtest, beside."""
        names = ("wape", "bias", "coverage", "value_added")
        before = []
        for model in found["model"].unique(maintain_order=True):
            daily = self.history.backtest(model)
            if daily is not None:
                renamed = (pl.col(name).alias(f"{name}_backtest") for name in names)
                before.append(_by_node_and_step(daily).select(pl.lit(model).alias("model"), *NODE, STEP, *renamed))
        if not before:
            return found.with_columns(pl.lit(None, pl.Float64).alias(f"{name}_backtest") for name in names)
        on = ["model", *NODE, STEP]
        return found.join(pl.concat(before), on=on, how="left", nulls_equal=True, maintain_order="left")


def _by_node_and_step(daily: pl.DataFrame, label: Sequence[str] = ()) -> pl.DataFrame:
    """The figures of every node, and of every step of the levels (``part`` is then ``step``)."""
    levels = daily.filter(pl.col("part") == LEVEL)
    steps = figures(levels, [*label, *NODE, STEP]).with_columns(part=pl.lit(STEP))
    return pl.concat([figures(daily, [*label, *NODE]), steps], how="diagonal_relaxed")


def last_days(daily: pl.DataFrame | None) -> dict[tuple[str, date], date]:
    """By model and cutoff of each forecast in a table of day sums, the last of its days there."""
    if daily is None:
        return {}
    last = daily.group_by("model", "cutoff").agg(pl.col("date").max())
    return {(model, cutoff): day for model, cutoff, day in last.iter_rows()}


def _scores(each: Matured) -> pl.DataFrame:
    """MAE, RMSSE and WRMSSE of one forecast, by the nodes of the table ``accuracy``."""
    nowhere = pl.lit(None, pl.Int16).alias(STEP)
    tables = {
        LEVEL: each.scores["levels"].select(pl.col("level").alias("of"), pl.lit(ALL).alias("name"), nowhere, *_SCORED),
        SEGMENT: each.scores["segments"].select(
            pl.col("by").alias("of"), pl.col("segment").alias("name"), nowhere, *_SCORED
        ),
        STEP: each.scores["steps"].select(pl.col("level").alias("of"), pl.lit(ALL).alias("name"), STEP, *_SCORED),
    }
    label = pl.lit(each.kept.model).alias("model"), pl.lit(each.kept.cutoff).alias("cutoff")
    rows = [
        table.select(*label, pl.lit(part).alias("part"), pl.all()).with_columns(pl.col(_SCORED).cast(pl.Float64))
        for part, table in tables.items()
    ]
    return pl.concat(rows)
