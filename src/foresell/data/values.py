"""Converts texts to dates and numbers, for `foresell init` and for reading."""

from __future__ import annotations

import numpy as np
import polars as pl

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_SHORT = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%b-%Y", "%B %Y")
_TIMES = (" %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M", " %H:%M:%S%.f", "T%H:%M:%S%.f", "T%H:%M:%SZ", "T%H:%M:%S%.fZ")
DATE_FORMATS = (*_DAYS, *_SHORT, *_MONTHS, *(day + time for day in _DAYS for time in _TIMES))
DAY_OR_MONTH_FIRST = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}

# Words that stand for "no value" in columns of numbers, dates and covariates. In a key they are names like any other.
NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "Null", "None", "none", "-")
YES_NO = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no", "y", "n", "t", "f"}
YES_NO |= {"ja", "nein", "j", "si", "sì", "sí", "s", "oui", "non", "o", "sim", "não", "nao", "wahr", "falsch"}
YES = {"1", "1.0", "true", "yes", "y", "t", "ja", "j", "si", "sì", "sí", "s", "oui", "o", "sim", "wahr"}


def to_number(texts: pl.Series, decimal: str) -> pl.Series:
    """Numbers from texts with or without thousands separators; null where a text is no number.

    >>> to_number(pl.Series(["1.200,50", "3", "x"]), ",").to_list()
    [1200.5, 3.0, None]
    """
    thousands = "." if decimal == "," else ","
    has_thousands = texts.str.contains(rf"^-?\d{{1,3}}(\{thousands}\d{{3}})+(\{decimal}\d+)?$")
    plain = texts.str.replace_all(thousands, "", literal=True).zip_with(has_thousands.fill_null(False), texts)
    return plain.str.replace(decimal, ".", literal=True).cast(pl.Float64, strict=False)


def to_date(texts: pl.Series, date_format: str) -> pl.Series:
    """Dates from texts; null where the format does not fit or the year lies outside 1970 to 2100."""
    dates = texts.str.to_date(date_format, strict=False)
    return dates.set(~dates.dt.year().is_between(1970, 2100), None)


def most_regular_format(formats: tuple[str, ...], dates: pl.Series) -> str:
    """The one of several fitting `formats` that makes the gaps between dates most regular; the first where they tie.

    Dates with the day first and dates with the month first look alike while no day is past the 12th. The wrong format
    scatters the dates of daily sales over a year.
    """
    best, fewest = formats[0], np.inf
    for date_format in formats:
        days = np.unique(to_date(dates, date_format).drop_nulls().to_numpy().astype("datetime64[D]").astype(np.int64))
        kinds_of_gap = len(np.unique(np.diff(days))) if len(days) > 1 else 1
        if kinds_of_gap < fewest:
            best, fewest = date_format, kinds_of_gap
    return best
