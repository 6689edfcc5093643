"""The periods of a calendar of one's own, such as 4-4-5 or years of 52 and 53 weeks: a table with a row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from foresell.core.errors import UsageError, first_five

FEWEST = 3  # fewer rows do not show how long periods are
LONGEST = (
    1.5  # a period that is so many times as long as the usual one, or the usual one as it, is a row too few or many
)
SHORTEST_DAYS = 6  # shorter periods are days
_LETTERS = ((10, "W"), (60, "M"), (270, "Q"))  # up to so many days: the frequency that periods are like
_NOUNS = {1: "year", 2: "half-year", 4: "quarter", 52: "week"}  # by how many a year has


@dataclass(frozen=True, eq=False)
class PeriodTable:
    """The first days of periods that follow each other without a gap.

    - `begins`: datetime64[D] [period], rising. The last period is as long as the one a year before it, or as is usual.
    - `names`: what the sales may call each period, such as P03 2024; empty where there are none.
    - `places`: int64 [period]: the place of each in its year, from 1; None where that is not known.
    """

    begins: np.ndarray
    names: tuple[str, ...] = ()
    places: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        begins: np.ndarray,
        names: Sequence[str | None] = (),
        places: Sequence[int] | np.ndarray | None = None,
        where: str = "The period table",
    ) -> PeriodTable:
        """The table of periods given in any order.

        Raises UsageError for fewer than three rows, two rows of one day or name, periods shorter than a week, and a row
        that is missing or too many, so that its period is far longer or shorter than the others.

        >>> PeriodTable.of(np.array(["2024-01-01", "2024-01-29", "2024-02-26", "2024-04-01"], "datetime64[D]")).letter
        'M'
        """
        days = np.asarray(begins, "datetime64[D]")
        order = np.argsort(days, kind="stable")
        days, texts = days[order], [" ".join((names[place] or "").split()) for place in order] if len(names) else []
        if len(days) < FEWEST:
            raise UsageError(
                f"{where} has {len(days)} rows; at least {FEWEST} are needed. Give a row for each period of the "
                "history and of the horizon, with its first day."
            )
        twice = [str(day) for day, count in Counter(days.tolist()).items() if count > 1]
        twice += [text for text, count in Counter(filter(None, map(str.casefold, texts))).items() if count > 1]
        if twice:
            raise UsageError(f"{where} has more than one row for {first_five(twice)}. Give each period one row.")
        lengths = np.diff(days).astype(np.int64)
        usual = int(np.median(lengths))
        if usual < SHORTEST_DAYS:
            raise UsageError(
                f"{where} has periods of {usual} days. It is for periods of a week or more; leave 'periods' out of the "
                "settings, and forecast by day."
            )
        odd = np.flatnonzero((lengths > LONGEST * usual) | (lengths * LONGEST < usual))
        if len(odd):
            shown = first_five(f"from {days[at]} to {days[at + 1] - 1} ({lengths[at]} days)" for at in odd)
            raise UsageError(
                f"{where} has {len(odd)} of {len(lengths)} periods that are far longer or shorter than the usual "
                f"{usual} days: {shown}. Add the rows that are missing there, or take out those that are too many."
            )
        numbers = None if places is None else np.asarray(places, np.int64)[order]
        return cls(days, tuple(texts) if any(texts) else (), numbers)

    def __len__(self) -> int:
        return len(self.begins)

    @cached_property
    def usual_days(self) -> int:
        """The median number of days in a period."""
        return int(np.median(np.diff(self.begins).astype(np.int64)))

    @cached_property
    def mean_days(self) -> float:
        """The mean number of days in a period."""
        return float((self.begins[-1] - self.begins[0]).astype(np.int64) / (len(self) - 1))

    @cached_property
    def bounds(self) -> np.ndarray:
        """The first days, and the day after the last period: datetime64[D] [period + 1]."""
        lengths = np.diff(self.begins).astype(np.int64)
        last = lengths[-self.season] if len(lengths) >= self.season else self.usual_days
        return np.append(self.begins, self.begins[-1] + last)

    @cached_property
    def season(self) -> int:
        """Periods in a year: as many as most whole years have by their places, else as many as a year has room for.

        >>> weeks = np.datetime64("2019-12-30") + 7 * np.arange(160)  # years of 53, 52 and 52 weeks
        >>> PeriodTable(weeks).season, PeriodTable(weeks[::4]).season, PeriodTable(weeks[::26]).season
        (52, 13, 2)
        """
        if self.places is not None:
            starts = np.flatnonzero(np.append(self.places[0] == 1, np.diff(self.places) < 0))
            if len(starts) > 1:
                lengths = Counter(np.diff(starts).tolist())
                return min(lengths, key=lambda length: (-lengths[length], length))
            if int(self.places.max()) > 1:
                return int(self.places.max())
        return max(1, round(365.25 / self.mean_days))

    @cached_property
    def letter(self) -> str:
        """The frequency that the periods are like: W, M, Q (also half-years) or Y."""
        return next((letter for longest, letter in _LETTERS if self.mean_days <= longest), "Y")

    @property
    def noun(self) -> str:
        """The period in words."""
        return _NOUNS.get(self.season, "period")

    def index(self, dates: np.ndarray | np.datetime64) -> np.ndarray:
        """The number of the period, from 0, in which each date lies: int64. Outside the table periods are usual ones.

        >>> table = PeriodTable(np.array(["2024-01-01", "2024-01-29", "2024-02-26", "2024-04-01"], "datetime64[D]"))
        >>> table.index(np.array(["2023-12-31", "2024-01-29", "2024-03-31", "2024-04-29"], "datetime64[D]"))
        array([-1,  1,  2,  4])
        """
        days, bounds = dates.astype("datetime64[D]"), self.bounds
        inside = np.searchsorted(bounds, days, "right") - 1
        since = np.where(days < bounds[0], days - bounds[0], days - bounds[-1]).astype(np.int64) // self.usual_days
        return np.where(days < bounds[0], since, np.where(days >= bounds[-1], len(self) + since, inside))

    def first_days(self, index: np.ndarray) -> np.ndarray:
        """The first day of the periods `index`; datetime64[D]. Outside the table periods are usual ones."""
        inside = np.clip(index, 0, len(self))
        return self.bounds[inside] + self.usual_days * (index - inside)

    def is_last_day(self, dates: np.ndarray | np.datetime64) -> np.ndarray:
        """Whether each date is the last day of its period."""
        return self.index(dates + 1) != self.index(dates)

    def days_in(self, dates: np.ndarray) -> np.ndarray:
        """The number of days of the period in which each date lies: int64."""
        index = self.index(dates)
        return (self.first_days(index + 1) - self.first_days(index)).astype(np.int64)

    def middle(self, dates: np.ndarray) -> np.ndarray:
        """The middle day of the period in which each date lies; datetime64[D]."""
        return self.first_days(self.index(dates)) + self.days_in(dates) // 2

    def place(self, dates: np.ndarray) -> np.ndarray:
        """The place in the year, from 1, of the period in which each date lies: int64.

        Where the table does not say, that is the part of the calendar year in which the middle of the period lies. A
        53rd week or 14th period counts as the one before it, so that no place is beyond `season`.
        """
        if self.places is not None:
            places = self.places[np.clip(self.index(dates), 0, len(self) - 1)]
        else:
            middle = self.middle(dates)
            day_of_year = (middle - middle.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
            places = day_of_year * self.season // 366 + 1
        return np.clip(places, 1, self.season)

    def title(self, when: np.datetime64) -> str:
        """The name of the period in which a date lies; empty where it has none."""
        index = int(self.index(np.array([when]))[0])
        return self.names[index] if self.names and 0 <= index < len(self) else ""

    def names_to_days(self) -> dict[str, date]:
        """The first day of each named period, by its name in small letters."""
        return {name.lower(): day for name, day in zip(self.names, self.begins.tolist(), strict=False) if name}

    def require(self, first: int, last: int, why: str, about: str = "") -> None:
        """Raises UsageError where the table does not have the periods from number `first` to `last`.

        `about` stands before the number of rows where that is an estimate.
        """
        before, after = max(-first, 0), max(last + 1 - len(self), 0)
        if not before and not after:
            return
        rows = ((before, "before the first"), (after, "after the last"))
        added = " and ".join(f"{count} row{'s' * (count > 1)} {place}" for count, place in rows if count)
        raise UsageError(
            f"The period table has {len(self)} rows, for the days from {self.begins[0]} to {self.bounds[-1] - 1}. "
            f"{why} Add {about}{added}, each with the first day of a period."
        )

    def require_dates(self, dates: np.ndarray, ahead: int) -> None:
        """Raises UsageError where `dates` (sorted) or the `ahead` periods after the last of them are not covered.

        So it does where the dates are the first or the last days of periods, one in each, but some lie a whole number
        of weeks off: then the table lacks a week, or has one too many.
        """
        outside = dates[(dates < self.bounds[0]) | (dates >= self.bounds[-1])]
        first, last = self.index(dates[[0, -1]]).tolist()
        lie = "lies" if len(outside) == 1 else "lie"
        found = (
            f"{len(outside):,} of {len(dates):,} dates of the sales {lie} outside it: {first_five(map(str, outside))}. "
        )
        why = (found if len(outside) else "") + (
            f"The sales from {dates[0]} to {dates[-1]}, and {ahead} periods after them, need rows that are missing."
            if ahead
            else ""
        )
        self.require(first, last + ahead, why.strip(), "about " if len(outside) else "")
        index = self.index(dates)
        if len(np.unique(index)) < len(dates):
            return
        firsts, lasts = self.first_days(index), self.first_days(index + 1) - 1
        for which, days in (("first", firsts), ("last", lasts)):
            off = np.abs(dates - days).astype(np.int64)
            weeks_off = dates[(off > 0) & (off % 7 == 0)]
            if len(weeks_off) and np.count_nonzero(off == 0) >= FEWEST:
                raise UsageError(
                    f"{len(weeks_off):,} of {len(dates):,} dates of the sales lie whole weeks away from the {which} "
                    f"days of their periods, which the others are: {first_five(map(str, weeks_off))}. The period table "
                    "has a week too few or too many before, such as a 53rd. Correct its rows from there on."
                )
