"""The DVC pipeline: its stages know what foresell's steps depend on, and do exactly what has changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from foresell.core.settings import Settings, read_settings
from foresell.pipeline.choice import NEWEST
from foresell.pipeline.graph import STEPS, steps_of
from foresell.pipeline.graph_documents import dvc_file
from foresell.pipeline.project import Project
from foresell.store.settings_file import plain_settings

PIPELINE = Path(__file__).resolve().parents[2] / "deploy" / "dvc" / "dvc.yaml"
STAGES: dict[str, dict[str, Any]] = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"]

STAGE_STEPS = {stage: steps for stage in STAGES if (steps := steps_of(stage))}
"""The steps of each stage."""

RECORDS = tuple(name for name, step in STEPS.items() if step.records_only)
LEFT_OUT = {
    "allocation",
    "capacity",
    "labour",
    "markdown",
    "monitoring",
    "orders",
    "promotion",
    "promotions",
    "roi",
    "sharing",
    "serving",
    "tracking",
}
"""Settings that no result of a stage depends on, the report apart."""


def parameters(stage: str) -> list[str]:
    return [name for each in STAGES[stage].get("params", []) for name in each["settings.yaml"]]


def at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree[name]
    return tree


def test_there_is_a_stage_for_every_step_and_it_leaves_the_steps_folder():
    assert {step for steps in STAGE_STEPS.values() for step in steps} == {*STEPS}
    assert list(STAGES) == ["settings", *STAGE_STEPS]
    for stage, steps in STAGE_STEPS.items():
        outs = {name for out in STAGES[stage]["outs"] for name in out}
        assert outs == {f"results/{step}" for step in steps if STEPS[step].files}
        assert STAGES[stage]["cmd"].split()[:3] == ["foresell", stage, "."]


def test_no_stage_depends_on_who_is_champion():
    """A promotion is no dependency of a stage, so it must not change what one leaves."""
    follow = {stage for stage, steps in STAGE_STEPS.items() if {"forecast", "report"} & {*steps}}
    assert {stage for stage in STAGE_STEPS if "--newest" in STAGES[stage]["cmd"].split()} == follow


def test_every_setting_is_the_parameter_of_some_stage():
    named = {name.partition(".")[0] for stage in STAGE_STEPS for name in parameters(stage)}
    assert {*Settings.__struct_fields__} - named == LEFT_OUT - {"serving"}
    assert "settings.yaml" in STAGES["report"]["deps"]


CHANGES: list[dict[str, Any]] = [
    {"data": {"max_bad_share": 0.02}},
    {"horizon": 6},
    {"levels": [["store"]]},
    {"features": {"use": ["default", "last_year_7"]}},
    {"quality": "best", "models": None},
    {"models": [{"name": "seasonal_naive"}]},
    {"totals": {"reconciliation": "mint"}},
    {"totals": {"reconciliation": "bottom_up"}},
    {"totals": {"models": [{"name": "moving_average"}]}},
    {"totals": {"levels": [["store"]]}},
    {"champion": "moving_average"},
    {"backtest": {"windows": 3}},
    {"backtest": {"every": 5}},
    {"backtest": {"segments": ["category"]}},
    {"output": {"quantiles": [0.1, 0.9]}},
    {"output": {"folder": "copies"}},
    {"output": {"database": "sqlite:///other.sqlite"}},
    {"transactions": {"target": "units"}},
    {"seed": 2},
    {"promotion": {"margin": 0.1}},
    {"monitoring": {"max_age": 3}},
    {"tracking": {"name": "another"}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_stage_is_done_again_for_the_settings_that_its_steps_read(done_shop, change_settings, change):
    """Two accounts of the same: what the parameters of a stage say, and foresell's own fingerprints."""
    before = Project(done_shop)
    change_settings(done_shop, **change)
    after = Project(done_shop)
    fingerprints = [{name: each.made_from(step, NEWEST) for name, step in STEPS.items()} for each in (before, after)]
    changed = {name for name in STEPS if fingerprints[0][name] != fingerprints[1][name] and name not in RECORDS}
    of_foresell = {stage for stage, steps in STAGE_STEPS.items() if changed & {*steps}}
    old, new = (plain_settings(each.settings) for each in (before, after))
    of_dvc = {stage for stage in STAGE_STEPS if any(at(old, name) != at(new, name) for name in parameters(stage))}
    # A stage cannot know whether 'transactions' is set, so it is asked for what only single sales depend on, too.
    only_asked = {"train"} if "data" in change else set()
    assert (of_dvc | {"report"}) - only_asked == of_foresell


def test_the_file_is_made_from_the_graph():
    assert PIPELINE.read_text(encoding="utf-8") == dvc_file(), "foresell pipeline --as dvc > deploy/dvc/dvc.yaml"


