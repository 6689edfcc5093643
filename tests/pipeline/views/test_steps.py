"""The states of the steps."""

from __future__ import annotations

import yaml

from foresell.pipeline.project import Project
from foresell.pipeline.views import show


def test_what_a_run_would_do(done_shop, change_settings) -> None:
    shown = show(Project(done_shop), "steps")
    assert shown.sentence == "All steps are up to date; a run would do nothing."
    assert dict(shown.steps.select("step", "needs").iter_rows())["combine"] == "check, backtest"
    change_settings(done_shop, horizon=5)
    later = show(Project(done_shop), "steps")
    assert later.sentence.startswith("A run would do")
    assert "backtest" in later.sentence


def test_nothing_is_done_yet(shop) -> None:
    shown = show(Project(shop), "steps")
    assert shown.sentence == "Nothing is done yet. A run does all steps."
    assert set(shown.steps["state"]) == {"not done"}


def test_settings_have_their_defaults_and_no_password(shop, change_settings) -> None:
    change_settings(shop, output={"database": "postgresql://ann:secret@db/sales"})
    shown = show(Project(shop), "settings")
    assert "secret" not in shown.text
    assert yaml.safe_load(shown.text)["horizon"] == 7
