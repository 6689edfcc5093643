"""Tables of other libraries are read as Polars would read them, and come back as they came."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import date, datetime

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.tables import GivenTable, TableKind, to_kind

pd = pytest.importorskip("pandas")

DAYS = ["2024-01-01", "2024-01-02", None]
COLUMNS = {
    "text": (pd.Series(["a", "b", None]), ["a", "b", None]),
    "text with NaN": (pd.Series(["a", "b", float("nan")], dtype=object), ["a", "b", None]),
    "string": (pd.Series(["a", "b", None], dtype="string"), ["a", "b", None]),
    "whole numbers": (pd.Series([1, 2, 3]), [1, 2, 3]),
    "numbers with gaps": (pd.Series([1.5, 2.0, None]), [1.5, 2.0, None]),
    "nullable whole numbers": (pd.Series([1, 2, None], dtype="Int64"), [1, 2, None]),
    "nullable numbers": (pd.Series([1.5, 2, None], dtype="Float32"), [1.5, 2.0, None]),
    "truth": (pd.Series([True, False, True]), [True, False, True]),
    "nullable truth": (pd.Series([True, False, None], dtype="boolean"), [True, False, None]),
    "categories of text": (pd.Series(["b", "a", None], dtype="category"), ["b", "a", None]),
    "categories of numbers": (pd.Series([7, 5, None], dtype="category"), [7, 5, None]),
    "few numbers": (pd.Series(pd.arrays.SparseArray([0, 1, 0])), [0, 1, 0]),
    "few numbers with gaps": (pd.Series(pd.arrays.SparseArray([0.0, 1.0, None])), [0.0, 1.0, None]),
    "intervals": (
        pd.Series(pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 2), None])),
        ["(0.0, 1.0]", "(1.0, 2.0]", None],
    ),
    "categories of intervals": (pd.cut(pd.Series([0.5, 1.5, None]), [0, 1, 2]), ["(0, 1]", "(1, 2]", None]),
    "numbers of PyArrow": (pd.Series([1, None], dtype="int64[pyarrow]"), [1, None]),
    "text of PyArrow": (pd.Series(["a", None], dtype="string[pyarrow]"), ["a", None]),
    "dates of PyArrow": (pd.Series([date(2024, 1, 1), None], dtype="date32[pyarrow]"), [date(2024, 1, 1), None]),
    "truth of PyArrow": (pd.Series([True, None], dtype="bool[pyarrow]"), [True, None]),
    "datetime64": (pd.to_datetime(pd.Series(DAYS)), [datetime(2024, 1, 1), datetime(2024, 1, 2), None]),
    "datetime64 with a zone": (
        pd.to_datetime(pd.Series(DAYS)).dt.tz_localize("America/New_York"),
        [datetime(2024, 1, 1), datetime(2024, 1, 2), None],
    ),
    "dates": (pd.Series([date(2024, 1, 1), date(2024, 1, 2), None]), [date(2024, 1, 1), date(2024, 1, 2), None]),
    "periods": (
        pd.Series(pd.PeriodIndex(DAYS, freq="D")),
        [datetime(2024, 1, 1), datetime(2024, 1, 2), None],
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_pandas(kind):
    column, expected = COLUMNS[kind]
    assert GivenTable.of(column.to_frame("x"), "sales").read()["x"].to_list() == expected


def test_values_that_are_no_cells_of_a_table():
    for values, kind in (([{1}, {2}], "set"), ([1j, 2j], "complex"), ([object()], "object")):
        table = pd.DataFrame({"store": pd.Series(values, dtype=object)})
        with pytest.raises(UsageError, match=f"values of the type {kind}; .*astype") as error:
            GivenTable.of(table, "sales").read()
        names = {"sales": table}
        exec(str(error.value).split("`")[1], names)
        assert GivenTable.of(names["sales"], "sales").read()["store"].dtype == pl.String
    with pytest.raises(UsageError, match="values of the type complex"):
        GivenTable.of(pd.DataFrame({"units": [1j]}), "sales").read()


def test_levels_of_an_index_are_columns():
    table = pd.DataFrame({"store": ["a", "a"], "day": pd.to_datetime(DAYS[:2]), "units": [1, 2], "price": [3, 4]})
    given = GivenTable.of(table.set_index(["store", "day"]), "sales")
    assert given.columns == ("store", "day", "units", "price")
    assert given.read(["units", "store", "day"]).rows() == [
        (1, "a", datetime(2024, 1, 1)),
        (2, "a", datetime(2024, 1, 2)),
    ]
    assert GivenTable.of(table, "sales").columns == ("store", "day", "units", "price")


def test_what_pandas_allows_and_a_table_cannot_have():
    mixed = pd.DataFrame({"store": ["a", 1]})
    with pytest.raises(UsageError, match=r"has values of 2 types: int, str. Make them alike: `sales\['store'\]"):
        GivenTable.of(mixed, "sales").read()
    twice = pd.DataFrame([[1, 2]], columns=["store", "store"])
    with pytest.raises(UsageError, match=r"more than one column store. Keep one of them: `sales = sales.loc"):
        GivenTable.of(twice, "sales").read(["store"])
    numbered = pd.DataFrame([[1, 2]])
    with pytest.raises(UsageError, match=r"names are not text: 0, 1. Rename them: `sales.columns") as error:
        GivenTable.of(numbered, "sales").read()
    names = {"sales": numbered}
    exec(str(error.value).split("`")[1], names)
    assert GivenTable.of(names["sales"], "sales").read().rows() == [(1, 2)]


def test_a_lazy_table_is_read_only_where_it_is_asked():
    lazy = pl.LazyFrame({"units": [1, 2]}).with_columns(boom=pl.col("units").map_batches(_explode, pl.Int64))
    given = GivenTable.of(lazy, "sales")
    assert given.columns == ("units", "boom")
    assert given.read(["units"])["units"].to_list() == [1, 2]


def _explode(column):
    raise AssertionError("a column that was not asked for was computed")


TABLE = pl.DataFrame(
    {
        "store": pl.Series(["a", "b", None], dtype=pl.Categorical),
        "item": [1, None, 3],
        "name": ["tea", None, "cocoa"],
        "date": [date(2024, 1, 1), None, date(2024, 1, 3)],
        "mean": pl.Series([1.5, 2.5, None], dtype=pl.Float32),
        "step": pl.Series([1, 2, 3], dtype=pl.Int16),
        "open": [True, False, None],
    }
)


def test_there_and_back_in_pandas():
    table = to_kind(TABLE, TableKind.PANDAS)
    assert table.dtypes.astype(str).to_dict() == {
        "store": "category",
        "item": "Int64",
        "name": "object",
        "date": "datetime64[ns]",
        "mean": "float32",
        "step": "int16",
        "open": "object",
    }
    back = GivenTable.of(table, "sales").read().with_columns(pl.col("date").cast(pl.Date))
    assert back.equals(TABLE.with_columns(pl.col("store").cast(pl.String)))
    assert list(to_kind(TABLE.head(0), TableKind.PANDAS).columns) == TABLE.columns


def test_there_and_back_in_pyarrow():
    pytest.importorskip("pyarrow")
    table = to_kind(TABLE, TableKind.PYARROW)
    given = GivenTable.of(table, "sales")
    assert given.kind == TableKind.PYARROW
    assert given.read().equals(TABLE)


def test_pandas_needs_no_pyarrow_and_polars_no_pandas():
    code = """
    import sys
    sys.modules["pyarrow"] = None  # importing it fails, as where it is not installed
    import polars as pl
    from foresell import Panel, forecast
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 30), eager=True)
    sales = pl.DataFrame({"item": ["a"] * 30, "day": days, "units": list(range(30))})
    assert forecast(Panel.from_frame(sales, ("item",), date="day"), "seasonal_naive", 7).to_frame().height == 14
    assert "pandas" not in sys.modules
    import pandas as pd
    sales = pd.DataFrame({"item": ["a"] * 30, "day": pd.date_range("2024-01-01", periods=30), "units": range(30)})
    table = forecast(Panel.from_frame(sales, ("item",), date="day"), "seasonal_naive", 7).to_frame()
    assert table.merge(sales.rename(columns={"day": "date"}), on=["item"], how="left").shape[0] == 7 + 7 * 30
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
