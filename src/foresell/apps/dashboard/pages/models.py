"""The champion and a challenger side by side, how the gate judged it, promotion and rollback, every decision."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard import runs
from foresell.apps.dashboard.pages.data.run_panel import show_at_work, show_log, start
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.pipeline import views
from foresell.pipeline.views.models import Models
from foresell.serving.keys import Role

_SIGNS = {"met": "✔ met", "not met": "✖ not met", "not judged": "– not judged"}
_COMPARED = {
    "nothing": "There was no champion to compare with.",
    "kept": "Both were compared by their backtests on the same data and windows.",
    "as it stands": "It is the champion's settings with newer sales; the champion was scored as it stands, on windows "
    "after its last day.",
    "no window since": "It is the champion's settings with newer sales, and no window lies after the champion's last "
    "day, so that the two cannot be told apart.",
    "tried again": "The champion's settings were tried again on the data and windows of this version.",
}


def page(session: Session) -> None:
    """Shows the versions, compares two, and lets an administrator promote or roll back."""
    st.title("Models")
    working = show_at_work(session)
    # The registry changes where no result of a step does: it is asked each time.
    with st.spinner("Asking the registry …"):
        shown: Models = views.show(session.project, "models")
    if shown.unreachable:
        st.warning(plain(shown.sentence), icon=":material/cloud_off:")
        st.text(shown.unreachable)
    else:
        st.markdown(f"**{plain(shown.sentence)}**")
    if shown.versions.is_empty():
        return
    _versions(shown, session)
    _compare(shown, session)
    if session.visitor.may(Role.ADMIN) and not shown.unreachable:
        if not working:
            promote, back = st.columns(2)
            with promote:
                _promote(shown, session)
            with back:
                _roll_back(shown, session)
        _outcome(session)
    elif not session.visitor.may(Role.ADMIN):
        st.caption("Promoting and rolling back need a key of the role admin.")
    _decisions(shown, session)


def _versions(shown: Models, session: Session) -> None:
    ages = [session.reader.age(when) if when else "" for when in shown.versions["trained"]]
    table = shown.versions.select(
        "version",
        pl.when("champion").then(pl.lit("★ champion")).otherwise(pl.lit("")).alias("role"),
        pl.col("error").round(3),
        "sales_to",
        pl.Series("trained", ages, pl.String),
        pl.col("decision").fill_null("not judged yet"),
        "models",
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "error": st.column_config.NumberColumn("error (WRMSSE)", format="localized"),
            "sales_to": "learnt from sales up to",
            "decision": "last decision",
        },
    )


def _compare(shown: Models, session: Session) -> None:
    st.subheader("Side by side")
    others = [number for number in shown.versions["version"] if number != shown.champion]
    if not others:
        st.markdown("There is no other version beside the champion. The next training makes one.")
        return
    chosen = st.selectbox("Challenger", others, key="models_challenger")
    compared: Models = views.show(session.project, "models", version=chosen)
    rows = {row["version"]: row for row in shown.versions.iter_rows(named=True)}
    left, right = st.columns(2)
    for place, number, role in ((left, shown.champion, "Champion"), (right, chosen, "Challenger")):
        with place.container(border=True):
            if number is None:
                st.markdown(f"**{role}**: there is none")
            else:
                _card(role, rows[number], session)
    st.markdown("**The gate**")
    if compared.figures.is_empty():
        reason = f" The last decision on it: {plain(compared.reason)}." if compared.reason else ""
        st.markdown(f"No verdict on version {plain(chosen)} is kept.{reason} Promoting it has the gate judge it first.")
        return
    if compared.reason:
        st.markdown(plain(compared.reason))
    if compared.compared in _COMPARED:
        st.caption(_COMPARED[compared.compared])
    judged = compared.figures.filter(pl.col("verdict") != "not judged")
    st.dataframe(_figures(judged), hide_index=True)
    with st.expander("All figures, also those that are not judged"):
        st.dataframe(_figures(compared.figures), hide_index=True)


def _card(role: str, row: dict[str, Any], session: Session) -> None:
    st.markdown(f"**{role}: version {plain(row['version'])}**")
    error = "not known" if row["error"] is None else session.reader.number(row["error"], 3)
    st.markdown(f"Error in its backtest (WRMSSE): {plain(error)}")
    st.markdown(f"Sales up to {plain(row['sales_to'] or 'not known')}")
    st.markdown(f"Models: {plain(row['models'] or 'not known')}")


def _figures(figures: pl.DataFrame) -> pl.DataFrame:
    """The figures with words for their limits."""
    rows = []
    for row in figures.iter_rows(named=True):
        share = row["nominal"] is not None

        def text(value: float | None, share: bool = share) -> str:
            return "" if value is None else f"{100 * value:.1f} %" if share else f"{value:.3f}"

        low, high = text(row["at_least"]), text(row["at_most"])
        limit = f"{low} to {high}" if low and high else f"at most {high}" if high else ""
        name = f"in the range of {100 * row['nominal']:.0f} %" if share else row["figure"]
        rows.append((row["level"], name, text(row["champion"]), text(row["challenger"]), limit, _SIGNS[row["verdict"]]))
    columns = ["level", "figure", "champion", "challenger", "asked of the challenger", "verdict"]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _promote(shown: Models, session: Session) -> None:
    others = [number for number in shown.versions["version"] if number != shown.champion]
    if not others:
        return
    with st.form("promote"):
        st.markdown("**Promote**")
        st.caption("The gate judges the version first, which may take as long as a backtest.")
        st.selectbox("Version", others, key="promote_version")
        st.text_input("Why", key="promote_why", max_chars=300)
        st.checkbox("Even if the gate refuses it", key="promote_force")
        st.text_input("Type the version's number to confirm", key="promote_confirmed")
        st.form_submit_button("Promote", on_click=_do_promote, args=(session,))
    _refusal("promote_refused")


def _do_promote(session: Session) -> None:
    state = st.session_state
    version, why = str(state["promote_version"]), " ".join(state["promote_why"].split())
    state["promote_refused"] = _missing(state["promote_confirmed"], version, why)
    if state["promote_refused"]:
        return
    reason = f"{session.visitor.name}: {why}"
    how = ("--force", reason) if state["promote_force"] else ("--reason", reason)
    start(session, ("promote", str(session.folder), "--version", version, *how))


def _roll_back(shown: Models, session: Session) -> None:
    if shown.previous is None:
        st.caption("There was no champion before, so there is nothing to roll back to.")
        return
    with st.form("roll_back"):
        st.markdown("**Roll back**")
        st.markdown(f"Makes version {plain(shown.previous)} the champion again, as it was before.")
        st.text_input("Why", key="roll_back_why", max_chars=300)
        st.text_input("Type the number of that version to confirm", key="roll_back_confirmed")
        st.form_submit_button("Roll back", on_click=_do_roll_back, args=(session, shown.previous))
    _refusal("roll_back_refused")


def _do_roll_back(session: Session, previous: str) -> None:
    state = st.session_state
    why = " ".join(state["roll_back_why"].split())
    state["roll_back_refused"] = _missing(state["roll_back_confirmed"], previous, why)
    if not state["roll_back_refused"]:
        start(session, ("rollback", str(session.folder), "--reason", f"{session.visitor.name}: {why}"))


def _missing(confirmed: str, version: str, why: str) -> str:
    """What a form still lacks; empty where it is complete."""
    if not why:
        return "Say why; it is kept with the decision."
    if confirmed.strip() != version:
        return f"Type {version} to confirm. Nothing was done."
    return ""


def _refusal(slot: str) -> None:
    text = st.session_state.pop(slot, "")
    if text:
        st.warning(plain(text))


def _outcome(session: Session) -> None:
    """What came of the last promotion or rollback that was started here."""
    verbs = ("promote", "rollback")
    last = next((run for run in runs.runs(session.folder) if run.command[:1] and run.command[0] in verbs), None)
    if last is not None and not last.at_work:
        with st.expander(f"The last one here: {plain(last.title)}, {session.reader.age(last.started)}"):
            show_log(last)


def _decisions(shown: Models, session: Session) -> None:
    st.subheader("Decisions")
    if shown.decisions.is_empty():
        st.markdown("Nothing was decided yet.")
        return
    when = [session.reader.time(moment) for moment in shown.decisions["when"]]
    st.dataframe(
        shown.decisions.with_columns(pl.Series("when", when, pl.String), pl.col("before").fill_null("")),
        hide_index=True,
        column_config={
            "before": "champion before",
            "trained_for": "trained because of",
            "reason": st.column_config.TextColumn(width="large"),
        },
    )
