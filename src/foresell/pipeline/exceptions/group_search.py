"""The few groups that explain how two sums of series differ: a store, and neither its departments nor its region."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from foresell.core.hierarchy import level_name
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, SeriesSums, group_names
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks.judging import PARTS, WHOLE, Judgement
from foresell.monitor.checks.roll_up import roll_up
from foresell.pipeline.results import Results

USUAL_SPREAD = 0.1
"""The standard deviation of the log of one sum over the other, beside that of a Poisson count."""

Reach = Callable[[str, float], float]
"""How far the log of one sum over the other may lie from that of all: of a level, and the units of a group."""


def series_sums(results: Results, units: np.ndarray, expected: np.ndarray) -> SeriesSums:
    """Two sums of each series, float64 [series], with the groups of all levels of which each group can be named."""
    groups = results.hierarchy.all_groups(results.panel.series)
    names = group_names(groups)
    rows = {level_name(one.level): one.rows.astype(np.int64) for one in groups}
    return SeriesSums(units, expected, {(GROUP, level): (names[level], rows[level]) for level in names})


def spread(units: float) -> float:
    """The usual deviation of the log of one sum over the other.

    >>> round(spread(1e9), 3), round(spread(100), 3)
    (0.1, 0.141)
    """
    return float(np.sqrt(USUAL_SPREAD**2 + 1 / max(units, 1.0)))


def named_groups(sums: SeriesSums, days: int, reach: Reach) -> tuple[Judgement, ...]:
    """Every group compared; the alarms are those that explain the others, see `monitor.checks.roll_up`.

    The total is judged by itself, groups beside it.
    """
    whole = _compared(LEVEL, "total", ALL, float(sums.units.sum()), float(sums.forecast.sum()), 0.0, days, reach)
    judgements = [whole]
    for (part, of), (names, rows) in sums.places.items():
        units, expected = (np.bincount(rows, series, len(names)) for series in (sums.units, sums.forecast))
        judgements += [
            _compared(part, of, name, float(units[number]), float(expected[number]), whole.value, days, reach)
            for number, name in enumerate(names)
            if units[number] or expected[number]
        ]
    return tuple(roll_up(judgements, sums))


def _compared(
    part: str, of: str, name: str, units: float, expected: float, total: float, days: int, reach: Reach
) -> Judgement:
    value = float(np.log((units + 0.5) / (expected + 0.5))) - total
    usual, most = spread(max(units, expected)), reach(of, max(units, expected))
    return Judgement(
        figure=BIAS,
        part=part,
        of=of,
        name=name,
        family=WHOLE if part == LEVEL else PARTS,
        value=value,
        expected=0.0,
        low=-most,
        high=most,
        score=value / usual,
        freedom=float("inf"),
        chance=float("nan"),
        below=float("nan"),
        spread=usual,
        alarm=abs(value) > most,
        far=abs(value) > 2 * most,
        days=days,
        units=units,
        forecast=expected,
    )
