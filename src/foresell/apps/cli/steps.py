"""The verbs that do steps, and run for all of them; the verbs that show settings and states."""

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
    """A verb of that name, with the options that all steps have, and with its files in its help."""

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
    """The project that the flags name, and the meter that watches it."""
    meter = Meter(quiet=flags["quiet"])
    return open_project(flags, meter), meter


def _do(flags: dict[str, Any], *wanted: str, again: tuple[str, ...] = ()) -> tuple[Project, dict[str, Outcome]]:
    """Does the steps, saying after each what came of it."""
    from foresell.apps.cli.text import outcome_text
    from foresell.pipeline.left_out import extras_left_out, left_out_text

    project, meter = _project(flags)
    outcomes = {}
    try:
        for outcome in project.walk(*wanted, again=again if flags["again"] else ()):
            meter.close()
            outcomes[outcome.step] = outcome
            if getattr(outcome.summary, "is_left_out", False):
                continue  # said once, below
            if log.is_json():
                log.outcome(outcome)
                if outcome.step == "check" and outcome.done:
                    log.findings(project.findings, "check")
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
    click.option("--leakage", is_flag=True, help="Also try whether sales after a cutoff change a feature or forecast."),
)
def check(leakage: bool, **flags: Any) -> None:
    """Read and validate the data; say what was found, worst first.

    Reads the files that foresell.yaml names, and sees whether the features in use read all that is known ahead (see
    `features`). Findings of severity error stop the work, with exit code 1; the others
    do not.

    With --leakage, the features in use and the configured models are tried on these data (on 200 series, drawn at
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
    """List every feature there is for these data: name, group, meaning, what it reads, how far back it sees.

    Reads what `check` left (and checks first where that is out of date). Which features are used is set under
    'features' in foresell.yaml, by name or by group.
    """
    from foresell.apps.cli.text import catalogue

    project, outcomes = _do(flags, "features", again=("features",))
    listed = project.catalogue
    if flags["as_json"]:
        print_json(_plain(outcomes) | {"catalogue": listed.to_dicts()})
    else:
        click.echo(catalogue(listed))


@_verb("backtest")
def backtest(**flags: Any) -> None:
    """Try every model on windows of the past, blind to what came after; combine them, and print the leaderboard.

    Reads what `check` left (and checks first where that is out of date). The models, windows and levels are set
    in foresell.yaml. The step `combine` makes one forecast of the models', the ensemble: it learns weights, brings
    the single series into line with the totals, and learns ranges. What it learns for a window, it learns from
    earlier windows. The step `record` keeps all of it as an MLflow run, where 'tracking' in foresell.yaml says.
    """
    _finish(flags, *steps_of("backtest"))


@_verb("train")
def train(**flags: Any) -> None:
    """Fit on the whole history the models that the ensemble needs.

    Which those are is found by the backtest, or set by 'champion' in foresell.yaml. Reads what `check` and `backtest`
    left (and does those first where they are out of date). The models there are: MODELS.

    The step `register` keeps the training as an MLflow run and its model as a new version in the registry, which
    `promote` may make the champion. Needs the extra 'mlflow'; without it, or when its store is down, this is said and
    the next run tries again.
    """
    _finish(flags, *steps_of("train"))


_newest = click.option(
    "--newest", is_flag=True, help="Forecast with the newest training, also where the registry has a champion."
)


@_verb("forecast", _newest)
def forecast(**flags: Any) -> None:
    """Forecast all levels with the champion: mean and quantiles, which add up; and hand them to a database.

    Reads what `check` left (and checks first where that is out of date), and the registry. Where that has a champion
    (see `promote`), it forecasts as it stands, asked with the newest sales, and nothing is trained. Else the newest
    training does, and what is out of date of it is done first. A champion that knows other keys, levels or another
    horizon than foresell.yaml is passed over with a warning; while a registry does not answer, the version that
    forecast last goes on.

    Delivers the table `forecasts` to the database that 'output.database' in foresell.yaml names, in place of the rows
    for the same cutoff; where none is named, to DATABASE.
    """
    _finish(flags, *steps_of("forecast"))


@_verb("report", _newest)
def report(**flags: Any) -> None:
    """Write one page for planners: data, forecasts, how far to trust them, what drives them.

    Reads what all other steps left (and does first what is out of date).
    """
    _finish(flags, "report")


@_verb("run")
def run(**flags: Any) -> None:
    """Do everything that is out of date, from check to delivery.

    STEPS

    Where the registry has a champion, the forecast is the champion's: what is trained anew is registered, and waits to
    be judged by `promote` or `retrain`.

    Reads the files that foresell.yaml names. Writes results/STEP/ for each step; the help of each verb lists its
    files. A run that was stopped goes on where it was; the step that was under way is done from its beginning.
    """
    from foresell.apps.cli.text import places

    project, outcomes = _do(flags, again=tuple(STEPS))
    if flags["as_json"]:
        print_json(_plain(outcomes))
    else:
        click.echo(places(project.results))


def _finish(flags: dict[str, Any], *wanted: str) -> None:
    """Does the steps; prints them as JSON where that was asked for."""
    _, outcomes = _do(flags, *wanted, again=wanted)
    if flags["as_json"]:
        print_json(_plain(outcomes))


@click.command(cls=Verb, epilog="Example: foresell settings shop > all-settings.yaml")
@project_options
@options()
def settings(**flags: Any) -> None:
    """Show every setting of a project, also those that foresell.yaml leaves at their defaults.

    Prints YAML that is itself a whole foresell.yaml, with the passwords in addresses blotted out. A pipeline can depend
    on single settings of it (see deploy/dvc), and a reader can see what holds.

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

    Reads foresell.yaml, what the steps left, and the state of the data files. Changes nothing.
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


STEP_VERBS = (check, features, backtest, train, forecast, report, run)
