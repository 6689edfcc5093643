"""Help is enough to use every verb, and comes at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import click
import pytest
from click.testing import CliRunner

import foresell
from foresell.apps.cli import main
from foresell.apps.cli.steps import _verb_of_graph
from foresell.pipeline.graph import STEPS
from foresell.pipeline.step import Step

VERBS = sorted(main.commands)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_is_documented(verb):
    command = main.commands[verb]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{verb} --{parameter.name} has no help"
    shown = CliRunner().invoke(main, [verb, "--help"])
    assert shown.exit_code == 0
    assert f"Example: foresell {verb} " in shown.stdout
    assert "Reads" in shown.stdout
    assert any(word in shown.stdout for word in ("Write", "Changes nothing"))
    for option in ("--json", "--quiet", "--debug"):
        assert option in shown.stdout


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_the_help_of_a_step_names_its_files(step):
    shown = CliRunner().invoke(main, [step.verb, "--help"]).stdout
    for file in step.files:
        assert file in shown


def test_the_help_of_run_lists_the_steps():
    shown = CliRunner().invoke(main, ["run", "--help"]).stdout
    places = [shown.index(f"{name} ") for name in STEPS if f"  {step_line(name)}" in shown]
    assert len(places) == len(STEPS)


def step_line(name: str) -> str:
    return f"{name:<{max(map(len, STEPS))}}  {STEPS[name].description}"


def test_there_is_a_verb_for_every_step():
    others = {
        "init",
        "sample",
        "run",
        "tune",
        "demand",
        "plan",
        "override",
        "replay",
        "roi",
        "explain",
        "whatif",
        "dashboard",
        "show",
        "settings",
        "pipeline",
        "status",
    }
    of_models = {"promote", "rollback", "models", "serve", "monitor", "retrain"}
    assert set(VERBS) == {step.verb for step in STEPS.values()} | others | of_models


def test_the_models_there_are_stand_in_the_help_of_train():
    assert "seasonal_naive, moving_average, smoothing, lightgbm" in " ".join(
        CliRunner().invoke(main, ["train", "--help"]).stdout.split()
    )


def test_the_list_of_verbs_is_in_the_order_of_their_use():
    shown = CliRunner().invoke(main, ["--help"]).stdout
    verbs = [
        line.split()[0]
        for line in shown.partition("Commands:")[2].splitlines()
        if line.startswith("  ") and line[2] != " "
    ]
    assert verbs[: len(VERBS) + 1] == [
        "init", "sample", "check", "features", "backtest", "train", "forecast", "report", "run", "tune", "promote",
        "rollback", "models", "demand", "plan", "override", "replay", "roi", "explain", "whatif", "dashboard", "show",
        "serve", "monitor", "retrain", "settings", "pipeline", "status", "Begin",
    ]  # fmt: skip
    assert "..." not in shown.partition("Commands:")[2]


def test_the_version():
    shown = CliRunner().invoke(main, ["--version"])
    assert shown.stdout == f"foresell {foresell.__version__}\n"


def test_help_imports_nothing_heavy():
    code = """
    import sys
    from foresell.apps.cli import main
    try:
        main(["check", "--help"])
    except SystemExit as end:
        assert end.code == 0
    heavy = {"numpy", "polars", "lightgbm", "scipy", "msgspec", "yaml", "jinja2", "tqdm", "holidays"} & set(sys.modules)
    assert not heavy, heavy
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_step_without_a_function_of_its_own_has_a_verb(monkeypatch):
    step = Step(
        "export", "writes one level as a table", "export", needs=("forecast",), asks_forecaster=True,
        files={"level.csv": "a column for each day"},
    )  # fmt: skip
    monkeypatch.setitem(STEPS, "export", step)
    shown = CliRunner().invoke(_verb_of_graph("export"), ["--help"]).stdout
    assert "Writes one level as a table." in shown
    assert "Reads the results of `forecast`" in shown
    assert "Writes to results/export/:" in shown
    assert {"--again", "--newest", "--log"} <= {word.strip("[],") for word in shown.split()}


def test_the_package_is_the_command_line():
    shown = subprocess.run(
        [sys.executable, "-m", "foresell", "check", "--help"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("Usage: foresell check ")


def test_a_folder_for_the_graph_of_steps_is_answered_with_the_verb_that_takes_one():
    ended = CliRunner().invoke(main, ["pipeline", "shop"])
    assert ended.exit_code == 2
    assert "foresell status shop" in ended.output
