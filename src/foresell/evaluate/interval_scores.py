"""How often ranges hold, how wide they are, and what their quantiles lose: by level, segment and step.

A range from the 5 % to the 95 % quantile promises to hold 90 %. Of counts, a closed range holds more, however well it
is made: where nothing is sold on nine days in ten, the range from 0 to 0 holds 90 %, and so does every wider one. So
the mass that lies on a bound counts in part, the part that the forecast meant. Quantiles that are not rounded (see
`adjust.ranges`) say which: a count a stands for the unit from a - 1/2 to a + 1/2, and a quantile in it has that share
of a below it. This is the nonrandomised probability integral transform: Czado, Gneiting and Held, "Predictive model
assessment for count data", Biometrics 65, 2009, section 2.1. With the closed range comes the open one, without
its bounds; a right range has its promise between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Level, level_name
from foresell.evaluate.metrics import pinball, weighted
from foresell.evaluate.scores import ALL_LEVELS, Window


def share_below(actual: np.ndarray, quantile: np.ndarray, whole: bool) -> np.ndarray:
    """How much of each actual lies below its quantile, 0 to 1: in part where units are `whole` and it lies on it.

    Its mean over many days should be the quantile's probability. NaN where the actual is not known.

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

    The mean over the quantiles, weighted over the series (`metrics.weighted`), is WSPL. Makridakis and others, "The
    M5 uncertainty competition", International Journal of Forecasting 38, 2022, section 2.3.

    >>> loss = scaled_pinball(np.array([[4.0, 8]]), np.array([[[5.0, 5]]]), [0.75], scale=np.array([2.0]))
    >>> loss.tolist()  # (0.25 * 1 + 0.75 * 3) / 2, over 2
    [[0.625]]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        usable = np.where(scale > 0, scale, np.nan)
    pairs = zip(quantiles, probabilities, strict=True)
    return np.stack([pinball(actual, quantile, each, axis=-1) / usable for quantile, each in pairs])


def central(probabilities: Sequence[float]) -> list[tuple[int, int]]:
    """Which two quantiles bound a central range, from the narrowest to the widest.

    >>> central([0.05, 0.25, 0.5, 0.75, 0.95])
    [(1, 3), (0, 4)]
    """
    place = {round(each, 9): number for number, each in enumerate(probabilities)}
    pairs = [(place[low], place.get(round(1 - low, 9))) for low in sorted(place, reverse=True) if low < 0.5]
    return [(low, high) for low, high in pairs if high is not None]


def score_ranges(
    window: Window, forecasts: Mapping[Level, Forecast], scales: Sequence[np.ndarray], whole: bool
) -> dict[str, pl.DataFrame]:
    """Scores of the quantiles of all levels of a window, as two tidy tables.

    `forecasts` have quantiles that are not rounded where units are `whole` (``Ranges.apply(rounded=False)``); those of
    a level of which only a part of the series is known are taken in the proportion of the means. `scales` are the
    window's of `weights.absolute_scales`.

    - ``ranges``: for each level and central range: ``nominal`` (what it promises), ``points``, ``coverage`` (bounds
      in part), ``open`` and ``closed`` (without and with the bounds), ``width`` in units, and ``relative_width``, the
      sum of widths over that of means. ``by`` is ``all`` for the whole level; else ``step``, or one of the window's
      divisions of the single series. Which step or segment it is stands in ``segment``.
    - ``quantiles``: for each level and probability: ``points``, ``share`` (of actuals below, bounds in part),
      ``share_below`` and ``share_at_or_below`` (see `calibration`), ``pinball`` in units and ``wspl``, whose mean over
      the probabilities is the level's WSPL. The level ``all`` has the mean of all levels by their weight.

    Raises UsageError where a level is missing or has no quantiles, or other ones than the rest.
    """
    probabilities = _probabilities(window, forecasts)
    ranges, quantiles = [], []
    for number, judged in enumerate(_levels(window, forecasts, whole)):
        name = level_name(window.groups[number].level)
        bottom = number == len(window.groups) - 1
        ranges += [{"level": name, **row} for row in _range_rows(judged, probabilities, window.segments, bottom)]
        weight = window.weights.weight[number]
        quantiles += [{"level": name, **row} for row in _quantile_rows(judged, probabilities, scales[number], weight)]
    return {"ranges": pl.DataFrame(ranges, schema_overrides=_KINDS), "quantiles": _with_all(quantiles, window)}


_KINDS = dict.fromkeys(("coverage", "open", "closed", "width", "relative_width"), pl.Float64)


