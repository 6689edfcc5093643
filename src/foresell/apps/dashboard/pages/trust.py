"""How far the forecasts can be trusted: errors on the past, ranges, bias, and accuracy since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts.base import show_chart
from foresell.apps.dashboard.charts.bias_by_step import bias_by_step
from foresell.apps.dashboard.charts.reliability import reliability
from foresell.apps.dashboard.charts.used_accuracy import used_accuracy
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.pipeline.views.trust import Trust

RANGES = (0.5, 0.8, 0.9, 0.95)
LEVELS_DRAWN = 4

_SIGNS = {
    "clearly better": "✔ clearly better",
    "clearly worse": "✖ clearly worse",
    "as promised": "✔ as promised",
    "too narrow": "▼ too narrow",
    "too wide": "▲ too wide",
    "too high": "▲ too high",
    "too low": "▼ too low",
    "may be chance": "○ may be chance",
    "cannot be judged yet": "? cannot be judged yet",
}


def page(session: Session) -> None:
    """Shows what the past says of the forecasts, in words first."""
    st.title("Trust")
    shown: Trust = session.view("trust")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown.sentences))
    models, ranges, bias, used = st.tabs(["Models", "Ranges", "Bias", "In use"])
    with models:
        _models(shown)
    with ranges:
        _ranges(session)
    with bias:
        _bias(session, shown)
    with used:
        _used(session)


def _models(shown: Trust) -> None:
    st.caption(
        "Each model forecast windows of the past without their sales. The error (WRMSSE) is the mean over all levels, "
        "weighted by revenue where there are prices; the smaller, the better. WAPE and bias are of single series."
    )
    st.dataframe(
        _rounded(shown.leaderboard, per_cent=("wape", "bias"), others=("gain", "gain_error", "seconds")).with_columns(
            pl.col("error").round(3), pl.col("against_ensemble").replace(_SIGNS)
        ),
        hide_index=True,
        column_config={
            "error": _number("error (WRMSSE)"),
            "gain": _number("smaller than seasonal naive by (%)"),
            "gain_error": _number("± standard error (points)"),
            "against_ensemble": st.column_config.TextColumn("the ensemble against it"),
            "wape": _number("WAPE (%)"),
            "bias": _number("bias (%)"),
            "seconds": _number("a window takes (s)"),
        },
    )


def _rounded(table: pl.DataFrame, per_cent: Sequence[str], others: Sequence[str] = ()) -> pl.DataFrame:
    """The table with shares as per cent, and these and other numbers with one decimal place."""
    return table.with_columns((pl.col(per_cent) * 100).round(1), pl.col(others).round(1))


def _number(title: str) -> Any:
    return st.column_config.NumberColumn(title, format="localized")


def _ranges(session: Session) -> None:
    wanted = st.segmented_control(
        "Range", RANGES, default=0.9, format_func=lambda share: session.reader.share(share), key="trust_range"
    )
    shown: Trust = session.view("trust", range=wanted or 0.9)
    if shown.ranges.is_empty():
        st.info("Ranges cannot be judged yet. More windows make it possible: backtest.windows in foresell.yaml.")
        return
    st.caption(
        "The share of sales that lay in the range. A sum is of so many periods one after the other. The range of an "
        "order, a week or a month is that of its sum."
    )
    table = _rounded(shown.ranges, per_cent=("promised", "held", "error"))
    st.dataframe(
        table.with_columns(pl.col("verdict").replace(_SIGNS)),
        hide_index=True,
        column_config={
            "days": _number(f"sum of {shown.period}s"),
            "promised": _number("promised (%)"),
            "held": _number("held (%)"),
            "error": _number("± standard error (points)"),
        },
    )
    if shown.calibration.is_empty():
        return
    names = shown.calibration["level"].unique(maintain_order=True).to_list()
    chosen = st.multiselect(
        "Levels", names, default=_spread(names), max_selections=LEVELS_DRAWN, key="trust_levels"
    ) or _spread(names)
    drawn = shown.calibration.filter(pl.col("level").is_in(chosen))
    show_chart(
        reliability(session, drawn),
        "On the thin straight line quantiles hold exactly; a line above it has quantiles that are too high",
        drawn,
    )


def _spread(names: list[str]) -> list[str]:
    """The first level, the last, and some between."""
    places = {round(number * (len(names) - 1) / (LEVELS_DRAWN - 1)) for number in range(LEVELS_DRAWN)}
    return [names[place] for place in sorted(places)]


def _bias(session: Session, shown: Trust) -> None:
    if shown.bias_by_step.height > 1:
        show_chart(
            bias_by_step(session, shown.bias_by_step, shown.period),
            "A dot for each step ahead; the line through it is as long as chance may have it off",
            shown.bias_by_step.select(pl.col("name").alias("step"), "sold", "bias", "reach", "windows", "verdict"),
        )
    if shown.bias_by_group.is_empty():
        return
    st.subheader("Groups")
    st.dataframe(
        _rounded(shown.bias_by_group, per_cent=("bias", "reach")).with_columns(pl.col("verdict").replace(_SIGNS)),
        hide_index=True,
        column_config={
            "part": "level",
            "name": "group",
            "sold": _number("units sold"),
            "bias": _number("bias (%)"),
            "reach": _number("± chance (points)"),
        },
    )


def _used(session: Session) -> None:
    levels = session.view("trust").levels
    if not levels:
        st.info(
            "No forecast was compared with sales that came later. Start monitoring on the page Data and runs when "
            "sales of the days ahead have come in.",
            icon=":material/hourglass_empty:",
        )
        return
    level = st.segmented_control("Level", levels, default=levels[0], key="trust_used_level") or levels[0]
    shown: Trust = session.view("trust", level=level)
    show_chart(
        used_accuracy(session, shown.used),
        "The error of the forecasts in use by week, beside that of repeating the last season",
        shown.used,
        {
            "value_added": st.column_config.NumberColumn("value added", format="percent"),
            **{name: st.column_config.NumberColumn(format="percent") for name in ("wape", "bias", "coverage")},
            "wape_naive": st.column_config.NumberColumn("wape of seasonal naive", format="percent"),
        },
    )
    st.caption("Value added is the share by which the error is smaller than that of seasonal naive.")
