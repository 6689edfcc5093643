"""Decisions about lines: approve, reject, open again, and change quantities by overrides."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

import polars as pl
import streamlit as st

from foresell.apps.dashboard.notifications import notice, writing
from foresell.apps.dashboard.pages.plan.lines import WRITTEN
from foresell.apps.dashboard.session import Session
from foresell.core.errors import UsageError
from foresell.core.words import many
from foresell.decide.overrides import REASON_CODES, How
from foresell.pipeline import views
from foresell.pipeline.plans.approval_log import ApprovalLog, Verdict
from foresell.pipeline.plans.override_log import Change
from foresell.pipeline.views.plan import ShownPlan
from foresell.serving.keys import Role

MOST_OVERRIDES = 500
"""So many lines are changed by hand at once."""

_DONE = {"approve": "approved", "reject": "rejected", "reopen": "opened again"}
_LAST = "plan_last_decision"
_COMMENT = "plan_comment"


def show(session: Session, shown: ShownPlan, query: dict[str, Any], chosen: pl.DataFrame) -> None:
    """The buttons, for the chosen lines or else for all of the list."""
    if not session.visitor.may(Role.PREDICT):
        st.caption("Lines are approved with a key of the role predict.")
        return
    if shown.lines.is_empty():
        return
    count = chosen.height or shown.matching
    whose = (
        f"{many(count, 'chosen line')}" if chosen.height else f"all {session.reader.number(count)} lines of the list"
    )
    st.text_input("Comment", key=_COMMENT, placeholder="Why, in a few words (may stay empty)")
    with st.container(horizontal=True):
        for verdict, label, icon in (
            ("approve", "Approve", ":material/check:"),
            ("reject", "Reject", ":material/close:"),
            ("reopen", "Open again", ":material/undo:"),
        ):
            st.button(
                f"{label} {whose}",
                key=f"plan_{verdict}",
                icon=icon,
                type="primary" if verdict == "approve" else "secondary",
                on_click=_decide,
                args=(session, shown, query, chosen, verdict),
            )
        if st.session_state.get(_LAST):
            st.button("Undo the last decision", icon=":material/history:", key="plan_undo", on_click=_undo,
                      args=(session,))  # fmt: skip
    _change_form(session, shown, chosen)


def _decide(session: Session, shown: ShownPlan, query: dict[str, Any], chosen: pl.DataFrame, verdict: Verdict) -> None:
    with writing(session, Role.PREDICT):
        lines = chosen if chosen.height else _all_lines(session, shown, query)
        log = ApprovalLog(session.folder)
        # The state has what was typed before the button was pressed, which the page may not have been drawn with.
        comment = st.session_state.get(_COMMENT, "")
        decision = log.decide(shown.kind, lines, verdict, session.visitor.name, comment)
        st.session_state[_LAST], st.session_state[_COMMENT] = decision.id, ""
        _count()
        notice(f"{many(lines.height, 'line')} {_DONE[verdict]}.")
        others = {entry.who for entry in log.decisions(shown.kind)[shown.n_decisions :]} - {session.visitor.name}
        if others:
            notice(
                f"Meanwhile {', '.join(sorted(others))} decided about lines of this plan too. What was written last "
                "holds; the decisions below have all of it.",
                warning=True,
            )


def _count() -> None:
    st.session_state[WRITTEN] = st.session_state.get(WRITTEN, 0) + 1


def _all_lines(session: Session, shown: ShownPlan, query: dict[str, Any]) -> pl.DataFrame:
    """All lines of the list. Raises UsageError where they are no longer those that the page showed."""
    now: ShownPlan = views.show(session.project, "plan", kind=shown.kind, **query, most=0)
    if now.version != shown.version:
        raise UsageError("The plan or its overrides changed meanwhile. Look at the quantities again, then decide.")
    return now.lines


def _undo(session: Session) -> None:
    with writing(session, Role.PREDICT):
        reopened = ApprovalLog(session.folder).take_back(st.session_state[_LAST], session.visitor.name)
        del st.session_state[_LAST]
        notice(f"{many(len(reopened.lines), 'line')} can be decided again.")


def _change_form(session: Session, shown: ShownPlan, chosen: pl.DataFrame) -> None:
    """Overrides of the chosen lines."""
    with st.expander("Change quantities", icon=":material/edit:"):
        if chosen.is_empty():
            st.markdown("Choose the lines to change in the table above. Their quantities are changed by an override.")
            return
        if chosen.height > MOST_OVERRIDES:
            st.markdown(f"At most {MOST_OVERRIDES} lines are changed at once. Choose fewer.")
            return
        if shown.has_hours:
            st.caption("This plan has hours. A change holds for all hours of the day at the same keys.")
        override_fields("plan", shown.day)
        st.button(f"Change {many(chosen.height, 'line')}", type="primary", key="plan_change", on_click=_change,
                  args=(session, shown, chosen))  # fmt: skip


def override_fields(prefix: str, day: date | None, *, with_value: bool = True) -> None:
    """The fields of an override: how, how much, why, and until when; `entered_fields` has what is in them."""
    first, second, third = st.columns([2, 1, 2], vertical_alignment="bottom")
    first.radio("What is entered", list(HOWS), format_func=HOWS.__getitem__, horizontal=True, key=f"{prefix}_how")
    third.selectbox(
        "Reason", list(REASON_CODES), format_func=lambda code: f"{code}: {REASON_CODES[code]}",
        key=f"{prefix}_reason", index=None, placeholder="Choose the reason",
    )  # fmt: skip
    if with_value:
        second.number_input("Amount", value=None, step=1.0, format="%g", key=f"{prefix}_value")
    words, until = st.columns([3, 1])
    words.text_input("Why, in a few words", key=f"{prefix}_why")
    until.date_input(
        "Last day of plans that it changes", value=day, min_value=day, key=f"{prefix}_until", format="YYYY-MM-DD",
        help="The override expires after this day. By default it holds for this plan alone.",
    )  # fmt: skip


def entered_fields(prefix: str) -> dict[str, Any]:
    """What stands in the fields of `override_fields`."""
    return {name: st.session_state.get(f"{prefix}_{name}") for name in ("how", "reason", "value", "why", "until")}


HOWS = {"replace": "the new quantity", "add": "so many more (− fewer)", "percent": "per cent more (− less)"}


def change_of(
    session: Session, where: dict[str, str], fields: dict[str, Any], value: float, day: date | None
) -> Change:
    """The change of the lines with values `where`. Raises UsageError without a reason."""
    if fields["reason"] is None:
        raise UsageError("Choose a reason, by which the override is scored later.")
    until = fields["until"]
    return Change(
        where, cast(How, fields["how"]), value, fields["reason"], fields["why"] or "", session.visitor.name, day,
        max(until, day) if until and day else until,
    )  # fmt: skip


def _change(session: Session, shown: ShownPlan, chosen: pl.DataFrame) -> None:
    with writing(session, Role.PREDICT):
        fields, changes = entered_fields("plan"), []
        if fields["value"] is None:
            raise UsageError("Enter an amount.")
        for line in chosen.iter_rows(named=True):
            where = {key: str(line[key]) for key in shown.keys}
            changes.append(change_of(session, where, fields, fields["value"], day_of(line) or shown.day))
        session.project.overrides.add_all(changes, shown.kind)
        _count()
        notice(
            f"{many(len(changes), 'line')} changed. The quantities below have it already. On the page Overrides it can "
            "be taken back."
        )


def day_of(line: dict[str, Any]) -> date | None:
    when = line.get("date")
    return when.date() if isinstance(when, datetime) else when
