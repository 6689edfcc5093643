"""Which policy, with which fractile, would have cost least: earlier windows choose, later ones judge.

No formula is right for all data, so policies compete in replay on the past (`replay`). Of each family of policies, the
earlier windows choose the parameters. The family that cost least there is the candidate. The later windows then
compare it with the fallback, normal safety stock. Where it is not better there by more than chance would explain, the
fallback is used. A least fill rate is a condition that comes before cost: the cheapest is sought among those that
reached it in the earlier windows; where none did, the one that came nearest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import polars as pl

from foresell.decide.replay import LedgerSums, fill_rate_of, played
from foresell.decide.stock.contract import Policy
from foresell.decide.stock.normal import NormalSafetyStock

FRACTILES = (0.5, 0.6, 0.65, 0.7, 0.74, 0.78, 0.82, 0.86, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
"""The fractiles that compete, beside the critical fractile."""

TAIL = (0.998, 0.999, 0.9995, 0.9999, 0.99999, 0.999999)
"""Further ones of policies whose z is that of a normal distribution, which demand is not."""

FEW = 8
"""Of a longer family every third policy is played first, and then the neighbours of the best one."""


W = TypeVar("W")

Rank = tuple[float, float]
"""How much of the least fill rate is missing in the earlier windows, and the cost there; the smallest is the best."""


@dataclass(frozen=True)
class Standing:
    """How one family of policies did: `policy` has the parameters that the earlier windows chose.

    - `calibration_cost`: what it cost in the earlier windows.
    - `judged_cost`: what it cost in the later ones, and `fill_rate` the share of the demand that it met there.
    - `saving`: how much less that is than the fallback's, and `standard_error` of the saving.
    """

    family: str
    policy: Policy
    calibration_cost: float
    judged_cost: float
    fill_rate: float
    saving: float
    standard_error: float


@dataclass(frozen=True)
class Contest:
    """The result: `winner` is what to order by, `standings` all families by their rank in the earlier windows: those
    that reached `least_fill` by their cost, then the others by what was missing of it."""

    winner: Policy
    standings: tuple[Standing, ...]
    fallback: Standing
    least_fill: float = 0.0

    def sentence(self) -> str:
        """Who won, and by how much."""
        best = self.standings[0]
        if best.policy == self.fallback.policy:
            filled = f" or came nearer to a fill rate of {self.least_fill:g}" if self.least_fill else ""
            return f"{best.policy.name} stays: nothing cost less{filled} in the earlier windows."
        judged = (
            f"cost {best.judged_cost:,.0f} in the later windows against {self.fallback.judged_cost:,.0f} of "
            f"{self.fallback.policy.name} ({-_share(best.saving, self.fallback.judged_cost):+.1%}, standard error "
            f"{_share(best.standard_error, self.fallback.judged_cost):.1%})"
        )
        if self.least_fill:
            judged += (
                f", with a fill rate of {best.fill_rate:.3f} against {self.fallback.fill_rate:.3f}, "
                f"{self.least_fill:g} being asked for"
            )
        if self.winner is best.policy:
            return f"{best.policy.name} won: it {judged}."
        return f"{self.fallback.policy.name} stays: {best.policy.name} was best in the earlier windows, but {judged}."

    def fill_rate(self) -> float:
        """That of the winner in the later windows."""
        best = self.standings[0]
        return best.fill_rate if self.winner is best.policy else self.fallback.fill_rate

    def to_frame(self) -> pl.DataFrame:
        """One row for each family."""
        rows = [
            {
                "family": each.family, "policy": each.policy.name, "calibration_cost": each.calibration_cost,
                "judged_cost": each.judged_cost, "fill_rate": each.fill_rate, "saving": each.saving,
                "standard_error": each.standard_error, "winner": each.policy is self.winner,
            }
            for each in self.standings
        ]  # fmt: skip
        return pl.DataFrame(rows)


def with_fractiles(policy: Policy, fractiles: Sequence[float] = FRACTILES) -> list[Policy]:
    """The policy with its critical fractile and with each of `fractiles`: one family of a contest."""
    return [policy, *(replace(policy, probability=fractile) for fractile in fractiles)]  # type: ignore[type-var]


def contest(
    families: Mapping[str, Sequence[Policy]],
    earlier: Sequence[W],
    later: Sequence[W],
    *,
    fallback: Policy | None = None,
    least_fill: float = 0.0,
    play: Callable[[Sequence[Policy], W], list[LedgerSums]] = played,  # type: ignore[assignment]
) -> Contest:
    """Lets the policies of `families` compete, see the module.

    `play` gives what policies cost in a window; a window may be whatever it understands. The standard error counts
    series as independent of each other, or windows where that gives a larger one and there are at least three. A
    candidate wins that saves more than its standard error. Where only one of it and the fallback reached the fill rate
    `least_fill` in the earlier windows, that one wins. Raises ValueError without windows.
    """
    if not earlier or not later:
        raise ValueError("A contest needs at least one earlier and one later window.")
    usual = fallback or NormalSafetyStock()
    rank_of = _calibrated([*families.values(), [usual]], earlier, least_fill, play)
    ranked = [(*_smallest(policies, rank_of), family) for family, policies in families.items()]
    ranked.sort(key=lambda each: each[0])
    base, *others = _judged([usual, *(policy for _, policy, _ in ranked)], later, play)
    standings = [
        base.standing(family, policy, rank[1], judged)
        for (rank, policy, family), judged in zip(ranked, others, strict=True)
    ]
    best, missing, usual_rank = standings[0], ranked[0][0][0], rank_of[usual]
    won = best.saving > best.standard_error if missing == usual_rank[0] else missing < usual_rank[0]
    winner = best.policy if won else usual
    return Contest(winner, tuple(standings), base.standing("fallback", usual, usual_rank[1], base), least_fill)


def _calibrated(
    families: Sequence[Sequence[Policy]],
    earlier: Sequence[W],
    least_fill: float,
    play: Callable[[Sequence[Policy], W], list[LedgerSums]],
) -> dict[Policy, Rank]:
    """The ranks of the policies in the earlier windows, of long families of some of them.

    The cost of a long family is taken to fall and then to rise along it, but for the first policy, which is played in
    any case.
    """
    ranks: dict[Policy, Rank] = {}

    def add(policies: Sequence[Policy]) -> None:
        new = [policy for policy in dict.fromkeys(policies) if policy not in ranks]
        judged = _judged(new, earlier, play)
        for policy, each in zip(new, judged, strict=True):
            ranks[policy] = max(least_fill - each.fill_rate, 0.0), float(sum(cost.sum() for cost in each.costs))

    add([policy for of in families for policy in (of if len(of) <= FEW else [of[0], *of[1::3]])])
    neighbours = list[Policy]()
    for of in families:
        if len(of) > FEW:
            best = min(range(1, len(of), 3), key=lambda place: ranks[of[place]])
            neighbours += of[max(best - 2, 1) : best + 3]
    add(neighbours)
    return ranks


def _smallest(policies: Sequence[Policy], rank_of: Mapping[Policy, Rank]) -> tuple[Rank, Policy]:
    """The first rank among policies, and whose it is."""
    best = min((policy for policy in rank_of if policy in policies), key=rank_of.__getitem__)
    return rank_of[best], best


@dataclass(frozen=True)
class _Judged:
    """The costs of a policy in some windows: one [series] for each."""

    costs: list[np.ndarray]
    fill_rate: float

    def standing(self, family: str, policy: Policy, calibration_cost: float, other: _Judged) -> Standing:
        """How `other` did against this one."""
        total, error = saving_of(other.costs, self.costs)
        cost = float(sum(cost.sum() for cost in other.costs))
        return Standing(family, policy, calibration_cost, cost, other.fill_rate, total, error)


def _judged(
    policies: Sequence[Policy], windows: Sequence[W], play: Callable[[Sequence[Policy], W], list[LedgerSums]]
) -> list[_Judged]:
    """How each of the policies did in the windows."""
    by_window: list[list[LedgerSums]] = [play(policies, window) for window in windows] if policies else []
    return [_Judged([each.cost for each in ledgers], fill_rate_of(ledgers)) for ledgers in zip(*by_window, strict=True)]


def saving_of(costs: Sequence[np.ndarray], usual: Sequence[np.ndarray]) -> tuple[float, float]:
    """How much less `costs` are than `usual` ones, each [series] a window, in all; and its standard error.

    Series count as independent of each other, or windows where that gives a larger error and there are at least three.
    """
    savings = [theirs - mine for mine, theirs in zip(costs, usual, strict=True)]
    total = float(sum(saving.sum() for saving in savings))
    error = float(np.sqrt(sum(len(saving) * saving.var(ddof=1) for saving in savings if len(saving) > 1)))
    if len(savings) >= 3:
        sums = np.array([saving.sum() for saving in savings])
        error = max(error, float(np.sqrt(len(sums) * sums.var(ddof=1))))
    return total, error


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
