"""Forecasts of all levels together, and the one tidy table that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import polars as pl

from foresell.core.arguments import column_names, whole_number
from foresell.core.charts import Chart, timelines_chart
from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast, check_probabilities, quantile_column
from foresell.core.frequency import date_text
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.overview import Described, Overview
from foresell.core.panel import Panel
from foresell.core.scenario import series_where, steps_between
from foresell.core.tables import to_kind
from foresell.core.timeline import ChosenGroups, ForecastLine, Timeline, level_for
from foresell.core.words import a, day, many, number, share, span

OWN_COLUMNS = ("level", "total", "model", "cutoff", "date", "step", "mean", "actual", "naive")
"""The columns of tables of forecasts, and the name of the topmost level, which no key may have."""


def check_names(columns: Iterable[str]) -> None:
    """Raises UsageError where a key, or a column of a level, has the name of a column of the table of forecasts."""
    reserved = [name for name in columns if name in OWN_COLUMNS]
    if reserved:
        raise UsageError(
            f"The table of forecasts has columns of its own called {first_five(reserved)}; rename these keys, for "
            f"example to '{reserved[0]}_name'."
        )


DEMAND_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles of `Forecasts.demand` where none are given."""


class PathSampler(Protocol):
    """Draws sample paths of the single series of a forecast (`adjust.paths`)."""

    def draw(self, n_paths: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Paths of the series `rows`, all where not given: float32 [path, series, step]."""
        ...

    def demand_quantiles(
        self, groups: Groups, steps: slice, probabilities: Sequence[float], n_paths: int, rows: np.ndarray
    ) -> np.ndarray:
        """The quantiles of the sum over some steps of each group of the series `rows`: float32 [q, group]."""
        ...


@dataclass(frozen=True, repr=False)
class Forecasts(Described):
    """The forecast of every level, from the total down to the single series; their means add up.

    `panel` is the history before the forecasts, for charts. `sampler` returns what draws sample paths, for a seed.
    """

    by_level: Mapping[Level, Forecast]
    panel: Panel | None = None
    sampler: Callable[[int], PathSampler] | None = None

    def __getitem__(self, level: Sequence[str]) -> Forecast:
        """The forecast of one level. Raises UsageError for a level that was not forecast."""
        wanted = column_names(level, "level")
        for of_level, forecast in self.by_level.items():
            if set(of_level) == set(wanted):
                return forecast
        raise UsageError(
            f"There is no forecast of the level {wanted}; there are {first_five(self.by_level)}. Add it when you "
            f"forecast: `levels=[{wanted}]`."
        )

    @property
    def total(self) -> Forecast:
        return self.by_level[()]

    @property
    def bottom(self) -> Forecast:
        """The forecast of the single series."""
        return list(self.by_level.values())[-1]

    @property
    def noun(self) -> str:
        """The period that a step is: a day, week, month, quarter or year."""
        return self.panel.frequency.noun if self.panel else "step"

    def overview(self) -> Overview:
        """The forecasts at one glance: how many of each level, and what is expected in all."""
        total, bottom = self.total, self.bottom
        expected = float(total.mean.sum(dtype=np.float64))
        levels = [f"{level_name(level)} ({len(forecast.mean):,})" for level, forecast in self.by_level.items() if level]
        facts = {
            "dates": f"{span(total.dates[0], total.dates[-1])}, after {day(total.cutoff)}",
            "levels": ", ".join(["total", *levels]),
            "expected": f"{number(expected)} units in all, {number(expected / total.horizon)} {a(self.noun)}",
            "quantiles": ", ".join(share(probability) for probability in bottom.probabilities),
        }
        return Overview(f"Forecasts of {many(total.horizon, self.noun)}", facts)

    def plot(
        self, level: Sequence[str] | None = None, *, last: int | None = None, most: int = 6, **where: object
    ) -> Chart:
        """An Altair chart of the history and the forecast with its ranges: the total, or the groups with `where`.

        `forecasts.plot(store="north", item="tea")` shows one series, `forecasts.plot(level=("store",))` each of the
        `most` largest stores. `last` is how many days (periods) of history to show; five horizons, at most 140,
        where not given.

        Raises UsageError for a column, value or level that was not forecast, NotInstalled without the extra ``plot``.
        """
        wanted = level_for(where, level, list(self.by_level))
        whole_number(most, "most")
        forecast = self.by_level[wanted]
        shown = max(min(5 * forecast.horizon, 140), forecast.horizon) if last is None else whole_number(last, "last", 0)
        series = forecast.series if self.panel is None else self.panel.series
        units = forecast.mean if self.panel is None else self.panel.units[:, max(self.panel.n_days - shown, 0) :]
        keys = self.bottom.keys if self.panel else forecast.keys
        chosen = ChosenGroups.of(series, units, wanted, keys, where, most)
        none = np.array([], "datetime64[D]")
        dates = none if self.panel is None else self.panel.dates[self.panel.n_days - units.shape[1] : self.panel.n_days]
        timelines = [
            Timeline(
                chosen.title(row),
                dates,
                chosen.units(units, row) if len(dates) else np.array([]),
                (ForecastLine("forecast", forecast.dates, forecast.mean[row], forecast.ranges(row)),),
                (dates[-1],) if len(dates) else (),
            )
            for row in chosen.rows.tolist()
        ]
        title = timelines[0].title if len(timelines) == 1 else f"Forecasts by {level_name(wanted)}"
        return timelines_chart(timelines, title, chosen.note(), f"units {a(self.noun)}")

    def paths(self, n: int = 200, *, seed: int = 1) -> np.ndarray:
        """Sample paths of the single series: units float32 [path, series, step], in the order of `bottom.series`.

        A path is one way in which the days ahead may turn out. Its days and its series hang together as errors of the
        backtest did, and each day by itself has the distribution of the quantiles. So sums of a path are draws of what
        a group sells in some days: `forecasts.paths(200)[:, :, :7].sum(axis=2)` are 200 draws of each series' first
        week. More paths leave the first ones as they are. Each path takes 4 bytes of memory for each series and step.

        Raises UsageError where the forecasts have no quantiles that were learnt from a backtest.
        """
        return self._sampler(seed).draw(whole_number(n, "n"))

    def demand(
        self,
        days: int | None = None,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        level: Sequence[str] = (),
        quantiles: Sequence[float] = DEMAND_QUANTILES,
        where: Mapping[str, object] | None = None,
        n: int = 1000,
        seed: int = 1,
    ) -> Any:
        """The demand of some days together: mean and quantiles of the sum, one row for each group of `level`.

        The days begin with `first` (the day after the sales, where not given) and end with `last`, or are so many
        `days` (periods); the whole horizon where neither is given. A lead time of nine days from tomorrow is
        `demand(9)`, a promotion `demand(first="2024-03-12", last="2024-03-18")`. `level` may have any columns of the
        series, such as `level=("store",)`; without it there is one row, the total. `where` chooses series by keys or
        attributes, as in `demand(9, level=("item",), where={"store": "north"})`.

        The quantiles are those of `n` sample paths (see `paths`); quantiles of sums are not sums of quantiles. Columns:
        those of the level, ``first``, ``last``, ``days``, ``mean``, and the quantiles as ``q050`` for 5 %.

        Raises UsageError for days beyond the horizon, for columns and values that the series lack, and as `paths`.
        """
        sampler, panel = self._sampler(seed), self.panel
        assert panel is not None  # a sampler comes with one
        check_probabilities(quantiles)
        steps = _steps(panel, self.bottom.horizon, days, first, last)
        wanted = column_names(level, "level")
        rows = series_where(panel.series, where or {})
        groups = Hierarchy.of(panel.keys).groups(panel.series[rows], wanted)
        values = sampler.demand_quantiles(groups, steps, quantiles, whole_number(n, "n"), rows)
        dates, mean = self.bottom.dates[steps], groups.sum(self.bottom.mean[rows][:, steps]).sum(axis=1)
        frame = groups.frame.with_columns(
            first=pl.Series(dates[:1]).new_from_index(0, len(groups)),
            last=pl.Series(dates[-1:]).new_from_index(0, len(groups)),
            days=pl.lit(len(dates), pl.Int32),
            mean=pl.Series(mean, dtype=pl.Float32),
            **{quantile_column(p): pl.Series(of) for p, of in zip(quantiles, values, strict=True)},
        )
        return to_kind(frame if wanted else frame.drop("total"), self.bottom.table_kind)

    def _sampler(self, seed: int) -> PathSampler:
        if self.sampler is None:
            raise UsageError(
                "These forecasts have no sample paths, because no backtest is there to learn from how days and series "
                "depend on each other. Forecast with one: `foresell.forecast(panel, tested=foresell.backtest(panel))`."
            )
        return self.sampler(whole_number(seed, "seed", 0))

    def to_frame(self) -> Any:
        """The table of `to_polars`, in the library of the table that the panel was made from."""
        return to_kind(self.to_polars(), self.bottom.table_kind)  # some have no total

    def to_polars(self) -> pl.DataFrame:
        """One row for each series of each level and day.

        ``level`` says in words which level a row belongs to (``total``, ``store``, ``store x item``). Then comes one
        column for each column that a level is made of, null where the row's level does not use it: a row of
        the level ``store`` has its store and no item. Then ``cutoff``, ``date``, ``step`` (from 1), ``mean``, and the
        quantiles as ``q050`` for 5 %. So ``WHERE level = 'store x item'`` gives the single series, and the
        means of any two levels have the same sum.

        Raises UsageError where a series' column has the name of one of these.
        """
        names = list(dict.fromkeys(name for level in self.by_level for name in level))
        parts = []
        for level, forecast in self.by_level.items():
            frame = forecast.to_polars() if level else forecast.to_polars().drop("total", strict=False)
            parts.append(frame.select(pl.lit(level_name(level)).alias("level"), pl.all()))
        values = parts[0].columns[1 + len(next(iter(self.by_level))) :]
        taken = [name for name in names if name in ("level", *values)]
        if taken:
            raise UsageError(
                f"The table of forecasts has columns of its own called {first_five(taken)}; rename these columns of "
                "the sales."
            )
        return pl.concat(parts, how="diagonal").select("level", *names, *values)

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, panel: Panel, hierarchy: Hierarchy, probabilities: tuple[float, ...]
    ) -> Forecasts:
        """The forecasts of a table that `to_polars` made; `panel` and `hierarchy` are those of the forecasts."""
        by_level = {}
        for groups in hierarchy.all_groups(panel.series):
            rows = frame.filter(pl.col("level") == level_name(groups.level))
            shape = (len(groups), rows.height // max(len(groups), 1))
            forecast = Forecast(
                groups.frame,
                groups.level or ("total",),
                rows["cutoff"][0],
                rows["date"].head(shape[1]).to_numpy(),
                rows["mean"].to_numpy().reshape(shape),
            )
            columns = [rows[quantile_column(p)].to_numpy().reshape(shape) for p in probabilities]
            by_level[groups.level] = forecast.with_quantiles(probabilities, np.stack(columns)) if columns else forecast
        return cls(by_level)


def _steps(panel: Panel, horizon: int, days: int | None, first: date | str | None, last: date | str | None) -> slice:
    """The steps of so many `days` from `first` on, or from `first` to `last`. Raises UsageError beyond the horizon."""
    if days is None:
        return steps_between(panel, horizon, first, last)
    if last is not None:
        raise UsageError(f"'days' is {days} and 'last' is {last}; give one of the two.")
    begin = steps_between(panel, horizon, first, None).start
    if begin + whole_number(days, "days") > horizon:
        noun = panel.frequency.noun
        raise UsageError(
            f"{many(days, noun)} from {date_text(panel.ahead(horizon)[begin])} reach beyond the forecast, which has "
            f"{many(horizon, noun)} until {date_text(panel.ahead(horizon)[-1])}. Forecast further ahead with 'horizon'."
        )
    return slice(begin, begin + days)
