"""The graph of steps: every step is declared whole, and what is made from the graph says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.core.settings import Data, Settings, Totals
from foresell.pipeline import steps
from foresell.pipeline.graph import BESIDE, HISTORY, STEPS, TUNE, walk
from foresell.pipeline.graph_documents import dvc_file, graph_data, results_tree
from foresell.pipeline.step import Reads, Step, setting
from foresell.pipeline.summaries import Summary, TuneSummary
from foresell.store.history import HISTORY as HISTORY_FOLDER

SETTINGS = Settings(data=Data(sales="sales.csv", keys=("item",)), totals=Totals(reconciliation="bottom_up"))


def shown(*words: str) -> str:
    ended = CliRunner().invoke(main, ["pipeline", *words])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_every_step_has_a_file_of_its_name_and_a_summary():
    files = {file.stem for file in Path(steps.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {*STEPS}
    assert (TuneSummary.step, HISTORY_FOLDER) == (TUNE, HISTORY)


def test_every_step_has_a_row_in_the_table_of_the_architecture():
    text = (Path(__file__).resolve().parents[2] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.split("| step | needs | does |")[1].split("\n\n")[0]
    assert [line.split("|")[1].strip() for line in table.strip().splitlines()[1:]] == list(STEPS)


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_a_step_is_declared_whole(step: Step):
    assert issubclass(step.summary, Summary)
    assert step.summary.step == step.name
    assert step.description
    assert step.verb in main.commands
    assert set(step.sometimes) <= set(step.files)
    assert all(file.endswith((".csv", ".json", ".parquet", ".html", "/")) for file in step.files)
    if step.elsewhere:
        assert callable(step.lost)
    for reads in (step.reads, *step.reads_where.values()):
        for path in (*reads.settings, *reads.inputs):
            assert is_setting(path), path


def is_setting(path: str) -> bool:
    """Whether settings have a field of that path; what an optional section holds is looked up in its type."""
    kind: object = Settings
    for name in [] if path == "*" else path.partition("=")[0].split("."):
        hints = get_type_hints(kind)
        if name not in hints:
            return False
        parts = [part for part in getattr(hints[name], "__args__", (hints[name],)) if part is not type(None)]
        kind = parts[0]
    return True


@pytest.mark.parametrize("champion", [False, True])
def test_what_a_step_needs_comes_before_it_and_brings_what_it_needs_itself(champion: bool):
    names = list(STEPS)
    for step in STEPS.values():
        needs = step.needs_of(champion)
        assert list(needs) == sorted(needs, key=names.index)
        for need in needs:
            assert names.index(need) < names.index(step.name)
            assert set(STEPS[need].needs_of(champion)) <= set(needs)


def test_a_walk_has_the_wanted_steps_and_what_they_need():
    assert [step.name for step in walk()] == list(STEPS)
    assert [step.name for step in walk(("combine", "features"))] == ["check", "features", "backtest", "combine"]
    assert [step.name for step in walk(("delivery",), champion=True)] == ["check", "forecast", "delivery"]


def test_a_setting_is_found_by_its_path():
    assert setting(SETTINGS, "backtest.windows") == 3
    assert setting(SETTINGS, "data.items.path") is None
    assert setting(SETTINGS, "totals.reconciliation=bottom_up") is True
    assert setting(SETTINGS, "totals.reconciliation=mint") is False
    assert setting(SETTINGS, "*") is SETTINGS


def test_what_a_step_reads_where_a_setting_is_set():
    step = Step("a", "b", "c", reads=Reads(("seed",)), reads_where={"transactions": Reads(("data",), ("data.sales",))})
    assert step.reads_in(SETTINGS) == Reads(("seed",))
    tills = Settings(data=SETTINGS.data, transactions={"target": "units"})  # type: ignore[arg-type]
    assert step.reads_in(tills) == Reads(("seed", "data"), ("data.sales",))


def test_the_verb_lists_every_step_with_what_it_needs():
    text = shown()
    for step in STEPS.values():
        assert f"{step.name}: {step.description}" in text
    assert "where a champion forecasts, only check" in " ".join(text.split())


def test_the_graph_as_data_is_all_of_it():
    assert json.loads(shown("--as", "json")) == json.loads(json.dumps(graph_data())) == json.loads(shown("--json"))
    assert [step["name"] for step in graph_data()["steps"]] == list(STEPS)


def test_the_tree_and_the_stages_are_printed():
    assert shown("--as", "tree").rstrip("\n") == results_tree()
    assert shown("--as", "dvc") == dvc_file()
    stages = yaml.safe_load(dvc_file())["stages"]
    assert list(stages) == ["settings", "check", "features", "backtest", "train", "forecast", "report"]


def test_what_stands_beside_the_steps_has_other_names():
    assert not set(BESIDE) & set(STEPS)
