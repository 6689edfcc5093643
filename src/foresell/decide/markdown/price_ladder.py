"""The ladder of prices for a stock that has to be sold by some day: dynamic programming over stock and periods left.

The price only goes down. In each period the demand is negative binomial round the forecast at the price of the period,
mean * (price / price now) ** -elasticity, where the elasticity is known with an error. The discrete form of Gallego and
van Ryzin (1994), with prices that must not rise (Feng and Gallego 1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError

MOST_LOTS = 200
"""A larger stock is counted in lots, so that no more than so many are told apart."""

NODES = 5  # of the quadrature over the elasticity


@dataclass(frozen=True)
class Response:
    """By how much each price raises the demand, `factors` [node, rung], with the probability `weights` [node]."""

    factors: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, prices: np.ndarray, elasticity: float, deviation: float = 0.0) -> Response:
        """(price / first price) ** -elasticity, where the elasticity is normal with `deviation`, and at least 0.

        >>> Response.of(np.array([10.0, 5.0]), 2.0).factors.tolist()
        [[1.0, 4.0]]
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES if deviation > 0 else 1)
        elasticities = np.maximum(elasticity + deviation * nodes, 0.0)
        return cls((prices / prices[0])[None, :] ** -elasticities[:, None], weights / weights.sum())

    @property
    def mean(self) -> np.ndarray:
        """The expected factor of each price: float64 [rung]."""
        return np.asarray(self.weights @ self.factors)


@dataclass(frozen=True)
class Clearance:
    """A stock to be sold, and what is known about its demand.

    - `stock`: units, at least 1. `prices`: those to choose from, [rung], the price now first, then lower ones.
    - `demand`: the forecast at the price now, float64 [period]; `dispersion`: r of the variance mean + mean**2 / r.
    - `response`: by how much each price raises the demand.
    - `salvage`: the worth of a unit left at the end; `holding`: the cost of a unit left over in a period.
    - `change_cost`: of putting a new price on the stock. With `may_rise`, the price may also go up again.

    Raises UsageError where prices do not fall, or there is no stock or no period.
    """

    stock: int
    prices: np.ndarray
    demand: np.ndarray
    response: Response
    dispersion: float = np.inf
    salvage: float = 0.0
    holding: float = 0.0
    change_cost: float = 0.0
    may_rise: bool = False

    def __post_init__(self) -> None:
        falling = len(self.prices) and (np.diff(self.prices) < 0).all() and self.prices[-1] >= 0
        if self.stock < 1 or not len(self.demand) or not falling:
            raise UsageError(
                f"A clearance has {self.stock} units, {len(self.demand)} periods and the prices {list(self.prices)}; "
                "expected at least one unit and one period, and prices that fall."
            )


@dataclass(frozen=True)
class Ladder:
    """What to do with the price.

    - `rung`: the price to take now, by its number; 0 leaves it as it is.
    - `values`: the expected revenue with each price now, and the best ones afterwards: float64 [rung].
    - `keep`: the expected revenue with the price of now until the end.
    - `path`: the rungs of the periods where demand is as expected, int64 [period].
    - `choice`: the rung to take, by period, rung of the period before, and lots in stock, int64.
    - `left`: the units left at the end of `path`; `left_if_kept`: with the price of now until the end.
    """

    rung: int
    values: np.ndarray
    keep: float
    path: np.ndarray
    choice: np.ndarray
    left: float
    left_if_kept: float

    @property
    def gain(self) -> float:
        """What the price of `rung` earns more than to wait for one period, with the best prices after either."""
        return float(self.values[self.rung] - self.values[0])

    @property
    def gain_over_keeping(self) -> float:
        """What the best prices earn more than the price of now until the end."""
        return float(self.values[self.rung] - self.keep)


def price_ladder(case: Clearance) -> Ladder:
    """The best ladder.

    >>> prices = np.array([10.0, 8, 6])
    >>> case = Clearance(20, prices, np.full(4, 2.0), Response.of(prices, elasticity=2.5))
    >>> ladder = price_ladder(case)
    >>> ladder.rung, ladder.path.tolist(), round(ladder.gain, 2)
    (1, [1, 1, 2, 2], 2.5)
    """
    lots, unit = _lots(case)
    n_periods, n_rungs = len(case.demand), len(case.prices)
    value = np.tile(case.salvage * unit * np.arange(lots + 1), (n_rungs, 1))
    keep, values = value[0], np.zeros(n_rungs)
    choice = np.zeros((n_periods, n_rungs, lots + 1), np.int64)
    rungs = np.arange(n_rungs)
    for period in range(n_periods - 1, -1, -1):
        chance = _chances(case, period, unit, lots)
        ahead = np.array([_ahead(chance[rung], value[rung], case, rung, unit) for rung in range(n_rungs)])
        keep = _ahead(chance[0], keep, case, 0, unit)
        values = ahead[:, lots] - case.change_cost * (rungs > 0)
        value = np.empty_like(ahead)
        for rung in rungs:
            allowed = rungs if case.may_rise else rungs[rung:]
            options = ahead[allowed] - case.change_cost * (allowed != rung)[:, None]
            # Of prices that are as good, the highest: what rounding adds must not lower one.
            best = (options >= options.max(axis=0) - 1e-9 * np.abs(options[0])).argmax(axis=0)
            choice[period, rung] = allowed[best]
            value[rung] = np.take_along_axis(options, best[None], axis=0)[0]
    path, left = _expected_path(case, choice, unit)
    kept = max(case.stock - float(case.demand.sum()), 0.0)
    return Ladder(int(choice[0, 0, lots]), values, float(keep[lots]), path, choice, left, kept)


