"""What the statistical models have learnt of each series, and their forecasts with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress
from foresell.models.naive import MovingAverage, SeasonalNaive
from foresell.models.statistical.failures import LASTING, findings
from foresell.models.statistical.history import histories, wave_names
from foresell.models.statistical.series import Learnt, Outcome, Task, check_library, solve
from foresell.models.statistical.worker_pool import Lost, cores, in_processes

if TYPE_CHECKING:
    from foresell.models.statistical import PerSeries

DAYS = {Frequency.DAY: 730, Frequency.WEEK: 260, Frequency.MONTH: 240}
"""How much of the history is looked at."""

QUICK = 5.0
"""Work of about so many seconds is done in this process: starting others takes two."""

MODEL, SERIES = "model.json", "series.parquet"


class FittedStatistical:
    """The form of every series and, for SARIMA, its coefficients.

    `learnt` is a table of the series that were fitted: their keys, ``__members`` (how many single series each is the
    sum of), and ``__form``, ``__coefficients``, ``__regressors``, null where the fit failed or took too long: such a
    series is forecast by the seasonal naive. One that is not in the table (it was too short then, or constant, or not
    there) is learnt when it is asked about, and so is a sum of another number of series.
    """

    def __init__(
        self,
        model: PerSeries,
        horizon: int,
        learnt: pl.DataFrame,
        shares: dict[str, float],
        findings: tuple[Finding, ...] = (),
    ):
        self.model = model
        self.horizon = horizon
        self.learnt = learnt
        self.shares = shares
        self.findings = findings

    @property
    def name(self) -> str:
        return self.model.name

    def reads(self, panel: Panel) -> frozenset[str]:
        """The regressors. None where sums are fitted: what changes for one series is lost in the mean of its group."""
        return frozenset(self.model.regressors_of(panel)) if self.model.level is None else frozenset()

    def forecast(self, panel: Panel) -> Forecast:
        """The mean of each series and step after the panel's cutoff; a series that fell back has its last season."""
        mean, _ = self._mean_and_effects(panel)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """What each regressor adds, against its mean in the history; all else is the base.

        Where nothing is sold, or less than nothing would be left for the base, all is base.
        """
        chosen = slice(None) if series is None else np.array(series, np.int64)
        if self.model.level is None:
            panel, chosen = panel.part(chosen), slice(None)
        mean, effects = self._mean_and_effects(panel)
        mean = mean[chosen]
        units = np.zeros((len(effects), *mean.shape), np.float32)
        for place, effect in enumerate(effects.values()):
            units[place] = effect[chosen]
        base = mean - units.sum(axis=0)
        plain = (base < 0) | (mean == 0)
        units[:, plain] = 0
        base[plain] = mean[plain]
        return Contributions(tuple(effects), base, units)

    def drivers(self) -> pl.DataFrame:
        """What each regressor moved the forecasts by when the model was fitted, as a share of what all did."""
        schema = {"feature": pl.String, "share": pl.Float64}
        rows = sorted(self.shares.items(), key=lambda item: (-item[1], item[0]))
        return pl.DataFrame(rows, schema=schema, orient="row")

    def save(self, folder: Path) -> None:
        """Writes the options as JSON and what was learnt as Parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        options = {name: value for name, value in asdict(self.model).items() if name != "name"}
        text = {
            "kind": self.name,
            "horizon": self.horizon,
            "options": options,
            "shares": self.shares,
            "findings": [finding.to_dict() for finding in self.findings],
        }
        (folder / MODEL).write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
        self.learnt.write_parquet(folder / SERIES)

    def _mean_and_effects(self, panel: Panel) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The mean [series, step], and what each regressor adds to it [series, step]."""
        target, groups = _target(panel, self.model)
        known = self._known(target, groups)
        outcomes = _outcomes(self.model, target, self.horizon, known, None)
        naive = SeasonalNaive(self.model.season).fit(target, self.horizon).forecast(target).mean
        mean = naive.astype(np.float64)
        names = self.model.regressors_of(target) + wave_names(self.model.waves())
        effects = {name: np.zeros(mean.shape) for name in names}
        for row, outcome in outcomes:
            if outcome.ahead is not None:
                mean[row] = np.maximum(outcome.ahead.mean, 0)
                for name, units in outcome.ahead.effects.items():
                    effects[name][row] = units
        if groups is None:
            mean[closed_days(panel, self.horizon)] = 0
            return mean.astype(np.float32), effects
        part = _parts(panel, groups, self.horizon)
        shared = {name: units[groups.rows] * part for name, units in effects.items()}
        return (mean[groups.rows] * part).astype(np.float32), shared

    def _known(self, target: Panel, groups: Groups | None) -> list[Learnt | str | None]:
        """What was learnt of each series of the target; ``""`` for one that fell back for good, None for a stranger."""
        asked = _named(target, groups)
        there = self.learnt.with_columns(pl.lit(True).alias("__found"))
        rows = asked.join(there, on=asked.columns, how="left", maintain_order="left", nulls_equal=True)
        return [_read(row) for row in rows.iter_rows(named=True)]


