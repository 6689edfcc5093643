"""What was found in the data, worst first, and the bad rows."""

from __future__ import annotations

import polars as pl
import streamlit as st

from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.pipeline.views.findings import FindingsView

_SIGNS = {"error": "✖ error", "warning": "▲ warning", "info": "○ remark"}


def show(session: Session) -> None:
    """Shows the findings, and the bad rows with a search."""
    shown: FindingsView = session.view("findings")
    st.markdown(plain(shown.sentence))
    if shown.findings.is_empty():
        return
    _table(shown.findings, session)
    st.subheader("Bad rows")
    if shown.quarantine is None:
        st.markdown("No row was left out.")
        return
    search = st.text_input(
        "Search the bad rows", key="bad_rows_search", placeholder="a part of the file, reason or row"
    )
    matching: FindingsView = session.view("findings", search=search)
    page = 1
    if matching.pages > 1:
        page = int(st.number_input(f"Page of {matching.pages}", 1, matching.pages, key=f"bad_rows_page_{search}"))
    of_page: FindingsView = session.view("findings", search=search, page=page) if page > 1 else matching
    number = session.reader.number
    st.caption(f"{number(matching.matching)} of {number(shown.quarantined)} rows")
    st.dataframe(
        of_page.bad_rows,
        hide_index=True,
        column_config={
            "line": st.column_config.NumberColumn(format="plain"),
            "text": st.column_config.TextColumn("the row as it stands", width="large"),
        },
    )
    st.download_button(
        "Download all bad rows", shown.quarantine.read_bytes(), "bad_rows.csv", "text/csv", on_click="ignore"
    )


def finding_boxes(findings: pl.DataFrame) -> pl.DataFrame:
    """Shows each error and warning with its advice; returns them."""
    worst = findings.filter(pl.col("severity") != "info")
    for row in worst.iter_rows(named=True):
        box = st.error if row["severity"] == "error" else st.warning
        text = f"**{plain(row['message'])}** in {plain(row['where'])}"
        text += f"  \nSuch as: {plain(row['examples'])}" if row["examples"] else ""
        box(text + (f"  \n{plain(row['advice'])}" if row["advice"] else ""))
    return worst


def _table(findings: pl.DataFrame, session: Session) -> None:
    worst = finding_boxes(findings)
    columns = ["severity", "message", "where", "count", "examples", "advice", "finding", "found_by"]
    with st.expander(f"All {findings.height} findings as a table", expanded=worst.is_empty()):
        st.dataframe(
            findings.select(columns).with_columns(pl.col("severity").replace(_SIGNS)),
            hide_index=True,
            column_config={
                "count": st.column_config.NumberColumn(format="localized"),
                "message": st.column_config.TextColumn(width="large"),
                "found_by": "found by",
            },
        )
