"""What an order is decided from, what a policy promises, and what it returns.

A period is the panel's own: a day, a week. Step 1 is the first period after the decision. An order with a lead time of
L periods arrives at the beginning of step L + 1; the next order that can follow it arrives R periods later, where R is
the review time. So an order must last for the steps L + 1 to L + R, and the stock until then cannot be changed any
more. The steps 1 to L + R are the cover of the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Protocol, TypeVar, cast

import numpy as np

from foresell.core.finding import Finding

T = TypeVar("T")


@dataclass(frozen=True)
class CostRates:
    """What a unit costs: float64 [series] each, in money.

    - `unit`: to buy one. `holding`: to have one in stock at the end of a period.
    - `lost_margin`: what one unit of demand that is not met costs; of a backorder, what each period of waiting costs.
    - `waste`: to throw one away, its purchase included. `fixed`: of one order line, whatever its size.
    """

    unit: np.ndarray
    holding: np.ndarray
    lost_margin: np.ndarray
    waste: np.ndarray
    fixed: np.ndarray

    @classmethod
    def of(
        cls,
        n_series: int,
        *,
        holding: float,
        lost_margin: float,
        unit: float = 0.0,
        waste: float = 0.0,
        fixed: float = 0.0,
    ) -> CostRates:
        """The same rates for all series."""
        return cls(*(np.full(n_series, rate, np.float64) for rate in (unit, holding, lost_margin, waste, fixed)))

    def fractile(self, review_periods: np.ndarray) -> np.ndarray:
        """The critical fractile p / (p + R h): the probability of no lost sale at which one more unit stops to pay.

        A unit that is not sold is held for the R periods until the next order arrives. Silver, Pyke and Thomas,
        "Inventory and production management in supply chains", 4th edition, section 6.7 (periodic review).

        >>> CostRates.of(1, holding=0.2, lost_margin=1.0).fractile(np.array([1])).round(3).tolist()
        [0.833]
        """
        return self.lost_margin / np.maximum(self.lost_margin + review_periods * self.holding, 1e-12)

    def part(self, series: np.ndarray) -> CostRates:
        """The rates of some series."""
        return CostRates(*(getattr(self, rate.name)[series] for rate in fields(self)))


@dataclass(frozen=True)
class EqualTerms:
    """Series of a situation with the same `lead` and `review` time: `rows` int [series] has their places there.

    `demand` is float32 [step, path, series], the paths step by step, so that each step lies together in memory. The
    series are in the order of their shelf life; what keeps stands where the end of the review time would be.
    """

    lead: int
    review: int
    rows: np.ndarray
    demand: np.ndarray


@dataclass(frozen=True)
class Situation:
    """All that the orders of some series are decided from.

    - `paths`: float32 [path, series, step], the demand as it may come.
    - `on_hand`: float [series]. `on_order`: float [series, step], what arrives at the beginning of a step.
    - `lead_periods`, `review_periods`: int [series]; together they are the cover, at most as many as `paths` has steps.
    - `pack`: float [series], orders are multiples of it. `minimum`: float [series], the smallest order but 0.
    - `shelf_periods`: int [series], for how many periods a unit that arrives can be sold, 0 where it keeps; None
      where nothing perishes.
    - `lots`: float [series, life], stock on hand by the number of periods that it can still be sold, the column 0
      being those to be sold in step 1; None where nothing perishes.
    - `dispersion`: float [series], the variance of the cover's demand over its mean in the series' own past, NaN where
      it is not known; None where nobody looked (`own_history.cover_dispersion`).
    - `names`: what series are called in findings.
    - `memory`: what was computed from these paths. Many policies of a contest are asked about the same ones.
    """

    paths: np.ndarray
    on_hand: np.ndarray
    on_order: np.ndarray
    lead_periods: np.ndarray
    review_periods: np.ndarray
    costs: CostRates
    pack: np.ndarray
    minimum: np.ndarray
    shelf_periods: np.ndarray | None = None
    lots: np.ndarray | None = None
    names: tuple[str, ...] = ()
    dispersion: np.ndarray | None = None
    memory: dict[str, tuple[object, ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        paths: np.ndarray,
        on_hand: np.ndarray,
        costs: CostRates,
        *,
        on_order: np.ndarray | None = None,
        lead_periods: int | np.ndarray = 0,
        review_periods: int | np.ndarray = 1,
        pack: float | np.ndarray = 1.0,
        minimum: float | np.ndarray = 0.0,
        shelf_periods: int | np.ndarray | None = None,
        lots: np.ndarray | None = None,
        names: tuple[str, ...] = (),
        dispersion: np.ndarray | None = None,
    ) -> Situation:
        """A situation in which what is the same for all series may be given as one number."""
        paths = np.asarray(paths, np.float32)
        n_series, n_steps = paths.shape[1:]

        def all_series(value: float | np.ndarray, kind: type) -> np.ndarray:
            return np.broadcast_to(np.asarray(value, kind), n_series)

        return cls(
            paths,
            np.asarray(on_hand, np.float64),
            np.zeros((n_series, n_steps)) if on_order is None else np.asarray(on_order, np.float64),
            all_series(lead_periods, np.int64),
            all_series(review_periods, np.int64),
            costs,
            all_series(pack, np.float64),
            all_series(minimum, np.float64),
            None if shelf_periods is None else all_series(shelf_periods, np.int64),
            None if lots is None else np.asarray(lots, np.float64),
            names,
            dispersion,
        )

    @property
    def n_series(self) -> int:
        """The number of series."""
        return self.paths.shape[1]

    @property
    def horizon(self) -> int:
        """The number of steps of the paths."""
        return self.paths.shape[2]

    @property
    def cover_periods(self) -> np.ndarray:
        """Lead and review time together: int [series]."""
        return self.lead_periods + self.review_periods

    def in_cover(self) -> np.ndarray:
        """Which steps an order and what is there before it must last for: bool [series, step]."""
        return np.arange(self.horizon) < self.cover_periods[:, None]

    def cover_mean(self) -> np.ndarray:
        """The mean demand of the cover: float64 [series]."""
        return self.remembered(
            "mean", lambda: (self.paths.mean(axis=0, dtype=np.float64) * self.in_cover()).sum(axis=1)
        )

    def cover_variance(self) -> np.ndarray:
        """The sum of the variances of the cover's steps: float64 [series]."""
        return self.remembered(
            "variance", lambda: (self.paths.var(axis=0, dtype=np.float64) * self.in_cover()).sum(axis=1)
        )

    def cover_demand(self) -> np.ndarray:
        """The demand of the whole cover: float32 [path, series], not to be changed."""

        def total() -> np.ndarray:
            demand = np.zeros(self.paths.shape[:2], np.float32)
            for group in self.equal_terms():
                for step in range(min(group.lead + group.review, self.horizon)):
                    demand[:, group.rows] += group.demand[step]
            demand.flags.writeable = False
            return demand

        return self.remembered("demand", total)

    def invalid_paths(self) -> np.ndarray:
        """Series whose paths are missing, infinite or below 0: bool [series]."""

        def invalid() -> np.ndarray:
            # A sum is finite where all of its paths are, and far cheaper than a mask of the whole cube. One axis after
            # the other is three times as fast as both at once.
            total = self.paths.sum(axis=0, dtype=np.float64).sum(axis=1)
            negative = self.paths.min(axis=0, initial=np.inf).min(axis=1) < 0
            return np.asarray(~np.isfinite(total) | negative | (len(self.paths) == 0))

        return self.remembered("invalid", invalid)

    def equal_terms(self) -> list[EqualTerms]:
        """The series in groups of equal lead and review time."""

        def groups() -> list[EqualTerms]:
            if not self.n_series:
                return []
            shelf = self.review_periods if self.shelf_periods is None else self.shelf_periods
            shelf = np.where(shelf > 0, shelf, self.review_periods)
            order = np.lexsort((shelf, self.review_periods, self.lead_periods))
            lead, review = self.lead_periods[order], self.review_periods[order]
            starts = np.flatnonzero(np.append(True, (np.diff(lead) != 0) | (np.diff(review) != 0)))
            return [
                EqualTerms(int(lead[start]), int(review[start]), rows, self._step_by_step(rows))
                for start, rows in zip(starts, np.split(order, starts[1:]), strict=True)
            ]

        return self.remembered("equal terms", groups)

    def _step_by_step(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.paths[:, rows].transpose(2, 0, 1))

    def remembered(self, name: str, compute: Callable[[], T]) -> T:
        """What `compute` gives for these very paths and terms, from the memory where it is there."""
        made_of = (self.paths, self.lead_periods, self.review_periods, self.shelf_periods)
        known = self.memory.get(name)
        if known is None or any(one is not other for one, other in zip(known, made_of, strict=False)):
            known = self.memory[name] = (*made_of, compute())
        return cast(T, known[-1])

    def position(self) -> np.ndarray:
        """The inventory position, stock on hand and what arrives within the cover: float64 [series]."""
        return self.on_hand + (self.on_order * self.in_cover()).sum(axis=1)

    def part(self, series: np.ndarray) -> Situation:
        """The situation of some series, as rows or as bool [series]."""
        rows = np.flatnonzero(series) if series.dtype == bool else series
        return replace(
            self,
            paths=self.paths[:, rows],
            **{
                name: getattr(self, name)[rows]
                for name in ("on_hand", "on_order", "lead_periods", "review_periods", "pack", "minimum")
            },
            costs=self.costs.part(rows),
            shelf_periods=None if self.shelf_periods is None else self.shelf_periods[rows],
            lots=None if self.lots is None else self.lots[rows],
            names=tuple(self.names[row] for row in rows) if self.names else (),
            dispersion=None if self.dispersion is None else self.dispersion[rows],
            memory={},
        )


