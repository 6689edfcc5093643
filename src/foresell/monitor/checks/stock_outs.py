"""Stock-outs: are more days out of stock in the newest block than in the blocks of the year before?

Days out of stock are not known to the forecasts, whose errors therefore say nothing of them. In the share of known
days, which is among the inputs, a few hundred of them do not show. A count of their own shows them within a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foresell.core.finding import Code, Finding, Severity, finding_of
from foresell.core.hierarchy import level_name
from foresell.models.lost_demand import cells_of
from foresell.monitor.accuracy import ALL, group_names
from foresell.monitor.checks.check import Budget, Check, CheckData, Topic

BUDGET = Budget("stock-outs", 5)

CODES = {
    "stock-outs-rose": Code(
        Severity.WARNING,
        "More days are out of stock than in the weeks of the year before.",
        "What it cost is in results/check/lost_demand.csv. Order more of these; or correct the flag of stock-outs, if "
        "its feed has changed. Such days count as not known, so forecasts do not fall for it.",
    )
}

FEWEST = 8
"""Blocks before, with something on sale, that tell what is usual."""

LEAST = 0.01
"""A rise by less than this share of days is no finding, however steady everything was before."""


@dataclass(frozen=True)
class DayCounts:
    """The days of the series of some groups by block, the newest last: `out` of stock, and `on_sale` in all; float64
    [group, block]. `names` are those of the groups."""

    names: Sequence[str]
    out: np.ndarray
    on_sale: np.ndarray


@dataclass(frozen=True)
class Rise:
    """A group of which more days are out of stock: the share of its days `now`, `before`, and the `most` that would
    have been usual."""

    level: str
    name: str
    now: float
    before: float
    most: float


def rises(levels: Mapping[str, DayCounts], rate: float) -> list[Rise]:
    """The groups of each level of which more is out of stock in the newest block than those before leave open.

    The square root of a count varies by about a half whatever its size (Bartlett, "The square root transformation in
    analysis of variance", 1936), so the root of the share is taken to be normal: the bound is its mean in the blocks
    before, and Student's t times its standard deviation (not below that of a Poisson count) times the root of
    1 + 1 / blocks above it. `rate` is how often any of all groups may be found although nothing has changed; the levels
    share it evenly, and the groups of a level theirs (Bonferroni). Groups with fewer than `FEWEST` blocks before are
    not looked at.

    >>> weeks = DayCounts(["all"], np.array([[2.0, 3, 1, 2, 4, 2, 3, 2, 30]]), np.full((1, 9), 200.0))
    >>> [(rise.name, rise.now, round(rise.before, 3)) for rise in rises({"total": weeks}, 0.001)]
    [('all', 0.15, 0.012)]
    """
    from scipy.special import stdtrit

    risen = []
    for level, counts in levels.items():
        chance = rate / len(levels) / len(counts.names)
        for name, out, on_sale in zip(counts.names, counts.out, counts.on_sale, strict=True):
            past = on_sale[:-1] > 0
            blocks = int(past.sum())
            if blocks < FEWEST or on_sale[-1] <= 0:
                continue
            roots, now = np.sqrt(out[:-1][past] / on_sale[:-1][past]), out[-1] / on_sale[-1]
            spread = max(float(np.std(roots, ddof=1)), np.sqrt(0.25 / on_sale[-1]))
            reach = stdtrit(blocks - 1, 1 - chance) * spread * np.sqrt(1 + 1 / blocks)
            before, most = float(out[:-1].sum() / on_sale[:-1].sum()), float((roots.mean() + reach) ** 2)
            if now > most and now - before >= LEAST:
                risen.append(Rise(level, name, float(now), before, most))
    return risen


def day_counts(data: CheckData) -> dict[str, DayCounts]:
    """By level, the days of the newest block, and of as many blocks as lie within the year before the newest days.

    The levels are the total and those of few groups. Nothing where no stock-out is known.
    """
    panel, size, first = data.panel, data.block, data.first
    if data.lost.is_empty():
        return {}
    out = np.zeros(panel.units.shape, bool)
    out[cells_of(panel, data.lost)] = True
    on_sale = out | ~np.isnan(panel.units)
    blocks = min(first, panel.frequency.year) // size
    starts = [*range(first - blocks * size, first, size), panel.n_days - size]
    counts = [np.stack([cells[:, day : day + size].sum(axis=1) for day in starts], axis=1) for cells in (out, on_sale)]
    groups = data.hierarchy.all_groups(panel.series)
    names = {level_name(()): [ALL], **group_names(groups)}
    return {
        level: DayCounts(names[level], one.sum(counts[0]), one.sum(counts[1]))
        for one in groups
        if (level := level_name(one.level)) in names
    }


def finding(risen: Sequence[Rise], when: str) -> Finding | None:
    """The groups of which more days are out of stock, as one finding; None where there are none.

    `when` says in which days. The group whose share rose most is in the message; the others are the examples.
    """
    if not risen:
        return None

    def group(rise: Rise) -> str:
        return f"{rise.level} {rise.name}" if rise.name != ALL else "all series"

    worst, *others = sorted(risen, key=lambda rise: rise.before - rise.now)
    text = (
        f"{worst.now:.1%} of the days of {group(worst)} were out of stock {when}, {worst.before:.1%} in the year "
        f"before; up to {worst.most:.1%} would be usual"
    )
    examples = [f"{group(rise)}: {rise.now:.1%}, was {rise.before:.1%}" for rise in others[:5]]
    return finding_of(CODES, "stock-outs-rose", "shelves", len(risen), text, examples)


def _run(data: CheckData, rates: Mapping[Budget, float]) -> list[Rise]:
    return rises(day_counts(data), rates[BUDGET])


def _findings(data: CheckData, risen: list[Rise]) -> list[Finding]:
    rose = finding(risen, f"in the {data.block} {data.panel.frequency.noun}s to {data.panel.cutoff}")
    return [] if rose is None else [rose]


CHECK = Check("stock-outs", "Are no more days out of stock than before?", Topic.DATA, CODES, (BUDGET,), _run, _findings)
