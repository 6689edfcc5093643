"""The frame of charts: days keep their day, numbers and months are the reader's."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from foresell.apps.dashboard import theme
from foresell.apps.dashboard.charts.base import chart, day_axis, rows, worded
from foresell.apps.dashboard.session import Session, Visitor
from foresell.apps.dashboard.text import Reader
from foresell.serving.keys import Role


def test_data_of_a_layer_are_plain() -> None:
    table = pl.DataFrame({"date": [date(2024, 3, 1)], "time": [datetime(2024, 3, 1, 5)], "units": [float("nan")]})
    assert rows(table) == {"values": [{"date": "2024-03-01T00:00:00", "time": "2024-03-01T05:00:00", "units": None}]}


@pytest.mark.parametrize(
    ("tag", "decimal", "sunday", "march", "day"),
    [("de-DE", ",", "So", "Mär", "%-d %b"), ("en-US", ".", "Sun", "Mar", "%b %-d")],
)
def test_a_chart_is_in_the_reader_s_locale(tag, decimal, sunday, march, day) -> None:
    session = Session(Path(), Visitor("ann", Role.READ), Reader(tag), theme.DARK)
    spec = chart(session, "Units", [])
    locale = spec["config"]["locale"]
    assert locale["number"]["decimal"] == decimal
    assert locale["time"]["shortDays"][0].startswith(sunday)
    assert locale["time"]["shortMonths"][2].startswith(march)
    assert day_axis(session.reader)["axis"]["format"]["date"] == day
    assert spec["config"]["title"]["color"] == theme.DARK.ink


def test_numbers_and_days_become_the_reader_s_text() -> None:
    table = pl.DataFrame({"date": [date(2024, 3, 1)], "units": [1234.5]})
    assert worded(Reader("de-DE"), table, {"date": "day", "units": "text"}).row(0)[2:] == ("Fr., 1. März 2024", "1.234")
