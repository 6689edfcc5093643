"""What a planner should look at, ranked; who works on it, and what was said about it."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.links import forecast_link
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.words import columns
from foresell.pipeline.monitoring.exception_log import ACKNOWLEDGED, Action, ExceptionLog
from foresell.pipeline.views.exceptions import Exceptions, ExceptionsQuery, Rank, State, narrowed
from foresell.serving.keys import Role

_STATES: dict[State, str] = {"open": "Open", "acknowledged": "Acknowledged", "all": "All"}
_DONE = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "comment": "commented on",
    "reopen": "open again",
}
_CHOSEN, _SAID = "exception_chosen", "exception_said"
_ALL = ""


def page(session: Session) -> None:
    """Shows the exceptions with their filters, and the work on one of them."""
    st.title("Exceptions")
    limits = _limits()
    every: Exceptions = session.view("exceptions", state="all", limits=limits, most=0)
    shown = _filtered(session, every)
    st.markdown(f"**{plain(shown.headline)}**")
    for sentence in shown.missing:
        st.caption(plain(sentence))
    if shown.table.is_empty():
        _said(session)
        if every.table.height:
            st.markdown("Nothing fits the filters. Take one away to see more.")
        return
    _table(shown)
    _one(session, shown)


def _limits() -> dict[str, float]:
    """The limits by level that the visitor has set in this session."""
    return dict(st.session_state.get("exception_limits") or {})


def _filtered(session: Session, every: Exceptions) -> Exceptions:
    first, second, third, fourth = st.columns(4)
    state = first.selectbox("State", list(_STATES), format_func=lambda state: _STATES[state], key="exception_state")
    level = second.selectbox(
        "Level", [_ALL, *every.levels], format_func=lambda level: columns(level) or "All levels", key="exception_level"
    )
    kind = third.selectbox(
        "Kind", [_ALL, *every.kinds], format_func=lambda kind: every.kinds.get(kind, "All kinds"), key="exception_kind"
    )
    assignee = fourth.selectbox(
        "Given to", [_ALL, *every.assignees], format_func=lambda name: name or "Anybody", key="exception_assignee"
    )
    search, rank = st.columns([3, 1])
    text = search.text_input("Search", key="exception_search", placeholder="A part of a name")
    ranks: list[Rank] = ["money", "units"] if every.table["money"].count() else ["units"]
    by = rank.selectbox("Rank by", ranks, key="exception_rank")
    _settings(every)
    query = ExceptionsQuery(
        rank=by, state=state, level=level or "", kind=kind or "", assignee=assignee or "", search=text.strip()
    )
    return narrowed(every, query)


def _settings(every: Exceptions) -> None:
    """The limits from which on a forecast is an exception, in per cent, for this session."""
    if not every.limits:
        return
    with st.expander("From which difference on"), st.form("exception_limits_form", border=False):
        st.markdown("A forecast is an exception where it differs from last year, or from the forecast before, by more.")
        given = {
            level: st.number_input(
                f"{columns(level)}, in %", 0, 1000, round(100 * share), 5, key=f"exception_limit {level}"
            )
            for level, share in every.limits.items()
        }
        if st.form_submit_button("Use these"):
            st.session_state["exception_limits"] = {level: percent / 100 for level, percent in given.items()}
            st.rerun()


def _table(shown: Exceptions) -> None:
    """The table; a row that is clicked is the one below."""
    table = shown.table.select(
        pl.col("kind").replace(shown.kinds),
        pl.Series("level", [columns(level) for level in shown.table["level"]], dtype=pl.String),
        pl.col("group"),
        pl.col("units").round(1),
        pl.col("money").round(0),
        pl.col("state"),
        pl.col("assignee"),
        pl.col("comments"),
        pl.col("sentence"),
    )
    unused = [name for name in ("units", "money") if not table[name].count()]
    config = {
        "kind": st.column_config.TextColumn("Kind"),
        "level": st.column_config.TextColumn("Level"),
        "group": st.column_config.TextColumn("Where"),
        "units": st.column_config.NumberColumn("Units", format="localized"),
        "money": st.column_config.NumberColumn("Money", format="localized"),
        "state": st.column_config.TextColumn("State"),
        "assignee": st.column_config.TextColumn("Given to"),
        "comments": st.column_config.NumberColumn("Comments"),
        "sentence": st.column_config.TextColumn("What happened", width="large"),
    }
    table = table.drop(unused)
    ids = shown.table["id"].to_list()

    def choose() -> None:
        rows = st.session_state["exception_table"]["selection"]["rows"]
        if rows and rows[0] < len(ids):
            st.session_state[_CHOSEN] = ids[rows[0]]

    st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        on_select=choose,
        selection_mode="single-row",
        key="exception_table",
        height=min(38 + 35 * table.height, 420),
    )
    if shown.more:
        st.caption(f"{shown.more} smaller ones are not listed; narrow the filters to see them.")


def _one(session: Session, shown: Exceptions) -> None:
    """One exception: its sentence, the forecast behind it, what was done, and what can be done."""
    sentences = dict(shown.table.select("id", "sentence").iter_rows())
    if st.session_state.get(_CHOSEN) not in sentences:
        st.session_state[_CHOSEN] = next(iter(sentences))
    st.subheader("Work on one")
    chosen = st.selectbox("Exception", list(sentences), format_func=sentences.__getitem__, key=_CHOSEN)
    _said(session)
    row = shown.table.row(by_predicate=pl.col("id") == chosen, named=True)
    with st.container(border=True):
        st.markdown(plain(row["sentence"]))
        given = f", given to **{plain(row['assignee'])}**" if row["assignee"] else ""
        st.markdown(f"**{plain(row['state'])}**{given}. {plain(_amounts(session, row))}")
        if shown.places[chosen]:
            forecast_link(row["level"], shown.places[chosen])
        _history(session, shown, chosen)
        if session.visitor.may(Role.PREDICT):
            _actions(session, row, shown.sizes[chosen])


def _said(session: Session) -> None:
    """What was done a moment ago; what takes an exception from the list can be undone at once."""
    said: tuple[str, Action, str, str] | None = st.session_state.pop(_SAID, None)
    if said is None:
        return
    id, action, group, sentence = said
    st.success(f"{plain(group)}: {_DONE[action]}.", icon=":material/check:")
    if action == "acknowledge":

        def undo() -> None:
            session.require(Role.PREDICT)
            ExceptionLog(session.folder).add(id, "reopen", session.visitor.name, sentence=sentence)
            st.session_state[_SAID] = (id, "reopen", group, sentence)
            st.session_state[_CHOSEN] = id

        st.button("Undo", on_click=undo, icon=":material/undo:")


def _amounts(session: Session, row: dict[str, Any]) -> str:
    units = [] if row["units"] is None else [f"{session.reader.number(row['units'])} units"]
    money = [] if row["money"] is None else [f"worth {session.reader.number(row['money'])}"]
    return f"{', '.join([*units, *money])}." if units or money else ""


def _history(session: Session, shown: Exceptions, chosen: str) -> None:
    for event in shown.history.filter(pl.col("id") == chosen).iter_rows(named=True):
        what = _DONE[event["action"]]
        to = f" to {event['assignee'] or 'nobody'}" if event["action"] == "assign" else ""
        text = f": {event['text']}" if event["text"] else ""
        st.markdown(f"- {plain(session.reader.time(event['made']))}, {plain(event['who'])} {what}{plain(to + text)}")


def _actions(session: Session, row: dict[str, Any], size: float | None) -> None:
    chosen = row["id"]

    def write(action: Action, **more: str) -> None:
        session.require(Role.PREDICT)
        ExceptionLog(session.folder).add(
            chosen, action, session.visitor.name, size=size, sentence=row["sentence"], **more
        )
        st.session_state[_SAID] = (chosen, action, row["group"], row["sentence"])

    comment_key, assign_key = f"exception_comment {chosen}", f"exception_assign {chosen}"

    def comment() -> None:
        text = str(st.session_state[comment_key]).strip()
        if text:
            write("comment", text=text)
            st.session_state[comment_key] = ""

    def assign() -> None:
        write("assign", assignee=str(st.session_state[assign_key]).strip())

    if row["state"] == ACKNOWLEDGED:
        st.button("Open it again", on_click=write, args=("reopen",), icon=":material/undo:")
    else:
        st.button("Acknowledge", on_click=write, args=("acknowledge",), icon=":material/done:", type="primary")
        st.caption("It comes back when it has grown by more than a tenth.")
    left, right = st.columns(2)
    with left:
        st.text_area("Comment", key=comment_key, height=80)
        st.button("Add the comment", on_click=comment)
    with right:
        st.text_input("Give it to", value=row["assignee"], key=assign_key, placeholder=session.visitor.name)
        st.button("Give", on_click=assign)
