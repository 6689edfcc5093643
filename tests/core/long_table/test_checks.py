"""Whatever is wrong with a table is said, and the code that the message advises corrects it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import foresell as fs
from foresell.core.errors import UsageError
from foresell.core.panel import Panel

KEYS = ("store", "item")
SALES = pl.DataFrame(
    {
        "store": ["north"] * 10 + ["south"] * 10,
        "item": ["tea"] * 20,
        "date": [date(2024, 1, 1) + timedelta(day) for day in range(10)] * 2,
        "units": [float(day) for day in range(20)],
        "price": [2.5] * 20,
    }
)
ATTRIBUTES = pl.DataFrame({"item": ["tea", "coffee"], "size": ["s", "m"]})
FIRST = pl.int_range(pl.len()) == 0


def first(value: Any, column: str) -> pl.DataFrame:
    """The sales with another value in the first row."""
    return SALES.with_columns(pl.when(FIRST).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


def stray(when: date) -> pl.DataFrame:
    return pl.concat([SALES, SALES.head(1).with_columns(pl.lit(when).alias("date"))])


def in_library(table: pl.DataFrame, library: str) -> Any:
    if library == "polars":
        return table
    pytest.importorskip(library)
    return table.to_pandas() if library == "pandas" else table.to_arrow()


CORRECTED = {
    "a negative quantity": (
        first(-3.0, "units"),
        r"1 of 20 rows has .*tea on 2024-01-01.*: -3.0. Expected 0",
    ),
    "an infinite quantity": (first(float("inf"), "units"), "an infinite 'units'"),
    "an infinite price": (first(float("-inf"), "price"), "an infinite 'price'"),
    "text for a number": (
        SALES.with_columns(units=pl.when(FIRST).then(pl.lit("a few")).otherwise(pl.col("units").cast(pl.String))),
        "1 of 20 rows has a text that is no number in 'units': a few",
    ),
    "a missing date": (first(None, "date"), "1 of 20 rows has no date in 'date': north · tea on None"),
    "dates with points": (SALES.with_columns(pl.col("date").dt.strftime("%d.%m.%Y")), "01.01.2024, 02.01.2024"),
    "dates with slashes": (SALES.with_columns(pl.col("date").dt.strftime("%d/%m/%Y")), "or, where the month comes"),
    "dates in words": (SALES.with_columns(pl.col("date").dt.strftime("%d. %B %Y")), "01. January 2024"),
    "dates as ranges": (
        SALES.with_columns(
            pl.concat_str(
                pl.col("date").dt.strftime("%d.%m.-"), pl.col("date").dt.offset_by("6d").dt.strftime("%d.%m.%Y")
            )
        ),
        "01.01.-07.01.2024",
    ),
    "dates as days of a spreadsheet": (
        SALES.with_columns(pl.col("date").cast(pl.Int32) + 25569),
        "fs.read_dates.*after `import foresell as fs`",
    ),
    "dates as numbers": (SALES.with_columns(pl.col("date").dt.strftime("%Y%m%d").cast(pl.Int64)), "whole numbers"),
    "a date far ahead": (stray(date(2206, 5, 1)), "1 of 21 rows has a date .*: 2206-05-01; the others go from 2024-01"),
    "a date long ago": (stray(date(1900, 1, 1)), "1 of 21 rows has a date .*: 1900-01-01"),
    "two rows for a day": (pl.concat([SALES, SALES.head(2)]), "2 rows too many: north · tea on 2024-01-01"),
    "two rows, one without a quantity": (pl.concat([SALES, first(None, "units").head(1)]), "1 row too many"),
    "two rows of a day with a time": (
        pl.concat([SALES, SALES.head(1)]).with_columns(pl.col("date").dt.strftime("%Y-%m-%dT10:00:00")),
        "1 row too many",
    ),
    "two rows of text numbers": (
        pl.concat([SALES, SALES.head(1)]).with_columns(pl.col("units", "price").cast(pl.String)),
        "1 row too many",
    ),
    "a negative text": (first(-3.0, "units").with_columns(pl.col("units").cast(pl.String)), "negative 'units'"),
    "an infinite text": (
        first(float("inf"), "units").with_columns(pl.col("units").cast(pl.String)),
        "an infinite 'units'",
    ),
    "a quantity near the largest number": (first(3e38, "units"), "1 of 20 rows has a 'units' of 1e15 or more"),
    "a price near the largest number": (first(1e39, "price"), "a 'price' of 1e38 or more: north · tea .*: 1e[+]39"),
    "a row without a key": (
        pl.concat([SALES, first(None, "store").head(1)]),
        r"1 of 21 rows has no key in 'store': None · tea on 2024-01-01",
    ),
    "a row whose key is blank": (pl.concat([SALES, first("\u00a0 ", "item").head(1)]), "has no key in 'item'"),
    "a stray text date": (
        stray(date(2206, 5, 1)).with_columns(pl.col("date").cast(pl.String)),
        "has a date in 'date' that lies years away",
    ),
    "no key among categories": (
        pl.concat([SALES, first(None, "store").head(1)]).with_columns(pl.col("store").cast(pl.Categorical)),
        "no key in 'store'",
    ),
}


def follow(message: str, **names: Any) -> dict[str, Any]:
    """Runs the first line of code that the message advises."""
    import pandas as pd

    names |= {"pl": pl, "pd": pd, "fs": fs}
    exec(re.findall(r"`(.+?)`", message)[0], names)
    return names


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("case", CORRECTED)
def test_the_advice_corrects_the_table(case, library):
    table, message = CORRECTED[case]
    sales = in_library(table, library)
    with pytest.raises(UsageError, match=message) as error:
        Panel.from_frame(sales, KEYS, known_ahead=("price",))
    corrected = follow(str(error.value), sales=sales)["sales"]
    panel = Panel.from_frame(corrected, KEYS, known_ahead=("price",))
    assert panel.n_series == 2
    assert panel.n_days == 10
    assert np.nanmin(panel.units) >= 0


@pytest.mark.parametrize("case", ["a missing date", "two rows for a day", "a date far ahead"])
def test_the_advice_corrects_a_table_whose_dates_are_the_index(case):
    table = in_library(CORRECTED[case][0], "pandas").set_index("date")
    with pytest.raises(UsageError) as error:
        Panel.from_frame(table, KEYS)
    assert Panel.from_frame(follow(str(error.value), sales=table)["sales"], KEYS).n_days == 10


@pytest.mark.parametrize("library", ["polars", "pandas"])
@pytest.mark.parametrize("frequency", ["W", "M"])
def test_the_advice_adds_up_the_days_of_a_period(library, frequency):
    sales = in_library(SALES, library)
    with pytest.raises(UsageError, match=r"series and (week|month), 1[68] rows too many") as error:
        Panel.from_frame(sales, KEYS, frequency=frequency)
    panel = Panel.from_frame(follow(str(error.value), sales=sales)["sales"], KEYS, frequency=frequency)
    assert panel.units.sum() == SALES["units"].sum()


PERIODS = {
    "two rows": lambda sales, pd: pd.concat([sales, sales.head(1)]),
    "no date": lambda sales, pd: sales.assign(date=sales["date"].where(sales.index > 0)),
    "a stray date": lambda sales, pd: pd.concat(
        [sales, sales.head(1).assign(date=pd.PeriodIndex(["2206-05-01"], freq="D"))]
    ),
}


@pytest.mark.parametrize("case", PERIODS)
def test_the_advice_corrects_periods_of_pandas(case):
    pd = pytest.importorskip("pandas")
    sales = in_library(SALES, "pandas").assign(date=lambda sales: pd.PeriodIndex(sales["date"], freq="D"))
    table = PERIODS[case](sales, pd)
    with pytest.raises(UsageError) as error:
        Panel.from_frame(table, KEYS)
    assert Panel.from_frame(follow(str(error.value), sales=table)["sales"], KEYS).n_days == 10


def test_the_sum_of_a_zoned_day_is_that_of_the_clock_there():
    zoned = SALES.with_columns(
        date=pl.col("date").cast(pl.Datetime).dt.replace_time_zone("Asia/Tokyo").dt.offset_by("1h")
    )
    table = pl.concat([zoned, zoned.head(1)])
    with pytest.raises(UsageError, match="1 row too many") as error:
        Panel.from_frame(table, KEYS)
    panel = Panel.from_frame(follow(str(error.value), sales=table)["sales"], KEYS)
    assert panel.dates[0] == np.datetime64("2024-01-01")


NUMBERED = SALES.with_columns(item=pl.when(pl.col("store") == "north").then(1.0).otherwise(2.0))


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_rows_without_a_key_of_numbers(library):
    table = in_library(pl.concat([NUMBERED, NUMBERED.head(1).with_columns(item=None)]), library)
    with pytest.raises(UsageError, match="1 of 21 rows has no key in 'item'") as error:
        Panel.from_frame(table, KEYS)
    assert Panel.from_frame(follow(str(error.value), sales=table)["sales"], KEYS).n_series == 2


ODD_KEYS = {
    "lists": SALES.with_columns(store=pl.concat_list("store")),
    "records": SALES.with_columns(store=pl.struct("store")),
    "durations": SALES.with_columns(store=pl.duration(days=pl.col("store").rank("dense"))),
    "binary": SALES.with_columns(store=pl.col("store").cast(pl.Binary)),
}


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("case", ODD_KEYS)
def test_keys_of_other_types_are_made_texts(case, library):
    table = in_library(ODD_KEYS[case], library)
    with pytest.raises(UsageError, match="The column 'store' of the table 'sales' holds values") as error:
        Panel.from_frame(table, KEYS)
    panel = Panel.from_frame(follow(str(error.value), sales=table)["sales"], KEYS)
    assert panel.n_series == 2
    assert panel.series["store"].dtype == pl.String


ATTRIBUTES_CORRECTED = {
    "an item twice": (pl.concat([ATTRIBUTES, ATTRIBUTES.with_columns(size=pl.lit("x"))]), "2 of the item: tea, coffee"),
}


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("case", ATTRIBUTES_CORRECTED)
def test_the_advice_corrects_the_attributes(case, library):
    table, message = ATTRIBUTES_CORRECTED[case]
    attributes = in_library(table, library)
    with pytest.raises(UsageError, match=message) as error:
        Panel.from_frame(SALES, KEYS, attributes=attributes)
    corrected = follow(str(error.value), attributes=attributes)["attributes"]
    assert Panel.from_frame(SALES, KEYS, attributes=corrected).series.columns == ["store", "item", "size"]


NUMBERS = SALES.with_columns(item=pl.when(pl.col("store") == "north").then(1).otherwise(2))
ALIKE = {
    "texts for numbers": (NUMBERS, ["1", "2"]),
    "numbers with places": (NUMBERS, [1.0, 2.0, None]),
    "texts with places": (NUMBERS.with_columns(pl.col("item").cast(pl.String)), ["1.0", "2.0"]),
    "numbers for texts": (NUMBERS.with_columns(pl.col("item").cast(pl.String)), [1, 2]),
    "places for texts": (NUMBERS.with_columns(pl.col("item").cast(pl.String)), [1.0, 2.0, float("nan")]),
    "blanks": (NUMBERS.with_columns(pl.col("item").cast(pl.String)), [" 1", "2 "]),
    "categories": (NUMBERS.with_columns(pl.col("item").cast(pl.String).cast(pl.Categorical)), ["1", "2"]),
    "whole numbers for places": (NUMBERS.with_columns(pl.col("item").cast(pl.Float64)), [1, 2]),
}


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("case", ALIKE)
def test_keys_of_attributes_are_matched_as_a_file_would_have_them(case, library):
    sales, items = ALIKE[case]
    attributes = pl.DataFrame({"item": items, "size": ["s", "m", "l"][: len(items)]})
    panel = Panel.from_frame(sales, KEYS, attributes=in_library(attributes, library))
    assert panel.series["size"].to_list() == ["s", "m"]


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_attributes_without_rows_are_unknown(library):
    panel = Panel.from_frame(SALES, KEYS, attributes=in_library(ATTRIBUTES.head(0), library))
    assert panel.series["size"].to_list() == [None, None]


@pytest.mark.parametrize("items", [["Tea", "Coffee"], [1, 2], [1.5, None], [date(2024, 1, 1), None]])
def test_attributes_of_no_series_are_refused(items):
    attributes = pl.DataFrame({"item": items, "size": ["s", "m"]})
    with pytest.raises(UsageError, match=r"No row of the table 'attributes' is about a series.*those of the sales tea"):
        Panel.from_frame(SALES, KEYS, attributes=attributes)


REFUSED = {
    "keys as plain text": ({"keys": "item"}, r"Write `keys=\('item',\)`"),
    "no keys": ({"keys": ()}, "'keys' is empty; expected the columns that name a series"),
    "keys that are None": ({"keys": None}, "'keys' is None; expected names of columns"),
    "keys that are numbers": ({"keys": (1, 2)}, r"'keys' is \(1, 2\)"),
    "a key that is not there": ({"keys": ("stroe",)}, "no column stroe, which 'keys' asks for.*Did you mean 'store'"),
    "a date that is not there": ({"date": "Date"}, "which 'date' asks for.*Did you mean 'date'"),
    "a date that is no name": ({"date": 3}, "'date' is 3; expected the name of one column"),
    "a quantity that is not there": ({"quantity": "sold"}, "Name the column that holds it with 'quantity'"),
    "a quantity that is a date": ({"quantity": "date", "date": "units"}, "values of the type Date; expected numbers"),
    "a date that is a number": ({"date": "price"}, "values of the type Float64; expected dates"),
    "a covariate as plain text": ({"known_ahead": "price"}, r"Write `known_ahead=\('price',\)`"),
    "a covariate that is not there": ({"known_ahead": ("prise",)}, "Did you mean 'price'"),
    "a column for two things": ({"known_ahead": ("units",)}, "The column units is named more than once"),
    "a frequency in words": ({"frequency": "daily"}, "expected one of 'H', 'D', 'W', 'M'"),
    "a frequency that is none": ({"frequency": None}, "'frequency' is None; expected one of"),
    "a country that is no code": ({"country": 5}, "'country' is 5, whose public holidays are not known"),
    "a country that is none": (
        {"country": "XX"},
        "'XX', whose public .* expected an ISO code, such as US",
    ),
    "a country in small letters": ({"country": "us"}, "Did you mean 'US'"),
    "attributes that are lists": (
        {"attributes": ATTRIBUTES.with_columns(pl.concat_list("size"))},
        r"column 'size' of the table 'attributes' holds values of the type List.*Make texts of them",
    ),
    "another absent": ({"absent": "nothing"}, "'absent' is 'nothing'; expected one of 'zero', 'unknown'"),
    "fewer days ahead than none": ({"ahead": -1}, "'ahead' is -1; expected a whole number from 0 on"),
    "days ahead with a fraction": ({"ahead": 1.5}, "'ahead' is 1.5"),
    "a million years ahead": ({"ahead": 10**10}, "GB and is nearly empty.*that 'ahead', 10,000,000,000, is a number"),
    "attributes of other keys": ({"attributes": ATTRIBUTES.rename({"item": "sku"})}, "Call the column .* 'item'"),
    "attributes as a file": ({"attributes": "items.csv"}, r"Read the file first: `attributes = pl.read_csv\('items"),
    "a file in place of a table": ({"frame": "sales.csv"}, r"Read the file first: `sales = pl.read_csv\('sales.csv'"),
    "a dictionary": ({"frame": {"units": [1]}}, r"Make a table of it first: `sales = pl.DataFrame\(sales\)`"),
    "nothing": ({"frame": None}, "'sales' is of the type NoneType; expected a table of pandas, Polars or PyArrow"),
    "an array": ({"frame": np.zeros((2, 2))}, "'sales' is of the type ndarray"),
    "a column": ({"frame": SALES["units"]}, "'sales' is of the type Series"),
    "no rows": ({"frame": SALES.head(0)}, "has no rows; expected one for each series and day"),
    "no columns": ({"frame": pl.DataFrame()}, "it has no columns"),
    "no quantities": ({"frame": SALES.with_columns(units=pl.lit(None, pl.Float64))}, "so there is no history"),
    "words for dates": ({"frame": SALES.with_columns(date=pl.lit("soon"))}, "Write each date as 2024-01-31"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_argument_says_what_to_write(case):
    arguments, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        Panel.from_frame(**{"frame": SALES, "keys": KEYS, **arguments})


WRONG_DAYS = {
    "after the history": (lambda panel: panel.until("2024-02-01"), "outside the history, which goes from 2024-01-01"),
    "before it": (lambda panel: panel.until(date(2023, 1, 1)), "outside the history"),
    "no date": (lambda panel: panel.until("yesterday"), "'yesterday' is no date; expected a date, or a text such as"),
    "nothing": (lambda panel: panel.until(None), "None is no date"),
    "days ahead": (lambda panel: panel.ahead(-1), "'horizon' is -1"),
    "empty blocks": (lambda panel: list(panel.blocks(0)), "'size' is 0"),
    "a level as plain text": (lambda panel: panel.aggregate("store"), r"Write `level=\('store',\)`"),
    "a level of no column": (lambda panel: panel.aggregate(("stroe",)), "Did you mean 'store'"),
}


@pytest.mark.parametrize("case", WRONG_DAYS)
def test_a_panel_is_asked_for_what_it_does_not_have(case):
    call, message = WRONG_DAYS[case]
    with pytest.raises(UsageError, match=message):
        call(Panel.from_frame(SALES, KEYS))


def test_few_rows_of_years_before_are_stray_and_many_are_history():
    before = SALES.with_columns(pl.col("date").dt.offset_by("-5y"))
    with pytest.raises(UsageError, match="5 of 25 rows have a date"):
        Panel.from_frame(pl.concat([SALES, before.head(5)]), KEYS)
    assert Panel.from_frame(pl.concat([SALES, before]), KEYS).n_days > 5 * 365
