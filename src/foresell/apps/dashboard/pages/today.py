"""The first page: may I plan with this, what changed, what is worst, what the next days bring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts.base import show_chart
from foresell.apps.dashboard.charts.next_periods import next_periods
from foresell.apps.dashboard.links import forecast_link, page_link
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.frequency import calendar_day
from foresell.core.words import columns
from foresell.pipeline.views.today import Today
from foresell.pipeline.views.verdict import CARE, NO, OPEN, YES

FIRST_WORST = 5

_BOXES = {NO: st.error, OPEN: st.info, CARE: st.warning, YES: st.success}
_ICONS = {
    NO: ":material/block:",
    OPEN: ":material/help:",
    CARE: ":material/visibility:",
    YES: ":material/check_circle:",
}
_WORDS = {NO: "stops it", OPEN: "not known yet", CARE: "look at this", YES: "in order"}


def page(session: Session) -> None:
    """Shows the verdict, the changes, the worst deviations, and the next periods by group."""
    st.title("Today")
    now = datetime.now(session.reader.zone).date()
    first: Today = session.view("today", today=now, level=_level(), search=_search())
    shown = _as_of_then(session, first)
    _verdict(shown)
    if not shown.levels:
        return
    _worst(session, shown)
    _changes(session, shown)
    _next(session, shown)


def _level() -> str:
    return str(st.session_state.get("today_level") or "")


def _search() -> str:
    return str(st.session_state.get("today_search") or "")


def _as_of_then(session: Session, shown: Today) -> Today:
    """The page as it was on the day after the last sales, where these are old and the visitor wants it."""
    until = shown.sales_until
    if until is None or shown.verdict.kind != NO:
        return shown
    day = calendar_day(until) + timedelta(days=1)
    if not st.toggle(f"Judge it as on {session.reader.day(day)}, the day after the last sales", key="today_then"):
        return shown
    then: Today = session.view("today", today=day, level=_level(), search=_search())
    return then


def _verdict(shown: Today) -> None:
    verdict = shown.verdict
    _BOXES[verdict.kind](plain(verdict.sentence), icon=_ICONS[verdict.kind])
    with st.expander(f"All {len(verdict.reasons)} reasons", expanded=False):
        st.markdown(
            "\n".join(
                f"- {_ICONS[reason.kind]} **{_WORDS[reason.kind]}**: {plain(reason.sentence)}"
                for reason in verdict.reasons
            )
        )


def _worst(session: Session, shown: Today) -> None:
    st.subheader("The worst first")
    if shown.worst_note:
        st.markdown(plain(shown.worst_note))
    for place, row in enumerate(shown.worst.head(FIRST_WORST).iter_rows(named=True), 1):
        units = session.reader.number(row["units"])
        with st.container(border=True):
            st.markdown(f"**{place}.** {plain(row['sentence'])} That is {plain(units)} units.")
            forecast_link(row["level"], shown.places[row["id"]], f"Show {plain(row['group'])}")
    more = shown.worst.height - FIRST_WORST
    if more > 0:
        st.markdown(f"{more} more stand among the exceptions.")
    page_link("exceptions", "All exceptions")


def _changes(session: Session, shown: Today) -> None:
    st.subheader("What changed")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown.changes) or "Nothing was forecast yet.")
    if not shown.changed.is_empty():
        with st.expander(f"Where the forecast changed most, by {plain(columns(shown.level))}"):
            numbers = {
                "forecast": st.column_config.NumberColumn("Forecast now", format="localized"),
                "before": st.column_config.NumberColumn("Forecast before", format="localized"),
                "change": st.column_config.NumberColumn("Change", format="percent"),
            }
            st.dataframe(_rounded(shown.changed), hide_index=True, column_config={**_names(shown), **numbers})


def _next(session: Session, shown: Today) -> None:
    if not shown.title:
        return
    st.subheader(f"{shown.title[0].upper()}{shown.title[1:]}")
    st.markdown(plain(_compared(shown)))
    description = f"Lines of all sales for {shown.when}, beside the periods that they are compared with."
    days = {"ahead": "Forecast", "before": "Before", "last_year": "Last year"}
    named = {name: st.column_config.NumberColumn(title, format="localized") for name, title in days.items()}
    dated = shown.days.with_columns(pl.col(*days).round(1))
    show_chart(next_periods(session, shown), description, dated, {"date": _day_column(dated), **named})
    level, search = st.columns([1, 1])
    with level:
        st.selectbox(
            "By",
            shown.levels,
            index=shown.levels.index(shown.level),
            format_func=columns,
            key="today_level",
        )
    with search:
        st.text_input("Search", key="today_search", placeholder="A part of a name")
    if shown.table.is_empty():
        st.markdown("No group has this in its name.")
        return
    config = {
        "units_ahead": st.column_config.NumberColumn("Forecast", help=shown.when, format="localized"),
        "units_before": st.column_config.NumberColumn("Before", help=shown.before, format="localized"),
        "change": st.column_config.NumberColumn("Change", format="percent"),
        "units_last_year": st.column_config.NumberColumn("Last year", help=shown.last_year, format="localized"),
        "change_of_year": st.column_config.NumberColumn("Change on last year", format="percent"),
    }
    st.dataframe(_rounded(shown.table), hide_index=True, column_config={**_names(shown), **config})
    if shown.more:
        st.caption(f"{session.reader.number(shown.more)} more groups sell less; search for them.")
    st.caption("Days whose sales are not known (closed, out of stock) count as nothing in what was sold.")


def _compared(shown: Today) -> str:
    parts = [f"beside {shown.before}"] if shown.before else []
    parts += [f"beside the same days a year before, {shown.last_year}"] if shown.last_year else []
    short = "" if shown.last_year else " The history is too short for last year."
    return f"The forecast for {shown.when} {' and '.join(parts)}.{short}".replace(" .", ".")


def _day_column(days: pl.DataFrame) -> Any:
    if isinstance(days.schema["date"], pl.Datetime):
        return st.column_config.DatetimeColumn("Time", format="localized")
    return st.column_config.DateColumn("Day", format="localized")


def _names(shown: Today) -> dict[str, Any]:
    """The columns of keys, called as the user's columns are."""
    return {column: st.column_config.Column(key) for key, column in shown.keys.items()}


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    """Amounts with one decimal place where they are small, and changes to a tenth of a per cent."""
    places = {str(name): 3 for name in ("change", "change_of_year") if name in table.columns}
    amounts = [name for name in table.columns if name.startswith("units_") or name in ("forecast", "before")]
    for name in amounts:
        largest = table[name].max() if table.schema[name].is_numeric() else None
        places[name] = 0 if isinstance(largest, float) and largest >= 100 else 1
    return table.with_columns(
        pl.col(name).round(count) for name, count in places.items() if table.schema[name].is_float()
    )
