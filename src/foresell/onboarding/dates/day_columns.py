"""Columns of a wide table that stand for dates: by a number, or by the date that their name is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from foresell.core.dates.formats import DATE_FORMATS, as_texts, date_formats, most_regular_format, to_date
from foresell.core.dates.spellings import IN_TEXT
from foresell.data.wide_table import dates_in_year
from foresell.onboarding.dates.parts import part_of
from foresell.onboarding.overrides import Overrides

FEWEST_DAYS = 14  # fewer numbered columns may be attributes
FEWEST_DATES = 6  # fewer columns named by dates are no wide table
FEWEST_PARTS = {"year quarter": 3, "year month": 6, "year week": 13}  # fewer columns are no parts of a year


def day_columns(columns: list[str], prefix: str | None = None) -> tuple[str, list[str]] | None:
    """The day columns and what their names begin with; None where the table is not wide.

    >>> prefix, days = day_columns(["item", *(f"d_{day}" for day in range(1, 31))])
    >>> prefix, len(days)
    ('d_', 30)
    """
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        if match := re.fullmatch(r"(.*?)(\d+)", name):
            numbered.setdefault(match[1], []).append((int(match[2]), name))
    if prefix is not None:
        numbered = {prefix: numbered.get(prefix, [])}
    best = max(numbered, key=lambda start: len(numbered[start]), default=None)
    if best is None or (prefix is None and len(numbered[best]) < FEWEST_DAYS):
        return None
    days = sorted(numbered[best])
    running = len(days) > 1 and days[-1][0] - days[0][0] == len(days) - 1
    return (best, [name for _, name in days]) if running else None


def dated_columns(columns: list[str], date_format: str | None = None) -> tuple[str, list[str]] | None:
    """The format of columns whose names are dates, and their names; None where too few are, to be a wide table.

    >>> dated_columns(["item", *(f"2024-01-{day:02d}" for day in range(1, 31)), "Total"])[0]
    '%Y-%m-%d'
    """
    names = pl.Series(columns).str.strip_chars()
    texts = names.filter(names.str.contains(r"\d")).unique(maintain_order=True)
    if len(texts) < FEWEST_DATES:
        return None
    counts = date_formats(texts, (date_format,) if date_format else (*DATE_FORMATS, *IN_TEXT, "%Y%m", "%G%V", "year"))
    most = max(counts.values(), default=0)
    if most < FEWEST_DATES:
        return None
    best = most_regular_format(tuple(text for text, count in counts.items() if count == most), texts)
    read = to_date(names, best).is_not_null()
    return best, [name for name, dated in zip(columns, read, strict=True) if dated]


@dataclass(frozen=True)
class YearColumns:
    """Columns for the parts of a year: the column of the year, None where there is none, and how the names are read."""

    year: str | None
    names: list[str]
    date_format: str


def year_columns(frame: pl.DataFrame, date_format: str | None = None) -> YearColumns | None:
    """The columns named by months, quarters or weeks without a year, beside one that holds the year; None without any.

    Where no column holds the year, only names of months in words count, because numbers may be anything.

    >>> found = year_columns(pl.DataFrame({"Year": ["2023"], "Item": ["A"], "Q1": ["1"], "Q2": ["2"], "Q3": ["3"]}))
    >>> found.year, found.names, found.date_format
    ('Year', ['Q1', 'Q2', 'Q3'], 'year quarter')
    """
    year = next((name for name in frame.columns if part_of(name) == "year" and _holds_years(frame[name])), None)
    others = [name for name in frame.columns if name != year and (year or not re.search(r"\d", name))]
    formats = [date_format] if date_format in FEWEST_PARTS else list(FEWEST_PARTS)
    found = {text: list(dates_in_year(others, 2000, text)) for text in formats}
    fitting = [text for text in formats if len(found[text]) >= FEWEST_PARTS[text]]
    if not fitting:
        return None
    # Numbers up to 4, or up to 12, fit longer counts as well.
    best = max(fitting, key=lambda text: (len(found[text]), -FEWEST_PARTS[text]))
    return YearColumns(year, found[best], best)


def _holds_years(values: pl.Series) -> bool:
    years = to_date(as_texts(values).drop_nulls().unique(), "year")
    return len(years) > 0 and years.null_count() <= 0.05 * len(years) + 1 and years.count() > 0


def dated_names(columns: list[str]) -> list[str]:
    """The names of columns that are dates, where there are enough to be a wide table.

    >>> len(dated_names(["item", *(f"2024-{month:02d}" for month in range(1, 13))]))
    12
    """
    dated = dated_columns(columns)
    return dated[1] if dated else []


def dated_after_prefix(columns: list[str], overrides: Overrides) -> tuple[str, tuple[str, list[str]] | None]:
    """What `dated_columns` says of the names after what they begin with, such as ``Sales``; and that beginning.

    >>> dated_after_prefix(["item", *(f"Sales {year}" for year in range(2015, 2024))], Overrides())[0]
    'Sales '
    """
    if overrides.day_prefix is None and (dated := dated_columns(columns, overrides.date_format)):
        return "", dated
    beginnings = Counter(text for name in columns for text in _beginnings(name))
    given = [overrides.day_prefix] if overrides.day_prefix else []
    for beginning in given or [text for text, _ in beginnings.most_common(2)]:
        rest = [name.removeprefix(beginning) for name in columns if name.startswith(beginning)]
        if dated := dated_columns(rest, overrides.date_format):
            return beginning, (dated[0], [beginning + name for name in dated[1]])
    return "", None


def _beginnings(name: str) -> list[str]:
    """What a name may begin with before a date: its parts up to each sign between words.

    >>> _beginnings("Units Jan 2022")
    ['Units ', 'Units Jan ']
    """
    return [name[: match.end()] for match in re.finditer(r"[ _:.-](?=\S)", re.split(r"\d", name, maxsplit=1)[0] + "0")]
