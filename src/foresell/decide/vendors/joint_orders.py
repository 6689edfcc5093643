"""The orders of all vendors under one budget.

A price of money, the Lagrange multiplier of the budget, parts the problem into one for each vendor: Fisher, "The
Lagrangian relaxation method for solving integer programming problems", Management Science 27, 1981. The price at which
the vendors spend the budget bounds what any orders can gain; whole packs are then repaired to what the budget allows.
Vendors far from their bound are solved exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foresell.decide.vendors.exact_order import exact_orders
from foresell.decide.vendors.vendor_order import Limits, VendorLines, VendorOrder, best_order, vendor_limits

TOLERANCE = 1e-3
"""The share of the gain that may be lost against the bound before vendors are solved exactly."""

_PRICES = 40  # of money that are tried
_NEAR = 1e-4  # the share of the gain to which the price of money is found
_TRIES = 200  # to add a pack
_EXACT_PIECES = 20_000  # the largest programme that is tried
_SECONDS = 2.0  # for each exact solution


@dataclass(frozen=True)
class JointOrders:
    """The orders of vendors, in the order in which these were given.

    - `orders`, `limits`: of each vendor. `price`: what one more unit of money would gain, 0 where the budget does not
      bind.
    - `gain`, `paid`: of all orders, in money. `bound`: what no orders can exceed.
    """

    orders: tuple[VendorOrder, ...]
    limits: tuple[Limits, ...]
    price: float
    bound: float

    @property
    def gain(self) -> float:
        """The gain of all orders."""
        return float(sum(order.gain for order in self.orders))

    @property
    def paid(self) -> float:
        """What is paid for all orders."""
        return float(sum(order.paid for order in self.orders))

    @property
    def gap(self) -> float:
        """How much better orders might be, as a share of the bound."""
        return max(self.bound - self.gain, 0) / self.bound if self.bound > 1e-9 else 0.0


def joint_orders(
    vendors: Sequence[VendorLines], budget: float | None = None, *, tolerance: float = TOLERANCE
) -> JointOrders:
    """The orders of the largest gain that vendors' terms and the `budget` in money allow.

    Orders are looked for until they are within `tolerance` of the bound, or nothing is left to try; `gap` says how near
    they came.
    """
    limits = [vendor_limits(lines, 0.0) for lines in vendors]
    if budget is None or sum(each.paid for each in limits) <= budget:
        orders = [best_order(lines, 0.0) for lines in vendors]
        if budget is None or sum(order.paid for order in orders) <= budget:
            return _Repair(vendors, orders, limits, 0.0, None, tolerance).result()
    price, lower, bound = _price_of_money(vendors, max(budget, 0.0))
    limits = [vendor_limits(lines, price) for lines in vendors]
    orders, price_of_orders = [best_order(lines, price) for lines in vendors], price
    while sum(order.paid for order in orders) > budget:
        price_of_orders = price_of_orders * 1.02 + 1e-6
        orders = [best_order(lines, price_of_orders) for lines in vendors]
    repair = _Repair(vendors, orders, limits, price, max(budget, 0.0), tolerance, bound)
    repair.take_where_affordable([best_order(lines, lower) for lines in vendors])
    repair.add_packs()
    return repair.result()


def _price_of_money(vendors: Sequence[VendorLines], budget: float) -> tuple[float, float, float]:
    """The price at which the vendors' bounds spend the budget, one just below it, and the least bound of all prices."""
    low, high, bound = 0.0, _highest_price(vendors), np.inf
    for _ in range(_PRICES):
        middle = (low + high) / 2
        limits = [vendor_limits(lines, middle) for lines in vendors]
        bound = min(bound, sum(each.value for each in limits) + middle * budget)
        spent = sum(each.paid for each in limits)
        low, high = (middle, high) if spent > budget else (low, middle)
        # Whatever is spent within the budget has the bound as its gain but for the price of what is left.
        if high - low < 1e-6 * high or abs(spent - budget) * middle < _NEAR * bound:
            break
    return high, low, bound


def _highest_price(vendors: Sequence[VendorLines]) -> float:
    """A price of money at which nothing is worth it."""
    highest = 1e-9
    for lines in vendors:
        discount = max(level.discount for level in lines.price_levels)
        constant = max(level.constant for level in lines.price_levels)
        if len(lines.gain):
            ratio = float((lines.gain / np.maximum(lines.money, 1e-9)).max()) + discount + max(constant, 0)
            highest = max(highest, ratio / max(1 - discount, 1e-9))
    return highest * 1.01 + 1e-9


