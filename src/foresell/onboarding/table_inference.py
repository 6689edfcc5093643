"""The settings of a table with a row for each series and date, or for each transaction, concluded step by step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from foresell.core.dates.spellings import IN_TEXT, spelling_of
from foresell.core.errors import first_five
from foresell.core.frequency import Frequency, period_index
from foresell.core.key_texts import leading_zeros, unite_leading_zeros
from foresell.core.settings.data import ALL, ONE_SERIES
from foresell.core.words import many
from foresell.data.column_conversion import FILE
from foresell.onboarding import series_keys, side_tables, unsold_rows
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ENOUGH, ColumnProfile, ValueKind, profile_columns, share
from foresell.onboarding.dates import frequency, hourly_rows
from foresell.onboarding.dates.periods import propose_periods
from foresell.onboarding.dates.search import DateSearch
from foresell.onboarding.dates.written_dates import WrittenDates
from foresell.onboarding.file_overlap import MOSTLY, FileOverlap, overlap, row_ends, with_file_numbers
from foresell.onboarding.measures import Measures
from foresell.onboarding.overrides import BY_HAND, COLUMN_LISTS, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import DAY
from foresell.onboarding.table_sample import ROW, TableSample
from foresell.onboarding.table_settings import (
    check_names,
    propose_country,
    propose_frequency,
    propose_horizon,
    propose_levels,
    propose_text_format,
    propose_time_of_table,
)

FEWEST_SUMMED = 8  # fewer rows may add up to another by chance
SECTION_DAYS = (0.25, 0.5, 0.95)  # of a large table, all rows of the dates at these parts of its first rows are read
SECTION_SERIES = 20  # and all rows of so many series
MOST_BLANK = 0.5  # a column with more blanks names a series only if its name says so
SECTION_ROWS = 300_000  # of either at most so many rows


@dataclass
class TableInference:
    """What is known of the table so far; each step adds its conclusions to `draft`."""

    draft: Draft
    table: TableSample
    overrides: Overrides
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    sample: pl.DataFrame = field(default_factory=pl.DataFrame)  # the sampled rows that have a date, which is in DAY
    dates: np.ndarray = field(default_factory=lambda: np.array([], "datetime64[D]"))  # all dates of the table
    written: WrittenDates = field(default_factory=lambda: WrittenDates((), None))
    day: pl.Expr = field(default_factory=lambda: pl.lit(None, pl.Date))  # the date of a row
    timed: bool = False  # whether the rows have times of day that make them lines of sales
    hourly: bool = False  # whether `dates` and DAY are hours
    whole_series: pl.DataFrame | None = None  # keys of series all of whose rows are in the sample; None: all are

    def propose(self) -> None:
        """All settings, from the format of the file to the tables beside it."""
        check_names(self.table, self.overrides)
        propose_text_format(self.draft, self.table, self.overrides)
        self._profile()
        self.draft.assigned.update(name for role in COLUMN_LISTS for name in getattr(self.overrides, role) or ())
        self._date()
        Measures(self.draft, self.overrides, self.table.name, self.columns).propose()
        self._leave_out_unsold_rows()
        self._hours()
        self._keys_and_layout()
        self._leading_zeros()
        self._doubt_rows()
        self._read_whole_series()
        self._other_columns()
        self._time()
        series = side_tables.propose(self.draft, self.table, self._series_table(), lambda: self.dates)
        propose_levels(self.draft, series)
        propose_country(self.draft, series, self.overrides, self.sample)

    def _profile(self) -> None:
        decimal = self.draft.data.get("decimal", ".")
        given = self.overrides.date_format
        of_numbers = given is not None and given not in IN_TEXT and spelling_of(given) is not None
        # A format of numbers would fit other columns of numbers as well.
        self.columns = profile_columns(self.table.frame, decimal, None if of_numbers else given)

    # -- the date -----------------------------------------------------------------------------------------

    def _date(self) -> None:
        self.written = DateSearch(self.draft, self.table, self.columns, self.overrides).propose()
        self.timed = self.written.timed
        self._read_all_dates()

    def _hours(self) -> None:
        """Takes the rows by hour where the user says so, or where a series has one row for each hour."""
        written, chosen = self.written, self.overrides.frequency
        if not hourly_rows.may_be_hours(written, self.table.frame, chosen, self.table.name):
            return
        of_days, self.day = (self.day, self.sample), written.hour(self.table.frame.schema)
        self._sample_dated_rows()
        free = [c for c in self.columns.values() if c.name not in self.draft.assigned and self._may_name_series(c)]
        regular = hourly_rows.hours_with_row(self.sample, self.overrides.keys, free, written) >= hourly_rows.REGULAR
        if chosen is None and not regular:
            self.day, self.sample = of_days
            return hourly_rows.doubt_of_days(self.draft, written)
        self.hourly, self.timed = True, not regular
        scans = not self.table.whole and self.table.can_scan
        hours = self.table.scan().select(self.day.alias(DAY)).unique().collect() if scans else self.sample
        self.dates = np.unique(hours[DAY].drop_nulls().to_numpy())

    def _read_all_dates(self) -> None:
        """Reads all dates of a large table, and all rows of a few of them, to have as many series as possible."""
        day = self.written.day(self.table.frame.schema)
        if not self.table.whole and self.table.can_scan:
            sampled = self.table.frame.select(day).to_series().drop_nulls().unique().sort()
            marks = [sampled[int(len(sampled) * part)] for part in SECTION_DAYS]
            rows = self.table.scan()
            across, dates = pl.collect_all(
                [rows.filter(day.is_in(marks)).head(SECTION_ROWS), rows.select(day.alias(DAY)).unique()]
            )
            self.table = self.table.with_rows(across)
            self.dates = np.unique(dates[DAY].drop_nulls().to_numpy().astype("datetime64[D]"))
            self._profile()
        elif not self.table.whole:
            self.draft.add_doubt(
                "Only the first rows were looked at. `foresell check` reads all, and reports what does not fit."
            )
        self.day = day
        self._sample_dated_rows()
        if not len(self.dates):
            self.dates = np.unique(self.sample[DAY].to_numpy().astype("datetime64[D]"))

    def _sample_dated_rows(self) -> None:
        rows = self.table.frame.with_columns(self.day.alias(DAY)).filter(pl.col(DAY).is_not_null())
        self.sample = with_file_numbers(rows, self._row_ends)

    @cached_property
    def _row_ends(self) -> list[int]:
        return row_ends(self.table) if len(self.table.files) > 1 else []

    # -- the series ---------------------------------------------------------------------------------------

    def _leave_out_unsold_rows(self) -> None:
        """Rows that a column marks as no sale say nothing about keys, dates and layout."""
        free = [c for c in self.columns.values() if c.name not in self.draft.assigned]
        quantity = self.columns[self.draft.data["quantity"]].values
        unsold = unsold_rows.propose(self.draft, self.table.frame, free, quantity, self.overrides)
        if unsold.excluded:
            self.table = self.table.without(unsold.mask)
            self._profile()
            self._sample_dated_rows()
        for name in (*unsold.excluded, *unsold.returned):
            if name not in self.draft.assigned:
                self.draft.leave_out(name, "it marks rows that are no sales")

    def _keys_and_layout(self) -> None:
        by_hand = self.overrides
        if by_hand.keys is None:
            series = self._keys_by_values()
        else:
            series = self._keys_by_hand(tuple(by_hand.keys)) if by_hand.keys else self._one_series(BY_HAND)
        shared = self._overlap(series.keys)
        if series.layout == "long" and shared.part > series_keys.STRAY and not shared.of_same_sales:
            series.layout, series.why_layout = "transactions", "several files have rows of one series and date"
            series.doubt_of_layout = None
        if "return_rows" in self.draft.data:
            series.layout, series.why_layout = "transactions", "returns are subtracted from other rows"
            series.doubt_of_layout = None
        layout, why = (by_hand.layout, BY_HAND) if by_hand.layout else (series.layout, series.why_layout)
        self.draft.set("data.keys", list(series.keys), series.why_keys)
        self.draft.set("data.layout", layout, why)
        self.draft.assigned.update(series.keys)
        if series.receipt and layout == "transactions":
            self.draft.assign("data.receipt", series.receipt, "its name says so; it tells lines of several files apart")
        for doubt in (*series.doubts, *series_keys.doubts_of_blanks(self.sample, series.keys)):
            self.draft.add_doubt(doubt, "keys")
        self.draft.add_doubt(series.doubt_of_layout, "layout", ["long", "transactions"])
        added_up = layout == "transactions"
        if not (added_up and (series.receipt or (shared.of_same_sales and shared.part < MOSTLY))):
            self.draft.add_doubt(shared.doubt(series.keys, added_up))

    def _leading_zeros(self) -> None:
        """Takes 123 and 00123 for one series where no date has both, as where a spreadsheet took zeros away."""
        keys = self.draft.data["keys"]
        forms = {
            name: leading_zeros(self.sample[name].unique()) for name in keys if self.sample[name].dtype == pl.String
        }
        forms = {name: mapping for name, mapping in forms.items() if mapping}
        if not forms:
            return
        names = [*keys, DAY, *([FILE] if FILE in self.sample.columns else [])]
        united = unite_leading_zeros(self.sample.select(names).unique(), keys)[0]
        apart = united.n_unique() == united.height
        taken = self.overrides.leading_zeros or ("ignore" if apart else "keep")
        pairs = first_five(f"{text} and {longest}" for mapping in forms.values() for text, longest in mapping.items())
        what = "are one series each" if taken == "ignore" else "are two series each"
        why = "no date has both of them" if apart else "some dates have both of them"
        self.draft.set("data.leading_zeros", taken, BY_HAND if self.overrides.leading_zeros else why)
        if not self.overrides.leading_zeros:
            other = "keep" if taken == "ignore" else "ignore"
            self.draft.add_doubt(
                f"In {', '.join(forms)}, {pairs} {what}, because {why}. If that is wrong, say --leading-zeros {other}.",
                "leading_zeros",
                ["ignore", "keep"],
            )
        if taken == "ignore":
            frame = unite_leading_zeros(self.table.frame, list(forms))[0]
            self.table = replace(self.table, frame=frame, can_scan=False)
            self._profile()
            self._sample_dated_rows()

    def _doubt_rows(self) -> None:
        """Doubts about a row that is the sum of all others, and about lines of receipts that are written twice."""
        quantity = self.columns[self.draft.data["quantity"]].values.fill_null(0)
        largest = float(quantity.max() or 0)  # type: ignore[arg-type]
        others = quantity.filter(quantity != largest)
        if self.table.whole and len(others) == len(quantity) - 1 >= FEWEST_SUMMED and (quantity >= 0).all():
            day = self.table.frame.select(self.day)[:, 0].gather(quantity.arg_max()).item()  # type: ignore[arg-type]
            if largest and abs(float(others.sum()) - largest) <= 1e-6 * largest:
                self.draft.add_doubt(
                    f"The row of {day} with {largest:g} is the sum of all others, so it seems to be a total, and "
                    "counts as sold. If it is a total, take it out of the file."
                )
        if "receipt" in self.draft.data:
            copies = self.sample.height - self.sample.drop(ROW).n_unique()
            self.draft.add_doubt(
                f"{many(copies, 'row')} of the {self.sample.height:,} looked at equal another row in all columns, the "
                f"{self.draft.data['receipt']} among them, and count as goods that one receipt has twice. If they are "
                "copies, take them out of the file."
                if copies
                else None
            )

    def _overlap(self, keys: tuple[str, ...]) -> FileOverlap:
        values = self.columns[self.draft.data["quantity"]].values
        rows = self.table.frame.select(ROW).with_columns(values.alias("__quantity"))
        quantity = self.sample.select(ROW).join(rows, on=ROW, how="left", maintain_order="left")["__quantity"]
        return overlap(self.table, self.sample, keys, quantity)

    def _keys_by_hand(self, keys: tuple[str, ...]) -> series_keys.SeriesKeys:
        repeated = series_keys.repeated(self.sample, keys)
        lines = self.timed or not series_keys.has_one_row_each(self.sample, keys)
        layout = "transactions" if lines else "long"
        return series_keys.SeriesKeys(keys, layout, BY_HAND, f"{repeated:.1%} of the rows repeat a series and date")

    def _keys_by_values(self) -> series_keys.SeriesKeys:
        free = [c for c in self.columns.values() if c.name not in self.draft.assigned]
        candidates = [c for c in free if self._may_name_series(c)]
        keys = series_keys.infer_keys(self.sample, candidates, timed=self.timed)
        return keys or self._one_series()

    def _one_series(self, why: str = "") -> series_keys.SeriesKeys:
        """The keys of a table in which no column names a series: all its rows are one, which gets a name of its own."""
        name = pl.lit(ALL).alias(ONE_SERIES)
        self.table = replace(self.table, frame=self.table.frame.with_columns(name), can_scan=False)
        self._sample_dated_rows()
        series = self._keys_by_hand((ONE_SERIES,))
        series.why_keys = why or "no column names a series, so all rows are one"
        if not why and any(c.name not in self.draft.assigned for c in self.columns.values()):
            series.doubts.append("No column was taken for the name of a series, so all rows are one. Else say --keys.")
        return series

    @staticmethod
    def _may_name_series(column: ColumnProfile) -> bool:
        if column.kind in (ValueKind.EMPTY, ValueKind.DATE, ValueKind.ODD):
            return False
        score = series_keys.key_score(column.name)
        if score and (column.whole or column.kind == ValueKind.TEXT or (score == 4 and column.numeric)):
            return True
        if share(column.values.is_null()) > MOST_BLANK:  # a note on a few rows
            return False
        other = max(name_score(column.name, role) for role in ("after", "ahead", "calendar", "price", "promotion"))
        return other < 3 and (column.kind == ValueKind.TEXT or (column.kind == ValueKind.NUMBER and column.whole))

    def _read_whole_series(self) -> None:
        """Adds all rows of a few series to the sample, which show how often they sell and what is fixed for them."""
        if self.table.whole or not self.table.can_scan:
            return
        keys = self.draft.data["keys"]
        names = self.sample.select(keys).drop_nulls().unique().sort(keys)
        chosen = names.gather_every(max(1, names.height // SECTION_SERIES)).head(SECTION_SERIES)
        rows = self.table.scan().join(chosen.lazy(), on=keys, how="semi").head(SECTION_ROWS).collect()
        self.whole_series = chosen
        self.table = self.table.with_rows(rows)
        self._profile()
        self._sample_dated_rows()

    def _other_columns(self) -> None:
        """Sorts the columns without a role into attributes, known ahead, and not used."""
        draft, keys = self.draft, tuple(self.draft.data["keys"])
        left = [c for c in self.columns.values() if c.name not in draft.assigned]
        fixed = series_keys.constant_columns(
            self.sample, keys, [c.name for c in left if c.kind in (ValueKind.TEXT, ValueKind.NUMBER, ValueKind.FLAG)]
        )
        fixed = [name for name in fixed if self.columns[name].distinct > 1 and name_score(name, "row") < 4]
        attributes = [*(self.overrides.attributes or ()), *fixed]
        ahead = list(self.overrides.known_ahead or ())
        ahead += [c.name for c in left if c.name not in attributes and self._is_known_ahead(c)]
        draft.set(
            "data.attributes", attributes, "they have one value in each series" if attributes else "none is fixed"
        )
        draft.set("data.known_ahead", ahead, "their names are of things planned ahead" if ahead else "none found")
        if ahead and self.overrides.known_ahead is None:
            draft.add_doubt(f"Is it known before the day: {', '.join(ahead)}? If not, take it out of known_ahead.")

    def _is_known_ahead(self, column: ColumnProfile) -> bool:
        """Whether a column that varies within a series is known ahead; if not, the draft says why it is left out."""
        if column.kind == ValueKind.EMPTY:
            why = "it has no values"
        elif column.kind == ValueKind.ODD:
            why = f"it holds {column.kind}, not a text, number or date for each row"
        elif column.distinct < 2:
            why = "it has one value only"
        elif name_score(column.name, "calendar") == 4:
            why = "it follows from the date; features for it are made anyway"
        elif name_score(column.name, "ahead") >= 2 and column.kind != ValueKind.DATE:
            return True
        elif self._is_revenue(column):
            why = "it is quantity times price, known only after the sale"
        elif self._names_rows(column):
            why = "it tells rows apart, not series"
        else:
            why = "it varies within a series and nothing says that it is known ahead"
        self.draft.leave_out(column.name, why)
        return False

    def _names_rows(self, column: ColumnProfile) -> bool:
        unique_text = column.kind == ValueKind.TEXT and column.distinct > self.sample.height / 2
        return unique_text or name_score(column.name, "row") >= 3

    def _is_revenue(self, column: ColumnProfile) -> bool:
        price = self.draft.data.get("price")
        if price is None or not column.numeric:
            return False
        product = self.columns[price].values * self.columns[self.draft.data["quantity"]].values
        near = ((product - column.values).abs() <= 0.01 * column.values.abs() + 0.01).drop_nulls()
        return share(near) >= ENOUGH

    # -- time ---------------------------------------------------------------------------------------------

    def _time(self) -> None:
        keys = tuple(self.draft.data["keys"])
        if not self.hourly and (self.draft.periods or self.draft.data["layout"] != "transactions"):
            tabled = propose_periods(self.draft, self.dates, " ".join(self.written.columns))
            if tabled:
                self._absent_days(keys, tabled)
                return propose_time_of_table(self.draft, tabled, self.dates, self.overrides)
        conclusion = hourly_rows.conclusion(self.written) if self.hourly else frequency.infer_frequency(self.dates)
        if conclusion.value == "D" and self.draft.data["layout"] == "transactions":
            rows = self._of_whole_series(self.sample, keys)
            conclusion = frequency.infer_lumpy_frequency(rows, keys, self.dates) or conclusion
        period = propose_frequency(self.draft, conclusion, self.overrides)
        self.draft.add_doubt(self._doubt_of_week_ends(period))
        self._absent_days(keys, period)
        span = period_index(self.dates[-1:], self.dates[0], Frequency(period))[0] + 1 if len(self.dates) else 0
        return propose_horizon(self.draft, period, int(span), self.overrides)

    def _doubt_of_week_ends(self, period: str) -> str | None:
        """What is in doubt where the name of the dates says that they end their weeks."""
        name = " ".join(self.written.columns)
        if period != "W" or not re.search(r"end|fin", name.lower()):
            return None
        return (
            f"{name} seems to name the last day of each week. Forecasts keep these dates, but holidays are counted in "
            "the seven days that begin on them. If that matters, move the dates to the first day of the week."
        )

    def _of_whole_series(self, rows: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
        """Those of the rows whose series has all its rows in the sample."""
        return rows if self.whole_series is None else rows.join(self.whole_series, on=list(keys), how="semi")

    def _absent_days(self, keys: tuple[str, ...], period: str) -> None:
        if self.overrides.absent:
            return self.draft.set("data.absent", self.overrides.absent, BY_HAND)
        if self.draft.data["layout"] == "transactions":
            why = "transactions are kept where something was sold; without one nothing was"
            return self.draft.set("data.absent", "zero", why)
        quantity = self.columns[self.draft.data["quantity"]].values.alias("__quantity")
        rows = self.table.frame.with_columns(self.day.alias(DAY), quantity).filter(pl.col(DAY).is_not_null())
        rows = self._of_whole_series(rows, keys)
        absent = frequency.infer_absent(rows, keys, rows["__quantity"], period)
        self.draft.add_doubt(absent.doubt, "absent", ["zero", "unknown"])
        return self.draft.set("data.absent", absent.value, absent.why)

    def _series_table(self) -> pl.DataFrame:
        """One row for each sampled series, with its keys and attributes."""
        keys = self.draft.data["keys"]
        attributes = [name for name in self.draft.data["attributes"] if name not in keys]
        return self.sample.group_by(keys, maintain_order=True).agg(pl.col(attributes).drop_nulls().first())
