"""The section ``roi``: what better decisions take, and what they save beside what a replay measures."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from foresell.core.settings.base import Positive, Strict, about

Money = Annotated[float, Meta(ge=0)]


class StatedSavings(Strict, frozen=True):
    """Savings of a year that no replay measures, as the user states them."""

    expedite: Annotated[Money, about("what is saved on rush orders and freight, a year")] = 0.0
    labour: Annotated[Money, about("what is saved on working time, a year")] = 0.0


class InvestmentTerms(Strict, frozen=True):
    """The terms of an investment in better decisions, in money."""

    before: Annotated[
        str | None, about("the policy that stands for the rule of today; normal where not given", "normal")
    ] = None
    after: Annotated[
        str | None,
        about(
            "the better policy; where not given, the one that cost least in the earlier half of the replay",
            "lost_sales",
        ),
    ] = None
    one_time_cost: Annotated[Money, about("what it costs at once")] = 0.0
    yearly_cost: Annotated[Money, about("what it costs in each year")] = 0.0
    discount_rate: Annotated[float, Meta(gt=-1), about("the yearly rate at which money of later years counts less")] = (
        0.10
    )
    years: Annotated[Positive, about("how many years count")] = 3
    stated: Annotated[StatedSavings, about("savings of a year that the replay does not measure")] = StatedSavings()
