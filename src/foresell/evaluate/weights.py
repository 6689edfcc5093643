"""The weights and scales of the WRMSSE: the share of revenue and the naive error of each series of each level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import DataError, first_five
from foresell.core.frequency import Frequency
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.evaluate.metrics import naive_squared_errors

REVENUE_SPAN = {
    Frequency.HOUR: 672,
    Frequency.DAY: 28,
    Frequency.WEEK: 4,
    Frequency.MONTH: 1,
    Frequency.QUARTER: 1,
    Frequency.YEAR: 1,
}
"""The number of last periods whose revenue makes the weight of a series: 28 days in the M5 competition guide, and the
nearest number of weeks and months."""

_BLOCK = 1024  # series at a time, which keeps the float64 copies of a long history small


@dataclass(frozen=True)
class Weights:
    """The `weight` and `scale` of every level from the top down: float64 [series of the level].

    A scale is `metrics.naive_mse` in squared units, NaN where the history has none. `source` is ``computed`` or
    ``file``.
    """

    source: str
    weight: tuple[np.ndarray, ...]
    scale: tuple[np.ndarray, ...]

    def to_frame(self, groups: Sequence[Groups]) -> pl.DataFrame:
        """One row for each series of each level, in order: ``level`` in words, ``weight``, ``scale``, ``source``."""
        names = [level_name(level.level) for level in groups for _ in range(len(level))]
        frame = pl.DataFrame(
            {"level": names, "weight": np.concatenate(self.weight), "scale": np.concatenate(self.scale)}
        )
        return frame.with_columns(
            pl.col("level").cast(pl.Categorical), pl.col("scale").fill_nan(None), source=pl.lit(self.source)
        )

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, groups: Sequence[Groups]) -> Weights:
        """The weights of a table that `to_frame` made for the same groups."""
        ends = np.cumsum([len(level) for level in groups])[:-1]
        weight, scale = (tuple(np.split(frame[name].to_numpy(), ends)) for name in ("weight", "scale"))
        return cls(frame["source"][0], weight, scale)


def compute_weights(panel: Panel, hierarchy: Hierarchy, cutoffs: Sequence[int]) -> list[Weights]:
    """Weights and scales as known at each of `cutoffs` (indices of days), one `Weights` each.

    A weight is the share of the level's revenue (units where there is no price) in the last 28 days, four weeks or
    one month up to the cutoff; so each level's weights sum to 1. A scale is `metrics.naive_mse` of the history up
    to the cutoff. The history of a group is the sum of its series' known units; a day is unknown where it is unknown
    for all of them. M5 competition guide, section "Evaluation".
    """
    groups = hierarchy.all_groups(panel.series)
    scales = _scales(panel, groups, cutoffs)
    weights = []
    for number, cutoff in enumerate(cutoffs):
        revenue = _revenue(panel.until(cutoff))
        shares = tuple(_share(level.sum(revenue)) for level in groups)
        weights.append(Weights("computed", shares, tuple(scale[number] for scale in scales)))
    return weights


def absolute_scales(panel: Panel, hierarchy: Hierarchy, cutoffs: Sequence[int]) -> list[tuple[np.ndarray, ...]]:
    """The scales of WSPL as known at each of `cutoffs`: for every level from the top down, float64 [series].

    A scale is the mean absolute one-step difference from the first sale on, in units; NaN where there is none.
    Otherwise as in `compute_weights`. M5 competition guide, section "Evaluation", on probabilistic forecasts.
    """
    scales = _scales(panel, hierarchy.all_groups(panel.series), cutoffs, power=1)
    return [tuple(scale[number] for scale in scales) for number in range(len(cutoffs))]


def _share(revenue: np.ndarray) -> np.ndarray:
    total = revenue.sum()
    return revenue / total if total > 0 else np.full(len(revenue), 1 / max(1, len(revenue)))


def _revenue(past: Panel) -> np.ndarray:
    """Revenue of each series in the last periods, never negative [series]; units where the panel has no price."""
    last = slice(max(0, past.n_days - REVENUE_SPAN[past.frequency]), past.n_days)
    units = np.nan_to_num(past.units[:, last]).astype(np.float64)
    if "price" not in past.known:
        return np.maximum(units.sum(axis=1), 0)
    price = past.known["price"].on(last).astype(np.float64)
    known = ~np.isnan(price)
    # A day without a price was sold at the series' mean price of these days.
    mean = np.where(known, price, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    revenue = (units * np.where(known, price, mean[:, None])).sum(axis=1)
    return np.maximum(revenue if known.any() else units.sum(axis=1), 0)


def _scales(panel: Panel, groups: list[Groups], cutoffs: Sequence[int], power: int = 2) -> list[list[np.ndarray]]:
    """Mean `power` of one-step differences [level][cutoff][series]; one pass over the history serves all cutoffs."""
    until = max(cutoffs) + 1
    return [
        _join(
            _block_scales(_history(panel, level, rows, until), cutoffs, power)
            for rows in (slice(at, at + _BLOCK) for at in range(0, len(level), _BLOCK))
        )
        for level in groups
    ]


def _join(blocks: Iterable[list[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _history(panel: Panel, level: Groups, rows: slice, until: int) -> np.ndarray:
    """Known units added up for some groups of a level [group, day]; NaN where no member is known."""
    first, last = rows.start, min(rows.stop, len(level))
    members = np.flatnonzero((level.rows >= first) & (level.rows < last))
    if len(level) == panel.n_series:
        return panel.units[members[np.argsort(level.rows[members])], :until]
    units = panel.units[:, :until] if len(members) == panel.n_series else panel.units[members, :until]
    return GroupSums.of(units, level.rows[members] - first, last - first).known_total()


def _block_scales(history: np.ndarray, cutoffs: Sequence[int], power: int) -> list[np.ndarray]:
    """The mean differences of some series up to each cutoff: [cutoff][series]; NaN where there is none.

    A series without two neighbouring known days has the differences of consecutive known days, as in `naive_mse`.
    """
    scales = _mean_steps(*naive_squared_errors(history), cutoffs, power)
    apart = np.isnan(scales).any(axis=0)
    if apart.any():
        across = _mean_steps(*naive_squared_errors(history[apart], across_gaps=True), cutoffs, power)
        scales[:, apart] = np.where(np.isnan(scales[:, apart]), across, scales[:, apart])
    return list(scales)


def _mean_steps(squares: np.ndarray, counts: np.ndarray, cutoffs: Sequence[int], power: int) -> np.ndarray:
    """The mean of the differences that count, up to each cutoff: float64 [cutoff, series]; NaN where there is none."""
    steps = squares if power == 2 else np.sqrt(squares)
    count = np.stack([counts[:, : cutoff + 1].sum(axis=1) for cutoff in cutoffs])
    total = np.stack([steps[:, : cutoff + 1].sum(axis=1) for cutoff in cutoffs])
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def read_weights(path: str | Path) -> pl.DataFrame:
    """The table in a file of weights and scales: ``level``, ``key``, ``weight``, ``scale``, and perhaps ``cutoff``.

    Parquet or CSV. `level` counts the hierarchy's levels from 1, the total. `key` joins the values of the level's
    columns, in the order given, with a bar: ``CA|FOODS``. Without a column `cutoff` (a date) the file is for the
    last window only. Raises DataError where the file is missing or lacks a column.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"There is no file of weights {path}. Correct 'backtest.weights', or leave it out.")
    frame = (
        pl.read_parquet(path, glob=False)
        if path.suffix == ".parquet"
        else pl.read_csv(path, glob=False, try_parse_dates=True)
    )
    missing = [column for column in ("level", "key", "weight", "scale") if column not in frame.columns]
    if missing:
        raise DataError(
            f"The file of weights {path} has no column {first_five(missing)}; it has {', '.join(frame.columns)}. "
            "Expected level, key, weight, scale, and cutoff where it serves several windows."
        )
    return frame


