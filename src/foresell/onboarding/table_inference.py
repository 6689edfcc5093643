"""One look at a table with a row for each series and date, or for each transaction: all its settings, step by step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency, period_index
from foresell.data.values import DAY_OR_MONTH_FIRST, most_regular_format
from foresell.onboarding import frequency, identity, side_tables
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ENOUGH, Column, Kind, decimal_mark, profile, share
from foresell.onboarding.identity import DAY
from foresell.onboarding.measures import Measures, none_found
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import ROW, Peek

COLUMN_ROLES = ("date", "quantity", "price", "promotion", "stocked_out", "open")
LISTS = ("keys", "attributes", "known_ahead")
SECTION_DAYS, SECTION_SERIES, SECTION_ROWS = 3, 20, 300_000

US_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC"
)


@dataclass
class Look:
    """What is known of the table so far; each step adds to `draft`. `said` is what the user said by hand."""

    draft: Draft
    peek: Peek
    said: dict[str, Any]
    columns: dict[str, Column] = field(default_factory=dict)
    sample: pl.DataFrame = field(default_factory=pl.DataFrame)  # the rows looked at that have a date, in DAY
    dates: np.ndarray = field(default_factory=lambda: np.array([], "datetime64[D]"))  # all dates of the table
    day: pl.Expr = field(default_factory=lambda: pl.lit(None, pl.Date))  # the date of a row
    whole_series: pl.DataFrame | None = None  # keys of series all of whose rows are in the sample; None: all are

    def conclude(self) -> None:
        """From the file's dialect to the side tables beside it."""
        check_names(self.peek, self.said)
        conclude_dialect(self.draft, self.peek, self.said)
        self._profile()
        self.draft.taken.update(name for role in LISTS for name in self.said.get(role, []))
        self._date()
        Measures(self.draft, self.said, self.peek.name, self.columns).conclude()
        self._series()
        self._along()
        self._rest()
        self._time()
        series = side_tables.conclude(self.draft, self.peek, self._series_table())
        conclude_levels(self.draft, series)
        conclude_country(self.draft, series, self.said, self.sample)

    def _profile(self) -> None:
        self.columns = profile(self.peek.frame, self.draft.data.get("decimal", "."))

    # -- the date -----------------------------------------------------------------------------------------

    def _date(self) -> None:
        column = self._date_by_hand() if "date" in self.said else self._date_by_look()
        texts = self.peek.frame[column.name].cast(pl.String)
        chosen = most_regular_format(column.formats, texts.head(20_000)) if column.formats else None
        example = re.sub(r"( 00:00:00)?\.0+$", "", str(texts.drop_nulls().first()))
        self.draft.take(
            "data.date", column.name, "as you said" if "date" in self.said else f"its values are dates: {example}"
        )
        if chosen:
            self.draft.conclude("data.date_format", chosen, f"reads dates such as {example}")
            other = {**DAY_OR_MONTH_FIRST, **{b: a for a, b in DAY_OR_MONTH_FIRST.items()}}.get(chosen)
            if other in column.formats:
                self.draft.doubt(
                    f"The dates of {column.name} fit {chosen} and {other} alike; {chosen} was taken. Check it, and set "
                    "date_format if it is wrong."
                )
        self._deepen(column.name, chosen)

    def _date_by_hand(self) -> Column:
        name, given = self.said["date"], self.said.get("date_format")
        column = profile(self.peek.frame.select(name), date_format=given)[name]
        if column.kind != Kind.DATE:
            examples = first_five(self.peek.frame[name].drop_nulls().unique(maintain_order=True).head(9))
            raise UsageError(
                f"The values of '{name}' were not recognised as dates: {examples}. Say how they are written with "
                "date_format, such as %d.%m.%Y."
            )
        return column

    def _date_by_look(self) -> Column:
        dated = [c for c in self.columns.values() if c.kind == Kind.DATE and c.name not in self.draft.taken]
        if not dated:
            more = "date_format says how they are written, if that is unusual"
            raise UsageError(none_found(self.peek.name, self.columns, "a date", "date", more))
        best = max(dated, key=lambda c: (name_score(c.name, "date"), -self.peek.columns.index(c.name)))
        rest = [c.name for c in dated if c.name != best.name]
        if rest:
            self.draft.doubt(
                f"{', '.join(rest)} could be the date too; {best.name} was taken. Say otherwise with --date."
            )
        return best

    def _deepen(self, name: str, date_format: str | None) -> None:
        """Reads on: all dates, and all rows of a few of them, so that each series has its chance to be seen."""
        day = as_day(self.peek.frame.schema[name], name, date_format)
        if not self.peek.whole and self.peek.can_scan:
            seen = self.peek.frame.select(day).to_series().drop_nulls().unique().sort()
            marks = [seen[int(len(seen) * part)] for part in (0.25, 0.5, 0.95)][:SECTION_DAYS]
            rows = self.peek.scan()
            across, dates = pl.collect_all(
                [rows.filter(day.is_in(marks)).head(SECTION_ROWS), rows.select(day.alias(DAY)).unique()]
            )
            self.peek = self.peek.with_rows(across)
            self.dates = np.unique(dates[DAY].drop_nulls().to_numpy().astype("datetime64[D]"))
            self._profile()
        elif not self.peek.whole:
            self.draft.doubt("Only the first rows were looked at; what they do not show, `foresell check` will find.")
        self.day = day
        self._sample()
        if not len(self.dates):
            self.dates = np.unique(self.sample[DAY].to_numpy().astype("datetime64[D]"))

    def _sample(self) -> None:
        self.sample = self.peek.frame.with_columns(self.day.alias(DAY)).filter(pl.col(DAY).is_not_null())

    # -- the series ---------------------------------------------------------------------------------------

    def _series(self) -> None:
        found = self._keys_by_hand() if "keys" in self.said else self._keys_by_look()
        layout = self.said.get("layout", found.layout)
        self.draft.conclude("data.keys", list(found.keys), found.why_keys)
        self.draft.conclude("data.layout", layout, "as you said" if "layout" in self.said else found.why_layout)
        self.draft.taken.update(found.keys)
        for doubt in found.doubts:
            self.draft.doubt(doubt)

    def _keys_by_hand(self) -> identity.Identity:
        keys = tuple(self.said["keys"])
        repeated = identity.repeated(self.sample, keys)
        timed = self.columns[self.draft.data["date"]].timed
        layout = "transactions" if timed or repeated > identity.STRAY else "long"
        return identity.Identity(keys, layout, "as you said", f"{repeated:.1%} of the rows repeat a series and date")

    def _keys_by_look(self) -> identity.Identity:
        free = [
            c for c in self.columns.values() if c.name not in self.draft.taken and c.kind not in (Kind.EMPTY, Kind.DATE)
        ]
        candidates = [c for c in free if self._may_name_series(c)]
        found = identity.find(self.sample, candidates, timed=self.columns[self.draft.data["date"]].timed)
        if found is None:
            what = "the name of a series (a store, an item; one column of one value will do for a single series)"
            raise UsageError(none_found(self.peek.name, self.columns, what, "keys"))
        return found

    @staticmethod
    def _may_name_series(column: Column) -> bool:
        if identity.key_score(column.name) and (column.whole or column.kind == Kind.TEXT):
            return True
        other = max(name_score(column.name, role) for role in ("after", "ahead", "calendar", "price", "promotion"))
        return other < 3 and (column.kind == Kind.TEXT or (column.kind == Kind.NUMBER and column.whole))

    def _along(self) -> None:
        """Adds all rows of a few series to the sample: their rhythm, and what is fixed for them."""
        if self.peek.whole or not self.peek.can_scan:
            return
        keys = self.draft.data["keys"]
        names = self.sample.select(keys).drop_nulls().unique().sort(keys)
        chosen = names.gather_every(max(1, names.height // SECTION_SERIES)).head(SECTION_SERIES)
        along = self.peek.scan().join(chosen.lazy(), on=keys, how="semi").head(SECTION_ROWS).collect()
        self.whole_series = chosen
        self.peek = self.peek.with_rows(along.select(self.peek.frame.columns))
        self._profile()
        self._sample()

    def _rest(self) -> None:
        """The columns that are left: fixed for a series, known ahead, or of no use; each is named."""
        draft, keys = self.draft, tuple(self.draft.data["keys"])
        left = [c for c in self.columns.values() if c.name not in draft.taken]
        fixed = identity.constant(
            self.sample, keys, [c.name for c in left if c.kind in (Kind.TEXT, Kind.NUMBER, Kind.FLAG)]
        )
        fixed = [name for name in fixed if self.columns[name].distinct > 1 and name_score(name, "row") < 4]
        attributes = [*self.said.get("attributes", []), *fixed]
        ahead = list(self.said.get("known_ahead", []))
        for column in left:
            if column.name not in attributes:
                ahead += [column.name] if self._known_ahead(column) else []
        draft.conclude(
            "data.attributes", attributes, "they have one value in each series" if attributes else "none is fixed"
        )
        draft.conclude("data.known_ahead", ahead, "their names are of things planned ahead" if ahead else "none found")
        if ahead and "known_ahead" not in self.said:
            draft.doubt(f"Is it known before the day: {', '.join(ahead)}? If not, take it out of known_ahead.")

    def _known_ahead(self, column: Column) -> bool:
        """Whether a column that varies within a series is known ahead; says so where it is not used."""
        if column.kind == Kind.EMPTY or column.distinct < 2:
            self.draft.unused(column.name, "it has no values" if column.kind == Kind.EMPTY else "it has one value only")
        elif name_score(column.name, "calendar") == 4:
            self.draft.unused(column.name, "it follows from the date; features for it are made anyway")
        elif column.kind == Kind.FLAG and name_score(column.name, "void") >= 3:
            self.draft.unused(column.name, "it marks rows, it does not describe a day")
            self.draft.doubt(
                f"Rows that {column.name} marks count as sold. Take them out of the file if they were not."
            )
        elif name_score(column.name, "ahead") >= 2 and column.kind != Kind.DATE:
            return True
        elif self._is_revenue(column):
            self.draft.unused(column.name, "it is quantity times price, known only after the sale")
        elif name_score(column.name, "row") >= 3 or (
            column.kind == Kind.TEXT and column.distinct > self.sample.height / 2
        ):
            self.draft.unused(column.name, "it tells rows apart, not series")
        else:
            self.draft.unused(column.name, "it varies within a series and nothing says that it is known ahead")
        return False

    def _is_revenue(self, column: Column) -> bool:
        price = self.draft.data.get("price")
        if price is None or not column.numeric:
            return False
        product = self.columns[price].values * self.columns[self.draft.data["quantity"]].values
        near = ((product - column.values).abs() <= 0.01 * column.values.abs() + 0.01).drop_nulls()
        return share(near) >= ENOUGH

    # -- time ---------------------------------------------------------------------------------------------

    def _time(self) -> None:
        draft, keys = self.draft, tuple(self.draft.data["keys"])
        each = self._frequency(keys)
        draft.conclude("data.frequency", each.value, each.why)
        draft.doubt(each.doubt)
        draft.conclude(*self._absent(keys, str(each.value)))
        span = period_index(self.dates[-1:], self.dates[0], Frequency(str(each.value)))[0] + 1 if len(self.dates) else 0
        ahead = frequency.horizon(str(each.value), int(span))
        if "horizon" in self.said:
            ahead = frequency.Conclusion(int(self.said["horizon"]), "as you said")
        draft.conclude("horizon", ahead.value, ahead.why)

    def _frequency(self, keys: tuple[str, ...]) -> frequency.Conclusion:
        if "frequency" in self.said:
            return frequency.Conclusion(self.said["frequency"], "as you said")
        each = frequency.frequency(self.dates)
        if each.value == "D" and self.draft.data["layout"] == "transactions":
            return frequency.lumpy(self._of_whole_series(self.sample, keys), keys, self.dates) or each
        return each

    def _of_whole_series(self, rows: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
        """Those of the sample's rows whose series has all its rows there."""
        return rows if self.whole_series is None else rows.join(self.whole_series, on=list(keys), how="semi")

    def _absent(self, keys: tuple[str, ...], each: str) -> tuple[str, Any, str]:
        if "absent" in self.said:
            return "data.absent", self.said["absent"], "as you said"
        if self.draft.data["layout"] == "transactions":
            return "data.absent", "zero", "transactions are kept where something was sold; without one nothing was"
        quantity = self.columns[self.draft.data["quantity"]].values.alias("__quantity")
        rows = self.peek.frame.with_columns(self.day.alias(DAY), quantity).filter(pl.col(DAY).is_not_null())
        rows = self._of_whole_series(rows, keys)
        found = frequency.absent(rows, keys, rows["__quantity"], each)
        self.draft.doubt(found.doubt)
        return "data.absent", found.value, found.why

    def _series_table(self) -> pl.DataFrame:
        """One row per series seen, with its keys and attributes."""
        keys = self.draft.data["keys"]
        attributes = [name for name in self.draft.data["attributes"] if name not in keys]
        return self.sample.group_by(keys, maintain_order=True).agg(pl.col(attributes).drop_nulls().first())


def as_day(dtype: pl.DataType, name: str, date_format: str | None) -> pl.Expr:
    """The day of each row, null where there is none."""
    if date_format is None:
        return pl.col(name).cast(pl.Date)
    days = pl.col(name).cast(pl.String).str.strip_chars().str.to_date(date_format, strict=False)
    return pl.when(days.dt.year().is_between(1970, 2100)).then(days)


def check_names(peek: Peek, said: dict[str, Any]) -> None:
    """Raises UsageError where a column named by hand is not in the table."""
    named = [said[role] for role in COLUMN_ROLES if role in said]
    named += [name for role in LISTS for name in said.get(role, [])]
    missing = [name for name in named if name not in peek.columns]
    if missing:
        raise UsageError(f"{peek.name} has no column {first_five(missing)}. It has {', '.join(peek.columns)}.")


def conclude_dialect(draft: Draft, peek: Peek, said: dict[str, Any]) -> None:
    """Separator, decimal mark and encoding of a text table."""
    if peek.dialect is None:
        return
    decimal = said.get("decimal") or decimal_mark(peek.frame.head(5_000).drop(ROW))
    draft.conclude("data.separator", peek.dialect.separator, "it cuts the first lines into the same number of columns")
    draft.conclude(
        "data.decimal", decimal, "numbers are written so" if decimal == "," else "no number has a decimal comma"
    )
    why = "the bytes are not UTF-8" if peek.dialect.encoding == "cp1252" else "the first bytes read as such"
    draft.conclude("data.encoding", peek.dialect.encoding, why)
    if peek.dialect.encoding == "cp1252" and "encoding" not in said:
        draft.doubt("The file is not UTF-8; it was taken for Windows-1252. If letters look wrong, set encoding.")


def conclude_levels(draft: Draft, series: pl.DataFrame) -> None:
    """Levels from the keys and attributes of `series` [series], those of side tables among them."""
    keys = tuple(draft.data["keys"])
    found = identity.levels(series, keys, [name for name in series.columns if name not in keys])
    why = "groups of two or more series; the total and the single series are always there"
    draft.conclude(
        "levels", found, why if found else "nothing groups the series; total and single series are always there"
    )


def conclude_country(draft: Draft, series: pl.DataFrame, said: dict[str, Any], rows: pl.DataFrame) -> None:
    """The country, for its holidays: where a column says so, or all states are of one country."""
    if "country" in said:
        return draft.conclude("data.country", said["country"], "as you said")
    for name in rows.columns:
        values = {str(value) for value in rows[name].drop_nulls().unique().head(99)}
        if name_score(name, "country_name") == 4 and len(values) == 1 and all(_is_code(value) for value in values):
            return draft.conclude("data.country", values.pop().upper(), f"the only value of {name}")
    for name in series.columns:
        values = {str(value) for value in series[name].drop_nulls().unique()}
        if "state" in name.lower() and len(values) >= 2 and values <= set(US_STATES.split()):
            draft.doubt(
                f"The values of {name} are states of the USA, so its holidays are used. If not, change country."
            )
            return draft.conclude("data.country", "US", f"the values of {name} are states of the USA")
    german = any(
        word in heading.lower() for heading in rows.columns for word in ("datum", "menge", "filiale", "artikel")
    )
    hint = " (the headings are German, so DE, AT or CH)" if german else ""
    return draft.conclude("data.country", None, f"nothing in the data says; name it to use its holidays{hint}")


def _is_code(value: str) -> bool:
    import holidays

    return value.upper() in holidays.list_supported_countries()
