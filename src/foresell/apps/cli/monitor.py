"""The verb that compares forecasts with the sales of their days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli import log
from foresell.apps.cli.command import (
    EXIT_CODES,
    SEVERE,
    Verb,
    files_text,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter
from foresell.pipeline.graph import BESIDE, HISTORY, MONITOR

if TYPE_CHECKING:
    from foresell.monitor.alerts.channels import AlertOutcome
    from foresell.pipeline.monitoring.monitor import MonitorResult
    from foresell.pipeline.project import Project


HELP = """Compare forecasts with the newest sales, and say where they have become worse. Exit code 3 if it is severe.

Reads foresell.yaml and the newest sales (and checks them first where they changed), the kept forecasts, and the log of
predictions. Every forecast is kept when it is made, so bring fresh sales and run this verb daily or weekly.

Error, bias, coverage of ranges and value added over seasonal naive are compared with the backtest of the same version,
within bounds that allow for noise; the newest sales, prices and forecasts are compared with those of the training.
'monitoring.false_alarms' says how often all checks together may raise a false alarm. Findings are sent to the
receivers of 'monitoring.alerts'.

With --baseline, the present figures become the baseline: later figures that are like them raise no alarm."""


@click.command(
    "monitor",
    cls=Verb,
    help=HELP + files_text(MONITOR, BESIDE[MONITOR]) + files_text(HISTORY, BESIDE[HISTORY]),
    epilog=f"Example: foresell monitor shop\n\n{EXIT_CODES}",
)
@project_options
@click.option("--baseline", is_flag=True, help="Keep the present figures as the baseline of later ones.")
@click.option("--test-alert", is_flag=True, help="Only send a test message to the receivers of 'monitoring.alerts'.")
@options(logs=True)
def monitor(baseline: bool, test_alert: bool, **flags: Any) -> None:
    from foresell.core.words import many
    from foresell.pipeline.monitoring import monitor as flow

    meter = Meter(quiet=flags["quiet"])
    project = open_project(flags, meter)
    if test_alert:
        _try_alerts(project, flags["as_json"])
        return
    try:
        made = flow.monitor(project, baseline=baseline)
    finally:
        meter.close()
    if log.is_json():
        log.findings(made.findings, "monitor")
        log.event("info", f"{many(len(made.findings), 'finding')}; the page is {made.page}", "monitor")
        _log_alerts(made.sent)
    if flags["as_json"]:
        print_json(_finite(made.to_dict()))
    else:
        click.echo(told(made, baseline))
        click.echo("\n" + _page(made))
        for each in made.sent:
            click.echo(_said(each))
    if made.stopped:
        click.get_current_context().exit(1)
    if made.severe:
        click.get_current_context().exit(SEVERE)


def _try_alerts(project: Project, as_json: bool) -> None:
    """Sends a trial to every receiver, and says what became of it; exit code 1 where one did not take it."""
    from foresell.monitor.alerts.delivery import send_trial_alerts

    sent = send_trial_alerts(project.settings.monitoring.alerts, project.folder.resolve().name)
    if log.is_json():
        _log_alerts(sent)
    if as_json:
        print_json([asdict(outcome) for outcome in sent])
    elif not sent:
        click.echo("'monitoring.alerts' names nobody to tell.")
    else:
        click.echo("\n".join(map(_said, sent)))
    if not all(each.delivered for each in sent):
        click.get_current_context().exit(1)


def _log_alerts(sent: Iterable[AlertOutcome]) -> None:
    for outcome in sent:
        log.event("info" if outcome.delivered else "warning", _said(outcome), "monitor")


def _page(made: MonitorResult) -> str:
    """Where the page is that tells all of it."""
    from foresell.apps.cli.text import hanging

    return hanging("page:", str(made.page), 11)


def _said(sent: AlertOutcome) -> str:
    """What became of an alert, in a line."""
    from foresell.apps.cli.text import hanging

    return hanging(
        "alert:", f"{sent.receiver} {'was told' if sent.delivered else f'could not be told: {sent.error}'}", 11
    )


def _finite(value: Any) -> Any:
    """Plain data without what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not -1e308 < value < 1e308 else value


def told(made: MonitorResult, baseline: bool = False) -> str:
    """What was found, in words, and the figures beside the backtest's."""
    from foresell.apps.cli.text import columns, findings_text, hanging
    from foresell.core.words import change, score, share
    from foresell.pipeline.monitoring.summary import StoppedSummary

    summary = made.summary
    if isinstance(summary, StoppedSummary) or summary.judged is None:
        return findings_text(made.findings).lstrip("\n")
    judged = summary.judged
    head = (
        f"version {judged.version}, its forecast of {judged.cutoff} held against the sales of "
        f"{judged.first} to {judged.last}"
    )
    rows = [("level", "WAPE", "backtest", "bias", "backtest", "RMSSE", "in range", "backtest", "added", "backtest")]
    for figures in summary.figures:
        rows.append(
            (
                figures.level,
                share(figures.wape),
                share(figures.wape_backtest),
                change(figures.bias),
                change(figures.bias_backtest),
                score(figures.rmsse),
                share(figures.coverage),
                share(figures.coverage_backtest),
                share(figures.value_added),
                share(figures.value_added_backtest),
            )
        )
    lines = [hanging("monitor:", head, 11), "", columns(rows, right=range(1, len(rows[0])), indent=2)]
    lines.append("  added: by how much it errs less than seasonal naive")
    lines.append(findings_text(made.findings))
    if baseline:
        lines.append("\n" + hanging("", f"These figures are the baseline now: {made.folder / 'baseline.json'}", 0))
    return "\n".join(lines)
