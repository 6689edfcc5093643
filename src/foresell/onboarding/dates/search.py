"""Which column holds the dates, or which two make them, and how they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from foresell.core.dates.formats import (
    OR,
    as_texts,
    date_formats,
    irregularity,
    most_regular_format,
    other_end_of_year,
    other_order,
    to_date,
)
from foresell.core.dates.spellings import OF_FOUR_DIGITS, OF_MONTHS, OF_NUMBERS, SINCE_1970, spelling_of
from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ENOUGH, ColumnProfile, ValueKind, share
from foresell.onboarding.dates.parts import CLOCKS, PARTS, part_of
from foresell.onboarding.dates.refusals import NAMED_IN_TABLE, refuse_dates, refuse_parts
from foresell.onboarding.dates.written_dates import WrittenDates
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import TableSample, require_columns

FEWEST_DAYS = 12  # a column of fewer different days may hold the months of something else
FEWEST_SWAPPED = 8  # so many dates up to the 12th, and past it, are no chance
QUARTERS = "year quarter"
NUMBERED_QUARTER = r"^(?:(?:19|20)\d\d[-/.]0?[1-4]|0?[1-4][-/.](?:19|20)\d\d)$"


@dataclass
class DateSearch:
    """The search for the dates of a table; its conclusion goes to `draft`."""

    draft: Draft
    table: TableSample
    columns: dict[str, ColumnProfile]
    overrides: Overrides

    def propose(self) -> WrittenDates:
        """Sets the column of dates and their format. Raises UsageError where there is none."""
        named = list(self.draft.dated_by) or self._named_by_hand()
        if self.draft.dated_by:
            dates = WrittenDates(self.draft.dated_by, None)
        elif len(named) > 1:
            dates = self._of_parts(named) or refuse_parts(named, WrittenDates(tuple(named), "").texts(self.table.frame))
        else:
            dates = self._by_hand(named[0]) if named else self._with_hour(self._by_values())
        self._note(dates)
        return dates

    def _named_by_hand(self) -> list[str]:
        name = self.overrides.date
        if name is None or name in self.columns:
            return [name] if name else []
        names = [part.strip() for part in name.split(",")]
        require_columns(self.table, names)
        return names

    def _doubt_order(self, name: str, texts: pl.Series, taken: str) -> None:
        """Adds a doubt where distinct `texts` are as good dates in another order of day, month and short year."""
        others = [other for other in (other_order(taken),) if other and self._alike(texts, taken, other)]
        if (short := other_end_of_year(taken)) and self._alike(texts, taken, short):
            past = to_date(texts, short).max() <= date.today()  # type: ignore[operator]
            if past and irregularity(short, texts)[:2] <= irregularity(taken, texts)[:2]:
                others.append(short)
        if others:
            self.draft.add_doubt(
                f"The dates of {name} fit {' and '.join([taken, *others])} alike; {taken} was taken. If that is wrong, "
                f"say --date-format {' or '.join(map(repr, others))}.",
                "date_format",
                [taken, *others],
            )

    def _note(self, dates: WrittenDates) -> None:
        texts = dates.texts(self.table.frame).drop_nulls()
        example = re.sub(r"( 00:00:00)?\.0+$", "", str(texts.first()))
        name = dates.columns[0] if len(dates.columns) == 1 else list(dates.columns)
        self.draft.set("data.date", name, BY_HAND if self.overrides.date else f"its values are dates: {example}")
        self.draft.assigned.update(dates.columns)
        if dates.date_format is None:
            return
        self.draft.set("data.date_format", dates.date_format, f"reads dates such as {example}")
        if not self.overrides.date_format:
            self._doubt_order(dates.columns[0], texts.unique(), dates.date_format)

    @staticmethod
    def _alike(texts: pl.Series, taken: str, other: str) -> bool:
        return to_date(texts, taken).count() == to_date(texts, other).count()

    # -- one column ---------------------------------------------------------------------------------------

    def _by_hand(self, name: str) -> WrittenDates:
        column = self.columns[name]
        if column.kind == ValueKind.DATE and self._has_given_format(column):
            return self._of_column(column)
        if number := self._of_number(column, named=True):
            return number
        raise UsageError(
            f"The values of '{name}' were not recognised as dates: {self._examples(name)}. Say how they are written "
            "with date_format, such as %d.%m.%Y, quarter, week, year or excel."
        )

    def _of_column(self, column: ColumnProfile) -> WrittenDates:
        if not column.formats:
            return WrittenDates((column.name,), None, column.timed)
        texts = as_texts(self.table.frame[column.name].drop_nulls()).unique()
        written = most_regular_format(column.formats, texts)
        if not self.overrides.date_format and share(texts.str.contains(NUMBERED_QUARTER)) >= ENOUGH:
            written = self._quarters_or_months(column.name, texts, written)
        if not self.overrides.date_format and OR in written:
            self._refuse_swapped(column.name, texts, written)
        lettered = bool(texts.str.contains(r"\p{L}|^'").any())
        return WrittenDates((column.name,), written, column.timed, lettered)

    def _refuse_swapped(self, name: str, texts: pl.Series, written: str) -> None:
        """Raises UsageError where a spreadsheet took the day of some dates for the month, and left the others as text.

        Then no date that it stored has a day past the 12th, all those that it left as text have, and the dates are
        more regular with day and month of the former exchanged. Where they are as regular, a doubt is added.
        """
        for part in written.split(OR):
            stored = to_date(texts, part)
            rest = to_date(texts, written).set(stored.is_not_null(), None)
            if not part.startswith(("%Y", "excel")) or min(stored.count(), rest.count()) < FEWEST_SWAPPED:
                continue
            if (stored.dt.day() > 12).any() or (rest.dt.day() <= 12).any():
                continue
            day = stored.dt
            swapped = pl.DataFrame({"y": day.year(), "m": day.day(), "d": day.month()}).select(pl.date("y", "m", "d"))
            gaps = [_distinct_gaps(pl.concat([days, rest])) for days in (stored, swapped.to_series())]
            what = (
                f"The dates of '{name}' in {self.table.name} look as if a spreadsheet had changed them: "
                f"{stored.count():,} are stored as dates, none of them past the 12th of a month, and {rest.count():,} "
                f"as text, all past it, such as {first_five(texts.filter(rest.is_not_null()))}. It may have taken the "
                "day for the month in the former."
            )
            then = "import the original file again with this column as text"
            if gaps[1] < gaps[0]:
                raise UsageError(f"{what} Then {then}, or say --date-format '{written}' if they are right.")
            if gaps[1] == gaps[0]:
                self.draft.add_doubt(f"{what} If so, {then}.")

    def _quarters_or_months(self, name: str, texts: pl.Series, months: str) -> str:
        """The format of dates such as 2015/1 to 2015/4, of which no year has a number above 4; a doubt names the other.

        Months that are never past April in several years are quarters, unless they are written with two digits.
        """
        years = texts.str.extract(r"((?:19|20)\d\d)").n_unique()
        named = part_of(name) == "quarter"
        if not named and (years < 2 or len(texts) <= 2 * years):
            return months
        padded = texts.str.contains(r"^0|\D0").any()
        taken, other = (months, QUARTERS) if padded and not named else (QUARTERS, months)
        if not named:
            self.draft.add_doubt(
                f"The numbers in {name} end at 4 in {years} years, so they may be quarters or months; {taken!r} was "
                f"taken. If that is wrong, say --date-format {other!r}.",
                "date_format",
                [taken, other],
            )
        return taken

    def _examples(self, name: str) -> str:
        return first_five(self.table.frame[name].drop_nulls().unique(maintain_order=True).head(9))

    def _has_given_format(self, column: ColumnProfile) -> bool:
        """Whether the format that the user gave reads the dates of the column; True where none was given."""
        return self.overrides.date_format is None or self.overrides.date_format in column.formats

    def _by_values(self) -> WrittenDates:
        dated = [c for c in self.columns.values() if c.kind == ValueKind.DATE and c.name not in self.draft.assigned]
        if (not dated or max(column.distinct for column in dated) < 2) and (numbers := self._of_numbers()):
            return numbers
        of_another_format = [c.name for c in dated if not self._has_given_format(c)]
        dated = [c for c in dated if c.name not in of_another_format]
        if of_another_format and not dated:
            name = of_another_format[0]
            raise UsageError(
                f"The dates of {self.table.name} are not written as {self.overrides.date_format}: '{name}' holds "
                f"{self._examples(name)}. Correct --date-format, or leave it out to have the format detected."
            )
        if not dated:
            refuse_dates(self.table, self.columns, self.draft.assigned, self.overrides.date_format)
        best = max(dated, key=lambda c: (name_score(c.name, "date"), -self.table.columns.index(c.name)))
        rest = [c.name for c in dated if c.name != best.name]
        if rest:
            self.draft.add_doubt(
                f"{', '.join(rest)} could be the date too; {best.name} was taken. Say otherwise with --date.",
                "date",
                [best.name, *rest],
            )
        return self._with_day_of_month(self._of_column(best))

    def _with_day_of_month(self, months: WrittenDates) -> WrittenDates:
        """The dates that months make with the days in a column of their own; the months where there is none."""
        written = months.date_format
        days = [c for c in self.columns.values() if part_of(c.name) == "day" and c.whole and c.distinct > FEWEST_DAYS]
        if written is None or OR in written or "%d" in written or self.overrides.date or len(days) != 1:
            return months
        both = WrittenDates((*months.columns, days[0].name), f"{written} %d")
        texts = both.texts(self.table.frame).drop_nulls().unique()
        return both if to_date(texts, f"{written} %d").count() >= ENOUGH * len(texts) > 0 else months

    # -- numbers and parts --------------------------------------------------------------------------------

    def _of_numbers(self) -> WrittenDates | None:
        """Dates in several columns, or in one of numbers whose name says date; None where there are none."""
        free = [name for name in self.columns if name not in self.draft.assigned]
        parts = {part: [name for name in free if part_of(name) == part] for part in PARTS}
        if parts["year"]:
            year = parts["year"][0]
            if parts["month"] and parts["day"]:
                dates = self._of_parts([year, parts["month"][0], parts["day"][0]])
                if dates:
                    return dates
            for part in ("week", "month", "quarter"):
                for name in parts[part]:
                    if dates := self._of_parts([year, name]):
                        return dates
        numbers = [self.columns[name] for name in free if name_score(name, "date") or part_of(name)]
        for column in sorted(numbers, key=lambda c: -name_score(c.name, "date")):
            if dates := self._of_number(column, named=False):
                return dates
        return None

    def _of_parts(self, names: list[str]) -> WrittenDates | None:
        """The dates that several columns make, the year among them; None where they make none."""
        if len(names) == 2 and any(self.columns[name].kind == ValueKind.DATE for name in names):
            day, clock = sorted(names, key=lambda name: self.columns[name].kind != ValueKind.DATE)
            return self._with_clock(self._of_column(self.columns[day]), clock)
        year = next((name for name in names if part_of(name) == "year"), names[0])
        ordered = (year, *(name for name in names if name != year))
        texts = WrittenDates(ordered, "").texts(self.table.frame).drop_nulls().unique(maintain_order=True)
        kind = part_of(ordered[-1]) or "month"
        formats = (f"year {kind}",) if len(ordered) == 2 else ("%Y %m %d", "%Y %b %d")
        formats = (self.overrides.date_format,) if self.overrides.date_format else formats
        counts = date_formats(texts, formats)
        best = max(counts, key=lambda text: counts[text], default=None)
        if best is None or counts[best] < ENOUGH * len(texts):
            return None
        self._doubt_fiscal(ordered, kind)
        return WrittenDates(ordered, best)

    def _with_hour(self, dates: WrittenDates) -> WrittenDates:
        """The dates with the hour that a column beside them has; `dates` where none has one, or days are wanted."""
        if dates.timed or len(dates.columns) > 1 or self.overrides.frequency not in (None, Frequency.HOUR):
            return dates
        words = CLOCKS["hour"] + (CLOCKS["time"] if self.overrides.frequency else "")
        named = [name for name in self.columns if plain(name) in words.split() and name not in self.draft.assigned]
        with_clock = (self._with_clock(dates, name) for name in named)
        return next((each for each in with_clock if each is not None), dates)

    def _with_clock(self, dates: WrittenDates, name: str) -> WrittenDates | None:
        """The dates with the time of day of the column `name`; None where it holds none."""
        date_format = dates.date_format or "%Y-%m-%d"
        if dates.timed or OR in date_format or spelling_of(date_format) is not None:
            return None
        joined = WrittenDates((*dates.columns, name), "")
        texts = joined.texts(self.table.frame).drop_nulls().unique(maintain_order=True)
        for clock in ("%H", "%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p"):
            written = f"{date_format} {clock}"
            if len(texts) and to_date(texts, written).count() >= ENOUGH * len(texts):
                return WrittenDates(joined.columns, written, timed=True, lettered=dates.lettered)
        return None

    def _doubt_fiscal(self, names: tuple[str, ...], kind: str) -> None:
        fiscal = [name for name in names if re.search(r"fisc|fisk|^fy|geschaft|period", plain(name))]
        if fiscal:
            self.draft.add_doubt(
                f"{first_five(fiscal)} may count a fiscal year: {' and '.join(names)} were taken for the {kind}s of "
                "the calendar. If the fiscal year begins in another month, give each row the first day of its period."
            )
        elif kind == "week":
            self.draft.add_doubt("The weeks were taken for ISO weeks, which begin on Monday. If they are others, give "
                                 "each row the first day of its week.")  # fmt: skip

    def _doubt_format(self, name: str, example: str, chosen: str, other: str) -> None:
        self.draft.add_doubt(
            f"{name} fits {chosen} and {other} alike, such as {example}; {chosen} was taken. If that is wrong, say "
            f"--date-format {other}.",
            "date_format",
            [chosen, other],
        )

    def _of_number(self, column: ColumnProfile, named: bool) -> WrittenDates | None:
        """The dates that a column of numbers writes; None where it writes none."""
        texts = as_texts(self.table.frame[column.name]).drop_nulls().unique(maintain_order=True)
        texts = texts.filter(texts != "")
        if not len(texts):
            return None
        if given := self.overrides.date_format:
            fits = to_date(texts, given).count() >= ENOUGH * len(texts)
            return WrittenDates((column.name,), given) if fits else None
        smallest = column.values.min() if column.numeric else None
        since = [text for text, least in SINCE_1970.items() if smallest is not None and smallest >= least]  # type: ignore[operator]
        short = OF_FOUR_DIGITS if (texts.str.len_chars() == 4).all() else OF_MONTHS
        counts = date_formats(texts, (*OF_NUMBERS, *since[::-1], *short))
        fitting = [text for text, count in counts.items() if count >= ENOUGH * len(texts)]
        if not fitting:
            return None
        part, chosen = part_of(column.name), fitting[0]
        if "%y%m%d" in fitting and len(fitting) > 1:
            self._doubt_format(column.name, texts[0], chosen, fitting[1] if chosen == "%y%m%d" else "%y%m%d")
        if set(OF_FOUR_DIGITS) == set(fitting):
            chosen = most_regular_format(tuple(fitting), texts)
            self._doubt_format(column.name, texts[0], chosen, next(text for text in fitting if text != chosen))
        if {"%Y%m", "%G%V"} <= set(fitting):
            chosen = "%G%V" if part == "week" else "%Y%m"
            other = "%Y%m" if chosen == "%G%V" else "%G%V"
            years = texts.str.slice(0, 4).n_unique()
            if (part != "month" and years < 2) or part == "week":
                what = {"%Y%m": "a year and a month", "%G%V": "a year and a week"}
                self.draft.add_doubt(
                    f"{column.name} may be {what[chosen]} or {what[other]}, such as {texts[0]}; {what[chosen]} "
                    f"was taken. If that is wrong, say --date-format {other}.",
                    "date_format",
                    [chosen, other],
                )
        elif (
            chosen == "%G%V" and sorted(set(texts.str.slice(4, 2)))[-1] == "13" and texts.str.slice(0, 4).n_unique() > 1
        ):
            raise UsageError(
                f"'{column.name}' of {self.table.name} numbers 13 periods a year ({first_five(texts)}), which are no "
                f"months. {NAMED_IN_TABLE}"
            )
        return WrittenDates((column.name,), chosen)


def _distinct_gaps(days: pl.Series) -> int:
    """How many different gaps there are between the days that follow each other."""
    return days.drop_nulls().unique().sort().diff().n_unique()
