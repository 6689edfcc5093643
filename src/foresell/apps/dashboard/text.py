"""Numbers, days and ages as the reader's country writes them, and text of users without any markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError, dates, numbers

UNKNOWN = "–"
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")


def plain(text: object) -> str:
    """Text for Markdown that shows as it is: no mark in it has a meaning, and it stays on one line.

    >>> plain("<b>*x*</b> [a](b)")
    '\\\\<b\\\\>\\\\*x\\\\*\\\\</b\\\\> \\\\[a\\\\]\\\\(b\\\\)'
    """
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


@dataclass(frozen=True)
class Reader:
    """How a reader writes: `tag` of the language and country such as ``de-CH``, and the name of the time zone.

    An unknown tag is taken as English, an unknown zone as UTC.
    """

    tag: str = "en-GB"
    zone_name: str = "UTC"

    @cached_property
    def locale(self) -> Locale:
        """The locale of the tag."""
        try:
            return Locale.parse(self.tag.replace("_", "-"), sep="-")
        except (ValueError, UnknownLocaleError):
            return Locale("en", "GB")

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of the reader."""
        try:
            return ZoneInfo(self.zone_name)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def number(self, value: float | None, places: int | None = None) -> str:
        """A quantity; by default whole from 100 on, and with one decimal place below where it is no whole number.

        >>> Reader("de-DE").number(1234567.8), Reader("en-GB").number(12.34), Reader().number(None)
        ('1.234.568', '12.3', '–')
        """
        if value is None or value != value or abs(value) == float("inf"):
            return UNKNOWN
        if places is None:
            places = 0 if abs(value) >= 100 or float(value).is_integer() else 1
        form = "#,##0" + ("." + "0" * places if places else "")
        return numbers.format_decimal(round(value, places) + 0.0, format=form, locale=self.locale).replace("-", "−")

    def share(self, value: float | None, places: int = 0) -> str:
        """A share as a percentage.

        >>> Reader("de-DE").share(0.1234, 1), Reader("en-US").share(0.5)
        ('12,3\\xa0%', '50%')
        """
        if value is None or value != value:
            return UNKNOWN
        form = self.locale.percent_formats[None].pattern.replace(
            "#,##0", "#,##0" + ("." + "0" * places if places else "")
        )
        return numbers.format_percent(round(value, places + 2) + 0.0, format=form, locale=self.locale)

    def change(self, value: float | None, places: int = 0) -> str:
        """A relative change as a percentage with its sign."""
        if value is None or value != value:
            return UNKNOWN
        text = self.share(abs(value), places)
        return text if round(value, places + 2) == 0 else f"{'+' if value > 0 else '−'}{text}"

    def day(self, when: date | None) -> str:
        """A day with its weekday.

        >>> Reader("en-GB").day(date(2016, 5, 2)), Reader("de-DE").day(date(2016, 5, 2))
        ('Mon, 2 May 2016', 'Mo., 2. Mai 2016')
        """
        return UNKNOWN if when is None else dates.format_skeleton("yMMMEd", when, locale=self.locale)

    def moment(self, when: datetime) -> str:
        """A time of the data, such as the hour of a forecast, which is in no zone.

        >>> Reader("en-GB").moment(datetime(2016, 5, 2, 14))
        'Mon, 2 May 2016, 14:00'
        """
        return f"{self.day(when)}, {when:%H:%M}"

    def time(self, when: datetime) -> str:
        """A moment in the reader's time zone, which must know its own zone."""
        return dates.format_datetime(when, "medium", tzinfo=self.zone, locale=self.locale)

    def age(self, when: datetime, now: datetime | None = None) -> str:
        """How long ago a moment was, such as ``3 hours ago``. It is in English, as all sentences are."""
        passed = (now or datetime.now(UTC)) - when
        return dates.format_timedelta(-max(passed, timedelta(0)), add_direction=True, locale="en")
