"""The verbs that do steps, `run` for all of them, and the verbs that show settings and states."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli import log
from foresell.apps.cli.command import (
    EXIT_CODES,
    Verb,
    chosen_folder,
    files_text,
    open_project,
    options,
    paragraph,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter
from foresell.core.errors import FindingsStop
from foresell.models import MODELS
from foresell.pipeline.graph import STEPS, steps_of
from foresell.store.address import DEFAULT_DATABASE

if TYPE_CHECKING:
    from foresell.pipeline.progress import Outcome
    from foresell.pipeline.project import Project


def _verb(name: str, *more: Callable[[Any], Any]) -> Callable[[Any], click.Command]:
    """A verb with the options of all step verbs, and with its files in its help."""

    def add(function: Any) -> click.Command:
        text = inspect.cleandoc(function.__doc__).replace("MODELS", ", ".join(MODELS))
        text = text.replace("DATABASE", DEFAULT_DATABASE).replace("STEPS", _steps_text())
        epilog = f"Example: foresell {name} shop\n\n{EXIT_CODES}"
        for decorate in (options(again=True), *more, project_options):
            function = decorate(function)
        return click.command(name, cls=Verb, help=text + _files(name), epilog=epilog)(function)

    return add


def _files(verb: str) -> str:
    """The files of a verb's steps as paragraphs of its help."""
    return "".join(files_text(step, STEPS[step].files) for step in steps_of(verb) if STEPS[step].files)


def _steps_text() -> str:
    """The steps of a whole run as a list, for the help of `run`."""
    wide = max(map(len, STEPS))
    lines = (f"  {name:<{wide}}  {step.description}" for name, step in STEPS.items())
    return "\b\nThe steps:\n" + "\n".join(lines)


def _project(flags: dict[str, Any]) -> tuple[Project, Meter]:
    """The project that the flags name, and the meter that shows its progress."""
    meter = Meter(quiet=flags["quiet"])
    return open_project(flags, meter), meter


def _do(flags: dict[str, Any], *wanted: str, again: tuple[str, ...] = ()) -> tuple[Project, dict[str, Outcome]]:
    """Does the steps, and prints the outcome of each."""
    from foresell.apps.cli.text import outcome_text
    from foresell.pipeline.left_out import extras_left_out, left_out_text
    from foresell.pipeline.results import read_findings

    project, meter = _project(flags)
    outcomes = {}
    try:
        for outcome in project.walk(*wanted, again=again if flags["again"] else ()):
            meter.close()
            outcomes[outcome.step] = outcome
            if outcome.summary.is_left_out:
                continue  # one paragraph below names all missing packages
            if log.is_json():
                log.outcome(outcome)
                if outcome.done and (outcome.folder / "findings.json").exists():
                    log.findings(read_findings(outcome.folder), outcome.step)
            elif not flags["as_json"]:
                click.echo(log.stamped(outcome_text(outcome), sys.stdout))
    finally:
        meter.close()
    left_out = left_out_text(extras_left_out(project.results)) if "record" in outcomes or "train" in outcomes else ""
    if left_out and log.is_json():
        log.event("info", left_out)
    elif left_out and not flags["as_json"]:
        click.echo("\n" + paragraph(left_out))
    return project, outcomes


