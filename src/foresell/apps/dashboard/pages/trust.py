"""How far the forecasts can be trusted."""

from __future__ import annotations

import streamlit as st

from foresell.apps.dashboard.session import Session
from foresell.pipeline.views.trust import Trust


def page(session: Session) -> None:
    """Shows the scores of the models on the past."""
    shown: Trust = session.view("trust")
    st.title("Trust")
    st.dataframe(shown.leaderboard, hide_index=True)
