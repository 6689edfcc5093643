"""Reads the dates of a column in Python as `foresell init` reads those of a file."""

from __future__ import annotations

from typing import Any

import polars as pl

from foresell.core.dates.formats import as_texts, infer_format, to_date
from foresell.core.errors import UsageError, first_five


def read_dates(column: Any, date_format: str | None = None) -> Any:
    """The dates of a column of texts or numbers, as a column of the same library: Polars, pandas or a list.

    `date_format` is a format of `strptime`, or a name such as ``quarter``, ``week``, ``season``, ``range`` or
    ``excel``; the page "Files we read" lists them. Without one, it is found out. A week, month, quarter or year is
    named by its first day.

    Raises UsageError where the format does not read all values, or none does.

    >>> read_dates(pl.Series(["Q1 2024", "Q2 2024"])).to_list()
    [datetime.date(2024, 1, 1), datetime.date(2024, 4, 1)]
    """
    in_pandas = hasattr(column, "index") and not isinstance(column, list | tuple)
    values = pl.Series(column.to_list() if in_pandas else column, strict=False)
    texts = as_texts(values)
    known = texts.drop_nulls().unique(maintain_order=True)
    written = date_format or infer_format(known)
    dates = to_date(texts, written) if written else texts.clear(len(texts)).cast(pl.Date)
    unread = texts.filter(dates.is_null() & texts.is_not_null())
    if len(unread):
        said = f"{date_format!r} does not read" if date_format else "No format of dates was found that reads"
        raise UsageError(
            f"{said} {len(unread):,} of {len(texts):,} values: {first_five(unread)}. Say how they are written with "
            "'date_format', such as '%d.%m.%Y', 'quarter' or 'week', or correct the values."
        )
    if isinstance(column, list | tuple):
        return dates.to_list()
    if in_pandas:
        return type(column)(dates.cast(pl.Datetime("us")).to_numpy(), index=column.index, name=column.name)
    return dates.alias(column.name) if isinstance(column, pl.Series) else dates


def written_format(column: pl.Series) -> str | None:
    """The format that reads all values of the column; None where none does."""
    known = as_texts(column).drop_nulls().unique(maintain_order=True)
    written = infer_format(known) if len(known) else None
    return written if written and not to_date(known, written).null_count() else None