def fit(model: PerSeries, panel: Panel, horizon: int, progress: Progress | None = None) -> FittedStatistical:
    """Learns every series of the panel, or every sum of the model's level."""
    check_library()
    target, groups = _target(panel, model)
    learnt: list[Learnt | None] = [None] * target.n_series
    troubles: dict[int, Outcome] = {}
    moved: dict[str, float] = {}
    for row, outcome in _outcomes(model, target, horizon, [None] * target.n_series, progress):
        learnt[row] = outcome.learnt
        if outcome.trouble:
            troubles[row] = outcome
        elif outcome.ahead is not None:
            for name, units in outcome.ahead.effects.items():
                moved[name] = moved.get(name, 0.0) + float(np.abs(units).sum())
    lasting = {row for row, outcome in troubles.items() if outcome.trouble in LASTING}
    total = sum(moved.values())
    shares = {name: value / total for name, value in moved.items()} if total > 0 else {}
    table = _named(target, groups).with_columns(
        pl.Series("__form", [each.form if each else None for each in learnt], pl.String),
        pl.Series("__coefficients", [_json(each.coefficients) if each else None for each in learnt], pl.String),
        pl.Series("__regressors", [list(each.regressors) if each else None for each in learnt], pl.List(pl.String)),
    )
    kept = pl.Series([each is not None or row in lasting for row, each in enumerate(learnt)], dtype=pl.Boolean)
    return FittedStatistical(model, horizon, table.filter(kept), shares, findings(model.name, target, troubles))


def load(kind: Callable[..., PerSeries], folder: Path) -> FittedStatistical:
    """The model that was saved in `folder`. Raises UnreadableFile where a file of it is missing or damaged."""
    try:
        text = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        learnt = pl.read_parquet(folder / SERIES)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(
            f"{folder} does not hold a whole saved model: {error}. Train one with: foresell train"
        ) from error
    found = tuple(Finding(**{**each, "examples": tuple(each["examples"])}) for each in text["findings"])
    return FittedStatistical(kind(**text["options"]), text["horizon"], learnt, text["shares"], found)


def _outcomes(
    model: PerSeries, target: Panel, horizon: int, known: Sequence[Learnt | str | None], progress: Progress | None
) -> Iterator[tuple[int, Outcome]]:
    """Row and outcome of every series of the target that is open some day and has not fallen back before."""
    resting: np.ndarray = closed_days(target, horizon).min(axis=1)
    rows = [row for row in range(target.n_series) if not resting[row] and known[row] != ""]
    season = model.season or target.frequency.season
    days = model.days or DAYS[target.frequency]
    wanted = target.part(np.array(rows, np.int64))
    shown = histories(wanted, horizon, days, season, model.regressors_of(target), model.waves())
    learnt = [each if isinstance(each := known[row], Learnt) else None for row in rows]
    tasks = (Task(history, each) for history, each in zip(shown, learnt, strict=True))
    tell = progress or (lambda done, total: None)
    work = partial(solve, model)
    if sum(model.effort(each) for each in learnt) <= QUICK:
        for done, (row, task) in enumerate(zip(rows, tasks, strict=True), 1):
            yield row, work(task)
            tell(done, len(rows))
        return
    answers = in_processes(work, tasks, len(rows), model.processes or cores(), model.seconds, tell)
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, Lost):
            answer = Outcome(trouble="fit-too-slow" if answer.late else "fit-failed", detail=answer.reason)
        yield row, answer


def _target(panel: Panel, model: PerSeries) -> tuple[Panel, Groups | None]:
    """The panel of the series that are fitted, and how the panel's own join them where that is a level's."""
    if model.level is None:
        return panel, None
    return panel.aggregate(model.level), Hierarchy.of(panel.keys).groups(panel.series, model.level)


def _named(target: Panel, groups: Groups | None) -> pl.DataFrame:
    """Keys of the series that are fitted, and how many single ones each is the sum of."""
    counts = np.ones(target.n_series, np.int64) if groups is None else np.bincount(groups.rows, minlength=len(groups))
    return target.series.select(target.keys).with_columns(pl.Series("__members", counts, pl.Int64))


def _parts(panel: Panel, groups: Groups, horizon: int) -> np.ndarray:
    """Each series' part of its group on each day [series, step]: they sum to 1, or to 0 where all are closed.

    In proportion to the means of the last weeks; a series that is closed on a day has no part of it. Where none of
    a group sold lately, all that are open have the same.
    """
    recent = MovingAverage().fit(panel, horizon).forecast(panel).mean.astype(np.float64)
    whole = groups.sum(recent)[groups.rows]
    opened = ~closed_days(panel, horizon)
    recent = np.where(whole > 0, recent, opened)
    whole = groups.sum(recent)[groups.rows]
    return np.divide(recent, whole, out=np.zeros_like(recent), where=whole > 0)


def _read(row: dict[str, Any]) -> Learnt | str | None:
    if row["__found"] is None:
        return None
    if row["__form"] is None:
        return ""
    return Learnt(row["__form"], json.loads(row["__coefficients"]), tuple(row["__regressors"]))


def _json(coefficients: Any) -> str:
    return json.dumps(dict(coefficients))
