"""Runs: what is out of date, buttons that start a run, the run at work, and the logs of earlier ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from foresell.apps.dashboard import runs
from foresell.apps.dashboard.run_progress import run_at_work, show_progress
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.core.words import duration
from foresell.pipeline import views
from foresell.pipeline.plans import KINDS
from foresell.pipeline.views.steps import StepsView
from foresell.serving.keys import Role

REFRESH_SECONDS = 2.0
_NOTICE = "run_notice"
_JSON = ("--log", "json")
_SIGNS = {
    "up to date": "✔ up to date",
    "out of date": "▲ out of date",
    "not done": "○ not done",
    "left out": "– left out",
}


def show(session: Session, working: bool) -> None:
    """Shows the buttons that start a run, unless one is at work; the states of the steps; earlier runs."""
    if not session.visitor.may(Role.ADMIN):
        st.caption("Runs are started with a key of the role admin.")
    elif not working:
        _buttons(session)
    # The states follow from the sales files too, whose change no result shows: they are asked for each time.
    shown: StepsView = views.show(session.project, "steps")
    _states(shown, session)
    _earlier(session)


def show_at_work(session: Session) -> bool:
    """Shows why a run was not started, and the run at work; returns whether there is one."""
    notice = st.session_state.pop(_NOTICE, None)
    if notice:
        st.warning("This was not done.")
        st.text(notice)
    running = runs.at_work(session.folder)
    if running is not None:
        _at_work(session, running.log)
    return running is not None


def start(session: Session, command: tuple[str, ...]) -> None:
    """The callback of a button that starts a verb; where it may not, `show_at_work` says why."""
    try:
        session.require(Role.ADMIN)
        runs.start(session.folder, command, session.visitor.name)
    except ForesellError as error:
        st.session_state[_NOTICE] = str(error)


def _buttons(session: Session) -> None:
    folder = str(session.folder)
    st.button(
        "Run all that is out of date",
        type="primary",
        icon=":material/play_arrow:",
        on_click=start,
        args=(session, ("run", folder, *_JSON)),
    )
    step, plan, monitor = st.columns([2, 2, 1], vertical_alignment="bottom")
    verbs = list(dict.fromkeys(views.show(session.project, "steps").steps["verb"]))
    with step:
        verb = st.selectbox("Do again, with what it needs", verbs, key="run_verb")
        st.button("Do it again", on_click=start, args=(session, (verb, folder, "--again", *_JSON)))
    with plan:
        kind = st.selectbox("Kind of plan", list(KINDS), key="run_plan")
        st.button("Make the plan", on_click=start, args=(session, ("plan", kind, folder)))
    with monitor:
        st.button("Monitor", help="Compare forecasts with the sales since", on_click=start,
                  args=(session, ("monitor", folder, *_JSON)))  # fmt: skip


def _stop(session: Session, run: runs.Run, at_once: bool) -> None:
    try:
        session.require(Role.ADMIN)
        runs.stop(run, session.visitor.name, at_once=at_once)
    except ForesellError as error:
        st.session_state[_NOTICE] = str(error)


@st.fragment(run_every=REFRESH_SECONDS)
def _at_work(session: Session, log: Path) -> None:
    """The run at work, drawn anew every two seconds; the whole page when it has ended."""
    run = run_at_work(session, log)
    st.markdown(f"**{plain(run.title)}** is at work, started {session.reader.age(run.started)} by {plain(run.by)}.")
    show_progress(run, "starting")
    if session.visitor.may(Role.ADMIN):
        st.button("Stop" if run.stopped_by is None else "Stop at once", icon=":material/stop:", on_click=_stop,
                  args=(session, run, run.stopped_by is not None),
                  help="Results of the steps that are done are kept.")  # fmt: skip
        if run.stopped_by is not None:
            st.caption("It was asked to stop, and does so when its present piece of work allows.")
    show_log(run)


def _states(shown: StepsView, session: Session) -> None:
    st.subheader("Steps")
    st.markdown(plain(shown.sentence))
    ages = [session.reader.age(when) if when else "never" for when in shown.steps["finished"]]
    took = [duration(seconds) if seconds is not None else "" for seconds in shown.steps["seconds"]]
    done, long = pl.Series("done", ages, pl.String), pl.Series("took", took, pl.String)
    st.dataframe(shown.steps.select("step", pl.col("state").replace(_SIGNS), done, long, "does"), hide_index=True)
    with st.expander("How the steps depend on each other"):
        st.graphviz_chart(_graph(shown.steps, session), alt="Each step with an arrow to those that need it")


def _graph(steps: pl.DataFrame, session: Session) -> str:
    """The graph of steps in the language DOT; a step that is not up to date has a dashed border."""
    colours = session.palette
    lines = [f'node [shape=box, fontname="sans-serif", color="{colours.muted}", fontcolor="{colours.ink}"]']
    lines += [f'bgcolor=transparent; rankdir=LR; edge [color="{colours.muted}"]']
    for row in steps.iter_rows(named=True):
        style = "solid" if row["state"] == "up to date" else "dashed"
        lines.append(f'{row["step"]} [style={style}, label="{row["step"]}\\n{row["state"]}"]')
        lines += [f"{need} -> {row['step']}" for need in row["needs"].split(", ") if need]
    return "digraph {" + "; ".join(lines) + "}"


def _earlier(session: Session) -> None:
    st.subheader("Earlier runs")
    ended = [run for run in runs.runs(session.folder) if not run.at_work]
    if not ended:
        st.markdown("No run was started here yet. Those of the command line are not listed.")
        return

    def label(run: runs.Run) -> str:
        return f"{session.reader.time(run.started)}: {run.title}, {run.outcome()} (by {run.by})"

    run = st.selectbox("Run", ended, format_func=label, key="run_chosen")
    if run.state == runs.FAILED:
        st.error(f"It failed with the exit code {run.code}. The end of the log says why.")
    show_log(run)
    st.download_button("Download the log", run.log.read_bytes(), run.log.name, "text/plain", on_click="ignore")


def show_log(run: runs.Run) -> None:
    st.code("\n".join(runs.lines(run)) or "Nothing is in the log yet.", language=None, height=320, wrap_lines=True)
