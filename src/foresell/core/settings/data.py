"""The section ``data``: where the sales are and what their columns mean."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec.structs import force_setattr

from foresell.core.settings.base import Columns, Share, Strict, about


class Table(Strict, frozen=True):
    """A side table with one row for each value of `keys`; its other columns become attributes of the series."""

    path: Annotated[str, about("the table, with one row for each value of its keys", "items.csv")]
    keys: Annotated[Columns, about("its columns that the sales have too", ["item"])]
    columns: Annotated[
        Columns | None, about("the columns to take; all of them where not given", ["category", "brand"])
    ] = None


class Prices(Strict, frozen=True):
    """A table of prices by series (or part of its keys) and by date or by a week label that the calendar explains."""

    path: Annotated[str, about("the table", "prices.csv")]
    keys: Annotated[Columns, about("its columns that the sales have too", ["item"])]
    price: Annotated[str, about("its column of prices")] = "price"
    date: Annotated[str | None, about("its column of dates, where prices are by date", "date")] = None
    week: Annotated[
        str | None, about("or its column of weeks, where a column of that name in the calendar explains them", "week")
    ] = None


class CovariateTable(Strict, frozen=True):
    """A table of what is known beside the sales: by date, and by any keys or attributes of the series."""

    path: Annotated[str, about("the table, with a row for each date", "weather.csv")]
    date: Annotated[str, about("its column of dates")] = "date"
    keys: Annotated[
        Columns, about("its columns that the series have too, keys or attributes; none: it is for all", ["region"])
    ] = ()
    columns: Annotated[
        Columns | None, about("the columns to take; all of numbers where not given", ["temperature"])
    ] = None
    known_ahead: Annotated[
        bool, about("false: values become known only when their time is over, so each counts one horizon later")
    ] = True


class Flag(Strict, frozen=True):
    """Which column of the calendar holds for which value of the series' column `by`."""

    by: Annotated[str, about("the column of the series", "state")]
    columns: Annotated[
        dict[str, str], about("the column of the calendar for each value of it", {"CA": "payday_CA", "TX": "payday_TX"})
    ]


class Calendar(Strict, frozen=True):
    """A table with one row a day: labels of days and weeks, named events, and flags that hold for some series.

    `flags` maps the name of a covariate to where it holds: ``{snap: {by: state_id, columns: {CA: snap_CA}}}``.
    """

    path: Annotated[str, about("the table, with one row for each date", "calendar.csv")]
    date: Annotated[str, about("its column of dates")] = "date"
    day: Annotated[str | None, about("its column with the names of a wide table's day columns", "d")] = None
    week: Annotated[str | None, about("its column with the weeks of the prices", "week")] = None
    events: Annotated[Columns, about("its columns with names of events", ["event"])] = ()
    flags: Annotated[
        dict[str, Flag],
        about(
            "columns of yes and no that hold for the series with a value",
            {"payday": {"by": "state", "columns": {"CA": "payday_CA", "TX": "payday_TX"}}},
        ),
    ] = {}


ONE_SERIES = "series_id"
"""The key of a table that has no column of this name: all its rows are one series, which is called `ALL`."""
ALL = "all"

STORES = {"path": "stores.csv", "keys": ["store"], "columns": ["region", "format"]}


