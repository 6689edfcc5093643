"""Orders of vendors as a mixed-integer linear programme: the proof of how good the fast orders are.

The variables of a vendor are the packs of each piece, the money at each of its price levels, and its trucks. HiGHS
(`scipy.optimize.milp`) solves it: Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical
Programming Computation 10, 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from foresell.decide.vendors.vendor_order import VendorLines, total

_INFEASIBLE = 2  # a status of `milp`


class ExactOrders(NamedTuple):
    """`bought` packs of each piece for each vendor, int64 [piece] each; None where no solution was found in time.

    `bound` is what no order can exceed: the gain less the price of money.
    """

    bought: list[np.ndarray] | None
    bound: float


def exact_orders(
    vendors: Sequence[VendorLines],
    *,
    budget: float | None = None,
    price: float = 0.0,
    relative_gap: float = 1e-5,
    seconds: float | None = None,
) -> ExactOrders:
    """The orders of the largest gain less `price` x money paid, of at most `budget` in money.

    With `seconds`, the search ends after that time with the best orders and the bound known then.

    >>> from foresell.decide.vendors.terms import VendorTerms
    >>> one = np.ones(2)
    >>> packs, gain = np.array([3, 3]), np.array([2.0, -1.0])
    >>> lines = VendorLines(VendorTerms(minimum=5), np.array([0, 1]), packs, gain, one == 0, one, one, one, one)
    >>> [bought.tolist() for bought in exact_orders([lines]).bought]
    [[3, 2]]
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    programme = _Programme()
    first_of = [_add_vendor(programme, lines, price) for lines in vendors]
    if budget is not None:
        paid = [term for lines, first in zip(vendors, first_of, strict=True) for term in _paid(lines, first)]
        programme.row(paid, -np.inf, budget)
    rows, columns, values = (np.array(part) for part in (programme.rows, programme.columns, programme.values))
    n = len(programme.cost)
    matrix = csr_array((values, (rows, columns)), shape=(len(programme.low), n))
    solve = partial(
        milp,
        np.array(programme.cost),
        integrality=np.array(programme.integer),
        bounds=Bounds(np.zeros(n), np.array(programme.upper)),
        constraints=LinearConstraint(matrix, np.array(programme.low), np.array(programme.high)),
    )
    options = {"mip_rel_gap": relative_gap, **({} if seconds is None else {"time_limit": seconds})}
    answer = solve(options=options)
    if answer.status == _INFEASIBLE:  # no orders at all are feasible, but the presolve of HiGHS errs now and then
        answer = solve(options={**options, "presolve": False})
    bound = np.inf if answer.mip_dual_bound is None else -float(answer.mip_dual_bound)
    if answer.x is None:
        return ExactOrders(None, bound)
    counts = [
        np.rint(answer.x[first.packs : first.packs + len(lines.packs)] * _size(lines)).astype(np.int64)
        for lines, first in zip(vendors, first_of, strict=True)
    ]
    return ExactOrders(counts, bound)


@dataclass
class _Programme:
    """Columns and rows of a programme as they are added; costs are minimised."""

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    integer: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def column(self, gain: float, upper: float, *, integer: bool) -> int:
        """Adds a variable from 0 to `upper`, and returns its number."""
        self.cost.append(-gain)
        self.upper.append(upper)
        self.integer.append(int(integer))
        return len(self.cost) - 1

    def row(self, terms: Sequence[tuple[int, float]], low: float, high: float) -> None:
        """Adds low <= sum of coefficient x variable <= high."""
        self.rows += [len(self.low)] * len(terms)
        self.columns += [column for column, _ in terms]
        self.values += [value for _, value in terms]
        self.low.append(low)
        self.high.append(high)


class _Columns(NamedTuple):
    """The first columns of a vendor: packs by piece; whether a price level is taken, and its money, by level."""

    packs: int
    taken: int
    money: int


def _paid(lines: VendorLines, first: _Columns) -> list[tuple[int, float]]:
    """The terms of what is paid to a vendor."""
    levels = list(enumerate(lines.price_levels))
    return [(first.money + row, 1 - level.discount) for row, level in levels] + [
        (first.taken + row, -level.constant) for row, level in levels if level.constant
    ]


def _add_vendor(programme: _Programme, lines: VendorLines, price: float) -> _Columns:
    """Adds the columns and rows of a vendor."""
    terms, levels, trucks = lines.terms, lines.price_levels, lines.truck_loads
    most = total(lines.packs, lines.money)
    first_pack = len(programme.cost)
    size = _size(lines)
    for gain, most_of_it in zip((lines.gain * size).tolist(), (lines.packs / size).tolist(), strict=True):
        programme.column(gain, most_of_it, integer=True)
    taken = [programme.column((1 + price) * level.constant, 1, integer=True) for level in levels]
    money = [programme.column(level.discount - price * (1 - level.discount), np.inf, integer=False) for level in levels]

    def load(of_piece: np.ndarray) -> list[tuple[int, float]]:
        return [(first_pack + piece, value) for piece, value in enumerate((of_piece * size).tolist()) if value]

    programme.row([(column, 1.0) for column in taken], 0, 1)
    # The money is that of the packs, and at a level only where it is taken; without one no pack may be bought.
    programme.row([*load(lines.money), *((column, -1.0) for column in money)], 0, 0)
    for level, is_taken, of_level in zip(levels, taken, money, strict=True):
        programme.row([(of_level, 1.0), (is_taken, -most)], -np.inf, 0)
        if level.threshold > 0:
            programme.row([*load(lines.break_load), (is_taken, -level.threshold)], 0, np.inf)
    packs = float(lines.packs.sum())
    programme.row([*load(np.ones(len(lines.packs))), *((column, -packs) for column in taken)], -np.inf, 0)
    if terms.minimum > 0:
        programme.row([*load(lines.minimum_load), *((column, -terms.minimum) for column in taken)], 0, np.inf)
    if terms.truck is not None:
        count = programme.column(-terms.truck_cost, len(trucks.trucks), integer=True)
        programme.row([*load(lines.load), (count, -terms.truck)], -np.inf, 0)
        unfilled = (1 - terms.truck_fill) * terms.truck
        programme.row([*load(lines.load), (count, -terms.truck), *((c, unfilled) for c in taken)], 0, np.inf)
    _add_order_of_pieces(programme, lines, first_pack)
    return _Columns(first_pack, taken[0], money[0])


def _add_order_of_pieces(programme: _Programme, lines: VendorLines, first_pack: int) -> None:
    """Pieces that are bought as a whole, and those of the same series after them.

    Elsewhere the gains of a series fall from piece to piece, so that the right order is the best one.
    """
    for piece in np.flatnonzero(lines.whole).tolist():
        for later in np.flatnonzero(lines.series == lines.series[piece]).tolist():
            if later > piece:
                programme.row([(first_pack + later, 1.0), (first_pack + piece, -float(lines.packs[later]))], -np.inf, 0)


def _size(lines: VendorLines) -> np.ndarray:
    """The packs of one unit of each variable: int64 [piece]. A piece that is bought as a whole is 0 or 1 of it."""
    return np.where(lines.whole, lines.packs, 1)
