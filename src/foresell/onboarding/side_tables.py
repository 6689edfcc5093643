"""The tables beside the sales file: items, stores, prices, a calendar, and covariates planned ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import ForesellError, first_five
from foresell.data.files.input_files import InputFile
from foresell.data.files.workbooks import WORKBOOK_ENDINGS
from foresell.onboarding import series_keys
from foresell.onboarding.candidate_table import CandidateTable
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ValueKind, profile_columns
from foresell.onboarding.covariate_tables import propose_covariates
from foresell.onboarding.dates.day_columns import dated_names
from foresell.onboarding.overrides import BY_HAND
from foresell.onboarding.proposal import NOT_USED, Draft
from foresell.onboarding.sales_tables import contents, tables_in
from foresell.onboarding.supply.plan_tables import propose_plan_tables
from foresell.onboarding.supply.supply_tables import FOLDER, TABLES, propose_supply
from foresell.onboarding.table_sample import TableSample, sample_table

MOST_TABLES = 30
SIDE_ROWS = 20_000
KEYS_LISTED = 0.5  # a table of items has at least this share of the items
LARGEST_WORKBOOK = 20_000_000  # bytes; a workbook beside the sales is read whole
FUTURE_WORDS = {"future", "test", "ahead", "upcoming", "planned", "plan", "zukunft", "futuro", "futur", "next"}


def propose(
    draft: Draft,
    sales: TableSample,
    series: pl.DataFrame,
    dates: Callable[[], np.ndarray],
    days: list[str] | None = None,
) -> pl.DataFrame:
    """Proposes the tables beside the sales that share its keys or dates.

    `dates` gives all dates of the sales, sorted; it is asked when the calendar is known. `days` are the day columns of
    a wide table. Returns `series` [series] with the attributes that the tables of items and stores add.
    """
    apart = propose_plan_tables(draft, _tables_of_supply(draft, sales))
    sides = propose_supply(draft, _tables_beside(draft, sales), apart, series, dates)
    for side in sides:
        if not _propose_future(draft, side):
            series = _propose_items_or_stores(draft, side, series)
    calendars = _prices_and_calendar(draft, sides, series, days or [])
    calendar = draft.data.get("calendar", {})
    rest = [side for side in sides if side.file.path not in _used(draft)]
    rest += [side.without(_columns_of_calendar(calendar)) for side in sides if side.file.path == calendar.get("path")]
    named = propose_covariates(draft, rest, series, dates()) if any(side.dates() for side in rest) else []
    _doubt_calendars(draft, [side for side in calendars if side.file.path not in named])
    _withdraw_date_format(draft, sides)
    _note_unused(draft, sides)
    return series


def _note_unused(draft: Draft, sides: list[CandidateTable]) -> None:
    """Notes the tables beside the sales that nothing uses and no doubt names."""
    rest = [side.file for side in sides if side.file.path not in _used(draft)]
    unnamed = [file.name for file in rest if not any(Path(file.path).name in doubt for doubt in draft.doubts)]
    if unnamed:
        draft.note(NOT_USED, first_five(unnamed), "beside the sales, and fits none of the tables that are used")


def _withdraw_date_format(draft: Draft, sides: list[CandidateTable]) -> None:
    """Leaves the date format open where a side table writes dates otherwise, as the setting is for all tables."""
    written = draft.data.get("date_format")
    used = _used(draft)
    for side in sides:
        formats = {text for column in side.columns.values() for text in column.formats}
        if written and formats and written not in formats and side.file.path in used:
            why = f"{side.file.name} writes dates in another way, so each file's format is detected"
            draft.set("data.date_format", None, why)
            return


def _tables_beside(draft: Draft, sales: TableSample) -> list[CandidateTable]:
    """The other tables in the folder of the sales file, or beside the folder where the sales are a folder."""
    if sales.files[0].remote:
        return []
    path = Path(draft.data["sales"])
    own = {Path(file.path).resolve() for file in sales.files}
    if draft.data.get("periods"):
        own.add(Path(draft.data["periods"]).resolve())
    files = [file for file in _files_beside(draft, path, own)[:MOST_TABLES] if Path(file.path).resolve() not in own]
    return _sampled(draft, [file for file in files if Path(file.path).resolve() != path.resolve()])


def _tables_of_supply(draft: Draft, sales: TableSample) -> list[CandidateTable]:
    """The tables in the folder ``supply`` beside the sales."""
    path = Path(draft.data["sales"])
    folder = path.parent / FOLDER
    if sales.files[0].remote or not folder.is_dir() or path in (folder, *folder.iterdir()):
        return []
    return _sampled(draft, tables_in(folder)[:MOST_TABLES])


def _sampled(draft: Draft, files: list[InputFile]) -> list[CandidateTable]:
    """The tables in files, of which those that cannot be read are named in a doubt."""
    sides = []
    for file in files:
        try:
            parts = tables_in(Path(file.path)) if Path(file.path).is_dir() else [file]
            sample = sample_table(parts, SIDE_ROWS, decimal=draft.data.get("decimal"))
        except ForesellError as error:
            draft.add_doubt(f"{file.name}, beside the sales, was left out: {error}")
            continue
        decimal = draft.data.get("decimal", ".")
        shared = tuple(key for key in draft.data["keys"] if key in sample.columns)
        sides.append(CandidateTable(file, sample, profile_columns(sample.frame, decimal), shared))
    return sides


def _files_beside(draft: Draft, sales: Path, own: set[Path]) -> list[InputFile]:
    """The tables in the folder of the sales, those in workbooks included; a folder of parts counts as a file."""
    container = next((parent for parent in (sales, *sales.parents) if parent.is_file()), None)
    folder = container.parent if container else sales.parent
    files = contents(InputFile(str(container), container.name)) if container else []
    for file in tables_in(folder):
        path = Path(file.path)
        if path.resolve() in own or path in (container, sales):
            continue
        try:
            large = path.suffix.lower() in WORKBOOK_ENDINGS and path.stat().st_size > LARGEST_WORKBOOK
            files += [] if large else contents(file)
            draft.add_doubt(f"{file.name}, beside the sales, was left out, because it is large." if large else None)
        except ForesellError as error:
            draft.add_doubt(f"{file.name}, beside the sales, was left out: {error}")
    return files + _folders_of_parts(folder, own)


def _folders_of_parts(folder: Path, own: set[Path]) -> list[InputFile]:
    """Folders with a name such as future or planned, which hold one table in parts."""
    named = [
        path for path in sorted(folder.iterdir()) if path.is_dir() and set(plain(path.name).split("_")) & FUTURE_WORDS
    ]
    return [InputFile(str(path), path.name) for path in named if tables_in(path) and path.resolve() not in own]


def _propose_future(draft: Draft, side: CandidateTable) -> bool:
    """Proposes a table that goes on where the sales end, without the quantity; False where the table is none."""
    data = draft.data
    if data.get("layout") == "wide" or "future" in data:
        return False
    named = [data[role] for role in ("price", "promotion", "open") if data.get(role)]
    ahead = [name for name in [*named, *data.get("known_ahead", [])] if name in side.columns]
    dates = [data["date"]] if isinstance(data["date"], str) else data["date"]
    fits = {*dates, *data["keys"]} <= set(side.columns) and data["quantity"] not in side.columns
    if not fits or not ahead or not set(side.stem.split("_")) & FUTURE_WORDS:
        return False
    draft.set(
        "data.future", side.file.path, f"it has the sales' columns without {data['quantity']}: {', '.join(ahead)}"
    )
    return True


def _propose_items_or_stores(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> pl.DataFrame:
    """Proposes a table that has one row for each value of one key; returns `series` with its columns."""
    if len(side.shared) != 1 or not side.other() or not side.one_row_for(side.shared):
        return series
    if dated_names(side.sample.columns):
        draft.add_doubt(
            f"{side.file.name} has columns that are named by dates, so it is no table of items, and was left out. If "
            "it holds sales of other dates, name the folder with --data."
        )
        return series
    key = side.shared[0]
    if doubt := _doubt_of_keys(side, key, series[key]):
        draft.add_doubt(doubt)
        return series
    slot = "stores" if series_keys.is_place(key) and name_score(key, "item") < 3 else "items"
    if slot in draft.data:
        draft.add_doubt(
            f"{side.file.name} describes {key} too, but only one table of {slot} can be used, so it was left out."
        )
        return series
    added = [name for name in side.other() if name not in series.columns]
    if not added:
        return series
    tree: dict[str, Any] = {"path": side.file.path, "keys": [key]}
    if len(added) < len(side.other()) or any(column.kind == ValueKind.ODD for column in side.columns.values()):
        tree["columns"] = added
    draft.set(f"data.{slot}", tree, f"one row for each {key}, with {', '.join(added)}")
    texts = side.sample.frame.select(pl.col(key).cast(pl.String).str.strip_chars(), *added)
    joined = series.with_columns(pl.col(key).cast(pl.String).alias("__key"))
    return joined.join(texts.rename({key: "__key"}), on="__key", how="left", maintain_order="left").drop("__key")


def _doubt_of_keys(side: CandidateTable, key: str, sold: pl.Series) -> str | None:
    """Why a table is none of all items or stores: it has few of those that are sold. None where it has most of them,
    however their numbers are written, and where not all of it was looked at."""
    plain, zeros = r"^0+(\d)", r"\.0+$"
    keys = (values.cast(pl.String).str.strip_chars() for values in (sold, side.sample.frame[key]))
    own, listed = (texts.str.replace(plain, "$1").str.replace(zeros, "").drop_nulls().unique() for texts in keys)
    known = int(own.is_in(listed.implode()).sum())
    if not side.sample.whole or known >= KEYS_LISTED * len(own):
        return None
    return (
        f"{side.file.name} has rows for {known:,} of the {len(own):,} values of {key} that were looked at, so it is no "
        "table of them, and was not used."
    )


# -- prices and calendar ------------------------------------------------------------------------------------------


def _prices_and_calendar(
    draft: Draft, sides: list[CandidateTable], series: pl.DataFrame, days: list[str]
) -> list[CandidateTable]:
    """Proposes tables of prices and a calendar; returns the tables that could be calendars and are not used as one."""
    priced = [side for side in sides if _is_prices(side) and side.file.path not in _used(draft)]
    calendars = [side for side in sides if _is_calendar(draft, side)]
    week = _propose_prices(draft, priced, calendars)
    if not calendars:
        return []
    best = max(
        calendars, key=lambda side: (bool(_day_column(side, days)), "calendar" in side.stem, week in side.columns)
    )
    tree = _calendar_settings(best, series, days, week)
    if len(tree) > 2:
        draft.set("data.calendar", tree, "one row for each date, with no column that names a series")
    return [side for side in calendars if side is not best or len(tree) <= 2]


def _doubt_calendars(draft: Draft, calendars: list[CandidateTable]) -> None:
    """Says of tables with one row for each date that nothing uses them."""
    for side in calendars:
        draft.add_doubt(
            f"{side.file.name} has one row for each date, but was not used. To use it, name its columns under "
            "data.calendar or data.covariates."
        )


def _used(draft: Draft) -> set[str]:
    """The paths of the tables beside the sales that are proposed."""
    tables = [draft.data.get(name) for name in ("items", "stores", "prices", "calendar")]
    tables += draft.data.get("covariates", [])
    orders = draft.top.get("orders", {})
    supply = {orders[name] for name in TABLES if name in orders}
    return {table["path"] for table in tables if table} | {draft.data.get("future", "")} | supply


def _is_prices(side: CandidateTable) -> bool:
    return bool(side.shared) and _price_of(side) is not None and not side.one_row_for(side.shared)


def _price_of(side: CandidateTable) -> str | None:
    fits = [c for c in side.columns.values() if c.kind == ValueKind.NUMBER and name_score(c.name, "price") >= 3]
    return max(fits, key=lambda c: name_score(c.name, "price")).name if fits else None


def _is_calendar(draft: Draft, side: CandidateTable) -> bool:
    if side.shared or not side.dates() or draft.data.get("quantity") in side.columns:
        return False
    return side.one_row_for([side.date_column()])


def _withdraw_price_of_lines(draft: Draft, side: CandidateTable) -> None:
    """Drops the price of transaction lines, known only on days with a sale, for a table with prices of all days."""
    reasons = [reason for reason in draft.reasons if reason.setting == "data.price"]
    if draft.data.get("layout") != "transactions" or not reasons or reasons[0].why == BY_HAND:
        return
    price = draft.withdraw("data.price")
    draft.leave_out(price, f"only sales have it; {side.file.name} has prices for other days as well")


def _propose_prices(draft: Draft, priced: list[CandidateTable], calendars: list[CandidateTable]) -> str | None:
    """Proposes a table of prices by date, or by a week that a calendar explains; returns the column of the week."""
    for side in priced:
        price = _price_of(side)
        if side.dates():
            _withdraw_price_of_lines(draft, side)
        if "price" in draft.data or "prices" in draft.data:
            draft.add_doubt(f"{side.file.name} holds prices too; those of the sales table were taken.")
            continue
        weeks = [name for name in side.other() if name != price and any(name in other.columns for other in calendars)]
        time = {"date": side.date_column()} if side.dates() else {"week": weeks[0]} if weeks else {}
        if not time:
            draft.add_doubt(
                f"{side.file.name} holds prices, but neither a date nor a week that a calendar explains, so it was not "
                "used."
            )
            continue
        tree = {"path": side.file.path, "keys": list(side.shared), "price": price, **time}
        draft.set("data.prices", tree, f"{price} by {', '.join(side.shared)} and {time.get('week', 'date')}")
        if "week" in time:
            return time["week"]
    return None


def _calendar_settings(side: CandidateTable, series: pl.DataFrame, days: list[str], week: str | None) -> dict[str, Any]:
    tree: dict[str, Any] = {"path": side.file.path, "date": side.date_column()}
    if day := _day_column(side, days):
        tree["day"] = day
    if week in side.columns:
        tree["week"] = week
    texts = [c for c in side.columns.values() if c.kind == ValueKind.TEXT]
    # A column with the type of an event, beside one with its name, is not taken for an event.
    events = [c.name for c in texts if name_score(c.name, "event") >= 2 and "type" not in plain(c.name).split("_")]
    if events:
        tree["events"] = events
    if flags := _flags(side, series):
        tree["flags"] = flags
    return tree


def _columns_of_calendar(calendar: dict[str, Any]) -> set[str]:
    """The columns that the settings of a calendar name, without that of its dates."""
    flags = (column for flag in calendar.get("flags", {}).values() for column in flag["columns"].values())
    return {*(calendar[name] for name in ("day", "week") if name in calendar), *calendar.get("events", ()), *flags}


def _day_column(side: CandidateTable, days: list[str]) -> str | None:
    """The calendar's column that holds the names of a wide table's day columns."""
    wanted = set(days)
    for column in side.columns.values() if wanted else ():
        if column.kind == ValueKind.TEXT and len(wanted & set(column.values.drop_nulls())) >= 0.95 * len(wanted):
            return column.name
    return None


def _flags(side: CandidateTable, series: pl.DataFrame) -> dict[str, Any]:
    """Flags such as snap_CA and snap_TX, where CA and TX are values of a column of the series."""
    flags: dict[str, Any] = {}
    values = {name: {str(value) for value in series[name].drop_nulls().unique()} for name in series.columns}
    for column in side.columns.values():
        stem, _, value = column.name.rpartition("_")
        by = next((name for name in values if value in values[name]), None)
        if column.kind == ValueKind.FLAG and stem and by:
            flag = flags.setdefault(stem, {"by": by, "columns": {}})
            if flag["by"] == by:
                flag["columns"][value] = column.name
    return flags
