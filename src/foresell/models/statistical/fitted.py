"""Fitted statistical models: the fits of all series, and the forecasts from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.engine.local import ONE_BY_ONE
from foresell.engine.processes import ProcessEngine
from foresell.engine.protocol import Engine, LostBlock
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress
from foresell.models.naive import MovingAverage, SeasonalNaive
from foresell.models.statistical.failures import LASTING_FAILURES, findings
from foresell.models.statistical.history import fourier_names, histories
from foresell.models.statistical.series import (
    SeriesFit,
    SeriesModel,
    SeriesOutcome,
    SeriesTask,
    check_library,
    fit_and_forecast,
)

DAYS = {
    Frequency.HOUR: 1008,
    Frequency.DAY: 730,
    Frequency.WEEK: 260,
    Frequency.MONTH: 240,
    Frequency.QUARTER: 80,
    Frequency.YEAR: 50,
}
"""The number of last periods that a model is fitted to."""

SECONDS_IN_PROCESS = 5.0
"""Work of fewer seconds is done in this process, because starting other processes takes two seconds."""

MODEL, SERIES = "model.json", "series.parquet"


class FittedStatistical:
    """The fits of a statistical model: the form of every series and, for SARIMA, its coefficients.

    `fits` is a table of the series that were fitted: their keys, ``__members`` (the number of single series in the
    sum), and ``__form``, ``__coefficients``, ``__regressors``. These are null where the fit failed or took too long;
    such a series is forecast by the seasonal naive. A series that is not in the table, because it was too short,
    constant or missing at the fit, is fitted at each forecast, and so is a sum of another number of series.
    """

    def __init__(
        self,
        model: SeriesModel,
        horizon: int,
        fits: pl.DataFrame,
        shares: dict[str, float],
        findings: tuple[Finding, ...] = (),
    ):
        self.model = model
        self.horizon = horizon
        self.fits = fits
        self.shares = shares
        self.findings = findings

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model.name

    def reads(self, panel: Panel) -> frozenset[str]:
        """The regressors. Fitted sums read none, because a change for one series is lost in the mean of its group."""
        return frozenset(self.model.regressors_of(panel)) if self.model.level is None else frozenset()

    def statistics(self, block: Panel) -> Statistics:
        """The number of series only, because no forecast depends on other series.

        Raises UsageError where sums are fitted: those need the whole panel.
        """
        if self.model.level is not None:
            raise UsageError(f"The model '{self.name}' fits sums of a level, so it cannot forecast a block of series.")
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        """The mean of each series and step after the panel's cutoff; a series that failed repeats its last season."""
        mean, _ = self._mean_and_effects(panel)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The units that each regressor adds compared with its historical mean; the rest of the forecast is the base.

        Where the forecast is 0 or the base would be negative, the whole forecast is the base.
        """
        rows = slice(None) if series is None else np.array(series, np.int64)
        if self.model.level is None:
            panel, rows = panel.part(rows), slice(None)
        mean, effects = self._mean_and_effects(panel)
        mean = mean[rows]
        units = np.zeros((len(effects), *mean.shape), np.float32)
        for number, effect in enumerate(effects.values()):
            units[number] = effect[rows]
        base = mean - units.sum(axis=0)
        only_base = (base < 0) | (mean == 0)
        units[:, only_base] = 0
        base[only_base] = mean[only_base]
        return Contributions(tuple(effects), base, units)

    def drivers(self) -> pl.DataFrame:
        """The share of each regressor in the units that all regressors added to the forecasts at the fit."""
        schema = {"feature": pl.String, "share": pl.Float64}
        rows = sorted(self.shares.items(), key=lambda item: (-item[1], item[0]))
        return pl.DataFrame(rows, schema=schema, orient="row")

    def save(self, folder: Path) -> None:
        """Writes the options as JSON and the fits as Parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        text = {
            "kind": self.name,
            "horizon": self.horizon,
            "options": self.model.options(),
            "shares": self.shares,
            "findings": [finding.to_dict() for finding in self.findings],
        }
        (folder / MODEL).write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
        self.fits.write_parquet(folder / SERIES)

    def _mean_and_effects(self, panel: Panel) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The mean [series, step], and the units that each regressor adds to it [series, step]."""
        target, groups = _target(panel, self.model)
        known = self._series_fits(target, groups)
        outcomes = _outcomes(self.model, target, self.horizon, known, None)
        naive = SeasonalNaive(self.model.season).fit(target, self.horizon).forecast(target).mean
        mean = naive.astype(np.float64)
        names = self.model.regressors_of(target) + fourier_names(self.model.fourier_pairs())
        effects = {name: np.zeros(mean.shape) for name in names}
        for row, outcome in outcomes:
            if outcome.forecast is not None:
                mean[row] = np.maximum(outcome.forecast.mean, 0)
                for name, units in outcome.forecast.effects.items():
                    effects[name][row] = units
        if groups is None:
            mean[closed_days(panel, self.horizon)] = 0
            return mean.astype(np.float32), effects
        share = _shares(panel, groups, self.horizon)
        shared = {name: units[groups.rows] * share for name, units in effects.items()}
        return (mean[groups.rows] * share).astype(np.float32), shared

    def _series_fits(self, target: Panel, groups: Groups | None) -> list[SeriesFit | str | None]:
        """The fit of each series of the target; ``""`` for a lasting failure, None for a series without a fit."""
        keys = _member_counts(target, groups)
        fits = self.fits.with_columns(pl.lit(True).alias("__in_table"))
        rows = keys.join(fits, on=keys.columns, how="left", maintain_order="left", nulls_equal=True)
        return [_read(row) for row in rows.iter_rows(named=True)]


def fit(model: SeriesModel, panel: Panel, horizon: int, progress: Progress | None = None) -> FittedStatistical:
    """Fits every series of the panel, or every sum of the model's level. Raises UsageError without statsforecast."""
    check_library()
    target, groups = _target(panel, model)
    fits: list[SeriesFit | None] = [None] * target.n_series
    failures: dict[int, SeriesOutcome] = {}
    effects: dict[str, float] = {}
    for row, outcome in _outcomes(model, target, horizon, [None] * target.n_series, progress):
        fits[row] = outcome.series_fit
        if outcome.failure:
            failures[row] = outcome
        elif outcome.forecast is not None:
            for name, units in outcome.forecast.effects.items():
                effects[name] = effects.get(name, 0.0) + float(np.abs(units).sum())
    lasting = {row for row, outcome in failures.items() if outcome.failure in LASTING_FAILURES}
    total = sum(effects.values())
    shares = {name: value / total for name, value in effects.items()} if total > 0 else {}
    table = _member_counts(target, groups).with_columns(
        pl.Series("__form", [series_fit.form if series_fit else None for series_fit in fits], pl.String),
        pl.Series(
            "__coefficients", [_json(series_fit.coefficients) if series_fit else None for series_fit in fits], pl.String
        ),
        pl.Series(
            "__regressors",
            [list(series_fit.regressors) if series_fit else None for series_fit in fits],
            pl.List(pl.String),
        ),
    )
    in_table = [series_fit is not None or row in lasting for row, series_fit in enumerate(fits)]
    table = table.filter(pl.Series(in_table, dtype=pl.Boolean))
    return FittedStatistical(model, horizon, table, shares, findings(model.name, target, failures))


