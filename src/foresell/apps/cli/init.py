"""The verbs that begin a project: `init` writes its settings, `sample` makes sample data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from foresell.apps.cli.command import Verb, options, print_json
from foresell.apps.cli.progress import Meter

TEXT_OPTIONS = {
    "date": "The column of dates.",
    "quantity": "The column to forecast.",
    "keys": "The columns that identify a series, with commas; '' for none, where all rows are one series.",
    "price": "The column of prices.",
    "promotion": "The column of promotions.",
    "stocked_out": "The column that is true where stock ran out.",
    "open": "The column that is false where the day was closed.",
    "attributes": "Columns that are constant for a series, with commas.",
    "fill_down": "Columns whose blanks repeat the value above, as in merged cells, with commas.",
    "known_ahead": "More columns whose future is known, with commas.",
    "country": "The country whose public holidays count, such as US or DE.",
    "separator": "The separator of columns in text files.",
    "encoding": "The encoding of text files, such as utf-8 or cp1252.",
    "sheet": "The sheet of a workbook that holds the sales, or several with commas.",
    "date_format": "The format of dates, such as %d.%m.%Y.",
    "periods": "A table with the first day of each period, as of a 4-4-5 calendar.",
}
FREQUENCIES = ["H", "D", "W", "M", "Q", "Y"]  # those of core.frequency, which would import numpy
CHOICE_OPTIONS = {
    "layout": (
        ["long", "transactions", "wide", "columns"],
        "A row for each day, lines to add up, a column for each day, or a column for each series.",
    ),
    "frequency": (FREQUENCIES, "The period of the forecast: hours, days, weeks, months, quarters or years."),
    "absent": (["zero", "unknown"], "What a day without a row means: no sales, or not known."),
    "unsold_rows": (
        ["exclude", "subtract", "keep"],
        "What becomes of rows that a column marks as cancelled, returned or planned: left out, subtracted, sold.",
    ),
    "leading_zeros": (["keep", "ignore"], "Whether keys such as 123 and 00123 are two series, or one."),
    "decimal": ([".", ","], "The decimal mark."),
}


def _override_options(command: Any) -> Any:
    """Adds an option for each conclusion that the user can override."""
    for name, (choices, text) in reversed(CHOICE_OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, type=click.Choice(choices), help=text)(command)
    for name, text in reversed(TEXT_OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="TEXT", help=text)(command)
    return command


@click.command(cls=Verb, epilog="Example: foresell init shop --data sales.csv --quantity pieces --keys store,item")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option(
    "--data",
    "sales",
    metavar="PATH",
    required=True,
    help="The sales: a file (CSV, Parquet, Excel, zip), a folder, a pattern such as 'sales/*.csv', or s3://BUCKET/KEY.",
)
@click.option(
    "--preset",
    type=click.Choice(["m5", "favorita", "rossmann"]),
    help="A known layout, which is not inferred from the data.",
)
@_override_options
@click.option("--horizon", type=click.IntRange(1), help="How many periods to forecast.")
@click.option("--ask", is_flag=True, help="Put what is in doubt as questions, one after another, on the terminal.")
@click.option("--force", is_flag=True, help="Replace an existing foresell.yaml.")
@options()
def init(folder: str, sales: str, preset: str | None, ask: bool, force: bool, as_json: bool, **said: Any) -> None:
    """Look at the sales and write FOLDER/foresell.yaml.

    Works out which column is the date, the quantity, the keys of the series, the price and the promotion, and how
    the data are cut in time; says what it concluded and why. Tables beside the sales (items, stores, calendar,
    prices, numbers by date such as weather) are used where they fit. What was concluded wrongly can be said by hand,
    here or in the file; with --ask, what the data leave open is asked.

    Reads the beginning of the files and samples of the rest. Writes the settings file, which runs as it is, and
    nothing else but FOLDER/periods.csv, where the dates are those of a 4-4-5 calendar or one like it.
    """
    from foresell.apps.cli import questions
    from foresell.apps.cli.text import proposal_text
    from foresell.onboarding import roles, settings_file

    by_hand = {name: value for name, value in said.items() if name not in ("quiet", "debug")}
    settings_file.require_place(folder, force=force)
    if ask:
        questions.require_terminal()
        infer = partial(roles.infer, sales, Path(), preset)
        proposal = questions.settle(infer, by_hand, questions.ask_on_terminal)
        click.echo("")
    else:
        proposal = roles.infer(sales, Path(), preset, by_hand)
    path = settings_file.write(proposal, folder, sales, force=force)
    if as_json:
        reasons = [reason._asdict() for reason in proposal.reasons]
        doubts = list(proposal.doubts)
        print_json({"settings": str(path), "preset": proposal.preset, "concluded": reasons, "doubts": doubts})
    else:
        click.echo(proposal_text(proposal, path))


@click.command(cls=Verb, epilog="Example: foresell sample shop-data --kind retailer --rows 100000")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option(
    "--kind",
    type=click.Choice(["retailer", "manufacturer"]),
    default="retailer",
    show_default=True,
    help="Daily sales of shops, or an order book.",
)
@click.option("--rows", type=click.IntRange(1), help="At least so many rows; sets stores and items.")
@click.option("--stores", type=click.IntRange(1), help="How many stores (customers of a manufacturer).")
@click.option("--items", type=click.IntRange(1), help="How many items (products of a manufacturer).")
@click.option("--days", type=click.IntRange(1), help="How many days of history. [default: 1095, or 1460 of orders]")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed, another sample.")
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "csv.gz", "parquet"]),
    default="csv",
    show_default=True,
    help="How tables are written.",
)
@click.option("--item-roles", is_flag=True, help="Items that ignore promotions, or move with those of others.")
@options()
def sample(
    folder: str,
    kind: str,
    rows: int | None,
    stores: int | None,
    items: int | None,
    quiet: bool,
    as_json: bool,
    **of: Any,
) -> None:
    """Make sample data in FOLDER, of any size, with the truth beside them.

    A retailer has trend, weekly and yearly season, holidays, promotions with price effects, items that sell now and
    then, launches, discontinuations and stock-outs; a manufacturer has lumpy orders in lots. The
    same seed gives the same data. Needs little memory, whatever the size.

    Reads nothing. Writes the tables, of a retailer also supply/ with stock, lots, open orders, terms and vendors, and
    truth/ with what was planted in them. Then: foresell init PROJECT --data FOLDER.
    """
    from foresell import synth as samples
    from foresell.apps.cli.text import sample_text
    from foresell.pipeline.progress import Progress

    if rows and (stores or items):
        raise click.UsageError("--rows sets the number of stores and items; give either --rows or those.")
    days = of["days"] or (1095 if kind == "retailer" else 1460)
    meter = Meter(quiet=quiet)
    more: dict[str, Any] = {"days": days, "seed": of["seed"], "format": of["table_format"]}
    more["progress"] = lambda share, doing: meter(Progress("sample", share, 1, doing.lower()))
    if of["item_roles"] and kind != "retailer":
        raise click.UsageError("--item-roles is for a retailer, whose items have promotions.")
    if kind == "retailer":
        more["item_roles"] = of["item_roles"]
        size = samples.retailer_size(rows, days=days, seed=of["seed"]) if rows else (stores or 5, items or 60)
        files = samples.make_retailer(folder, stores=size[0], items=size[1], **more)
    else:
        size = samples.manufacturer_size(rows, days=days, seed=of["seed"]) if rows else (stores or 20, items or 80)
        files = samples.make_manufacturer(folder, customers=size[0], products=size[1], **more)
    meter.close()
    if as_json:
        tables = {name: str(path) for name, path in files.tables.items()}
        truth = {name: str(path) for name, path in files.truth.items()}
        print_json(
            {"sales": str(files.sales), "rows": files.rows, "series": files.series, "tables": tables, "truth": truth}
        )
    else:
        click.echo(sample_text(files))
