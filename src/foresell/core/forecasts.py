"""Forecasts of all levels together, and the one tidy table that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.arguments import column_names, whole_number
from foresell.core.charts import Chart, timelines_chart
from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast, quantile_column
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.overview import Described, Overview
from foresell.core.panel import Panel
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


@dataclass(frozen=True, repr=False)
class Forecasts(Described):
    """The forecast of every level, from the total down to the single series; their means add up.

    `panel` is the history before the forecasts, for charts.
    """

    by_level: Mapping[Level, Forecast]
    panel: Panel | None = None

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
