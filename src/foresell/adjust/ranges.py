"""Quantiles around a forecast, learnt from the errors of a backtest.

Actuals are taken to have a negative binomial distribution around the mean forecast. Its variance depends on how much
and how steadily the series sells, how far ahead the day lies, how long the series has been without a sale, and whether
a holiday is near (`spread`). The backtest shows where this is wrong: every past actual has a position u in its
predicted distribution (the randomised probability integral transform, `counts`), and if all distributions were right, u
would have a uniform distribution. The quantile function G of u, learnt apart for small and large means, corrects the
probability at which the negative binomial distribution F is read: q(p) = F^-1(G(p)). This is distributional conformal
prediction (Chernozhukov, Wüthrich and Zhu, PNAS 118, 2021) in groups. The ranges have their nominal coverage as far as
future errors have the distribution of the past ones.

**Coherence.** The means of all levels are sums of the single series. The distribution of every level has the reconciled
mean as its own mean, so that no level is moved away from the sum of the others: the bias of the past forecasts is taken
out before their scatter is learnt, and F has the mean with which the corrected distribution has the reconciled one
(`correction`). The quantiles of different levels do not add up, and should not: errors of
single series cancel out, so the range of a sum is narrower than the sum of the ranges.

**What was seen.** A forecast of 0 says that nothing will be sold. Where something is, the mean was wrong, which says
nothing of scatter, so these errors are left out. No distribution varies more than the largest sale of its series allows
(`SeriesMoments.most_dispersion`), however far the regression goes.

**Few errors.** Errors of one window depend on each other, so a window counts as the square root of its number of
errors. The effective number of a level is the sum over its windows. Levels with a small effective number are learnt
together, and each keeps a factor of its own. The G of one size is drawn towards that of all sizes, and that one towards
the uniform distribution. Ranges are widened as Student's t distribution is wider than the normal distribution. They are
the ranges of single days, not of sums over days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust import counts, spread
from foresell.adjust.backtest_errors import LevelErrors, grain_of, known_sums, level_errors, near_days, windows_of
from foresell.adjust.correction import GRID, Correction, read_scores
from foresell.adjust.spread import Predictors, SeriesMoments
from foresell.core.errors import UnreadableFile, UsageError, first_five
from foresell.core.forecast import Forecast, check_probabilities
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days

_BLOCK = 1 << 16  # forecasts whose quantiles are computed at a time
_ALONE = 200  # the effective number of errors from which a level is learnt by itself
_PER_SIZE, _SIZES = 100, 24  # the smallest effective number of errors for one size of the mean, and the most sizes
_HALF = 30  # the effective number of errors from which an estimate counts as much as its prior


@dataclass(frozen=True)
class Ranges:
    """The distribution of the errors: `table` has one row for each level and size of the mean.

    - ``level``: in words.
    - ``grain``: the units of a grain, see `spread`. ``whole``: whether units are counts.
    - ``offset``, ``typical``: the offset and the typical dispersions for `spread.Predictors`.
    - ``least``, ``greatest``: the limits of the predictors in the backtest.
    - ``coefficients``, ``factor``: those of `spread.variance`.
    - ``worth``: the effective number of the level's errors.
    - ``size``: the logarithm of the mean in grains. ``errors``: their number.
    - ``bias``: actual over forecast, which is taken out.
    - ``u``: G at each of `GRID`.
    """

    table: pl.DataFrame
    _corrections: dict[Level, Correction] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def learn(cls, forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> Ranges:
        """Learns from a table of reconciled `forecasts` of the single series: keys, cutoff, date, step, mean, actual.

        `panel` is that of the backtest. Beside the actuals, only what was known at the cutoff of each window is used.
        Raises UsageError for forecasts of several models, or without a known actual.
        """
        if "model" in forecasts.columns and forecasts["model"].n_unique() != 1:
            names = first_five(forecasts["model"].unique().sort())
            raise UsageError(f"Ranges are learnt from one model's errors; the forecasts are of {names}. Filter them.")
        windows = windows_of(forecasts, panel)
        if not any(window.known.any() for window in windows):
            raise UsageError("Ranges cannot be learnt: no forecast of the backtest has a known actual beside it.")
        grain, whole = grain_of(panel, windows)
        first = max(0, windows[0].day + 1 - spread.span(panel.frequency))
        levels = []
        for groups in hierarchy.all_groups(panel.series):
            past = known_sums(groups, panel.units[:, first : windows[-1].day + 1], hierarchy.bottom)
            levels.append(level_errors(groups, windows, past, first, panel, grain))
        together = [errors for errors in levels if errors.n_effective < _ALONE]
        parts = [[errors] for errors in levels if errors.n_effective >= _ALONE] + ([together] if together else [])
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
        """The coherent forecasts of all levels, with quantiles of rising `probabilities` around their means.

        Quantiles never cross, and are 0 where all series of a group are closed. Rounded quantiles are never negative,
        and whole where units are whole. Quantiles that are not rounded start at -1/2 and are for scoring: they show
        which part of a unit a quantile covers (`evaluate.interval_scores`). `panel` ends at the cutoff of the
        forecasts. Raises UsageError for a level whose errors were not learnt.
        """
        check_probabilities(probabilities)
        horizon = max((forecast.horizon for forecast in forecasts.values()), default=1)
        closed = closed_days(panel, horizon)
        with_quantiles = {}
        for level, forecast in forecasts.items():
            ranges = self.of_level(level, panel, hierarchy, closed)
            flat = np.empty((len(probabilities), forecast.mean.size), np.float32)
            for start in range(0, forecast.mean.size, _BLOCK):
                mean = forecast.mean.reshape(-1)[start : start + _BLOCK]
                group, step = np.divmod(np.arange(start, start + len(mean)), forecast.horizon)
                flat[:, start : start + _BLOCK] = ranges.quantiles(mean, group, step, probabilities, rounded=rounded)
            quantiles = flat.reshape(len(probabilities), *forecast.mean.shape)
            with_quantiles[level] = forecast.with_quantiles(tuple(probabilities), quantiles)
        return with_quantiles

    def of_level(self, level: Level, panel: Panel, hierarchy: Hierarchy, closed: np.ndarray) -> LevelRanges:
        """The ranges of one level at the cutoff of `panel`; `closed` are the closed days of the single series, bool
        [series, step].

        Raises UsageError for a level whose errors were not learnt.
        """
        rows = self.table.filter(pl.col("level") == level_name(level))
        if rows.is_empty():
            known = first_five(self.table["level"].unique(maintain_order=True))
            raise UsageError(f"No errors were learnt for the level '{level_name(level)}', only for {known}.")
        groups = hierarchy.groups(panel.series, level)
        units = known_sums(groups, panel.units[:, -spread.span(panel.frequency) :], hierarchy.bottom)
        is_open = groups.sum((~closed).astype(np.float32)) > 0
        moments = SeriesMoments.of(units, panel.frequency, rows["grain"][0])
        if level not in self._corrections:
            self._corrections[level] = Correction.of(rows)
        return LevelRanges(rows, moments, is_open, near_days(panel, closed.shape[1]), self._corrections[level])

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
        """Reads the file that `save` wrote. Raises UnreadableFile where it is missing, damaged or outdated."""
        try:
            table = pl.read_parquet(path, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(f"{path} holds no ranges. Make them with: foresell backtest") from error
        if table.is_empty() or len(table["coefficients"][0]) != len(spread.PRIOR_COEFFICIENTS):
            raise UnreadableFile(f"{path} was made by another version. Make the ranges again: foresell backtest")
        return cls(table)


@dataclass(frozen=True)
class LevelRanges:
    """The ranges of one level at a cutoff.

    `rows` are the level's rows of `Ranges.table`, `correction` is theirs, and `moments` those of its groups. `is_open`
    is bool [group, step], and `near` bool [step] says which days have a holiday near.
    """

    rows: pl.DataFrame
    moments: SeriesMoments
    is_open: np.ndarray
    near: np.ndarray
    correction: Correction

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
        """The quantiles of rising `probabilities` around each `mean`, float32 [q, point]; see `Ranges.apply`.

        `mean`, `group` and `step` (from 0) are [point] each. `is_open` [point] takes the place of the level's own.
        """
        quantiles = self._unrounded(mean, group, step, np.asarray(probabilities, np.float64))
        if rounded:
            quantiles = round_quantiles(quantiles, self.whole)
        return np.where(self.is_open[group, step] if is_open is None else is_open, quantiles, np.float32(0))

    @property
    def whole(self) -> bool:
        """Whether units are counts, so that rounded quantiles are whole."""
        return bool(self.rows["whole"][0])

    def distribution(self, mean: np.ndarray, group: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The negative binomial distributions before their correction: the means in grains, and r [point] each.

        Their means are those with which the corrected distributions have `mean` [point].
        """
        level = self.rows.row(0, named=True)
        size = np.maximum(mean.astype(np.float64) / level["grain"], spread.LEAST)
        near = self.near[step]
        seen = Predictors.of(size, group, step + 1, near, self.moments, level["offset"], level["typical"])
        columns = seen.within((level["least"], level["greatest"])).columns()
        most = self.moments.most_dispersion(size, group)
        expected = spread.variance(columns, size, np.array(level["coefficients"]), most, level["factor"])
        factor = self.correction.means(size, expected)
        return size * factor, counts.successes(size * factor, expected * factor)

    def _unrounded(
        self, mean: np.ndarray, group: np.ndarray, step: np.ndarray, probabilities: np.ndarray
    ) -> np.ndarray:
        """The quantiles in units, from -1/2 up: float32 [q, point]."""
        from scipy.special import ndtr

        size, r = self.distribution(mean, group, step)
        log_size, sizes = np.log(size), self.rows["size"].to_numpy()
        read_at = read_scores(self.rows, probabilities)
        corrected = np.stack([ndtr(np.interp(log_size, sizes, scores)) for scores in read_at])
        quantiles = (counts.quantile(corrected, size, r) * self.rows["grain"][0]).astype(np.float32)
        # The G of neighbouring sizes may cross in the last digits.
        return np.maximum.accumulate(quantiles, axis=0)


