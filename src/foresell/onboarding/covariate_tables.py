"""Tables by date beside the sales, such as weather: which are proposed as covariates, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import first_five
from foresell.core.words import listed, many
from foresell.data.cube.dated_values import frequency_of_dates
from foresell.onboarding.candidate_table import CandidateTable
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ColumnProfile, ValueKind, profile_columns
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import sample_table

ALL_ROWS = 2_000_000
"""So many rows of a table are read, so that its last date is known."""

ONE_ROW = 0.95
"""The least share of rows that are alone with their keys and date in a table by keys and date."""

COUNTS_ON = 0.9
"""Numbers that never fall, and more often than this rise by one, number dates or weeks."""

COVERED = 0.5
"""The least share of the dates of its time for which a table must have rows; the others are unknown to models."""


@dataclass(frozen=True)
class SalesTime:
    """The first and the last day of the sales, and the day to which a table must go to be known ahead."""

    first: np.datetime64
    last: np.datetime64
    ahead: np.datetime64

    @classmethod
    def of(cls, dates: np.ndarray, horizon: int) -> SalesTime:
        """The time of sales whose periods `dates` (sorted, distinct) name by their first days.

        A table is known ahead that goes at least through half of the `horizon` periods.
        """
        hours = dates.astype("datetime64[h]")
        usual = max(int(np.median(np.diff(hours).astype(np.int64))), 1) if len(hours) > 1 else 24
        last = (hours[-1] + usual - 1).astype("datetime64[D]")
        return cls(hours[0].astype("datetime64[D]"), last, last + max(horizon * usual // 48, 1))


def propose_covariates(
    draft: Draft, candidates: list[CandidateTable], series: pl.DataFrame, dates: np.ndarray
) -> list[str]:
    """Proposes tables by date as covariates, and returns the paths of those that were used or named in a doubt.

    `candidates` are the tables that nothing else uses, `series` [series] has keys and attributes, and `dates` are all
    dates of the sales, sorted.
    """
    time, tables, reasons, named = SalesTime.of(dates, draft.top.get("horizon", 1)), [], [], []
    taken = {*series.columns, "price", draft.data.get("promotion"), *draft.data.get("known_ahead", [])}
    for side in candidates:
        if not side.dates():
            continue
        whole = _read_again(side, draft)
        by_date = _ByDate.of(whole, series)
        columns = by_date.values(taken)
        if not columns or by_date.is_constant(columns):
            continue
        named.append(side.file.path)
        if doubt := by_date.doubt(columns, time):
            draft.add_doubt(doubt)
            continue
        ahead = whole.sample.whole and bool(by_date.last >= time.ahead)
        tables.append(by_date.tree(columns, ahead=ahead))
        reasons.append(f"{side.file.name} has {by_date.in_words(columns)}")
        taken |= set(columns)
        if not ahead:
            draft.add_doubt(
                f"{side.file.name} ends with {by_date.last}, too early to be known for what is forecast after the "
                f"sales ({time.last}), so each of its values counts one horizon later (known_ahead: false). If values "
                "of the time to come are known, such as a weather forecast, add them and set known_ahead: true."
            )
    if tables:
        draft.set("data.covariates", tables, "; ".join(reasons))
    return named


def _read_again(side: CandidateTable, draft: Draft) -> CandidateTable:
    """The table with all its rows, as far as these are not too many, and numbers with either decimal mark."""
    decimal = draft.data.get("decimal", ".")
    sample = side.sample
    if not sample.whole:
        sample = sample_table(list(sample.files), ALL_ROWS, decimal=draft.data.get("decimal"))
    own, other = (profile_columns(sample.frame, mark) for mark in (decimal, "," if decimal == "." else "."))
    columns = {name: other[name] if own[name].kind == ValueKind.TEXT else own[name] for name in side.columns}
    return replace(side, sample=sample, columns=columns)


@dataclass(frozen=True)
class _ByDate:
    """A table with its column of dates, its values by date, and the columns that the series have too."""

    side: CandidateTable
    date: str
    keys: tuple[str, ...]
    days: pl.Series

    @classmethod
    def of(cls, side: CandidateTable, series: pl.DataFrame) -> _ByDate:
        date = side.date_column()
        shared = [name for name in side.columns if name in series.columns and name not in side.dates()]
        keys = [name for name in shared if _common_values(side.sample.frame[name], series[name])]
        return cls(side, date, tuple(keys), side.columns[date].values)

    @property
    def last(self) -> np.datetime64:
        return self.days.drop_nulls().to_numpy().astype("datetime64[D]").max()

    def values(self, taken: set[str | None]) -> list[str]:
        """The columns of numbers that the calendar does not give anyway."""
        free = [c for c in self.side.columns.values() if c.numeric and c.name not in (*self.keys, *self.side.dates())]
        return [c.name for c in free if c.name not in taken and not self._follows_from_date(c)]

    def _follows_from_date(self, column: ColumnProfile) -> bool:
        """Whether a column numbers rows or dates, or repeats what the calendar says."""
        if name_score(column.name, "calendar") >= 3 or name_score(column.name, "row") == 4:
            return True
        frame = pl.DataFrame({"day": self.days, "value": column.values}).drop_nulls().sort("day")
        steps = frame.unique(maintain_order=True)["value"].diff().drop_nulls().to_numpy()
        rises = steps[steps > 0]
        if column.distinct > 2 and (steps >= 0).all() and (rises == 1).mean() > COUNTS_ON:
            return True
        parts = (pl.col("day").dt.weekday(), pl.col("day").dt.month(), pl.col("day").dt.day())
        return any(
            frame.height > 31 and frame.group_by(part).agg(pl.col("value").n_unique())["value"].max() == 1
            for part in parts
        )

    def is_constant(self, columns: list[str]) -> bool:
        """Whether the table has a row for most dates, and each of the columns one value."""
        return not self._is_sparse and all(self.side.columns[name].distinct < 2 for name in columns)

    @cached_property
    def _is_sparse(self) -> bool:
        """Whether the table lacks rows for most dates of its time."""
        rows = self.side.sample.frame.select(*self.keys, self.days.alias("__day")).drop_nulls("__day")
        days = np.unique(rows["__day"].to_numpy().astype("datetime64[D]"))
        if not len(days):
            return False
        n_periods = int((days[-1] - days[0]).astype(np.int64) / frequency_of_dates(days).days) + 1
        n_groups = rows.select(self.keys).n_unique() if self.keys else 1
        return rows.n_unique() < COVERED * n_periods * n_groups

    def doubt(self, columns: list[str], time: SalesTime) -> str | None:
        """Why the table cannot be used as it is, and what to do; None where it can."""
        sold = [name for name in columns if any(name_score(name, role) >= 2 for role in ("quantity", "revenue"))]
        if sold:
            return (
                f"{self.side.file.name} has {listed(sold)} by date, which may be sales, so it was not used. If it is "
                "known before the sales of its dates, name it under data.covariates."
            )
        name, frame = self.side.file.name, self.side.sample.frame.select(*self.keys, *columns)
        rows = frame.with_columns(self.days.alias("__day")).drop_nulls("__day")
        days = np.unique(rows["__day"].to_numpy().astype("datetime64[D]"))
        if not len(days) or days[-1] < time.first or days[0] > time.last:
            return f"{name} has {listed(columns)} by date, but of another time than the sales, so it was not used."
        distinct = rows.select(*self.keys, "__day").n_unique()
        if not self.side.columns[self.date].timed and distinct < ONE_ROW * rows.height:
            texts = [c.name for c in self.side.columns.values() if c.kind == ValueKind.TEXT and c.name not in self.keys]
            by = f", by {first_five(texts)}, which the series do not have" if texts else ""
            return (
                f"{name} has several rows for each date{by}, so it was not used. To use its {listed(columns)}, give "
                "one row for each date, or add the column by which the rows differ to a table of stores or items."
            )
        if self._is_sparse:
            return (
                f"{name} has rows for {many(len(days), 'date')} only, so it was not used. To use its "
                f"{listed(columns)}, add the dates on which nothing happened, with 0, and name the table under "
                "data.covariates."
            )
        return None

    def tree(self, columns: list[str], *, ahead: bool) -> dict[str, Any]:
        """The settings of the table."""
        tree: dict[str, Any] = {"path": self.side.file.path, "date": self.date}
        if self.keys:
            tree["keys"] = list(self.keys)
        return tree | {"columns": columns} | ({} if ahead else {"known_ahead": False})

    def in_words(self, columns: list[str]) -> str:
        return f"{listed(columns)} by {listed([*self.keys, 'date'])}"


def _common_values(own: pl.Series, values: pl.Series) -> bool:
    """Whether a column of a table and one of the series have values in common."""
    texts, others = (column.cast(pl.String).str.strip_chars().drop_nulls().unique() for column in (own, values))
    numbers, other_numbers = (column.cast(pl.Float64, strict=False).drop_nulls() for column in (texts, others))
    return bool(texts.is_in(others.implode()).any() or numbers.is_in(other_numbers.implode()).any())
