"""One panel, written in every layout that exports have: `init` and `check` make the same of each."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.roles import infer

DAYS = 150
FIRST = date(2023, 1, 2)
STORES, ITEMS = ("Nord", "Süd"), ("A100", "A101", "A102", "A103")


@pytest.fixture(scope="module")
def sales() -> pl.DataFrame:
    """store, item, date, units: whole numbers up to some thousands, some of them zero, one row for each."""
    rng = np.random.default_rng(5)
    keys = pl.DataFrame({"store": STORES}).join(pl.DataFrame({"item": ITEMS}), how="cross")
    days = pl.DataFrame({"date": [FIRST + timedelta(day) for day in range(DAYS)]})
    rows = keys.join(days, how="cross")
    means = np.repeat([2, 40, 900, 1500, 3, 60, 700, 2400], DAYS)
    return rows.with_columns(units=pl.Series(rng.poisson(means).astype(np.int64)))


def truth(sales: pl.DataFrame, keys: list[str]) -> dict[tuple, float]:
    """Units by keys and date."""
    sums = sales.group_by(*keys, "date").agg(pl.col("units").sum())
    return {tuple(row[:-1]): float(row[-1]) for row in sums.iter_rows()}


def units_of(panel: Panel) -> dict[tuple, float]:
    """Units of the panel by keys and date; what is not known is left out."""
    units = {}
    for series, keys in enumerate(panel.series.select(sorted(panel.keys, reverse=True)).iter_rows()):
        for day, sold in enumerate(panel.units[series]):
            if not np.isnan(sold):
                units[(*keys, panel.dates[day].astype(object))] = float(sold)
    return units


def read(path: Path) -> Panel:
    """What `init` and `check` make of the file."""
    settings = parse_settings(infer(str(path)).settings)
    return read_sales(settings, path.parent, today=date(2026, 1, 1)).panel


def comma(sales: pl.DataFrame, **options) -> str:
    return sales.write_csv(**options)


def german(sales: pl.DataFrame) -> bytes:
    """As spreadsheets write in German: semicolons, dates with points, thousands, Windows-1252."""
    thousands = pl.col("units").map_elements(lambda units: f"{units:,}".replace(",", "."), pl.String)
    frame = sales.select(
        pl.col("date").dt.strftime("%d.%m.%Y").alias("Datum"),
        pl.col("store").alias("Filiale"),
        pl.col("item").alias("Artikel"),
        thousands.alias("Menge"),
    )
    return frame.write_csv(separator=";").encode("cp1252")


def with_text(sales: pl.DataFrame, units: Callable[[int], str], dates: str = "%Y-%m-%d", **options) -> str:
    """The numbers and dates in a spelling of their own."""
    spelled = pl.Series("units", [units(number) for number in sales["units"]])
    return sales.with_columns(pl.col("date").dt.strftime(dates), spelled).write_csv(**options)


def receipts(sales: pl.DataFrame) -> str:
    """Lines of receipts: each day's units in two lines, with a time of day; a line more is taken back the same day."""
    sold = sales.filter(pl.col("units") > 0).with_row_index("receipt")
    parts = [
        sold.with_columns(units=pl.col("units") // 2, hour=pl.lit(9)),
        sold.with_columns(units=pl.col("units") - pl.col("units") // 2 + 2, hour=pl.lit(12)),
        sold.with_columns(units=pl.lit(-2, pl.Int64), hour=pl.lit(17)),
    ]
    lines = pl.concat(parts).filter(pl.col("units") != 0)
    time = pl.concat_str(
        pl.col("date").dt.strftime("%Y-%m-%d"), pl.format(" {}:05:00", pl.col("hour").cast(pl.String).str.zfill(2))
    )
    return (
        lines.select(time.alias("sold_at"), "receipt", "store", "item", pl.col("units").alias("quantity"))
        .sort("sold_at")
        .write_csv()
    )


def days_as_columns(sales: pl.DataFrame, dates: str = "%Y-%m-%d") -> str:
    wide = sales.with_columns(pl.col("date").dt.strftime(dates)).pivot("date", index=["store", "item"], values="units")
    return wide.write_csv()


def series_as_columns(sales: pl.DataFrame, total: bool = False) -> str:
    items = sales.group_by("date", "item").agg(pl.col("units").sum()).sort("date", "item")
    wide = items.pivot("item", index="date", values="units").sort("date")
    wide = wide.with_columns(pl.sum_horizontal(ITEMS).alias("Total")) if total else wide
    return wide.write_csv()


def with_titles(sales: pl.DataFrame) -> str:
    return "Sales by day,,,\nprinted on 3 June,,,\n,,,\n" + sales.write_csv()


def with_total_rows(sales: pl.DataFrame) -> str:
    totals = sales.group_by("date").agg(
        pl.lit("all").alias("store"), pl.lit("Total").alias("item"), pl.col("units").sum()
    )
    return pl.concat([sales, totals.select(sales.columns)]).write_csv()


def untidy(sales: pl.DataFrame) -> str:
    """Blanks round some of the keys, and after the commas."""
    some = pl.when(pl.col("date").dt.day() % 3 == 0).then(pl.col("item") + " ").otherwise(pl.col("item"))
    return sales.with_columns(some.alias("item")).write_csv().replace(",", ", ")


def quoted(sales: pl.DataFrame) -> str:
    return sales.with_columns(pl.format('{} 3" pipe, long', "item").alias("description")).write_csv(
        quote_style="always"
    )


BOTH, ITEM = ["store", "item"], ["item"]
TEXTS: dict[str, tuple[Callable[[pl.DataFrame], str | bytes], list[str]]] = {
    "plain": (comma, BOTH),
    "tabs": (lambda sales: comma(sales, separator="\t"), BOTH),
    "bars": (lambda sales: comma(sales, separator="|"), BOTH),
    "carriage returns": (lambda sales: comma(sales).replace("\n", "\r"), BOTH),
    "byte order mark": (lambda sales: "\ufeff" + comma(sales).replace("\n", "\r\n"), BOTH),
    "UTF-16": (lambda sales: comma(sales).encode("utf-16"), BOTH),
    "gzip": (lambda sales: gzip.compress(comma(sales).encode()), BOTH),
    "German": (german, BOTH),
    "thousands with commas": (lambda sales: with_text(sales, lambda units: f"{units:,}", "%m/%d/%Y"), BOTH),
    "thousands with blanks": (lambda sales: with_text(sales, lambda units: f"{units:,}".replace(",", "\u202f")), BOTH),
    "decimal places": (lambda sales: with_text(sales, lambda units: f"{units}.000"), BOTH),
    "decimal commas": (lambda sales: with_text(sales, lambda units: f"{units},00", separator=";"), BOTH),
    "units of measure": (lambda sales: with_text(sales, lambda units: f"{units:.2f} €"), BOTH),
    "month names": (lambda sales: with_text(sales, str, "%d-%b-%Y"), BOTH),
    "compact dates": (lambda sales: with_text(sales, str, "%Y%m%d"), BOTH),
    "timestamps": (lambda sales: with_text(sales, str, "%Y-%m-%dT00:00:00+02:00"), BOTH),
    "receipts": (receipts, BOTH),
    "days as columns": (days_as_columns, BOTH),
    "German days as columns": (lambda sales: days_as_columns(sales, "%d.%m.%Y"), BOTH),
    "series as columns": (series_as_columns, ITEM),
    "series as columns with their total": (lambda sales: series_as_columns(sales, total=True), ITEM),
    "titles": (with_titles, BOTH),
    "total rows": (with_total_rows, BOTH),
    "untidy": (untidy, BOTH),
    "quoted": (quoted, BOTH),
    "shuffled": (lambda sales: sales.sample(fraction=1.0, shuffle=True, seed=2).write_csv(), BOTH),
}


@pytest.mark.parametrize("layout", TEXTS)
def test_a_text_in_any_layout_is_the_same_panel(sales, tmp_path, layout):
    write, keys = TEXTS[layout]
    text = write(sales)
    path = tmp_path / "sales.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert units_of(read(path)) == truth(sales, keys)


def test_parquet_and_folders_are_the_same_panel(sales, tmp_path):
    (tmp_path / "one").mkdir()
    sales.write_parquet(tmp_path / "one" / "sales.parquet")
    assert units_of(read(tmp_path / "one")) == truth(sales, BOTH)
    (tmp_path / "months").mkdir()
    for (month,), rows in sales.group_by(pl.col("date").dt.strftime("%Y-%m")):
        columns = ["units", "date", "item", "store"] if str(month).endswith("3") else sales.columns
        rows.select(columns).write_csv(tmp_path / "months" / f"{month}.csv")
    assert units_of(read(tmp_path / "months")) == truth(sales, BOTH)
