"""The script that Streamlit runs for every visit: sign-in, navigation, the chosen page."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import streamlit as st

from foresell.apps.dashboard import sign_in, theme
from foresell.apps.dashboard.ages import ages
from foresell.apps.dashboard.pages import PAGES, PageEntry
from foresell.apps.dashboard.session import Session, Visitor
from foresell.apps.dashboard.text import Reader
from foresell.core.errors import ForesellError
from foresell.serving.keys import Keys, read_keys

LOG = logging.getLogger("foresell.dashboard")

ICON = Path(__file__).with_name("favicon.svg")
"""A file, because the browser would fetch a named icon from elsewhere."""

FIRST, ROOT = next(iter(PAGES)), "start"
"""The path of the first page, and the name that Streamlit wants of the page at the root."""


def main() -> None:
    """Shows the page that the address names to whoever is signed in."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keys")
    asked = parser.parse_args()
    st.set_page_config(page_title=f"foresell · {asked.folder.resolve().name}", page_icon=str(ICON), layout="wide")
    keys = _keys(asked.keys)
    visitor = sign_in.visitor(keys)
    if visitor is None:
        st.navigation(
            [st.Page(partial(sign_in.form, keys), title="Sign in", url_path="sign-in")], position="hidden"
        ).run()
        return
    dark = st.context.theme.type == "dark"
    reader = Reader(st.context.locale or "en-GB", st.context.timezone or "UTC")
    palette = theme.DARK if dark else theme.LIGHT
    session = Session(asked.folder, visitor, reader, palette, partial(is_still, asked.keys))
    sections: dict[str, list[st.Page]] = {}
    for entry in PAGES.values():
        sections.setdefault(entry.section, []).append(_page(entry, session))
    # The first page stands at the root. Its own path leads to it too, for links that name it.
    sections[PAGES[FIRST].section].insert(0, _page(PAGES[FIRST], session, is_root=True))
    chosen = st.navigation(sections)
    with st.sidebar, errors_in_place("The ages of the results"):
        ages(session)
    with errors_in_place("The page"):
        chosen.run()


def _keys(file: str | None) -> Keys:
    """The keys. Where they cannot be read nobody comes in, and only the log says why."""
    try:
        return read_keys(file)
    except ForesellError as error:
        LOG.error("%s", error)
        st.error("The keys cannot be read, so nobody can sign in. The log of the server says why.")
        st.stop()


def is_still(file: str | None, visitor: Visitor) -> bool:
    """Whether the key of the tab still has the name and role of the visitor."""
    return sign_in.visitor(read_keys(file)) == visitor


@contextmanager
def errors_in_place(what: str) -> Iterator[None]:
    """An error of foresell stands in the place of what the block shows; any other one too, with what to do about it."""
    try:
        yield
    except ForesellError as error:
        st.error(f"{what} cannot be shown.", icon=":material/error:")
        st.text(str(error))
    except Exception as error:
        LOG.exception("%s of the dashboard failed.", what)
        st.error(f"{what} cannot be shown.", icon=":material/error:")
        st.text(
            f"{type(error).__name__}: {str(error)[:300]}\nThis is a fault of foresell, or a file of the results was "
            "damaged or removed. Make the results again with: foresell run --again; where that does not help, report "
            "it with the traceback in the log of the server."
        )


def _page(entry: PageEntry, session: Session, *, is_root: bool = False) -> st.Page:
    """The page under its own path, or at the root."""
    return st.Page(
        partial(show_page, entry, session),
        title=entry.title,
        icon=entry.icon,
        url_path=ROOT if is_root else entry.path,
        default=is_root,
        visibility="hidden" if entry.path == FIRST and not is_root else "visible",
    )


def show_page(entry: PageEntry, session: Session) -> None:
    """Shows a page; an error of foresell, which says what to do, stands in its place."""
    try:
        entry.page(session)
    except ForesellError as error:
        st.error("The page cannot be shown.", icon=":material/error:")
        st.text(str(error))


if __name__ == "__main__":
    main()
