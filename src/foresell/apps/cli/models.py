"""The verbs about registered models: promote, rollback, models."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import (
    Verb,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter

if TYPE_CHECKING:
    from foresell.pipeline.project import Project
    from foresell.pipeline.promotion import Decision
    from foresell.registry.gate import Figure, Verdict

CODES = "Exit codes: 0 done, 1 refused (or the store does not answer), 2 wrong use, 130 interrupted."


def _project(flags: dict[str, Any]) -> tuple[Project, Meter]:
    meter = Meter(quiet=flags["quiet"])
    return open_project(flags, meter), meter


@click.command(
    cls=Verb,
    epilog=f"Example: foresell promote shop\n\nExample: foresell promote shop --version 3\n\n{CODES}",
)
@project_options
@click.option("--version", metavar="N", help="Which version. [default: the newest]")
@click.option("--force", metavar="REASON", help="Promote it whatever the verdict; the reason is kept.")
@options()
def promote(version: str | None, force: str | None, **flags: Any) -> None:
    """Make a registered model the champion, if it beats the one there is.

    On the same windows its WRMSSE must be lower by 'promotion.margin', at no level higher by more than
    'promotion.tolerance', and lower than that of seasonal_naive. Over all levels each of its ranges must hold within
    'promotion.coverage' of what it promises. Without a champion yet, the first two are not asked.

    A challenger that learnt by the champion's own settings from newer sales is a refresh: the champion is asked as it
    stands at the windows after its last day, and the challenger must not be worse by more than 'promotion.tolerance'.
    Else, where the two were tried on other data or windows, the champion's settings are tried again on the
    challenger's, which takes as long as a backtest. Whatever comes of it, the verdict is kept, figure by figure, as an
    MLflow run. A version that `rollback` took out of service must be named to be judged again.

    Reads foresell.yaml and the registry. Writes to the registry: the alias champion, and a run of the kind promotion.
    Needs the extra 'mlflow'.
    """
    from foresell.pipeline import promotion

    project, meter = _project(flags)
    try:
        decision = promotion.promote(project, version, force)
    finally:
        meter.close()
    _end(decision, flags)


@click.command(cls=Verb, epilog=f"Example: foresell rollback shop --reason 'orders too high since Monday'\n\n{CODES}")
@project_options
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept.")
@options()
def rollback(reason: str, **flags: Any) -> None:
    """Go back to the champion before; once more goes back one more.

    Reads foresell.yaml and the registry's history. Writes to the registry: the alias champion, and a run of the kind
    promotion. Nothing is trained and nothing judged. Needs the extra 'mlflow'.
    """
    from foresell.pipeline import promotion

    project, _ = _project(flags)
    _end(promotion.rollback(project, reason), flags)


def _end(decision: Decision, flags: dict[str, Any]) -> None:
    """Prints what was decided; the code is 1 where the version does not serve."""
    if flags["as_json"]:
        print_json(decision.to_dict())
    else:
        click.echo(decided(decision))
    if not decision.serves:
        click.get_current_context().exit(1)


@click.command(cls=Verb, epilog=f"Example: foresell models shop\n\nExample: foresell models shop --prune 10\n\n{CODES}")
@project_options
@click.option("--verdicts", is_flag=True, help="Also list every decision on each version.")
@click.option(
    "--prune",
    "newest",
    type=click.IntRange(min=1),
    metavar="N",
    help="First remove all but the newest N, the champion, the one before it and those with another alias.",
)
@click.option("--yes", is_flag=True, help="Remove them without asking.")
@options()
def models(verdicts: bool, newest: int | None, yes: bool, **flags: Any) -> None:
    """List the registered models: who is champion, since when and why.

    Reads foresell.yaml and the registry. Changes nothing, but with --prune: each version holds the whole panel that it
    learnt from, and these add up. What is removed (the version, and its files in the store) cannot be had again; its
    settings and scores, and what was decided of it, stay on record. Needs the extra 'mlflow'.
    """
    from foresell.pipeline import promotion

    project, _ = _project(flags)
    removed = None if newest is None else _pruned(project, newest, yes)
    found = promotion.models(project)
    if flags["as_json"]:
        print_json({"models": found} | ({} if removed is None else {"removed": removed}))
        return
    if removed is not None:
        click.echo(f"{_freed(removed)}\n")
    click.echo(listed(found, verdicts))


def _pruned(project: Project, newest: int, yes: bool) -> dict[str, int]:
    """Removes what is spare, once that was agreed to; the bytes of each version."""
    from foresell.core.words import listed as in_words
    from foresell.pipeline import promotion

    spare = promotion.spare(project, newest)
    if spare and not yes:
        name = promotion.registry_for(project).name
        what = f"version{'s' if len(spare) > 1 else ''} {in_words(spare)} of {name}"
        click.confirm(f"Remove {what} for good?", abort=True, err=True)
    return promotion.prune(project, spare)


def _freed(removed: dict[str, int]) -> str:
    from foresell.core.words import many

    if not removed:
        return "There is no version to remove."
    return f"{many(len(removed), 'version')} removed, which frees {sum(removed.values()) / 1e6:,.1f} MB."


def decided(decision: Decision) -> str:
    """What was decided, and the figures it rests on."""
    from foresell.apps.cli.text import hanging

    name, version, made = decision.name, decision.version, decision.change
    if made is None:
        return f"Version {version} of {name} is the champion already."
    was = f" in the place of version {made.before}" if made.before else ""
    head = {
        "promoted": f"Version {version} of {name} is the champion now{was}",
        "forced": f"Version {version} of {name} is the champion now{was}, by force",
        "rolled back": f"Version {version} of {name} is the champion again{was}",
        "refused": f"Version {version} of {name} was refused"
        + (f"; version {made.before} stays the champion" if made.before else "; there is no champion"),
    }[made.verdict]
    lines = [hanging("", f"{head}{': ' + made.reason if made.reason else ''}.", 0)]
    if decision.compared in _COMPARED:
        how = _COMPARED[decision.compared].format(champion=made.before, challenger=version)
        lines.append(hanging("", how, 0))
    if decision.verdict is not None:
        lines += ["", figures(decision.verdict), "", hanging("", _windows(decision.verdict), 0)]
    lines.append(f"Kept as run {made.run}.")
    return "\n".join(lines)


_COMPARED = {
    "tried again": "The settings of version {champion} were tried again on the data and windows of version "
    "{challenger}.",
    "as it stands": "Version {challenger} learnt by the settings of version {champion} from newer sales, so version "
    "{champion} was asked as it stands, at windows after its last day.",
    "no window since": "Version {challenger} learnt by the settings of version {champion} from newer sales; no window "
    "lies wholly after the last day of version {champion}, so that the two cannot be told apart.",
}
"""What the figures of the champion are, by `Decision.compared`."""


def _windows(verdict: Verdict) -> str:
    return f"Windows from {', '.join(map(str, verdict.windows))}. Figures without a limit are not judged."


def figures(verdict: Verdict) -> str:
    """The verdict as a table: errors of each level, then the ranges over all levels; those of each are in the run."""
    from foresell.apps.cli.text import columns

    rows = [("level", "figure", "champion", "challenger", "limit", "")]
    for figure in (each for each in verdict.figures if each.judged or each.nominal is None):
        told = "" if not figure.judged else "ok" if figure.ok else "NOT MET"
        cells = (_cell(figure, figure.champion), _cell(figure, figure.challenger), _limit(figure))
        rows.append((figure.level, _called(figure), *cells, told))
    return columns(rows, right=[2, 3, 4], indent=2)


def _called(figure: Figure) -> str:
    from foresell.core.words import share

    return figure.figure if figure.nominal is None else f"in the range of {share(figure.nominal)}"


def _cell(figure: Figure, value: float | None) -> str:
    from foresell.core.words import score, share

    return "" if value is None else score(value) if figure.nominal is None else share(value, 1)


def _limit(figure: Figure) -> str:
    if figure.at_most is None:
        return ""
    if figure.at_least is None:
        return f"<= {_cell(figure, figure.at_most)}"
    return f"{_cell(figure, figure.at_least)} to {_cell(figure, figure.at_most)}"


def listed(found: list[dict[str, Any]], verdicts: bool) -> str:
    """The versions, the newest first, and why the champion is it."""
    from foresell.apps.cli.text import columns, hanging
    from foresell.core.words import score

    if not found:
        return "No model is registered yet. Make one with: foresell train"
    rows = [("version", "", "trained", "data to", "WRMSSE", "last decision")]
    for each in found:
        last = each["verdicts"][-1] if each["verdicts"] else None
        mark = "champion" if each["champion"] else ""
        told = "" if last is None else f"{last['verdict']} {_moment(last['when'])}"
        rows.append(
            (each["version"], mark, _moment(each["trained"]), each["data_last"] or "", score(each["wrmsse"]), told)
        )
    lines = [columns(rows, right=[0, 4])]
    champion = next((each for each in found if each["champion"]), None)
    if champion is None:
        lines += ["", "No version is the champion. Next: foresell promote"]
    else:
        since = f" since {_moment(champion['since'])}" if champion["since"] else ""
        why = f": {champion['why'].rstrip('.')}" if champion["why"] else ""
        lines += ["", hanging("", f"Version {champion['version']} is the champion{since}{why}.", 0)]
    if verdicts:
        lines += [""] + [
            hanging(f"{each['version']}", f"{_moment(one['when'])} {one['verdict']}: {one['reason']}", 4)
            for each in found
            for one in each["verdicts"]
        ]
    return "\n".join(lines)


def _moment(text: str | None) -> str:
    """A time in the reader's own zone."""
    return "" if not text else f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"


MODEL_VERBS = (promote, rollback, models)
