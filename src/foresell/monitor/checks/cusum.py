"""The CUSUM chart of weekly bias, which shows a drift that is too slow for any single week.

The tabular CUSUM (Page, "Continuous inspection schemes", Biometrika 41, 1954; Montgomery, "Introduction to Statistical
Quality Control", section 9.1) adds up each week's deviation to one side, in standard deviations, less a slack of one
half. It restarts at 0 whenever the sum falls below 0. It signals where the sum exceeds the limit that chance allows.

The usual mean is estimated from few windows, and a small error in it would add up for ever. So each week updates the
mean after it was judged: the self-starting CUSUM (Hawkins, "Self-starting CUSUM charts for location and scale", The
Statistician 36, 1987). Moreover, weeks that one model forecast are correlated, and their spread is an estimate too.
All of this makes the sums larger than textbook tables assume. So the limit is found by simulating weeks of this kind
(a parametric bootstrap; Gandy and Kvaløy, "Guaranteed conditional performance of control charts via bootstrap methods",
Scandinavian Journal of Statistics 40, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.monitor.accuracy import oldest_first
from foresell.monitor.bounds import UsualFigure

SLACK = 0.5  # standard deviations; this slack is tuned to shifts of one standard deviation
MOST_WEEKS = 26
_DRAWS = 40_000


@dataclass(frozen=True)
class Week:
    """A week with the forecast that was in use when it began, made at `cutoff` by `model`. Its `lean` is the log of
    units sold over units forecast."""

    first: date
    last: date
    cutoff: date
    model: str
    lean: float


@dataclass(frozen=True)
class CusumChart:
    """The chart of `weeks`, oldest first.

    - `sums` [week]: the larger of the two sums; positive where more was sold than forecast, negative where less was.
    - `limits` [week]: the limit of its absolute value.
    - `since`: the first day of the drift, where the last sum exceeds its limit; else None.
    """

    weeks: tuple[Week, ...]
    sums: tuple[float, ...]
    limits: tuple[float, ...]
    since: date | None


def weeks_in_use(daily: pl.DataFrame, dates: Sequence[date], size: int) -> list[Week]:
    """The newest weeks of `size` periods, oldest first. The last ends with `dates`, all periods whose sales came in.

    `daily` has the day sums of the total of all forecasts, with their ``model``. The forecast of a week is the newest
    one that was made before the week began and reaches its end; of several at one cutoff, the one made last. A week
    without such a forecast, or with unknown days, is left out.
    """
    known = oldest_first(daily.filter((pl.col("points") > 0) & pl.col("cutoff").is_in(list(set(dates)))))
    newest = list(known.partition_by("cutoff", "model", as_dict=True, maintain_order=True).items())[::-1]
    weeks: list[Week] = []
    for end in range(len(dates), size - 1, -size):
        if len(weeks) == MOST_WEEKS:
            break
        first, last = dates[end - size], dates[end - 1]
        for (cutoff, model), rows in newest:
            if cutoff >= first:
                continue
            part = rows.filter(pl.col("date").is_between(first, last))
            if part.height == size:
                units, forecast = float(part["units"].sum()), float(part["forecast"].sum())
                weeks.append(Week(first, last, cutoff, model, float(np.log((units + 0.5) / (forecast + 0.5)))))
                break
    return weeks[::-1]


def cusum_chart(weeks: Sequence[Week], usual: UsualFigure, rate: float) -> CusumChart:
    """The CUSUM chart of `weeks`, oldest first. By chance the last sum exceeds its limit with `rate` at most.

    After a signal the sums restart with the first week whose forecast was made after the signal, because that forecast
    could already take the drift into account.
    """
    cutoffs = [week.cutoff for week in weeks]
    limits = _limits(cutoffs, usual, rate)
    scale, centre = float(np.sqrt(usual.variance)), usual.mean
    up = down = 0.0
    began: list[date | None] = [None, None]
    signalled: date | None = None
    sums: list[float] = []
    for number, (week, limit) in enumerate(zip(weeks, limits, strict=True)):
        if signalled is not None and week.cutoff >= signalled:
            up = down = 0.0
            began, signalled = [None, None], None
        score = (week.lean - centre) / scale if scale > 0 else 0.0
        # The self-starting CUSUM: a judged week takes part in the mean of the next.
        centre += (week.lean - centre) / (usual.effective_blocks + number + 1)
        up, down = max(0.0, up + score - SLACK), max(0.0, down - score - SLACK)
        began = [_since(began[0], up, week), _since(began[1], down, week)]
        beyond = max(up, down) > limit
        signalled = (signalled or week.last) if beyond else None
        sums.append(up if up >= down else -down)
    since = began[0] if up >= down else began[1]
    return CusumChart(tuple(weeks), tuple(sums), tuple(limits), since if signalled is not None else None)


def _since(began: date | None, total: float, week: Week) -> date | None:
    return None if total == 0 else began or week.first


def _limits(cutoffs: Sequence[date], usual: UsualFigure, rate: float) -> list[float]:
    """By week, the limit that the larger of the two sums exceeds with `rate` where nothing has changed."""
    random = np.random.default_rng(1)
    freedom = max(usual.freedom, 0.1)
    scale = np.sqrt(random.chisquare(freedom, _DRAWS) / freedom)
    centre = random.standard_normal(_DRAWS) / np.sqrt(max(usual.effective_blocks, 1.0))
    up, down, window = np.zeros(_DRAWS), np.zeros(_DRAWS), np.zeros(_DRAWS)
    limits = []
    for place, cutoff in enumerate(cutoffs):
        if place == 0 or cutoff != cutoffs[place - 1]:
            window = random.standard_normal(_DRAWS)
        own = random.standard_normal(_DRAWS)
        week = np.sqrt(usual.correlation) * window + np.sqrt(1 - usual.correlation) * own
        score = (week - centre) / np.maximum(scale, 1e-6)
        centre += (week - centre) / (usual.effective_blocks + place + 1)
        up, down = np.maximum(up + score - SLACK, 0), np.maximum(down - score - SLACK, 0)
        limits.append(float(np.quantile(np.maximum(up, down), 1 - rate)))
    return limits
