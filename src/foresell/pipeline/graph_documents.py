"""The graph of steps as documents: data, the tree of results, and the stages of DVC."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from foresell.pipeline.graph import STEPS, steps_of
from foresell.pipeline.step import EVERY_SETTING, Step

WIDE = 100

_DVC_HEAD = """\
# The pipeline of a foresell project as DVC stages. It stands beside foresell.yaml; README.md here says how to begin.
# It is made from foresell's graph of steps with: foresell pipeline --as dvc
#
# Each stage is a verb of foresell, and depends on the very settings and results that the verb's steps do. foresell
# keeps its own account of what is up to date, so what is there stays there for it to see (persist). Stages depend on
# the step.json of another step, which changes when that step is done again, and on the panel, which does when the data
# do.

vars:
  - data: data # the folder (or file) that holds the data foresell.yaml names

stages:
  settings:
    desc: every setting with its default, so that stages can depend on single ones
    cmd: foresell settings . > settings.yaml
    deps:
      - foresell.yaml
    outs:
      - settings.yaml
"""

_DVC_TAIL = """
metrics:
  - results/combine/metrics.json

plots:
  - results/combine/leaderboard.csv:
      title: WRMSSE of each model
      template: bar_horizontal
      x: wrmsse
      y: model
  - results/train/drivers.csv:
      title: what the models go by
      template: bar_horizontal
      x: share
      y: feature
"""


def graph_data() -> dict[str, Any]:
    """The graph as plain data: the steps in the order of a whole run, each with all that `Step` declares of it."""
    return {"steps": [asdict(step) for step in STEPS.values()]}


def results_tree() -> str:
    """The files that the steps leave under ``results/``, with their meanings."""
    lines, wide = ["results/"], max(len(file) for step in STEPS.values() for file in step.files)
    for name, step in STEPS.items():
        lines.append(f"  {name}/")
        for file, meaning in step.files.items():
            head, indent = f"    {file:<{wide}}  ", " " * (wide + 6)
            lines += textwrap.wrap(meaning, WIDE, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines)


def dvc_file() -> str:
    """The text of ``dvc.yaml``: a stage for each verb that does steps."""
    verbs = dict.fromkeys(step.verb for step in STEPS.values())
    return _DVC_HEAD + "".join("\n" + _dvc_stage(verb) for verb in verbs) + _DVC_TAIL


def _dvc_stage(verb: str) -> str:
    steps = [STEPS[name] for name in steps_of(verb)]
    newest = " --newest" if any(step.asks_forecaster for step in steps) else ""
    lines = [
        f"  {verb}:",
        f"    desc: {'; '.join(step.description.replace(': ', ' - ') for step in steps)}",
        f"    cmd: foresell {verb} . --quiet{newest}",
        "    deps:",
        *(f"      {line}" for line in dict.fromkeys(_dvc_dependencies(steps))),
    ]
    settings = dict.fromkeys(path for step in steps for path in _dvc_parameters(step))
    if settings:
        lines += ["    params:", "      - settings.yaml:", *(f"          - {path}" for path in settings)]
    outs = [step.name for step in steps if step.files]
    lines += ["    outs:", *(f"      - results/{name}:\n          persist: true" for name in outs)]
    return "\n".join(lines) + "\n"


def _dvc_dependencies(steps: list[Step]) -> Iterator[str]:
    """The files that a stage depends on. Which weights the settings name, no stage can know beforehand."""
    here = {step.name for step in steps}
    for step in steps:
        if EVERY_SETTING in step.reads.settings:
            yield "- settings.yaml"
        inputs = [path for reads in (step.reads, *step.reads_where.values()) for path in reads.inputs]
        if any(path.startswith("data.") for path in inputs):
            yield "- ${data}"
        yield from (f"# with '{path}', also that file" for path in inputs if path == "backtest.weights")
        for need in step.needs:
            if need not in here and not STEPS[need].records_only:
                yield f"- results/{need}/panel" if need == "check" else f"- results/{need}/step.json"
        yield from (f"- results/{name}" for name in step.reads.results if name.partition("/")[0] in STEPS)


def _dvc_parameters(step: Step) -> Iterator[str]:
    """The settings whose change does a stage again. Where its records go (MLflow) changes no result."""
    if step.records_only:
        return
    for reads in (step.reads, *step.reads_where.values()):
        yield from (path.partition("=")[0] for path in reads.settings if path != EVERY_SETTING)
