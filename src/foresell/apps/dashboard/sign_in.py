"""Sign-in by the keys of the API. Without any key the server is on loopback, and its visitor has all rights."""

from __future__ import annotations

import time

import streamlit as st

from foresell.apps.dashboard.session import Visitor
from foresell.serving.keys import Key, Keys, Role

LOCAL = "this computer"
"""The name of a visitor where there are no keys."""

_SLOT = "signed_in_with"
_PAUSE = 0.5  # seconds after a wrong key, so that nobody tries many


def visitor(keys: Keys) -> Visitor | None:
    """Who is signed in; None where nobody is."""
    if not keys:
        return Visitor(LOCAL, Role.ADMIN)
    key = _still_valid(keys)
    if key is not None:
        return Visitor(key.name, key.role)
    return None


def sign_out() -> None:
    """Forgets the key of this browser tab, and all that the tab had entered."""
    st.session_state.clear()


def _still_valid(keys: Keys) -> Key | None:
    """The key of this tab, unless it was taken from the file since."""
    digest = st.session_state.get(_SLOT)
    return next((key for key in keys.keys if key.digest == digest), None)


def form(keys: Keys) -> None:
    """The page on which a visitor gives a key."""
    st.title("foresell")
    with st.form("sign_in"):
        text = st.text_input("API key", type="password", autocomplete="current-password")
        if not st.form_submit_button("Sign in", type="primary"):
            return
    key = keys.find(text.strip())
    if key is None:
        time.sleep(_PAUSE)
        st.error("There is no such key. Whoever runs the dashboard makes one with: foresell serve --new-key predict")
        return
    st.session_state[_SLOT] = key.digest
    st.rerun()
