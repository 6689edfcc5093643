"""The references of the steps and of the results, from the graph of steps."""

from __future__ import annotations

from collections.abc import Mapping

from foresell.pipeline.graph import BESIDE, EVERY_SETTING, STEPS, Step
from generators.markdown import sentence, table

BESIDE_HEADS = {
    "tune": "the search for options, made by `foresell tune`",
    "monitor": "the accuracy of the forecasts in use, made by `foresell monitor`",
    "history": "tables that are kept over time",
}


def step_overview() -> str:
    """One row for each step, in the order of a whole run."""
    rows = [
        [f"[`{step.name}`](#{step.name})", sentence(step.description), f"`{step.verb}`", _code_list(step.needs)]
        for step in STEPS.values()
    ]
    return table(["step", "does", "verb", "needs"], rows)


def step_reference() -> str:
    """A section for each step: what it needs, reads and leaves."""
    return "\n\n".join(map(_step, STEPS.values()))


def _step(step: Step) -> str:
    reads, reads_where = step.reads, step.reads_where
    rows = [["verb", f"`{step.verb}`"], ["needs", _code_list(step.needs) or "nothing"]]
    if step.needs_with_champion is not None:
        rows.append(["needs, where a champion forecasts", _code_list(step.needs_with_champion)])
    settings = ["all" if path == EVERY_SETTING else f"`{path}`" for path in reads.settings]
    settings += [f"`{path}` (where `{where}` is set)" for where, more in reads_where.items() for path in more.settings]
    rows.append(["settings that it reads", ", ".join(settings)])
    inputs = (*reads.inputs, *(path for more in reads_where.values() for path in more.inputs))
    if inputs:
        rows.append(["files that it reads, by setting", _code_list(dict.fromkeys(inputs))])
    if step.elsewhere:
        rows.append(["leaves elsewhere", step.elsewhere])
    if step.records_only:
        rows.append(["records only", "a run is whole without it"])
    parts = [f"### {step.name}", sentence(step.description), table(["", ""], rows)]
    if step.files:
        parts.append(f"Leaves in `results/{step.name}/`:\n\n{_files(step.files)}")
    return "\n\n".join(parts)


def results_reference() -> str:
    """A table of the files of each folder under ``results/``."""
    parts = [
        f"## `results/{name}/`\n\nWhat `{step.verb}` leaves: {step.description}.\n\n{_files(step.files)}"
        for name, step in STEPS.items()
        if step.files
    ]
    for name, files in BESIDE.items():
        parts.append(f"## `results/{name}/`\n\n{sentence(BESIDE_HEADS[name])}\n\n{_files(files)}")
    return "\n\n".join(parts)


def _files(files: Mapping[str, str]) -> str:
    return table(["file", "holds"], ([f"`{file}`", sentence(meaning)] for file, meaning in files.items()))


def _code_list(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names)  # type: ignore[attr-defined]
