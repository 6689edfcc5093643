"""The page Plan: what a planner does with a plan, and what stands there without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from foresell.pipeline.plans.approval_log import ApprovalLog
from foresell.pipeline.plans.override_log import Change
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_lines_are_approved_and_opened_again(planned_shop: Path, open_page) -> None:
    app = open_page(planned_shop, "plan", "predict")
    assert metrics(app) == {
        "Lines to decide": "3", "Approved": "0", "Changed since": "0", "Money at risk": "44", "Cost": "72"
    }  # fmt: skip
    assert app.dataframe[0].value["state"].to_list() == ["○ to decide"] * 3
    app.text_input(key="plan_search").set_value("S1").run()
    assert metrics(app)["Cost"] == "32"
    app.text_input(key="plan_comment").set_value("fine <b>")
    app.button(key="plan_approve").click().run()
    assert [message.value for message in app.success] == ["2 lines approved\\."]
    assert metrics(app)["Approved"] == "2"
    (decision,) = ApprovalLog(planned_shop).decisions()
    assert (decision.who, decision.comment, decision.quantities) == ("ann", "fine <b>", (8.0, 12.0))
    app.button(key="plan_undo").click().run()
    assert metrics(app)["Approved"] == "0"
    assert [entry.verdict for entry in ApprovalLog(planned_shop).decisions()] == ["approve", "reopen"]


def test_what_changed_since_it_was_approved_has_to_be_approved_again(planned_shop: Path, open_page) -> None:
    project = Project(planned_shop)
    ApprovalLog(planned_shop).decide("orders", show(project, "plan").lines, "approve", "bob")
    app = open_page(planned_shop, "plan")
    project.overrides.add(Change({"store": "S1", "item": "nuts"}, "add", 6.0, "event", "fair", "bob"))
    app.run()
    assert (metrics(app)["Approved"], metrics(app)["Changed since"]) == ("2", "1")
    assert "Overrides changed 1 line" in app.warning[0].value
    app.selectbox(key="plan_state").set_value("changed since approved").run()
    assert app.dataframe[0].value["decided_quantity"].to_list() == [12.0]
    app.button(key="plan_approve").click().run()
    assert metrics(app)["Approved"] == "3"


def test_a_plan_that_changed_while_it_was_looked_at_is_not_approved_unseen(planned_shop: Path, open_page) -> None:
    app = open_page(planned_shop, "plan")
    Project(planned_shop).overrides.add(Change({"item": "nuts"}, "add", 6.0, "event", "fair", "bob"))
    app.button(key="plan_approve").click().run()
    assert "changed meanwhile" in app.text[0].value
    assert ApprovalLog(planned_shop).decisions() == []


def test_who_decided_meanwhile_is_named(planned_shop: Path, open_page) -> None:
    app = open_page(planned_shop, "plan")
    ApprovalLog(planned_shop).decide("orders", show(Project(planned_shop), "plan").lines, "reject", "bob")
    app.button(key="plan_approve").click().run()
    assert "Meanwhile bob decided" in app.warning[0].value
    assert metrics(app)["Approved"] == "3"


def test_a_reader_looks_and_decides_nothing(planned_shop: Path, open_page) -> None:
    app = open_page(planned_shop, "plan", "read")
    keys = {button.key for button in app.button}
    assert not keys & {"plan_approve", "plan_reject", "plan_reopen", "plan_again", "plan_try"}
    assert len(app.dataframe[0].value) == 3


def test_the_price_of_service_and_a_plan_to_try(planned_shop: Path, open_page) -> None:
    curve = pl.DataFrame({"fractile": [0.9, 0.98], "fill_rate": [0.8, 0.95], "cost": [100.0, 130.0]})
    curve.write_parquet(planned_shop / "results" / "plan" / "orders_curve.parquet")
    app = open_page(planned_shop, "plan")
    app.select_slider(key="plan_curve_service").set_value(0.98).run()
    text = " ".join(markdown.value for markdown in app.markdown)
    assert "**95.0%** of the demand and cost **130**: 30 more than the cheapest service, 90.0%" in text
    app.button(key="plan_try").click().run()
    assert any(error.value == "The plan cannot be tried." for error in app.error)


@pytest.mark.parametrize(("kind", "setting"), [("capacity", "capacity.capabilities"), ("sharing", "orders.stock")])
def test_a_plan_that_is_not_made_says_what_it_needs(planned_shop: Path, open_page, kind: str, setting: str) -> None:
    app = open_page(planned_shop, "plan")
    app.segmented_control(key="plan_kind").set_value(kind).run()
    assert not app.exception
    assert setting in app.info[0].value.replace("\\", "")


def test_targets_only(planned_shop: Path, open_page) -> None:
    path = planned_shop / "results" / "plan" / "orders.parquet"
    lines = pl.read_parquet(path)
    nothing = [pl.lit(None, pl.Float64).alias(name) for name in ("quantity", "money")]
    lines.with_columns(*nothing, target=pl.lit(5.0)).write_parquet(path)
    app = open_page(planned_shop, "plan")
    assert "targets only" in app.info[0].value
    assert app.dataframe[0].value["target"].to_list() == [5.0] * 4
    assert "plan_approve" not in {button.key for button in app.button}


def test_a_project_without_any_plan(planned_shop: Path, open_page) -> None:
    shutil.rmtree(planned_shop / "results")
    app = open_page(planned_shop, "plan")
    assert "not made yet" in app.info[0].value
    app = open_page(planned_shop, "overrides")
    assert "no plan to change yet" in app.info[0].value


def test_overrides_are_taken_back_and_listed(planned_shop: Path, open_page) -> None:
    log = Project(planned_shop).overrides
    first = log.add(Change({"item": "nuts"}, "add", 6.0, "event", "fair", "bob"))
    app = open_page(planned_shop, "overrides", "predict")
    grid = app.dataframe[0].value
    assert grid["final"].to_list() == [8.0, 18.0, 26.0, 0.0]
    app.multiselect[0].set_value([first.id]).run()
    app.button(key="overrides_withdraw").click().run()
    assert "Taken back" in app.success[0].value
    assert log.overrides() == []
    assert app.dataframe[0].value["final"].to_list() == [8.0, 12.0, 20.0, 0.0]
