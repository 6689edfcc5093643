"""All sales as one cube, units[series, day], with the covariates that are known ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, overload

import numpy as np
import polars as pl

from foresell.core.arguments import column_names, whole_number
from foresell.core.charts import Chart, timelines_chart
from foresell.core.country import check_country
from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, date_text, period_index, period_range
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.long_table.columns import Columns
from foresell.core.long_table.layout import lay_out
from foresell.core.long_table.periods import frequency_of
from foresell.core.overview import Described, Overview
from foresell.core.tables import Table, TableKind, to_kind
from foresell.core.timeline import ChosenGroups, Timeline
from foresell.core.words import a, day, many, number, share, span


@dataclass(frozen=True)
class Known:
    """A covariate that is known ahead, such as the price: values [row, day + ahead] and rows [series] -> row.

    Many series may share a row (a state's pay days, a store's opening hours), which is then kept once.
    NaN means not known.
    """

    values: np.ndarray
    rows: np.ndarray  # int32 [series]

    @classmethod
    def of_each(cls, values: np.ndarray) -> Known:
        """Values given for each series: [series, day + ahead]."""
        return cls(values, np.arange(len(values), dtype=np.int32))

    def on(self, days: int | slice | np.ndarray) -> np.ndarray:
        """The values of every series on `days`: [series] for one day, else [series, days]."""
        return self.values[:, days][self.rows]

    def part(self, series: slice | np.ndarray) -> Known:
        """The same covariate for some of the series; keeps only the rows that those need."""
        used, rows = np.unique(self.rows[series], return_inverse=True)
        whole = len(used) == len(self.values)
        contiguous = len(used) and used[-1] - used[0] + 1 == len(used)
        values = self.values if whole else self.values[used[0] : used[-1] + 1] if contiguous else self.values[used]
        return Known(values, rows.astype(np.int32))


@dataclass(frozen=True, repr=False)
class Panel(Described):
    """The sales of all series, regular in time.

    - `series`: one row per series: the key columns, then static attributes; the cube's first axis.
    - `keys`: the columns of `series` that name a series.
    - `dates`: [day + ahead]: first date of every period, datetime64[D] (of hours datetime64[us]); reaches past the
      last sale.
    - `units`: float32 [series, day]: NaN = not known (not yet on sale, closed, stocked out), 0 = nothing sold.
    - `known`: known-ahead covariates by name; ``price`` and ``promotion`` are the names that features look for.
    - `events`: named events, one row per (date, event): columns ``date`` and ``event``.
    - `ended_after`: the last periods without a sale after which a series counts as ended and is forecast as 0; None
      where that is never.
    - `table_kind`: the library of the tables that are made of the panel for its user.

    The last day of `units` is the cutoff. `dates` and `known` may reach past it, `units` never does.
    """

    series: pl.DataFrame
    keys: Level
    dates: np.ndarray
    units: np.ndarray
    known: Mapping[str, Known] = field(default_factory=dict)
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"date": pl.Date, "event": pl.String}))
    frequency: Frequency = Frequency.DAY
    country: str | None = None
    ended_after: int | None = None
    table_kind: TableKind = TableKind.POLARS

    def __post_init__(self) -> None:
        if self.units.shape[0] != self.series.height or self.units.shape[1] > len(self.dates):
            raise UsageError(
                f"A panel of {self.series.height} series and {len(self.dates)} days was given units of shape "
                f"{self.units.shape}; expected [series, day] with no more days than dates."
            )

    @property
    def n_series(self) -> int:
        return self.units.shape[0]

    @property
    def n_days(self) -> int:
        """Days of history; `dates[n_days]` is the first day that is asked for."""
        return self.units.shape[1]

    @property
    def cutoff(self) -> date:
        """The last day of the history; of hours the time at which the last one begins, a datetime."""
        if not self.n_days:
            raise UsageError("The panel has no history, so it has no cutoff.")
        return self.dates[self.n_days - 1].astype(object)

    def day_of(self, when: date | str | np.datetime64) -> int:
        """The index of the day (period) in which `when` lies; may lie past the end.

        Raises UsageError for what is no date.
        """
        unit = f"datetime64[{self.frequency.date_unit}]"
        try:
            day = np.array([when], unit)
        except (TypeError, ValueError):
            day = np.array(["NaT"], unit)
        if np.isnat(day).any():
            raise UsageError(f"{when!r} is no date; expected a date, or a text such as '2024-01-31'.")
        return int(period_index(day, self.dates[0], self.frequency)[0])

    def last_day_of(self, when: date | str | np.datetime64) -> int:
        """The index of the last period in which `when` lies: of a day without a time its last hour in a panel of hours.

        Raises UsageError for what is no date.
        """
        first = self.day_of(when)
        if self.frequency != Frequency.HOUR or isinstance(when, datetime):
            return first
        return first + 23 if np.datetime_data(np.datetime64(when))[0] in ("Y", "M", "D") else first

    def until(self, cutoff: date | str | np.datetime64 | int) -> Panel:
        """The panel as it was known at the end of `cutoff` (a date, or the index of a day). Shares memory.

        In a panel of hours a date without a time stands for its last hour.

        Raises UsageError where the history does not reach the cutoff.
        """
        day = int(cutoff) if isinstance(cutoff, int | np.integer) else self.last_day_of(cutoff)
        if not 0 <= day < self.n_days:
            raise UsageError(
                f"The cutoff {cutoff} lies outside the history, which goes from {date_text(self.dates[0])} to "
                f"{date_text(self.cutoff)}. "
                "Give a date within it."
            )
        return replace(self, units=self.units[:, : day + 1])

    def ahead(self, horizon: int) -> np.ndarray:
        """The dates of the `horizon` days after the cutoff, as `dates`: [step]."""
        whole_number(horizon, "horizon", 0)
        return period_range(self.dates[0], self.n_days + horizon, self.frequency)[self.n_days :]

    def part(self, series: slice | np.ndarray) -> Panel:
        """The same panel for some of its series (a slice shares memory)."""
        rows = np.arange(self.n_series)[series]
        return replace(
            self,
            series=self.series[series] if isinstance(series, slice) else self.series[rows],
            units=self.units[series],
            known={name: known.part(series) for name, known in self.known.items()},
        )

    def blocks(self, size: int) -> Blocks:
        """The panel in parts of at most `size` series, in order."""
        whole_number(size, "size")
        return Blocks(self, size)

    def aggregate(
        self, level: Level, units: GroupSums | None = None, known: Mapping[str, GroupSums] | None = None
    ) -> Panel:
        """The panel of the level's groups. A group's day is known where any of its series' is; units add up.

        Attributes that are the same for all series of every group are kept. Known-ahead covariates become the mean
        over the group, such as the share of its series on promotion. Prices are left out, because their mean would
        change with the items that the group holds.

        `units` and `known` are the sums of the units and of all covariates by group, in the order of
        `Hierarchy.groups`. Where both are given, only the table of the series and the calendar are read.
        """
        groups = Hierarchy.of(self.keys).groups(self.series, level)
        units = units or GroupSums.of(self.units, groups.rows, len(groups))
        if known is None:
            known = {
                name: GroupSums.of_shared(known.values, known.rows, groups.rows, len(groups))
                for name, known in self.known.items()
                if name != "price"
            }
        first = np.unique(groups.rows, return_index=True)[1]
        shared = [
            name
            for name in self.series.columns
            if name not in groups.frame.columns
            and self.series[name].eq_missing(self.series[name][first[groups.rows]]).all()
        ]
        return replace(
            self,
            series=groups.frame.with_columns(self.series[name][first] for name in shared),
            keys=level or ("total",),
            units=units.known_total().astype(np.float32)[:, : self.n_days],
            known={name: Known.of_each(sums.mean()) for name, sums in known.items() if name != "price"},
        )

    def overview(self) -> Overview:
        """A short description of the panel."""
        noun = self.frequency.noun
        title = (
            f"Panel of {many(self.n_series, 'series', 'series')} ({level_name(self.keys)}), {many(self.n_days, noun)}"
        )
        if not self.units.size:
            return Overview(title, {})
        known = int(np.count_nonzero(~np.isnan(self.units)))
        total = float(np.nansum(self.units, dtype=np.float64))
        zero = int(np.count_nonzero(self.units == 0))
        facts = {
            "history": span(self.dates[0], self.cutoff),
            "units": f"{number(total)} sold; of all {noun}s {share(zero / self.units.size)} without a sale, "
            f"{share(1 - known / self.units.size)} not known",
            "known ahead": ", ".join(self.known) + f", until {day(self.dates[-1])}" if self.known else "",
            "attributes": ", ".join(name for name in self.series.columns if name not in self.keys),
            "events": many(self.events.height, "event") if self.events.height else "",
        }
        return Overview(title, facts)

    def plot(
        self, level: Sequence[str] | None = None, *, last: int | None = None, most: int = 6, **where: object
    ) -> Chart:
        """An Altair chart of what was sold: the total, or the series with the values `where`, added up.

        `panel.plot(store="north")` shows one store, `panel.plot(level=("store",))` each of the `most` largest ones.
        `last` is how many days (periods) to show, all where not given.

        Raises UsageError for a column or value that the series do not have, NotInstalled without the extra ``plot``.
        """
        wanted = tuple(where) if level is None else tuple(dict.fromkeys([*column_names(level, "level"), *where]))
        whole_number(most, "most")
        first = 0 if last is None else max(self.n_days - whole_number(last, "last"), 0)
        units = self.units[:, first:]
        chosen = ChosenGroups.of(self.series, units, wanted, self.keys, where, most)
        dates = self.dates[first : self.n_days]
        timelines = [Timeline(chosen.title(row), dates, chosen.units(units, row)) for row in chosen.rows.tolist()]
        title = timelines[0].title if len(timelines) == 1 else f"Sales by {level_name(wanted)}"
        return timelines_chart(timelines, title, chosen.note(), f"units {a(self.frequency.noun)}")

    def to_frame(self) -> Any:
        """One row for each known day of each series: keys, ``date``, ``units``, and the known-ahead columns.

        The table is of the library that the panel was made from.
        """
        series, day = np.nonzero(~np.isnan(self.units))
        frame = self.series.select(self.keys)[series].with_columns(
            date=pl.Series(self.dates[day]), units=pl.Series(self.units[series, day])
        )
        covariates = [
            pl.Series(name, known.values[known.rows[series], day]).cast(pl.Float32)
            for name, known in self.known.items()
        ]
        return to_kind(frame.with_columns(covariates), self.table_kind)

    @classmethod
    def from_frame(
        cls,
        frame: Table,
        keys: Sequence[str],
        *,
        date: str = "date",
        quantity: str = "units",
        known_ahead: Sequence[str] = (),
        attributes: Table | None = None,
        frequency: str = Frequency.DAY,
        absent: str = "zero",
        ahead: int = 0,
        country: str | None = None,
        periods: Table | None = None,
    ) -> Panel:
        """A panel from a long table: one row for each series and day, in any order.

        Tables may be of pandas, Polars (also lazy) or PyArrow; named levels of a pandas index count as columns. Tables
        that are made of the panel come back in the same library.

        A row whose quantity is null gives covariates only: the units of its day are not known, as on a day out of
        stock, and future rows may stand in the same table. `absent` says what a day without a row means between a
        series' first row and the end of the history: ``zero`` (nothing sold) or ``unknown``. Before its first row a
        series is not yet on sale: unknown. `attributes` adds columns to the series table, joined on the keys they
        share. Covariate columns of `known_ahead` are numeric, one value for each series and day. `frequency` is ``H``,
        ``D``, ``W``, ``M``, ``Q`` or ``Y``: hours, days, weeks, months, quarters, years. `ahead` is how many days
        (periods) past the last sale to keep. `country` is an ISO code, for public holidays.
        `periods` is a table of periods that no frequency has, such as those of a 4-4-5 calendar: a row for each, also
        for those ahead, with its first day, ``begin``, and as you like its ``name`` and its ``place`` in the year;
        `frequency` is then the one that they are like.

        Dates are dates, dates with a time, or text as in ``2024-01-31``. A time with a zone counts for the day (and the
        hour) of the clock there. Hours are read from dates with a time, also as text such as ``2024-01-31 05:00``. The
        hour that a clock shows twice, when summer time ends, is added up; the one that it leaves out in spring is not
        known.

        Keys are read as those of a file: blanks around them, and a whole number written as ``100.0`` beside ``100``,
        make no other series. A ForesellWarning says where some were united, and where the rows of a series lie weeks or
        months apart although `frequency` is shorter.

        Raises UsageError for a missing column, two rows of one series and day, a negative or infinite quantity, a
        missing key or date, a few dates that lie years from all others, a country without known holidays, and
        attributes of other series; the message says what corrects it.
        """
        every = frequency_of(frequency, periods)
        if country is not None:
            check_country(country)
        cubes = lay_out(frame, Columns(keys, date, quantity, known_ahead), attributes, every, absent, ahead)  # type: ignore[arg-type]
        known = {name: Known.of_each(values) for name, values in cubes.covariates.items()}
        return cls(
            cubes.series,
            tuple(keys),
            cubes.dates,
            cubes.units,
            known,
            frequency=every,
            country=country,
            table_kind=cubes.kind,
        )


@dataclass(frozen=True, eq=False)
class Blocks(Sequence[Panel]):
    """The parts of `panel` of at most `size` series each; a part is made when it is read.

    A panel without series has one block without series, so that there is always one that shows days and columns.
    """

    panel: Panel
    size: int

    def __len__(self) -> int:
        return max(-(-self.panel.n_series // self.size), 1)

    @overload
    def __getitem__(self, place: int) -> Panel: ...
    @overload
    def __getitem__(self, place: slice) -> list[Panel]: ...
    def __getitem__(self, place: int | slice) -> Panel | list[Panel]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(f"There are {len(self)} blocks; there is no block {place}.")
        return self.panel.part(slice(place * self.size, (place + 1) * self.size))
