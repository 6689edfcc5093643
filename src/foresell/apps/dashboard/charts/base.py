"""What all charts share: the frame of a specification, axes of days and numbers, tooltips, and how one is shown.

A chart's function returns `chart(...)`, a plain dict, and `show_chart` puts it on the page with its numbers as a table.
Each layer has its own data by `rows`, so that days stay the days they are: a day without a zone is read as the
reader's own midnight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import streamlit as st
from babel import dates

from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import Reader
from foresell.apps.dashboard.theme import Palette

Spec = dict[str, Any]

HEIGHT = 320  # pixels of a chart
FONT = "'Source Sans', 'Source Sans Pro', sans-serif"
SMALL, TEXT, TITLE = 12, 13, 16  # pixels of letters


def chart(session: Session, title: str, layers: Sequence[Spec], *, height: int = HEIGHT, **more: Any) -> Spec:
    """The specification of a chart whose `layers` lie on each other, in the reader's colours and locale.

    `more` goes into the specification as it is, such as ``resolve``. The title and texts of the data are drawn as
    text, so that no mark in them has a meaning.
    """
    return {
        "title": {"text": title, "anchor": "start"},
        "height": height,
        "layer": list(layers),
        "config": _config(session.palette, session.reader),
        **more,
    }


def rows(table: pl.DataFrame) -> Spec:
    """The data of a layer: days and times as text without a zone, NaN and infinities as not known."""
    return {"values": [{name: _plain(value) for name, value in row.items()} for row in table.iter_rows(named=True)]}


def day_axis(reader: Reader, column: str = "date", title: str | None = "Day") -> Spec:
    """The channel ``x`` of days or times."""
    order = dates.get_date_format("short", reader.locale).pattern.lower()
    day = "%-d %b" if order.index("d") < order.index("m") else "%b %-d"
    form = {"year": "%Y", "quarter": "%b %Y", "month": "%b %Y", "week": day, "date": day, "hours": "%H:%M"}
    axis = {"format": form, "labelOverlap": True, "grid": False}
    return {"field": column, "type": "temporal", "title": title, "axis": axis}


def number_axis(column: str, title: str, *, zero: bool = True) -> Spec:
    """The channel ``y`` of quantities; `title` names the unit."""
    return {"field": column, "type": "quantitative", "title": title, "scale": {"zero": zero}}


def tooltip(columns: Mapping[str, str]) -> list[Spec]:
    """The channel ``tooltip``: columns of text and their titles. Make the text of numbers and days with `worded`."""
    return [{"field": column, "type": "nominal", "title": title} for column, title in columns.items()]


def worded(reader: Reader, table: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """The table with numbers and days also as text, as the reader writes them: `columns` are new names by column."""
    return table.with_columns(
        pl.Series(new, [_text(reader, value) for value in table[column]], dtype=pl.String)
        for column, new in columns.items()
    )


def show_chart(
    spec: Spec,
    description: str,
    table: pl.DataFrame,
    columns: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
) -> None:
    """Shows a chart, and the `table` of its numbers under it.

    `description` says in a sentence what the chart shows, for people who do not see it. `columns` are the
    ``st.column_config`` of the table; `key` is needed where two charts of a page are alike.
    """
    st.vega_lite_chart(spec, theme=None, width="stretch", alt=description, key=key)
    with st.expander("The numbers as a table", key=None if key is None else f"{key}_table"):
        numbers = {
            name: st.column_config.NumberColumn(format="localized")
            for name, kind in table.schema.items()
            if kind.is_numeric()
        }
        days = {
            name: st.column_config.DateColumn(format="localized")
            for name, kind in table.schema.items()
            if kind == pl.Date
        }
        st.dataframe(table, hide_index=True, column_config={**numbers, **days, **(columns or {})})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def _text(reader: Reader, value: Any) -> str:
    if isinstance(value, datetime):
        return reader.moment(value)
    if isinstance(value, date):
        return reader.day(value)
    return reader.number(value)


def _config(palette: Palette, reader: Reader) -> Spec:
    letters = {"labelFont": FONT, "titleFont": FONT, "labelColor": palette.muted, "titleColor": palette.muted}
    sizes = {"labelFontSize": SMALL, "titleFontSize": SMALL, "titleFontWeight": "normal"}
    axis = {"gridColor": palette.rule, "domainColor": palette.rule, "tickColor": palette.rule, "titlePadding": 8}
    return {
        "background": "transparent",
        "font": FONT,
        "locale": _locale(reader),
        "view": {"stroke": None},
        "title": {"color": palette.ink, "fontSize": TITLE, "fontWeight": 600, "offset": 12},
        "axis": {**letters, **sizes, **axis, "labelLimit": 160},
        "legend": {
            **letters,
            **sizes,
            "labelColor": palette.ink,
            "labelFontSize": TEXT,
            "title": None,
            "orient": "bottom",
            "direction": "horizontal",
            "columns": 3,
            "symbolSize": 260,
            "symbolType": "stroke",  # a line shows its dashes too
            "symbolStrokeWidth": 2.5,
        },
        "text": {"color": palette.ink, "font": FONT, "fontSize": TEXT},
        "rule": {"color": palette.muted},
        "line": {"color": palette.ink, "strokeWidth": 2},
    }


def _locale(reader: Reader) -> Spec:
    """How Vega writes numbers and names days, see the formats of D3."""
    locale = reader.locale
    symbols = locale.number_symbols["latn"]
    months, days = locale.months["format"], locale.days["format"]
    week = [(place - 1) % 7 for place in range(7)]  # Vega begins with Sunday, Babel counts from Monday
    return {
        "number": {
            "decimal": symbols["decimal"],
            "thousands": symbols["group"],
            "grouping": [3],
            "currency": ["", ""],
            "minus": "−",
        },
        "time": {
            "dateTime": "%x %X",
            "date": "%d.%m.%Y",
            "time": "%H:%M",
            "periods": ["AM", "PM"],
            "days": [days["wide"][day] for day in week],
            "shortDays": [days["abbreviated"][day] for day in week],
            "months": [months["wide"][month] for month in range(1, 13)],
            "shortMonths": [months["abbreviated"][month] for month in range(1, 13)],
        },
    }
