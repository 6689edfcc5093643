"""The coverage and width of ranges and the pinball loss of their quantiles, by level, segment and step.

The range from the 5 % to the 95 % quantile should contain 90 % of the actuals. A closed range of whole units contains
more, however good it is: where nothing is sold on nine days in ten, the range from 0 to 0 contains 90 %, and so does
every wider one. So an actual that equals a bound counts in part. Quantiles that are not rounded (see `adjust.ranges`)
show which part: the whole number a stands for the interval from a - 1/2 to a + 1/2, and a quantile in this interval has
the share of the interval below the quantile below it. This is the nonrandomised probability integral transform: Czado,
Gneiting and Held, "Predictive model assessment for count data", Biometrics 65, 2009, section 2.1. The tables also have
the coverage of the closed range and of the open one, without its bounds; the nominal coverage of a right range lies
between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Level, level_name
from foresell.evaluate.evaluation_window import ALL_LEVELS, EvaluationWindow
from foresell.evaluate.metrics import pinball, weighted_mean


def share_below(actual: np.ndarray, quantile: np.ndarray, whole: bool) -> np.ndarray:
    """Whether each actual lies below its quantile: 0, 1, or in between where units are `whole` and the two are equal.

    The mean over many days should be the quantile's probability. NaN where the actual is not known.

    >>> share_below(np.array([3.0, 3, 3]), np.array([2.4, 3.1, 9]), whole=True).round(1).tolist()
    [0.0, 0.6, 1.0]
    """
    if whole:
        return np.clip(quantile - (actual - 0.5), 0, 1)
    return np.where(np.isnan(actual), np.nan, actual <= quantile)


def scaled_pinball(
    actual: np.ndarray, quantiles: np.ndarray, probabilities: Sequence[float], scale: np.ndarray
) -> np.ndarray:
    """Pinball loss of each quantile and series over its `scale` (`weights.absolute_scales`): [q, series].

    The mean over the quantiles, weighted over the series (`metrics.weighted_mean`), is WSPL. Makridakis and others,
    "The M5 uncertainty competition", International Journal of Forecasting 38, 2022, section 2.3.

    >>> loss = scaled_pinball(np.array([[4.0, 8]]), np.array([[[5.0, 5]]]), [0.75], scale=np.array([2.0]))
    >>> loss.tolist()  # (0.25 * 1 + 0.75 * 3) / 2, over 2
    [[0.625]]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        usable = np.where(scale > 0, scale, np.nan)
    pairs = zip(quantiles, probabilities, strict=True)
    return np.stack([pinball(actual, quantile, probability, axis=-1) / usable for quantile, probability in pairs])


def central(probabilities: Sequence[float]) -> list[tuple[int, int]]:
    """The pairs of quantiles that bound a central range, by their positions, from the narrowest to the widest range.

    >>> central([0.05, 0.25, 0.5, 0.75, 0.95])
    [(1, 3), (0, 4)]
    """
    position = {round(probability, 9): number for number, probability in enumerate(probabilities)}
    lower = [probability for probability in sorted(position, reverse=True) if probability < 0.5]
    pairs = [(position[low], position.get(round(1 - low, 9))) for low in lower]
    return [(low, high) for low, high in pairs if high is not None]


