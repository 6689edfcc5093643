"""What a button did, or why it did nothing: said once, above the page that is drawn next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.serving.keys import Role
from foresell.store import disk

_SLOT = "notices"


def notice(text: str, *, warning: bool = False) -> None:
    """Says a sentence on the page that is drawn next."""
    st.session_state.setdefault(_SLOT, []).append(("warning" if warning else "done", text))


@contextmanager
def writing(session: Session, role: Role) -> Iterator[None]:
    """The body of a button that writes: the role is asked for first; an error of foresell or the disk is a notice."""
    try:
        session.require(role)
        with disk.writing(session.folder):
            yield
    except ForesellError as error:
        st.session_state.setdefault(_SLOT, []).append(("error", str(error)))


def show_notices() -> None:
    """Shows the notices, and forgets them."""
    for kind, text in st.session_state.pop(_SLOT, []):
        st.toast(plain(text) if kind != "error" else "This was not done.")  # is seen wherever the page is scrolled to
        if kind == "error":
            st.error("This was not done.", icon=":material/error:")
            st.text(text)
        elif kind == "warning":
            st.warning(plain(text), icon=":material/warning:")
        else:
            st.success(plain(text), icon=":material/check:")