@dataclass(frozen=True)
class _Judged:
    """One level: `actual`, `mean` [series, step], and `share`, `rounded` [q, series, step]; NaN where not known."""

    actual: np.ndarray
    mean: np.ndarray
    share: list[np.ndarray]
    rounded: np.ndarray


def _probabilities(window: Window, forecasts: Mapping[Level, Forecast]) -> tuple[float, ...]:
    levels = [groups.level for groups in window.groups]
    missing = [level_name(level) for level in levels if level not in forecasts or forecasts[level].quantiles is None]
    if missing:
        raise UsageError(f"{len(missing)} levels have no quantiles to score: {first_five(missing)}.")
    asked = {forecasts[level].probabilities for level in levels}
    if len(asked) > 1:
        raise UsageError(f"The levels have different quantiles: {first_five(sorted(asked))}; score the same of all.")
    return asked.pop()


def _levels(window: Window, forecasts: Mapping[Level, Forecast], whole: bool) -> Iterator[_Judged]:
    """What is judged at each level, from the top down; unknown days count on neither side."""
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
        yield _Judged(actual, np.where(np.isnan(actual), np.nan, mean), share, rounded)


def _range_rows(
    judged: _Judged, probabilities: Sequence[float], segments: pl.DataFrame, bottom: bool
) -> Iterator[dict[str, object]]:
    for low, high in central(probabilities):
        lower, upper = judged.rounded[low], judged.rounded[high]
        unknown = np.isnan(judged.actual)
        values = {
            "coverage": judged.share[high] - judged.share[low],
            "open": np.where(unknown, np.nan, (lower < judged.actual) & (judged.actual < upper)),
            "closed": np.where(unknown, np.nan, (lower <= judged.actual) & (judged.actual <= upper)),
            "width": np.where(unknown, np.nan, upper - lower),
            "mean": judged.mean,
        }
        nominal = {"nominal": round(probabilities[high] - probabilities[low], 9)}
        for by, segment, part in _parts(judged.actual.shape, segments, bottom):
            yield {"by": by, "segment": segment} | nominal | _summed({n: v[part] for n, v in values.items()})


def _parts(shape: tuple[int, ...], segments: pl.DataFrame, bottom: bool) -> Iterator[tuple[str, str, tuple]]:
    """The whole level, its steps and, at the bottom, its segments: by what, which, and the index [series, step]."""
    yield "all", "all", (slice(None), slice(None))
    for step in range(shape[1]):
        yield "step", str(step + 1), (slice(None), step)
    for column in segments.columns if bottom else ():
        labels = segments[column].to_numpy()
        for label in sorted(set(labels)):
            yield column, label, (labels == label, slice(None))


def _summed(values: dict[str, np.ndarray]) -> dict[str, object]:
    """Points, the means of all that was measured, and the width relative to the mean."""
    points = int(np.sum(~np.isnan(values["width"])))
    totals = {name: float(np.nansum(value, dtype=np.float64)) for name, value in values.items()}
    means = {name: totals[name] / points if points else None for name in ("coverage", "open", "closed", "width")}
    relative = totals["width"] / totals["mean"] if totals["mean"] > 0 else None
    return {"points": points, **means, "relative_width": relative}


def _quantile_rows(
    judged: _Judged, probabilities: Sequence[float], scale: np.ndarray, weight: np.ndarray
) -> Iterator[dict[str, object]]:
    known = ~np.isnan(judged.actual)
    points, actual = int(known.sum()), judged.actual[known]
    scaled = scaled_pinball(judged.actual, judged.rounded, probabilities, scale)
    for number, probability in enumerate(probabilities):
        quantile = judged.rounded[number][known]
        yield {
            "probability": probability,
            "points": points,
            "share": float(judged.share[number][known].mean()) if points else None,
            "share_below": float(np.mean(actual < quantile)) if points else None,
            "share_at_or_below": float(np.mean(actual <= quantile)) if points else None,
            "pinball": float(pinball(actual, quantile, probability)) if points else None,
            "wspl": float(weighted(scaled[number], weight)),
        }


def _with_all(rows: list[dict[str, object]], window: Window) -> pl.DataFrame:
    """Before the levels, all of them together: the mean of their WSPL by the weight each level has in all."""
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
    """WSPL of each level, and of ``all``: the mean over the probabilities of the table ``quantiles``, by its labels.

    Columns that stand beside the level, such as the model and the cutoff, are kept.
    """
    scores = ("probability", "points", "share", "share_below", "share_at_or_below", "pinball", "wspl")
    labels = [name for name in quantiles.columns if name not in scores]
    return quantiles.group_by(labels, maintain_order=True).agg(pl.col("wspl").mean())
