"""Quantiles round a forecast, learnt from the errors of a backtest.

An error counts in units of a scale that knows the series: z = (actual - mean) / scale, with
scale = noise * sqrt(mean + offset). The noise of a series is what its last year shows: the usual difference from a
season before, over the root of its mean; a young series borrows from the others. Each level keeps the empirical
quantiles of z, apart for near and far steps and for small and large means, since few units scatter in another way
than many. Going back from z to units gives the quantiles of a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.models.closing import closed_days

GRID = np.array([0.005, *np.arange(1, 100) / 100, 0.995])
"""The probabilities whose z is kept; others lie on a line between two of them."""

_STEPS, _POINTS_OF_STEPS = 4, 2000  # at most so many groups of steps, each with at least so many errors
_SIZES, _POINTS_OF_SIZE = 24, 1000  # likewise for means
_BORROWED = 10  # a series' own noise counts as much as that of all, once it has shown so many differences


@dataclass(frozen=True)
class Ranges:
    """How errors scatter: `table` has one row for each level, group of steps and size of the mean.

    Its columns: ``level`` in words, ``offset`` in units, ``noise`` (that of the typical series), ``whole`` (units are
    counts), ``step_from``, ``size`` (log of mean + offset), ``errors`` (how many were seen) and ``z``, one for each
    of `GRID`.
    """

    table: pl.DataFrame

    @classmethod
    def learn(cls, forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> Ranges:
        """Learns from the backtest's table of `forecasts` of one model: keys, cutoff, date, step, mean, actual.

        `panel` is the one the backtest was made on; of each window only what was known at its cutoff is looked at,
        beside the actuals. Raises UsageError for forecasts of several models or without a known actual.
        """
        if "model" in forecasts.columns and forecasts["model"].n_unique() != 1:
            names = first_five(forecasts["model"].unique().sort())
            raise UsageError(f"Ranges are learnt from one model's errors; the forecasts are of {names}. Filter them.")
        windows = [_window(forecasts, panel, cutoff) for cutoff in forecasts["cutoff"].unique().sort()]
        if not any((~np.isnan(actual)).any() for _, _, actual in windows):
            raise UsageError("Ranges cannot be learnt: no forecast of the backtest has a known actual beside it.")
        whole = bool(np.all(np.mod(np.nan_to_num(panel.units[:, -panel.frequency.year :]), 1) == 0))
        tables = [_learn_level(hierarchy.groups(panel.series, level), windows, whole) for level in hierarchy.levels]
        return cls(pl.concat(tables))

    def apply(
        self,
        forecasts: Mapping[Level, Forecast],
        panel: Panel,
        hierarchy: Hierarchy,
        probabilities: Sequence[float],
    ) -> dict[Level, Forecast]:
        """The forecasts of `reconcile.all_levels` with quantiles of rising `probabilities` (0.005 to 0.995) round them.

        Quantiles are never negative and never cross; they are whole where units are, and 0 where all is closed.
        `panel` ends at the forecasts' cutoff. Raises UsageError for a level whose errors were not learnt.
        """
        if list(probabilities) != sorted(set(probabilities)) or not all(0 < p < 1 for p in probabilities):
            raise UsageError(f"The quantiles are {first_five(probabilities)}; expected rising numbers between 0 and 1.")
        found = {}
        for level, forecast in forecasts.items():
            rows = self.table.filter(pl.col("level") == level_name(level))
            if rows.is_empty():
                known = first_five(self.table["level"].unique(maintain_order=True))
                raise UsageError(f"No errors were learnt for the level '{level_name(level)}', only for {known}.")
            groups = hierarchy.groups(panel.series, level)
            quantiles = _quantiles(forecast.mean, rows, panel, groups, np.asarray(probabilities, np.float64))
            found[level] = forecast.with_quantiles(tuple(probabilities), quantiles)
        return found

    def save(self, path: Path) -> None:
        """Writes one Parquet file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table.write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Reads what `save` wrote. Raises UnreadableFile where there is nothing of the kind."""
        try:
            table = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(f"{path} holds no ranges. Make them with: foresell backtest") from error
        return cls(table)


@dataclass(frozen=True)
class _Errors:
    """Errors of one level, flat: the step (from 1), the forecast mean and z of each known point."""

    step: np.ndarray
    mean: np.ndarray
    z: np.ndarray


def _window(forecasts: pl.DataFrame, panel: Panel, cutoff: date) -> tuple[Panel, np.ndarray, np.ndarray]:
    """The past, and the mean and the actual after the cutoff [series, step]; NaN where the table has no row."""
    names = panel.series.select(panel.keys).with_row_index("__series")
    rows = forecasts.filter(pl.col("cutoff") == cutoff).select(*panel.keys, "step", "mean", "actual")
    rows = rows.with_columns(pl.col(key).cast(panel.series.schema[key]) for key in panel.keys)
    rows = rows.join(names, on=list(panel.keys), nulls_equal=True)
    place = (rows["__series"].to_numpy().astype(np.int64), rows["step"].to_numpy().astype(np.int64) - 1)
    values = []
    for column in ("mean", "actual"):
        cube = np.full((panel.n_series, int(forecasts["step"].max())), np.nan)  # type: ignore[arg-type]
        cube[place] = rows[column].to_numpy()
        values.append(cube)
    return panel.until(cutoff), values[0], values[1]


def _learn_level(groups: Groups, windows: list[tuple[Panel, np.ndarray, np.ndarray]], whole: bool) -> pl.DataFrame:
    """The rows of one level in the table of `Ranges`."""
    history = [_history(past, groups) for past, _, _ in windows]
    offset = max(0.05 * float(np.mean([usual.mean.mean() for usual in history])), 1e-6)
    noises = [_noise(usual, offset) for usual in history]
    typical = float(np.median(np.concatenate(noises)))
    random = np.random.default_rng(1)
    parts = []
    for (_, mean, actual), noise in zip(windows, noises, strict=True):
        known = ~np.isnan(mean) & ~np.isnan(actual)
        forecast = groups.sum(np.where(known, mean, 0))
        truth = groups.sum(np.where(known, actual, 0))
        group, step = np.nonzero(groups.sum(known.astype(np.float32)))
        error = (truth - forecast)[group, step]
        if whole:
            # Spread each count over the unit round it; `_quantiles` rounds, which takes the quantiles back to counts.
            error += random.uniform(-0.5, 0.5, len(error))
        size = forecast[group, step]
        parts.append((step + 1, size, error / (noise[group] * np.sqrt(size + offset))))
    errors = _Errors(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    rows = [row for first, part in _by_steps(errors) for row in _by_size(first, part, offset)]
    frame = pl.DataFrame(rows).cast({"step_from": pl.Int16})
    return frame.select(
        pl.lit(level_name(groups.level)).alias("level"),
        pl.lit(offset).alias("offset"),
        pl.lit(typical).alias("noise"),
        pl.lit(whole).alias("whole"),
        pl.all(),
    )


def _by_steps(errors: _Errors) -> list[tuple[int, _Errors]]:
    """The errors in groups of neighbouring steps, each with its first step."""
    horizon = int(errors.step.max(initial=1))
    count = int(np.clip(len(errors.step) // _POINTS_OF_STEPS, 1, min(_STEPS, horizon)))
    bounds = np.linspace(1, horizon + 1, count + 1).astype(int)
    groups = []
    for first, end in pairwise(bounds):
        part = (errors.step >= first) & (errors.step < end)
        groups.append((int(first), _Errors(errors.step[part], errors.mean[part], errors.z[part])))
    return groups


def _by_size(first_step: int, errors: _Errors, offset: float) -> list[dict[str, object]]:
    """One row for each size of the mean, all with about as many errors."""
    count = int(np.clip(len(errors.mean) // _POINTS_OF_SIZE, 1, _SIZES))
    edges = np.unique(np.quantile(errors.mean, np.arange(1, count) / count)) if count > 1 else np.array([])
    bucket = np.searchsorted(edges, errors.mean, side="right")
    rows = []
    for number in np.unique(bucket):
        part = bucket == number
        # Weibull's p = k / (n + 1) leans to the safe, wide side where errors are few.
        z = np.quantile(errors.z[part], GRID, method="weibull")
        size = float(np.log(np.median(errors.mean[part]) + offset))
        rows.append({"step_from": first_step, "size": size, "errors": int(part.sum()), "z": z.tolist()})
    return rows


@dataclass(frozen=True)
class _History:
    """The last year of each group: its mean, and half the mean squared difference from a season before."""

    mean: np.ndarray
    variance: np.ndarray
    pairs: np.ndarray


def _history(past: Panel, groups: Groups) -> _History:
    lag = past.frequency.season if past.frequency == Frequency.DAY else 1
    units = past.units[:, -(past.frequency.year + lag) :]
    known = ~np.isnan(units)
    total = groups.sum(np.where(known, units, 0))
    if not known.all():
        total[groups.sum(known.astype(np.float32)) == 0] = np.nan
    there = ~np.isnan(total)
    mean = np.nansum(total, axis=1) / np.maximum(there.sum(axis=1), 1)
    difference = total[:, lag:] - total[:, :-lag]
    pairs = np.sum(~np.isnan(difference), axis=1)
    return _History(np.maximum(mean, 0), np.nansum(difference**2, axis=1) / 2 / np.maximum(pairs, 1), pairs)


def _noise(usual: _History, offset: float, typical: float | None = None) -> np.ndarray:
    """Deviation over the root of the mean, for each group; the fewer pairs of days it has, the nearer to `typical`."""
    own = usual.variance / (usual.mean + offset)
    seen = own[(usual.pairs > 0) & (own > 0)]
    borrowed = typical**2 if typical is not None else float(np.median(seen)) if len(seen) else 1.0
    return np.sqrt((usual.pairs * own + _BORROWED * borrowed) / (usual.pairs + _BORROWED))


def _quantiles(
    mean: np.ndarray, rows: pl.DataFrame, panel: Panel, groups: Groups, probabilities: np.ndarray
) -> np.ndarray:
    """Quantiles round `mean` [series, step]: float32 [q, series, step]."""
    offset, typical, whole = rows["offset"][0], rows["noise"][0], rows["whole"][0]
    scale = _noise(_history(panel, groups), offset, typical)[:, None] * np.sqrt(mean + offset)
    size = np.log(mean + offset)
    out = np.empty((len(probabilities), *mean.shape))
    firsts = rows["step_from"].unique().sort().to_list()
    for first, end in zip(firsts, [*firsts[1:], mean.shape[1] + 1], strict=True):
        part = rows.filter(pl.col("step_from") == first).sort("size")
        z = np.array(part["z"].to_list())  # [size, grid]
        steps = slice(first - 1, end - 1)
        for q, probability in enumerate(probabilities):
            at = np.array([np.interp(probability, GRID, one) for one in z])
            out[q, :, steps] = mean[:, steps] + scale[:, steps] * np.interp(size[:, steps], part["size"].to_numpy(), at)
    if whole:
        out = np.floor(out + 0.5)
    open_days = groups.sum((~closed_days(panel, mean.shape[1])).astype(np.float32))
    out[:, open_days == 0] = 0
    return np.maximum.accumulate(np.maximum(out, 0), axis=0).astype(np.float32)
