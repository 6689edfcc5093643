"""The verb that retrains the champion and reloads a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli import log
from foresell.apps.cli.command import (
    EXIT_CODES,
    Verb,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter

if TYPE_CHECKING:
    from foresell.pipeline.lifecycle.retraining import Retraining


@click.command(
    cls=Verb,
    epilog="Example: foresell retrain shop\n\nExample: foresell retrain shop --now 'the new price list' --reload "
    f"http://127.0.0.1:8000\n\n{EXIT_CODES} A refused challenger ends with 0: the champion stays.",
)
@project_options
@click.option("--now", metavar="REASON", help="Train in any case, for this reason; it is kept.")
@click.option("--reload", "server", metavar="URL", help="Then let the server at this address load the champion.")
@options(logs=True)
def retrain(now: str | None, server: str | None, **flags: Any) -> None:
    """Train a challenger where there is a reason to, and promote it if it passes the gate.

    A reason is: a finding of `monitor` that a new training may mend (errors, bias, ranges, drift of inputs; not bad
    data), a warning too unless 'monitoring.retrain_on' is error or never; a champion that learnt from sales older than
    'monitoring.max_age' days; a schedule, 'monitoring.every'; that there is no champion yet; or yours, with --now.
    Days are those of the sales, not of the clock. Without a reason, or where the data are those of the last attempt,
    it says so and does nothing. After an attempt no reason counts until there are seven days of new sales. A false
    alarm ('monitoring.false_alarms' is how often a look raises one) costs a training, on which the gate decides.

    Reads the data files again, foresell.yaml and the registry. Writes what `train` writes, a version of the model to
    the registry, and the verdict with its figures, as `promote` does. It may be run again at any time, also after it
    was killed: finished steps are kept, and a version is registered and judged once. Of two runs at once, the second
    ends with an error.

    With --reload, a server (see `serve`) loads the champion, promoted now or before; the API key, of the role admin,
    comes from FORESELL_API_KEY. A server that does not answer is reported, and changes nothing else. Needs the extra
    'mlflow'.
    """
    from foresell.apps.cli.server_reload import reload
    from foresell.pipeline.lifecycle.retraining import retrain as retrain_

    if server is not None and not server.startswith(("http://", "https://")):
        raise click.UsageError(f"Found the address {server!r} for --reload; expected http://HOST:PORT or https://HOST.")
    meter = Meter(quiet=flags["quiet"])
    project = open_project(flags, meter)
    try:
        retraining = retrain_(project, now=now)
    finally:
        meter.close()
    reloaded = None if server is None else reload(server)
    content = retraining.to_dict() | {"server": reloaded}
    if log.is_json():
        from foresell.apps.cli.models import decision_sentences

        decision = [] if retraining.decision is None else decision_sentences(retraining.decision)
        sentences = [*_reasons(retraining), *decision, *_answer(reloaded)]
        log.event("info", " ".join(sentences), "retrain", retraining=content)
    if flags["as_json"]:
        print_json(content)
    else:
        click.echo(retraining_text(retraining, reloaded))


def retraining_text(retraining: Retraining, reloaded: dict[str, Any] | None) -> str:
    """The reasons for the training, the decision, and the answer of the server."""
    from foresell.apps.cli.models import decision_text
    from foresell.apps.cli.text import hanging

    lines = [hanging("", sentence, 0) for sentence in _reasons(retraining)]
    if retraining.decision is not None:
        lines.append(decision_text(retraining.decision))
    return "\n".join([*lines, *(hanging("", sentence, 0) for sentence in _answer(reloaded))])


def _reasons(retraining: Retraining) -> list[str]:
    """The reasons for the training, or why there was none."""
    if retraining.decision is None:
        return [f"Nothing to do: {retraining.why}."]
    return [f"Trained because {reason.text}." for reason in retraining.reasons]


def _answer(reloaded: dict[str, Any] | None) -> list[str]:
    """The answer of the server, where one was asked to load the champion."""
    return [] if reloaded is None else [reloaded["says"]]
