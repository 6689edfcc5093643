"""The button that makes the plan again, in a process that outlives the page, and what became of it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from foresell.apps.dashboard import runs
from foresell.apps.dashboard.notifications import writing
from foresell.apps.dashboard.run_progress import run_at_work, show_progress
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.serving.keys import Role

REFRESH_SECONDS = 2.0
_RUN = "plan_run"


def show(session: Session, kind: str, *, is_made: bool) -> None:
    """The button, or the run that is at work."""
    running = runs.at_work(session.folder)
    if running is not None:
        st.session_state[_RUN] = str(running.log)
        _at_work(session, running.log)
        return
    _outcome(session)
    if session.visitor.may(Role.PREDICT):
        st.button(
            f"Make the plan of {kind}{' again' if is_made else ''}",
            key="plan_again",
            icon=":material/refresh:",
            on_click=_start,
            args=(session, kind),
            help="With the newest forecast, stock and overrides. What is out of date is done first.",
        )


def _start(session: Session, kind: str) -> None:
    with writing(session, Role.PREDICT):
        run = runs.start(session.folder, ("plan", kind, str(session.folder)), session.visitor.name)
        st.session_state[_RUN] = str(run.log)


@st.fragment(run_every=REFRESH_SECONDS)
def _at_work(session: Session, log: Path) -> None:
    run = run_at_work(session, log)
    with st.container(border=True):
        st.markdown(f"**{plain(run.title)}** started {plain(session.reader.age(run.started))} by {plain(run.by)}.")
        show_progress(run, "at work", " …")


def _outcome(session: Session) -> None:
    """Says once what became of the run that this visitor saw at work."""
    log = st.session_state.pop(_RUN, None)
    run = next((run for run in runs.runs(session.folder) if str(run.log) == log), None) if log else None
    if run is None:
        return
    if run.state == runs.DONE:
        st.success(f"{plain(run.title)} is done.", icon=":material/check:")
        return
    st.error(f"{plain(run.title)}: {plain(run.outcome())}.", icon=":material/error:")
    st.text("\n".join(runs.lines(run, 6)))
