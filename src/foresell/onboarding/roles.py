"""Proposes the settings for a sales file from the names and the values of its columns, with a reason for each.

No choice is made silently. Where the data allow several, the proposal says which one was taken and what else it could
be. Where nothing fits, the error lists the columns and the option that names one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError, first_five
from foresell.data.files.input_files import find_files
from foresell.onboarding import presets, wide_table
from foresell.onboarding.dates.day_columns import dated_after_prefix, day_columns, year_columns
from foresell.onboarding.dates.periods import named_periods, period_columns
from foresell.onboarding.outline import filled_down
from foresell.onboarding.overrides import Overrides
from foresell.onboarding.proposal import Draft, Proposal, Reason, in_words
from foresell.onboarding.sales_tables import SalesTables, sales_among, sales_within
from foresell.onboarding.series_columns import UNITS, propose_layout, series_columns
from foresell.onboarding.table_inference import TableInference
from foresell.onboarding.table_sample import ROW, TableSample, sample_table
from foresell.onboarding.table_settings import in_decimal_of_texts

__all__ = ["Proposal", "Reason", "infer"]


def infer(
    sales: str, base: Path = Path(), preset: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Proposal:
    """Settings for the sales at `sales` (a file, folder, pattern or s3:// address, relative to `base`).

    `preset` (m5, favorita, rossmann) names a known layout, and the columns are not examined. A folder that has such a
    layout uses it unasked. `overrides` sets by hand settings of ``data`` (``date``, ``quantity``, ``keys`` and the
    others of `Overrides`) or the ``horizon``.

    Raises UsageError where no file, no date or no quantity is found, or an override does not fit the file;
    UnreadableFile for a file that is no table.
    """
    given = Overrides.of(overrides or {})
    if given.periods:
        given = replace(given, periods=os.path.abspath(base / Path(given.periods).expanduser()))
    if preset:
        return presets.apply(preset, sales, base, given.given())
    local = base / Path(sales).expanduser()
    fitting = presets.detect(local)
    if fitting and local.is_dir():
        proposal = presets.apply(fitting, sales, base, given.given())
        hint = (
            f"The folder is laid out like {fitting}, so that preset was used. To have the columns looked at instead, "
            "name the sales file with --data."
        )
    else:
        proposal = _infer_from_columns(sales, base, given)
        hint = f"The files are those of {fitting}: --preset {fitting} knows more of them than a look can find."
    return replace(proposal, doubts=(*proposal.doubts, hint)) if fitting else proposal


def _infer_from_columns(sales: str, base: Path, overrides: Overrides) -> Proposal:
    tables = _sales_tables(sales, base, overrides.sheet)
    overrides = replace(overrides, sheet=None)
    table = sample_table(
        tables.files, separator=overrides.separator, encoding=overrides.encoding, decimal=overrides.decimal
    )
    table = in_decimal_of_texts(table, overrides)
    draft = Draft()
    for doubt in tables.doubts:
        draft.add_doubt(doubt, "sheet" if "--sheet" in doubt else None)
    draft.set("data.sales", tables.path, "; ".join(filter(None, (tables.why, _sample_size(table)))))
    table = filled_down(draft, table, overrides)
    table = named_periods(draft, overrides.periods, table, overrides.date)
    _propose(draft, table, overrides)
    _refuse_unused(draft, table, overrides)
    return draft.finished()


def _propose(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """All settings, by the layout that the user gave, else by the one that the table has."""
    named = period_columns(draft, table.columns) or dated_after_prefix(table.columns, overrides)[1]
    has_day_columns = named or day_columns(table.columns) or year_columns(table.frame.drop(ROW), overrides.date_format)
    if overrides.layout == "wide" or (overrides.layout is None and has_day_columns):
        return wide_table.propose(draft, table, overrides)
    if overrides.layout in (None, "columns") and (columns := series_columns(table, overrides)):
        as_rows = replace(overrides, layout=None, keys=[columns.key], quantity=UNITS)
        TableInference(draft, columns.unpivoted(table), as_rows).propose()
        return propose_layout(draft, columns, overrides)
    if overrides.layout == "columns":
        raise UsageError(
            f"{table.name} has no column of dates that do not repeat, with columns of numbers beside it, so it is not "
            f"laid out with a column for each series. Its columns are {first_five(table.columns)}. Say --date if "
            "another column is the date, or leave --layout out."
        )
    return TableInference(draft, table, overrides).propose()


def _sales_tables(sales: str, base: Path, sheet: str | None) -> SalesTables:
    """The tables that `sales` names, or those of them that hold the sales; `sheet` is the user's choice."""
    address = sales if sales.startswith("s3://") else os.path.abspath(base / Path(sales).expanduser())
    if sheet is not None:
        books = "/*.xls*" if Path(address).is_dir() else ""
        sales, address = f"{sales}{books}/{sheet}", f"{address}{books}/{sheet}"
        files = find_files(sales, base)
        return SalesTables(files, address, "the sheet that you named")
    files = find_files(sales, base)
    if files[0].remote:
        return SalesTables(files, sales)
    if Path(address).is_dir():
        return sales_among(Path(address), find_files(address, base))
    if Path(address).is_file():
        return sales_within(Path(address), find_files(address, base))
    return SalesTables(files, address)


def _refuse_unused(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """Raises UsageError where a setting that the user gave is not among those proposed."""
    settings = {**draft.data, **draft.top, **draft.answers}
    for name, value in overrides.given().items():
        proposed = settings.get(name)
        if isinstance(value, str) and isinstance(proposed, list):  # a date that is made of several columns
            value = [part.strip() for part in value.split(",")]
        same = set(value) <= set(proposed or ()) if isinstance(value, list) else value == proposed
        if not same:
            raise UsageError(
                f"--{name.replace('_', '-')} {in_words(value)} has no use for {table.name}, which was taken for a "
                f"{_kind_of_file(table)} with the layout {draft.data['layout']!r}. "
                "Leave the option out, or say --layout if that is wrong."
            )


def _kind_of_file(table: TableSample) -> str:
    if table.in_workbook:
        return "sheet of a workbook"
    return "Parquet file" if table.text_format is None else "text file"


def _sample_size(table: TableSample) -> str:
    height = f"{table.frame.height:,} rows"
    rows = height if table.whole else f"the first {height} and samples of the rest"
    return f"{rows} of {len(table.columns)} columns looked at"
