"""Who forecasts: the champion as it stands, asked with the newest sales, and what holds where it cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fixtures.projects import sales_until

from foresell.core.errors import StoreError
from foresell.ensemble.champion import Champion
from foresell.ensemble.range_backtest import PROBABILITIES
from foresell.pipeline.explanation import explain
from foresell.pipeline.lifecycle.promotion import promote, rollback
from foresell.pipeline.lifecycle.retraining import retrain
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.monitoring.monitor import monitor
from foresell.pipeline.project import Project
from foresell.registry.tracking import FINGERPRINT
from foresell.serving.bundle import BY_DAY, MANIFEST, read_manifest
from foresell.serving.source import registry_of
from foresell.store.tables import read_table

LAST = date(2025, 12, 28)  # of the shop's sales
BEGIN = LAST - timedelta(days=28)  # what the first champion learnt to
RULES = {"promotion": {"margin": 0.0, "tolerance": 1.0, "coverage": 1.0}, "monitoring": {"max_age": 10}}
LEARNERS = [{"name": "moving_average"}, {"name": "lightgbm", "options": {"trees": 10, "leaves": 7, "days": 60}}]


@pytest.fixture(scope="module")
def _served_shop(_shop: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory, change_settings) -> Path:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    shop = folder / "shop"
    shutil.rmtree(shop / "results")
    (shop / "results").mkdir()
    shutil.copy(mlflow_database, shop / "results" / "mlflow.db")
    change_settings(shop, **RULES, tracking={"enabled": True}, backtest={"windows": 4}, models=LEARNERS)
    sales_until(shop, BEGIN)
    project = Project(shop)
    project.run("forecast", "register")
    assert promote(project).version == "1"
    return folder


@pytest.fixture
def served_shop(_served_shop: Path, tmp_path: Path) -> Path:
    """A project whose champion, version 1, learnt from sales that end four weeks before the last, which are known."""
    shutil.copytree(_served_shop, tmp_path, dirs_exist_ok=True)
    sales_until(tmp_path / "shop", LAST)
    return tmp_path / "shop"


def done(outcomes) -> list[str]:
    return [name for name, outcome in outcomes.items() if outcome.done]


def states(shop: Path) -> dict[str, str]:
    return {one.step: one.state for one in Project(shop).status()}


def bundle(shop: Path, number: str = "1") -> Path:
    return registry_of(shop, Project(shop).settings).fetch(number)


def tag(shop: Path, number: str) -> str:
    return registry_of(shop, Project(shop).settings).version(number).tags[FINGERPRINT]


def single_series(table: pl.DataFrame) -> np.ndarray:
    rows = table.filter(level="store x item")
    return rows["mean"].to_numpy().reshape(-1, 7)


def test_new_sales_are_forecast_by_the_champion_and_nothing_is_trained(served_shop):
    project = Project(served_shop)
    outcomes = project.run("forecast", "delivery")
    assert list(outcomes) == done(outcomes) == ["check", "forecast", "delivery"]
    summary = outcomes["forecast"].summary
    assert (summary.version, summary.learnt_to, summary.age_days) == ("1", BEGIN, 28)
    assert summary.cutoff == LAST
    expected = Champion.load(bundle(served_shop) / "model").forecast(project.panel).mean
    np.testing.assert_array_equal(single_series(project.forecasts), expected)
    assert done(Project(served_shop).run("forecast", "delivery")) == []
    now = states(served_shop)
    assert (now["forecast"], now["delivery"], now["train"]) == ("up to date", "up to date", "out of date")


def test_it_is_kept_under_the_training_of_the_version_so_that_monitoring_knows_it(served_shop):
    sales_until(served_shop, LAST - timedelta(days=7))
    project = Project(served_shop)
    project.run("forecast")
    newest = history_of(project.results).forecasts()[-1]
    assert (newest.cutoff, newest.model) == (LAST - timedelta(days=7), tag(served_shop, "1"))
    sales_until(served_shop, LAST)
    judged = monitor(Project(served_shop)).summary.to_dict()["judged"]
    assert (judged["version"], judged["cutoff"]) == ("1", (LAST - timedelta(days=7)).isoformat())
    assert judged["windows"] is not None


def test_a_whole_run_trains_and_registers_and_the_champion_forecasts(served_shop):
    outcomes = Project(served_shop).run()
    assert {"backtest", "combine", "train", "forecast", "register"} <= {*done(outcomes)}
    assert outcomes["register"].summary.version == "2"
    assert outcomes["forecast"].summary.version == "1"
    page = (served_shop / "results" / "report" / "report.html").read_text(encoding="utf-8")
    assert "version 1" in page
    assert done(Project(served_shop).run()) == []


def test_promotion_and_rollback_make_the_forecast_out_of_date(served_shop):
    Project(served_shop).run()
    by_first = Project(served_shop).forecasts
    assert promote(Project(served_shop), "2", force="a test").serves
    assert {step for step, state in states(served_shop).items() if state != "up to date"} == {
        "forecast", "report", "delivery",
    }  # fmt: skip
    outcomes = Project(served_shop).run()
    assert done(outcomes) == ["forecast", "report", "delivery"]
    summary = outcomes["forecast"].summary
    assert (summary.version, summary.age_days) == ("2", 0)
    assert not Project(served_shop).forecasts.equals(by_first)
    rollback(Project(served_shop))
    assert states(served_shop)["forecast"] == "out of date"
    Project(served_shop).run("forecast")
    assert Project(served_shop).forecasts.equals(by_first)


def test_after_a_retraining_alone_monitoring_knows_what_is_usual_of_the_new_champion(served_shop):
    sales_until(served_shop, LAST - timedelta(days=10))
    decided = retrain(Project(served_shop))
    assert decided.decision.serves
    shutil.rmtree(served_shop / "results" / "history" / "backtests")
    sales_until(served_shop, LAST - timedelta(days=7))
    Project(served_shop).run("forecast")
    sales_until(served_shop, LAST)
    judged = monitor(Project(served_shop)).summary.to_dict()
    assert (judged["judged"]["version"], judged["judged"]["windows"] is not None) == ("2", True)
    assert any(check["figure"] == "coverage" for check in judged["checks"])


@pytest.mark.parametrize("way", ["bottom_up", "mint"])
def test_series_that_began_after_the_champion_was_trained_are_forecast_too(
    way, shop, mlflow_database, change_settings, tmp_path
):
    """A third shop that opens, in the table before the others, sells what they do."""
    (shop / "results").mkdir()
    shutil.copy(mlflow_database, shop / "results" / "mlflow.db")
    totals = {"reconciliation": way} | ({} if way == "bottom_up" else {"levels": [[], ["store"]]})
    totals |= {} if way == "bottom_up" else {"models": [{"name": "moving_average"}]}
    change_settings(shop, **RULES, tracking={"enabled": True}, models=LEARNERS, totals=totals, backtest={"windows": 3})
    sales_until(shop, BEGIN)
    Project(shop).run("register")
    promote(Project(shop), force="a test")
    before = {*Project(shop).panel.series["store"].cast(pl.String)}
    known = pl.read_csv(shop.parent / "all.csv", try_parse_dates=True)
    source = known["store"].min()
    opened = known.filter((pl.col("store") == source) & (pl.col("date") > BEGIN)).with_columns(store=pl.lit("A000"))
    pl.concat([opened, known]).write_csv(shop.parent / "data" / "sales.csv")
    stores = pl.read_csv(shop.parent / "data" / "stores.csv")
    like = stores.filter(store=source).with_columns(store=pl.lit("A000"))
    pl.concat([like, stores]).write_csv(shop.parent / "data" / "stores.csv")
    outcomes = Project(shop).run("forecast")
    assert done(outcomes) == ["check", "forecast"]
    assert outcomes["forecast"].summary.version == "1"
    rows = Project(shop).forecasts.filter(level="store").group_by("store").agg(pl.col("mean").sum())
    units = {str(store): mean for store, mean in rows.iter_rows()}
    assert {*units} == before | {"A000"}
    assert units["A000"] == pytest.approx(units[source], rel=0.5)
    table = Project(shop).forecasts
    assert table["mean"].is_not_null().all()
    assert table["mean"].is_not_nan().all()
    assert (table["q050"] <= table["q950"]).all()


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"horizon": 6}, "forecasts 7 periods ahead, not 6"),
        ({"levels": [["store"], ["department"]]}, "does not have the 1 level department"),
    ],
)
def test_a_champion_that_does_not_answer_for_the_settings_is_passed_over_with_a_warning(
    served_shop, change_settings, change, warning
):
    change_settings(served_shop, **change)
    outcomes = Project(served_shop).run("forecast")
    assert "train" in done(outcomes)
    summary = outcomes["forecast"].summary
    assert summary.version is None
    assert len(summary.warnings_found) == 1
    assert warning in summary.warnings_found[0]
    assert done(Project(served_shop).run("forecast")) == []


def test_fewer_levels_are_no_reason_to_pass_it_over(served_shop, change_settings):
    change_settings(served_shop, levels=[["store"]])
    summary = Project(served_shop).run("forecast")["forecast"].summary
    assert (summary.version, summary.warnings_found, summary.levels) == ("1", [], 3)


DOWN = {"uri": "http://127.0.0.1:9"}


def test_while_the_registry_is_down_the_version_that_forecast_last_goes_on(served_shop, change_settings):
    Project(served_shop).run("forecast")
    before = Project(served_shop).forecasts
    change_settings(served_shop, tracking=DOWN)
    assert states(served_shop)["forecast"] == "up to date"
    again = Project(served_shop).run("forecast", again=("forecast",))
    summary = again["forecast"].summary
    assert done(again) == ["forecast"]
    assert summary.version == "1"
    assert "does not answer" in summary.warnings_found[0]
    assert "Version 1 forecasts, as it did last" in summary.warnings_found[0]
    assert Project(served_shop).forecasts.equals(before)
    bundle_left = served_shop / summary.bundle
    shutil.rmtree(bundle_left)
    with pytest.raises(StoreError, match="Version 1 forecast last, and its files are no longer in"):
        Project(served_shop).run("forecast", again=("forecast",))
    assert Project(served_shop).forecasts.equals(before)
    newest = Project(served_shop, newest=True).run("forecast")
    assert newest["forecast"].summary.version is None


def test_while_it_is_not_known_whether_there_is_a_champion_this_is_said(shop, change_settings):
    change_settings(shop, tracking={"enabled": True, **DOWN})
    summary = Project(shop).run("forecast")["forecast"].summary
    assert summary.version is None
    assert "It is not known which version is the champion" in summary.warnings_found[0]


def test_files_of_the_champion_are_fetched_and_those_of_another_registry_are_not_taken_for_them(
    served_shop, change_settings, s3_endpoint
):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    other = bundle(served_shop)
    change_settings(served_shop, tracking={"artifacts": "s3://models/champion", "name": "toys"}, seed=2)
    sales_until(served_shop, BEGIN)
    Project(served_shop).run("register")
    promote(Project(served_shop), force="a test")
    cache = served_shop / "results" / "models" / "1" / "data" / "bundle"
    shutil.rmtree(served_shop / "results" / "models", ignore_errors=True)
    shutil.copytree(other, cache)
    sales_until(served_shop, LAST)
    assert states(served_shop)["forecast"] == "out of date"
    assert json.loads((cache / MANIFEST).read_text()) == json.loads((other / MANIFEST).read_text())  # nothing fetched
    summary = Project(served_shop).run("forecast")["forecast"].summary
    assert (summary.version, summary.training) == ("1", tag(served_shop, "1"))
    assert read_manifest(served_shop / summary.bundle).name == "toys"
    (cache / "scatter.parquet").write_bytes(b"spoiled")
    assert Project(served_shop).run("forecast", again=("forecast",))["forecast"].summary.version == "1"
    read_manifest(cache)
    assert done(Project(served_shop).run("forecast")) == []


def test_a_version_that_went_on_is_passed_over_too_where_it_does_not_answer(served_shop, change_settings):
    Project(served_shop).run("forecast")
    change_settings(served_shop, tracking=DOWN, horizon=6)
    summary = Project(served_shop).run("forecast")["forecast"].summary
    assert summary.version is None
    assert "forecasts 7 periods ahead, not 6" in summary.warnings_found[0]


def test_a_registry_of_an_unknown_kind_does_not_keep_forecasts_from_being_made(shop, change_settings):
    change_settings(shop, tracking={"enabled": True, "uri": "ftp://nowhere"})
    summary = Project(shop).run("forecast")["forecast"].summary
    assert summary.version is None
    assert "'tracking.uri'" in summary.warnings_found[0]


def test_the_newest_training_forecasts_where_it_is_asked_to(served_shop):
    outcomes = Project(served_shop, newest=True).run("forecast")
    assert "train" in done(outcomes)
    assert outcomes["forecast"].summary.version is None
    assert done(Project(served_shop, newest=True).run("forecast")) == []
    assert states(served_shop)["forecast"] == "out of date"


def test_reasons_are_those_of_the_model_that_forecasts(served_shop):
    project = Project(served_shop)
    project.run()
    shown = explain(Project(served_shop), {})
    total = project.forecasts.filter(level="total")["mean"].sum()
    assert sum(reason.units for reason in shown.reasons) == pytest.approx(total, rel=1e-4)
    assert promote(Project(served_shop), "2", force="a test").serves
    moved = explain(Project(served_shop), {})
    assert sum(reason.units for reason in moved.reasons) != pytest.approx(total, rel=1e-6)


def test_a_bundle_without_how_its_backtest_erred_by_day_forecasts_all_the_same(served_shop):
    place = bundle(served_shop)
    (place / BY_DAY).unlink()
    manifest = json.loads((place / MANIFEST).read_text())
    del manifest["files"][BY_DAY]
    (place / MANIFEST).write_text(json.dumps(manifest))
    read_manifest(place)
    kept = history_of(Project(served_shop).results).backtest(tag(served_shop, "1"))
    assert Project(served_shop).run("forecast")["forecast"].summary.version == "1"
    assert history_of(Project(served_shop).results).backtest(tag(served_shop, "1")).equals(kept)


def test_who_is_champion_is_told_without_mlflow(served_shop):
    code = (
        "import sys; from foresell.pipeline.project import Project; project = Project(sys.argv[1]); "
        "told = project.run('forecast')['forecast'].summary; project.status(); "
        "print(told.version, 'mlflow' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, served_shop], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "False"]


def test_other_quantiles_leave_what_combine_leaves(done_shop, change_settings):
    """What a step leaves is what its fingerprint says: quantiles are not in that of combine."""
    change_settings(done_shop, output={"quantiles": [0.1, 0.33, 0.66, 0.9]})
    files = ("ranges.parquet", "quantiles.parquet", "by_day.parquet", "metrics.json")
    folder = done_shop / "results" / "combine"
    before = {name: (folder / name).read_bytes() for name in files}
    assert done(Project(done_shop).run("combine", again=("combine",))) == ["combine"]
    assert {name: (folder / name).read_bytes() for name in files} == before
    assert {*read_table(folder / "quantiles.parquet")["probability"]} == {*PROBABILITIES}
    assert {*read_table(folder / "ranges.parquet")["nominal"]} == {0.5, 0.8, 0.9, 0.95}
