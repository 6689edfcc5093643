"""The lines of a plan as a table from which lines are chosen, and the sum behind the first chosen one."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts import base, plan_sum
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.pipeline.plans.approval_log import APPROVED, CHANGED, OPEN, REJECTED
from foresell.pipeline.views.plan import ShownPlan, parts_table

WRITTEN = "plan_written"
"""How often this visitor wrote something about lines."""

_SIGNS = {OPEN: "○", APPROVED: "✔", REJECTED: "✖", **dict.fromkeys(CHANGED.values(), "▲")}
_TITLES = {
    "money": "money at risk",
    "binds": "what binds",
    "decided_by": "by",
    "decided_at": "decided",
    "decided_quantity": "quantity then",
}
_FIRST = ("state", "quantity", "unit", "action", "money", "cost", "reason")


def show(session: Session, shown: ShownPlan, query: dict[str, Any]) -> pl.DataFrame:
    """Shows the lines; returns those that are chosen."""
    if shown.lines.is_empty():
        st.info("No line of the plan fits what is asked for.", icon=":material/search_off:")
        return shown.lines
    table = _table(shown)
    # Lines are chosen by their place in the table: another table, or what was written, begins without any.
    written = st.session_state.get(WRITTEN, 0)
    mark = hashlib.sha256(f"{shown.kind} {shown.version} {sorted(query.items())} {written}".encode()).hexdigest()[:12]
    place = st.dataframe(
        table,
        key=f"plan_lines_{mark}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_config(table, shown),
        height=min(38 + 35 * table.height, 460),
        alt="The lines of the plan, the most money at risk first.",
    )
    more = shown.matching - shown.lines.height
    if more > 0:
        st.caption(
            f"The first {session.reader.number(shown.lines.height)} of {session.reader.number(shown.matching)} lines. "
            "Search or filter to see others; approve and export are for all of them."
        )
    rows = [row for row in place.selection.rows if row < shown.lines.height]
    chosen = shown.lines[rows]
    if chosen.height:
        _parts(session, shown, chosen.row(0, named=True))
    elif shown.has_quantities:
        st.caption("Choose lines by the boxes on their left: to see how a quantity adds up, or to decide about them.")
    return chosen


def _table(shown: ShownPlan) -> pl.DataFrame:
    """The lines without columns that say nothing here."""
    lines = shown.lines
    names = [name for name in (*shown.keys, *_FIRST) if name in lines.columns]
    names += [name for name in lines.columns if name not in names]
    silent = {name for name in names if name not in shown.keys and _is_silent(lines[name])}
    if lines["date"].n_unique() == 1 if "date" in lines.columns else False:
        silent.add("date")
    if not any(shown.states.get(state) for state in CHANGED.values()):
        silent.add("decided_quantity")
    table = lines.select(name for name in names if name not in silent)
    own = [name for name in table.columns if name not in shown.keys and table.schema[name].is_float()]
    table = table.with_columns(pl.col(own).round(2))
    if "state" in table.columns:
        table = table.with_columns(state=pl.col("state").replace_strict(_SIGNS) + " " + pl.col("state"))
    return table


def _is_silent(column: pl.Series) -> bool:
    if column.dtype == pl.String:
        return not (column.fill_null("") != "").any()
    return column.count() == 0


def _config(table: pl.DataFrame, shown: ShownPlan) -> dict[str, Any]:
    """Numbers and days as the reader writes them; keys are called as the user's columns are."""
    config: dict[str, Any] = {}
    for name, kind in table.schema.items():
        title = name if name in shown.keys else _TITLES.get(name, name.replace("_", " "))
        if kind.is_numeric() and name not in shown.keys:
            config[name] = st.column_config.NumberColumn(title, format="localized")
        elif kind == pl.Date:
            config[name] = st.column_config.DateColumn(title, format="localized")
        elif isinstance(kind, pl.Datetime):
            config[name] = st.column_config.DatetimeColumn(title, format="localized")
        else:
            config[name] = st.column_config.TextColumn(title, width="large" if name == "reason" else None)
    return config


def _parts(session: Session, shown: ShownPlan, line: dict[str, Any]) -> None:
    """How the quantity of a line comes about."""
    name = " ".join(str(line[key]) for key in shown.keys)
    parts = parts_table(str(line.get("reason") or ""), line.get("quantity"))
    title = f"How the quantity of {name} adds up"
    if parts.is_empty():
        st.markdown(f"**{plain(name)}**: {plain(line.get('reason') or 'no reason is given')}")
        return
    spec = plan_sum.spec(session, title, parts, str(line.get("unit") or "units"))
    base.show_chart(spec, f"{title}: {line['reason']}.", parts, key="plan_parts")