class Data(Strict, frozen=True):
    """Where the sales are and what their columns mean."""

    sales: Annotated[
        str,
        about(
            "The sales: a CSV (also gzipped), Parquet or Excel file, a folder or pattern of them, or s3://BUCKET/KEY. "
            "A sheet of a workbook is sales.xlsx/SHEET, a file of an archive sales.zip/FILE.",
            "sales.csv",
        ),
    ]
    keys: Annotated[
        Columns, about("The columns that name a series; where there are none, all rows are one.", ["store", "item"])
    ] = (ONE_SERIES,)
    layout: Annotated[
        Literal["long", "transactions", "wide", "columns"],
        about(
            "long: a row for each series and date. transactions: lines to add up. wide: a column for each day. "
            "columns: a column for each series."
        ),
    ] = "long"
    date: Annotated[
        str | Columns, about("The column of dates; or several that make a date: the year, then the week or month.")
    ] = "date"
    quantity: Annotated[
        str, about("The column to forecast: the units sold (in transactions, returns are negative).")
    ] = "units"
    price: Annotated[str | None, about("The column of prices, in the sales table.", "price")] = None
    promotion: Annotated[
        str | None, about("The column that says whether (or how strongly) a series was promoted.", "promotion")
    ] = None
    known_ahead: Annotated[
        Columns,
        about(
            "More columns of the sales table that are known before the day, such as school holidays.",
            ["school_holiday"],
        ),
    ] = ()
    attributes: Annotated[
        Columns, about("Columns of the sales table that are fixed for a series, such as its category.", ["category"])
    ] = ()
    fill_down: Annotated[
        Columns,
        about(
            "Keys, attributes or the date whose blanks repeat the value above, as in merged cells; outer ones first.",
            ["store", "item"],
        ),
    ] = ()
    stocked_out: Annotated[
        str | None,
        about("The column that is true where stock ran out: the day's units are less than the demand.", "stocked_out"),
    ] = None
    open: Annotated[
        str | None,
        about("The column that is false where the day was closed: its units are not known, rather than zero.", "open"),
    ] = None
    receipt: Annotated[
        str | None, about("Transactions: the column that numbers the receipt or the order of a line.", "receipt_no")
    ] = None
    repeated_receipts: Annotated[
        Literal["keep", "drop"],
        about("Transactions in several files: whether a line of a receipt that an earlier file has too counts again."),
    ] = "keep"
    returns: Annotated[
        Literal["earlier_sales", "same_day"],
        about(
            "Transactions: what a return beyond the sales of its day is subtracted from. earlier_sales: the latest "
            "earlier days of the series. same_day: nothing."
        ),
    ] = "earlier_sales"
    exclude: Annotated[
        dict[str, Columns],
        about(
            "Values of keys or attributes whose series are left out, such as charges; values of any other column of "
            "the sales whose rows are, such as cancelled orders.",
            {"item": ["POSTAGE"]},
        ),
    ] = {}
    goods: Annotated[
        dict[str, Columns],
        about(
            "Values of keys that are goods, though they are named like charges or totals, or sell as much as all "
            "others together, as a part of each kit does.",
            {"item": ["gift box"]},
        ),
    ] = {}
    leading_zeros: Annotated[
        Literal["keep", "ignore"],
        about(
            "Whether 123 and 00123 in a key are two series (keep) or one (ignore), as where a spreadsheet took the "
            "zeros of some rows; not in the wide layout."
        ),
    ] = "keep"
    return_rows: Annotated[
        dict[str, Columns],
        about(
            "Transactions: values of a column whose rows are returns; their units are subtracted, whatever their sign.",
            {"document": ["Return"]},
        ),
    ] = {}
    ended_after: Annotated[
        int | Literal["auto", "never"],
        about(
            "After how many periods without a sale a series counts as ended and is forecast as 0. auto: as many as "
            "after which hardly a series of the history sold again."
        ),
    ] = "auto"
    day_prefix: Annotated[str, about("Wide layout: the beginning of the names of the day columns.")] = "d_"
    year: Annotated[
        str | None,
        about("Wide layout: the column of the year, where others are its months, quarters or weeks.", "year"),
    ] = None
    ignored_columns: Annotated[
        Columns, about("Layout columns: the columns beside the date that are no series.", ["Total"])
    ] = ()
    absent: Annotated[
        Literal["zero", "unknown"],
        about("A day without a row, once on sale: zero (nothing was sold) or unknown (closed, or not recorded)."),
    ] = "zero"
    future: Annotated[
        str | None,
        about(
            "A table like the sales for the days to come, without the quantity: planned prices and promotions.",
            "future.csv",
        ),
    ] = None
    items: Annotated[Table | None, about("A table of items; its columns become attributes of the series.")] = None
    stores: Annotated[
        Table | None, about("A table of stores; its columns become attributes of the series.", STORES)
    ] = None
    prices: Annotated[Prices | None, about("A table of prices, where the sales table has none.")] = None
    calendar: Annotated[Calendar | None, about("A table of dates: events, and days that matter for some series.")] = (
        None
    )
    covariates: Annotated[
        tuple[CovariateTable, ...],
        about("Tables of weather, holidays or other numbers by date, for all series or by their keys and attributes."),
    ] = ()
    frequency: Annotated[
        Literal["H", "D", "W", "M", "Q", "Y"],
        about("H for hours, D for days, W for weeks, M for months, Q for quarters, Y for years."),
    ] = "D"
    periods: Annotated[
        str | None,
        about(
            "A table of periods, such as those of a 4-4-5 calendar: its column begin has the first day of each. It may "
            "have the columns name and place (in the year, from 1).",
            "periods.csv",
        ),
    ] = None
    country: Annotated[
        str | None, about("The country whose public holidays count, as an ISO code such as US or DE.", "DE")
    ] = None
    date_format: Annotated[
        str | None,
        about("How dates are written, such as %d.%m.%Y, quarter or excel; detected where not given.", "%d.%m.%Y"),
    ] = None
    separator: Annotated[str, about("The character between the columns of a text file.")] = ","
    decimal: Annotated[Literal[".", ","], about("The decimal mark: a point or a comma.")] = "."
    encoding: Annotated[str, about("The encoding of text files: utf-8, cp1252 (Western Windows), utf-16 …")] = "utf-8"
    max_bad_share: Annotated[Share, about("The work stops when more than this share of the rows is bad.")] = 0.01
    until: Annotated[str | None, about("Use the sales up to this date only.", "2025-12-31")] = None

    def __post_init__(self) -> None:
        if not self.keys:
            force_setattr(self, "keys", (ONE_SERIES,))

    @property
    def date_name(self) -> str:
        """The column of dates; the names of several, joined by blanks."""
        return self.date if isinstance(self.date, str) else " ".join(self.date)
