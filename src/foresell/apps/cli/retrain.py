"""The verb that keeps the champion fresh, and tells a running server of the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

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
    from foresell.pipeline.retraining import Retrained


@click.command(
    cls=Verb,
    epilog="Example: foresell retrain shop\n\nExample: foresell retrain shop --now 'the new price list' --reload "
    f"http://127.0.0.1:8000\n\n{EXIT_CODES} A refused challenger ends with 0: the champion stays.",
)
@project_options
@click.option("--now", metavar="REASON", help="Train whatever else asks for it; the reason is kept.")
@click.option("--reload", "server", metavar="URL", help="Then let the server at this address take up the champion.")
@options()
def retrain(now: str | None, server: str | None, **flags: Any) -> None:
    """Train a challenger where something asks for it, and promote it if it passes the gate.

    What asks for it: a finding of `monitor` that a new training may mend (errors, bias, ranges, drift of inputs; not
    bad data), a warning too unless 'monitoring.retrain_on' is error or never; a champion that learnt from sales older
    than 'monitoring.max_age' days; a schedule, 'monitoring.every'; that there is no champion yet; or you, with --now.
    Days are those of the sales, not of the clock. Where nothing asks for it, or the data are those of the last
    attempt, it says so and does nothing. After an attempt, seven days of new sales are waited for. A false alarm
    ('monitoring.false_alarms' is how often a look raises one) costs a training, on which the gate decides.

    Reads the data files again, foresell.yaml and the registry. Writes what `train` writes, a version of the model to
    the registry, and the verdict with its figures, as `promote` does. It may be run again at any time, also after it
    was killed: what is done is kept, a version is registered once and judged once. Of two at once, one is let in.

    With --reload, a server (see `serve`) is asked to take up the champion, promoted now or before; the API key, of the
    role admin, comes from FORESELL_API_KEY. A server that does not answer is told of and changes nothing else.
    Needs the extra 'mlflow'.
    """
    from foresell.apps.cli.server_reload import reload
    from foresell.pipeline.retraining import retrain as retrain_

    if server is not None and not server.startswith(("http://", "https://")):
        raise click.UsageError(f"Found the address {server!r} for --reload; expected http://HOST:PORT or https://HOST.")
    meter = Meter(quiet=flags["quiet"])
    project = open_project(flags, meter)
    try:
        done = retrain_(project, now=now)
    finally:
        meter.close()
    reloaded = None if server is None else reload(server)
    if flags["as_json"]:
        print_json(done.to_dict() | {"server": reloaded})
    else:
        click.echo(told(done, reloaded))


def told(done: Retrained, reloaded: dict[str, Any] | None) -> str:
    """Why it was trained, what was decided, and what the server said."""
    from foresell.apps.cli.models import decided
    from foresell.apps.cli.text import hanging

    if done.decision is None:
        lines = [hanging("", f"Nothing to do: {done.why}.", 0)]
    else:
        lines = [hanging("", f"Trained because {each.text}.", 0) for each in done.reasons]
        lines += [decided(done.decision)]
    if reloaded is not None:
        lines += [hanging("", reloaded["says"], 0)]
    return "\n".join(lines)
