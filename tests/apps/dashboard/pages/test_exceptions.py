"""The page of exceptions: a planner filters, acknowledges, assigns and comments."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from foresell.pipeline.monitoring.exception_log import ExceptionLog
from foresell.pipeline.project import Project


@pytest.fixture
def changed(done_shop) -> Path:
    """A shop whose forecast is twice that of the day before."""
    history = Project(done_shop).results.history
    (kept,) = history.forecasts()
    history.keep_forecast(
        kept.read().drop("made").with_columns(pl.col("mean") / 2), kept.cutoff.replace(day=27), "before"
    )
    return done_shop


def pressed(app, label):
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def test_a_project_without_results_says_what_to_do(shop, open_page) -> None:
    app = open_page(shop, "exceptions")
    assert any("foresell run" in caption.value for caption in app.caption)


def test_work_on_an_exception(changed, open_page) -> None:
    app = open_page(changed, "exceptions", role="predict")
    app.selectbox(key="exception_kind").set_value("last_forecast").run()
    (id,) = app.selectbox(key="exception_chosen").options
    assert id.startswith("All sales:")
    id = app.session_state["exception_chosen"]

    app.text_area(key=f"exception_comment {id}").set_value("*Easter* is early")
    pressed(app, "Add the comment")
    assert any(r"\*Easter\* is early" in text.value for text in app.markdown)
    app.text_input(key=f"exception_assign {id}").set_value("bob")
    pressed(app, "Give")
    assert app.selectbox(key="exception_assignee").options == ["Anybody", "bob"]
    pressed(app, "Acknowledge")
    assert [event.action for event in ExceptionLog(changed).events()[id]] == ["comment", "assign", "acknowledge"]
    assert {event.who for event in ExceptionLog(changed).events()[id]} == {"ann"}

    pressed(app, "Undo")
    assert ExceptionLog(changed).events()[id][-1].action == "reopen"
    assert app.session_state["exception_chosen"] == id
    pressed(app, "Acknowledge")
    app.selectbox(key="exception_state").set_value("acknowledged").run()
    pressed(app, "Open it again")
    assert ExceptionLog(changed).events()[id][-1].action == "reopen"


def test_limits_are_set_by_level(changed, open_page) -> None:
    app = open_page(changed, "exceptions")
    app.number_input(key="exception_limit total").set_value(1000)
    pressed(app, "Use these")
    app.selectbox(key="exception_kind").set_value("last_forecast").run()
    assert "total" not in app.dataframe[0].value["level"].tolist()


def test_who_only_reads_is_shown_no_buttons(changed, open_page) -> None:
    app = open_page(changed, "exceptions", role="read")
    assert app.dataframe
    assert [button.label for button in app.button] == ["Use these"]
