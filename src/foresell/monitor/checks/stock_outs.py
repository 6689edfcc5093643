"""Stock-outs: are more days out of stock in the newest block than in the blocks of the year before?

Days out of stock count as not known, so the errors of forecasts do not show them. The share of known days, one of the
inputs whose drift is measured, does not show a few hundred of them either. Their own count shows them within a week.
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
        "See the lost sales in results/check/lost_demand.csv. Order more of these items; or correct the stock-out "
        "flag, if its feed has changed. Such days count as not known, so they do not lower the forecasts.",
    )
}

FEWEST_BLOCKS = 8
"""A group with fewer earlier blocks than this is not judged."""

LEAST_RISE = 0.01
"""A rise by less than this share of days is no finding, however steady the earlier blocks were."""


@dataclass(frozen=True)
class DayCounts:
    """Days of the series of some groups by block, newest last: `out` of stock, and `on_sale` altogether, both float64
    [group, block]. `names` has the names of the groups."""

    names: Sequence[str]
    out: np.ndarray
    on_sale: np.ndarray


@dataclass(frozen=True)
class Rise:
    """A group with more days out of stock: the share of its days `now`, `before`, and the largest usual share."""

    level: str
    name: str
    now: float
    before: float
    most: float


def rises(levels: Mapping[str, DayCounts], rate: float) -> list[Rise]:
    """The groups of each level whose share of days out of stock exceeds what the earlier blocks make likely.

    The square root of a count has a standard deviation of about a half, whatever its size (Bartlett, "The square root
    transformation in analysis of variance", 1936). So the root of the share is taken to be normal. The bound is its
    mean in the earlier blocks, plus Student's t times its standard deviation (at least that of a Poisson count) times
    the root of 1 + 1 / blocks. `rate` is the false-alarm rate of all groups together. The levels share it evenly, and
    so do the groups of a level (Bonferroni). Groups with fewer than `FEWEST_BLOCKS` earlier blocks are not judged.

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
            if blocks < FEWEST_BLOCKS or on_sale[-1] <= 0:
                continue
            roots, now = np.sqrt(out[:-1][past] / on_sale[:-1][past]), out[-1] / on_sale[-1]
            spread = max(float(np.std(roots, ddof=1)), np.sqrt(0.25 / on_sale[-1]))
            reach = stdtrit(blocks - 1, 1 - chance) * spread * np.sqrt(1 + 1 / blocks)
            before, most = float(out[:-1].sum() / on_sale[:-1].sum()), float((roots.mean() + reach) ** 2)
            if now > most and now - before >= LEAST_RISE:
                risen.append(Rise(level, name, float(now), before, most))
    return risen


def day_counts(data: CheckData) -> dict[str, DayCounts]:
    """By level, the days of the newest block, and of the complete blocks within the year before the newest days.

    The levels are the total and those of few groups. Empty where no stock-out is known.
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
        level: DayCounts(names[level], of_level.sum(counts[0]), of_level.sum(counts[1]))
        for of_level in groups
        if (level := level_name(of_level.level)) in names
    }


def finding(risen: Sequence[Rise], when: str) -> Finding | None:
    """One finding about all groups with more days out of stock; None where there are none.

    `when` names the days. The message is about the group whose share rose most; the others are the examples.
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
