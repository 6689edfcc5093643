"""The pages Why and What if: a planner asks for the reasons of a series, and for another price."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")


@pytest.fixture
def address(done_shop) -> dict[str, str]:
    from foresell.pipeline.project import Project

    series = Project(done_shop).panel.series
    return {"level": "store,item", "key.store": series["store"][0], "key.item": series["item"][0]}


def test_the_reasons_of_a_series_add_up(done_shop, open_page, address) -> None:
    app = open_page(done_shop, "why", address=address)
    assert app.header[0].value == f"{address['key.store']} · {address['key.item']}".replace("-", r"\-")
    assert "units are forecast" in app.markdown[0].value
    table = app.dataframe[0].value
    assert table.columns.tolist() == ["Reason", "Units", "What is known"]


def test_the_reasons_of_many_series_are_added_up_when_asked(done_shop, open_page, monkeypatch) -> None:
    from foresell.apps.dashboard.pages import why

    monkeypatch.setattr(why, "_AT_ONCE", 2)
    app = open_page(done_shop, "why")
    assert not any("units are forecast" in text.value for text in app.markdown)
    next(button for button in app.button if button.label.startswith("Add up")).click().run()
    assert not app.exception
    assert any("units are forecast" in text.value for text in app.markdown)


def test_another_price_shows_before_and_after(done_shop, open_page, address) -> None:
    app = open_page(done_shop, "what-if", address=address)
    next(button for button in app.button if button.label == "Forecast with this").click().run()
    assert "Nothing is changed yet" in app.info[0].value
    app.text_input(key="change_price").set_value("-10 %")
    next(button for button in app.button if button.label == "Forecast with this").click().run()
    assert not app.exception
    assert [metric.label for metric in app.metric][:2] == ["As it is", "As it would be"]
    app.text_input(key="change_price").set_value("cheap")
    next(button for button in app.button if button.label == "Forecast with this").click().run()
    assert "no value for 'price'" in app.text[0].value


def test_a_plan_that_was_never_made_is_named(done_shop, open_page) -> None:
    app = open_page(done_shop, "what-if")
    app.number_input(key="plan_lead").set_value(9.0)
    next(button for button in app.button if button.label == "Plan with this").click().run()
    assert "foresell plan orders" in app.text[0].value