def round_quantiles(quantiles: np.ndarray, whole: bool) -> np.ndarray:
    """The quantiles [q, ...], never negative, and whole where units are `whole`.

    >>> round_quantiles(np.array([-0.4, 0.6]), True).tolist()
    [0.0, 1.0]
    """
    return np.maximum(np.floor(quantiles + 0.5) if whole else quantiles, 0)


def _learn(part: list[LevelErrors]) -> list[dict[str, object]]:
    """The rows of `Ranges.table` for levels that are learnt together."""
    mean, actual = (np.concatenate([getattr(errors, name) for errors in part]) for name in ("mean", "actual"))
    n_effective = float(np.sqrt(np.sum([errors.n_effective**2 for errors in part])))
    size = _size_classes(mean, n_effective)
    sizes = range(int(size.max()) + 1)
    bias = np.array([_bias(mean[size == number], actual[size == number], n_effective / len(sizes)) for number in sizes])
    mean = mean * bias[size]
    columns = np.concatenate([errors.predictors.columns() for errors in part])
    coefficients = spread.fit(columns, mean, actual)
    ends = np.cumsum([0, *(len(errors.mean) for errors in part)])
    slices = [slice(*pair) for pair in pairwise(ends)]
    factors, u = [], np.empty(len(mean))
    for errors, rows in zip(part, slices, strict=True):
        expected = spread.variance(columns[rows], mean[rows], coefficients, errors.most_dispersion)
        factors.append(_factor((actual - mean)[rows] ** 2 / expected, errors.n_effective) if len(part) > 1 else 1.0)
        r = counts.successes(mean[rows], expected * factors[-1])
        u[rows] = counts.transform(actual[rows], mean[rows], r, errors.place)
    of_all = _u_quantiles(u, n_effective, GRID)
    of_sizes = [_u_quantiles(u[size == number], n_effective / len(sizes), of_all).tolist() for number in sizes]
    middles = [float(np.log(np.median(mean[size == number] / bias[number]))) for number in sizes]
    return [
        _row(errors, coefficients, factor)
        | {"size": middles[number], "bias": float(bias[number]), "errors": int(np.sum(size == number))}
        | {"u": of_sizes[number]}
        for errors, factor in zip(part, factors, strict=True)
        for number in sizes
    ]


