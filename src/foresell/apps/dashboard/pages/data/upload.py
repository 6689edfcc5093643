"""New sales: a file is uploaded, checked apart from the project, and accepted or rejected."""

from __future__ import annotations

import polars as pl
import streamlit as st

from foresell.apps.dashboard import runs, uploads
from foresell.apps.dashboard.pages.data.findings import finding_boxes
from foresell.apps.dashboard.pages.data.run_panel import start
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.pipeline import views
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import CheckSummary
from foresell.serving.keys import Role
from foresell.store import disk

_HOW = {
    uploads.ADD: "Newer sales, beside the present ones",
    uploads.REPLACE: "All sales anew, in place of the present ones, with the same columns",
    uploads.ANEW: "A file of another form: work out the settings anew",
}
_NOTICE, _FAILURE = "upload_notice", "upload_failure"


def show(session: Session) -> None:
    """Shows the form of an upload, and the uploads that wait for a decision."""
    notice, failure = st.session_state.pop(_NOTICE, None), st.session_state.pop(_FAILURE, None)
    if notice:
        st.success(plain(notice))
    if failure:
        st.error("This was not done.")
        st.text(failure)
    if not session.visitor.may(Role.ADMIN):
        st.caption("Sales are brought in with a key of the role admin.")
        return
    st.caption("The file is checked apart from the project. Nothing changes until you accept it.")
    with st.form("upload", clear_on_submit=True):
        st.file_uploader(
            f"File of sales, up to {uploads.MEGABYTES} MB",
            type=[ending.lstrip(".") for ending in uploads.ENDINGS],
            max_upload_size=uploads.MEGABYTES,
            key="upload_file",
        )
        st.radio("What it is", list(_HOW), format_func=lambda how: _HOW[how], key="upload_how")
        st.form_submit_button("Upload and check", on_click=_upload, args=(session,))
    for upload in uploads.uploads(session.folder):
        if not upload.accepted:
            _waiting(upload, session)


def _upload(session: Session) -> None:
    try:
        session.require(Role.ADMIN)
        file = st.session_state["upload_file"]
        if file is None:
            st.session_state[_FAILURE] = "No file was chosen."
            return
        how = st.session_state["upload_how"]
        with disk.writing(session.folder):
            upload = uploads.stage(session.folder, file.name, file, how, session.visitor.name)
    except ForesellError as error:
        st.session_state[_FAILURE] = str(error)
        return
    start(session, ("check", str(upload.trial(session.folder)), "--log", "json"))


def _waiting(upload: uploads.Upload, session: Session) -> None:
    with st.container(border=True):
        age = session.reader.age(upload.made)
        st.markdown(f"**{plain(upload.name)}**, uploaded {age} by {plain(upload.by)}: {plain(_HOW[upload.how])}")
        if upload.how == uploads.ANEW:
            _proposal(upload, session)
        trial = upload.trial(session.folder)
        checked = Project(trial).results.find_summary(CheckSummary)
        found = views.show(Project(trial), "findings")
        st.markdown(plain(found.sentence))
        finding_boxes(found.findings)
        if checked is None and found.findings.is_empty() and runs.at_work(session.folder) is None:
            st.button("Check it", key=f"check_{upload.id}", on_click=start,
                      args=(session, ("check", str(trial), "--log", "json")))  # fmt: skip
        accept, reject = st.columns(2)
        accept.button("Accept", key=f"accept_{upload.id}", type="primary", disabled=checked is None,
                      help="Only a file whose check went through can be accepted.",
                      on_click=_accept, args=(session, upload))  # fmt: skip
        reject.button("Reject and remove the file", key=f"reject_{upload.id}", on_click=_reject, args=(session, upload))


def _proposal(upload: uploads.Upload, session: Session) -> None:
    proposal = uploads.proposal_of(session.folder, upload)
    if proposal.doubts:
        st.markdown("Please look at these, which the file leaves open:")
        st.markdown("\n".join(f"- {plain(doubt)}" for doubt in proposal.doubts))
    with st.expander("What was concluded, and why"):
        concluded = [(reason.setting, str(reason.conclusion), reason.why) for reason in proposal.reasons]
        st.dataframe(pl.DataFrame(concluded, schema=["setting", "is", "why"], orient="row"), hide_index=True)


def _accept(session: Session, upload: uploads.Upload) -> None:
    try:
        session.require(Role.ADMIN)
        with disk.writing(session.folder):
            kept = uploads.accept(session.folder, upload)
    except ForesellError as error:
        st.session_state[_FAILURE] = str(error)
        return
    st.session_state[_NOTICE] = (
        f"{upload.name} is in use from the next run on. The settings before are kept as {kept.name}; to go back, put "
        "them in the place of foresell.yaml."
    )


def _reject(session: Session, upload: uploads.Upload) -> None:
    try:
        session.require(Role.ADMIN)
        uploads.reject(session.folder, upload)
        st.session_state[_NOTICE] = f"{upload.name} was removed. Nothing of the project changed."
    except ForesellError as error:
        st.session_state[_FAILURE] = str(error)
