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
    - `memories`: what policies have computed from the paths of a decision, see `Situation.memory`.
    - `due`: bool [series, period], which series a decision is about; all, where not given.
    """

    label: str
    start: Situation
    demand: np.ndarray
    paths: Callable[[int], np.ndarray]
    decisions: Sequence[int]
    scored: np.ndarray | None = None
    due: np.ndarray | None = None
    memories: dict[int, dict[str, tuple[object, ...]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_periods(self) -> int:
        """The number of periods."""
        return self.demand.shape[1]


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

    def fill_rate(self) -> float:
        """The share of the demand that was met from stock."""
        return fill_rate_of([self])

    def to_frame(self, series: pl.DataFrame, dates: Sequence[object]) -> pl.DataFrame:
        """One row for each series and period: keys of `series`, ``date``, the buckets and the units."""
        n_series, n_periods = self.holding.shape
        keys = series[np.repeat(np.arange(n_series), n_periods)]
        names = [*BUCKETS, "fixed", "ordered", "stock", "sold", "lost_units", "wasted_units"]
        date = pl.Series("date", list(dates) * n_series)
        return keys.with_columns(date, *(pl.Series(name, getattr(self, name).ravel()) for name in names))


def fill_rate_of(ledgers: Sequence[Ledger]) -> float:
    """The share of the demand of several ledgers that was met from stock; 1 where there was none."""
    sold, lost = (sum(float(getattr(each, units).sum()) for each in ledgers) for units in ("sold", "lost_units"))
    return sold / (sold + lost) if sold + lost else 1.0


def costs_of(ledgers: Sequence[Ledger]) -> dict[str, float]:
    """The cost of several ledgers by bucket, and that of placing orders as ``fixed``."""
    return {kind: sum(float(getattr(each, kind).sum()) for each in ledgers) for kind in (*BUCKETS, "fixed")}


def replay(policy: Policy, window: Window, *, issue: Issue = "fifo", backorders: bool = False) -> Ledger:
    """The ledger of a policy in a window.

    With `backorders`, demand that is not met waits and costs its rate in every period of waiting. Raises ValueError
    where the data of an order are at fault (`stock.faults`), because a replay without them would flatter.
    """
    return _Replay(window, issue, backorders).run(policy)


@dataclass
class _Replay:
    """The state of a replay: lots on hand, and what is on order by step, [series, step]."""

    window: Window
    issue: Issue
    backorders: bool
    lots: Lots = field(init=False)
    arriving: np.ndarray = field(init=False)
    waiting: np.ndarray = field(init=False)

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

    def run(self, policy: Policy) -> Ledger:
        """Plays all periods."""
        window, start = self.window, self.window.start
        shape = (start.n_series, window.n_periods)
        ordered, stock, sold, lost, wasted, fixed = (np.zeros(shape) for _ in range(6))
        for period in range(window.n_periods):
            if period in window.decisions:
                ordered[:, period] = self._order(policy, period)
                fixed[:, period] = start.costs.fixed * (ordered[:, period] > 0)
            self.lots.receive(self.arriving[:, period])
            demand = window.demand[:, period]
            known = ~np.isnan(demand)
            asked = np.where(known, demand, 0) + self.waiting
            unmet = self.lots.sell(asked[None], self.issue)[0].astype(np.float64)
            sold[:, period] = asked - unmet
            lost[:, period] = unmet
            self.waiting = unmet if self.backorders else self.waiting
            if self.perishes:
                wasted[:, period] = self.lots.age()[0]
            stock[:, period] = np.where(known, self.lots.stock()[0], 0)
        scored = np.ones(shape[1], bool) if window.scored is None else window.scored
        ordered, stock, sold, lost, wasted, fixed = (
            np.where(scored, units, 0) for units in (ordered, stock, sold, lost, wasted, fixed)
        )
        costs = start.costs
        holding, lost_sales = costs.holding[:, None] * stock, costs.lost_margin[:, None] * lost
        waste, expedite = costs.waste[:, None] * wasted, np.zeros(shape)
        return Ledger(holding, lost_sales, waste, expedite, ordered, stock, sold, lost, wasted, fixed)

    def _order(self, policy: Policy, period: int) -> np.ndarray:
        """Decides the orders of one review, and lets them arrive after the lead time: float64 [series]."""
        start = self.window.start
        paths = self.window.paths(period)
        lots = self.lots.units[:, 0].T
        situation = replace(
            start,
            paths=paths,
            on_hand=lots.sum(axis=1, dtype=np.float64) - self.waiting,
            on_order=self.arriving[:, period : period + paths.shape[2]],
            lots=lots.astype(np.float64) if self.perishes else None,
            memory=self.window.memories.setdefault(period, {}),
        )
        orders = policy.orders(situation) if self.backorders else decide(policy, situation)
        if orders.findings:
            raise ValueError(f"The replay of {self.window.label} has faults: " + "; ".join(map(str, orders.findings)))
        order = orders.order if self.window.due is None else np.where(self.window.due[:, period], orders.order, 0)
        self.arriving[np.arange(len(order)), period + start.lead_periods] += order
        return order
