"""The page of data and runs: what was found, the state of the steps, runs with their logs, new data, the settings."""

from __future__ import annotations

import streamlit as st

from foresell.apps.dashboard.pages.data import findings, run_panel, upload
from foresell.apps.dashboard.session import Session


def page(session: Session) -> None:
    """Shows the runs, the findings with the bad rows, and the settings."""
    st.title("Data and runs")
    with st.container():  # it is there without a run too, so that the chosen tab stays when one begins
        working = run_panel.show_at_work(session)
    runs, found, sales, settings = st.tabs(["Runs", "Findings", "New sales", "Settings"])
    with runs:
        run_panel.show(session, working)
    with found:
        findings.show(session)
    with sales:
        upload.show(session)
    with settings:
        shown = session.view("settings")
        st.caption("These are in force with their defaults. They are changed in the file, read anew each time.")
        st.text(str(shown.file))
        st.code(shown.text, language="yaml", height=600)
