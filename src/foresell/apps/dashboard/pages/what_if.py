"""What would happen at another price or promotion, and what a plan would be with another lead time."""

from __future__ import annotations

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts.base import show_chart
from foresell.apps.dashboard.charts.before_after import before_after
from foresell.apps.dashboard.downloads import downloads
from foresell.apps.dashboard.group_picker import group_picker
from foresell.apps.dashboard.pages.why import days_picker
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.core.words import many
from foresell.pipeline.views.series_groups import where_text
from foresell.pipeline.views.what_if import PlanWhatIf, ShownWhatIf

KEEP = "as it is"
_SWITCH = {KEEP: "", "on": "on", "off": "off"}


def page(session: Session) -> None:
    """Asks for a change, and shows before and after. Nothing is written."""
    st.title("What if")
    st.caption("A question changes nothing: the data, the forecast and the plans stay as they are.")
    demand, plan = st.tabs(["Price and promotion", "Lead time, service and budget"])
    with demand:
        _demand(session)
    with plan:
        _plan(session)


def _demand(session: Session) -> None:
    where, group = group_picker(session)
    st.header(plain(group.name), anchor=False)
    st.caption(many(group.series, "series", "series"))
    choices: ShownWhatIf = session.view("what_if", where=where)
    if not choices.covariates:
        st.info(plain(choices.sentences[0]))
        return
    with st.form("what_if", border=True):
        first, last = days_picker("what_if", choices.begins, choices.ends)
        changes = _changes(choices.covariates)
        asked = st.form_submit_button("Forecast with this", type="primary")
    slot = st.session_state.setdefault("what_if_asked", {})
    if asked:
        slot.clear()
        slot.update(where=where, changes=where_text(changes), first=first, last=last)
    if not slot or slot["where"] != where:
        return
    if not slot["changes"]:
        st.info("Nothing is changed yet. Enter another price or promotion.")
        return
    try:
        shown: ShownWhatIf = session.view("what_if", **slot)
    except ForesellError as error:
        st.error("This cannot be asked.", icon=":material/error:")
        st.text(str(error))
        return
    _answer(session, shown)


def _changes(covariates: list[str]) -> dict[str, str]:
    """The changes that are entered, by covariate."""
    changes = {}
    for name in covariates:
        if name == "price":
            text = st.text_input(
                "Price", key="change_price", placeholder="-10% or 1.99", help="A change in per cent, or a new price."
            )
        elif name == "promotion":
            text = _SWITCH[st.radio("Promotion", list(_SWITCH), horizontal=True, key="change_promotion")]
        else:
            text = st.text_input(name, key=f"change_{name}", placeholder="a number, -10%, on or off")
        if text.strip():
            changes[name] = text.strip().replace(",", ".") if name == "price" else text.strip()
    return changes


def _answer(session: Session, shown: ShownWhatIf) -> None:
    reader = session.reader
    with st.container(horizontal=True):
        st.metric("As it is", f"{reader.number(shown.before)} units", border=True)
        change = reader.change(shown.after / shown.before - 1, 1) if shown.before > 0 else None
        st.metric(
            "As it would be",
            f"{reader.number(shown.after)} units",
            change,
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        if shown.low == shown.low:
            st.metric("Range of the effect", f"{reader.number(shown.low)} to {reader.number(shown.high)}", border=True)
    for sentence in shown.sentences:
        st.markdown(plain(sentence))
    table = shown.days.select(
        Day="date",
        **{"As it is": pl.col("before").round(2), "As it would be": pl.col("after").round(2)},
    )
    words = f"The forecast of {shown.name} before and after the change. " + " ".join(shown.sentences)
    show_chart(before_after(session, shown), words, table, key="what_if_chart")
    downloads(table, "what_if")


def _plan(session: Session) -> None:
    """The plan of orders with other settings."""
    st.markdown(
        "What would the plan of orders be, if all suppliers took another time, or with another service or budget?"
    )
    with st.form("plan_what_if", border=True):
        lead = st.number_input("Lead time in days, of all items", 0.0, 365.0, None, 1.0, key="plan_lead")
        service = st.number_input("Service level in per cent", 50.0, 99.9, None, 0.5, key="plan_service")
        budget = st.number_input("Budget in money", 0.0, None, None, 100.0, key="plan_budget")
        asked = st.form_submit_button("Plan with this", type="primary")
    given = {"lead_days": lead, "service": None if service is None else service / 100, "budget": budget}
    if asked:
        st.session_state.plan_asked = {name: value for name, value in given.items() if value is not None}
    changes: dict[str, float] | None = st.session_state.get("plan_asked")
    if changes is None:
        return
    if not changes:
        st.info("Nothing is changed yet. Enter one of the three.")
        return
    try:
        with st.spinner("Planning, which may take a minute …"):
            shown: PlanWhatIf = session.view("plan_what_if", **changes)
    except ForesellError as error:
        st.error("This plan cannot be made.", icon=":material/error:")
        st.text(str(error))
        return
    for sentence in shown.sentences:
        st.markdown(plain(sentence))
    numbers = st.column_config.NumberColumn(format="localized")
    labels = {"before": "As it was planned", "after": "As it would be", "change": "Change"}
    columns = dict.fromkeys(labels.values(), numbers)
    totals = shown.totals.with_columns(pl.selectors.float().round(2))
    st.dataframe(_renamed(totals, {"figure": " ", **labels}), hide_index=True, column_config=columns)
    if shown.lines.height:
        st.subheader("Lines that change most", anchor=False)
        table = _renamed(shown.lines, labels)
        st.dataframe(table, hide_index=True, column_config=columns)
        downloads(table, "plan_what_if")


def _renamed(table: pl.DataFrame, labels: dict[str, str]) -> pl.DataFrame:
    return table.rename({name: text for name, text in labels.items() if name in table.columns})
