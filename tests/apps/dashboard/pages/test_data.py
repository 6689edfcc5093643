"""The page of data and runs: what an administrator does there, and what others see."""

from __future__ import annotations

import io
import time

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from fixtures.bad_rows import with_bad_rows

from foresell.apps.dashboard import runs, uploads
from foresell.core.settings import read_settings
from foresell.pipeline.project import Project


def button(app, label):
    return next(button for button in app.button if button.label == label)


def test_an_administrator_starts_a_run_and_reads_its_log(done_shop, open_page) -> None:
    app = open_page(done_shop, "data")
    button(app, "Run all that is out of date").click().run()
    assert not app.exception
    for _ in range(1200):
        if runs.at_work(done_shop) is None:
            break
        time.sleep(0.05)
    app.run()
    (run,) = runs.runs(done_shop)
    assert (run.state, run.by, run.title) == (runs.DONE, "ann", "foresell run")
    assert any("backtest" in code.value for code in app.code)
    assert app.selectbox(key="run_chosen").options[0].endswith("foresell run, done (by ann)")


def test_a_second_run_is_refused_in_words(done_shop, open_page) -> None:
    app = open_page(done_shop, "data")
    runs.start(done_shop, ["status", str(done_shop)], "bob")  # meanwhile, from another tab
    button(app, "Monitor").click().run()
    assert not app.exception
    assert any("foresell status is at work" in text.value for text in app.text)


def test_who_is_no_administrator_starts_nothing(done_shop, open_page) -> None:
    app = open_page(done_shop, "data", role="predict")
    assert not app.button
    assert any("role admin" in caption.value for caption in app.caption)


def test_bad_rows_are_searched(done_shop, open_page) -> None:
    app = open_page(with_bad_rows(done_shop, 160), "data")
    assert any("160 of 160 rows" in caption.value for caption in app.caption)
    app.text_input(key="bad_rows_search").set_value("duplicate").run()
    assert any("54 of 160 rows" in caption.value for caption in app.caption)
    app.number_input[0].set_value(2).run()
    assert any(len(frame.value) == 4 for frame in app.dataframe if "line" in frame.value.columns)


def test_a_project_where_nothing_is_done_says_what_to_do(shop, open_page) -> None:
    app = open_page(shop, "data")
    text = " ".join(markdown.value for markdown in app.markdown)
    assert "Nothing is done yet" in text
    assert "not checked yet" in text


def test_uploaded_sales_wait_until_they_are_accepted(shop, open_page) -> None:
    content = io.BytesIO((shop.parent / "data" / "sales.csv").read_bytes())
    upload = uploads.stage(shop, "all.csv", content, uploads.REPLACE, "bob")
    app = open_page(shop, "data")
    assert app.button(key=f"accept_{upload.id}").disabled
    Project(upload.trial(shop)).run("check")
    app.run()
    app.button(key=f"accept_{upload.id}").click().run()
    assert not app.exception
    assert "in use from the next run on" in app.success[0].value
    assert read_settings(shop / "foresell.yaml").data.sales.endswith("sales/all.csv")
