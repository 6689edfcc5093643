"""The verb `tune`: it goes on after a kill, writes what wins and nothing else, and says what it found."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.core.settings import read_settings
from foresell.pipeline import tuning as flow
from foresell.pipeline.graph import BESIDE, TUNE
from foresell.pipeline.project import Project

pytest.importorskip("optuna")

STUMP = {
    "name": "lightgbm",
    "options": {"trees": 1, "learning_rate": 0.01, "min_rows": 5, "every": 7, "share": 0.5, "threads": 1},
}
"""A model that can only become better."""


@pytest.fixture
def tunable(done_shop: Path, change_settings) -> Path:
    """A project whose data are checked, with a model that has much to learn."""
    change_settings(done_shop, models=[{"name": "seasonal_naive"}, STUMP], backtest={"windows": 2})
    return done_shop


def call(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["tune", *map(str, arguments), "--quiet"])
    assert done.exit_code == code, done.output
    return done.output


def tried(folder: Path) -> list[dict]:
    """The table of trials without what no two runs have in common."""
    return pl.read_csv(folder / "results" / "tune" / "trials.csv").drop("seconds").to_dicts()


def finished(folder: Path) -> int:
    """How many trials are done, by the file that keeps them; none where it is not there yet."""
    try:
        with sqlite3.connect(f"file:{folder}/results/tune/study.db?mode=ro", uri=True) as file:
            return file.execute("select count(*) from trials").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_what_wins_is_written_with_the_evidence_and_nothing_else_changes(tunable):
    path = tunable / "foresell.yaml"
    before = "# mine\n" + path.read_text() + "# last\n"
    path.write_text(before)
    output = call(tunable, "--trials", 6)
    assert "foresell.yaml has it now. Next: foresell run" in output
    summary = json.loads((tunable / "results" / "tune" / "summary.json").read_text())
    best, confirmed = summary["best"], summary["confirmed"]
    assert best["wrmsse"] < summary["start"]["wrmsse"]
    assert confirmed["tuned"] < confirmed["settings"]
    options = read_settings(path).models[1].options
    assert options == STUMP["options"] | {name: pair["tuned"] for name, pair in summary["changed"].items()}
    assert options["trees"] >= 40
    new = path.read_text().splitlines()
    mark = next(line for line in new if "# tuned" in line)
    assert mark.strip() == (
        f"# tuned {date.today()}: lightgbm, WRMSSE {summary['start']['wrmsse']:.3f} -> {best['wrmsse']:.3f} in 2 "
        f"windows of tuning, {confirmed['settings']:.3f} -> {confirmed['tuned']:.3f} in the backtest's windows, "
        "6 trials"
    )
    kept = [line for line in new if line in before.splitlines()]
    gone = [line for line in before.splitlines() if line not in new]
    assert kept[0] == "# mine"
    assert kept[-1] == "# last"
    assert {line.split(":")[0].strip() for line in gone} <= set(summary["changed"])


def test_the_files_are_those_that_the_help_lists(tunable):
    call(tunable, "--trials", 3, "--no-write")
    there = {file.name for file in (tunable / "results" / "tune").iterdir()}
    assert there == {*BESIDE[TUNE], "summary.json"}
    listed = CliRunner().invoke(main, ["tune", "--help"]).output
    assert all(f"  {name}  " in listed for name in BESIDE[TUNE])
    trials = pl.read_csv(tunable / "results" / "tune" / "trials.csv")
    windows = [name for name in trials.columns if name.startswith("wrmsse_")]
    assert trials["number"].to_list() == [0, 1, 2]
    assert len(windows) == 2
    assert trials["wrmsse"].to_list() == pytest.approx(trials.select(pl.mean_horizontal(windows)).to_series().to_list())


def test_the_search_goes_on_from_where_it_was_and_the_settings_stay_with_no_write(tunable, tmp_path):
    before = (tunable / "foresell.yaml").read_text()
    call(tunable, "--trials", 3, "--no-write")
    first = tried(tunable)
    output = call(tunable, "--trials", 5, "--no-write")
    assert tried(tunable)[:3] == first
    assert len(tried(tunable)) == 5
    assert "without --no-write it gets these options" in output
    assert (tunable / "foresell.yaml").read_text() == before
    again = json.loads(call(tunable, "--trials", 4, "--no-write", "--json"))
    assert (again["trials"], again["new"]) == (5, 0)


def test_the_search_goes_on_after_its_winner_was_written(tunable):
    call(tunable, "--trials", 4)
    first, text = tried(tunable), (tunable / "foresell.yaml").read_text()
    content = json.loads(call(tunable, "--trials", 4, "--json"))
    assert content["new"] == 0
    assert content["in_settings"]
    assert content["confirmed"]["holds"]
    assert tried(tunable) == first
    assert (tunable / "foresell.yaml").read_text() == text


def test_a_killed_search_loses_and_repeats_nothing(tunable, tmp_path, start_foresell):
    whole = tmp_path / "whole" / "shop"
    shutil.copytree(tunable, whole)
    shutil.copytree(tunable.parent / "data", whole.parent / "data")
    call(whole, "--trials", 12, "--no-write")
    search = start_foresell("tune", tunable, "--trials", 500)
    until = time.monotonic() + 120
    while finished(tunable) < 3 and search.process.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    search.process.kill()
    assert search.end().code == -signal.SIGKILL, search.end()
    done = finished(tunable)
    assert 3 <= done < 500
    call(tunable, "--trials", max(12, done + 1), "--no-write")
    assert tried(tunable)[:12] == tried(whole)
    assert [trial["number"] for trial in tried(tunable)] == list(range(max(12, done + 1)))


def test_what_does_not_win_in_the_windows_of_the_backtest_is_not_written(tunable, monkeypatch):
    real = flow.confirm

    def the_other_way_round(*of, **more):
        return real(*of, **more).rename({"settings": "tuned", "tuned": "settings"})

    monkeypatch.setattr(flow, "confirm", the_other_way_round)
    before = (tunable / "foresell.yaml").read_text()
    output = call(tunable, "--trials", 5)
    assert "It does not hold there, so the settings stay as they were." in " ".join(output.split())
    assert (tunable / "foresell.yaml").read_text() == before


def test_settings_that_are_the_best_stay(tunable):
    before = (tunable / "foresell.yaml").read_text()
    output = " ".join(call(tunable, "--trials", 1).split())
    assert "None was better than the settings, WRMSSE" in output
    assert (tunable / "foresell.yaml").read_text() == before


def test_other_data_begin_a_new_search_and_say_so(tunable, change_settings):
    call(tunable, "--trials", 3, "--no-write")
    change_settings(tunable, horizon=6)
    output = " ".join(call(tunable, "--trials", 2, "--no-write").split())
    assert "changed since; the 3 trials of before count no more" in output
    assert len(tried(tunable)) == 2


def test_a_sample_is_said(tunable):
    output = " ".join(call(tunable, "--trials", 2, "--sample", 5, "--no-write").split())
    assert "2 trials of lightgbm on a sample of 5 of 12 series" in output


def test_no_trial_begins_after_the_time_is_up(tunable):
    content = json.loads(call(tunable, "--trials", 50, "--timeout", 0, "--json"))
    assert content["trials"] == 1


def test_an_interrupt_keeps_the_trials_and_says_so(tunable, monkeypatch):
    real, calls = flow.TuningWindows.window_errors, []

    def interrupted(self, model, tell):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, model, tell)

    monkeypatch.setattr(flow.TuningWindows, "window_errors", interrupted)
    output = " ".join(call(tunable, "--trials", 5, code=130).split())
    assert "The trials that are done are kept; run the same command to go on." in output
    assert len(tried(tunable)) == 2
    monkeypatch.undo()
    call(tunable, "--trials", 4, "--no-write")
    assert len(tried(tunable)) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "seasonal_naive"], "'seasonal_naive' has no options to search; of its models lightgbm can be"),
        (["--model", "xgboost"], "foresell.yaml has no model 'xgboost'; of its models lightgbm can be tuned"),
    ],
)
def test_a_model_that_cannot_be_tuned_is_said(tunable, arguments, words):
    assert words in " ".join(call(tunable, *arguments, code=2).split())


def test_settings_without_such_a_model_and_a_short_history_are_said(tunable, change_settings):
    change_settings(tunable, backtest={"windows": 14})
    assert "too few to tune: the search has 14 windows of its own" in " ".join(call(tunable, code=2).split())
    change_settings(tunable, models=[{"name": "seasonal_naive"}], backtest={"windows": 2})
    assert "There is nothing to tune: none of its models can be tuned." in " ".join(call(tunable, code=2).split())


def test_optuna_that_is_not_there_is_one_sentence(tunable, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    output = " ".join(call(tunable, code=2).split())
    assert "The package 'optuna' is not installed" in output


def test_nothing_of_optuna_is_heard(tunable):
    done = CliRunner().invoke(main, ["tune", str(tunable), "--trials", "12", "--quiet", "--no-write"])
    assert done.exit_code == 0
    assert done.stderr == ""


def test_the_report_tells_of_the_search_once_there_was_one(tunable):
    project = Project(tunable)
    page = project.run()["report"].folder / "report.html"
    assert "<h3>Tuning</h3>" not in page.read_text()
    call(tunable, "--trials", 3, "--no-write")
    states = {step.step: step.state for step in project.status()}
    assert [step for step, state in states.items() if state == "out of date"] == ["report"]
    project.run("report")
    assert "3 trials of lightgbm on 12 series" in page.read_text()