@pytest.mark.parametrize("change", [{"backtest": {"windows": 3}}, {"data": {"max_bad_share": 0.02}}], ids=str)
def test_the_parameters_lie_in_what_the_verb_settings_prints(done_shop, change_settings, change):
    change_settings(done_shop, **change)
    shown = subprocess.run(
        [sys.executable, "-c", "from foresell.apps.cli import main; main()", "settings", done_shop],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    tree = yaml.safe_load(shown)
    for stage in STAGE_STEPS:
        for name in parameters(stage):
            at(tree, name)
    (done_shop / "foresell.yaml").write_text(shown, encoding="utf-8")
    again = read_settings(done_shop / "foresell.yaml")
    assert plain_settings(again) == tree


class Repository:
    """A project in a git repository of its own with DVC, which knows nothing of this machine's."""

    def __init__(self, folder: Path, commands: Path):
        self.folder, home = folder, folder.parent / "home"
        home.mkdir(exist_ok=True)
        names = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "HOME")
        self.environment = os.environ | dict.fromkeys(names, str(home)) | {"DVC_NO_ANALYTICS": "1", "DVC_TEST": "1"}
        self.environment |= {
            f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        before = [str(commands), str(Path(sys.executable).parent)]
        self.environment["PATH"] = os.pathsep.join([*before, os.environ["PATH"]])

    def do(self, *words: str) -> str:
        ended = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def repro(self) -> list[str]:
        """The stages that were run; what came of it is committed."""
        lines = self.do("dvc", "repro").splitlines()
        self.do("git", "add", ".")
        self.do("git", "commit", "-qm", "results", "--allow-empty")
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def finished(self) -> dict[str, bytes]:
        folders = {name: self.folder / "results" / name for name, step in STEPS.items() if step.files}
        return {name: (folder / "step.json").read_bytes() for name, folder in folders.items()}


@pytest.fixture(scope="session")
def _repository(_shop: Path, share_folder, folder_of_command: Path) -> Path:
    """A repository in shop/ whose pipeline was run once; the stages that were run are listed in stages.json."""
    pytest.importorskip("dvc", reason="no pipeline: dvc is not installed")
    if shutil.which("git") is None:
        pytest.skip("no pipeline: git is not installed")

    def fill(folder: Path) -> None:
        shop = folder / "shop"
        shutil.copytree(_shop / "shop", shop, ignore=shutil.ignore_patterns("results"))
        shutil.copytree(_shop / "data", shop / "data")
        settings = (shop / "foresell.yaml").read_text(encoding="utf-8")
        (shop / "foresell.yaml").write_text(settings.replace("../data", "data"), encoding="utf-8")
        shutil.copy(PIPELINE, shop)
        (shop / ".gitignore").write_text("/results\n/data\n/settings.yaml\n", encoding="utf-8")
        repository = Repository(shop, folder_of_command)
        repository.do("git", "init", "-q")
        repository.do("dvc", "init", "-q")
        (folder / "stages.json").write_text(json.dumps(repository.repro()), encoding="utf-8")

    return share_folder("repository", fill)


@pytest.fixture
def repository(_repository: Path, tmp_path: Path, folder_of_command: Path) -> Repository:
    """A copy of the repository for each test."""
    shutil.copytree(_repository, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Repository(tmp_path / "shop", folder_of_command)


def forecasts(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "results" / "forecast" / "forecasts.parquet")


@pytest.mark.slow
def test_the_pipeline_does_what_a_run_does_and_afterwards_only_what_has_changed(repository, tmp_path, change_settings):
    by_hand = tmp_path / "by hand"
    shutil.copytree(repository.folder, by_hand, ignore=shutil.ignore_patterns("results", ".dvc", ".git"))
    assert json.loads((tmp_path / "stages.json").read_text(encoding="utf-8")) == ["settings", *STAGE_STEPS]
    Project(by_hand).run()
    assert forecasts(repository.folder).equals(forecasts(by_hand))
    assert repository.repro() == []

    first = repository.finished()
    change_settings(repository.folder, output={"quantiles": [0.1, 0.5, 0.9]})
    assert repository.repro() == ["settings", "forecast", "report"]
    again = {step for step, record in repository.finished().items() if record != first[step]}
    assert again == {"forecast", "report"}
    assert {"q100", "q500", "q900"} <= {*forecasts(repository.folder).columns}
    assert json.loads(repository.do("dvc", "metrics", "diff", "HEAD~1", "--json")) == {}

    change_settings(repository.folder, champion="moving_average")
    assert repository.repro() == ["settings", "backtest", "train", "forecast", "report"]
    assert repository.finished()["backtest"] == first["backtest"]
    changed = json.loads(repository.do("dvc", "metrics", "diff", "HEAD~1", "--json"))
    board = {row["model"]: row["wrmsse"] for row in Project(repository.folder).leaderboard.to_dicts()}
    assert changed["results/combine/metrics.json"]["wrmsse"]["new"] == pytest.approx(board["moving_average"])
    change_settings(by_hand, output={"quantiles": [0.1, 0.5, 0.9]}, champion="moving_average")
    Project(by_hand).run()
    assert forecasts(repository.folder).equals(forecasts(by_hand))


@pytest.mark.slow
def test_a_commit_gets_its_results_back_and_new_sales_change_all(repository, change_settings):
    first, records = forecasts(repository.folder), repository.finished()
    sales = repository.folder / "data" / "sales.csv"
    whole = pl.read_csv(sales)
    whole.filter(pl.col("date") < whole["date"].max()).write_csv(sales)
    assert repository.repro() == ["check", "features", "backtest", "train", "forecast", "report"]
    assert not forecasts(repository.folder).equals(first)
    whole.write_csv(sales)
    repository.do("git", "checkout", "-q", "HEAD~1")
    repository.do("dvc", "checkout", "-q")
    assert repository.finished() == records
    assert forecasts(repository.folder).equals(first)
    shutil.rmtree(repository.folder / "results" / "train")
    repository.do("dvc", "checkout", "-q")
    assert repository.finished() == records
    assert repository.repro() == []
