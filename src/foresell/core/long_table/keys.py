"""The keys of a long table, which name its series, and the same keys in the table of attributes."""

from __future__ import annotations

import polars as pl

from foresell.core.errors import UsageError, first_five, warn
from foresell.core.key_texts import TEXTS, tidy_keys, unite_whole_numbers
from foresell.core.long_table.columns import Columns, code, first_rows, rows_of
from foresell.core.tables import GivenTable, is_plain

_BLANKS = r"\s\u200b\u2060\ufeff"


def checked_keys(table: GivenTable, rows: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """The rows with tidy keys; a warning says which others were united.

    Raises UsageError for a row without a key, and for keys that are no text, number or date.
    """
    for name in columns.keys:
        check_type(table, name, rows.schema[name])
        if rows.schema[name].is_float():
            rows = rows.with_columns(pl.col(name).fill_nan(None))
    given = rows
    rows, _ = tidy_keys(rows, columns.keys)
    for name in columns.keys:
        missing = rows[name].is_null().to_numpy()
        if missing.any():
            raise UsageError(
                f"{rows_of(missing)} no key in '{name}': {first_rows(given, missing, columns)}. Give each row the "
                f"{name} that it is about, or leave these out: {_without_missing(table, name, given.schema[name])}."
            )
    rows, _ = unite_whole_numbers(rows, columns.keys)
    untidy = [text for name in columns.keys for text in _changed(given[name], rows[name])]
    if untidy:
        warn(
            f"Blanks around keys, and a whole number written as 100.0 beside 100, make no other series: "
            f"{first_five(map(repr, untidy))}."
        )
    return rows


def _changed(given: pl.Series, tidy: pl.Series) -> list[str]:
    if tidy.dtype not in TEXTS:
        return []
    before, after = given.cast(pl.String), tidy.cast(pl.String)
    return before.filter(before != after).unique().sort().to_list()


def _without_missing(table: GivenTable, name: str, dtype: pl.DataType) -> str:
    """The code that leaves out rows whose key is missing; a text of blanks is missing, too."""
    if dtype in TEXTS:
        return code(
            table,
            name,
            f".filter(pl.col({name!r}).cast(pl.String).str.contains(r'[^{_BLANKS}]'))",
            lambda of: "",
            f"{table.name}[{table.name}[{name!r}].astype('string').str.contains(r'[^{_BLANKS}]', na=False)]",
        )
    polars = f".filter(pl.col({name!r}).is_not_nan())" if dtype.is_float() else f".drop_nulls({name!r})"
    return code(table, name, polars, lambda of: "", f"{table.name}.dropna(subset=[{name!r}])")


def tidy_in_polars(name: str) -> str:
    """The expression of Polars that gives tidy keys of the column."""
    blanks = f"pl.col({name!r}).cast(pl.String).str.replace_all(r'[{_BLANKS}]+', ' ').str.strip_chars()"
    return f"{blanks}.str.replace(r'^(\\d+)\\.0+$', '$1')"


def tidy_in_pandas(column: str) -> str:
    """The expression of pandas that gives tidy keys of the column."""
    blanks = f"{column}.astype('string').str.replace(r'[{_BLANKS}]+', ' ', regex=True).str.strip()"
    return f"{blanks}.str.replace(r'^(\\d+)\\.0+$', r'\\1', regex=True)"


def check_type(table: GivenTable, name: str, dtype: pl.DataType) -> None:
    """Raises UsageError for a key or attribute that is no text, number, truth value or date."""
    if is_plain(dtype):
        return
    as_text = "lambda values: pl.Series([str(value) for value in values.to_list()]), return_dtype=pl.String"
    advice = code(table, name, f".with_columns(pl.col({name!r}).map_batches({as_text}))", lambda of: f"{of}.map(str)")
    raise UsageError(
        f"The column '{name}' of the table '{table.name}' holds values of the type {dtype}; expected texts, numbers "
        f"or dates. Make texts of them: {advice}."
    )


def as_keys(column: pl.Series, like: pl.Series) -> pl.Series:
    """The keys of another table as values of the type of the keys `like`; null where they are none of that type.

    >>> as_keys(pl.Series("item", [100.0, 7.5, None]), pl.Series(["100", "7"])).to_list()
    ['100', '7.5', None]
    """
    name, dtype = column.name, like.dtype
    if column.dtype.is_float() and dtype in TEXTS:
        whole = column.cast(pl.Int64, strict=False)
        column = whole.cast(pl.String).zip_with((whole == column).fill_null(False), column.cast(pl.String))
    if column.dtype in TEXTS:
        texts = tidy_keys(column.cast(pl.String).to_frame(), [name])[0][name]
        known = set(like.cast(pl.String))
        shorter = {
            text: text.split(".")[0]
            for text in texts.filter(texts.str.contains(r"^\d+\.0+$")).unique()
            if text not in known
        }
        column = texts.replace({text: short for text, short in shorter.items() if short in known})
    try:
        keys = column.cast(dtype, strict=False)
        return keys.set((keys.cast(column.dtype, strict=False) != column).fill_null(False), None)
    except pl.exceptions.PolarsError:
        return pl.Series(name, [None] * len(column), dtype)
