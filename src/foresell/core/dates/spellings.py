"""Dates that no format of `strptime` describes: quarters, weeks, years, serial numbers, names of months in languages.

A spelling has a name, which the setting ``date_format`` takes in place of a format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import cast

import polars as pl

MONTH_NAMES = """
jan january januar janner janvier janv ene enero gen gennaio januari janeiro sty styczen stycznia
feb february februar feber fevrier fevr fev febrero febbraio februari fevereiro lut luty lutego
mar march marz maerz mrz mars marzo mrt maart marco marzec marca marts
apr april avr avril abr abril aprile kwi kwiecien kwietnia
may mai mayo mag maggio mei maio maj maja
jun june juni juin junio giu giugno junho cze czerwiec czerwca
jul july juli juil juillet julio lug luglio julho lip lipiec lipca
aug august aou aout ago agosto augustus sie sierpien sierpnia augusti
sep september sept septembre septiembre setiembre set sett settembre setembro wrz wrzesien wrzesnia
oct october okt oktober octobre octubre ott ottobre out outubro paz pazdziernik pazdziernika
nov november novembre noviembre novembro lis listopad listopada
dec december dez dezember decembre dic diciembre dicembre dezembro gru grudzien grudnia
"""
"""The months in English, German, French, Spanish, Italian, Dutch, Portuguese, Polish and Scandinavian languages; a line
for each month, without accents, the English abbreviation first."""

_ENGLISH = {name: line.split()[0].capitalize() for line in MONTH_NAMES.strip().splitlines() for name in line.split()}
_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_WEEKDAY = re.compile(
    r"^(?:mo|di|mi|do|fr|sa|so|mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|lun|mer|jeu|ven|sam|dim|"
    r"lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo|"
    r"mié|jue|vie|s[aá]b|dom|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|sabato|domenica|gio|ma|wo|vr|za|zo|"
    r"maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|segunda|ter[cç]a|quarta|quinta|sexta)"
    r"(?:-feira)?[.,]*\s+(?=.*\d)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|[ºª°])(?=[ ,.]|$)", re.IGNORECASE)
_HALF_DAY = re.compile(r"\b([ap])\.\s?m\.?", re.IGNORECASE)
_OF = re.compile(r"\s+(?:de|del|do|di)\s+", re.IGNORECASE)

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_SHORT_YEAR = r"(?:(?P<year>(?:19|20)\d\d)|'?(?P<short>\d\d))"
_GAP = r"[\s\-/._,]*"
_QUARTERS = (
    rf"{_YEAR}{_GAP}(?:Q|T|QTR|QUARTER|QUARTAL){_GAP}(?P<number>[1-4])",
    rf"(?:Q|T|QTR|QUARTER|QUARTAL)\s?(?P<number>[1-4]){_GAP}{_SHORT_YEAR}",
    rf"(?P<number>[1-4])\s?\.?\s?(?:Q|T|QTR|QUARTER|QUARTAL|TRIM){_GAP}{_SHORT_YEAR}",
)
_WEEK = "(?:W|KW|CW|WK|WEEK|VECKA|UGE|SEMANA|SEMAINE|SETTIMANA|WOCHE|TYDZIE[NŃ]|TÝDEN)"
_WEEKS = (
    rf"{_YEAR}{_GAP}(?:{_WEEK}{_GAP}(?P<number>\d\d?)|(?:S|SEM){_GAP}(?P<two>\d\d))",
    rf"(?:{_WEEK}\.?\s?(?P<number>\d\d?)|(?:S|SEM)\.?\s?(?P<two>\d\d)){_GAP}{_YEAR}",
    rf"{_WEEK}\.?\s?(?P<number>\d\d?)[\s/.']+(?P<short>\d\d)",
)  # S1 may be a half-year
_YEARS = (r"(?:FY|CY|GJ|WJ)?\s?(?P<year>(?:19|20)\d\d)(?:\.0)?", r"(?:FY|CY|GJ|WJ)\s?'?(?P<short>\d\d)")
_SEASON = re.compile(r"((?:19|20)\d\d)\s?[/\-\u2013]\s?((?:19|20)?\d\d)")
_RANGE_SIGNS = re.compile(r"\s+(?:-|\u2013|\u2014|to|bis|au|al|tot|until|do|till)\s+|(?<=[\d.])[\u2013\u2014](?=\d)")
_CLOSE_RANGE = re.compile(r"([\d./]+)-([\d./]+)|(\d{4}-\d\d-\d\d)[-/](\d{4}-\d\d-\d\d)")
LONGEST_RANGE_DAYS = 31
_MONTH_FIRST_DIGITS = (r"(?P<number>0[1-9]|1[0-2])(?P<short>\d\d)",)
_MONTH_POINT_YEAR = (r"(?P<number>0?[1-9]|1[0-2])[./](?P<short>\d\d)",)
_THREE_DIGIT_PERIOD = (rf"0(?P<number>0[1-9]|1[0-2])[./]{_YEAR}",)  # a period of some systems has three digits
_YEAR_FIRST_DIGITS = (r"(?P<short>\d\d)(?P<number>0[1-9]|1[0-2])",)
_YEAR_MONTHS = (r"(?P<year>(?:19|20)\d\d)(?P<number>\d\d)(?:\.0)?",)
_NUMBERED_QUARTERS = (rf"{_YEAR}[-/.](?P<number>0?[1-4])", rf"(?P<number>0?[1-4])[-/.]{_YEAR}")
_TWO_COLUMNS = r"(?P<year>(?:19|20)\d\d)(?:\.0)? (?P<number>\d\d?)(?:\.0)?"

Spelling = Callable[[pl.Series], pl.Series]  # texts -> Date, null where a text is written otherwise


def of_quarter(year: int, number: int) -> date:
    """The first day of a quarter of the calendar."""
    return date(year, 3 * number - 2, 1)


def of_week(year: int, number: int) -> date:
    """The Monday of an ISO week. Raises ValueError for a week that the year does not have."""
    return date.fromisocalendar(year, number, 1)


def of_month(year: int, number: int) -> date:
    """The first day of a month."""
    return date(year, number, 1)


def _of_day(year: int, number: int) -> date:
    """A day by its number in the year. Raises ValueError for a number that the year does not have."""
    day = date(year, 1, 1) + timedelta(days=number - 1)
    if day.year != year:
        raise ValueError
    return day


def _matching(patterns: tuple[str, ...], first_day: Callable[[int, int], date]) -> Spelling:
    """The spelling of texts that match one of the patterns, whose groups are the year and the number in it."""
    compiled = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def parse(text: str) -> date | None:
        for pattern in compiled:
            if match := pattern.fullmatch(text):
                groups = match.groupdict()
                year = int(groups.get("year") or _century(groups["short"]))
                try:
                    return first_day(year, int(groups.get("number") or groups.get("two") or 1))
                except ValueError:
                    return None
        return None

    return _by_distinct(parse)


def _century(short_year: str) -> int:
    """The year of two digits, from 1970 to 2069, as `strptime` has it."""
    return int(short_year) + (1900 if short_year >= "70" else 2000)


def _by_distinct(parse: Callable[[str], date | None]) -> Spelling:
    """The spelling that `parse` reads, called once for each distinct text."""

    def read(texts: pl.Series) -> pl.Series:
        distinct = texts.drop_nulls().unique()
        dates = pl.Series([parse(text) for text in distinct], dtype=pl.Date)
        table = pl.DataFrame({"text": distinct, "date": dates})
        return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["date"]

    return read


def _with_named_month(text: str) -> date | None:
    """The first day of a month from its year and its name, as in ``2021 März``."""
    year, _, name = text.partition(" ")
    month = _ENGLISH.get(_plain(name))
    if month is None or not re.fullmatch(r"(19|20)\d\d(\.0)?", year):
        return None
    return date(int(year[:4]), list(dict.fromkeys(_ENGLISH.values())).index(month) + 1, 1)


def _of_season(text: str) -> date | None:
    """The first day of the year in which a season such as 2019/20 begins; None where no two years follow each other."""
    match = _SEASON.fullmatch(text)
    if match is None or (int(match[1]) + 1) % 100 != int(match[2]) % 100 or match[1] == match[2]:
        return None
    return date(int(match[1]), 1, 1)


def _of_range(text: str) -> date | None:
    """The first of two days at most a month apart, of which the former may lack what the latter has.

    >>> [str(_of_range(text)) for text in ("01.01.-07.01.2024", "12/30/2024 - 01/05/2025", "2024-01-01 to 2024-01-07")]
    ['2024-01-01', '2024-12-30', '2024-01-01']
    """
    match = _CLOSE_RANGE.fullmatch(text)
    ends = [end for end in match.groups() if end] if match else _RANGE_SIGNS.split(text.strip())
    if len(ends) != 2:
        return None
    first, last = (_numbers_of_day(end) for end in ends)
    if first is None or last is None or len(last) != 3 or not first:
        return None
    starts = {start for order in ("ymd", "dmy", "mdy") if (start := _start(first, last, order))}
    return starts.pop() if len(starts) == 1 else None


def _numbers_of_day(text: str) -> list[str] | None:
    """The numbers of a day as it is written, a month by its number; None where other words stand among them."""
    numbers = []
    for part in re.findall(r"\d+|[^\W\d_]+", _WEEKDAY.sub("", text.strip())):
        month = _ENGLISH.get(_plain(part))
        if not part.isdecimal() and month is None:
            return None
        numbers.append(part if month is None else f"m{list(dict.fromkeys(_ENGLISH.values())).index(month) + 1}")
    return numbers


def _start(first: list[str], last: list[str], order: str) -> date | None:
    """The first day of a range, if both ends are written in the order; the year may stand only at the end."""
    places = {"d": order.index("d"), "m": order.index("m"), "y": order.index("y")}
    named = [place for place, text in enumerate(last) if text.startswith("m")]
    if named and named != [places["m"]]:
        return None
    year = last[places["y"]]
    if (order == "ymd") != (len(year) == 4 and places["y"] == 0) or len(year) not in (2, 4):
        return None
    try:
        end = _day(last, places, int(year) if len(year) == 4 else _century(year))
        parts = dict(zip(order.replace("y", "") if len(first) == 2 else order, first, strict=False))
        if len(first) == 1:
            parts = {"d": first[0], "m": last[places["m"]]}
        elif len(first) not in (2, 3):
            return None
        months, days = int(parts["m"].removeprefix("m")), int(parts["d"])
        years = (
            [end.year, end.year - 1]
            if "y" not in parts
            else [int(parts["y"]) if len(parts["y"]) == 4 else _century(parts["y"])]
        )
        starts = [date(number, months, days) for number in years]
    except ValueError:
        return None
    return next((start for start in starts if 0 <= (end - start).days <= LONGEST_RANGE_DAYS), None)


def _day(numbers: list[str], places: dict[str, int], year: int) -> date:
    return date(year, int(numbers[places["m"]].removeprefix("m")), int(numbers[places["d"]]))


def _year_and_month(texts: pl.Series) -> pl.Series:
    numbered = _matching((_TWO_COLUMNS,), of_month)(texts)
    return numbered.zip_with(numbered.is_not_null(), _by_distinct(_with_named_month)(texts))


def _serial(first: date) -> Spelling:
    """The spelling of days counted from `first`, as spreadsheets store dates; a fraction is the time of day."""

    def read(texts: pl.Series) -> pl.Series:
        days = texts.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        plausible = days.set(~days.is_between(20_000, 60_000), None).floor().cast(pl.Int32)
        return (plausible + (first - date(1970, 1, 1)).days).cast(pl.Date)

    return read


SPELLINGS: dict[str, Spelling] = {
    "quarter": _matching(_QUARTERS, of_quarter),
    "week": _matching(_WEEKS, of_week),
    "year": _matching(_YEARS, of_month),
    "season": _by_distinct(_of_season),
    "range": _by_distinct(_of_range),
    "%m%y": _matching(_MONTH_FIRST_DIGITS, of_month),
    "%y%m": _matching(_YEAR_FIRST_DIGITS, of_month),
    "%Y%m": _matching(_YEAR_MONTHS, of_month),
    "%Y%j": _matching((r"(?P<year>(?:19|20)\d\d)(?P<number>\d{3})",), _of_day),
    "%G%V": _matching(_YEAR_MONTHS, of_week),
    "%G-%V": _matching((rf"{_YEAR}[-/.\s](?P<number>\d\d?)",), of_week),
    "%V/%G": _matching((rf"(?P<number>\d\d?)[-/.\s]{_YEAR}",), of_week),
    "excel": _serial(date(1899, 12, 30)),
    "excel-1904": _serial(date(1904, 1, 1)),
    "%m.%y": _matching(_MONTH_POINT_YEAR, of_month),
    "0%m.%Y": _matching(_THREE_DIGIT_PERIOD, of_month),
    "year quarter": _matching((_TWO_COLUMNS, *_NUMBERED_QUARTERS, *_QUARTERS), of_quarter),
    "year month": _year_and_month,
    "year week": _matching((_TWO_COLUMNS, *_WEEKS), of_week),
}
"""The spellings by name. ``%Y%m`` and ``%G%V`` are numbers such as 202101: year and month, or year and ISO week. Those
of two words are two columns, joined by a blank; ``year quarter`` reads 2015/1 and 1/2015 too. A ``range`` is two days,
of which the first counts; ``%m%y`` and ``%y%m`` are four digits."""

_A_DAY = {"seconds": 86_400, "milliseconds": 86_400_000}
_SINCE = re.compile(r"(seconds|milliseconds|days|weeks|months|quarters|years) since (\d{4}-\d\d-\d\d)")


def spelling_of(date_format: str) -> Spelling | None:
    """The spelling of that name; None for a format of `strptime`.

    Beside those of `SPELLINGS`, ``days since 2022-12-31`` and its like are numbers counted from a date, which is 0.

    >>> spelling_of("weeks since 2023-01-02")(pl.Series(["0", "1"])).to_list()
    [datetime.date(2023, 1, 2), datetime.date(2023, 1, 9)]
    """
    if match := _SINCE.fullmatch(date_format):
        try:
            return _since(match[1], date.fromisoformat(match[2]))
        except ValueError:
            return None
    return SPELLINGS.get(date_format)


def hours_of(date_format: str) -> Spelling:
    """The spelling of that name with the hour of its times, Datetime; the first hour of its dates where it has none.

    >>> hours_of("excel")(pl.Series(["45292.25"])).to_list()
    [datetime.datetime(2024, 1, 1, 6, 0)]
    """
    first = {"excel": date(1899, 12, 30), "excel-1904": date(1904, 1, 1)}.get(date_format)
    match = _SINCE.fullmatch(date_format)
    a_day = 1.0
    if match and match[1] in _A_DAY:
        first, a_day = date.fromisoformat(match[2]), _A_DAY[match[1]]

    def read(texts: pl.Series) -> pl.Series:
        dates = cast(Spelling, spelling_of(date_format))(texts).cast(pl.Datetime("us"))
        if first is None:
            return dates
        days = texts.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False) / a_day
        seconds = ((days + (first - date(1970, 1, 1)).days) * 86_400).round().set(dates.is_null(), None)
        return (seconds.cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us")).dt.truncate("1h")

    return read


def _since(unit: str, first: date) -> Spelling:
    """The spelling of whole numbers of a unit of time since `first`."""
    months = {"months": 1, "quarters": 3, "years": 12}.get(unit)
    days = {**_A_DAY, "days": 1, "weeks": 1}.get(unit)

    def read(texts: pl.Series) -> pl.Series:
        numbers = texts.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
        frame = pl.DataFrame({"n": numbers, "first": pl.repeat(first, len(numbers), dtype=pl.Date, eager=True)})
        if months:
            return frame.select(pl.col("first").dt.offset_by((pl.col("n") * months).cast(pl.String) + "mo")).to_series()
        passed = pl.col("n") * 7 if unit == "weeks" else pl.col("n").floordiv(days)
        return frame.select(
            (pl.col("first").cast(pl.Int64) + passed).cast(pl.Int32, strict=False).cast(pl.Date)
        ).to_series()

    return read


IN_TEXT = ("quarter", "week", "season", "range")
"""The spellings whose texts have no other meaning."""

OF_NUMBERS = ("%Y%m", "%G%V", "%G-%V", "%V/%G", "year", "excel", "%Y%j", "%y%m%d")
"""The spellings of numbers, which are dates only where a name says so."""

OF_FOUR_DIGITS = ("%m%y", "%y%m")
OF_MONTHS = ("0%m.%Y", "%m.%y")
"""A month and a year in numbers, which are dates only where a name says so and nothing else fits."""

SINCE_1970 = {"seconds since 1970-01-01": 300_000_000, "milliseconds since 1970-01-01": 300_000_000_000}
"""Times as computers count them, with the smallest number that is taken for one, which lies in 1979."""


def with_english_months(texts: pl.Series) -> pl.Series:
    """The texts with the names of months in English, and without the words and points between the parts of a date.

    Days of the week before a date and the endings of ordinals are left out, and a.m. becomes am.

    >>> with_english_months(pl.Series(["Mrz 19", "3. févr. 2020", "1 de enero de 2021", "Mo, 1.1.2024"])).to_list()
    ['Mar 19', '3 Feb 2020', '1 Jan 2021', '1.1.2024']
    """
    if not texts.str.contains(r"[\p{L}°]").any():  # numbers alone name no month
        return texts.alias("english")
    distinct = texts.drop_nulls().unique()
    table = pl.DataFrame({"text": distinct, "english": [_in_english(text) for text in distinct]})
    table = table.cast(pl.String)
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["english"]


def _in_english(text: str) -> str:
    text = _HALF_DAY.sub(r"\1m", _ORDINAL.sub("", _WEEKDAY.sub("", text)))
    known = [word for word in _WORD.findall(text) if _plain(word) in _ENGLISH]
    if len(known) != 1:
        return text
    english = _OF.sub(" ", text).replace(known[0], _ENGLISH[_plain(known[0])])
    return re.sub(r"(?<=\d)\. ", " ", english)


def _plain(word: str) -> str:
    """The word in lower case, without accents and point."""
    return unicodedata.normalize("NFKD", word.rstrip(".").lower()).encode("ascii", "ignore").decode()


def excel_serial(day: date) -> int:
    """The number that a spreadsheet stores for a day.

    >>> excel_serial(date(2023, 1, 2))
    44928
    """
    return (day - date(1899, 12, 30)) // timedelta(days=1)
