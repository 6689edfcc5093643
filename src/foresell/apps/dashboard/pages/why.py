"""Why a forecast is what it is."""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts.base import show_chart
from foresell.apps.dashboard.charts.waterfall import waterfall
from foresell.apps.dashboard.downloads import downloads
from foresell.apps.dashboard.group_picker import group_picker, parts_table
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.words import many
from foresell.pipeline.views.explanation import MOST_EXPLAINED, Why
from foresell.pipeline.views.groups import GroupHierarchy

_AT_ONCE = 20  # series whose reasons are added up without asking, some seconds


def page(session: Session) -> None:
    """Shows the reasons of the forecast of the group and days that are chosen."""
    st.title("Why")
    where, group = group_picker(session)
    st.header(plain(group.name), anchor=False)
    st.caption(many(group.series, "series", "series"))
    if group.series > _AT_ONCE and not _confirmed(session, where, group):
        return
    whole: Why = session.view("why", where=where)
    first, last = days_picker("why", whole.begins, whole.ends)
    is_whole = (first, last) == (whole.begins, whole.ends)
    shown = whole if is_whole else session.view("why", where=where, first=first, last=last)
    reader = session.reader
    days = f"{plain(reader.day(shown.first))} to {plain(reader.day(shown.last))}"
    st.markdown(f"**{reader.number(shown.units)} units are forecast, {days}.** The reasons below add up to them.")
    words = f"The reasons that add up to the forecast of {shown.name}: " + "; ".join(shown.sentences)
    table = shown.reasons.select(Reason="reason", Units="units", **{"What is known": "fact"})
    show_chart(waterfall(session, shown), words, table, key="why_chart")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown.sentences))
    st.caption(
        f"The model {plain(shown.model)} learnt these effects from past sales. They say what moves the forecast, and "
        "not what would happen if something were changed; the page What if asks that."
    )
    st.subheader("Day by day", anchor=False)
    by_day = shown.days.rename({"date": "Day", "forecast": "Forecast"}).with_columns(pl.selectors.float().round(2))
    columns = {name: st.column_config.NumberColumn(format="localized") for name in by_day.columns[1:]}
    day = {"Day": st.column_config.DateColumn(format="localized")}
    st.dataframe(by_day, hide_index=True, column_config={**columns, **day})
    downloads(by_day, "why")
    if group.splits:
        st.subheader("Parts", anchor=False)
        parts_table(session, where, group)


def _confirmed(session: Session, where: str, group: GroupHierarchy) -> bool:
    """Whether the reasons of a large group are wanted, which take a while; its parts are offered beside."""
    if group.series <= MOST_EXPLAINED:
        wanted: set[str] = st.session_state.setdefault("why_wanted", set())
        if where in wanted:
            return True
        count = session.reader.number(group.series)
        st.markdown("The reasons of so many series take a while to add up. Choose one of the parts, or wait for all.")
        st.button(f"Add up the reasons of all {count} series", on_click=wanted.add, args=(where,), type="primary")
    else:
        st.info(
            f"The reasons of at most {MOST_EXPLAINED} series can be added up at once. Choose one of the parts.",
            icon=":material/info:",
        )
    parts_table(session, where, group)
    return False


def days_picker(name: str, begins: date, ends: date) -> tuple[date, date]:
    """The first and last day that are chosen; all days until both are."""
    chosen = st.date_input(
        "Days", (begins, ends), min_value=begins, max_value=ends, key=f"{name}_days_{begins}", format="YYYY-MM-DD"
    )
    first, last = (*chosen, None, None)[:2] if isinstance(chosen, tuple) else (chosen, chosen)
    return (first, last) if first is not None and last is not None else (begins, ends)
