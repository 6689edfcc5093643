"""The page of models: promotion asks for a reason and for the version to be typed."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from foresell.apps.dashboard import runs
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


def test_a_version_is_promoted_with_a_reason_by_who_typed_its_number(tracked_shop, open_page) -> None:
    app = open_page(tracked_shop, "models")
    button = next(button for button in app.button if button.label == "Promote")
    button.click().run()
    assert "Say why" in app.warning[0].value
    app.text_input(key="promote_why").set_value("the first one")
    app.text_input(key="promote_confirmed").set_value("2")
    next(button for button in app.button if button.label == "Promote").click().run()
    assert "Type 1 to confirm" in app.warning[0].value
    assert not runs.runs(tracked_shop)

    app.text_input(key="promote_confirmed").set_value("1")
    next(button for button in app.button if button.label == "Promote").click().run()
    for _ in range(1200):
        if runs.at_work(tracked_shop) is None:
            break
        time.sleep(0.05)
    (run,) = runs.runs(tracked_shop)
    assert run.state == runs.DONE, runs.lines(run)
    shown = show(Project(tracked_shop), "models")
    assert shown.champion == "1"
    assert "ann: the first one" in shown.decisions["reason"][0]


def test_others_see_the_models_and_decide_nothing(tracked_shop, open_page) -> None:
    app = open_page(tracked_shop, "models", role="predict")
    assert not app.button
    assert any("role admin" in caption.value for caption in app.caption)


def test_without_tracking_the_page_says_how_to_switch_it_on(done_shop, open_page) -> None:
    app = open_page(done_shop, "models")
    assert any("tracking" in markdown.value for markdown in app.markdown)
