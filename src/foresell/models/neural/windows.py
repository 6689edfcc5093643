"""Windows: questions as a network reads them. A window is a series at a cutoff, with its past and what is known ahead.

Units stand as logarithms of 1 + units / level, where the level is what the series sold in the last periods up to the
cutoff. So series of all sizes look alike, and the network forecasts how many times its level a series will sell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.keyed_random import key_hashes, random_bits, share_of
from foresell.core.panel import Panel
from foresell.features.question import known_on
from foresell.features.running_sums import Past
from foresell.features.spans import spans_of
from foresell.models.neural.layout import Layout

LITTLE = 0.02
"""Units that are added to every level, so that it is above 0 without recent sales too."""

RECENT = 0.6
"""The weight of the shorter of both means that make the level."""

LARGEST = 6.0
"""Logarithms of units over their level are held below this."""

PRICE = "price"


@dataclass(frozen=True)
class Windows:
    """Many windows.

    - `order`: uint64 [window]: random bits by the series' key and the cutoff, which windows are sorted by.
    - `cutoff`: int64 [window]: the last known day.
    - `level`: float64 [window]: the recent level, in units, above 0.
    - `dispersion`: float64 [window]: half the mean squared step of the past over the level, at least 1. That is the
      variance over the mean, if what a series sold in a period says nothing of the next.
    - `past`: float32 [window, past, input]: the units, whether they are known, then the covariates.
    - `ahead`: float32 [window, step, input]: the units of earlier seasons, whether they are known, then the covariates.
    - `static`: float32 [window, input], `categories`: int64 [window, column]; 0 is a value that training did not have.
    - `target`: float32 [window, step]: the answer in units; NaN where it is not known.

    Covariates are NaN where they are not known, and as they are until `scaled`.
    """

    order: np.ndarray
    cutoff: np.ndarray
    level: np.ndarray
    dispersion: np.ndarray
    past: np.ndarray
    ahead: np.ndarray
    static: np.ndarray
    categories: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.cutoff)

    def merge(self, other: Windows) -> Windows:
        """The windows of both."""
        return Windows(
            *(np.concatenate([getattr(self, each.name), getattr(other, each.name)]) for each in fields(self))
        )

    def part(self, rows: np.ndarray | slice) -> Windows:
        """Some of the windows."""
        return Windows(*(getattr(self, each.name)[rows] for each in fields(self)))

    def in_order(self) -> Windows:
        """The windows sorted by `order`, which does not depend on how the panel was cut into blocks."""
        return self.part(np.argsort(self.order, kind="stable"))


@dataclass(frozen=True)
class WindowDraw:
    """Which windows of every block are drawn: a random `share` of all series at `cutoffs`, by the `seed`."""

    layout: Layout
    cutoffs: tuple[int, ...]
    share: float
    seed: int


def draw_windows(draw: WindowDraw, block: Panel) -> Windows:
    """The windows of `block` with a known past and a known answer that are drawn."""
    cutoffs = np.array(draw.cutoffs, np.int64)
    bits = random_bits(draw.seed, key_hashes(block.series, block.keys)[:, None], cutoffs)
    known = np.zeros((block.n_series, block.n_days + 1), np.int32)
    np.cumsum(~np.isnan(block.units), axis=1, out=known[:, 1:])
    end = np.minimum(cutoffs + 1 + draw.layout.horizon, block.n_days)
    picked = share_of(bits, draw.share) & (known[:, cutoffs + 1] > 0) & (known[:, end] > known[:, cutoffs + 1])
    series, place = np.nonzero(picked)
    return windows(draw.layout, block, series, cutoffs[place], bits[series, place])


def windows(
    layout: Layout, block: Panel, series: np.ndarray, cutoff: np.ndarray, order: np.ndarray | None = None
) -> Windows:
    """The windows of pairs of a series and a cutoff of `block` [window]; nothing after its cutoff is read of a series.

    The answers that the block has are read too.
    """
    past = Past(block.units, block.frequency.season)
    level = levels(past, block.frequency, cutoff, series)
    day = cutoff[:, None] + np.arange(1 - layout.past, layout.horizon + 1)  # [window, past + step]
    each = np.broadcast_to(series[:, None], day.shape)
    sold = past.value(day[:, : layout.past], each[:, : layout.past])
    units = _relative(sold, level[:, None])
    ahead = _earlier_seasons(layout, block, past, series, cutoff, level)
    covariates = _covariates(layout, block, series, day)
    steps = np.broadcast_to(np.arange(1, layout.horizon + 1) / layout.horizon, (len(series), layout.horizon))
    answers = np.full((len(series), layout.horizon), np.nan, np.float32)
    target = day[:, layout.past :]
    inside = target < block.n_days
    answers[inside] = block.units[each[:, layout.past :][inside], target[inside]]
    return Windows(
        np.zeros(len(series), np.uint64) if order is None else order,
        cutoff,
        level,
        _dispersion(sold, level),
        _stacked([np.nan_to_num(units), ~np.isnan(units), *(values[:, : layout.past] for values in covariates)]),
        _stacked([steps, *ahead, *(values[:, layout.past :] for values in covariates)]),
        _static(block.frequency, past, series, cutoff, level, units),
        category_numbers(layout, block.series)[series],
        answers,
    )


def levels(past: Past, frequency: Frequency, cutoff: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The recent level of pairs of a series and a cutoff, in units, above 0: float64, of their shape."""
    spans = spans_of(frequency)
    recent, long = (past.mean(cutoff, days, series).astype(np.float64) for days in (spans.middle, spans.long))
    long = np.nan_to_num(long)
    recent = np.where(np.isnan(recent), long, recent)
    return np.where(cutoff < 0, 0, RECENT * recent + (1 - RECENT) * long) + LITTLE


