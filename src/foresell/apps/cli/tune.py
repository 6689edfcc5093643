"""The verb that looks for better options of a model."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli import log
from foresell.apps.cli.command import (
    EXIT_CODES,
    INTERRUPTED,
    Verb,
    files_text,
    notify,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter
from foresell.pipeline.graph import BESIDE, TUNE

if TYPE_CHECKING:
    from foresell.pipeline.summaries import TuneSummary

IMPORTANT = 5  # options whose importance is shown


@click.command(
    "tune",
    cls=Verb,
    help=f"""Search for better options of a model, and write them into foresell.yaml if they hold.

    Trees, leaves, learning rate, loss, features left out and more are tried in windows of the past that end before the
    backtest's begin, each trial proposed by what was learnt from those before. The first is the model as it is set. One
    that is behind after a window is stopped early. The best is then confirmed on all series in the backtest's windows;
    only if it is better there too, it is written, with its evidence.

    Stopped at any moment, it keeps the trials that are done; the same command goes on. Needs the extra 'tune'. Reads
    foresell.yaml and what `check` left (and checks first where that is out of date).
    {textwrap.indent(files_text(TUNE, BESIDE[TUNE]), "    ").strip()}""",
    epilog=f"Example: foresell tune shop --trials 100 --timeout 60\n\n{EXIT_CODES}",
)
@project_options
@click.option("--model", metavar="NAME", help="Which model of the settings. [default: the first that can be tuned]")
@click.option(
    "--trials", type=click.IntRange(1), default=50, show_default=True, help="How many in all, with those done before."
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Try them on at most so many series, drawn at random.",
)
@click.option("--timeout", type=click.FloatRange(0), metavar="MINUTES", help="Begin no trial after so many minutes.")
@click.option("--write/--no-write", default=True, show_default=True, help="Whether foresell.yaml may be changed.")
@options(logs=True)
def tune(
    model: str | None, trials: int, sample: int, timeout: float | None, write: bool, **flags: Any
) -> None:  # fmt: skip
    from foresell.pipeline import tuning as flow
    from foresell.report.tuning import search_sentence

    meter = Meter(quiet=flags["quiet"])
    project = open_project(flags, meter)
    try:
        outcome = flow.tune(project, model, trials=trials, series=sample, minutes=timeout, write=write)
    except KeyboardInterrupt:
        meter.close()
        said = "Stopped. The trials that are done are kept; run the same command to go on."
        notify(said, "error")
        if flags["as_json"]:
            print_json({"error": "Interrupted", "message": said})
        click.get_current_context().exit(INTERRUPTED)
    finally:
        meter.close()
    if log.is_json():
        log.event("info", search_sentence(outcome.summary), "tune", seconds=outcome.seconds)
    if flags["as_json"]:
        print_json(outcome.to_dict())
    else:
        click.echo(search_text(outcome.summary, outcome.seconds, str(project.folder)))


def search_text(search: TuneSummary, seconds: float, folder: str) -> str:
    """What a search came to, in words, and a table of what the best trial changes."""
    from foresell.apps.cli.text import columns, hanging
    from foresell.core.words import duration
    from foresell.pipeline.summaries import RecordSummary
    from foresell.report.tuning import confirmation_sentence, importance_sentence, search_sentence

    lines = [hanging("tune:", f"{search_sentence(search)} ({duration(seconds)})", 11)]
    if search.former:
        text = f"Data, settings or foresell changed since; the {search.former:,} trials of before count no more."
        lines.append(hanging("", text, 11))
    if search.changed:
        rows = [("option", "settings", "best")]
        rows += [(name, _shown(change.settings), _shown(change.tuned)) for name, change in search.changed.items()]
        lines += ["", columns(rows, right=[1, 2], indent=11), ""]
    lines += [
        hanging("", text, 11)
        for text in (confirmation_sentence(search), importance_sentence(search, IMPORTANT))
        if text
    ]
    if search.written:
        lines.append(hanging("", f"foresell.yaml has it now. Next: foresell run {folder}", 11))
    elif search.confirmed and search.confirmed.holds and not search.in_settings:
        lines.append(hanging("", "foresell.yaml is as it was; without --no-write it gets these options.", 11))
    if isinstance(search.tracking, RecordSummary):
        lines += [hanging("", f"warning: {text}", 11) for text in search.tracking.warning_texts]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return ", ".join(value) or "nothing" if isinstance(value, list) else str(value)
