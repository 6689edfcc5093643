"""What a plan of capacity is decided from: demand, who can make what, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.words import many


@dataclass(frozen=True)
class Lanes:
    """Which manufacturer can make which part, one lane a pair: [lane] each.

    - `part`, `manufacturer`: int64, their numbers.
    - `cost`: money for a unit ordered. `use`: of the manufacturer's capacity, such as hours, for a unit ordered.
    - `minimum_lot`: units; in a period nothing is ordered, or at least this.
    - `good`: the share of the units ordered that can be used. `on_time`: the share of lots that arrive in their period;
      the others arrive one period later.
    """

    part: np.ndarray
    manufacturer: np.ndarray
    cost: np.ndarray
    use: np.ndarray
    minimum_lot: np.ndarray
    good: np.ndarray
    on_time: np.ndarray

    @classmethod
    def of(
        cls,
        part: np.ndarray,
        manufacturer: np.ndarray,
        cost: np.ndarray,
        *,
        use: np.ndarray | float = 1.0,
        minimum_lot: np.ndarray | float = 0.0,
        good: np.ndarray | float = 1.0,
        on_time: np.ndarray | float = 1.0,
    ) -> Lanes:
        """The lanes with what is not given as it is in the best case. Raises UsageError for values that cannot be."""
        n_lanes = len(np.asarray(part))
        numbers = [np.broadcast_to(np.asarray(value, np.float64), (n_lanes,)) for value in
                   (cost, use, minimum_lot, good, on_time)]  # fmt: skip
        lanes = cls(np.asarray(part, np.int64), np.asarray(manufacturer, np.int64), *numbers)
        wrong = ~np.all([np.isfinite(number) & (number >= 0) for number in numbers], axis=0)
        wrong |= (lanes.use <= 0) | (lanes.good <= 0) | (lanes.good > 1) | (lanes.on_time > 1)
        if wrong.any():
            rows = np.flatnonzero(wrong)
            first = ", ".join(f"{field.name} {getattr(lanes, field.name)[rows[0]]:g}" for field in fields(cls)[2:])
            raise UsageError(
                f"{many(len(rows), 'pair')} of part and manufacturer cannot be: the first has {first}; pairs "
                f"{first_five(rows + 1)}. Expected a cost and a minimum lot of 0 or more, a use above 0, a good share "
                "above 0 and up to 1, and an on-time share from 0 to 1."
            )
        return lanes

    def __len__(self) -> int:
        return len(self.part)


@dataclass(frozen=True)
class CapacityProblem:
    """A plan of capacity to decide.

    - `demand`: float64 [path, part, period], units that are asked for. What cannot be met in its period is lost, or
      bought elsewhere, at the `penalty` [part], money for a unit.
    - `opening`: units in stock at the beginning, [part]. `holding`: money for a unit that is kept to the next period.
    - `capacity`: [manufacturer, period], in the unit of `Lanes.use`.
    """

    demand: np.ndarray
    lanes: Lanes
    capacity: np.ndarray
    penalty: np.ndarray
    holding: np.ndarray
    opening: np.ndarray

    @classmethod
    def of(
        cls,
        demand: np.ndarray,
        lanes: Lanes,
        capacity: np.ndarray,
        *,
        penalty: np.ndarray | float,
        holding: np.ndarray | float = 0.0,
        opening: np.ndarray | float = 0.0,
    ) -> CapacityProblem:
        """The problem, checked. `demand` may be [part, period]. Raises UsageError for values that cannot be."""
        demand = np.asarray(demand, np.float64)
        demand = demand if demand.ndim == 3 else demand[None]
        n_parts = demand.shape[1]
        of_parts = [np.broadcast_to(np.asarray(value, np.float64), (n_parts,)) for value in (penalty, holding, opening)]
        problem = cls(demand, lanes, np.asarray(capacity, np.float64), *of_parts)
        named = {"demand": demand, "capacity": problem.capacity, "penalty": problem.penalty}
        named |= {"holding": problem.holding, "opening": problem.opening}
        for name, values in named.items():
            wrong = int((~np.isfinite(values) | (values < 0)).sum())
            if wrong:
                raise UsageError(
                    f"{many(wrong, 'value')} of the {name} are missing, infinite or below 0; expected 0 or more. "
                    f"Correct the {name}."
                )
        if problem.capacity.shape[1] != problem.n_periods:
            raise UsageError(
                f"The capacity has {problem.capacity.shape[1]} periods and the demand {problem.n_periods}. Give the "
                "capacity of each period of the demand."
            )
        return problem

    @property
    def n_paths(self) -> int:
        """The number of paths of demand."""
        return self.demand.shape[0]

    @property
    def n_parts(self) -> int:
        """The number of parts."""
        return self.demand.shape[1]

    @property
    def n_periods(self) -> int:
        """The number of periods."""
        return self.demand.shape[2]

    def with_demand(self, demand: np.ndarray) -> CapacityProblem:
        """The same with another demand [path, part, period]."""
        return replace(self, demand=demand)

    def of_mean(self) -> CapacityProblem:
        """The same with the mean of the paths as the one demand."""
        return self.with_demand(self.demand.mean(axis=0, keepdims=True))

    def utilisation(self, quantity: np.ndarray) -> np.ndarray:
        """The share of the capacity that `quantity` [lane, period] takes: float64 [manufacturer, period]."""
        used = np.zeros_like(self.capacity)
        np.add.at(used, self.lanes.manufacturer, self.lanes.use[:, None] * quantity)
        return np.where(self.capacity > 0, used / np.where(self.capacity > 0, self.capacity, 1), 0.0)