def _plain(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    return {name: outcome.to_dict() for name, outcome in outcomes.items()}


@_verb(
    "check",
    click.option(
        "--leakage", is_flag=True, help="Also test whether sales after a cutoff change a feature or a forecast."
    ),
)
def check(leakage: bool, **flags: Any) -> None:
    """Read and validate the data; list the findings, the most severe first.

    Reads the files that foresell.yaml names, and checks whether the features in use read everything that is known ahead
    (see `features`). Findings of severity error stop the work, with exit code 1; the others do not.

    With --leakage, the features in use and the configured models are tested on these data (on 200 series, drawn at
    random, where there are more): all sales after a cutoff are scrambled, and no feature and no forecast made at that
    cutoff may change. Exit code 1 if one does.
    """
    from foresell.apps.cli.text import findings_text, leakage_text

    try:
        project, outcomes = _do(flags, "check", "features", again=("check", "features"))
    except FindingsStop as stop:
        if not flags["as_json"]:
            click.echo(findings_text(stop.findings) + "\n")
        raise
    findings = project.findings
    if not flags["as_json"]:
        click.echo(findings_text(findings, project.results.folder("check")))
    trials = project.leakage() if leakage else []
    project.watch.close()  # type: ignore[attr-defined]
    if flags["as_json"]:
        content = _plain(outcomes) | {"findings": [finding.to_dict() for finding in findings]}
        print_json(content | ({"leakage": [trial.to_dict() for trial in trials]} if leakage else {}))
    elif leakage:
        click.echo(leakage_text(trials))
    if not all(trial.passed for trial in trials):
        click.get_current_context().exit(1)


@_verb("features")
def features(**flags: Any) -> None:
    """List every feature for these data: name, group, meaning, the columns it reads, how far back it looks.

    Reads the results of `check` (and checks first where they are out of date). The features in use are set under
    'features' in foresell.yaml, by name or by group.
    """
    from foresell.apps.cli.text import catalogue

    project, outcomes = _do(flags, "features", again=("features",))
    table = project.catalogue
    if flags["as_json"]:
        print_json(_plain(outcomes) | {"catalogue": table.to_dicts()})
    else:
        click.echo(catalogue(table))


@_verb("backtest")
def backtest(**flags: Any) -> None:
    """Test every model on windows of the past, without the sales after each cutoff; print the leaderboard.

    Reads the results of `check` (and checks first where they are out of date). The models, windows and levels are set
    in foresell.yaml. The step `combine` makes one forecast of all models, the ensemble: it learns weights, reconciles
    the single series with the totals, and learns ranges. For each window it learns from earlier windows only. The step
    `record` keeps the backtest as an MLflow run in the store that 'tracking' in foresell.yaml names.
    """
    _finish(flags, *steps_of("backtest"))


@_verb("train")
def train(**flags: Any) -> None:
    """Fit the models of the ensemble on the whole history.

    The backtest chooses these models, or 'champion' in foresell.yaml does. Reads the results of `check` and `backtest`
    (and does those first where they are out of date). All models: MODELS.

    The step `register` keeps the training as an MLflow run and its model as a new version in the registry, which
    `promote` can make the champion. It needs the extra 'mlflow'. When the store is down, a warning says so and the next
    run tries again.
    """
    _finish(flags, *steps_of("train"))


_newest = click.option(
    "--newest", is_flag=True, help="Forecast with the newest training, also where the registry has a champion."
)


@_verb("forecast", _newest)
def forecast(**flags: Any) -> None:
    """Forecast all levels with the champion: mean and quantiles, whose levels add up; and deliver them to a database.

    Reads the results of `check` (and checks first where they are out of date), and the registry. A champion there (see
    `promote`) forecasts from the newest sales, and nothing is trained. Without a champion the newest training
    forecasts, and its steps are done first where they are out of date. A champion with other keys, levels or another
    horizon than foresell.yaml is not used, with a warning. While a registry does not answer, the version that made the
    last forecast goes on.

    Delivers the table `forecasts` to the database that 'output.database' in foresell.yaml names, and replaces the rows
    of the same cutoff there; without that setting to DATABASE.
    """
    _finish(flags, *steps_of("forecast"))


@_verb("report", _newest)
def report(**flags: Any) -> None:
    """Write one page for planners: the data, the forecasts, their accuracy and their drivers.

    Reads the results of all other steps (and does first what is out of date).
    """
    _finish(flags, "report")


@_verb("run")
def run(**flags: Any) -> None:
    """Do everything that is out of date, from check to delivery.

    STEPS

    Where the registry has a champion, the champion forecasts; a new training is registered, and `promote` or `retrain`
    decides whether it becomes champion.

    Reads the files that foresell.yaml names. Writes results/STEP/ for each step; the help of each verb lists its
    files. A run that was stopped continues at the step that was not finished, which is done from its beginning.
    """
    from foresell.apps.cli.text import places

    project, outcomes = _do(flags, again=tuple(STEPS))
    if flags["as_json"]:
        print_json(_plain(outcomes))
    else:
        click.echo(places(project.results))


def _finish(flags: dict[str, Any], *wanted: str) -> None:
    """Does the steps, and prints their outcomes as JSON with --json."""
    _, outcomes = _do(flags, *wanted, again=wanted)
    if flags["as_json"]:
        print_json(_plain(outcomes))


@click.command(cls=Verb, epilog="Example: foresell settings shop > all-settings.yaml")
@project_options
@options()
def settings(**flags: Any) -> None:
    """Show every setting of a project, also those that foresell.yaml leaves at their defaults.

    Prints YAML that is itself a complete foresell.yaml, with the passwords in addresses masked. A pipeline can depend
    on single settings of it (see deploy/dvc).

    Reads foresell.yaml. Changes nothing.
    """
    import yaml

    from foresell.core.settings import read_settings
    from foresell.store.settings_file import SETTINGS, plain_settings

    folder = Path(chosen_folder(flags["folder"], flags["project"]))
    tree = plain_settings(read_settings(folder / SETTINGS))
    if flags["as_json"]:
        print_json(tree)
    else:
        click.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), nl=False)


@click.command(cls=Verb, epilog="Example: foresell status shop")
@project_options
@options()
def status(**flags: Any) -> None:
    """Say which steps are up to date, and when they were done.

    Reads foresell.yaml, the results of the steps, and the state of the data files. Changes nothing.
    """
    from foresell.apps.cli.text import states
    from foresell.pipeline.left_out import extras_left_out, left_out_text

    project, _ = _project(flags)
    steps = project.status()
    if flags["as_json"]:
        print_json({"project": str(project.folder.resolve()), "steps": [step.to_dict() for step in steps]})
    else:
        click.echo(states(steps))
        left_out = left_out_text(extras_left_out(project.results))
        if left_out:
            click.echo("\n" + paragraph(left_out))


_WRITTEN = (check, features, backtest, train, forecast, report, run)


def _verb_of_graph(name: str) -> click.Command:
    """The verb of steps that have no function here: its help is made of their descriptions."""

    def do(**flags: Any) -> None:
        _finish(flags, *steps_of(name))

    steps = [STEPS[step] for step in steps_of(name)]
    sentence = "; ".join(step.description for step in steps)
    needs = ", ".join(dict.fromkeys(f"`{need}`" for step in steps for need in step.needs))
    reads = f"Reads the results of {needs} (and does first what is out of date)."
    do.__doc__ = f"{sentence[:1].upper()}{sentence[1:]}.\n\n{reads}"
    newest = (_newest,) if any(step.asks_forecaster for step in steps) else ()
    return _verb(name, *newest)(do)


_NAMES = {command.name for command in _WRITTEN}
_MORE = tuple(
    _verb_of_graph(name) for name in dict.fromkeys(step.verb for step in STEPS.values()) if name not in _NAMES
)
STEP_VERBS = (*_WRITTEN[:-1], *_MORE, run)
