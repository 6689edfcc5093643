"""A drift too slow for any single week to show: the cumulative sum of how far weeks lean.

The tabular CUSUM (Page, "Continuous inspection schemes", Biometrika 41, 1954; Montgomery, "Introduction to Statistical
Quality Control", section 9.1) adds up by how many standard deviations more than half a one each week leans to one
side, and begins anew at 0 whenever the sum falls below. It is held against the limit that sums reach by chance.

How much a week usually leans is known from few windows, and a mean that is a little off would add up for ever. So the
weeks themselves go on to tell it, each after it was judged: the self-starting CUSUM (Hawkins, "Self-starting CUSUM
charts for location and scale", The Statistician 36, 1987). Weeks forecast by one model lean alike, and their spread is
an estimate too. All of this makes sums larger than the textbook's tables have it; so the limit is found by simulating
weeks of that kind (a parametric bootstrap; Gandy and Kvaløy, "Guaranteed conditional performance of control charts via
bootstrap methods", Scandinavian Journal of Statistics 40, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.monitor.accuracy import oldest_first
from foresell.monitor.bounds import Usual

SLACK = 0.5  # standard deviations a week may lean: tuned to shifts of one
MOST_WEEKS = 26
_DRAWS = 40_000


@dataclass(frozen=True)
class Week:
    """A week by the forecast that was in use when it began, made at `cutoff` by `model`: log of units sold over units
    forecast is its `lean`."""

    first: date
    last: date
    cutoff: date
    model: str
    lean: float


@dataclass(frozen=True)
class Drift:
    """How far the weeks lean: `sums` [week] towards more sold than forecast less those towards less, whichever is
    larger; `limit` [week] of its size, and since when (`since`) they lean, where the last is beyond it."""

    weeks: tuple[Week, ...]
    sums: tuple[float, ...]
    limits: tuple[float, ...]
    since: date | None

    @property
    def found(self) -> bool:
        return self.since is not None


def weeks_in_use(daily: pl.DataFrame, dates: Sequence[date], size: int) -> list[Week]:
    """The newest weeks of `size` periods that end with `dates` (all periods up to the last that has come in).

    `daily` has the day sums of the total of all forecasts, with their ``model``. A week is forecast by the newest one
    made before it began that reaches to its end (of several models at one cutoff by the one made last); a week without
    one, or with unknown days, is left out.
    """
    there = set(dates)
    known = oldest_first(daily.filter((pl.col("points") > 0) & pl.col("cutoff").is_in(list(there))))
    newest = list(known.partition_by("cutoff", "model", as_dict=True, maintain_order=True).items())[::-1]
    found: list[Week] = []
    for end in range(len(dates), size - 1, -size):
        if len(found) == MOST_WEEKS:
            break
        first, last = dates[end - size], dates[end - 1]
        for (cutoff, model), rows in newest:
            if cutoff >= first:
                continue
            part = rows.filter(pl.col("date").is_between(first, last))
            if part.height == size:
                units, forecast = float(part["units"].sum()), float(part["forecast"].sum())
                found.append(Week(first, last, cutoff, model, float(np.log((units + 0.5) / (forecast + 0.5)))))
                break
    return found[::-1]


def drift(weeks: Sequence[Week], usual: Usual, rate: float) -> Drift:
    """The CUSUM over `weeks`, the oldest first; the last is beyond its limit by chance with `rate` at most.

    Once it is beyond, it begins anew with the first week of a forecast that was made since: by then what was found
    could be answered.
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
        centre += (week.lean - centre) / (usual.worth + number + 1)
        up, down = max(0.0, up + score - SLACK), max(0.0, down - score - SLACK)
        began = [_since(began[0], up, week), _since(began[1], down, week)]
        beyond = max(up, down) > limit
        signalled = (signalled or week.last) if beyond else None
        sums.append(up if up >= down else -down)
    since = began[0] if up >= down else began[1]
    return Drift(tuple(weeks), tuple(sums), tuple(limits), since if signalled is not None else None)


def _since(began: date | None, total: float, week: Week) -> date | None:
    return None if total == 0 else began or week.first


def _limits(cutoffs: Sequence[date], usual: Usual, rate: float) -> list[float]:
    """By week, the larger of the two sums that is exceeded with `rate` where nothing has changed."""
    random = np.random.default_rng(1)
    freedom = max(usual.freedom, 0.1)
    scale = np.sqrt(random.chisquare(freedom, _DRAWS) / freedom)
    centre = random.standard_normal(_DRAWS) / np.sqrt(max(usual.worth, 1.0))
    up, down, window = np.zeros(_DRAWS), np.zeros(_DRAWS), np.zeros(_DRAWS)
    limits = []
    for place, cutoff in enumerate(cutoffs):
        if place == 0 or cutoff != cutoffs[place - 1]:
            window = random.standard_normal(_DRAWS)
        own = random.standard_normal(_DRAWS)
        week = np.sqrt(usual.like) * window + np.sqrt(1 - usual.like) * own
        score = (week - centre) / np.maximum(scale, 1e-6)
        centre += (week - centre) / (usual.worth + place + 1)
        up, down = np.maximum(up + score - SLACK, 0), np.maximum(down - score - SLACK, 0)
        limits.append(float(np.quantile(np.maximum(up, down), 1 - rate)))
    return limits
