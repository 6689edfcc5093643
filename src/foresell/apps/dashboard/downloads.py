"""A table as a file to take along: CSV and Excel. Text in it is never run as a formula."""

from __future__ import annotations

import io
from collections.abc import Callable

import polars as pl
import streamlit as st

from foresell.core.spreadsheets import escape_formulas

_FITTED_ROWS = 2000
"""The columns of a workbook with more rows have the usual width, because to fit them takes longer than all else."""

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def downloads(table: pl.DataFrame | Callable[[], pl.DataFrame], name: str) -> None:
    """Two buttons that download the table as files called `name`; a function is asked for it when one is pressed."""

    def wanted() -> pl.DataFrame:
        return table if isinstance(table, pl.DataFrame) else table()

    with st.container(horizontal=True):
        st.download_button(
            "Download CSV",
            lambda: csv_bytes(wanted()),
            f"{name}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"csv_{name}",
            on_click="ignore",
        )
        st.download_button(
            "Download Excel",
            lambda: excel_bytes(wanted()),
            f"{name}.xlsx",
            EXCEL,
            icon=":material/download:",
            key=f"excel_{name}",
            on_click="ignore",
        )


def csv_bytes(table: pl.DataFrame) -> bytes:
    """The table as CSV in UTF-8, with the mark by which spreadsheets know it."""
    return b"\xef\xbb\xbf" + escape_formulas(table).write_csv().encode()


def excel_bytes(table: pl.DataFrame) -> bytes:
    """The table as a workbook of one sheet, in which text is text. Times lose their zone, as workbooks know none."""
    from xlsxwriter import Workbook

    zoned = [name for name, kind in table.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    table = escape_formulas(table.with_columns(pl.col(name).dt.replace_time_zone(None) for name in zoned))
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with Workbook(file, options) as workbook:
        table.write_excel(workbook, autofit=table.height <= _FITTED_ROWS, freeze_panes=(1, 0))
    return file.getvalue()
