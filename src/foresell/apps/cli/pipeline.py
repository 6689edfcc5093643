"""The verb that shows the graph of steps."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from foresell.apps.cli.command import Verb, options, print_json, width
from foresell.pipeline.graph import STEPS
from foresell.pipeline.graph_documents import dvc_file, graph_data, results_tree
from foresell.pipeline.step import Step

FORMATS = ("text", "json", "tree", "dvc")


@click.command("pipeline", cls=Verb, epilog="Example: foresell pipeline --as dvc > dvc.yaml")
@click.option(
    "--as",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="As text; the graph as JSON; the tree of results; or the stages of DVC.",
)
@click.argument("folder", required=False, metavar="")
@options()
def pipeline(form: str, folder: str | None, **flags: Any) -> None:
    """List the steps of a run: what each needs, which settings it reads, what it leaves.

    The steps and their verbs, `status`, and the DVC stages in deploy/dvc are made from this graph. `--as json` gives it
    as data, for an orchestrator that makes its own tasks of it; `status` says which steps of a project are up to date.

    Reads nothing. Changes nothing.
    """
    if folder is not None:
        raise click.UsageError(
            f"The steps are the same for every project, so no folder is taken. What is done in {folder}: foresell "
            f"status {folder}"
        )
    if flags["as_json"] or form == "json":
        print_json(graph_data())
    elif form == "tree":
        click.echo(results_tree())
    elif form == "dvc":
        click.echo(dvc_file(), nl=False)
    else:
        click.echo("\n\n".join(step_text(step) for step in STEPS.values()))


def step_text(step: Step) -> str:
    """A step in a few lines."""
    lines = [f"{step.name}: {step.description}"]
    for head, text in _facts(step):
        lines += textwrap.wrap(
            text,
            width(),
            initial_indent=f"  {head:<10}",
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _facts(step: Step) -> list[tuple[str, str]]:
    needs = ", ".join(step.needs) or "nothing"
    if step.needs_with_champion is not None:
        needs += f"; where a champion forecasts, only {', '.join(step.needs_with_champion)}"
    settings = ", ".join("all" if path == "*" else path.replace("=", " = ") for path in step.reads.settings)
    for setting, reads in step.reads_where.items():
        settings += f"; with {setting} also {', '.join(reads.settings)}"
    leaves = ", ".join(step.files) or "no files"
    return [
        ("verb", step.verb + (" (a run is whole without it)" if step.records_only else "")),
        ("needs", needs),
        ("settings", settings),
        *([("inputs", ", ".join(step.reads.inputs))] if step.reads.inputs else []),
        ("code", ", ".join(step.reads.code) or "its own file"),
        ("leaves", leaves + (f"; {step.elsewhere}" if step.elsewhere else "")),
    ]
