"""The verb `plan`: what to do today, by one of the kinds of plans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.progress import Meter
from foresell.apps.cli.table_file import checked_path, write_table_file
from foresell.core.errors import FindingsStop

if TYPE_CHECKING:
    from foresell.decide.plan import Plan
    from foresell.pipeline.plans.issue import IssuedPlan

MOST_ROWS = 20  # in the printed table; the file and --json have all

FILES = ("stock", "open_orders", "receipts", "lots", "terms", "vendors", "price_breaks")
"""Options that are files; they begin at the working folder, and not at the project as in the settings."""

SETTINGS = (*FILES, "policy", "service", "lead_days", "budget")
"""Options that take the place of a setting of the section of the plan's kind."""

EARLIER = frozenset({"units", "target", "gain", "policy", "assumed"})
"""Columns of a plan of orders as an earlier foresell wrote it."""


class PlanVerb(Verb):
    """The first word is the kind of plan where there is such a kind, or else the folder, and the plan is of orders."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        ctx.params["kind"], ctx.params["folder"] = _kind_and_folder(ctx.params["kind"], ctx.params["folder"])
        return rest


def _kind_and_folder(first: str | None, second: str | None) -> tuple[str, str | None]:
    from foresell.pipeline.plans import KINDS

    if first is None:
        return "orders", None
    if first in KINDS and (second or not (Path(first) / "foresell.yaml").is_file()):
        return first, second
    if second is None:
        return "orders", first
    raise click.UsageError(f"There is no plan '{first}'; the plans are {', '.join(KINDS)}.")


@click.command(
    "plan",
    cls=PlanVerb,
    epilog="Example: foresell plan shop --stock stock.csv --open-orders open_orders.csv --terms terms.csv\n\n"
    f"{EXIT_CODES}",
)
@click.argument("kind", required=False)
@project_options
@click.option("--stock", metavar="FILE", help="The stock on hand: the keys, and on_hand. [default: orders.stock]")
@click.option("--open-orders", metavar="FILE", help="What is on order: the keys, due and units.")
@click.option("--receipts", metavar="FILE", help="Past receipts, from which lead times are learnt: ordered, received.")
@click.option("--lots", metavar="FILE", help="The stock that perishes by lot: the keys, expires and units.")
@click.option("--terms", metavar="FILE", help="Costs and terms of supply by keys or attributes, such as lead_days.")
@click.option("--vendors", metavar="FILE", help="What vendors ask of an order as a whole, such as minimum_money.")
@click.option("--price-breaks", metavar="FILE", help="Discounts of vendors, by vendor and from_money or from_units.")
@click.option("--policy", help="One of the policies of orders, such as normal. [default: the best on the past]")
@click.option(
    "--service",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="What if: the probability of no lost sale, such as 0.98. [default: what costs least]",
)
@click.option(
    "--lead-days", type=click.FloatRange(0), help="What if: the lead time of all series. [default: that of the terms]"
)
@click.option(
    "--budget", type=click.FloatRange(0), help="What all orders, or the next promotions, may cost. [default: no limit]"
)
@click.option("--out", type=click.Path(dir_okay=False), help="Write the plan to this file, .csv or .parquet.")
@click.option("--newest", is_flag=True, help="By the newest training, also where the registry has a champion.")
@options()
def plan(**flags: Any) -> None:
    """Say what to order today, how much of it, why, and what it is worth.

    KIND is the plan: `orders` where none is given. `labour` says how many people and how much equipment each day or
    hour needs, and who works when; `capacity` what to order from which manufacturer. Their tables are named in the
    sections `labour` and `capacity` of the settings.

    Each line of the plan of orders is one series. Its reasons add up: the demand until the order after this one
    arrives, and the safety stock, less what is on hand and on order, rounded to whole packs. The rule is the one that
    would have cost least on the project's own past, with the forecasts as they were made then; where none is better by
    more than chance, it is normal safety stock.

    Without the stock on hand there are targets, and no orders. What is not given in the table of terms is assumed, and
    marked in the column `assumed`: a unit cost of 70 % of the price, 25 % of that a year to hold it, the margin for a
    lost sale, a lead time of 7 days.

    The plan `markdown` has a line for each series whose stock lasts too long, with the price at which it is worth
    most. The plan `promotions` has a line for each campaign that may be run next, and tables of what past ones did
    and earned.

    Reads the results of `forecast` (and does first what is out of date), and the tables of the section of the settings
    that is named like the plan. Applies the overrides (see `override`). Writes results/plan/KIND.csv and .parquet, the
    page KIND.html to print, and the table plan_KIND of the database of forecasts, and keeps the plan in
    results/history/plans/, so that the next one says what has changed. With --out it writes that file alone.
    """
    out = checked_path(flags["out"])
    meter = Meter(quiet=flags["quiet"])
    try:
        project = open_project(flags, meter)
        result = project.plan(flags["kind"], **_changes(flags))
        if out:
            write_table_file(result.lines, out, EARLIER)
        written = [str(out)] if out else _issued(project.issue_plan(result))
    finally:
        meter.close()
    if flags["as_json"]:
        print_json(_plain(result, written))
    else:
        click.echo(plan_text(result, written))
    if not result.is_decided:  # a nightly job must not take this for a plan
        raise FindingsStop(f"The plan of {result.kind} could decide nothing, see the findings above.", result.findings)


def _issued(issued: IssuedPlan) -> list[str]:
    """Where the plan stands: its files, and the copy in a folder or bucket."""
    return [*map(str, issued.files), *([issued.copy] if issued.copy else [])]


def _changes(flags: dict[str, Any]) -> dict[str, Any]:
    """The options that take the place of settings; files as they are called from everywhere."""
    given = {name: flags[name] for name in SETTINGS if flags[name] not in (None, "")}
    return {
        name: str(Path(value).resolve()) if name in FILES and "://" not in value else value
        for name, value in given.items()
    }


def _plain(plan: Plan, written: list[str]) -> dict[str, Any]:
    """The plan as plain data."""
    return {
        **plan.details(),
        "headline": plan.headline,
        "findings": [finding.to_dict() for finding in plan.findings],
        "files": written,
        plan.kind: plan.lines.to_dicts(),
    }


def plan_text(plan: Plan, written: list[str]) -> str:
    """The plan as a page of text: what comes of it, what to look at, the lines with most money at risk."""
    from foresell.core.finding import worst_first

    findings = [f"{finding.count:,} times {finding}" for finding in worst_first(plan.findings)]
    return "\n\n".join(["\n".join(plan.headline), *findings, _lines(plan), "The plan: " + ", ".join(written)])


def _lines(plan: Plan) -> str:
    from foresell.apps.cli.text import columns
    from foresell.core.words import many, number

    lines = plan.worth_showing()
    if lines.is_empty():
        return f"  Nothing to do in {many(plan.lines.height, 'line')} of the plan."
    numeric = {name for name in plan.shown if lines[name].dtype.is_numeric()}
    rows = [(*plan.keys, *(name.replace("_", " ") for name in plan.shown))]
    for row in lines.head(MOST_ROWS).iter_rows(named=True):
        values = (number(row[name]) if name in numeric else str(row[name]) for name in plan.shown)
        rows.append((*(str(row[key]) for key in plan.keys), *values))
    more = lines.height - min(lines.height, MOST_ROWS)
    note = f"\n\n  and {many(more, 'more line')} with less to gain" if more else ""
    right = [len(plan.keys) + place for place, name in enumerate(plan.shown) if name in numeric]
    return columns(rows, right=right, indent=2) + note
