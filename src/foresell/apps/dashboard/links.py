"""Links from one page to another, which keep whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

FORECAST = "forecast"


def forecast_link(level: str, places: Mapping[str, str], label: str = "Show the forecast") -> None:
    """A link to the forecast of a group: its level in words, and the values of its columns."""
    query = {"level": level, **{f"key.{column}": value for column, value in places.items()}}
    st.page_link(_page(FORECAST), label=label, icon=":material/show_chart:", query_params=query)


def page_link(path: str, label: str) -> None:
    """A link to the page of a path."""
    st.page_link(_page(path), label=label, icon=":material/arrow_forward:")


def _page(path: str) -> st.Page:
    """The page of a path. Streamlit knows pages by their paths, so one that only has the path will do for a link."""
    return st.Page(_nothing, title=path, url_path=path)


def _nothing() -> None:
    """A page that is never run."""
