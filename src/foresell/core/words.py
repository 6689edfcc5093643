"""Formats numbers, dates and names for reports and messages."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import numpy as np

from foresell.core.frequency import Frequency, month_ends, period_begins

MINUS = "−"
UNKNOWN = "–"


def number(value: float | None) -> str:
    """A quantity with thousands separators: a whole number from 100 on, else three digits.

    >>> [number(value) for value in (1234567.8, 123.45, 12.345, 15.01, 0.012345, 0, -1234.5, None)]
    ['1,234,568', '123', '12.3', '15', '0.0123', '0', '−1,234', '–']
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 100 or size == 0:
        text = f"{size:,.0f}"
    else:
        places = 2 - math.floor(math.log10(size))
        text = f"{size:.{min(places, 6)}f}".rstrip("0").rstrip(".")
    return MINUS + text if value < 0 and text.strip("0.") else text


def score(value: float | None) -> str:
    """A metric without a unit, to three decimal places.

    >>> score(0.58649), score(None)
    ('0.586', '–')
    """
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:.3f}".replace("-", MINUS)


def share(part: float | None, places: int | None = None) -> str:
    """A share as a percentage; a tiny share is "< 0.1 %", never "0 %".

    It has `places` decimal places; by default one below 10 %, and none above.

    >>> [share(value) for value in (0.4567, 0.0456, 0.0001, 0.0, 1.0, None)], share(0.8512, 1)
    (['46 %', '4.6 %', '< 0.1 %', '0 %', '100 %', '–'], '85.1 %')
    """
    if part is None or not math.isfinite(part):
        return UNKNOWN
    if 0 < part < 0.0005:
        return "< 0.1 %"
    if places is None:
        places = 1 if 0 < abs(part) < 0.0995 else 0
    return f"{100 * part:,.{places}f} %".replace("-", MINUS)


def change(ratio: float | None) -> str:
    """A relative change as a percentage with its sign.

    >>> change(0.043), change(-0.21), change(0.0001), change(None)
    ('+4.3 %', '−21 %', '±0 %', '–')
    """
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    if abs(ratio) < 0.0005:
        return "±0 %"
    return ("+" if ratio > 0 else MINUS) + share(abs(ratio))


def change_of(now: float, then: float) -> str:
    """The relative change from one quantity to another; nothing can be compared with 0.

    >>> change_of(9, 10), change_of(9, 0), change_of(9, math.nan)
    ('−10 %', '–', '–')
    """
    return change(now / then - 1) if then and math.isfinite(then) else UNKNOWN


def more_or_less(ratio: float, more: str = "more", less: str = "less") -> str:
    """A relative change in words.

    >>> more_or_less(0.043), more_or_less(-0.21), more_or_less(0.001)
    ('4.3 % more', '21 % less', 'as much')
    """
    if abs(ratio) < 0.005:
        return "as much"
    return f"{share(abs(ratio))} {more if ratio > 0 else less}"


def duration(seconds: float | None) -> str:
    """A duration in seconds, minutes or hours.

    >>> [duration(value) for value in (0.004, 1.26, 34.5, 200, 7000, None)]
    ['< 0.1 s', '1.3 s', '34 s', '3.3 min', '1.9 h', '–']
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 0.1:
        return "< 0.1 s"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def many(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> many(1, "series", "series"), many(1941, "day"), many(0, "month")
    ('1 series', '1,941 days', 'no months')
    """
    word = noun if count == 1 else plural or noun + "s"
    return f"{count:,} {word}" if count else f"no {word}"


def a(noun: str) -> str:
    """A noun with its article.

    >>> a("day"), a("hour")
    ('a day', 'an hour')
    """
    return f"an {noun}" if noun == "hour" else f"a {noun}"


def many_do(count: int, noun: str, verb: str) -> str:
    """A count with its noun and a verb.

    >>> many_do(1, "row", "repeat"), many_do(2, "row", "be")
    ('1 row repeats', '2 rows are')
    """
    forms = ("is", "are") if verb == "be" else (f"{verb}s", verb)
    return f"{many(count, noun)} {forms[0] if count == 1 else forms[1]}"


def day(when: date | np.datetime64) -> str:
    """A date in words.

    >>> day(date(2016, 5, 2)), day(np.datetime64("2016-05-02T14", "us"))
    ('2 May 2016', '2 May 2016 14:00')
    """
    plain = _plain(when)
    return f"{plain.day} {plain:%b %Y}" + (f" {plain:%H:%M}" if isinstance(plain, datetime) else "")


def period(when: date | np.datetime64, frequency: Frequency) -> str:
    """An hour, day, week, month, quarter or year of a panel in words; a period of a table by its name, if it has one.

    >>> period(date(2016, 5, 2), Frequency.DAY), period(date(2016, 5, 2), Frequency.WEEK)
    ('Mon 2 May 2016', 'week of 2 May 2016')
    >>> period(np.datetime64("2016-05-01"), Frequency.MONTH)
    'May 2016'
    >>> period(np.datetime64("2016-05-02T14", "us"), Frequency.HOUR)
    'Mon 2 May 2016 14:00'
    >>> period(date(2016, 4, 1), Frequency.QUARTER), period(date(2016, 1, 31), Frequency.QUARTER)
    ('Q2 2016', 'quarter to Jan 2016')
    >>> period(date(2016, 1, 1), Frequency.YEAR), period(date(2016, 7, 1), Frequency.YEAR)
    ('2016', 'year from Jul 2016')
    """
    plain = _plain(when)
    if table := frequency.table:
        first = np.datetime64(plain, "D")
        which = "to" if table.is_last_day(first) else "of" if frequency == Frequency.WEEK else "from"
        return table.title(first) or f"{frequency.noun} {which} {day(plain)}"
    if frequency == Frequency.MONTH:
        return f"{plain:%b %Y}"
    if frequency.months:
        return _quarter_or_year(plain, frequency)
    return f"week of {day(plain)}" if frequency == Frequency.WEEK else f"{plain:%a} {day(plain)}"


