"""Overrides: what people put beside the plan, the overrides that hold, and what they added."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.notifications import notice, show_notices, writing
from foresell.apps.dashboard.pages.plan.actions import change_of, day_of, entered_fields, override_fields
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError, UsageError
from foresell.core.words import many
from foresell.pipeline.views.overrides import Overrides, ShownOverrideScores
from foresell.pipeline.views.plans import Plans
from foresell.serving.keys import Role

WATCH_SECONDS = 15
_ENTERED = "entered"
_NUMBER = st.column_config.NumberColumn
_TIMES = "overrides_saved"  # how often this visitor saved: the grid is emptied after each


def page(session: Session) -> None:
    """Shows the grid, the overrides and their scores."""
    st.title("Overrides")
    made = _made(session)
    kind = "orders"
    if made:
        kind = st.segmented_control(
            "Plan", made, default=made[0], required=True, format_func=str.capitalize, key="overrides_kind"
        )
    show_notices()
    shown: Overrides = session.view("overrides", kind=kind, search=st.session_state.get("overrides_search", ""))
    _watch(session, shown.kind, shown.holding.height + shown.earlier.height)
    if not made:
        st.info(
            "There is no plan to change yet. Make one on the page Plan, or with: foresell plan", icon=":material/info:"
        )
    else:
        _grid(session, shown)
    _holding(session, shown)
    _scores(session)


def _made(session: Session) -> list[str]:
    plans: Plans = session.view("plans")
    return plans.kinds.filter(pl.col("made").is_not_null())["kind"].to_list()


@st.fragment(run_every=WATCH_SECONDS)
def _watch(session: Session, kind: str, seen: int) -> None:
    """Says when somebody else wrote an override since the page was drawn. What is entered in the grid stays."""
    now: Overrides = session.view("overrides", kind=kind, most=1)
    others = now.holding.height + now.earlier.height - seen
    if others > 0:
        who = ", ".join(sorted(set(now.holding.head(others)["who"])))
        st.info(f"{many(others, 'override')} came in meanwhile, by {plain(who)}.", icon=":material/sync:")
        if st.button("Show it", key="overrides_refresh"):
            st.rerun()


def _grid(session: Session, shown: Overrides) -> None:
    st.subheader("Beside the plan")
    if shown.amended:
        st.caption(
            f"{session.reader.number(shown.amended)} lines were changed after the plan was made; 'final' has it."
        )
    st.text_input("Search", key="overrides_search", placeholder="Words of the keys, all of which must occur")
    if shown.grid.is_empty():
        st.info("No line of the plan fits what is asked for.", icon=":material/search_off:")
        return
    may = session.visitor.may(Role.PREDICT)
    table = shown.grid.with_columns(pl.lit(None, pl.Float64).alias(_ENTERED))
    if table["date"].n_unique() == 1:
        table = table.drop("date")
    day = ["date"] if "date" in table.columns else []
    order = [*shown.keys, *day, "final", _ENTERED, "plan", "override", "unit"]  # a phone shows the first ones
    config: dict[str, Any] = {
        "plan": _NUMBER("the plan's", format="localized", help="The quantity of the plan without overrides."),
        "override": _NUMBER("what people put", format="localized", help="What the overrides that hold change."),
        "final": _NUMBER("final", format="localized"),
        _ENTERED: _NUMBER("enter here", format="%g", help="What it means is chosen under the table."),
        "date": st.column_config.DateColumn("date", format="localized"),
    }
    if not may:
        st.dataframe(table.drop(_ENTERED), hide_index=True, column_order=order, column_config=config, height=360)
        st.caption("Overrides are written with a key of the role predict.")
        return
    mark = f"{shown.kind} {shown.version} {st.session_state.get('overrides_search')} {st.session_state.get(_TIMES, 0)}"
    key = f"overrides_grid_{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    edited = st.data_editor(
        table,
        key=key,
        hide_index=True,
        column_order=order,
        column_config=config,
        disabled=[name for name in table.columns if name != _ENTERED],
        height=min(38 + 35 * table.height, 400),
        placeholder="",
        alt="The quantities of the plan, what people put, the final quantities, and a column to enter others.",
    )
    if shown.matching > shown.grid.height:
        st.caption(f"The first {session.reader.number(shown.grid.height)} of {session.reader.number(shown.matching)} "
                   "lines. Search to see others.")  # fmt: skip
    entered = edited[_ENTERED].count()
    override_fields("overrides", shown.day, with_value=False)
    st.button(
        f"Save {many(entered, 'override')}" if entered else "Save",
        type="primary",
        icon=":material/save:",
        key="overrides_save",
        disabled=not entered,
        on_click=_save,
        args=(session, shown, key),
    )


def _save(session: Session, shown: Overrides, key: str) -> None:
    """Saves what was entered in the grid of a `key`, an override a line, all of them or none."""
    with writing(session, Role.PREDICT):
        fields = entered_fields("overrides")
        changes = []
        for row, cells in st.session_state[key]["edited_rows"].items():
            if cells.get(_ENTERED) is None:
                continue
            line = shown.grid.row(int(row), named=True)
            where = {key: str(line[key]) for key in shown.keys}
            changes.append(change_of(session, where, fields, float(cells[_ENTERED]), day_of(line) or shown.day))
        log = session.project.overrides
        added = log.add_all(changes, shown.kind)
        st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
        notice(f"{many(len(added), 'override')} saved. Each plan that is made until they expire has them.")
        known = {*shown.holding["id"], *shown.earlier["id"], *(override.id for override in added)}
        wheres = [override.where for override in added]
        for listed in log.holding():
            other = listed.override
            if other.id not in known and other.plan == shown.kind and other.where in wheres:
                notice(f"Meanwhile {other.who} put {other} too. Yours comes after it.", warning=True)


def _holding(session: Session, shown: Overrides) -> None:
    st.subheader("Overrides that hold")
    if shown.holding.is_empty():
        st.markdown("No override holds now.")
    else:
        place = st.dataframe(
            shown.holding,
            key=f"overrides_holding_{hashlib.sha256(' '.join(shown.holding['id']).encode()).hexdigest()[:12]}",
            hide_index=True,
            on_select="rerun",
            selection_mode="multi-row",
            column_config=_COLUMNS,
        )
        if session.visitor.may(Role.PREDICT):
            ids = [shown.holding["id"][row] for row in place.selection.rows if row < shown.holding.height]
            names = dict(
                zip(shown.holding["id"], shown.holding["change"] + " for " + shown.holding["lines"], strict=True)
            )
            chosen = st.multiselect(
                "Take back", list(names), default=ids, format_func=names.__getitem__, key=f"take_back_{' '.join(ids)}",
                placeholder="Choose overrides, here or in the table",
            )  # fmt: skip
            st.button("Take back", icon=":material/undo:", key="overrides_withdraw", disabled=not chosen,
                      on_click=_withdraw, args=(session, tuple(chosen)))  # fmt: skip
    if shown.earlier.height:
        with st.expander(f"{session.reader.number(shown.earlier.height)} earlier ones, withdrawn or expired"):
            st.dataframe(shown.earlier, hide_index=True, column_config=_COLUMNS)


def _withdraw(session: Session, ids: tuple[str, ...]) -> None:
    with writing(session, Role.PREDICT):
        for id in ids:
            try:
                withdrawn = session.project.overrides.withdraw(id, session.visitor.name, "")
            except UsageError:
                notice("One of them was taken back already by somebody else.", warning=True)
            else:
                notice(f"Taken back: {withdrawn}. The plan has it no more.")


def _scores(session: Session) -> None:
    st.subheader("What overrides added")
    try:
        scores: ShownOverrideScores = session.view("override_scores")
    except ForesellError as error:
        st.text(str(error))
        return
    for title, table in (("By reason", scores.by_reason), ("By person", scores.by_person)):
        if table.height:
            st.markdown(f"**{title}**")
            st.dataframe(table, hide_index=True, column_config=_SCORES)
    if scores.lines.height:
        with st.expander("Line by line"):
            st.dataframe(scores.lines, hide_index=True, column_config=_SCORES)
    waiting = f"{many(scores.waiting, 'changed line')} cannot be scored yet, because the days have not passed. "
    unknown = f"Of {many(scores.unknown, 'changed line')} the sales of some days are not known."
    for sentence in scores.unscored:
        st.caption(plain(sentence))
    text = (waiting if scores.waiting else "") + (unknown if scores.unknown else "")
    if text or not scores.lines.height:
        st.caption(text or "No plan that was issued has an override whose days have passed.")


_COLUMNS: dict[str, Any] = {
    "id": None,
    "plan": "plan",
    "replaces": _NUMBER("in place of", format="localized"),
    "first": st.column_config.DateColumn("from", format="localized"),
    "until": st.column_config.DateColumn("until", format="localized"),
    "made": st.column_config.DatetimeColumn("made", format="localized"),
}
_SCORES: dict[str, Any] = {
    name: _NUMBER(title, format="localized")
    for name, title in (
        ("orders", "orders"),
        ("override", "units put"),
        ("sold", "units sold more"),
        ("left", "units left over"),
        ("money", "money"),
        ("units", "units ordered"),
    )
}
