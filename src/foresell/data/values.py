"""Converts texts to dates, for `foresell init` and for reading; and the words for yes, no and no value."""

from __future__ import annotations

import numpy as np
import polars as pl

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_SHORT = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%b-%Y", "%B %Y", "%b-%y", "%b %y")
_TIMES = (" %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M", " %H:%M:%S%.f", "T%H:%M:%S%.f", "T%H:%M:%SZ", "T%H:%M:%S%.fZ")
_CLOCKS_OF_12 = (" %I:%M:%S %p", " %I:%M %p")
_OFFSETS = (" %H:%M:%S%z", "T%H:%M:%S%z", " %H:%M:%S %z", " %H:%M:%S%.f%z", "T%H:%M:%S%.f%z")  # the date is local
_ALL_TIMES = (*_TIMES, *_CLOCKS_OF_12, *_OFFSETS)
DATE_FORMATS = (*_DAYS, *_SHORT, *_MONTHS, *(day + time for day in _DAYS for time in _ALL_TIMES))
DAY_OR_MONTH_FIRST = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}

# Words that stand for "no value" in columns of numbers, dates and covariates. In a key they are names like any other.
NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "Null", "None", "none", "-")
YES_NO = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "y", "n", "t", "f"}
YES_NO |= {"ja", "nein", "j", "si", "sì", "sí", "s", "oui", "non", "o", "sim", "não", "nao", "wahr", "falsch"}
YES = {"1", "1.0", "true", "yes", "y", "t", "ja", "j", "si", "sì", "sí", "s", "oui", "o", "sim", "wahr"}


def to_date(texts: pl.Series, date_format: str) -> pl.Series:
    """Dates from texts; null where the format does not fit or the year lies outside 1970 to 2100."""
    dates = texts.str.to_date(date_format, strict=False)
    return dates.set(~dates.dt.year().is_between(1970, 2100), None)


def most_regular_format(formats: tuple[str, ...], dates: pl.Series) -> str:
    """The one of several fitting `formats` that makes the gaps between dates most regular; the first where they tie.

    Dates with the day first and dates with the month first look alike while no day is past the 12th. The wrong format
    scatters the dates of daily sales over a year, and puts monthly sales on the first twelve days of January. So a
    format that reads nothing but first days of months, each once, comes before all others.
    """

    def irregularity(date_format: str) -> tuple[bool, int, bool]:
        days = np.unique(to_date(dates, date_format).drop_nulls().to_numpy().astype("datetime64[D]"))
        months = days.astype("datetime64[M]")
        day_of_month = np.unique(days - months.astype("datetime64[D]")).astype(np.int64)
        monthly = len(days) > 2 and len(day_of_month) == 1 and len(np.unique(months)) == len(days)
        firsts = monthly and day_of_month[0] == 0
        return not firsts, len(np.unique(np.diff(months if monthly else days))), monthly

    return min(formats, key=irregularity)