def as_of(last: date | np.datetime64, frequency: Frequency) -> str:
    """Until when sales are known, where `last` names their last period: what is decided, is decided after its end.

    >>> as_of(date(2016, 5, 2), Frequency.DAY)
    'As of 2 May 2016, the last day of the sales.'
    >>> as_of(date(2016, 5, 2), Frequency.WEEK), as_of(date(2016, 5, 1), Frequency.MONTH)
    ('As of 8 May 2016, the end of the last week of the sales.', 'As of 31 May 2016, the end of the last month of the sales.')
    >>> as_of(date(2016, 6, 30), Frequency.QUARTER)  # quarters that are named by their last days
    'As of 30 Jun 2016, the end of the last quarter of the sales.'
    >>> as_of(np.datetime64("2016-05-02T14", "us"), Frequency.HOUR)
    'As of 2 May 2016 15:00, the end of the last hour of the sales.'
    """  # noqa: E501
    if frequency == Frequency.DAY:
        return f"As of {day(last)}, the last day of the sales."
    begin_of_next = period_begins(np.datetime64(last), 2, frequency)[1]
    end = begin_of_next if frequency == Frequency.HOUR else begin_of_next.astype("datetime64[D]") - 1
    return f"As of {day(end)}, the end of the last {frequency.noun} of the sales."


def _quarter_or_year(when: date, frequency: Frequency) -> str:
    """The quarter or year that a date names, by its number where it is one of the calendar."""
    last_day = bool(month_ends(np.array([when], "datetime64[D]"))[0])
    if (when.month - (0 if last_day else 1)) % frequency.months:
        return f"{frequency.noun} {'to' if last_day else 'from'} {when:%b %Y}"
    return f"Q{(when.month + 2) // 3} {when:%Y}" if frequency == Frequency.QUARTER else f"{when:%Y}"


def span(first: date | np.datetime64, last: date | np.datetime64) -> str:
    """From one date to another, without repeating the month or the year.

    >>> span(date(2016, 5, 2), date(2016, 5, 29)), span(date(2015, 12, 7), date(2016, 1, 3))
    ('2 to 29 May 2016', '7 Dec 2015 to 3 Jan 2016')
    >>> span(np.datetime64("2016-05-02T00", "us"), np.datetime64("2016-05-02T23", "us"))
    '2 May 2016 00:00 to 23:00'
    """
    begin, end = _plain(first), _plain(last)
    if isinstance(begin, datetime) or isinstance(end, datetime):
        return _span_of_hours(begin, end)
    if (begin.year, begin.month) == (end.year, end.month):
        return day(end) if begin.day == end.day else f"{begin.day} to {day(end)}"
    return f"{begin.day} {begin:%b}" + (f" {begin:%Y}" if begin.year != end.year else "") + f" to {day(end)}"


def _span_of_hours(begin: date, end: date) -> str:
    if begin == end:
        return day(begin)
    same_day = (begin.year, begin.month, begin.day) == (end.year, end.month, end.day)
    return f"{day(begin)} to {f'{end:%H:%M}' if same_day else day(end)}"


def name(code: str) -> str:
    """A name from the settings or a table, without underscores.

    >>> name("seasonal_naive"), name("store_id x item_id")
    ('seasonal naive', 'store id × item id')
    """
    return code.replace("_", " ").replace(" x ", " × ")


def columns(level: str) -> str:
    """The name of a level with the columns as the user calls them.

    >>> columns("store_id x item_id"), columns("total")
    ('store_id × item_id', 'total')
    """
    return level.replace(" x ", " × ")


def listed(words: list[str]) -> str:
    """Words joined with commas and "and".

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def _plain(when: date | np.datetime64) -> date:
    return when.astype(object) if isinstance(when, np.datetime64) else when


def blend(weights: list[dict[str, Any]]) -> str:
    """The weights of models in words; each row has a segment and a weight for each model.

    >>> blend([{"segment": "all", "naive": 0.0, "lightgbm": 1.0}])
    'lightgbm'
    >>> blend([{"segment": "new", "launch": 0.8, "gbm": 0.2}, {"segment": "other", "launch": 0.0, "gbm": 1.0}])
    'for new series 80 % launch and 20 % gbm, for other series gbm'
    """
    parts = []
    for row in weights:
        words = _shares({name: weight for name, weight in row.items() if name != "segment" and weight > 0})
        parts.append(words if len(weights) == 1 else f"for {row['segment']} series {words}")
    return ", ".join(parts)


def set_by_hand(series_by_model: dict[str, int]) -> str:
    """The numbers of series whose model was set, in words.

    >>> set_by_hand({"smoothing": 12, "launch": 1, "naive": 0})
    '12 series by smoothing and 1 series by launch, as set'
    """
    counts = [f"{many(count, 'series', 'series')} by {model}" for model, count in series_by_model.items() if count]
    return f"{listed(counts)}, as set"


def ways(shares: dict[str, float]) -> str:
    """The shares of the ways to reconcile, in words.

    >>> ways({"bottom_up": 0.25, "middle_out store": 0.75})
    '25 % bottom-up and 75 % middle-out store'
    """
    return _shares({name.replace("_", "-", 1): weight for name, weight in shares.items()})


def _shares(parts: dict[str, float]) -> str:
    return listed([f"{share(part)} {name}" for name, part in parts.items()]) if len(parts) > 1 else next(iter(parts))
