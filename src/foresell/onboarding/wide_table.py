"""A wide table: one row for each series, one column for each day."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.data.input_files import find_files
from foresell.data.values import most_regular_format, to_date
from foresell.onboarding import frequency, identity, side_tables
from foresell.onboarding.columns import Kind, profile
from foresell.onboarding.identity import DAY
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_inference import check_names, conclude_country, conclude_dialect, conclude_levels
from foresell.onboarding.table_sample import Peek, look

FEWEST_DAYS = 14  # numbered columns; fewer may be attributes
FEWEST_DATES = 6
DATED = r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[./]\d{1,2}[./]\d{4}|(19|20)\d{6}"


def day_columns(columns: list[str], prefix: str | None = None) -> tuple[str, list[str]] | None:
    """The day columns and what their names begin with; None where the table is not wide.

    >>> prefix, days = day_columns(["item", *(f"d_{day}" for day in range(1, 31))])
    >>> prefix, len(days)
    ('d_', 30)
    """
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        if match := re.fullmatch(r"(.*?)(\d+)", name):
            numbered.setdefault(match[1], []).append((int(match[2]), name))
    if prefix is not None:
        numbered = {prefix: numbered.get(prefix, [])}
    best = max(numbered, key=lambda each: len(numbered[each]), default=None)
    if best is None or (prefix is None and len(numbered[best]) < FEWEST_DAYS):
        return None
    days = sorted(numbered[best])
    running = len(days) > 1 and days[-1][0] - days[0][0] == len(days) - 1
    return (best, [name for _, name in days]) if running else None


def dated_columns(columns: list[str]) -> list[str]:
    """Columns whose names are dates, where there are enough of them to be a wide table.

    >>> dated_columns(["item", *(f"2024-01-{day:02d}" for day in range(1, 31))])[:2]
    ['2024-01-01', '2024-01-02']
    """
    found = [name for name in columns if re.fullmatch(DATED, name)]
    return found if len(found) >= FEWEST_DATES else []


def conclude(draft: Draft, peek: Peek, said: dict[str, Any]) -> None:
    """All settings of a wide table. Raises UsageError where nothing says which dates its columns are."""
    check_names(peek, {name: value for name, value in said.items() if name not in ("date", "quantity")})
    dated = dated_columns(peek.columns) if not said.get("day_prefix") else []
    found = ("", dated) if dated else day_columns(peek.columns, said.get("day_prefix"))
    if found is None:
        raise UsageError(
            f"{peek.name} has no run of numbered day columns such as d_1, d_2. It has {first_five(peek.columns)}. Name "
            "what they begin with by day_prefix, or take layout: long."
        )
    prefix, days = found
    named = "are named by dates" if dated else "are numbered"
    draft.conclude("data.layout", "wide", f"{len(days):,} columns {named}, from {days[0]} to {days[-1]}")
    draft.conclude("data.day_prefix", prefix, "what the names of the day columns begin with, before the number or date")
    names = [name for name in peek.columns if name not in days]
    decided = Peek(peek.files, peek.frame.select("__row", *names), peek.dialect, peek.whole, peek.can_scan)
    conclude_dialect(draft, Peek(peek.files, peek.frame.select("__row", *days[-9:]), peek.dialect, True, False), said)
    series = _series(draft, peek, names, said)
    joined = side_tables.conclude(draft, decided, series, days)
    _time(draft, days, peek, said)
    conclude_levels(draft, joined)
    conclude_country(draft, joined, said, series)


def _series(draft: Draft, peek: Peek, names: list[str], said: dict[str, Any]) -> pl.DataFrame:
    """The keys and attributes, from the columns that are no days, of all rows where they can be had."""
    frame = peek.scan().select(names).collect() if peek.can_scan and not peek.whole else peek.frame.select(names)
    columns = [c for c in profile(frame).values() if c.kind in (Kind.TEXT, Kind.NUMBER, Kind.FLAG)]
    sample = frame.with_columns(pl.lit(0).alias(DAY))
    found = None if "keys" in said else identity.find(sample, columns, timed=False)
    keys = list(said["keys"]) if "keys" in said else list(found.keys) if found else []
    if not keys or identity.repeated(sample, keys) > 0:
        raise UsageError(
            f"In {peek.name} no columns name one row each ({', '.join(names)} were looked at). A wide table has one "
            "row for each series; say which columns name it with --keys."
        )
    draft.conclude("data.keys", keys, "as you said" if found is None else "each row has values of its own in them")
    for doubt in found.doubts if found else ():
        draft.doubt(doubt)
    rest = [c for c in columns if c.name not in keys]
    attributes = said.get("attributes") or [c.name for c in rest if 1 < c.distinct < frame.height]
    draft.conclude(
        "data.attributes", attributes, "they describe a series" if attributes else "there are no other columns"
    )
    for column in rest:
        if column.name not in attributes:
            draft.unused(column.name, "it has one value only" if column.distinct == 1 else "it numbers the rows")
    return frame.select([*keys, *attributes])


def _time(draft: Draft, days: list[str], peek: Peek, said: dict[str, Any]) -> None:
    """The frequency and the horizon, from the dates that the calendar or the columns' names give."""
    dates = _dates_of_calendar(draft, days, peek) if draft.data["day_prefix"] else _dates_of_names(draft, days, said)
    each = frequency.frequency(dates)
    each = frequency.Conclusion(said["frequency"], "as you said") if "frequency" in said else each
    draft.conclude("data.frequency", each.value, each.why)
    draft.doubt(each.doubt)
    ahead = frequency.horizon(str(each.value), len(dates))
    ahead = frequency.Conclusion(int(said["horizon"]), "as you said") if "horizon" in said else ahead
    draft.conclude("horizon", ahead.value, ahead.why)


def _dates_of_names(draft: Draft, days: list[str], said: dict[str, Any]) -> np.ndarray:
    names = pl.Series("day", days)
    column = profile(names.to_frame(), date_format=said.get("date_format"))["day"]
    if column.kind != Kind.DATE:
        raise UsageError(f"The columns {first_five(days)} look like dates, but no one format reads them all.")
    chosen = most_regular_format(column.formats, names)
    draft.conclude("data.date_format", chosen, f"reads names of columns such as {days[0]}")
    return np.unique(to_date(names, chosen).drop_nulls().to_numpy().astype("datetime64[D]"))


def _dates_of_calendar(draft: Draft, days: list[str], peek: Peek) -> np.ndarray:
    calendar = draft.data.get("calendar", {})
    if "day" not in calendar:
        raise UsageError(
            f"{peek.name} has the day columns {days[0]} to {days[-1]}, but no table beside it says which dates they "
            "are. Put a calendar in the same folder: a column of dates and one with the names of the day columns."
        )
    table = look(find_files(calendar["path"], Path()))
    columns = profile(table.frame)
    here = pl.DataFrame({"day": table.frame[calendar["day"]], "date": columns[calendar["date"]].values})
    known = here.filter(pl.col("day").is_in(days))["date"].drop_nulls()
    return np.unique(known.to_numpy().astype("datetime64[D]"))
