"""Keys of a table are those that a file with the same texts would have."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from foresell.core.errors import ForesellWarning, UsageError
from foresell.core.panel import Panel

DAYS = [date(2024, 1, 1) + timedelta(day) for day in range(6)]
CATEGORIES = ("polars categories", "polars enum", "pandas categories")


def sales(items: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"item": items, "date": DAYS, "units": range(6)})


def of_type(table: pl.DataFrame, kind: str) -> Any:
    item = table["item"]
    if kind == "polars enum":
        return table.with_columns(item.cast(pl.Enum(item.unique())))
    if kind == "polars categories":
        return table.with_columns(item.cast(pl.Categorical))
    pytest.importorskip("pandas")
    native = table.to_pandas()
    return native.astype({"item": "category"}) if kind == "pandas categories" else native


@pytest.mark.parametrize("kind", ["polars", "pandas", *CATEGORIES])
@pytest.mark.parametrize("other", ["100 ", " 100", "\u00a0100", "100.0", "100.00", "100\u200b"])
def test_keys_that_look_alike_are_one_series(kind, other):
    table = sales(["100", other, "100", other, "7.5", "7.5"])
    with pytest.warns(ForesellWarning, match="make no other series: '.*100.*'") as warnings:
        panel = Panel.from_frame(table if kind == "polars" else of_type(table, kind), ("item",))
    assert panel.series["item"].cast(pl.String).to_list() == ["100", "7.5"]
    assert warnings[0].filename == __file__


@pytest.mark.parametrize("items", [["1.0"] * 3 + ["2.0"] * 3, ["a", "b", "c", "d", "e", "f"], [1.0] * 3 + [2.0] * 3])
def test_other_keys_stay_as_they_are(items, recwarn):
    panel = Panel.from_frame(sales(items), ("item",))
    assert panel.series["item"].to_list() == sorted(set(items))
    assert not recwarn.list


def test_rows_that_become_one_day_are_refused_with_code_that_adds_them_up():
    for library in ("polars", "pandas"):
        table = sales(["a b", "a  b", "c", "c ", "7", "7.0"]).with_columns(date=pl.lit(DAYS[0]))
        given = table if library == "polars" else of_type(table, library)
        with pytest.warns(ForesellWarning), pytest.raises(UsageError, match="3 rows too many") as error:
            Panel.from_frame(given, ("item",))
        import pandas as pd

        names = {"sales": given, "pl": pl, "pd": pd}
        exec(str(error.value).split("`")[1], names)
        panel = Panel.from_frame(names["sales"], ("item",))
        assert dict(zip(panel.series["item"], panel.units[:, 0].tolist(), strict=True)) == {"7": 9, "a b": 1, "c": 5}
