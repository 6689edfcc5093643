"""The verbs that do steps: what they print, as text and as JSON, and the codes they end with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.core.settings import read_settings
from foresell.pipeline.graph import STEPS
from foresell.pipeline.summaries import BacktestSummary, TrainSummary
from foresell.store.step_results import Steps

VERBS = ("check", "features", "backtest", "train", "forecast", "report", "run")


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def foresell(*words: object, **more) -> subprocess.CompletedProcess[str]:
    """As a user runs it: a process of its own."""
    command = [sys.executable, "-c", "from foresell.apps.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, **more)


def test_a_whole_run_from_a_shell(shop):
    first = foresell("run", shop.name, "--quiet", cwd=shop.parent)
    assert (first.returncode, first.stderr) == (0, "")
    lines = [line for line in first.stdout.splitlines() if line and line[0] != " "]
    paragraphs = [re.sub(r"^\d{4}-\S+ ", "", line).partition(":")[0] for line in lines]  # a step says when
    assert paragraphs == [*STEPS, "The report", "Forecasts", "Database"]
    assert "moving_average" in first.stdout
    for kind in ("The report", "Forecasts", "Database"):
        line = next(line for line in first.stdout.splitlines() if line.startswith(kind))
        place = line.partition(":")[2].strip().partition(",")[0]
        assert (shop.parent / place).is_file(), line
    second = foresell("run", cwd=shop)
    assert second.returncode == 0
    assert " ".join(second.stdout.split()).count("(up to date)") == len(STEPS)


def test_a_run_says_which_version_forecast_and_which_waits_to_be_judged(tracked_shop, change_settings):
    assert run("promote", tracked_shop, "--quiet").exit_code == 0
    change_settings(tracked_shop, champion="seasonal_naive")
    ended = run("run", tracked_shop)
    assert ended.exit_code == 0, ended.output
    output = " ".join(ended.stdout.split())
    assert "; by version 1, the champion, which learnt from sales up to 2025-12-28, the last day" in output
    assert "The newest training, version 2, does not forecast, for it was not promoted; version 1 did." in output
    assert "foresell promote" in output
    newest = run("forecast", tracked_shop, "--newest")
    assert newest.exit_code == 0
    assert "by version" not in " ".join(newest.stdout.split())
    states = json.loads(run("status", tracked_shop, "--json").stdout)["steps"]
    assert next(step["state"] for step in states if step["step"] == "forecast") == "out of date"
    assert run("promote", tracked_shop, "--version", "2", "--force", "a test").exit_code == 0
    ended = run("run", tracked_shop)
    assert "by version 2, the champion" in " ".join(ended.stdout.split())
    assert "does not forecast" not in ended.stdout


def test_a_champion_that_is_passed_over_is_told_of_as_a_warning(tracked_shop, change_settings):
    assert run("promote", tracked_shop, "--quiet").exit_code == 0
    change_settings(tracked_shop, horizon=6)
    output = " ".join(run("forecast", tracked_shop).stdout.split())
    assert "warning: Version 1, the champion, forecasts 7 periods ahead, not 6." in output


@pytest.mark.parametrize("verb", VERBS)
def test_json_is_all_there_is_on_stdout(done_shop, verb):
    ended = run(verb, done_shop, "--json")
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert all(content[step]["state"] == "up to date" for step in STEPS if step in content)
    expected = {"run": "delivery", "forecast": "delivery"}.get(verb, verb)
    assert expected in content
    if verb == "check":
        assert {"code", "severity", "message"} <= set(content["findings"][0])
    if verb == "features":
        assert {"name", "group", "meaning", "reads", "earliest", "used"} == set(content["catalogue"][0])
    if verb == "backtest":
        board = content["combine"]["leaderboard"]
        assert {row["model"] for row in board} == {"moving_average", "seasonal_naive", "ensemble"}
        assert board[0]["wrmsse"] <= board[1]["wrmsse"]


def test_check_prints_what_it_found_worst_first(done_shop):
    shown = run("check", done_shop)
    assert shown.exit_code == 0
    findings = json.loads((done_shop / "results" / "check" / "findings.json").read_text())
    places = [shown.stdout.index(f"{one['code']} in") for one in findings]
    assert places == sorted(places)
    # No model of this project reads features, so what is known ahead goes to waste, and that is said.
    assert "unused-covariate in covariate promotion" in shown.stdout


def test_check_leakage(done_shop):
    shown = run("check", done_shop, "--leakage")
    assert shown.exit_code == 0, shown.output
    assert "2 models tried; all hold" in " ".join(shown.stdout.split())
    content = json.loads(run("check", done_shop, "--leakage", "--json").stdout)
    assert {one["name"] for one in content["leakage"]} == {"seasonal_naive", "moving_average"}


def test_check_leakage_ends_with_1_where_something_leaks(done_shop, monkeypatch):
    from foresell.models.naive import FittedMovingAverage, MovingAverage

    # A model that keeps the last day of whatever it was shown, however late that is.
    monkeypatch.setattr(MovingAverage, "prepare", lambda self, panel, horizon, cutoffs: panel.units[:, -1])
    fit = MovingAverage.fit

    def leaking(self, panel, horizon, prepared=None, progress=None):
        fitted = fit(self, panel, horizon)
        forecast = FittedMovingAverage.forecast

        class Leaking:
            def forecast(self, panel):
                leaked = forecast(fitted, panel)
                leaked.mean[:, 0] = prepared
                return leaked

        return Leaking()

    monkeypatch.setattr(MovingAverage, "fit", leaking)
    shown = run("check", done_shop, "--leakage")
    assert shown.exit_code == 1
    assert "model  moving_average" in shown.stdout
    assert "seasonal_naive" not in shown.stdout.partition("Leakage")[2]


def test_features_lists_all_and_marks_those_in_use(done_shop, change_settings):
    change_settings(done_shop, models=[{"name": "lightgbm"}], features={"use": ["lag_1", "price"]})
    shown = run("features", done_shop)
    assert shown.exit_code == 0, shown.output
    used = [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("yes ")]
    catalogue = pl.read_csv(done_shop / "results" / "features" / "catalogue.csv")
    assert "lag_1" in used
    assert used == catalogue.filter("used")["name"].to_list()
    assert all(name in shown.stdout for name in catalogue["name"])


def test_status_says_what_is_up_to_date(done_shop, change_settings):
    before = json.loads(run("status", done_shop, "--json").stdout)
    assert [one["state"] for one in before["steps"]] == ["up to date"] * len(STEPS)
    change_settings(done_shop, output={"quantiles": [0.5]})
    shown = run("status", "--project", done_shop).stdout
    states = {line.split()[0]: line for line in shown.splitlines()[1:]}
    assert "out of date" in states["forecast"]
    assert "up to date" in states["train"]


def test_again_does_a_step_again(done_shop):
    content = json.loads(run("train", done_shop, "--again", "--json").stdout)
    assert {step: one["state"] for step, one in content.items()} == {
        "check": "up to date",
        "backtest": "up to date",
        "combine": "up to date",
        "train": "done",
        "record": "up to date",
        "register": "done",
    }
    content = json.loads(run("run", done_shop, "--again", "--json").stdout)
    assert {one["state"] for one in content.values()} == {"done"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00", "sales.csv"),
        (b"date,store,item,units,price,promotion,stocked_out\n", "has a header and no rows"),
        (b"when,who,what\n2024-01-01,a,b\n", "no column"),
    ],
)
def test_a_broken_file_ends_in_one_paragraph(shop, content, message):
    (shop.parent / "data" / "sales.csv").write_bytes(content)
    ended = run("run", shop)
    assert ended.exit_code == 1
    assert message in " ".join(ended.stderr.split())
    assert "\n\n" not in ended.stderr.strip()
    assert "Traceback" not in ended.stderr
    as_json = run("run", shop, "--json")
    assert as_json.exit_code == 1
    assert set(json.loads(as_json.stdout)) >= {"error", "message"}


def test_findings_that_stop_the_work_come_with_the_json(shop, change_settings):
    change_settings(shop, data={"quantity": "pieces"})
    ended = run("check", shop, "--json")
    assert ended.exit_code == 1
    content = json.loads(ended.stdout)
    assert content["error"] == "FindingsStop"
    assert content["findings"][0]["code"] == "missing-columns"


def test_too_many_bad_rows_are_listed_and_put_aside(shop):
    from foresell.synth import damage

    sales = shop.parent / "data" / "sales.csv"
    planted = {fault.code: fault for fault in damage(sales, sales.with_name("damaged.csv"), per_code=20)}
    sales.with_name("damaged.csv").replace(sales)
    ended = run("check", shop)
    assert ended.exit_code == 1
    assert ended.stdout.index("ERROR") < ended.stdout.index("warning")
    assert "too-many-bad-rows" in ended.stdout
    quarantine = shop / "results" / "check" / "quarantine.csv"
    assert f"Thebadrowsarein{quarantine}." in "".join(ended.stderr.split())
    bad = pl.read_csv(quarantine)
    lines = bad.filter(reason="unparsable-dates")["line"].to_list()
    assert set(lines) == set(planted["unparsable-dates"].lines)


def test_wrong_use_ends_with_2(shop, tmp_path, change_settings):
    assert run("check", shop, "--fast").exit_code == 2
    assert run("forecast", shop, "--project", tmp_path).exit_code == 2
    nowhere = run("run", tmp_path / "nowhere")
    assert nowhere.exit_code == 2
    assert "foresell init" in " ".join(nowhere.stderr.split())
    change_settings(shop, horizn=3)
    misspelled = run("run", shop)
    assert misspelled.exit_code == 2
    assert "Did you mean 'horizon'" in " ".join(misspelled.stderr.split())


def test_a_fault_of_our_own_is_told_in_one_paragraph_with_its_traceback_in_a_file(done_shop, monkeypatch):
    def fails(task, folder) -> TrainSummary:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("foresell.pipeline.steps.train.run", fails)
    ended = run("train", done_shop, "--again")
    assert ended.exit_code == 1
    words = " ".join(ended.stderr.split())
    assert "a fault of foresell, not of yours: ZeroDivisionError: of all things" in words
    file = next((done_shop / "results").glob("fault-*.txt"))
    assert "in fails" in file.read_text()
    assert file.name in words
    assert "Traceback" not in ended.stderr
    shown = run("train", done_shop, "--again", "--debug")
    assert "Traceback (most recent call last)" in shown.stderr
    # What was there before is still there.
    assert run("forecast", done_shop, "--json").exit_code == 0


def test_an_interrupt_says_what_is_kept(shop, monkeypatch):
    def interrupted(task, folder) -> BacktestSummary:
        raise KeyboardInterrupt

    monkeypatch.setattr("foresell.pipeline.steps.backtest.run", interrupted)
    ended = run("run", shop)
    assert ended.exit_code == 130
    assert "are kept (check, features); run the same command to go on" in " ".join(ended.stderr.split())


def _slow(shop: Path) -> subprocess.Popen[str]:
    """A run whose backtest waits for ever at its second fit."""
    code = """