def value_of_policy(ladder: Ladder, case: Clearance) -> float:
    """The expected revenue of the decisions of `ladder` where demand answers as `case` says, which else is the same."""
    lots, unit = _lots(case)
    n_rungs = len(case.prices)
    value = np.tile(case.salvage * unit * np.arange(lots + 1), (n_rungs, 1))
    for period in range(len(case.demand) - 1, -1, -1):
        chance = _chances(case, period, unit, lots)
        ahead = np.array([_ahead(chance[rung], value[rung], case, rung, unit) for rung in range(n_rungs)])
        chosen = ladder.choice[period]
        paid = case.change_cost * (chosen != np.arange(n_rungs)[:, None])
        value = np.take_along_axis(ahead, chosen, axis=0) - paid
    return float(value[0, lots])


def _lots(case: Clearance) -> tuple[int, float]:
    """The lots that the stock is counted in, and the units of one."""
    lots = int(np.ceil(case.stock / np.ceil(case.stock / MOST_LOTS)))
    return lots, case.stock / lots


def _chances(case: Clearance, period: int, unit: float, lots: int) -> np.ndarray:
    """The chance of a demand for 0, 1, .. lots at each price, the last for all above: float64 [rung, lots + 1].

    A demand between two numbers of lots is shared between them so that its mean stays.
    """
    mean = np.maximum(case.demand[period], 1e-9) * case.response.factors
    edges = unit * np.arange(lots + 1)
    short = np.einsum("n,nrl->rl", case.response.weights, _expected_rest(edges, mean[..., None], case.dispersion))
    # What is left of l lots on average is a broken line in l, whose slope is the chance of less than that.
    below = np.diff(short, axis=1) / unit
    return np.diff(below, prepend=0.0, append=1.0, axis=1)


def _expected_rest(stock: np.ndarray, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """The mean of max(stock - demand, 0) for Poisson or negative binomial demand.

    It is stock * P(demand < stock) less the mean of the demand below the stock, which is the mean times a probability
    of the same distribution with one unit less, and of the negative binomial with a dispersion one higher.

    >>> round(float(_expected_rest(np.array(2.0), np.array(1.0), np.inf)), 4)  # 2 / e + 1 / e
    1.1036
    """
    from scipy.stats import nbinom, poisson

    below = np.ceil(stock) - 1
    if not np.isfinite(dispersion):
        return np.asarray(stock * poisson.cdf(below, mean) - mean * poisson.cdf(below - 1, mean))
    p = dispersion / (dispersion + mean)
    return np.asarray(stock * nbinom.cdf(below, dispersion, p) - mean * nbinom.cdf(below - 1, dispersion + 1, p))


def _ahead(chance: np.ndarray, value: np.ndarray, case: Clearance, rung: int, unit: float) -> np.ndarray:
    """The expected revenue from this period on with a price, by the lots in stock: float64 [lots + 1].

    `value` is that from the next period on, by the lots that are left.
    """
    lots = np.arange(len(chance))
    more = 1 - np.cumsum(chance)  # the chance of more than so many lots
    sold = np.concatenate([[0.0], np.cumsum(more[:-1])])
    later = np.convolve(chance, value)[: len(chance)] + more * value[0]
    return np.asarray(case.prices[rung] * unit * sold - case.holding * unit * (lots - sold) + later)


def _expected_path(case: Clearance, choice: np.ndarray, unit: float) -> tuple[np.ndarray, float]:
    """The rung of each period where demand is as expected, and the units left at the end."""
    factor = case.response.mean
    left, rung, path = float(case.stock), 0, []
    for period, demand in enumerate(case.demand):
        rung = int(choice[period, rung, round(left / unit)])
        path.append(rung)
        left = max(left - demand * factor[rung], 0.0)
    return np.array(path), left