@dataclass(frozen=True)
class Orders:
    """What to order: float64 [series] each.

    - `order`: the quantity, in whole packs and not below the minimum; NaN where a fault of the data forbids to decide.
    - `unrounded`: the quantity before packs and minimum.
    - `target`: the inventory position after the unrounded order, or the one that needs no order.
    - `cover_mean`: the mean demand of the cover, without what is lost before the order arrives.
    - `findings`: what is wrong with the data, and concerns the series that are NaN.
    """

    order: np.ndarray
    unrounded: np.ndarray
    target: np.ndarray
    cover_mean: np.ndarray
    findings: tuple[Finding, ...] = field(default=())

    @property
    def safety_stock(self) -> np.ndarray:
        """What the target has beyond the mean demand of the cover; negative where a shortage is cheaper than stock."""
        return self.target - self.cover_mean


class Policy(Protocol):
    """A rule for orders. It is a frozen dataclass of its parameters, so that a contest can vary them.

    `orders` expects a situation without faults (`stock.faults` finds them, `stock.decide` leaves them out). It promises
    orders in whole packs that are 0 or at least the minimum, and never more for more stock.
    """

    @property
    def name(self) -> str:
        """What the policy is called, with its parameters."""
        ...

    def orders(self, situation: Situation) -> Orders:
        """The orders of all series."""
        ...
