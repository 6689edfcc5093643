"""Refusals of tables without dates that can be read, with what is nearest to a date and what to do."""

from __future__ import annotations

import re
from typing import NoReturn

import polars as pl

from foresell.core.dates.formats import DATE_FORMATS, OR, as_texts, date_formats, other_order, to_date
from foresell.core.errors import UsageError, first_five
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ENOUGH, ColumnProfile, ValueKind, share
from foresell.onboarding.dates.parts import part_of
from foresell.onboarding.measures import no_column_message
from foresell.onboarding.table_sample import TableSample

NAMED_IN_TABLE = (
    "Write a table with a row for each period, also those to forecast: its first day in the column 'begin', and what "
    "the sales call it in the column 'name'. Then say --periods and the name of its file."
)

HALF_YEAR = r"(?i)^((19|20)\d\d[-/ ]?[HS][12]|[HS][12][-/ ]?(19|20)?\d\d|[12][HS](19|20)?\d\d)$"


def refuse_dates(
    table: TableSample, columns: dict[str, ColumnProfile], assigned: set[str], given: str | None
) -> NoReturn:
    """Raises the UsageError that no column is a date, with what is nearest to one."""
    if len(columns) == 1 and next(iter(columns.values())).kind == ValueKind.TEXT:
        _refuse_single_column(table)
    if all(column.kind == ValueKind.EMPTY for column in columns.values()):
        raise UsageError(f"{table.name} has column names ({first_five(columns)}) and no rows. Export it again.")
    _refuse_transposed(columns, table)
    for column in columns.values():
        if column.name in assigned:
            continue
        if column.kind == ValueKind.TEXT:
            _refuse_mixture(table, column, given)
        elif not (name_score(column.name, "date") or part_of(column.name)):
            continue
        elif column.kind == ValueKind.NUMBER and column.whole:
            _refuse_numbers(table, column)
    more = (
        "date_format says how they are written, if that is unusual; and where they are names of periods, --periods "
        "names a table with the first day ('begin') of each ('name')"
    )
    raise UsageError(no_column_message(table.name, columns, "a date", "date", more))


def refuse_parts(names: list[str], written: pl.Series) -> NoReturn:
    texts = written.drop_nulls().unique(maintain_order=True)
    raise UsageError(
        f"{', '.join(names)} make no dates: {first_five(texts)}. Expected a year and an ISO week (1 to 53), a "
        "month (1 to 12, or its name) or a quarter (1 to 4), or a year, a month and a day."
    )


def _refuse_transposed(columns: dict[str, ColumnProfile], table: TableSample) -> None:
    """Raises UsageError for months by years, and for columns of dates with several measures each."""
    years = [name for name in columns if re.fullmatch(r"(19|20)\d\d", name.strip())]
    for column in (column for column in columns.values() if column.kind in (ValueKind.TEXT, ValueKind.NUMBER)):
        texts = as_texts(table.frame[column.name]).drop_nulls()
        months = to_date("2000 " + texts, "year month").count() if column.name not in years else 0
        if len(years) >= 2 and months >= 6 and months >= len(texts) - 1:
            raise UsageError(
                f"{table.name} has a row for each month ('{column.name}': {first_five(texts)}) and a column for each "
                f"year ({first_five(years)}). Give it a row for each year and a column for each month, or one row for "
                "each month of each year: the columns year, month and quantity."
            )
    parts = [re.split(r"\s+", name.strip(), maxsplit=1) for name in columns]
    measured = [(day, measure) for day, *rest in parts for measure in rest if re.search(r"\d{4}", day)]
    measures = {measure for _, measure in measured}
    if len(measures) > 1 and len(measured) >= 6 and len(measured) == len(measures) * len({day for day, _ in measured}):
        raise UsageError(
            f"{table.name} has columns of {first_five(sorted(measures))} for each date, such as "
            f"'{' '.join(measured[0])}'. Keep one measure, the units sold, and name its columns by their dates alone, "
            f"such as '{measured[0][0]}'."
        )


