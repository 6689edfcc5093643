"""The return on an investment in better decisions: yearly savings by kind of cost, net present value, payback.

Savings are the difference of two yearly costs, for example those of a replay with the rule of today and with a better
one. Money of later years is discounted at the end of each year (Brealey, Myers and Allen, "Principles of corporate
finance", chapter 2); the payback takes savings to come evenly over a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.decide.terms import DAYS_A_YEAR

CONFIDENCE = 0.9
"""How much of the uncertainty of savings the range of a return covers."""


@dataclass(frozen=True)
class YearlyCosts:
    """What a year costs, in money, by kind of cost."""

    holding: float = 0.0
    lost_sales: float = 0.0
    waste: float = 0.0
    expedite: float = 0.0
    labour: float = 0.0

    @property
    def total(self) -> float:
        """The sum of all kinds."""
        return float(sum(astuple(self)))

    def __sub__(self, other: YearlyCosts) -> YearlyCosts:
        return YearlyCosts(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __add__(self, other: YearlyCosts) -> YearlyCosts:
        return YearlyCosts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def times(self, factor: float) -> YearlyCosts:
        """All kinds multiplied by one factor."""
        return YearlyCosts(*(value * factor for value in astuple(self)))


BUCKETS = tuple(field.name for field in fields(YearlyCosts))
"""The kinds of cost."""


@dataclass(frozen=True)
class Investment:
    """What it takes to save: `one_time_cost` at once and `yearly_cost` in each of `years`, in money.

    `discount_rate` is the yearly rate at which later money counts less.
    """

    one_time_cost: float
    yearly_cost: float = 0.0
    discount_rate: float = 0.10
    years: int = 3

    def __post_init__(self) -> None:
        if self.one_time_cost < 0 or self.yearly_cost < 0:
            raise UsageError(
                f"The costs of an investment are {self.one_time_cost:,.0f} at once and {self.yearly_cost:,.0f} a year; "
                "expected 0 or more. Give savings as savings."
            )
        if self.discount_rate <= -1 or self.years < 1:
            raise UsageError(
                f"The discount rate is {self.discount_rate} over {self.years} years; expected a rate above -1, such as "
                "0.10 for 10 % a year, over 1 year or more."
            )


@dataclass(frozen=True)
class Return:
    """The return on an investment, in money.

    - `savings`: by kind of cost, a year.
    - `first_year`: savings of the first year less all costs of the first year.
    - `net_present_value`: of all years.
    - `payback_months`: until savings have paid the cost at once; None where they never do.
    """

    savings: YearlyCosts
    first_year: float
    net_present_value: float
    payback_months: float | None


@dataclass(frozen=True)
class Example:
    """Yearly costs, what of them is saved, and what that takes."""

    before: YearlyCosts
    savings: YearlyCosts
    investment: Investment


FIFTY_SHOPS = Example(
    YearlyCosts(holding=2.5e6, lost_sales=1.8e6, waste=1.2e6, expedite=0.6e6, labour=0.4e6),
    YearlyCosts(holding=250e3, lost_sales=450e3, waste=144e3, expedite=120e3, labour=280e3),
    Investment(266e3),
)
"""A worked example: 50 shops of 3,000 articles that cost 6.5 million a year, of which 1.244 million are saved."""


def return_on(savings: YearlyCosts, investment: Investment) -> Return:
    """The return of yearly `savings`.

    50 shops of 3,000 articles that save 1.244 million a year for 266,000 at once:

    >>> result = return_on(FIFTY_SHOPS.savings, FIFTY_SHOPS.investment)
    >>> round(result.first_year), round(result.net_present_value / 1e6, 2), round(result.payback_months, 1)
    (978000, 2.83, 2.6)
    """
    yearly = savings.total - investment.yearly_cost
    discounted = sum(yearly / (1 + investment.discount_rate) ** year for year in range(1, investment.years + 1))
    months = 12 * investment.one_time_cost / yearly if yearly > 0 else None
    if investment.one_time_cost == 0:
        months = 0.0
    return Return(savings, yearly - investment.one_time_cost, discounted - investment.one_time_cost, months)


@dataclass(frozen=True)
class ReplayedCosts:
    """The costs of one span of the past under two rules: `before` and `after` by kind, in money, over `days`."""

    before: YearlyCosts
    after: YearlyCosts
    days: float

    @property
    def yearly_savings(self) -> YearlyCosts:
        """What a year like this span would save."""
        return (self.before - self.after).times(DAYS_A_YEAR / self.days)


@dataclass(frozen=True)
class ReturnRange:
    """The return of the mean savings, and those of the ends of the range that the mean probably lies in.

    `low` and `high` are None where a single span says nothing of how savings vary.
    """

    expected: Return
    low: Return | None
    high: Return | None


def return_of_replays(replays: Sequence[ReplayedCosts], investment: Investment) -> ReturnRange:
    """The return by replays of several spans of the past, with a range of 90 % for what is chance between spans.

    The range is that of Student's t distribution for the mean of the spans' savings; spans should not overlap. All
    kinds of savings are scaled alike to its ends. Raises UsageError where there is no span, or one without days.

    >>> month = ReplayedCosts(YearlyCosts(holding=30.0), YearlyCosts(holding=20.0), days=28)
    >>> return_of_replays([month], Investment(100.0)).expected.savings.holding
    130.0
    """
    if not replays or any(replay.days <= 0 for replay in replays):
        days = first_five([replay.days for replay in replays])
        raise UsageError(
            f"The spans of the replays have {days or 'no'} days; expected one span or more, of 1 day or more."
        )
    by_span = [replay.yearly_savings for replay in replays]
    mean = YearlyCosts(*np.mean([astuple(saved) for saved in by_span], axis=0).tolist())
    expected = return_on(mean, investment)
    if len(by_span) == 1:
        return ReturnRange(expected, None, None)
    margin = _margin(np.array([saved.total for saved in by_span]))
    low, high = (return_on(_shifted(mean, change), investment) for change in (-margin, margin))
    return ReturnRange(expected, low, high)


def mean_of_year(costs: Sequence[YearlyCosts], days: Sequence[float]) -> YearlyCosts:
    """What a year costs on the mean of spans with `costs` over `days` each."""
    years = [astuple(cost.times(DAYS_A_YEAR / length)) for cost, length in zip(costs, days, strict=True)]
    return YearlyCosts(*np.mean(years, axis=0).tolist())


def _margin(totals: np.ndarray) -> float:
    """Half the width of the range for the mean of `totals` [span]."""
    from scipy.stats import t

    error = totals.std(ddof=1) / np.sqrt(len(totals))
    return float(t.ppf((1 + CONFIDENCE) / 2, len(totals) - 1) * error)


def _shifted(savings: YearlyCosts, change: float) -> YearlyCosts:
    """`savings` with another total: each kind takes the part of `change` that it has of all changes in size."""
    values = np.array(astuple(savings))
    size = np.abs(values)
    share = size / size.sum() if size.sum() else np.full(len(values), 1 / len(values))
    return YearlyCosts(*(values + change * share).tolist())
