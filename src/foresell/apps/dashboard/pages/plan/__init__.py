"""The page of plans: what to do today, why, what it costs, who approved it, and the file for who sends it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from foresell.apps.dashboard.notifications import show_notices
from foresell.apps.dashboard.pages.plan import actions, again, export, filters, lines, service
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.words import many
from foresell.pipeline.plans.approval_log import APPROVED, CHANGED
from foresell.pipeline.views.plan import ShownPlan
from foresell.pipeline.views.plans import Plans


def page(session: Session) -> None:
    """Shows the newest plan of the chosen kind."""
    st.title("Plan")
    kind = _kind(session)
    show_notices()
    first: ShownPlan = session.view("plan", kind=kind, most=1)
    again.show(session, kind, is_made=first.made is not None)
    query = filters.query(first)
    shown: ShownPlan = session.view("plan", kind=kind, **query)
    if shown.made is None:
        st.info(plain(shown.missing), icon=":material/info:")
        return
    _summary(session, shown)
    if shown.missing:
        st.info(plain(shown.missing), icon=":material/info:")
    filters.show(shown)
    chosen = lines.show(session, shown, query)
    if shown.has_quantities:
        actions.show(session, shown, query, chosen)
    export.show(session, shown, query)
    service.show(session, shown)


def _kind(session: Session) -> str:
    """The chosen kind of plan; the made ones come first."""
    kinds: Plans = session.view("plans")
    rows = kinds.kinds.sort(pl.col("made").is_null(), maintain_order=True)
    about = dict(zip(rows["kind"], rows["about"], strict=True))
    kind = st.segmented_control(
        "Kind of plan",
        list(about),
        default=next(iter(about)),
        required=True,
        format_func=str.capitalize,
        key="plan_kind",
    )
    st.caption(f"{plain(about[kind].capitalize())}.")
    return kind


def _summary(session: Session, shown: ShownPlan) -> None:
    reader = session.reader
    approved, changed = shown.states[APPROVED], sum(shown.states[state] for state in CHANGED.values())
    figures = [
        ("Lines to decide", reader.number(shown.states["to decide"])),
        ("Approved", reader.number(approved)),
        ("Changed since", reader.number(changed)),
        ("Money at risk", reader.number(shown.matching_money, 0)),
        ("Cost", reader.number(shown.matching_cost, 0)),
    ]
    if shown.has_quantities:
        with st.container(horizontal=True):
            for name, value in figures:
                st.metric(name, value, border=True, width=150, help=_MEANING[name])
    if shown.headline:
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown.headline))
    if shown.amended:
        st.warning(
            f"Overrides changed {many(shown.amended, 'line')} after this plan was made. The quantities here have them; "
            "files and the database have them when the plan is made again.",
            icon=":material/edit:",
        )
    if shown.findings:
        with st.expander(f"{len(shown.findings)} findings need a look", icon=":material/report:"):
            for finding in shown.findings:
                st.text(finding)


_MEANING = {
    "Lines to decide": "Lines with something to do about which nobody decided yet.",
    "Approved": "Lines that somebody approved at the quantity that they have now.",
    "Changed since": "Lines whose quantity is another one than when they were approved or rejected.",
    "Money at risk": "By how much the lines of the list below lower the expected cost, against doing nothing.",
    "Cost": "What the lines of the list below cost.",
}
