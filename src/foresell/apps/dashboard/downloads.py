"""A table as a file to take along: CSV and Excel. Text in it is never run as a formula."""

from __future__ import annotations

import io

import polars as pl
import streamlit as st

from foresell.core.spreadsheets import escape_formulas

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def downloads(table: pl.DataFrame, name: str) -> None:
    """Two buttons that download the table as files called `name`."""
    with st.container(horizontal=True):
        st.download_button(
            "Download CSV",
            lambda: csv_bytes(table),
            f"{name}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"csv_{name}",
            on_click="ignore",
        )
        st.download_button(
            "Download Excel",
            lambda: excel_bytes(table),
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
    """The table as a workbook of one sheet, in which text is text."""
    file = io.BytesIO()
    escape_formulas(table).write_excel(file, autofit=True, freeze_panes=(1, 0))
    return file.getvalue()
