"""The foot of the navigation: how old what is shown is, and who is signed in."""

from __future__ import annotations

import streamlit as st

from foresell.apps.dashboard import sign_in
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.pipeline.views.freshness import Freshness


def ages(session: Session) -> None:
    """Shows the ages of the results, and who is signed in."""
    shown: Freshness = session.view("freshness")
    reader = session.reader
    lines = [f"**{plain(shown.name)}**"]
    lines.append(f"Sales up to {plain(shown.sales_until)}" if shown.sales_until else "No sales read yet")
    lines.append(
        f"Forecast made {plain(reader.age(shown.forecast_made))}" if shown.forecast_made else "No forecast made yet"
    )
    lines += [f"Plan of {plain(kind)} made {plain(reader.age(when))}" for kind, when in shown.plans_made.items()]
    st.caption("  \n".join(lines))
    st.caption(f"Signed in: {plain(session.visitor.name)} ({session.visitor.role})")
    if session.visitor.name != sign_in.LOCAL and st.button("Sign out"):
        sign_in.sign_out()
        st.rerun()
