"""The choice of a group of series, which stands in the address: `level`, and `key.COLUMN` for each of its values.

A page calls `group_picker`, which shows the search and the way up, and returns the group. `parts_table` shows the way
down. `group_address` is the address of a page with a group, for links.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import polars as pl
import streamlit as st

from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.core.hierarchy import level_name
from foresell.pipeline.views.groups import FoundGroups, GroupHierarchy
from foresell.pipeline.views.series_groups import group_name, read_where, where_text

_LEVEL, _KEY, _KEPT = "level", "key.", "chosen_group"


def group_address(path: str, where: Mapping[str, object]) -> str:
    """The address of a page that shows a group.

    >>> group_address("forecast", {"store": "S1", "item": "tea & co"})
    'forecast?level=store%2Citem&key.store=S1&key.item=tea+%26+co'
    """
    return f"{path}?{urlencode(_parameters(where))}"


def chosen_where() -> str:
    """The group of the address, else the last one that was chosen, as `series_groups.read_where` reads it."""
    parameters = st.query_params
    if _LEVEL not in parameters and not any(name.startswith(_KEY) for name in parameters):
        return str(st.session_state.get(_KEPT, ""))
    return where_text({name.removeprefix(_KEY): parameters[name] for name in parameters if name.startswith(_KEY)})


def choose_group(where: str) -> None:
    """Makes `where` the group of the address; for callbacks."""
    for name in [name for name in st.query_params if name == _LEVEL or name.startswith(_KEY)]:
        del st.query_params[name]
    st.query_params.update(_parameters(read_where(where)))
    st.session_state[_KEPT] = where


def group_picker(session: Session) -> tuple[str, GroupHierarchy]:
    """Shows the search and what the chosen group is part of; returns the group, and the view `hierarchy` of it.

    A group in the address that is not there is named, and all series are shown in its place.
    """
    where = chosen_where()
    try:
        shown: GroupHierarchy = session.view("hierarchy", where=where)
    except ForesellError as error:
        if not where:
            raise
        st.warning(f"{plain(group_name(read_where(where)))} cannot be shown, and all series stand here instead.")
        st.text(str(error))
        where, shown = "", session.view("hierarchy")
    st.session_state[_KEPT] = where
    _search(session)
    if shown.parents.height:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Part of", width="content")
            for number, row in enumerate(shown.parents.iter_rows(named=True)):
                st.button(
                    plain(row["name"]),
                    key=f"up_{number}_{where}",
                    help=f"{session.reader.number(row['series'])} series",
                    on_click=choose_group,
                    args=(row["where"],),
                    type="tertiary",
                    icon=":material/arrow_upward:",
                )
    return where, shown


def _search(session: Session) -> None:
    text = st.text_input(
        "Find a group or a series",
        key="find_group",
        placeholder="some letters of a key or attribute, several words, such as a store and an item",
        icon=":material/search:",
    )
    if not text.strip():
        return
    found: FoundGroups = session.view("groups", text=text)
    names = dict(zip(found.groups["where"], found.groups.iter_rows(named=True), strict=True))
    if not names:
        st.info("No group or series has all these words. Try fewer letters.")
        return

    def label(where: str) -> str:
        row = names[where]
        size = "" if row["series"] == 1 else f", {session.reader.number(row['series'])} series"
        return f"{row['name']} ({row['level']}{size})"

    def take() -> None:
        if st.session_state.found_group is not None:
            choose_group(st.session_state.found_group)
            st.session_state.find_group = ""

    st.selectbox(found.headline, list(names), None, label, key="found_group", on_change=take, placeholder="Choose one")


def parts_table(session: Session, where: str, shown: GroupHierarchy) -> None:
    """Shows the parts of a group, the largest first; the one that is chosen becomes the group of the page."""
    if not shown.splits or shown.by is None:
        st.caption(plain(shown.note))
        return
    by = shown.by
    if len(shown.splits) > 1:
        by = st.selectbox("Parts by", shown.splits, shown.splits.index(shown.by), key=f"parts_by_{where}")
    parts: GroupHierarchy = session.view("hierarchy", where=where, by=by)
    st.caption("Choose a row to see it. Units are those of the whole forecast.")
    chosen = st.dataframe(
        parts.children.drop("where").with_columns(pl.col("units").round(1)),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"parts_{where}_{by}",
        column_config={
            "name": st.column_config.TextColumn(by),
            "series": st.column_config.NumberColumn("Series", format="localized"),
            "units": st.column_config.NumberColumn("Units", format="localized"),
            "share": st.column_config.ProgressColumn("Share", format="percent", min_value=0, max_value=1),
        },
    )
    if parts.note:
        st.caption(plain(parts.note))
    rows = chosen["selection"]["rows"] if chosen else []
    if rows:
        choose_group(parts.children["where"][rows[0]])
        st.rerun()


def _parameters(where: Mapping[str, object]) -> dict[str, str]:
    level = ",".join(where) if where else level_name(())
    return {_LEVEL: level, **{f"{_KEY}{name}": str(value) for name, value in where.items()}}