def score_ranges(
    window: EvaluationWindow, forecasts: Mapping[Level, Forecast], scales: Sequence[np.ndarray], whole: bool
) -> dict[str, pl.DataFrame]:
    """Scores of the quantiles of all levels of a window, as two tidy tables.

    `forecasts` have quantiles that are not rounded where units are `whole` (``Ranges.apply(rounded=False)``). Where
    only a part of a group's series is known, its quantiles are reduced in proportion to the means. `scales` are those
    of `weights.absolute_scales` for the window.

    - ``ranges``: for each level and central range: ``nominal`` coverage, ``points``, ``coverage`` (bounds count
      in part), ``open`` and ``closed`` (without and with the bounds), ``width`` in units, and ``relative_width``, the
      sum of widths over that of means. ``by`` is ``all`` for the whole level; else ``step``, or one of the window's
      divisions of the single series. ``segment`` is the step or the segment.
    - ``quantiles``: for each level and probability: ``points``, ``share`` (of actuals below; equal ones count in part),
      ``share_below`` and ``share_at_or_below`` (see `calibration`), ``pinball`` in units and ``wspl``, whose mean over
      the probabilities is the level's WSPL. The level ``all`` has the mean of all levels by their weight.

    Raises UsageError where a level is missing or has no quantiles, or other ones than the rest.
    """
    probabilities = _probabilities(window, forecasts)
    ranges, quantiles = [], []
    for number, values in enumerate(_levels(window, forecasts, whole)):
        name = level_name(window.groups[number].level)
        bottom = number == len(window.groups) - 1
        ranges += [{"level": name, **row} for row in _range_rows(values, probabilities, window.segments, bottom)]
        weight = window.weights.weight[number]
        quantiles += [{"level": name, **row} for row in _quantile_rows(values, probabilities, scales[number], weight)]
    return {"ranges": pl.DataFrame(ranges, schema_overrides=_KINDS), "quantiles": _with_all(quantiles, window)}


_KINDS = dict.fromkeys(("coverage", "open", "closed", "width", "relative_width"), pl.Float64)


@dataclass(frozen=True)
class _LevelValues:
    """The values of one level, NaN where not known.

    `actual` and `mean` are [series, step]; `share` (see `share_below`) and the `rounded` quantiles are [q, series,
    step].
    """

    actual: np.ndarray
    mean: np.ndarray
    share: list[np.ndarray]
    rounded: np.ndarray


def _probabilities(window: EvaluationWindow, forecasts: Mapping[Level, Forecast]) -> tuple[float, ...]:
    levels = [groups.level for groups in window.groups]
    missing = [level_name(level) for level in levels if level not in forecasts or forecasts[level].quantiles is None]
    if missing:
        raise UsageError(f"{len(missing)} levels have no quantiles to score: {first_five(missing)}.")
    probabilities = {forecasts[level].probabilities for level in levels}
    if len(probabilities) > 1:
        raise UsageError(
            f"The levels have different quantiles: {first_five(sorted(probabilities))}; score the same of all."
        )
    return probabilities.pop()


def _levels(window: EvaluationWindow, forecasts: Mapping[Level, Forecast], whole: bool) -> Iterator[_LevelValues]:
    """The values of each level, from the top down; unknown days are left out of actuals and forecasts alike."""
    bottom = forecasts[window.groups[-1].level].mean
    for groups, actual in zip(window.groups, window.actual, strict=True):
        forecast = forecasts[groups.level]
        mean = forecast.mean.astype(np.float64)
        quantiles = forecast.quantiles
        assert quantiles is not None  # see _probabilities
        if not window.known.all():
            part = groups.sum(np.where(window.known, bottom, 0))
            known = np.divide(part, mean, out=np.ones_like(mean), where=mean > 0)
            mean, quantiles = part, quantiles * np.minimum(known, 1)
        share = [share_below(actual, quantile, whole) for quantile in quantiles]
        rounded = np.maximum(np.floor(quantiles + 0.5) if whole else quantiles, 0)
        yield _LevelValues(actual, np.where(np.isnan(actual), np.nan, mean), share, rounded)


def _range_rows(
    level: _LevelValues, probabilities: Sequence[float], segments: pl.DataFrame, bottom: bool
) -> Iterator[dict[str, object]]:
    """The rows of the table ``ranges`` for one level; only the `bottom` level has rows of segments."""
    unknown = np.isnan(level.actual)
    for low, high in central(probabilities):
        lower, upper = level.rounded[low], level.rounded[high]
        values = {
            "coverage": level.share[high] - level.share[low],
            "open": np.where(unknown, np.nan, (lower < level.actual) & (level.actual < upper)),
            "closed": np.where(unknown, np.nan, (lower <= level.actual) & (level.actual <= upper)),
            "width": np.where(unknown, np.nan, upper - lower),
            "mean": level.mean,
        }
        nominal = {"nominal": round(probabilities[high] - probabilities[low], 9)}
        for by, segment, part in _parts(level.actual.shape, segments, bottom):
            means = _means({name: array[part] for name, array in values.items()})
            yield {"by": by, "segment": segment} | nominal | means


