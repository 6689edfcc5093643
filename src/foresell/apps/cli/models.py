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
    from foresell.pipeline.lifecycle.promotion import Decision, RegisteredVersion
    from foresell.pipeline.project import Project
    from foresell.registry.gate import GateFigure, Verdict

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
@click.option("--reason", default="", metavar="TEXT", help="Who asks for it and why; it is kept with the verdict.")
@options()
def promote(version: str | None, force: str | None, reason: str, **flags: Any) -> None:
    """Make a registered model the champion, if it is better than the present champion.

    On the same windows its WRMSSE must be lower by 'promotion.margin', at no level higher by more than
    'promotion.tolerance', and lower than that of seasonal_naive. Over all levels the coverage of each of its ranges
    must be within 'promotion.coverage' of the nominal one. While there is no champion, the first two do not apply.

    A challenger with the champion's settings and newer sales is a refresh: the fitted champion forecasts at the windows
    after its last day, and the challenger must not be worse by more than 'promotion.tolerance'. In other cases, where
    the two have backtests on other data or windows, the champion's settings are tried on those of the challenger,
    which takes as long as a backtest. The verdict is kept, figure by figure, as an MLflow run. A version that
    `rollback` took out of service must be named to be judged again.

    Reads foresell.yaml and the registry. Writes to the registry: the alias champion, and a run of the kind promotion.
    Needs the extra 'mlflow'.
    """
    from foresell.pipeline.lifecycle import promotion

    project, meter = _project(flags)
    try:
        decision = promotion.promote(project, version, force, why=reason)
    finally:
        meter.close()
    _end(decision, flags)


@click.command(cls=Verb, epilog=f"Example: foresell rollback shop --reason 'orders too high since Monday'\n\n{CODES}")
@project_options
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept.")
@options()
def rollback(reason: str, **flags: Any) -> None:
    """Go back to the champion before; repeated, to the one before that.

    Reads foresell.yaml and the registry's history. Writes to the registry: the alias champion, and a run of the kind
    promotion. Trains and judges nothing. Needs the extra 'mlflow'.
    """
    from foresell.pipeline.lifecycle import promotion

    project, _ = _project(flags)
    _end(promotion.rollback(project, reason), flags)


def _end(decision: Decision, flags: dict[str, Any]) -> None:
    """Prints the decision; the exit code is 1 where the version is not the champion."""
    if flags["as_json"]:
        print_json(decision.to_dict())
    else:
        click.echo(decision_text(decision))
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
@click.option(
    "--sign",
    "signed",
    multiple=True,
    metavar="N",
    help="First sign version N, or 'all', with the key in FORESELL_SIGNING_KEY. May be repeated.",
)
@options()
def models(verdicts: bool, newest: int | None, yes: bool, signed: tuple[str, ...], **flags: Any) -> None:
    """List the registered models: who is champion, since when and why.

    Reads foresell.yaml and the registry. Changes nothing without --prune, which frees space: each version holds the
    whole panel that it learnt from. The files of a removed version are gone for good; its settings, its scores and the
    decisions about it stay on record. --sign is for versions from before a key was set, which you trust; the checksums
    of their files are compared first. Needs the extra 'mlflow'.
    """
    from foresell.pipeline.lifecycle import promotion

    project, _ = _project(flags)
    removed = None if newest is None else _prune(project, newest, yes)
    versions = promotion.models(project)
    if signed:
        chosen = [version.version for version in versions] if "all" in signed else list(signed)
        promotion.sign(project, chosen)
    if flags["as_json"]:
        from msgspec import to_builtins

        done = ({} if removed is None else {"removed": removed}) | ({"signed": chosen} if signed else {})
        print_json({"models": to_builtins(versions)} | done)
        return
    if signed:
        click.echo(f"Signed: version{'s' if len(chosen) > 1 else ''} {', '.join(chosen)}.\n")
    if removed is not None:
        click.echo(f"{_removed_text(removed)}\n")
    click.echo(versions_text(versions, verdicts))


def _prune(project: Project, newest: int, yes: bool) -> dict[str, int]:
    """Removes the versions that may be removed, once that is confirmed; returns the bytes of each."""
    from foresell.core.words import listed as in_words
    from foresell.pipeline.lifecycle import promotion

    spare = promotion.spare(project, newest)
    if spare and not yes:
        name = promotion.registry_for(project).name
        what = f"version{'s' if len(spare) > 1 else ''} {in_words(spare)} of {name}"
        click.confirm(f"Remove {what} for good?", abort=True, err=True)
    return promotion.prune(project, spare)


def _removed_text(removed: dict[str, int]) -> str:
    from foresell.core.words import many

    if not removed:
        return "There is no version to remove."
    return f"{many(len(removed), 'version')} removed, which frees {sum(removed.values()) / 1e6:,.1f} MB."


