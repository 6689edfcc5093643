"""The verb `plan`: what to order today."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.progress import Meter
from foresell.apps.cli.table_file import checked_path, write_table_file
from foresell.core.errors import FindingsStop

if TYPE_CHECKING:
    import polars as pl

    from foresell.core.settings import OrderTables
    from foresell.pipeline.ordering import OrderPlan

MOST_ROWS = 20  # in the printed table; the file and --json have all


@click.command(
    "plan",
    cls=Verb,
    epilog="Example: foresell plan shop --stock stock.csv --open-orders open_orders.csv --terms terms.csv\n\n"
    f"{EXIT_CODES}",
)
@project_options
@click.option("--stock", metavar="FILE", help="The stock on hand: the keys, and on_hand. [default: orders.stock]")
@click.option("--open-orders", metavar="FILE", help="What is on order: the keys, due and units.")
@click.option("--terms", metavar="FILE", help="Costs and terms of supply by keys or attributes, such as lead_days.")
@click.option("--policy", help="normal, fractile, lost_sales or projected_stock. [default: the best on the past]")
@click.option("--out", type=click.Path(dir_okay=False), help="Write the plan to this file, .csv or .parquet.")
@click.option("--newest", is_flag=True, help="By the newest training, also where the registry has a champion.")
@options()
def plan(**flags: Any) -> None:
    """Say what to order today, how much of it, why, and what it is worth.

    Each line is one series. Its reasons add up: the demand until the order after this one arrives, and the safety
    stock, less what is on hand and on order, rounded to whole packs. The rule is the one that would have cost least on
    the project's own past, with the forecasts as they were made then; where none is better by more than chance, it is
    normal safety stock.

    Without the stock on hand there are targets, and no orders. What is not given in the table of terms is assumed, and
    marked in the column `assumed`: a unit cost of 70 % of the price, 25 % of that a year to hold it, the margin for a
    lost sale, a lead time of 7 days.

    Reads the results of `forecast` (and does first what is out of date), and the tables of the section `orders` of the
    settings. Writes results/plan/orders.csv and .parquet, or the file of --out.
    """
    from foresell.pipeline.ordering import plan_orders

    out = checked_path(flags["out"])
    meter = Meter(quiet=flags["quiet"])
    try:
        project = open_project(flags, meter)
        result = plan_orders(project, _tables(project.settings.orders, flags))
    finally:
        meter.close()
    written = _written(result.table, out, Path(project.results.root))
    if flags["as_json"]:
        print_json(_plain(result, written))
    else:
        click.echo(plan_text(result, written))
    if not result.table["target"].count():  # a nightly job must not take this for a plan
        raise FindingsStop("There is no order for any series, see the findings above.", result.findings)


def _tables(tables: OrderTables, flags: dict[str, Any]) -> OrderTables:
    """The tables of the settings, and in their place those of the flags, which begin at the working folder."""
    from msgspec.structs import replace

    paths = {name: flags[name] for name in ("stock", "open_orders", "terms") if flags[name]}
    given = {name: path if "://" in path else str(Path(path).resolve()) for name, path in paths.items()}
    return replace(tables, **given, **({"policy": flags["policy"]} if flags["policy"] else {}))


def _written(table: pl.DataFrame, out: Path | None, results: Path) -> list[str]:
    """Writes the plan; returns the names of the files."""
    paths = [out] if out else [results / "plan" / f"orders.{ending}" for ending in ("csv", "parquet")]
    for path in paths:
        write_table_file(table, path)
    return list(map(str, paths))


def _plain(result: OrderPlan, written: list[str]) -> dict[str, Any]:
    """The plan as plain data."""
    return {
        "policy": result.policy,
        "why": result.why,
        "contest": result.contest.to_frame().to_dicts() if result.contest else None,
        "decisive_assumption": result.decisive,
        "findings": [finding.to_dict() for finding in result.findings],
        "files": written,
        "orders": result.table.to_dicts(),
    }


def plan_text(result: OrderPlan, written: list[str]) -> str:
    """The plan as a page of text: what comes of it, the lines that gain most, and what to look at."""
    from foresell.core.finding import worst_first

    findings = [f"{finding.count:,} times {finding}" for finding in worst_first(result.findings)]
    parts = [_summary(result), *findings, _lines(result), _notes(result)]
    return "\n\n".join(filter(None, [*parts, "The plan: " + ", ".join(written)]))


def _summary(result: OrderPlan) -> str:
    from foresell.core.words import day, many, number

    table = result.table
    asof = f"As of {day(table['decided'][0])}, the last day of the sales."
    if not result.has_stock:
        return (
            f"{asof} Targets for {many(table.height, 'series', 'series')}. There are no orders, because the stock on "
            f"hand is not known. Give it with --stock, or as 'orders.stock' in the settings.\n{result.why}"
        )
    ordered = table.filter(table["units"] > 0)
    units, value, gain = (number(float(ordered[name].sum())) for name in ("units", "value", "gain"))
    return (
        f"{asof} {many(ordered.height, 'series', 'series')} of {table.height:,} to order: {units} units for {value}, "
        f"which lower the expected cost by {gain}.\n{result.why}"
    )


def _lines(result: OrderPlan) -> str:
    from foresell.apps.cli.text import columns
    from foresell.core.words import many, number

    table = result.table
    keys = table.columns[: table.columns.index("units")]
    values = _VALUES if result.has_stock else ("target", "demand", "safety_stock")
    wanted = table.filter(table["units"] > 0) if result.has_stock else table
    rows = [(*keys, *(name.replace("_", " ") for name in values))]
    for row in wanted.head(MOST_ROWS).iter_rows(named=True):
        rows.append((*(str(row[key]) for key in keys), *(number(row[name]) for name in values)))
    more = wanted.height - min(wanted.height, MOST_ROWS)
    note = f"\n\n  and {many(more, 'more line')} with less to gain" if more else ""
    return columns(rows, right=range(len(keys), len(rows[0])), indent=2) + note


_VALUES = ("units", "demand", "safety_stock", "on_hand", "on_order", "surplus", "rounding", "value", "gain")


def _notes(result: OrderPlan) -> str:
    """What was assumed, and which assumption matters most."""
    names = sorted({name for row in result.table["assumed"].unique() for name in row.split(", ") if name})
    if not names:
        return ""
    text = f"Assumed where not given: {', '.join(names)}."
    if result.decisive:
        term, share = result.decisive
        text += f" Of these {term} matters most: were it a quarter higher, targets would change by {share:.0%}."
    return text
