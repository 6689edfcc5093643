"""Summaries are written and read by the names of their fields, and what is not whole is not taken for one."""

from __future__ import annotations

import json
from datetime import date

import pytest

from foresell.pipeline.graph import STEPS
from foresell.pipeline.summaries import (
    CheckSummary,
    CombineSummary,
    DeliverySummary,
    RecordSummary,
    RegisterSummary,
    Revenue,
    TrainSummary,
)

TRAINED = TrainSummary(
    model="ensemble",
    models=["lightgbm"],
    cutoff=date(2026, 1, 31),
    drivers=[],
    warnings_found=["too few days"],
    revenue=Revenue(reason="no prices are known."),
)


def test_a_summary_is_read_as_it_was_written(tmp_path):
    TRAINED.write(tmp_path)
    assert TrainSummary.read(tmp_path) == TRAINED
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == {
        "model": "ensemble",
        "models": ["lightgbm"],
        "cutoff": "2026-01-31",
        "drivers": [],
        "warnings_found": ["too few days"],
        "revenue": {"reason": "no prices are known."},
    }


def test_what_is_not_there_is_left_out():
    delivery = DeliverySummary(database="d", place="p", table="forecasts", rows=7, replaced=0)
    assert "copy" not in delivery.to_dict()
    assert RegisterSummary(recorded=None).to_dict() == {"recorded": None}


def test_a_summary_that_is_missing_or_not_whole_is_none(tmp_path):
    assert CheckSummary.read(tmp_path) is None
    (tmp_path / "summary.json").write_text('{"errors": 1}', encoding="utf-8")  # the data stopped the work
    assert CheckSummary.read(tmp_path) is None
    (tmp_path / "summary.json").write_text("{", encoding="utf-8")
    assert CheckSummary.read(tmp_path) is None


def test_warnings_are_those_that_the_step_met():
    assert TRAINED.warning_texts == ["too few days"]
    assert RecordSummary(recorded=True).warning_texts == []


@pytest.mark.parametrize("name", STEPS)
def test_the_name_of_a_step_is_that_of_its_summary(name):
    assert STEPS[name].summary.step == name


def test_what_was_not_recorded_says_why():
    assert RecordSummary(recorded=None).sentence() == "tracking is switched off"
    assert RecordSummary(recorded=False, why="no MLflow").sentence() == "not recorded: no MLflow"
    assert RecordSummary(recorded=False, why="down", warnings_found=["It is down."]).sentence() == "not recorded"


def test_a_combination_of_before_had_neither_models_of_series_nor_a_score_of_its_own(tmp_path):
    content = {"best": "ensemble", "ranges": [], "leaderboard": [], "weights": [{"segment": "all", "ets": 1.0}]}
    (tmp_path / "summary.json").write_text(json.dumps(content | {"reconciliation": {"bottom_up": 1.0}}))
    before = CombineSummary.read(tmp_path)
    assert before is not None
    assert before.sentence() == "the ensemble is ets; reconciled by bottom-up"
    assert before.about_leaderboard() == ""