def decision_text(decision: Decision) -> str:
    """The decision, and the figures of the verdict."""
    from foresell.apps.cli.text import hanging

    lines = [hanging("", sentence, 0) for sentence in decision_sentences(decision)]
    if decision.verdict is not None:
        lines += ["", figures(decision.verdict), "", hanging("", _windows(decision.verdict), 0)]
    if decision.change is not None:
        lines.append(f"Recorded as run {decision.change.run}.")
    return "\n".join(lines)


def decision_sentences(decision: Decision) -> list[str]:
    """The decision with its reason, and where the figures of the champion come from."""
    name, version, change = decision.name, decision.version, decision.change
    if change is None:
        return [f"Version {version} of {name} is the champion already."]
    place = f" in the place of version {change.before}" if change.before else ""
    head = {
        "promoted": f"Version {version} of {name} is the champion now{place}",
        "forced": f"Version {version} of {name} is the champion now{place}, by force",
        "rolled back": f"Version {version} of {name} is the champion again{place}",
        "refused": f"Version {version} of {name} was refused"
        + (f"; version {change.before} stays the champion" if change.before else "; there is no champion"),
    }[change.verdict]
    sentences = [f"{head}{': ' + change.reason if change.reason else ''}."]
    if decision.compared in _COMPARED:
        sentences.append(_COMPARED[decision.compared].format(champion=change.before, challenger=version))
    return sentences


_COMPARED = {
    "tried again": "The settings of version {champion} were tried again on the data and windows of version "
    "{challenger}.",
    "as it stands": "Version {challenger} has the settings of version {champion} and newer sales, so version "
    "{champion} was scored as it stands, at windows after its last day.",
    "no window since": "Version {challenger} has the settings of version {champion} and newer sales; no window lies "
    "wholly after the last day of version {champion}, so that the two cannot be told apart.",
}
"""Where the figures of the champion come from, by `Decision.compared`."""


def _windows(verdict: Verdict) -> str:
    return f"Windows from {', '.join(map(str, verdict.windows))}. Figures without a limit are not judged."


def figures(verdict: Verdict) -> str:
    """The verdict as a table: the errors of each level, and the ranges over all levels."""
    from foresell.apps.cli.text import columns

    rows = [("level", "figure", "champion", "challenger", "limit", "")]
    for figure in verdict.figures:
        if not figure.judged and figure.nominal is not None:
            continue
        mark = "" if not figure.judged else "ok" if figure.ok else "NOT MET"
        cells = (_cell(figure, figure.champion), _cell(figure, figure.challenger), _limit(figure))
        rows.append((figure.level, _label(figure), *cells, mark))
    return columns(rows, right=[2, 3, 4], indent=2)


def _label(figure: GateFigure) -> str:
    from foresell.core.words import share

    return figure.figure if figure.nominal is None else f"in the range of {share(figure.nominal)}"


def _cell(figure: GateFigure, value: float | None) -> str:
    from foresell.core.words import score, share

    return "" if value is None else score(value) if figure.nominal is None else share(value, 1)


def _limit(figure: GateFigure) -> str:
    if figure.at_most is None:
        return ""
    if figure.at_least is None:
        return f"<= {_cell(figure, figure.at_most)}"
    return f"{_cell(figure, figure.at_least)} to {_cell(figure, figure.at_most)}"


def versions_text(versions: list[RegisteredVersion], verdicts: bool) -> str:
    """The versions as a table, the newest first; why one is the champion; with `verdicts` every decision."""
    from foresell.apps.cli.text import columns, hanging
    from foresell.core.words import score

    if not versions:
        return "No model is registered yet. Make one with: foresell train"
    rows = [("version", "", "trained", "data to", "WRMSSE", "last decision")]
    for version in versions:
        mark = "champion" if version.champion else ""
        last = f"{version.verdicts[-1].verdict} {_moment(version.verdicts[-1].when)}" if version.verdicts else ""
        trained, data_last = _moment(version.trained), version.data_last or ""
        rows.append((version.version, mark, trained, data_last, score(version.wrmsse), last))
    lines = [columns(rows, right=[0, 4]), ""]
    champion = next((version for version in versions if version.champion), None)
    if champion is None:
        lines.append("No version is the champion. Next: foresell promote")
    else:
        since = f" since {_moment(champion.since)}" if champion.since else ""
        why = f": {champion.why.rstrip('.')}" if champion.why else ""
        lines.append(hanging("", f"Version {champion.version} is the champion{since}{why}.", 0))
    if verdicts:
        lines += [""] + [
            hanging(version.version, f"{_moment(verdict.when)} {verdict.verdict}: {verdict.reason}", 4)
            for version in versions
            for verdict in version.verdicts
        ]
    return "\n".join(lines)


def _moment(text: str | None) -> str:
    """A time in the reader's own zone."""
    return "" if not text else f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"


MODEL_VERBS = (promote, rollback, models)
