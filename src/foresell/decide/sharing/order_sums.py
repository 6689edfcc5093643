"""Expected orders added up by group of series and span of time, with ranges of the sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from foresell.decide.sharing.expected_orders import ExpectedOrders


@dataclass(frozen=True)
class OrderRanges:
    """The orders of groups in spans: float64 [group, span] each.

    - `mean` is expected; `low` and `high` are the ends of the range; `decided` is ordered today, on all paths alike.
    - `value`: what the expected orders cost to buy.
    - `told`: bool [group, span], where the orders of all series of the group can be told to the end of the span.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    decided: np.ndarray
    value: np.ndarray
    told: np.ndarray


class OrderSums:
    """Adds up the orders of blocks of series path by path, so that ranges of sums are honest."""

    def __init__(self, n_paths: int, n_groups: int, spans: Sequence[slice]):
        self.spans = spans
        self.sums = np.zeros((n_groups, len(spans), n_paths), np.float32)
        self.decided, self.value = np.zeros((2, n_groups, len(spans)))
        self.told = np.ones((n_groups, len(spans)), bool)

    def add(
        self, orders: ExpectedOrders, groups: np.ndarray, review_periods: np.ndarray, unit_cost: np.ndarray
    ) -> None:
        """Adds the orders of series that join `groups` int [series]; the other arrays are [series] too."""
        last = orders.last_step()
        for number, span in enumerate(self.spans):
            units = orders.units[:, :, span].sum(axis=2)  # [path, series]
            np.add.at(self.sums[:, number], groups, units.T)
            np.add.at(self.value[:, number], groups, units.mean(axis=0, dtype=np.float64) * unit_cost)
            if span.start == 0:
                np.add.at(self.decided[:, number], groups, orders.units[0, :, 0])
            # The review after the last one that is told must come after the span.
            untold = orders.known & (last + review_periods < span.stop)
            self.told[groups[untold], number] = False

    def ranges(self, probability: float) -> OrderRanges:
        """The mean and the central range of `probability` of all groups."""
        low, high = np.quantile(self.sums, [(1 - probability) / 2, (1 + probability) / 2], axis=2)
        return OrderRanges(self.sums.mean(axis=2, dtype=np.float64), low, high, self.decided, self.value, self.told)


def spans_of(n_steps: int, per_span: int) -> Iterator[slice]:
    """The steps in spans of `per_span`; a rest that is no whole span is left out.

    >>> list(spans_of(10, 4))
    [slice(0, 4, None), slice(4, 8, None)]
    """
    for start in range(0, n_steps - per_span + 1, per_span):
        yield slice(start, start + per_span)
