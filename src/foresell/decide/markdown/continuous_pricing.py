"""The best price for a stock in continuous time, in closed form: what the ladder of prices is checked against.

Gallego and van Ryzin, "Optimal dynamic pricing of inventories with stochastic demand over finite horizons", Management
Science 40 (1994), the case of exponential demand. With J = log(S_n) / decay, where S_n is the sum below, the best price
is 1 / decay + J_n - J_(n-1), and dJ_n / dt = best_rate / decay * exp(-decay * (J_n - J_(n-1))) holds, their equation of
optimality.
"""

from __future__ import annotations

import numpy as np


def expected_revenue(units: int, periods: float, best_rate: float, decay: float = 1.0) -> float:
    """The revenue of selling `units` within `periods`, where customers come at the rate a * exp(-decay * price).

    `best_rate` is a / e, the rate at the price 1 / decay that earns most without a limit of stock. With n units and the
    time t left, the revenue is log(sum over i <= n of (best_rate * t)**i / i!) / decay.

    >>> round(expected_revenue(5, 5, best_rate=1), 4)
    4.5154
    """
    return float(np.log(_partial_sum(units, best_rate * periods)) / decay)


def best_price(units: int, periods: float, best_rate: float, decay: float = 1.0) -> float:
    """The price to ask with `units` left for `periods`: the value of a unit, plus 1 / decay.

    >>> round(best_price(5, 5, best_rate=1), 3), round(best_price(1, 5, best_rate=1), 3)
    (1.335, 2.792)
    """
    value = expected_revenue(units, periods, best_rate, decay) - expected_revenue(units - 1, periods, best_rate, decay)
    return value + 1 / decay


def _partial_sum(units: int, mean: float) -> float:
    terms = np.cumprod(np.concatenate([[1.0], mean / np.arange(1, units + 1)]))
    return float(terms.sum())
