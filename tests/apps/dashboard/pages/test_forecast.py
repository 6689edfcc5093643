"""The page of forecasts: a planner searches a group, goes up, and changes the period."""

from __future__ import annotations

import io

import polars as pl
import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from foresell.apps.dashboard.downloads import csv_bytes, excel_bytes


def test_a_planner_finds_a_store_and_goes_up(done_shop, open_page) -> None:
    app = open_page(done_shop, "forecast")
    assert app.header[0].value == "All series"
    app.text_input(key="find_group").set_value("s001").run()
    app.selectbox(key="found_group").set_value("store=S001").run()
    assert not app.exception
    assert app.header[0].value == "S001"
    assert app.query_params["key.store"] == "S001"
    app.segmented_control(key="forecast_by").set_value("week").run()
    assert app.query_params["by"] == "week"
    assert "Week" in app.dataframe[0].value.columns
    next(button for button in app.button if button.label == "All series").click().run()
    assert not app.exception
    assert app.header[0].value == "All series"


def test_a_group_of_the_address_that_is_not_there_is_named(done_shop, open_page) -> None:
    app = open_page(done_shop, "forecast", address={"level": "store", "key.store": "<b>nowhere</b>"})
    assert "nowhere" in app.warning[0].value
    assert "<b>" not in app.warning[0].value
    assert app.header[0].value == "All series"


def test_without_a_forecast_the_page_says_which_command_makes_it(shop, open_page) -> None:
    assert "foresell run" in open_page(shop, "forecast").text[0].value


def test_a_download_runs_no_formula() -> None:
    table = pl.DataFrame({"item": ["=1+1"], "units": [1.5]})
    assert csv_bytes(table).decode("utf-8-sig") == "item,units\n'=1+1,1.5\n"
    pytest.importorskip("fastexcel")
    assert pl.read_excel(io.BytesIO(excel_bytes(table))).row(0) == ("'=1+1", 1.5)
