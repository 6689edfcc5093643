"""Search and filters of the plan. Their state is read first, because figures above them follow them too."""

from __future__ import annotations

from typing import Any

import streamlit as st

from foresell.pipeline.plans.approval_log import STATES
from foresell.pipeline.views.plan import ShownPlan, where_text

_ALL = "all"


def _slot(name: str) -> str:
    return f"plan_filter_{name}"


def query(shown: ShownPlan) -> dict[str, Any]:
    """What is asked of the view of the plan."""
    state = st.session_state
    chosen = {name: state.get(_slot(name)) for name in shown.choices}
    return {
        "search": state.get("plan_search", ""),
        "state": state.get("plan_state") or "",
        "where": where_text({name: value for name, value in chosen.items() if value}),
        "show": "all" if state.get("plan_all") else "to do",
    }


def show(shown: ShownPlan) -> None:
    """The widgets."""
    search, state, idle = st.columns([3, 2, 2], vertical_alignment="bottom")
    search.text_input("Search", key="plan_search", placeholder="Words of the keys, all of which must occur")
    state.selectbox("State", STATES, index=None, placeholder=_ALL, key="plan_state")
    idle.checkbox("Also lines with nothing to do", key="plan_all")
    if shown.choices:
        with st.expander("Filter by " + ", ".join(_title(name) for name in shown.choices)):
            places = st.columns(min(len(shown.choices), 4))
            for place, (name, values) in enumerate(shown.choices.items()):
                places[place % 4].selectbox(
                    _title(name), values, index=None, placeholder=_ALL, key=_slot(name), format_func=str
                )


def _title(name: str) -> str:
    return {"binds": "what binds"}.get(name, name)