def _dispersion(sold: np.ndarray, level: np.ndarray) -> np.ndarray:
    step = np.diff(sold.astype(np.float64), axis=1)
    count = (~np.isnan(step)).sum(axis=1)
    return np.maximum(np.nansum(step**2, axis=1) / np.maximum(count, 1) / 2 / level, 1)


def _relative(units: np.ndarray, level: np.ndarray) -> np.ndarray:
    return np.minimum(np.log1p(units / level), LARGEST).astype(np.float32)


def _earlier_seasons(
    layout: Layout, block: Panel, past: Past, series: np.ndarray, cutoff: np.ndarray, level: np.ndarray
) -> list[np.ndarray]:
    """What was sold at the same place of earlier seasons, relative to the level of then, and whether that is known:
    arrays [window, step]."""
    step = np.arange(1, layout.horizon + 1)
    day = cutoff[:, None] + step
    each = np.broadcast_to(series[:, None], day.shape)
    season, year = block.frequency.season, block.frequency.year
    values = []
    if season != year:
        at = day - season * -(-step // season)
        values += [_relative(past.season_mean(at, seasons, each), level[:, None]) for seasons in (1, 4)]
    if block.frequency == Frequency.HOUR:
        at = day - 168 * -(-step // 168)
        values.append(_relative(past.value(at, each), level[:, None]))
    years = year * -(-step // year)
    then = levels(past, block.frequency, cutoff[:, None] - years, each)
    around = season // 2 if season != year else min(1, season - 1)
    for half in dict.fromkeys((0, around)):
        at = np.minimum(day - years + half, cutoff[:, None])
        mean = past.mean(at, 2 * half + 1, each) if half else past.value(at, each)
        values.append(_relative(np.where(at < 0, np.nan, mean), then))
    return [part for value in values for part in (np.nan_to_num(value), ~np.isnan(value))]


def _covariates(layout: Layout, block: Panel, series: np.ndarray, day: np.ndarray) -> list[np.ndarray]:
    """The covariates on `day` [window, past + step], NaN where not known; a price relative to that of the past."""
    found = []
    for name in layout.covariates:
        if name not in block.known:
            found.append(np.full(day.shape, np.nan, np.float32))
            continue
        values = known_on(block.known[name], series[:, None], day)
        if name == PRICE:
            before = np.where(values[:, : layout.past] > 0, values[:, : layout.past], np.nan)
            count = (~np.isnan(before)).sum(axis=1, keepdims=True)
            usual = np.nansum(before, axis=1, keepdims=True) / np.maximum(count, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where((values > 0) & (usual > 0), np.log(values / usual), np.nan)
        found.append(values)
    return found


def _static(
    frequency: Frequency, past: Past, series: np.ndarray, cutoff: np.ndarray, level: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """What is said once of a window: its level, how that moves, how often nothing is sold, the scatter, the age."""
    spans = spans_of(frequency)
    recent = past.mean(cutoff, spans.middle, series).astype(np.float64)
    known = ~np.isnan(units)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.nansum(units, axis=1) / count
    scatter = np.sqrt(np.nansum((units - mean[:, None]) ** 2, axis=1) / count)
    return np.column_stack(
        [
            np.log(level) / 3,
            np.log((np.nan_to_num(recent) + LITTLE) / level),
            (known & (units <= 0)).sum(axis=1) / count,
            scatter,
            np.log1p(past.count(cutoff, 4 * spans.year, series)) / 5,
            known.mean(axis=1),
        ]
    ).astype(np.float32)


def category_numbers(layout: Layout, series: pl.DataFrame) -> np.ndarray:
    """The number of each category of each series: int64 [series, column], 0 for a value that training did not have."""
    columns = []
    for name, values in layout.categories.items():
        places: dict[str | None, int] = {value: place for place, value in enumerate(values, 1)}
        texts = series[name].cast(pl.String).to_list() if name in series.columns else [None] * series.height
        columns.append([places.get(text, 0) for text in texts])
    return np.array(columns, np.int64).reshape(len(columns), series.height).T


def _stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([np.asarray(part, np.float32) for part in parts], axis=2)


def scaled(layout: Layout, drawn: Windows) -> Windows:
    """The windows with covariates centred and divided by their spread; 0 stands for one that is not known."""
    parts = {each.name: getattr(drawn, each.name) for each in fields(drawn)}
    count = len(layout.covariates)
    if count:
        centre, spread = np.array(layout.centre, np.float32), np.array(layout.spread, np.float32)
        for name in ("past", "ahead"):
            values = parts[name].copy()
            values[:, :, -count:] = np.nan_to_num((values[:, :, -count:] - centre) / spread)
            parts[name] = values
    return Windows(**parts)


def centres(layout: Layout, drawn: Windows) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and the standard deviation of each covariate over the days ahead of the windows; a price has a centre
    of 0, the price of its past."""
    centre, spread = [], []
    for place, name in enumerate(layout.covariates, -len(layout.covariates)):
        values = drawn.ahead[:, :, place].astype(np.float64)
        known = values[~np.isnan(values)]
        middle = 0.0 if name == PRICE or not len(known) else float(known.mean())
        deviation = float(np.sqrt(((known - middle) ** 2).mean())) if len(known) else 0.0
        centre.append(middle)
        spread.append(deviation if deviation > 1e-6 * max(abs(middle), 1e-6) else 1.0)
    return tuple(centre), tuple(spread)
