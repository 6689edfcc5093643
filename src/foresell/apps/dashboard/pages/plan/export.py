"""The file of the plan for who sends the orders, and the decisions about it."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.downloads import downloads
from foresell.apps.dashboard.session import Session
from foresell.pipeline import views
from foresell.pipeline.plans.approval_log import APPROVED
from foresell.pipeline.views.approvals import Approvals
from foresell.pipeline.views.plan import ShownPlan

_APPROVED, _LIST = "approved lines", "all lines of the list"


def show(session: Session, shown: ShownPlan, query: dict[str, Any]) -> None:
    """Downloads, and the table of decisions."""
    with st.expander("Export, and who decided what", icon=":material/download:"):
        options = [_APPROVED, _LIST] if shown.has_quantities else [_LIST]
        which = st.radio("Export", options, horizontal=True, key="plan_export", label_visibility="collapsed")
        lines = shown.states.get(APPROVED, 0) if which == _APPROVED else shown.matching
        name = f"plan-{shown.kind}-{shown.day}{'-approved' if which == _APPROVED else ''}"
        asked = (
            {"state": APPROVED, "show": "all"} if which == _APPROVED else {**query, "state": query["state"] or "any"}
        )

        def table() -> pl.DataFrame:
            exported: Approvals = views.show(session.project, "approvals", kind=shown.kind, **asked)
            return exported.lines

        if not lines:
            st.markdown("No line is approved yet." if which == _APPROVED else "No line fits what is asked for.")
        else:
            st.caption(f"{session.reader.number(lines)} lines, with who approved them and when.")
            downloads(table, name)
        decided: Approvals = session.view("approvals", kind=shown.kind, most=1)
        if decided.decisions.height:
            st.markdown("**Decisions about plans of this kind**")
            st.dataframe(
                decided.decisions,
                hide_index=True,
                column_config={
                    "made": st.column_config.DatetimeColumn("when", format="localized"),
                    "verdict": st.column_config.TextColumn("decision"),
                    "lines": st.column_config.NumberColumn("lines", format="localized"),
                    "quantity": st.column_config.NumberColumn("quantity then", format="localized"),
                    "day": st.column_config.DateColumn("plan of", format="localized"),
                    "id": None,
                },
            )
