"""Converts texts to dates, and finds the format in which dates are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from typing import TypeVar

import numpy as np
import polars as pl

from foresell.core.dates.spellings import IN_TEXT, OF_NUMBERS, hours_of, spelling_of, with_english_months

HOUR_ALONE = " %H"  # as where a column has the date and another one the hour
OR = " | "  # stands between the formats of a column that is written in several ways
SEASON, FEWEST_SEASONS = "season", 3  # fewer than three such as 2010/11 may be months
# Two dates, such as the first and the last day of a week.
_RANGE = re.compile(r"(.*%Y)( - |-| – |–| to | bis | au | al )%.*%Y")
MOST_SHAPES = 3  # more ways of writing in one column are no dates

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_SHORT_YEAR_FIRST = ("%y-%m-%d", "%y/%m/%d", "%y.%m.%d")
_SHORT = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", *_SHORT_YEAR_FIRST)
_NAMED = (
    "%a %d %b %Y", "%a, %d %b %Y", "%A, %B %d, %Y", "%A, %d %B %Y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d %b %y", "%d.%b.%Y", "%d.%b.%y",
    "%d/%b/%Y", "%d/%b/%y", "%d%b%Y", "%d%b%y", "%Y-%b-%d", "%b %d %Y",
)  # fmt: skip
_MONTHS = (
    "%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%m-%Y", "%Y.%m", "%b %Y", "%b-%Y", "%B %Y", "%b-%y", "%b %y", "%b/%Y", "%b/%y",
    "%b.%Y", "%b.%y", "%b%Y", "%b%y", "%b'%y", "%b '%y", "%b, %Y", "%Y %b", "%Y-%b", "%Y/%b",
    "%YM%m", "%Y-M%m",
)  # fmt: skip
_WEEKDAYS = ("%G-W%V-%u", "%GW%V%u")
_TIMES = (" %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M", " %H:%M:%S%.f", "T%H:%M:%S%.f")
_TIMES_OF_UTC = ("T%H:%MZ", "T%H:%M:%SZ", "T%H:%M:%S%.fZ")
_CLOCKS_OF_12 = (" %I:%M:%S %p", " %I:%M %p")
_OFFSETS = (
    "T%H:%M%z",
    " %H:%M%z",
    " %H:%M:%S%z",
    "T%H:%M:%S%z",
    " %H:%M:%S %z",
    " %H:%M:%S%.f%z",
    "T%H:%M:%S%.f%z",
)  # the date is local
_ALL_TIMES = (*_TIMES, *_TIMES_OF_UTC, *_CLOCKS_OF_12, *_OFFSETS)
_WITH_TIMES = (
    *(day + time for day in _DAYS for time in _ALL_TIMES),
    *(day + time for day in _SHORT for time in (*_TIMES, *_CLOCKS_OF_12)),
    *(day + time for day in _NAMED for time in (" %H:%M:%S", " %H:%M", *_CLOCKS_OF_12)),
)
DATE_FORMATS = (*_DAYS, *_SHORT, *_NAMED, *_MONTHS, *_WEEKDAYS, *_WITH_TIMES)
DAY_OR_MONTH_FIRST = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}


def to_date(texts: pl.Series, date_format: str, *, hourly: bool = False) -> pl.Series:
    """Dates from texts; null where the format does not fit or the year lies outside 1970 to 2100.

    With `hourly` they are the hours in which the times lie, Datetime, on the clock that a time with a zone is of; a
    date without a time is its first hour.

    `date_format` is one of `strptime`, a name in `SPELLINGS`, or several of these joined by `OR`: then a text is a date
    where it has one reading. Of a range, such as ``%d.%m.%Y - %d.%m.%Y``, the first date counts. Names of months may
    be in any language of `MONTH_NAMES`, and a day of the week may stand before a date.

    >>> to_date(pl.Series(["2023-01-02", "30/06/2023"]), "%Y-%m-%d | %d/%m/%Y").to_list()
    [datetime.date(2023, 1, 2), datetime.date(2023, 6, 30)]
    >>> to_date(pl.Series(["2023-01-02T05:59:00+01:00"]), "%Y-%m-%dT%H:%M:%S%z", hourly=True).to_list()
    [datetime.datetime(2023, 1, 2, 5, 0)]
    """
    if OR in date_format:
        readings = [to_date(texts, part, hourly=hourly) for part in date_format.split(OR)]
        return _one_reading(readings).alias(texts.name)
    if match := _RANGE.fullmatch(date_format):
        first = texts.str.split_exact(match[2], 1).struct.field("field_0")
        return to_date(first, match[1], hourly=hourly).alias(texts.name)
    read = _reader(date_format, hourly)
    dates = read(texts)
    if dates.null_count() and spelling_of(date_format) is None:
        unread = texts.set(dates.is_not_null(), None)
        if unread.str.contains(r"\p{L}{2}|[AaPp]\.").any():
            dates = dates.zip_with(dates.is_not_null(), read(with_english_months(unread)))
    return dates.set(~dates.dt.year().is_between(1970, 2100), None).alias(texts.name)


def _reader(date_format: str, hourly: bool) -> Callable[[pl.Series], pl.Series]:
    """What reads texts by one format or spelling."""
    if (spelling := spelling_of(date_format)) is not None:
        return hours_of(date_format) if hourly else spelling
    return partial(_hours if hourly else _strptime, date_format=date_format)


def _strptime(texts: pl.Series, date_format: str) -> pl.Series:
    return texts.alias("text").to_frame().select(_parsed(pl.col("text"), date_format)).to_series()


def _hours(texts: pl.Series, date_format: str) -> pl.Series:
    """The hours in which the times lie. An offset from UTC is left out, so that they are those of the clock there."""
    if not has_time(date_format):
        return _strptime(texts, date_format).cast(pl.Datetime("us"))
    written = date_format.replace(" %z", "").replace("%z", "")
    if written != date_format:
        texts = texts.str.replace(r"\s?(?:Z|[+-]\d\d(?::?\d\d)?)$", "")
    texts, written = _with_minutes(texts, written)
    return texts.str.to_datetime(written, strict=False, time_unit="us").dt.truncate("1h")


def has_time(date_format: str) -> bool:
    """Whether a format reads times of day.

    >>> has_time("%d.%m.%Y %H:%M"), has_time("%d.%m.%Y"), has_time("excel")
    (True, False, True)
    """
    return any(part in date_format for part in ("%H", "%I", "excel", "seconds since"))


def _parsed(texts: pl.Expr, date_format: str) -> pl.Expr:
    if date_format in _MONTHS:  # one digit stands for a month only where a day follows
        texts, date_format = texts + " 1", f"{date_format} %d"
    texts, date_format = _with_minutes(texts, date_format)
    return texts.str.to_date(date_format, strict=False)


Texts = TypeVar("Texts", pl.Series, pl.Expr)


def _with_minutes(texts: Texts, date_format: str) -> tuple[Texts, str]:
    """Texts that end with an hour, and their format, with the minutes that Polars wants."""
    return (texts + ":00", f"{date_format}:%M") if date_format.endswith(HOUR_ALONE) else (texts, date_format)


def other_order(date_format: str) -> str | None:
    """The format with the month first for one with the day first, and the other way round; None for all others.

    >>> other_order("%d/%m/%Y %H:%M"), other_order("%Y-%m-%d | %m/%d/%Y"), other_order("%Y-%m-%d")
    ('%m/%d/%Y %H:%M', '%Y-%m-%d | %d/%m/%Y', None)
    """
    pairs = DAY_OR_MONTH_FIRST | {month: day for day, month in DAY_OR_MONTH_FIRST.items()}
    parts = date_format.split(OR)
    for number, part in enumerate(parts):
        for written, swapped in pairs.items():
            if part.startswith(written):
                return OR.join([*parts[:number], swapped + part.removeprefix(written), *parts[number + 1 :]])
    return None


def other_end_of_year(date_format: str) -> str | None:
    """The format with the year of two digits first for one with it last, and the other way round; None for all others.

    >>> other_end_of_year("%d/%m/%y %H:%M"), other_end_of_year("%y.%m.%d"), other_end_of_year("%d/%m/%Y")
    ('%y/%m/%d %H:%M', '%d.%m.%y', None)
    """
    for year_first in _SHORT_YEAR_FIRST:
        mark = year_first[2]
        ends = (f"%d{mark}%m{mark}%y", f"%m{mark}%d{mark}%y")
        if date_format.startswith(year_first):
            return ends[0] + date_format.removeprefix(year_first)
        if date_format.startswith(ends):
            return year_first + date_format[len(year_first) :]
    return None


def infer_format(texts: pl.Series, preferred: str | None = None) -> str | None:
    """The format that reads most of `texts` (distinct, no nulls), with the most regular dates; None where none does.

    `preferred` is taken where no other reads more. Texts that are written in several ways get the formats of all.
    """
    counts = date_formats(texts, (*DATE_FORMATS, *IN_TEXT, *([preferred] if preferred else [])))
    counts = counts if any(counts.values()) else date_formats(texts, OF_NUMBERS)
    most = max(counts.values(), default=0)
    if most < len(texts) and (mixed := mixed_format(texts)):
        return mixed
    best = tuple(text for text, count in counts.items() if count == most > 0)
    return preferred if preferred in best else most_regular_format(best, texts) if best else None


def _one_reading(readings: list[pl.Series]) -> pl.Series:
    """The date that the readings of a text agree on; null where two differ or none is a date."""
    frame = pl.DataFrame([dates.alias(str(number)) for number, dates in enumerate(readings)])
    first, last = pl.min_horizontal(pl.all()), pl.max_horizontal(pl.all())
    return frame.select(pl.when(first == last).then(first)).to_series()


def as_texts(values: pl.Series) -> pl.Series:
    """The values as texts, of which whole numbers have no decimal places."""
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        values = whole if (whole == values).fill_null(True).all() else values
    return values.cast(pl.String).str.strip_chars()


def date_formats(texts: pl.Series, formats: Sequence[str] = DATE_FORMATS) -> dict[str, int]:
    """How many of the distinct `texts` each format reads; without those that read none of a sample."""
    sample = texts.gather_every(max(1, len(texts) // 40))
    fitting = [text for text in _likely_formats(sample, formats) if to_date(sample, text).count()]
    return {text: to_date(texts, text).count() for text in fitting}


def _likely_formats(texts: pl.Series, formats: Sequence[str]) -> list[str]:
    """The formats but for those of `strptime` that read none of `texts`, which one query finds for all of them."""
    certain = {text for text in formats if OR in text or spelling_of(text) is not None}
    spelled = pl.DataFrame({"as_written": texts, "in_english": with_english_months(texts)})
    spelled = spelled.select("as_written") if spelled["as_written"].equals(spelled["in_english"]) else spelled
    tried = [_reads_any(tuple(spelled.columns), text) for text in dict.fromkeys(formats) if text not in certain]
    counts = spelled.select(tried)
    return [text for text in formats if text in certain or counts[text][0]]


@cache
def _reads_any(columns: tuple[str, ...], date_format: str) -> pl.Expr:
    """Whether the format reads a text of the columns. It is kept, for it takes more time to build than to answer."""
    return pl.any_horizontal(_parsed(pl.col(name), date_format).is_not_null().any() for name in columns).alias(
        date_format
    )


def mixed_format(texts: pl.Series) -> str | None:
    """The formats, joined by `OR`, that read all of `texts` (distinct, no nulls), written in up to three ways.

    None where they are written in one way only, or where the texts of one way have no common format. Where the day may
    come first or the month, the more regular dates of all together decide.

    >>> mixed_format(pl.Series(["2023-01-02", "2023-01-03", "30/06/2023", "01/07/2023"]))
    '%Y-%m-%d | %d/%m/%Y'
    """
    shapes = texts.str.replace_all(r"\d{3,}", "0000").str.replace_all(r"\d{1,2}", "0").str.replace_all(r"\p{L}+", "a")
    shapes = shapes.set(texts.str.contains(r"^[2-5]\d{4}$"), "serial")
    names = shapes.unique(maintain_order=True)
    if not 2 <= len(names) <= MOST_SHAPES:
        return None
    choices: list[list[str]] = []
    for name in names:
        alike = texts.filter(shapes == name)
        counts = date_formats(alike, ("excel",) if name == "serial" else (*DATE_FORMATS, *IN_TEXT))
        if not (whole := [text for text, count in counts.items() if count == len(alike)]):
            return None
        choices.append(whole[:3])
    if all(choice == ["excel"] for choice in choices):
        return None
    joined = tuple(OR.join(dict.fromkeys(parts)) for parts in product(*choices))
    whole = [text for text in joined if to_date(texts, text).count() == len(texts)]
    return most_regular_format(tuple(whole), texts) if whole else None


def most_regular_format(formats: tuple[str, ...], dates: pl.Series) -> str:
    """The one of several fitting `formats` that makes the gaps between dates most regular; the first where they tie.

    Dates with the day first and dates with the month first look alike while no day is past the 12th. The wrong format
    scatters the dates of daily sales over a year, and puts monthly sales on the first twelve days of January. So a
    format that reads nothing but first days of months, each once, comes before all others.
    """

    if SEASON in formats and dates.n_unique() >= FEWEST_SEASONS:  # nothing else names two years that follow each other
        return SEASON

    return min(formats, key=lambda date_format: irregularity(date_format, dates))


def irregularity(date_format: str, dates: pl.Series) -> tuple[bool, int, bool]:
    """How irregular the dates are that a format reads: no first days of months, the number of gaps, one a month."""
    days = np.unique(to_date(dates, date_format).drop_nulls().to_numpy().astype("datetime64[D]"))
    months = days.astype("datetime64[M]")
    day_of_month = np.unique(days - months.astype("datetime64[D]")).astype(np.int64)
    monthly = len(days) > 2 and len(day_of_month) == 1 and len(np.unique(months)) == len(days)
    firsts = monthly and day_of_month[0] == 0
    return not firsts, len(np.unique(np.diff(months if monthly else days))), monthly