def _refuse_single_column(table: TableSample) -> None:
    """Raises UsageError where all rows have one field, in which several stand."""
    (name,) = table.columns
    texts = [name, *as_texts(table.frame[name]).drop_nulls().head(20)]
    for sign in "~^:;|,\t":
        if all(text.count(sign) == texts[0].count(sign) > 0 for text in texts):
            raise UsageError(
                f"{table.name} has one column, '{name}', with {texts[0].count(sign)} signs {sign!r} in each row. If "
                f"these part the columns, say --separator {sign!r}; if each line as a whole stands in quotes, take the "
                "quotes away."
            )
    if all(len(text.split()) > 1 for text in texts):
        raise UsageError(
            f"{table.name} has no separator between its columns: '{name}' is one. They seem to have fixed widths. Open "
            "the file in a spreadsheet program as text with fixed widths and save it as .xlsx or CSV, or export the "
            "table with a separator."
        )


def _refuse_mixture(table: TableSample, column: ColumnProfile, given: str | None) -> None:
    texts = as_texts(table.frame[column.name]).drop_nulls()
    distinct = texts.unique(maintain_order=True)
    if share(distinct.str.contains(HALF_YEAR)) >= ENOUGH:
        raise UsageError(
            f"'{column.name}' of {table.name} holds half-years ({first_five(distinct)}), without a year "
            f"or written in several ways. {NAMED_IN_TABLE}"
        )
    counts = date_formats(distinct, DATE_FORMATS)
    if not counts:
        return
    best = max(counts, key=lambda text: counts[text])
    fit = to_date(texts, best).is_not_null()
    if share(fit) < 0.2:
        return
    rest = texts.filter(~fit)
    written = {text: count for text, count in date_formats(rest.unique(), DATE_FORMATS).items() if count}
    second = max(written, key=lambda text: written[text], default=None)
    if second and second == other_order(best):
        raise UsageError(
            f"The dates of '{column.name}' in {table.name} have the day first in some rows and the month "
            f"first in others: {int(fit.sum()):,} of {len(texts):,} fit {best}, the rest only {second}, such as "
            f"{first_five(rest.unique(maintain_order=True))}. Days up to the 12th fit both, so the order cannot be "
            "told from the file. Write them alike, best as 2024-01-31."
        )
    both = f"{best}{OR}{second}"
    if second and both != given and share(to_date(texts, both).is_not_null()) >= ENOUGH:
        then = f"Most of these fit {second}. Write them alike in the file, or say --date-format '{both}'."
    else:
        then = "Give these rows a date, or take them out of the file where they are titles, totals or another table."
    raise UsageError(
        f"The dates of '{column.name}' in {table.name} are written in several ways: {int(fit.sum()):,} of "
        f"{len(texts):,} fit {best}, and {len(rest):,} do not, such as "
        f"{first_five(rest.unique(maintain_order=True))}. {then}"
    )


def _refuse_numbers(table: TableSample, column: ColumnProfile) -> None:
    numbers = column.values.drop_nulls()
    low, high = int(numbers.min() or 0), int(numbers.max() or 0)  # type: ignore[arg-type]
    part = part_of(column.name)
    if part in ("week", "month", "quarter") and low >= 0 and high <= 53:
        raise UsageError(
            f"'{column.name}' of {table.name} numbers the {part}s from {low} to {high} and no column has the "
            f"year. Add a column 'year', and say --date year,{column.name}."
        )
    if low >= 0 and column.distinct > 2 and high - low < 3 * column.distinct:
        raise UsageError(
            f"'{column.name}' of {table.name} counts periods from {low} to {high}, without a calendar. Say "
            f"which day, week, month, quarter or year comes before the first, such as --date {column.name} "
            f"--date-format 'days since 2022-12-31', by which 1 is 2023-01-01. If they are periods of your own "
            "calendar, give a table of their first days ('begin') and numbers ('name') with --periods."
        )
