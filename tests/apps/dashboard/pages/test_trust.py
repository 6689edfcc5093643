"""The page says in words how far the forecasts can be trusted."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")


def test_the_past_is_told_in_words_and_ranges_can_be_chosen(done_shop, open_page) -> None:
    app = open_page(done_shop, "trust")
    words = app.markdown[0].value
    assert "Tried on 2 windows of the past" in words
    assert "cannot be judged yet" in words
    assert "ensemble" in set(app.dataframe[0].value["model"])
    (control,) = [control for control in app.button_group if control.key == "trust_range"]
    control.set_value(0.5).run()
    assert not app.exception


def test_before_monitoring_the_page_says_what_is_missing(done_shop, open_page) -> None:
    app = open_page(done_shop, "trust")
    assert any("Data and runs" in info.value for info in app.info)