def load(kind: Callable[..., SeriesModel], folder: Path) -> FittedStatistical:
    """The model that was saved in `folder`. Raises UnreadableFile where a file of it is missing or damaged."""
    try:
        text = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        fits = pl.read_parquet(folder / SERIES, glob=False)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(
            f"{folder} does not hold a whole saved model: {error}. Train one with: foresell train"
        ) from error
    stored = tuple(Finding(**{**plain, "examples": tuple(plain["examples"])}) for plain in text["findings"])
    return FittedStatistical(kind(**text["options"]), text["horizon"], fits, text["shares"], stored)


def _outcomes(
    model: SeriesModel, target: Panel, horizon: int, known: Sequence[SeriesFit | str | None], progress: Progress | None
) -> Iterator[tuple[int, SeriesOutcome]]:
    """The row and the outcome of every series of the target that is open on some day and has no lasting failure."""
    closed: np.ndarray = closed_days(target, horizon).min(axis=1)
    rows = [row for row in range(target.n_series) if not closed[row] and known[row] != ""]
    season = model.season or target.frequency.season
    days = model.days or DAYS[target.frequency]
    part = target.part(np.array(rows, np.int64))
    series = histories(part, horizon, days, season, model.regressors_of(target), model.fourier_pairs())
    fits = [series_fit if isinstance(series_fit := known[row], SeriesFit) else None for row in rows]
    tasks = (SeriesTask(history, series_fit) for history, series_fit in zip(series, fits, strict=True))
    results = engine_of(model, fits).map(partial(fit_and_forecast, model), tasks)
    for done, (row, outcome) in enumerate(zip(rows, results, strict=True), 1):
        if isinstance(outcome, LostBlock):
            outcome = SeriesOutcome(failure="fit-too-slow" if outcome.late else "fit-failed", detail=outcome.reason)
        yield row, outcome
        if progress:
            progress(done, len(rows))


def engine_of(model: SeriesModel, fits: Sequence[SeriesFit | None]) -> Engine:
    """The engine for series with these `fits`: other processes where the work takes long. A series is a block."""
    seconds = sum(map(model.expected_seconds, fits))
    return ONE_BY_ONE if seconds <= SECONDS_IN_PROCESS else ProcessEngine(model.processes, model.seconds)


def _target(panel: Panel, model: SeriesModel) -> tuple[Panel, Groups | None]:
    """The panel of the series that are fitted, and where those are sums of a level, the groups of the panel's
    series."""
    if model.level is None:
        return panel, None
    return panel.aggregate(model.level), Hierarchy.of(panel.keys).groups(panel.series, model.level)


def _member_counts(target: Panel, groups: Groups | None) -> pl.DataFrame:
    """The keys of the series that are fitted, and the number of single series in each."""
    counts = np.ones(target.n_series, np.int64) if groups is None else np.bincount(groups.rows, minlength=len(groups))
    return target.series.select(target.keys).with_columns(pl.Series("__members", counts, pl.Int64))


def _shares(panel: Panel, groups: Groups, horizon: int) -> np.ndarray:
    """The share of each series in its group on each day [series, step]; shares sum to 1, or to 0 where all are closed.

    Shares are in proportion to the means of the last weeks, and 0 for a series that is closed on the day. Where no
    series of a group has sold in these weeks, all open ones have the same share.
    """
    recent = MovingAverage().fit(panel, horizon).forecast(panel).mean.astype(np.float64)
    whole = groups.sum(recent)[groups.rows]
    opened = ~closed_days(panel, horizon)
    recent = np.where(whole > 0, recent, opened)
    whole = groups.sum(recent)[groups.rows]
    return np.divide(recent, whole, out=np.zeros_like(recent), where=whole > 0)


def _read(row: dict[str, Any]) -> SeriesFit | str | None:
    """The fit in a row of the table of fits, see `FittedStatistical._series_fits`."""
    if row["__in_table"] is None:
        return None
    if row["__form"] is None:
        return ""
    return SeriesFit(row["__form"], json.loads(row["__coefficients"]), tuple(row["__regressors"]))


def _json(coefficients: Any) -> str:
    return json.dumps(dict(coefficients))
