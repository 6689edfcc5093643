"""The forecast of any group or series, beside what was sold and what was forecast before."""

from __future__ import annotations

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts.base import show_chart
from foresell.apps.dashboard.charts.forecast_lines import earlier_chart, forecast_chart
from foresell.apps.dashboard.downloads import downloads
from foresell.apps.dashboard.group_picker import group_picker, parts_table
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.words import many
from foresell.pipeline.views.forecast import GroupForecast


def page(session: Session) -> None:
    """Shows the forecast of the group that is chosen."""
    st.title("Forecast")
    where, group = group_picker(session)
    st.header(plain(group.name), anchor=False)
    st.caption(many(group.series, "series", "series"))
    shown = _shown(session, where)
    _soon(session, shown)
    table = numbers(shown)
    words = f"Units of {shown.name} by {shown.by}: sold, forecast with its range, and the year before."
    show_chart(forecast_chart(session, shown), words, table, key="forecast_chart")
    _notes(session, shown)
    downloads(table, "forecast")
    st.subheader("Parts", anchor=False)
    parts_table(session, where, group)
    _earlier(session, shown)
    _marks(shown)


def _shown(session: Session, where: str) -> GroupForecast:
    """The forecast by the chosen period."""
    wanted = st.query_params.get("by")
    shown: GroupForecast = session.view("forecast", where=where)
    if len(shown.periods) == 1:
        return shown
    default = wanted if wanted in shown.periods else shown.periods[0]
    by = st.segmented_control("By", shown.periods, default=default, key="forecast_by", required=True) or default
    if by != wanted:
        st.query_params["by"] = by
    return shown if by == shown.by else session.view("forecast", where=where, by=by)


def _soon(session: Session, shown: GroupForecast) -> None:
    """The first days in figures."""
    soon, reader = shown.soon, session.reader
    st.markdown(f"**{plain(soon.words)}**")
    with st.container(horizontal=True):
        st.metric("Units forecast", reader.number(soon.units), border=True)
        if soon.low == soon.low and shown.probability is not None:
            words = f"{reader.number(soon.low)} to {reader.number(soon.high)}"
            st.metric(f"Range ({reader.share(shown.probability)})", words, border=True)
        for label, before in (("Just before", soon.before), ("The year before", soon.last_year)):
            change = reader.change(soon.units / before - 1) if before > 0 else None
            st.metric(label, reader.number(before), change, delta_color="off", delta_arrow="off", border=True)


def _notes(session: Session, shown: GroupForecast) -> None:
    if shown.range_note:
        st.info(plain(shown.range_note), icon=":material/info:")
    elif shown.probability is not None:
        st.caption(
            f"Sales lie in the range with a probability of {session.reader.share(shown.probability)}. The range of a "
            "sum is that of the sum; it is narrower than the sum of the ranges."
        )
    if not shown.forecast["whole"].all() and shown.forecast["whole"].any():
        st.caption(f"The last {shown.by} reaches beyond the forecast. It stands in the table and not in the chart.")


def numbers(shown: GroupForecast) -> pl.DataFrame:
    """History and forecast as one table, the newest last."""
    period = shown.by.capitalize()
    past = shown.history.select(pl.col("date").alias(period), Sold="units", **{"The year before": "last_year"})
    forecast = shown.forecast.select(
        pl.col("date").alias(period),
        Forecast="units",
        From="low",
        To="high",
        **{"The year before": "last_year", f"{_PARTS.get(shown.by, 'Periods')} in it": "days"},
    )
    table = pl.concat([past, forecast], how="diagonal_relaxed")
    order = [period, "Sold", "Forecast", "From", "To", "The year before"]
    more = [name for name in table.columns if name not in order] if shown.by != shown.periods[0] else []
    return table.select(*order, *more).with_columns(pl.selectors.float().round(2).fill_nan(None))


_PARTS = {"week": "Days", "month": "Days", "day": "Hours"}


def _earlier(session: Session, shown: GroupForecast) -> None:
    st.subheader("Earlier forecasts beside what came", anchor=False)
    st.caption(plain(shown.earlier_note))
    if shown.earlier.is_empty():
        return
    table = shown.earlier.select(
        pl.col("made_after").alias("Made after"),
        pl.col("date").alias(shown.by.capitalize()),
        pl.col("forecast").round(2).alias("Forecast"),
        pl.col("low").alias("From"),
        pl.col("high").alias("To"),
        pl.col("sold").alias("Sold"),
    )
    table = table.select(column for column in table if column.null_count() < len(column))
    words = f"Earlier forecasts of {shown.name}, and what was sold, by {shown.by}."
    show_chart(earlier_chart(session, shown), words, table, key="earlier_chart")


def _marks(shown: GroupForecast) -> None:
    if shown.events.is_empty() and shown.known_ahead.is_empty():
        return
    st.subheader("Events, prices and promotions", anchor=False)
    if shown.events.height:
        st.dataframe(
            shown.events.sort("date", descending=True).select(Day="date", Event="event"),
            hide_index=True,
            column_config={"Day": st.column_config.DateColumn(format="localized")},
        )
    if shown.known_ahead.height:
        table = shown.known_ahead.sort("date", descending=True).rename(
            {"date": "Day", "price": "Price (mean)", "promotion": "On promotion"}, strict=False
        )
        columns = {
            "Price (mean)": st.column_config.NumberColumn(format="localized"),
            "On promotion": st.column_config.NumberColumn(format="percent", help="The part of the series."),
        }
        if table["Day"].dtype == pl.Date:  # of hours it has a time
            columns["Day"] = st.column_config.DateColumn(format="localized")
        st.dataframe(table.with_columns(pl.selectors.float().fill_nan(None)), hide_index=True, column_config=columns)
