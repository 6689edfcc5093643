"""Promotion and rollback of a project's models, with the verdicts that are kept."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import StoreError, UnreadableFile, UsageError
from foresell.core.settings import Features, Settings, Totals, parse_settings
from foresell.core.settings import Model as ModelSettings
from foresell.ensemble.configured_models import with_models_of
from foresell.pipeline.lifecycle.promotion import models, promote, prune, rollback, sign, spare
from foresell.pipeline.project import Project
from foresell.serving.bundle import read_manifest
from foresell.serving.source import registry_of

LOOSE = {"promotion": {"margin": 0.0, "tolerance": 1.0, "coverage": 1.0}}
"""Rules that leave it to the overall error."""

SHORT = {"name": "moving_average", "options": {"window": 2}}
WORSE = {"models": [{"name": "seasonal_naive"}, {"name": "moving_average"}, SHORT], "champion": "moving_average_2"}
"""A project whose model is worse than the moving average of its other settings; it becomes version 2."""


@pytest.fixture
def train(tracked_shop, change_settings):
    """Changes settings and trains; the project."""

    def make(**changes: object) -> Project:
        change_settings(tracked_shop, **changes)
        project = Project(tracked_shop)
        project.run("register")
        return project

    return make


def champion(project: Project) -> str | None:
    version = registry_of(project.folder, project.settings).champion()
    return None if version is None else version.number


def kept(project: Project, decision, name: str, folder: Path) -> Path:
    return registry_of(project.folder, project.settings).tracking.artifact(decision.change.run, name, folder)


def test_the_first_version_is_promoted_and_the_verdict_kept(tracked_shop, tmp_path):
    project = Project(tracked_shop)
    decision = promote(project)
    assert decision.serves
    assert (decision.version, decision.change.verdict, decision.change.before) == ("1", "promoted", None)
    assert champion(project) == "1"
    board = {row["model"]: row["wrmsse"] for row in project.leaderboard.to_dicts()}
    content = json.loads(kept(project, decision, "verdict.json", tmp_path).read_text())
    assert content["passed"] is True
    figures = {(figure["level"], figure["figure"]): figure for figure in content["verdict"]["figures"]}
    assert figures["all", "WRMSSE"]["challenger"] == pytest.approx(board["ensemble"])
    assert figures["all", "WRMSSE against seasonal_naive"]["at_most"] == pytest.approx(board["seasonal_naive"])
    table = pl.read_csv(kept(project, decision, "verdict.csv", tmp_path))
    assert table.height == len(content["verdict"]["figures"])
    again = promote(project)
    assert again.serves
    assert again.change is None


def test_a_better_model_takes_the_place_of_the_champion(train, tmp_path):
    first = train(**WORSE, **LOOSE)
    promote(first, force="to begin with")
    project = train(champion="moving_average")  # better by the leaderboard
    watched = []
    project.watch = watched.append
    decision = promote(project)
    assert (decision.change.verdict, decision.change.version, decision.change.before) == ("promoted", "3", "2")
    assert decision.compared == "kept"
    assert champion(project) == "3"
    board = {row["model"]: row["wrmsse"] for row in first.leaderboard.to_dicts()}
    overall = decision.verdict.figures[0]
    assert overall.challenger == pytest.approx(board["moving_average"])
    assert overall.challenger < overall.champion
    assert {one.step for one in watched} == {"promote"}


def test_a_worse_model_is_refused_and_the_refusal_kept(train, tmp_path):
    promote(train())
    project = train(champion="seasonal_naive")
    decision = promote(project)
    assert not decision.serves
    assert (decision.change.verdict, decision.change.version, decision.change.before) == ("refused", "2", "1")
    assert champion(project) == "1"
    content = json.loads(kept(project, decision, "verdict.json", tmp_path).read_text())
    assert (content["passed"], content["version"], content["before"]) == (False, "2", "1")
    assert {figure["figure"] for figure in content["verdict"]["figures"] if not figure["ok"]} >= {"WRMSSE"}
    levels = pl.read_parquet(kept(project, decision, "champion/scores/levels.parquet", tmp_path))
    assert levels["cutoff"].n_unique() == 2


def test_the_plain_model_is_scored_where_the_backtest_does_not_have_it(train, tmp_path):
    expected = {row["model"]: row["wrmsse"] for row in train().leaderboard.to_dicts()}["seasonal_naive"]
    project = train(models=[{"name": "moving_average"}])
    assert "seasonal_naive" not in set(project.leaderboard["model"])
    decision = promote(project)
    assert decision.serves
    assert "of seasonal_naive," in decision.change.reason
    plain = next(figure for figure in decision.verdict.figures if figure.figure == "WRMSSE against seasonal_naive")
    assert (plain.ok, plain.at_most) == (True, pytest.approx(expected))
    levels = pl.read_parquet(kept(project, decision, "plain/levels.parquet", tmp_path))
    assert levels.filter(level="all")["wrmsse"].mean() == pytest.approx(expected)


def test_the_plain_model_is_asked_of_a_challenger_too_where_neither_backtest_has_it(train):
    promote(train(models=[{"name": "moving_average", "options": {"window": 200}}], **LOOSE))
    decision = promote(train(models=[{"name": "moving_average"}]))
    assert decision.compared == "kept"
    plain = next(figure for figure in decision.verdict.figures if figure.figure == "WRMSSE against seasonal_naive")
    assert plain.judged
    assert plain.challenger == pytest.approx(decision.verdict.figures[0].challenger)


def test_ranges_out_of_bounds_are_refused(train):
    decision = promote(train(promotion={"coverage": 0.0}))
    assert not decision.serves
    assert {figure.figure for figure in decision.verdict.failed} == {"coverage"}
    assert "of actuals in the range of" in decision.change.reason


def test_by_force_with_a_reason_that_is_kept(train, tmp_path):
    promote(train())
    project = train(champion="seasonal_naive")
    decision = promote(project, force="the champion cannot order on Mondays")
    assert (decision.serves, decision.change.verdict) == (True, "forced")
    assert decision.change.reason.startswith("the champion cannot order on Mondays (against the verdict: WRMSSE")
    assert champion(project) == "2"
    assert json.loads(kept(project, decision, "verdict.json", tmp_path).read_text())["passed"] is False


def test_force_promotes_even_what_cannot_be_judged(train, monkeypatch):
    project = train()
    registry = registry_of(project.folder, project.settings)
    registry.tracking.client.set_terminated(registry.version("1").run)
    scores = next(project.folder.glob("results/mlflow/*/artifacts/drivers.csv")).parent / "scores"
    scores.rename(scores.with_name("gone"))
    with pytest.raises(StoreError):
        promote(project)
    assert champion(project) is None
    decision = promote(project, force="no time")
    assert (decision.serves, decision.verdict) == (True, None)


def test_other_windows_let_the_champion_be_tried_again_on_them(train, tmp_path):
    promote(train(**LOOSE))
    project = train(champion="moving_average", backtest={"windows": 3})
    decision = promote(project)
    assert decision.compared == "tried again"
    assert len(decision.verdict.windows) == 3
    # The champion's settings are those of version 1, an ensemble without a champion set: so it is in a project of them.
    same = train(champion=None)
    expected = {row["model"]: row["wrmsse"] for row in same.leaderboard.to_dicts()}["ensemble"]
    assert decision.verdict.figures[0].champion == pytest.approx(expected)
    again = pl.read_parquet(kept(project, decision, "champion/again/levels.parquet", tmp_path))
    assert again["cutoff"].n_unique() == 3


def test_more_data_let_the_champion_be_tried_again(train, tracked_shop):
    before = Project(tracked_shop).panel.cutoff
    project = train(data={"until": "2025-12-14"}, **LOOSE)
    promote(project)
    project = train(data={"until": None}, champion="moving_average", seed=7)
    assert project.panel.cutoff == before
    decision = promote(project)
    assert decision.compared == "tried again"
    assert [str(window) for window in decision.verdict.windows] == ["2025-12-14", "2025-12-21"]


def test_levels_that_are_new_let_the_champion_be_tried_again(train):
    promote(train(**LOOSE))
    project = train(levels=[["store"], ["category"]], champion="moving_average")
    decision = promote(project)
    assert decision.compared == "tried again"
    levels = {figure.level for figure in decision.verdict.figures}
    assert levels == {"all", "total", "store", "category", "store x item"}


def test_rollback_goes_back_and_what_was_taken_back_does_not_return_by_itself(train):
    promote(train(**WORSE, **LOOSE), force="to begin with")
    project = train(champion="moving_average")
    promote(project)
    decision = rollback(project, "orders too high")
    assert (decision.version, decision.change.verdict, decision.change.before) == ("2", "rolled back", "3")
    assert champion(project) == "2"
    refused = promote(project)  # the nightly run
    assert not refused.serves
    assert "rolled back" in refused.change.reason
    assert champion(project) == "2"
    assert promote(project, version="3").serves
    assert rollback(project).version == "2"
    with pytest.raises(UsageError, match="no champion before version 2"):
        rollback(project)
    assert champion(project) == "2"


def test_the_list_of_models_says_who_is_champion_since_when_and_why(train):
    promote(train())
    project = train(champion="seasonal_naive")
    decision = promote(project)
    second, first = models(project)
    assert (first.version, first.champion, second.version, second.champion) == ("1", True, "2", False)
    assert first.why == first.verdicts[0].reason
    assert first.since == first.verdicts[0].when
    assert second.since is None
    assert second.verdicts[0].verdict == "refused"
    assert second.verdicts[0].reason == decision.change.reason
    assert first.data_last == project.panel.cutoff.isoformat()
    assert second.wrmsse > first.wrmsse


def test_a_project_in_a_folder_of_another_name_keeps_its_champion(train, tmp_path, change_settings):
    promote(train(**WORSE, **LOOSE), force="to begin with")
    train(champion="moving_average")
    before = models(Project(tmp_path / "shop"))
    for name in ("data", "shop"):  # the copy has everything; what it was copied from is gone
        shutil.copytree(tmp_path / name, tmp_path / "elsewhere" / name.replace("shop", "store 2"))
        shutil.rmtree(tmp_path / name)
    moved = Project(tmp_path / "elsewhere" / "store 2")
    assert models(moved) == before
    registry = registry_of(moved.folder, moved.settings)
    assert registry.name == "shop"
    assert registry.fetch("2", read_manifest).is_relative_to(moved.folder)
    assert moved.run("forecast")["forecast"].summary.version == "2"  # who serves forecasts, not who was trained last
    assert promote(moved).change.before == "2"
    assert champion(moved) == "3"
    assert read_manifest(registry.fetch("3")).name == "shop"
    assert rollback(moved).version == "2"
    change_settings(moved.folder, seed=9)
    moved = Project(moved.folder)
    assert moved.run("register")["register"].summary.version == "4"
    assert registry.fetch("4", read_manifest).is_relative_to(moved.folder)
    assert read_manifest(registry.fetch("4")).name == "shop"


def test_what_is_pruned_leaves_the_champion_a_way_back_and_the_record(train, tmp_path):
    promote(train(**LOOSE))
    promote(train(champion="seasonal_naive"), force="a trial")
    promote(train(champion="moving_average"))
    refused = promote(train(champion="seasonal_naive", seed=4))
    project = train(champion="moving_average", seed=5)
    assert spare(project, 1) == ["1", "4"]
    files = [registry_of(project.folder, project.settings).fetch(number) for number in "14"]
    size = [sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) for place in files]
    freed = prune(project, spare(project, 1))
    assert list(freed) == ["1", "4"]
    assert all(freed[number] > held > 10_000 for number, held in zip(freed, size, strict=True))
    assert not any(file.exists() for file in files)
    assert [version.version for version in models(project)] == ["5", "3", "2"]
    assert json.loads(kept(project, refused, "verdict.json", tmp_path).read_text())["version"] == "4"
    with pytest.raises(UsageError, match="Version 3 of 'shop' was not removed"):
        prune(project, ["3"])
    assert rollback(project).version == "2"
    assert promote(project).version == "5"


def test_of_two_promotions_at_once_one_goes_through(train):
    project = train()
    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(promote, Project(project.folder)) for _ in range(2)]
        errors = [future.exception() for future in ended]
    through = [future.result() for future, error in zip(ended, errors, strict=True) if error is None]
    assert all(isinstance(error, UsageError) for error in errors if error is not None)
    assert sum(decision.change is not None for decision in through) == 1
    history = registry_of(project.folder, project.settings).history()
    assert [change.verdict for change in history] == ["promoted"]


def test_without_a_model_or_with_tracking_switched_off_it_says_what_to_do(shop, change_settings, mlflow_database):
    for ask in (promote, rollback, models):
        with pytest.raises(UsageError, match="tracking is switched off"):
            ask(Project(shop))
    change_settings(shop, tracking={"enabled": True})
    (shop / "results").mkdir()
    (shop / "results" / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    with pytest.raises(UsageError, match=r"has no version in .* foresell train"):
        promote(Project(shop))
    with pytest.raises(UsageError, match="no version 4"):
        promote(Project(shop), version="4")
    assert models(Project(shop)) == []


def test_the_champion_is_tried_again_with_its_own_models_on_the_challengers_windows():
    def settings(**more: object) -> Settings:
        return parse_settings({"data": {"sales": "a.csv", "keys": ["item"]}, **more})

    old = settings(
        models=[{"name": "ets"}], totals={"levels": [["store"], ["brand"], []]}, champion="ets", seed=3, horizon=14,
        levels=[["store"], ["brand"]], features={"use": ["lag_1"]}, backtest={"windows": 2}, quality="best",
    )  # fmt: skip
    new = settings(models=[{"name": "theta"}], levels=[["store"]], horizon=28, backtest={"windows": 5})
    merged = with_models_of(old, new)
    assert (merged.models, merged.champion, merged.seed) == ((ModelSettings(name="ets"),), "ets", 3)
    assert (merged.features, merged.quality) == (Features(use=("lag_1",)), "best")
    assert (merged.levels, merged.horizon, merged.backtest.windows) == ((("store",),), 28, 5)
    assert merged.totals == Totals(levels=(("store",), ()))


def test_a_version_from_before_the_key_is_read_once_it_is_signed(tracked_shop, monkeypatch):
    project = Project(tracked_shop)
    registry = registry_of(project.folder, project.settings)
    with pytest.raises(UsageError, match="FORESELL_SIGNING_KEY"):
        sign(project, ["1"])
    monkeypatch.setenv("FORESELL_SIGNING_KEY", "a secret")
    with pytest.raises(UnreadableFile, match="models --sign"):
        registry.fetch("1", read_manifest)
    assert sign(project, ["1"]) == ["1"]
    folder = registry.fetch("1", read_manifest)
    (folder / "settings.json").write_bytes(b"{}")
    with pytest.raises(UnreadableFile, match="damaged"):
        sign(project, ["1"])
