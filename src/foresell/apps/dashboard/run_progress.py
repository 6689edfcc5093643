"""A run at work, as the pages follow it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from foresell.apps.dashboard import runs
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain


def run_at_work(session: Session, log: Path) -> runs.Run:
    """The run with that log. Draws the whole page anew where it has ended."""
    run = next((run for run in runs.runs(session.folder) if run.log == log), None)
    if run is None or not run.at_work:
        st.rerun()
    assert run is not None
    return run


def show_progress(run: runs.Run, at_first: str, more: str = "") -> None:
    """How far the run is, as a bar where that is known; `at_first` before it says anything, `more` behind the words."""
    progress = runs.progress(run)
    doing = plain(": ".join(part for part in (progress.step, progress.doing) if part) or at_first)
    if progress.share is not None:
        st.progress(min(max(progress.share, 0.0), 1.0), text=doing)
    else:
        st.caption(doing + more)