import time
from foresell.apps.cli import main
from foresell.models.naive import MovingAverage
MovingAverage.fit = lambda *of, **more: time.sleep(600)
main()
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, "run", str(shop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _wait_for(what, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if what():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it never came to that")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_half_way_goes_on(shop, how):
    results = shop / "results"
    with _slow(shop) as process:
        try:
            _wait_for(lambda: list(results.glob(".backtest.*/forecasts/*.parquet")), process)
            busy = run("run", shop)
            assert busy.exit_code == 2
            assert "Another run is at work" in busy.stderr
            os.kill(process.pid, how)
            process.wait(timeout=60)
        finally:
            process.kill()
        assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert {record.step for record in Steps(shop).status()} == {"check", "features"}
    ended = run("run", shop, "--json")
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert [step for step, one in content.items() if one["state"] == "up to date"] == ["check", "features"]
    assert not list(results.glob(".*.part"))


def test_lightgbm_goes_the_whole_way(shop, change_settings):
    options = {"trees": 3, "threads": 1, "share": 1.0, "every": 3}
    change_settings(
        shop,
        models=[{"name": "seasonal_naive"}, {"name": "lightgbm", "options": options}],
        champion="lightgbm",
        features={"use": ["lag_1", "mean_28", "price", "promotion"]},
    )
    ended = run("run", shop, "--json")
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert content["train"]["models"] == ["lightgbm"]
    assert content["features"]["used"] >= 4
    assert content["train"]["drivers"]
    checked = run("check", shop, "--leakage")
    assert checked.exit_code == 0, checked.output
    drivers = pl.read_csv(shop / "results" / "train" / "drivers.csv")
    assert drivers["share"].sum() == pytest.approx(1)
    assert drivers["meaning"].null_count() == 0


def test_all_settings_are_shown_and_are_themselves_a_settings_file(shop, change_settings):
    change_settings(shop, output={"database": "postgresql://me:secret@host/db"}, horizon=6)
    shown = run("settings", shop)
    assert shown.exit_code == 0
    assert "secret" not in shown.output
    tree = yaml.safe_load(shown.stdout)
    assert (tree["horizon"], tree["seed"], tree["output"]["quantiles"]) == (6, 1, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert json.loads(run("settings", shop, "--json").stdout) == tree
    before = read_settings(shop / "foresell.yaml")
    (shop / "foresell.yaml").write_text(shown.stdout, encoding="utf-8")
    after = read_settings(shop / "foresell.yaml")
    assert msgspec.structs.replace(after, output=before.output) == before
