"""The verb `roi`: what better orders return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.progress import Meter

if TYPE_CHECKING:
    from foresell.core.settings import InvestmentTerms
    from foresell.decide.roi import Investment, Return, ReturnRange, YearlyCosts
    from foresell.pipeline.plans.return_on_orders import Appraisal

TERMS = ("one_time_cost", "yearly_cost", "discount_rate", "years", "before", "after")
"""Options that take the place of a setting of the section ``roi``."""


@click.command(
    "roi", cls=Verb, epilog=f"Example: foresell roi shop --one-time-cost 20000 --yearly-cost 6000\n\n{EXIT_CODES}"
)
@project_options
@click.option("--one-time-cost", type=click.FloatRange(0), help="What it costs at once. [default: roi.one_time_cost]")
@click.option("--yearly-cost", type=click.FloatRange(0), help="What it costs in each year.")
@click.option("--discount-rate", type=float, help="The yearly rate at which later money counts less, such as 0.10.")
@click.option("--years", type=click.IntRange(1), help="How many years count.")
@click.option("--before", metavar="POLICY", help="The policy that stands for the rule of today. [default: normal]")
@click.option("--after", metavar="POLICY", help="The better policy. [default: the cheapest in the earlier half]")
@click.option("--ledger", type=click.Path(dir_okay=False), help="A ledger in place of results/replay/ledger.parquet.")
@click.option("--example", is_flag=True, help="Show a worked example with 50 shops, without a project.")
@options()
def roi(**flags: Any) -> None:
    """Say what better orders save a year, by kind of cost, and what the investment returns.

    The costs are those of `foresell replay`: what the past would have cost under the rule of today and under a better
    one, with the forecasts as they were made then. Five kinds of cost are told apart: holding, lost sales, waste,
    expedite, and labour, which is what it takes to place orders. The range of 90 % is what is chance between spans of
    the past. Of several policies, the earlier half of the past chooses one, and the later half says what it saves.

    Savings that no replay measures, such as those of working time, are stated as roi.stated in the settings.

    Reads results/replay/ledger.parquet and the section roi of the settings. Writes nothing.
    """
    if flags["example"]:
        return _show(_example(), flags)
    from foresell.pipeline.plans.return_on_orders import appraise

    meter = Meter(quiet=flags["quiet"])
    try:
        project = open_project(flags, meter)
        appraisal = appraise(project, _terms(project.settings.roi, flags), flags["ledger"])
    finally:
        meter.close()
    return _show(appraisal, flags)


def _terms(terms: InvestmentTerms, flags: dict[str, Any]) -> InvestmentTerms:
    """The terms of the settings, and in their place those of the flags."""
    from msgspec.structs import replace

    return replace(terms, **{name: flags[name] for name in TERMS if flags[name] is not None})


def _example() -> Appraisal:
    from foresell.decide.roi import FIFTY_SHOPS, ReturnRange, YearlyCosts, return_on
    from foresell.pipeline.plans.return_on_orders import Appraisal

    before, savings, investment = FIFTY_SHOPS.before, FIFTY_SHOPS.savings, FIFTY_SHOPS.investment
    result = ReturnRange(return_on(savings, investment), None, None)
    return Appraisal(before, before - savings, YearlyCosts(), investment, result)


def _show(appraisal: Appraisal, flags: dict[str, Any]) -> None:
    if flags["as_json"]:
        print_json(appraisal.to_dict())
    else:
        click.echo(roi_text(appraisal))


def roi_text(appraisal: Appraisal) -> str:
    """The appraisal as a page of text."""
    result = appraisal.result
    parts = [_origin(appraisal), _costs(appraisal.before, appraisal.after, appraisal.stated, result.expected.savings)]
    return "\n\n".join(filter(None, [*parts, _return(result, appraisal.investment), _notes(appraisal)]))


def _origin(appraisal: Appraisal) -> str:
    """What the costs are."""
    from foresell.core.words import many

    compared = appraisal.compared
    if compared is None:
        return "A worked example: 50 shops of 3,000 articles."
    earlier = many(compared.chosen_on, "earlier span")
    chosen = f"; {compared.after} was the cheapest in {earlier}"
    if compared.saved_earlier <= 0:
        chosen = (
            f"; in {earlier} no policy cost less than {compared.before}, and {compared.after} the least of the others"
        )
    return (
        f"{compared.after} against {compared.before}, on {many(compared.n_series, 'series', 'series')} over "
        f"{compared.days:,.0f} days in {many(len(compared.spans), 'span')} of the past"
        f"{chosen if compared.chosen_on else ''}."
    )


def _costs(before: YearlyCosts, after: YearlyCosts, stated: YearlyCosts, saved: YearlyCosts) -> str:
    from dataclasses import asdict

    from foresell.apps.cli.text import columns
    from foresell.core.words import number

    of = {"before": before, "after": after, "stated": stated, "saved": saved}
    shown = [name for name in of if name != "stated" or stated.total]
    rows = [("a year", *shown)]
    for kind in asdict(before):
        rows.append((kind.replace("_", " "), *(number(getattr(of[name], kind)) for name in shown)))
    rows.append(("total", *(number(of[name].total) for name in shown)))
    return columns(rows, right=range(1, len(shown) + 1), indent=2)


def _return(result: ReturnRange, investment: Investment) -> str:
    """The figures of the return, each with its range."""
    from foresell.apps.cli.text import columns
    from foresell.core.words import many, number, share

    ends = [end for end in (result.low, result.high) if end is not None]
    rate = share(investment.discount_rate)
    horizon = many(investment.years, "year")
    rows = [
        ("saved a year", *(number(each.savings.total) for each in (result.expected, *ends))),
        ("first year, less all costs", *(number(each.first_year) for each in (result.expected, *ends))),
        (f"net present value, {horizon} at {rate}", *(number(x.net_present_value) for x in (result.expected, *ends))),
        ("payback in months", *(_payback(each) for each in (result.expected, *ends))),
    ]
    if ends:
        rows.insert(0, ("", "expected", "low", "high"))
    return columns(rows, right=range(1, len(rows[0])), indent=2)


def _payback(result: Return) -> str:
    return "never" if result.payback_months is None else f"{result.payback_months:.1f}"


def _notes(appraisal: Appraisal) -> str:
    from foresell.core.words import number

    cost = appraisal.investment
    notes = [f"It costs {number(cost.one_time_cost)} at once and {number(cost.yearly_cost)} a year."]
    if appraisal.compared is not None and not cost.one_time_cost and not cost.yearly_cost:
        notes = ["No cost is given. Say what it takes with --one-time-cost and --yearly-cost, or in the section roi."]
    if appraisal.compared is not None and appraisal.result.low is None:
        notes.append("There is no range, because a single span of the past says nothing of how savings vary.")
    if appraisal.result.low is not None:
        notes.append("Low and high are the ends of a range of 90 % for the mean of the spans.")
    return " ".join(notes)
