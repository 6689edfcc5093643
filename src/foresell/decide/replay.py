"""The stock of the past, played again: what a policy would have ordered with the forecasts as they were made then.

In each period open orders arrive first, then the demand is met as far as there is stock, and what is left is held to
the next period. After that the next order is decided, where a review is due, with the sample paths of that day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.stock.faults import decide
from foresell.decide.stock.lots import Issue, Lots

BUCKETS = ("holding", "lost_sales", "waste", "expedite")
"""The kinds of cost of a ledger."""

_UNITS = ("ordered", "stock", "sold", "lost", "wasted", "fixed")


@dataclass(frozen=True)
class Window:
    """A span of the past to replay.

    - `label`: what it is called, for example the date of its start.
    - `start`: the situation before its first period: stock, open orders, terms and costs; its paths are not read.
    - `demand`: float [series, period], NaN where it is not known: then nothing is sold, and nothing is counted.
    - `paths`: by decision: the decision 0 is made before the first period, the decision t after t periods. Gives
      float32 [path, series, step] of that day.
    - `decisions`: the decisions that are made; those between are no reviews.
    - `scored`: bool [period] or [series, period], which periods count; all, where not given.
    - `due`: bool [series, period], which series a decision is about; all, where not given.
    """

    label: str
    start: Situation
    demand: np.ndarray
    paths: Callable[[int], np.ndarray]
    decisions: Sequence[int]
    scored: np.ndarray | None = None
    due: np.ndarray | None = None

    @property
    def n_periods(self) -> int:
        """The number of periods."""
        return self.demand.shape[1]

    def review(self, decision: int) -> tuple[np.ndarray, Situation]:
        """The series that a decision is about, int [series], and their situation but for the stock of that day."""
        paths = self.paths(decision)
        start = replace(self.start, paths=paths, memory={})
        if self.due is None or self.due[:, decision].all():
            return np.arange(start.n_series), start
        rows = np.flatnonzero(self.due[:, decision])
        return rows, start.part(rows)


@dataclass(frozen=True)
class Ledger:
    """What each series cost in each period, by bucket, in money, with its units: float64 [series, period] each.

    `stock` is what was there at the end of the period, `lost_units` the demand that was not met, `sold` what was met.
    `expedite` is 0 as long as no policy expedites.
    """

    holding: np.ndarray
    lost_sales: np.ndarray
    waste: np.ndarray
    expedite: np.ndarray
    ordered: np.ndarray
    stock: np.ndarray
    sold: np.ndarray
    lost_units: np.ndarray
    wasted_units: np.ndarray
    fixed: np.ndarray

    def cost(self) -> np.ndarray:
        """The cost of all buckets, and of placing orders: float64 [series, period]."""
        return self.holding + self.lost_sales + self.waste + self.expedite + self.fixed

    def sums(self) -> LedgerSums:
        """The sums over all periods."""
        of_kind = {kind: float(getattr(self, kind).sum()) for kind in (*BUCKETS, "fixed")}
        return LedgerSums(self.cost().sum(axis=1), of_kind, float(self.sold.sum()), float(self.lost_units.sum()))

    def fill_rate(self) -> float:
        """The share of the demand that was met from stock."""
        return fill_rate_of([self.sums()])

    def to_frame(self, series: pl.DataFrame, dates: Sequence[object]) -> pl.DataFrame:
        """One row for each series and period: keys of `series`, ``date``, the buckets and the units."""
        n_series, n_periods = self.holding.shape
        keys = series[np.repeat(np.arange(n_series), n_periods)]
        names = [*BUCKETS, "fixed", "ordered", "stock", "sold", "lost_units", "wasted_units"]
        date = pl.Series("date", list(dates) * n_series)
        return keys.with_columns(date, *(pl.Series(name, getattr(self, name).ravel()) for name in names))


@dataclass(frozen=True)
class LedgerSums:
    """A ledger added up: the `cost` of each series, float64 [series], what was `spent` by bucket, with that of placing
    orders as ``fixed``, and the units `sold` and `lost`."""

    cost: np.ndarray
    spent: dict[str, float]
    sold: float
    lost: float


def fill_rate_of(ledgers: Sequence[LedgerSums]) -> float:
    """The share of the demand of several ledgers that was met from stock; 1 where there was none."""
    sold, lost = sum(each.sold for each in ledgers), sum(each.lost for each in ledgers)
    return sold / (sold + lost) if sold + lost else 1.0


def costs_of(ledgers: Sequence[LedgerSums]) -> dict[str, float]:
    """The cost of several ledgers by bucket, and that of placing orders as ``fixed``."""
    return {kind: sum(each.spent[kind] for each in ledgers) for kind in (*BUCKETS, "fixed")}


def played(policies: Sequence[Policy], window: Window) -> list[LedgerSums]:
    """The sums of the ledgers of several policies in a window, see `replays`."""
    return [ledger.sums() for ledger in replays(policies, window)]


def replay(policy: Policy, window: Window, *, issue: Issue = "fifo", backorders: bool = False) -> Ledger:
    """The ledger of a policy in a window.

    With `backorders`, demand that is not met waits and costs its rate in every period of waiting. Raises ValueError
    where the data of an order are at fault (`stock.faults`), because a replay without them would flatter.
    """
    return replays([policy], window, issue=issue, backorders=backorders)[0]


def replays(
    policies: Sequence[Policy], window: Window, *, issue: Issue = "fifo", backorders: bool = False
) -> list[Ledger]:
    """The ledgers of several policies, which are played period by period together, so that the paths of a decision are
    drawn once, and only those of one decision are in memory. Raises as `replay`.
    """
    states = [_Replay(window, issue, backorders) for _ in policies]
    for period in range(window.n_periods):
        if period in window.decisions:
            rows, review = window.review(period)
            for policy, each in zip(policies, states, strict=True):
                each.order(policy, period, rows, review)
        for each in states:
            each.pass_period(period)
    return [each.ledger() for each in states]


@dataclass
class _Replay:
    """The state of a replay: lots on hand, and what is on order by step, [series, step]."""

    window: Window
    issue: Issue
    backorders: bool
    lots: Lots = field(init=False)
    arriving: np.ndarray = field(init=False)
    waiting: np.ndarray = field(init=False)
    units: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        start, n_periods = self.window.start, self.window.n_periods
        self.perishes = start.shelf_periods is not None
        reach = n_periods + int(start.lead_periods.max(initial=0)) + start.horizon + 1
        shelf = np.ones(start.n_series, np.int64)
        if start.shelf_periods is not None:  # what keeps outlasts the replay
            shelf = np.where(start.shelf_periods > 0, start.shelf_periods, reach)
        self.lots = Lots.opening(start.on_hand, start.lots, shelf, 1)
        self.arriving = np.zeros((start.n_series, reach))  # [series, period]
        self.arriving[:, : start.on_order.shape[1]] = start.on_order
        self.waiting = np.zeros(start.n_series)
        self.units = {kind: np.zeros((start.n_series, n_periods)) for kind in _UNITS}

    def order(self, policy: Policy, period: int, rows: np.ndarray, review: Situation) -> None:
        """Decides the orders of one review of the series `rows`, and lets them arrive after the lead time."""
        lots = self.lots.units[:, 0, rows].T
        situation = replace(
            review,
            on_hand=lots.sum(axis=1, dtype=np.float64) - self.waiting[rows],
            on_order=self.arriving[rows, period : period + review.horizon],
            lots=lots.astype(np.float64) if self.perishes else None,
        )
        orders = policy.orders(situation) if self.backorders else decide(policy, situation)
        if orders.findings:
            raise ValueError(f"The replay of {self.window.label} has faults: " + "; ".join(map(str, orders.findings)))
        self.arriving[rows, period + review.lead_periods] += orders.order
        self.units["ordered"][rows, period] = orders.order
        self.units["fixed"][rows, period] = review.costs.fixed * (orders.order > 0)

    def pass_period(self, period: int) -> None:
        """Receives, sells and holds."""
        self.lots.receive(self.arriving[:, period])
        demand = self.window.demand[:, period]
        known = ~np.isnan(demand)
        asked = np.where(known, demand, 0) + self.waiting
        unmet = self.lots.sell(asked[None], self.issue)[0].astype(np.float64)
        self.units["sold"][:, period] = asked - unmet
        self.units["lost"][:, period] = unmet
        self.waiting = unmet if self.backorders else self.waiting
        if self.perishes:
            self.units["wasted"][:, period] = self.lots.age()[0]
        self.units["stock"][:, period] = np.where(known, self.lots.stock()[0], 0)

    def ledger(self) -> Ledger:
        """What it cost in the periods that count."""
        window, costs = self.window, self.window.start.costs
        scored = np.ones(window.n_periods, bool) if window.scored is None else window.scored
        ordered, stock, sold, lost, wasted, fixed = (np.where(scored, self.units[kind], 0) for kind in _UNITS)
        holding, lost_sales = costs.holding[:, None] * stock, costs.lost_margin[:, None] * lost
        waste, expedite = costs.waste[:, None] * wasted, np.zeros_like(wasted)
        return Ledger(holding, lost_sales, waste, expedite, ordered, stock, sold, lost, wasted, fixed)
