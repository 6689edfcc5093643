"""The verb `demand`: the demand of several days together, of any groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.explain import Pairs
from foresell.apps.cli.progress import Meter
from foresell.apps.cli.table_file import checked_path, write_table_file

if TYPE_CHECKING:
    import polars as pl

    from foresell.core.forecasts import Forecasts

MOST_PATHS = 100_000
MOST_ROWS = 40  # in the printed table; --out and --json have all


class Columns(click.ParamType):
    """``store,item`` or ``store x item`` as a tuple of columns; ``total`` has none.

    >>> Columns().convert("store x item", None, None), Columns().convert("total", None, None)
    (('store', 'item'), ())
    """

    name = "COLUMN,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if not isinstance(value, str):
            return tuple(value)
        names = [name.strip() for name in value.replace(" x ", ",").split(",")]
        return () if names == ["total"] else tuple(dict.fromkeys(name for name in names if name))


class Probabilities(click.ParamType):
    """``0.1,0.9`` as a tuple of numbers."""

    name = "NUMBER,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if not isinstance(value, str):
            return tuple(value)
        try:
            return tuple(float(text) for text in value.split(","))
        except ValueError:
            self.fail(f"'{value}' are no probabilities; expected such as 0.05,0.5,0.95.", param, ctx)


@click.command(
    "demand",
    cls=Verb,
    epilog=f"Example: foresell demand shop --days 9 --level store --where store=CA_1 --out demand.csv\n\n{EXIT_CODES}",
)
@project_options
@click.option("--days", type=int, help="How many days (periods), from the first one on. [default: the whole horizon]")
@click.option("--from", "first", metavar="DATE", help="The first day. [default: the day after the sales]")
@click.option("--to", "last", metavar="DATE", help="The last day, in place of --days.")
@click.option("--level", type=Columns(), default=(), help="One row for each group of these columns. [default: total]")
@click.option("--where", "--series", "where", type=Pairs(), multiple=True, help="Only series with these values.")
@click.option("--quantiles", type=Probabilities(), help="The quantiles. [default: 0.05,0.25,0.5,0.75,0.95]")
@click.option(
    "--paths",
    type=click.IntRange(1, MOST_PATHS),
    default=1000,
    show_default=True,
    help="How many sample paths to draw.",
)
@click.option("--out", type=click.Path(dir_okay=False), help="Also write the table to this file, .csv or .parquet.")
@click.option("--newest", is_flag=True, help="By the newest training, also where the registry has a champion.")
@options()
def demand(**flags: Any) -> None:
    """Say how much will be sold in several days together: mean and quantiles of the sum, for any groups.

    For a lead time, next week, a promotion: the days are --days from --from on, or --from to --to. Quantiles of several
    days are not the sums of the quantiles of each, because errors of days and series partly cancel out. They come from
    sample paths, whose days and series hang together as the errors of the backtest did. The backtest prints how often
    such ranges held.

    Reads the results of `forecast` (and does first what is out of date). Writes the file of --out, and nothing else.
    """
    from foresell.pipeline.demand import forecasts_with_paths

    out = checked_path(flags["out"])
    meter = Meter(quiet=flags["quiet"])
    try:
        forecasts = forecasts_with_paths(open_project(flags, meter))
    finally:
        meter.close()
    table = _table(forecasts, flags)
    if out is not None:
        write_table_file(table, out)
    if flags["as_json"]:
        print_json({"paths": flags["paths"], "demand": table.to_dicts()})
    else:
        click.echo(demand_text(table, forecasts.noun, flags["paths"]))


def merged_pairs(pairs: Sequence[dict[str, str]]) -> dict[str, str]:
    """The conditions of all options ``--where``. Raises click.UsageError for a column that is named twice."""
    merged: dict[str, str] = {}
    for name, value in (item for pair in pairs for item in pair.items()):
        if merged.setdefault(name, value) != value:
            raise click.UsageError(
                f"--where names {name} twice, and a series has one value. Ask for each value by itself, or for all of "
                f"them with --level {name}."
            )
    return merged


def _table(forecasts: Forecasts, flags: dict[str, Any]) -> pl.DataFrame:
    """The demand as a table of Polars."""
    from foresell.apps.cli.explain import as_date

    quantiles = {} if flags["quantiles"] is None else {"quantiles": flags["quantiles"]}
    table: pl.DataFrame = forecasts.demand(
        flags["days"],
        first=as_date(flags["first"]),
        last=as_date(flags["last"]),
        level=flags["level"],
        n=flags["paths"],
        where=merged_pairs(flags["where"]),
        **quantiles,
    )
    return table


def demand_text(table: pl.DataFrame, noun: str, n_paths: int) -> str:
    """The demand as a table, the groups with the largest mean first."""
    from foresell.apps.cli.text import columns
    from foresell.core.words import many, number, span

    first, last, days = table["first"][0], table["last"][0], table["days"][0]
    labels = table.columns[: table.columns.index("first")]
    values = table.columns[table.columns.index("mean") :]
    title = f"Demand of {many(days, noun)}, {span(first, last)}, from {many(n_paths, 'sample path')}"
    shown = table.sort("mean", descending=True, maintain_order=True).head(MOST_ROWS)
    rows = [(*labels, *values)]
    for row in shown.iter_rows(named=True):
        rows.append((*(str(row[label]) for label in labels), *(number(row[value]) for value in values)))
    more = table.height - shown.height
    note = f"\n\n  and {many(more, 'more group')} with a smaller mean; --out and --json have them" if more else ""
    return f"{title}\n\n{columns(rows, right=range(len(labels), len(rows[0])), indent=2)}{note}"