def weights_from_table(
    table: pl.DataFrame, series: pl.DataFrame, hierarchy: Hierarchy, cutoff: date, is_last: bool
) -> Weights | None:
    """The weights and scales of one window in `table` (see `read_weights`), None where it has none for the window.

    Rows of other cutoffs are left out. A table without the column ``cutoff`` is for the last window only.
    Raises DataError where the table's levels or keys are not those of the panel.
    """
    if "cutoff" in table.columns:
        table = table.filter(pl.col("cutoff").cast(pl.Series([cutoff]).dtype) == cutoff)
        if table.is_empty():
            return None
    elif not is_last:
        return None
    numbers = table["level"].unique().sort().to_list()
    if numbers != list(range(1, len(hierarchy.levels) + 1)):
        raise DataError(
            f"The file of weights has the levels {first_five(numbers)}; the hierarchy has {len(hierarchy.levels)}: "
            f"{', '.join(level_name(level) for level in hierarchy.levels)}. Make 'levels' and the file agree."
        )
    weight, scale = [], []
    for number, level in enumerate(hierarchy.levels, start=1):
        rows = _matched(table.filter(pl.col("level") == number), hierarchy.groups(series, level), number)
        weight.append(rows["weight"].cast(pl.Float64).to_numpy())
        scale.append(rows["scale"].cast(pl.Float64).to_numpy())
    return Weights("file", tuple(weight), tuple(scale))


def _matched(rows: pl.DataFrame, groups: Groups, number: int) -> pl.DataFrame:
    """The rows of one level of the file, in the order of the groups."""
    if not groups.level and rows.height == 1:
        return rows
    # M5 ends the keys of single series in the name of the phase, and joins them with an underscore.
    keys = rows.with_columns(key=pl.col("key").cast(pl.String).str.replace("_(evaluation|validation)$", ""))
    if keys["key"].n_unique() < keys.height:
        raise DataError(f"The file of weights names a key twice in level {number} ({level_name(groups.level)}).")
    best, missing = None, groups.frame
    for spelling in _spellings(groups):
        joined = spelling.join(keys, on="key", how="left", maintain_order="left")
        absent = joined.filter(pl.col("weight").is_null())
        if best is None or absent.height < missing.height:
            best, missing = joined, absent
        if missing.is_empty():
            return best
    raise DataError(
        f"The file of weights lacks {missing.height} of the {len(groups)} keys of level {number} "
        f"({level_name(groups.level)}): {first_five(missing['key'])}; it has {first_five(keys['key'])}. Make 'levels' "
        "and the file agree."
    )


def _spellings(groups: Groups) -> list[pl.DataFrame]:
    """The groups' keys as a file may spell them: the columns in any order, joined by a bar or an underscore."""
    level: Level = groups.level
    return [
        groups.frame.select(key=pl.concat_str([pl.col(column).cast(pl.String) for column in order], separator=mark))
        for order in permutations(level)
        for mark in ("|", "_")
    ]