def _parts(shape: tuple[int, ...], segments: pl.DataFrame, bottom: bool) -> Iterator[tuple[str, str, tuple]]:
    """The whole level, its steps and, at the bottom, its segments: by what, which, and the index [series, step]."""
    yield "all", "all", (slice(None), slice(None))
    for step in range(shape[1]):
        yield "step", str(step + 1), (slice(None), step)
    for column in segments.columns if bottom else ():
        labels = segments[column].to_numpy()
        for label in sorted(set(labels)):
            yield column, label, (labels == label, slice(None))


def _means(values: dict[str, np.ndarray]) -> dict[str, object]:
    """The number of points, the means of `values`, and the width relative to the mean forecast."""
    points = int(np.sum(~np.isnan(values["width"])))
    totals = {name: float(np.nansum(value, dtype=np.float64)) for name, value in values.items()}
    means = {name: totals[name] / points if points else None for name in ("coverage", "open", "closed", "width")}
    relative = totals["width"] / totals["mean"] if totals["mean"] > 0 else None
    return {"points": points, **means, "relative_width": relative}


def _quantile_rows(
    level: _LevelValues, probabilities: Sequence[float], scale: np.ndarray, weight: np.ndarray
) -> Iterator[dict[str, object]]:
    """The rows of the table ``quantiles`` for one level."""
    known = ~np.isnan(level.actual)
    points, actual = int(known.sum()), level.actual[known]
    scaled = scaled_pinball(level.actual, level.rounded, probabilities, scale)
    for number, probability in enumerate(probabilities):
        quantile = level.rounded[number][known]
        yield {
            "probability": probability,
            "points": points,
            "share": float(level.share[number][known].mean()) if points else None,
            "share_below": float(np.mean(actual < quantile)) if points else None,
            "share_at_or_below": float(np.mean(actual <= quantile)) if points else None,
            "pinball": float(pinball(actual, quantile, probability)) if points else None,
            "wspl": float(weighted_mean(scaled[number], weight)),
        }


def _with_all(rows: list[dict[str, object]], window: EvaluationWindow) -> pl.DataFrame:
    """The table of the levels, after the rows of all levels together: the mean of their WSPL by their weights."""
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("wspl").fill_nan(None))
    shares = pl.DataFrame(
        {
            "level": [level_name(groups.level) for groups in window.groups],
            "share_of_all": [float(weight.sum()) for weight in window.weights.weight],
        }
    )
    known = pl.col("wspl").is_not_null()
    overall = (
        frame.join(shares, on="level", maintain_order="left")
        .group_by("probability", maintain_order=True)
        .agg(wspl=(pl.col("wspl") * pl.col("share_of_all")).sum() / pl.col("share_of_all").filter(known).sum())
        .select(pl.lit(ALL_LEVELS).alias("level"), "probability", pl.col("wspl").fill_nan(None))
    )
    return pl.concat([overall, frame], how="diagonal").select(frame.columns)


def wspl(quantiles: pl.DataFrame) -> pl.DataFrame:
    """The WSPL of each level and of ``all``: the mean of column ``wspl`` over the probabilities of the table
    ``quantiles``.

    Further columns of the table, such as the cutoff, are kept, and every combination of them has a row.
    """
    scores = ("probability", "points", "share", "share_below", "share_at_or_below", "pinball", "wspl")
    labels = [name for name in quantiles.columns if name not in scores]
    return quantiles.group_by(labels, maintain_order=True).agg(pl.col("wspl").mean())
