"""The dates of a table as they are written: in which columns, and in which format."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from foresell.core.dates.formats import DATE_FORMATS, as_texts, to_date
from foresell.onboarding.columns import share

WHOLE = 0.999  # this share of the times are whole hours where sales are kept by the hour


@dataclass(frozen=True)
class WrittenDates:
    """The columns that make the dates, and their format, which is None where the values are dates.

    `timed` says that there are times of day; `lettered` that words stand beside the numbers, such as weekdays.
    """

    columns: tuple[str, ...]
    date_format: str | None
    timed: bool = False
    lettered: bool = False

    def texts(self, frame: pl.DataFrame) -> pl.Series:
        """The dates of a frame as they are written; those of several columns are joined by blanks."""
        return frame.select(pl.concat_str([_text(frame.schema[name], name) for name in self.columns], separator=" "))[
            self.columns[0]
        ]

    def day(self, schema: pl.Schema) -> pl.Expr:
        """The day of each row, null where there is none."""
        written = self.date_format
        if written is None:
            return pl.col(self.columns[0]).dt.date()
        texts = pl.concat_str([_text(schema[name], name) for name in self.columns], separator=" ")
        if (
            len(self.columns) == 1
            and not self.lettered
            and written in DATE_FORMATS
            and "%b" not in written
            and "%B" not in written
        ):
            days = pl.col(self.columns[0]).cast(pl.String).str.strip_chars().str.to_date(written, strict=False)
            return pl.when(days.dt.year().is_between(1970, 2100)).then(days)
        return texts.map_batches(lambda values: to_date(values, written), return_dtype=pl.Date)

    def hour(self, schema: pl.Schema) -> pl.Expr:
        """The hour in which the time of each row lies, Datetime, null where there is none."""
        written = self.date_format
        if written is None:
            column = pl.col(self.columns[0])
            zoned = isinstance(dtype := schema[self.columns[0]], pl.Datetime) and dtype.time_zone
            clock = column.dt.replace_time_zone(None) if zoned else column
            return clock.cast(pl.Datetime("us")).dt.truncate("1h")
        texts = pl.concat_str([_text(schema[name], name) for name in self.columns], separator=" ")
        return texts.map_batches(lambda values: to_date(values, written, hourly=True), return_dtype=pl.Datetime("us"))

    def on_whole_hours(self, frame: pl.DataFrame, minutes: tuple[int, ...] = (0,)) -> bool:
        """Whether all times of day of a frame are whole hours, or have these `minutes`, and not all are of one hour."""
        if not self.timed:
            return False
        hours = frame.select(self.hour(frame.schema)).to_series()
        texts = self.texts(frame)
        if self.date_format is None:
            given = frame[self.columns[0]]
            whole = given.dt.minute().is_in(minutes) & (given.dt.second() == 0)
        else:
            whole = ~texts.str.contains(r":\d\d") | texts.str.contains(
                rf"[ T]\d{{1,2}}:(?:{'|'.join(f'{minute:02}' for minute in minutes)})(?::00(?:\.0+)?)?(?:\D|$)"
            )
        return share(whole | hours.is_null()) >= WHOLE and hours.dt.hour().n_unique() > 2


def _text(dtype: pl.DataType, name: str) -> pl.Expr:
    column = pl.col(name).map_batches(as_texts, return_dtype=pl.String) if dtype.is_float() else pl.col(name)
    return column.cast(pl.String).str.strip_chars()
