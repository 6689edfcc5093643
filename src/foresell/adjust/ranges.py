"""Quantiles round a forecast, learnt from the errors of a backtest.

What is sold is taken to scatter round the mean that was forecast as a negative binomial whose variance depends on how
much and how steadily the series sells, how far ahead the day lies, how long nothing was sold and whether a holiday is
near (`spread`). Where this is wrong, the backtest says so: each past actual has a place u in the distribution that was
expected (its randomised probability integral transform, `counts`), and if all were right, u would be uniform. Its
quantiles G, kept apart for small and large means, turn a probability that is asked into the one to ask the negative
binomial for: q(p) = F^-1(G(p)). This is distributional conformal prediction (Chernozhukov, Wüthrich and Zhu, PNAS 118,
2021) in groups: ranges cover what they promise as far as the errors to come are like those seen.

**Coherent** means two things here. The means of all levels are sums of the single series; and the distribution of every
level has the reconciled mean as its own mean: a bias that the past forecasts had is taken out before their
scatter is learnt, so that no level is moved away from what the others add up to. Quantiles of different levels do not
add up, nor should they: what is too much here is too little there, and the range of a sum is narrower than the sum of
ranges.

**Few errors.** Errors of one window are alike, so they count as the square root of their number. By this measure,
levels with few errors are learnt together and keep a factor of their own, the G of one size is drawn towards that of
all sizes and this one towards the uniform, and ranges are widened as Student's t is wider than the normal. Ranges are
those of single days, not of sums over days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust import counts, spread
from foresell.adjust.spread import Habits, Traits
from foresell.core.errors import UnreadableFile, UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.keyed_random import key_hashes, random_bits, share_of, uniform
from foresell.core.panel import Panel
from foresell.features.calendar import near_holiday
from foresell.models.closed_days import closed_days

GRID = np.array([0.002, 0.005, *np.arange(1, 100) / 100, 0.995, 0.998])
"""The probabilities whose G is kept; between two of them it lies on a line of normal scores, as beyond them."""

_BLOCK = 1 << 16  # quantiles are made for so many forecasts at a time
_MOST_ERRORS = 400_000  # of one level; more are drawn from
_ALONE = 200  # a level with errors worth so much is learnt by itself
_PER_SIZE, _SIZES = 100, 24  # each size of the mean has errors worth at least so much
_DRAWN, _PLACE = 1, 2  # seeds of what is drawn by key: which errors, and their places in the transform
_WORTH = 30  # errors worth so much are believed half


@dataclass(frozen=True)
class Ranges:
    """How errors scatter: `table` has one row for each level and size of the mean.

    Its columns: ``level`` in words; ``grain`` (units in a grain) and ``whole`` (units are counts); ``offset`` and
    ``typical`` (noises) for `spread.traits`, ``least`` and ``greatest`` of the traits seen; ``coefficients`` and
    ``factor`` of the variance; ``worth`` of the level's errors; ``size`` (log of the mean in grains), ``bias`` (actual
    over forecast, taken out), ``errors`` (how many were seen) and ``u``, G at each of `GRID`.
    """

    table: pl.DataFrame

    @classmethod
    def learn(cls, forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> Ranges:
        """Learns from a table of reconciled `forecasts` of the single series: keys, cutoff, date, step, mean, actual.

        `panel` is the one the backtest was made on; of each window only what was known at its cutoff is looked at,
        beside the actuals. Raises UsageError for forecasts of several models or without a known actual.
        """
        if "model" in forecasts.columns and forecasts["model"].n_unique() != 1:
            names = first_five(forecasts["model"].unique().sort())
            raise UsageError(f"Ranges are learnt from one model's errors; the forecasts are of {names}. Filter them.")
        windows = _windows(forecasts, panel)
        if not any(window.known.any() for window in windows):
            raise UsageError("Ranges cannot be learnt: no forecast of the backtest has a known actual beside it.")
        grain, whole = _grain(panel, windows)
        first = max(0, windows[0].day + 1 - spread.span(panel.frequency))
        levels = []
        for groups in hierarchy.all_groups(panel.series):
            past = _sum_known(groups, panel.units[:, first : windows[-1].day + 1], hierarchy.bottom)
            levels.append(_errors(groups, windows, past, first, panel, grain))
        together = [errors for errors in levels if errors.worth < _ALONE]
        parts = [[errors] for errors in levels if errors.worth >= _ALONE] + ([together] if together else [])
        rows = [row for part in parts for row in _learn(part)]
        order = pl.Enum([level_name(level) for level in hierarchy.levels])
        table = pl.DataFrame(rows).with_columns(grain=pl.lit(grain), whole=pl.lit(whole))
        return cls(table.sort(pl.col("level").cast(order), "size"))

    def apply(
        self,
        forecasts: Mapping[Level, Forecast],
        panel: Panel,
        hierarchy: Hierarchy,
        probabilities: Sequence[float],
        *,
        rounded: bool = True,
    ) -> dict[Level, Forecast]:
        """The forecasts of all levels (means that add up) with quantiles of rising `probabilities` round them.

        Quantiles never cross, and are 0 where all is closed. Rounded ones are never negative and whole where units
        are. Others, from -1/2 up, are for scoring (`evaluate.interval_scores`): they tell how far into the unit a
        quantile reaches. `panel` ends at the forecasts' cutoff. Raises UsageError for a level whose errors were not
        learnt.
        """
        check_probabilities(probabilities)
        horizon = max((forecast.horizon for forecast in forecasts.values()), default=1)
        closed = closed_days(panel, horizon)
        with_quantiles = {}
        for level, forecast in forecasts.items():
            around = self.around(level, panel, hierarchy, closed)
            flat = np.empty((len(probabilities), forecast.mean.size), np.float32)
            for start in range(0, forecast.mean.size, _BLOCK):
                mean = forecast.mean.reshape(-1)[start : start + _BLOCK]
                group, step = np.divmod(np.arange(start, start + len(mean)), forecast.horizon)
                flat[:, start : start + _BLOCK] = around.quantiles(mean, group, step, probabilities, rounded=rounded)
            quantiles = flat.reshape(len(probabilities), *forecast.mean.shape)
            with_quantiles[level] = forecast.with_quantiles(tuple(probabilities), quantiles)
        return with_quantiles

    def around(self, level: Level, panel: Panel, hierarchy: Hierarchy, closed: np.ndarray) -> Around:
        """The ranges of one level as they stand at the cutoff of `panel`; `closed` bool [series, step] says where the
        single series are. Raises UsageError for a level whose errors were not learnt."""
        rows = self.table.filter(pl.col("level") == level_name(level))
        if rows.is_empty():
            known = first_five(self.table["level"].unique(maintain_order=True))
            raise UsageError(f"No errors were learnt for the level '{level_name(level)}', only for {known}.")
        groups = hierarchy.groups(panel.series, level)
        units = _sum_known(groups, panel.units[:, -spread.span(panel.frequency) :], hierarchy.bottom)
        is_open = groups.sum((~closed).astype(np.float32)) > 0
        return Around(rows, Habits.of(units, panel.frequency, rows["grain"][0]), is_open, _near(panel, closed.shape[1]))

    @property
    def whole(self) -> bool:
        """Whether units are counts, so that rounded quantiles are whole."""
        return bool(self.table["whole"][0])

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
        if table.is_empty() or len(table["coefficients"][0]) != len(spread.BELIEVED):
            raise UnreadableFile(f"{path} was made by another version. Make the ranges again: foresell backtest")
        return cls(table)


@dataclass(frozen=True)
class Around:
    """The ranges of one level at a cutoff: `rows` of the table, `habits` of its groups, and which days are open.

    `is_open` is bool [group, step]; `near`, bool [step], says which days lie beside a holiday.
    """

    rows: pl.DataFrame
    habits: Habits
    is_open: np.ndarray
    near: np.ndarray

    def quantiles(
        self,
        mean: np.ndarray,
        group: np.ndarray,
        step: np.ndarray,
        probabilities: Sequence[float],
        *,
        rounded: bool = True,
        is_open: np.ndarray | None = None,
    ) -> np.ndarray:
        """Quantiles of rising `probabilities` round the `mean` of a `group` at a `step` (from 0), [point] each.

        float32 [q, point]; see `Ranges.apply`. `is_open` [point] where that is another than was known.
        """
        quantiles = self._unrounded(mean, group, step, np.asarray(probabilities, np.float64))
        if rounded:
            quantiles = round_quantiles(quantiles, self.rows["whole"][0])
        return np.where(self.is_open[group, step] if is_open is None else is_open, quantiles, np.float32(0))

    def _unrounded(
        self, mean: np.ndarray, group: np.ndarray, step: np.ndarray, probabilities: np.ndarray
    ) -> np.ndarray:
        from scipy.special import ndtr

        level = self.rows.row(0, named=True)
        size = np.maximum(mean.astype(np.float64) / level["grain"], spread.LEAST)
        seen = spread.traits(size, group, step + 1, self.near[step], self.habits, level["offset"], level["typical"])
        columns = seen.within((level["least"], level["greatest"])).columns()
        expected = spread.variance(columns, size, np.array(level["coefficients"]), level["factor"])
        r = counts.successes(size, expected)
        scores = _scores(self.rows, probabilities, level["worth"])
        place = np.log(size)
        places = np.stack([ndtr(np.interp(place, self.rows["size"].to_numpy(), score)) for score in scores])
        out = (counts.quantile(places, size, r) * level["grain"]).astype(np.float32)
        # Shapes of neighbouring sizes may cross in their last digits.
        return np.maximum.accumulate(out, axis=0)


def check_probabilities(probabilities: Sequence[float]) -> None:
    """Raises UsageError where they are not rising numbers between 0 and 1."""
    if list(probabilities) != sorted(set(probabilities)) or not all(0 < p < 1 for p in probabilities):
        raise UsageError(f"The quantiles are {first_five(probabilities)}; expected rising numbers between 0 and 1.")


def round_quantiles(quantiles: np.ndarray, whole: bool) -> np.ndarray:
    """Quantiles [q, ...] as they are handed out: never negative, and whole where units are.

    >>> round_quantiles(np.array([-0.4, 0.6]), True).tolist()
    [0.0, 1.0]
    """
    return np.maximum(np.floor(quantiles + 0.5) if whole else quantiles, 0)


@dataclass(frozen=True)
class _Window:
    """Index of a cutoff, the mean and the actual [series, step], 0 where not `known`; days `near` a holiday [step]."""

    day: int
    mean: np.ndarray
    actual: np.ndarray
    known: np.ndarray
    near: np.ndarray


@dataclass(frozen=True)
class _Errors:
    """Errors of one level, flat [point], in grains; and what was needed to make the traits."""

    level: Level
    mean: np.ndarray
    actual: np.ndarray
    place: np.ndarray  # uniform on 0 to 1, for the randomised transform
    traits: Traits
    offset: float
    typical: tuple[float, float]
    worth: float


def _windows(forecasts: pl.DataFrame, panel: Panel) -> list[_Window]:
    """The windows of the table from the first to the last; unknown is also where the table has no row."""
    names = panel.series.select(panel.keys).with_row_index("__series")
    rows = forecasts.select(*panel.keys, "cutoff", "step", "mean", "actual")
    rows = rows.with_columns(pl.col(key).cast(panel.series.schema[key]) for key in panel.keys)
    rows = rows.join(names, on=list(panel.keys), nulls_equal=True)
    shape = (panel.n_series, int(forecasts["step"].max()))  # type: ignore[arg-type]
    return [
        _window(rows.filter(pl.col("cutoff") == cutoff), cutoff, panel, shape)
        for cutoff in forecasts["cutoff"].unique().sort()
    ]


def _window(rows: pl.DataFrame, cutoff: date, panel: Panel, shape: tuple[int, int]) -> _Window:
    place = (rows["__series"].to_numpy().astype(np.int64), rows["step"].to_numpy().astype(np.int64) - 1)
    values = []
    for column in ("mean", "actual"):
        cube = np.full(shape, np.nan, np.float32)
        cube[place] = rows[column].to_numpy()
        values.append(cube)
    known = ~np.isnan(values[0]) & ~np.isnan(values[1])
    mean, actual = (np.where(known, value, 0) for value in values)
    return _Window(panel.day_of(cutoff), mean, actual, known, _near(panel.until(cutoff), shape[1]))


def _near(panel: Panel, horizon: int) -> np.ndarray:
    """Which of the `horizon` days after the cutoff of `panel` lie beside a holiday: bool [step]."""
    return near_holiday(panel.ahead(horizon), panel.frequency, panel.country, panel.events)


def _grain(panel: Panel, windows: list[_Window]) -> tuple[float, bool]:
    """How many units a grain is, and whether units are whole: then it is one, else a thousandth of the usual sale."""
    year = panel.units[:, max(0, windows[-1].day + 1 - panel.frequency.year) : windows[-1].day + 1]
    if all(np.all(np.mod(np.nan_to_num(units), 1) == 0) for units in (year, *(w.actual for w in windows))):
        return 1.0, True
    sold = year[year > 0]
    return (float(np.median(sold)) / 1000 if len(sold) else 1.0), False


def _sum_known(groups: Groups, units: np.ndarray, bottom: Level) -> np.ndarray:
    """Known units added up [group, day]; NaN where none of a group is known."""
    return units if groups.level == bottom else GroupSums.of(units, groups.rows, len(groups)).known_total()


def _errors(
    groups: Groups, windows: list[_Window], past: np.ndarray, first: int, panel: Panel, grain: float
) -> _Errors:
    """The errors of one level at all windows; `past` [group, day] are its units from day `first` on."""
    habits = [Habits.of(past[:, : window.day + 1 - first], panel.frequency, grain) for window in windows]
    offset = max(0.05 * float(np.mean([usual.mean.mean() for usual in habits])), 1e-6)
    noises = [tuple(usual.noise(offset)) for usual in habits]
    typical = (float(np.median([year for year, _ in noises])), float(np.median([recent for _, recent in noises])))
    hashes = key_hashes(groups.frame.with_columns(pl.lit(level_name(groups.level)).alias("level of the group")))
    parts: list[tuple[np.ndarray, ...]] = []
    worth = 0.0
    for window, usual in zip(windows, habits, strict=True):
        mean, actual = groups.sum(window.mean) / grain, groups.sum(window.actual) / grain
        group, step = np.nonzero(groups.sum(window.known.astype(np.float32)))
        worth += float(np.sqrt(len(group)))
        share = _MOST_ERRORS / (len(windows) * max(len(group), 1))
        drawn = share_of(random_bits(_DRAWN, hashes[group], window.day, step), share)
        group, step = group[drawn], step[drawn]
        size = np.maximum(mean[group, step], spread.LEAST)
        traits = spread.traits(size, group, step + 1, window.near[step], usual, offset, typical)
        place = uniform(_PLACE, hashes[group], window.day, step)
        parts.append((size, actual[group, step], place, *vars(traits).values()))
    size, actual, place, *flat = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Errors(groups.level, size, actual, place, Traits(*flat), offset, typical, worth)


def _learn(part: list[_Errors]) -> list[dict[str, object]]:
    """The rows of the table for levels that are learnt together."""
    mean, actual = (np.concatenate([getattr(errors, name) for errors in part]) for name in ("mean", "actual"))
    worth = float(np.sqrt(np.sum([errors.worth**2 for errors in part])))
    size = _by_size(mean, worth)
    sizes = range(int(size.max()) + 1)
    bias = np.array([_bias(mean[size == number], actual[size == number], worth / len(sizes)) for number in sizes])
    mean = mean * bias[size]
    columns = np.concatenate([errors.traits.columns() for errors in part])
    coefficients = spread.fit(columns, mean, actual)
    ends = np.cumsum([0, *(len(errors.mean) for errors in part)])
    slices = [slice(*pair) for pair in pairwise(ends)]
    factors, u = [], np.empty(len(mean))
    for errors, rows in zip(part, slices, strict=True):
        expected = spread.variance(columns[rows], mean[rows], coefficients)
        factors.append(_factor((actual - mean)[rows] ** 2 / expected, errors.worth) if len(part) > 1 else 1.0)
        r = counts.successes(mean[rows], expected * factors[-1])
        u[rows] = counts.transform(actual[rows], mean[rows], r, errors.place)
    whole = _shape(u, worth, GRID)
    shapes = [_shape(u[size == number], worth / len(sizes), whole).tolist() for number in sizes]
    middles = [float(np.log(np.median(mean[size == number] / bias[number]))) for number in sizes]
    return [
        _row(errors, coefficients, factor)
        | {"size": middles[number], "bias": float(bias[number]), "errors": int(np.sum(size == number))}
        | {"u": shapes[number]}
        for errors, factor in zip(part, factors, strict=True)
        for number in sizes
    ]


def _row(errors: _Errors, coefficients: np.ndarray, factor: float) -> dict[str, object]:
    least, greatest = errors.traits.limits()
    return {
        "level": level_name(errors.level),
        "offset": errors.offset,
        "typical": list(errors.typical),
        "least": least,
        "greatest": greatest,
        "coefficients": coefficients.tolist(),
        "factor": factor,
        "worth": errors.worth,
    }


def _by_size(mean: np.ndarray, worth: float) -> np.ndarray:
    """Which size each mean has [point], counted from 0 without a gap; all have about as many errors."""
    count = int(np.clip(worth // _PER_SIZE, 1, _SIZES))
    edges = np.quantile(mean, np.arange(1, count) / count)
    return np.unique(np.searchsorted(edges, mean, side="right"), return_inverse=True)[1]


def _believed(worth: float) -> float:
    return worth / (worth + _WORTH)


def _bias(mean: np.ndarray, actual: np.ndarray, worth: float) -> float:
    """Actual over forecast, nearer to 1 the fewer errors there are: what is left of it then counts as scatter."""
    ratio = float(actual.sum()) / float(mean.sum())
    return float(np.clip(ratio, 0.25, 4) ** _believed(worth))


def _factor(ratio: np.ndarray, worth: float) -> float:
    """How many times the variance that is expected of all levels this one has; `ratio` is squared error over it."""
    return float(max(np.mean(np.minimum(ratio, 20)), 1e-3) ** _believed(worth)) if len(ratio) else 1.0


def _shape(u: np.ndarray, worth: float, otherwise: np.ndarray) -> np.ndarray:
    """G at each of `GRID`, near `otherwise` where errors are few; Weibull's p = k / (n + 1) leans to the wide side."""
    share = _believed(worth)
    return share * np.quantile(u, GRID, method="weibull") + (1 - share) * otherwise


def _scores(rows: pl.DataFrame, probabilities: np.ndarray, worth: float) -> np.ndarray:
    """Normal scores of G at the `probabilities`, widened as Student's t for errors of this `worth`: [q, size]."""
    from scipy.special import ndtri, stdtrit

    normal, known = ndtri(probabilities), ndtri(GRID)
    wider = np.divide(stdtrit(worth, probabilities), normal, out=np.ones_like(normal), where=np.abs(normal) > 1e-6)
    beyond = normal - np.clip(normal, known[0], known[-1])
    scores = []
    for u in rows["u"].to_list():
        scores.append((np.interp(normal, known, ndtri(np.clip(u, 1e-9, 1 - 1e-9))) + beyond) * wider)
    return np.array(scores).T