def _row(errors: LevelErrors, coefficients: np.ndarray, factor: float) -> dict[str, object]:
    """The columns of `Ranges.table` that are the same for all sizes of a level."""
    least, greatest = errors.predictors.limits()
    return {
        "level": level_name(errors.level),
        "offset": errors.offset,
        "typical": list(errors.typical),
        "least": least,
        "greatest": greatest,
        "coefficients": coefficients.tolist(),
        "factor": factor,
        "worth": errors.n_effective,
    }


def _size_classes(mean: np.ndarray, n_effective: float) -> np.ndarray:
    """The size class of each mean [point], counted from 0 without a gap; all classes have about as many errors."""
    count = int(np.clip(n_effective // _PER_SIZE, 1, _SIZES))
    edges = np.quantile(mean, np.arange(1, count) / count)
    return np.unique(np.searchsorted(edges, mean, side="right"), return_inverse=True)[1]


def _credibility(n_effective: float) -> float:
    """The weight of an estimate against its prior, from 0 to 1."""
    return n_effective / (n_effective + _HALF)


def _bias(mean: np.ndarray, actual: np.ndarray, n_effective: float) -> float:
    """Actual over forecast, drawn towards 1 where errors are few. The bias that is left then counts as scatter."""
    ratio = float(actual.sum()) / float(mean.sum())
    return float(np.clip(ratio, 0.25, 4) ** _credibility(n_effective))


def _factor(ratio: np.ndarray, n_effective: float) -> float:
    """The factor of one level on the variance that is learnt for several; `ratio` is squared error / variance."""
    return float(max(np.mean(np.minimum(ratio, 20)), 1e-3) ** _credibility(n_effective)) if len(ratio) else 1.0


def _u_quantiles(u: np.ndarray, n_effective: float, prior: np.ndarray) -> np.ndarray:
    """G at each of `GRID`, drawn towards the `prior` where errors are few.

    Weibull's plotting position p = k / (n + 1) gives ranges that are rather too wide than too narrow.
    """
    share = _credibility(n_effective)
    return share * np.quantile(u, GRID, method="weibull") + (1 - share) * prior
