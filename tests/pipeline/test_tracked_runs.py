"""What a project records: backtest, training and search, once each, and what happens when it cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.core.extras import install_command
from foresell.core.settings import parse_settings
from foresell.pipeline import run_record
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import RecordSummary
from foresell.pipeline.tracked_runs import attempt, tracking_of
from foresell.pipeline.tuning import tune
from foresell.serving.bundle import read_manifest
from foresell.serving.source import registry_of
from foresell.store.settings_file import plain_settings


def done(outcomes) -> list[str]:
    return [name for name, outcome in outcomes.items() if outcome.done]


def run_of(project: Project, kind: str):
    tracking = tracking_of(project.results)
    runs = tracking.runs(kind)
    assert len(runs) == 1
    return tracking, tracking.client.get_run(runs[0].id)


def files(tracking, run: str, path: str = "") -> set[str]:
    paths = set()
    for entry in tracking.client.list_artifacts(run, path or None):
        paths |= files(tracking, run, entry.path) if entry.is_dir else {entry.path}
    return paths


def test_a_backtest_is_recorded_with_all_that_belongs_to_it(tracked_shop):
    project = Project(tracked_shop)
    tracking, run = run_of(project, "backtest")
    assert run.data.params["horizon"] == "7"
    assert run.data.params["models.0.name"] == "seasonal_naive"
    checked = json.loads((tracked_shop / "results" / "check" / "summary.json").read_text())
    assert run.data.tags["foresell.data"] == checked["panel"]
    board = {row["model"]: row for row in project.leaderboard.to_dicts()}
    assert run.data.metrics["wrmsse"] == pytest.approx(board["ensemble"]["wrmsse"])
    assert run.data.metrics["models/seasonal_naive/wrmsse"] == pytest.approx(board["seasonal_naive"]["wrmsse"])
    assert run.data.metrics["bias/store x item"] == pytest.approx(board["ensemble"]["bias"])
    for level in ("total", "store", "category", "store x category", "store x item"):
        assert {f"{what}/{level}" for what in ("wrmsse", "wspl", "coverage_90", "relative_width_50")} <= set(
            run.data.metrics
        )
    assert files(tracking, run.info.run_id) >= {
        "foresell.yaml", "settings.json", "scores/leaderboard.csv", "scores/trials.csv", "scores/levels.parquet",
        "scores/ranges.parquet", "plots/wrmsse_by_level.svg", "plots/wrmsse_by_step.svg", "plots/calibration.svg",
    }  # fmt: skip


def test_coverage_is_that_which_combine_found(tracked_shop):
    project = Project(tracked_shop)
    _, run = run_of(project, "backtest")
    combined = json.loads((tracked_shop / "results" / "combine" / "summary.json").read_text())
    for row in combined["ranges"]:
        if row["by"] == "all":
            metric = run.data.metrics[f"coverage_{100 * row['nominal']:g}/{row['level']}"]
            assert metric == pytest.approx(row["coverage"])


def test_a_training_is_recorded_and_its_model_registered(tracked_shop):
    project = Project(tracked_shop)
    tracking, run = run_of(project, "training")
    registry = registry_of(tracked_shop, project.settings)
    (version,) = registry.versions()
    assert (version.number, version.run, version.champion) == ("1", run.info.run_id, False)
    assert version.tags["foresell.data_last"] == project.panel.cutoff.isoformat()
    assert run.data.tags["foresell.backtest"] == run_of(project, "backtest")[1].info.run_id
    assert {"drivers.csv", "training.json"} <= files(tracking, run.info.run_id)
    manifest = read_manifest(registry.fetch("1"))
    assert manifest.cutoff == project.panel.cutoff
    assert manifest.data == run.data.tags["foresell.data"]


def test_a_second_run_records_nothing_twice(tracked_shop):
    assert done(Project(tracked_shop).run()) == []
    again = Project(tracked_shop).run(again=("record", "train", "register"))
    assert done(again) == ["train", "record", "register"]
    project = Project(tracked_shop)
    run_of(project, "backtest")
    run_of(project, "training")
    assert [version.number for version in registry_of(tracked_shop, project.settings).versions()] == ["1"]


def test_other_settings_are_another_run_and_version(tracked_shop, change_settings):
    change_settings(tracked_shop, champion="seasonal_naive")
    outcomes = Project(tracked_shop).run("register")
    assert done(outcomes) == ["combine", "train", "record", "register"]
    assert outcomes["register"].summary.version == "2"


def test_a_database_that_was_taken_away_is_filled_again(tracked_shop, mlflow_database):
    (tracked_shop / "results" / "mlflow.db").unlink()
    states = {one.step: one.state for one in Project(tracked_shop).status()}
    assert (states["record"], states["register"], states["train"]) == ("out of date", "out of date", "up to date")
    assert done(Project(tracked_shop).run("register")) == ["record", "register"]


def test_forecasts_are_made_though_the_server_is_down_and_it_is_tried_again(
    tracked_shop, change_settings, mlflow_database
):
    change_settings(tracked_shop, tracking={"uri": "http://127.0.0.1:9"}, champion="seasonal_naive")
    outcomes = Project(tracked_shop).run()
    assert done(outcomes) == ["combine", "train", "forecast", "report", "record", "register", "delivery"]
    for step in ("record", "register"):
        summary = outcomes[step].summary
        assert summary.recorded is False
        assert "does not answer" in summary.warnings_found[0]
    assert done(Project(tracked_shop).run()) == ["record", "register"]
    states = {one.step: one.state for one in Project(tracked_shop).status()}
    assert states["record"] == "out of date"
    change_settings(tracked_shop, tracking={"uri": None})
    outcomes = Project(tracked_shop).run()
    assert done(outcomes) == ["report", "record", "register"]  # the report shows the settings
    assert outcomes["register"].summary.version == "2"


def test_without_the_extra_a_whole_run_works_and_says_so(done_shop, change_settings, monkeypatch):
    change_settings(done_shop, tracking={"enabled": True})
    for name in ("mlflow", "mlflow.pyfunc"):
        monkeypatch.setitem(sys.modules, name, None)
    ended = CliRunner().invoke(main, ["run", str(done_shop)])
    assert ended.exit_code == 0, ended.output
    output = " ".join(ended.stdout.split())
    assert "record: not recorded" not in output
    assert output.count(install_command("mlflow")) == 1
    assert "Nothing was recorded" not in output  # nobody asked for it, so it is no warning


def test_a_store_that_was_named_and_cannot_be_used_for_want_of_the_extra_is_a_warning(
    done_shop, change_settings, monkeypatch
):
    change_settings(done_shop, tracking={"enabled": True, "uri": "sqlite:///elsewhere.db"})
    for name in ("mlflow", "mlflow.pyfunc"):
        monkeypatch.setitem(sys.modules, name, None)
    summary = Project(done_shop).run("record")["record"].summary
    assert summary.recorded is False
    assert install_command("mlflow") in summary.warnings_found[0]
    assert not (done_shop / "results" / "mlflow.db").exists()


def test_switched_off_it_is_left_alone(done_shop):
    outcomes = Project(done_shop).run()
    assert outcomes["record"].summary.to_dict() == outcomes["register"].summary.to_dict() == {"recorded": None}
    assert not (done_shop / "results" / "mlflow.db").exists()


def test_the_path_of_a_webhook_which_is_its_secret_is_not_recorded():
    alerts = {"webhook": "https://hooks.example/services/T0/B0/s3cret"}
    settings = parse_settings({"data": {"sales": "s.csv", "keys": ["item"]}, "monitoring": {"alerts": alerts}})
    shown = plain_settings(settings)["monitoring"]["alerts"]["webhook"]
    assert "hooks.example" in shown
    assert "s3cret" not in shown
    alerts["webhook"] = "${SLACK_WEBHOOK}"
    settings = parse_settings({"data": {"sales": "s.csv", "keys": ["item"]}, "monitoring": {"alerts": alerts}})
    assert plain_settings(settings)["monitoring"]["alerts"]["webhook"] == "${SLACK_WEBHOOK}"


def test_passwords_in_addresses_are_not_recorded(tracked_shop, change_settings):
    change_settings(tracked_shop, output={"database": "postgresql://planner:s3cret@host/sales"}, seed=2)
    project = Project(tracked_shop)
    project.run("register")
    tracking = tracking_of(project.results)
    for run in [*tracking.runs("backtest"), *tracking.runs("training")]:
        assert "s3cret" not in str(tracking.client.get_run(run.id).data.params)
        for name in ("foresell.yaml", "settings.json"):
            text = tracking.artifact(run.id, name, tracked_shop.parent).read_text()
            assert "s3cret" not in text


def test_the_commit_of_the_project_is_named_where_there_is_one(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git: it is not installed")
    assert run_record.commit(tmp_path) == {}

    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(["git", "-C", str(tmp_path), *who, *words], capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "foresell.yaml").write_text("a")
    git("add", ".")
    git("commit", "-m", "first")
    head = git("rev-parse", "HEAD")
    assert len(head) == 40
    assert run_record.commit(tmp_path) == {"mlflow.source.git.commit": head, "foresell.git_changed": "false"}
    (tmp_path / "foresell.yaml").write_text("b")
    assert run_record.commit(tmp_path)["foresell.git_changed"] == "true"


def test_a_search_for_options_is_recorded_once_as_it_stands(tracked_shop, change_settings):
    pytest.importorskip("optuna", reason="no search: optuna is not installed")
    options = {"trees": 3, "leaves": 4, "days": 60, "use": ["lag_1"]}
    change_settings(tracked_shop, models=[{"name": "lightgbm", "options": options}])
    first = tune(Project(tracked_shop), trials=2, write=False).summary
    assert first.tracking.recorded is True
    same = tune(Project(tracked_shop), trials=2, write=False).summary
    assert same.tracking.run == first.tracking.run
    project = Project(tracked_shop)
    tracking, run = run_of(project, "tuning")
    assert run.data.metrics["wrmsse/tuning/start"] == pytest.approx(first.start.wrmsse)
    assert files(tracking, run.info.run_id) >= {"trials.csv", "importance.csv", "best.json", "foresell.yaml"}
    assert "tracking" not in json.loads((tracked_shop / "results" / "tune" / "summary.json").read_text())
    more = tune(Project(tracked_shop), trials=3, write=False).summary
    assert more.tracking.run != first.tracking.run


def test_only_what_is_plain_data_becomes_a_parameter():
    tree = {"totals": {"models": [{"name": "lightgbm", "options": {"power": 1.2}}], "levels": [[], ["store"]]}}
    assert run_record.flat(tree) == {
        "totals.models.0.name": "lightgbm",
        "totals.models.0.options.power": 1.2,
        "totals.levels": [[], ["store"]],
    }


def test_what_cannot_be_recorded_says_why(shop):
    summary = attempt(Project(shop).results, RecordSummary, lambda: RecordSummary(recorded=True, run="x"))
    assert summary == RecordSummary(recorded=None)


def test_plots_are_drawings_of_their_own(tracked_shop, tmp_path):
    project = Project(tracked_shop)
    tracking, run = run_of(project, "backtest")
    for plot in files(tracking, run.info.run_id, "plots"):
        text = Path(tracking.artifact(run.info.run_id, plot, tmp_path)).read_text()
        assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        assert "<style>" in text
