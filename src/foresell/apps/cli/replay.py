"""The verb `replay`: what each policy of orders would have cost on the project's own past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.progress import Meter

if TYPE_CHECKING:
    import polars as pl

    from foresell.pipeline.plans.order_replay import OrderReplay

SHOWN = ("policy", "holding", "lost_sales", "waste", "expedite", "fixed", "cost", "fill_rate", "saving")


@click.command("replay", cls=Verb, epilog=f"Example: foresell replay shop --terms terms.csv\n\n{EXIT_CODES}")
@project_options
@click.option(
    "--terms", metavar="FILE", help="Costs and terms of supply by keys or attributes. [default: orders.terms]"
)
@options()
def replay(**flags: Any) -> None:
    """Say what each policy of orders would have cost on the project's own past.

    In each window of the backtest the stock is played day by day: orders arrive after the lead time, what was sold is
    taken off, and at every review each policy orders by the forecasts as they were made then, given what was sold
    since. The earlier windows choose the fractile of each policy; the later ones judge, and their figures are shown:
    the cost by kind, the fill rate, and the saving against normal safety stock with its standard error, also by
    segment.

    At most 500 series are played, drawn by their keys. Terms that are not given are assumed as in `plan`.

    Reads the results of `combine` (and does first what is out of date), and orders.terms of the settings. Writes
    results/replay/ledger.parquet, which `roi` reads, and the tables shown as policies.csv, segments.csv and curve.csv.
    """
    from foresell.pipeline.plans.order_replay import write_replay

    meter = Meter(quiet=flags["quiet"])
    try:
        project = open_project(flags, meter)
        terms = flags["terms"]
        given = {"terms": terms if "://" in terms else str(Path(terms).resolve())} if terms else {}
        result = project.replay(**given)
        written = list(map(str, write_replay(result, Path(project.results.root))))
    finally:
        meter.close()
    if flags["as_json"]:
        print_json({**result.to_dict(), "files": written})
    else:
        click.echo(replay_text(result, written))


def replay_text(result: OrderReplay, written: list[str]) -> str:
    """The replay as a page of text."""
    from foresell.core.finding import worst_first

    findings = [f"{finding.count:,} times {finding}" for finding in worst_first(result.findings)]
    tables = [_policies(result.policies), _segments(result.segments), _curve(result.curve)]
    return "\n\n".join(["\n".join(result.headline), *findings, *tables, "The ledger: " + ", ".join(written)])


def _policies(policies: pl.DataFrame) -> str:
    from foresell.apps.cli.text import columns
    from foresell.core.words import number

    shown = [name for name in SHOWN if name not in ("waste", "expedite", "fixed") or policies[name].sum()]
    rows = [(*(name.replace("_", " ") for name in shown), "saved", "standard error")]
    for row in policies.iter_rows(named=True):
        cells = [row["policy"], *(number(row[name]) for name in shown[1:-2]), f"{row['fill_rate']:.3f}"]
        rows.append((*cells, number(row["saving"]), f"{row['saved_share']:.1%}", number(row["standard_error"])))
    return columns(rows, right=range(1, len(rows[0])), indent=2)


def _segments(segments: pl.DataFrame) -> str:
    from foresell.apps.cli.text import columns
    from foresell.core.words import number

    rows = [("segment", "series", "normal's cost", "saved", "standard error")]
    for row in segments.iter_rows(named=True):
        error = row["standard_error"] / row["usual_cost"] if row["usual_cost"] else 0.0
        name = f"{row['by']}: {row['segment']}"
        rows.append(
            (name, f"{row['series']:,}", number(row["usual_cost"]), f"{row['saved_share']:.1%}", f"{error:.1%}")
        )
    return columns(rows, right=range(1, 5), indent=2)


def _curve(curve: pl.DataFrame) -> str:
    """What the cheapest policy costs by its fractile."""
    from foresell.apps.cli.text import columns
    from foresell.core.words import number

    rows: list[tuple[str, ...]] = [("fractile of the cheapest", "holding", "lost sales", "cost", "fill rate")]
    for row in curve.iter_rows(named=True):
        money = (number(row[name]) for name in ("holding", "lost_sales", "cost"))
        rows.append((f"{row['fractile']:g}", *money, f"{row['fill_rate']:.3f}"))
    return columns(rows, right=range(5), indent=2)