class _Repair:
    """Orders in whole packs that keep to the budget, made better step by step."""

    def __init__(
        self,
        vendors: Sequence[VendorLines],
        orders: list[VendorOrder],
        limits: list[Limits],
        price: float,
        budget: float | None,
        tolerance: float,
        bound: float | None = None,
    ):
        self.vendors, self.orders, self.limits, self.price = vendors, orders, limits, price
        self.budget, self.tolerance = budget, tolerance
        self.bounds = [each.value for each in limits]
        self.best_bound = np.inf if bound is None else bound

    @property
    def left(self) -> float:
        """The money that is left."""
        return np.inf if self.budget is None else self.budget - sum(order.paid for order in self.orders)

    def bound(self) -> float:
        """What no orders can exceed."""
        return min(self.best_bound, sum(self.bounds) + (0.0 if self.budget is None else self.price * self.budget))

    def gap(self) -> float:
        """The gap in money."""
        return self.bound() - sum(order.gain for order in self.orders)

    def good_enough(self) -> bool:
        """Whether the gap is within the tolerance."""
        return self.gap() <= self.tolerance * max(self.bound(), 1e-9)

    def take_where_affordable(self, others: Sequence[VendorOrder]) -> None:
        """Takes other orders of vendors where they gain more and the budget allows, the best for its money first."""
        more = [
            ((new.gain - old.gain) / max(new.paid - old.paid, 1e-9), number)
            for number, (old, new) in enumerate(zip(self.orders, others, strict=True))
            if new.gain > old.gain
        ]
        for _, number in sorted(more, reverse=True):
            if others[number].paid - self.orders[number].paid <= self.left:
                self.orders[number] = others[number]

    def add_packs(self) -> None:
        """Spends what is left on the next packs of vendors that have an order or ask for nothing."""
        ratios, pieces, numbers, costs = [], [], [], []
        left = self.left
        for number, (lines, order) in enumerate(zip(self.vendors, self.orders, strict=True)):
            if order.level is None and not lines.terms.free:
                continue
            discount = 0.0 if order.level is None else order.level.discount
            value, paid = lines.gain + discount * lines.money, (1 - discount) * lines.money
            rows = np.flatnonzero((order.bought < lines.packs) & (value > 0) & (paid <= left))
            ratios.append(value[rows] / np.maximum(paid[rows], 1e-9))
            pieces.append(rows)
            numbers.append(np.full(len(rows), number))
            costs.append(paid[rows])
        if not ratios:
            return
        rank = np.argsort(-np.concatenate(ratios), kind="stable")
        next_piece, of_vendor, cost = (np.concatenate(each)[rank] for each in (pieces, numbers, costs))
        for _ in range(_TRIES):
            fits = np.flatnonzero(cost <= self.left)
            if not len(fits):
                return
            self._add(int(of_vendor[fits[0]]), int(next_piece[fits[0]]))
            keep = slice(int(fits[0]) + 1, None)
            next_piece, of_vendor, cost = next_piece[keep], of_vendor[keep], cost[keep]

    def _add(self, number: int, piece: int) -> None:
        """Adds as many packs of a piece as fit."""
        lines, order = self.vendors[number], self.orders[number]
        before = int(lines.follows[piece])
        if before >= 0 and order.bought[before] < lines.packs[before]:
            return
        discount = 0.0 if order.level is None else order.level.discount
        paid = (1 - discount) * float(lines.money[piece])
        count = int(min(lines.packs[piece] - order.bought[piece], self.left / max(paid, 1e-9) + 1e-9))
        if count <= 0 or (lines.whole[piece] and count < lines.packs[piece]):
            return
        bought = order.bought.copy()
        bought[piece] += count
        new = lines.order(bought)
        if new is not None and new.gain > order.gain and new.paid - order.paid <= self.left + 1e-9:
            self.orders[number] = new

    def result(self) -> JointOrders:
        """The orders, after exact solutions of those that are far from their bound."""
        self._solve_vendors()
        if not self.good_enough() and sum(len(lines.packs) for lines in self.vendors) <= _EXACT_PIECES:
            answer = exact_orders(
                self.vendors, budget=self.budget, relative_gap=self.tolerance / 10, seconds=4 * _SECONDS
            )
            self.best_bound = min(self.best_bound, answer.bound)
            self._accept(range(len(self.vendors)), answer.bought)
        bound = max(self.bound(), sum(order.gain for order in self.orders))
        return JointOrders(tuple(self.orders), tuple(self.limits), self.price, bound)

    def _solve_vendors(self) -> None:
        """Solves vendors exactly at the price of money, the one farthest from its bound first."""
        gaps = {n: self.bounds[n] - order.value(self.price) for n, order in enumerate(self.orders)}
        for number in sorted(gaps, key=lambda each: -gaps[each]):
            lines = self.vendors[number]
            if self.good_enough() or gaps[number] <= 0:
                return
            if len(lines.packs) > _EXACT_PIECES:
                continue
            answer = exact_orders([lines], price=self.price, relative_gap=self.tolerance / 10, seconds=_SECONDS)
            if answer.bound < self.bounds[number]:
                self.bounds[number] = answer.bound
            self._accept([number], answer.bought)

    def _accept(self, numbers: Sequence[int], bought: Sequence[np.ndarray] | None) -> None:
        """Takes exact orders where they are better and affordable."""
        if bought is None:
            return
        new = [self.vendors[number].order(packs) for number, packs in zip(numbers, bought, strict=True)]
        orders = [order for order in new if order is not None]
        old = [self.orders[number] for number in numbers]
        if len(orders) < len(new):
            return
        if sum(order.gain for order in orders) <= sum(order.gain for order in old):
            return
        if sum(order.paid for order in orders) - sum(order.paid for order in old) > self.left + 1e-9:
            return
        for number, order in zip(numbers, orders, strict=True):
            self.orders[number] = order
