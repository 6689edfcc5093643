"""The forecasts in use by day and by week, over the whole history, and the usual range of a week's figures.

The forecast in use on a day is the newest one made before that day; of several at one cutoff, the one made last. The
forecast in use in a week is the one that the check of slow drift takes (`cusum.weeks_in_use`). A week is a block of
periods (`bounds.block_of`) that ends with the newest sales, or a whole number of blocks before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from foresell.monitor.accuracy import ALL, LEVEL, NODE, SUMS, figures, oldest_first
from foresell.monitor.baseline import FigureKey
from foresell.monitor.bounds import UsualFigure, limit
from foresell.monitor.checks import bias, cusum, error

OUTSIDE = 0.05
"""The share of weeks outside the band of a figure although nothing has changed."""

BANDED = (error.FIGURE, bias.FIGURE)
"""The figures that have a band for each week."""

_FIGURES: dict[str, Any] = {
    f"{figure.column}_{side}": pl.Float64 for figure in BANDED for side in ("usual", "low", "high")
}
_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("version", "model"), pl.String),
    "cutoff": pl.Date,
    **dict.fromkeys(NODE, pl.String),
    **dict.fromkeys(SUMS, pl.Float64),
    **dict.fromkeys(("first", "last"), pl.Date),
    "days": pl.UInt32,
    **dict.fromkeys(("wape", "bias", "coverage", "wape_naive", "value_added"), pl.Float64),
    **_FIGURES,
    **{f"{figure.column}_outside": pl.Boolean for figure in BANDED},
}


def in_use(daily: pl.DataFrame) -> pl.DataFrame:
    """The day sums of the total by the forecast in use on each day, oldest day first; only days with known sales.

    >>> day, other = date(2024, 5, 3), {"part": "level", "of": "total", "name": "all", "points": 1.0}
    >>> rows = [{"cutoff": date(2024, 5, number), "date": day, "forecast": number, **other} for number in (2, 1)]
    >>> in_use(pl.DataFrame(rows))["forecast"].to_list()
    [2]
    """
    total = daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total") & (pl.col("points") > 0))
    return oldest_first(total).unique("date", keep="last", maintain_order=True).sort("date")


def by_week(
    daily: pl.DataFrame,
    dates: Sequence[date],
    size: int,
    levels: Sequence[str],
    usual: Mapping[FigureKey, UsualFigure],
) -> pl.DataFrame:
    """The figures of each of the newest weeks at each of `levels`, oldest week first, with the band of a usual week.

    `daily` are the day sums of all forecasts, `dates` all periods up to the last whose sales have come in. To ``wape``
    and ``bias`` belong columns that end with ``_usual``, ``_low`` and ``_high``: a usual week lies between the last
    two, except for a share of `OUTSIDE`. They are null where nothing usual is known. ``_outside`` says whether the week
    lies outside. The band is for a chart and raises no alarm; alarms allow for how many figures are judged.
    """
    rows = daily.filter((pl.col("part") == LEVEL) & pl.col("of").is_in(list(levels)))
    total = rows.filter(pl.col("of") == "total")
    parts = []
    for week in cusum.weeks_in_use(total, dates, size):
        own = (pl.col("cutoff") == week.cutoff) & (pl.col("model") == week.model)
        days = rows.filter(own & pl.col("date").is_between(week.first, week.last))
        parts.append(figures(days, ["version", "model", "cutoff", *NODE]))
    if not parts:
        return pl.DataFrame(schema=_SCHEMA)
    figures_by_week = pl.concat(parts)
    bands = [_band(row, usual) for row in figures_by_week.iter_rows(named=True)]
    return figures_by_week.hstack(pl.DataFrame(bands, schema=_FIGURES, orient="row")).with_columns(
        pl.any_horizontal(pl.col(name) < pl.col(f"{name}_low"), pl.col(name) > pl.col(f"{name}_high")).alias(
            f"{name}_outside"
        )
        for name in (figure.column for figure in BANDED)
    )


def _band(row: Mapping[str, object], usual: Mapping[FigureKey, UsualFigure]) -> list[float | None]:
    """The usual value, the lower and the upper bound of a week of one level, for each figure of `BANDED`."""
    band: list[float | None] = []
    for figure in BANDED:
        of_level = usual.get((figure.name, LEVEL, str(row["of"]), ALL))
        if of_level is None:
            band += [None, None, None]
            continue
        of_week = of_level.for_size(float(str(row["forecast"])))
        reach = limit(OUTSIDE, of_week.freedom, 2) * of_week.spread(1)
        ends = [figure.read(of_week.mean + side * reach) for side in (-1, 1)]
        band += [figure.read(of_week.mean), *sorted(end for end in ends if np.isfinite(end))]
    return band
