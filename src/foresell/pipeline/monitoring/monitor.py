"""The work of `foresell monitor`: reads new sales, compares the forecasts with them, and reports what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import FindingsStop, ForesellError, UsageError
from foresell.core.finding import Finding, Severity, errors, worst_first
from foresell.monitor.alerts.channels import AlertOutcome
from foresell.monitor.baseline import Baseline
from foresell.monitor.check_results import CheckResults, run_checks
from foresell.monitor.checks import input_drift
from foresell.monitor.checks.check import DriftInputs, Topic
from foresell.monitor.codes import finding
from foresell.monitor.few_windows import few_windows
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.matured_forecasts import history_of
from foresell.pipeline.monitoring.drift import champion_panel, drift_inputs, write_drift
from foresell.pipeline.monitoring.history_update import Tell, Versions, record_findings, update_day_sums
from foresell.pipeline.monitoring.page import snapshot_page, stopped_page
from foresell.pipeline.monitoring.retention import expired
from foresell.pipeline.monitoring.snapshot import BASELINE, Snapshot, take_snapshot
from foresell.pipeline.monitoring.summary import MonitorSummary, StoppedSummary, summarize
from foresell.pipeline.progress import Progress
from foresell.pipeline.project import Project
from foresell.pipeline.registry_history import write_history
from foresell.pipeline.results import read_findings
from foresell.pipeline.task import write_json
from foresell.report.monitor_contents import MonitorPage
from foresell.report.page import render_monitor_page
from foresell.store.tables import atomic_path, write_table

PAGE = "monitor.html"


@dataclass(frozen=True)
class MonitorResult:
    """The result of monitoring: `findings`, worst first; the `tables` ``accuracy``, ``by_day`` and ``by_week``; the
    `summary`. All of it is also in the files of `folder`, and on a `page`. `sent` has the outcomes of the alerts."""

    folder: Path
    findings: tuple[Finding, ...]
    summary: MonitorSummary | StoppedSummary
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    sent: tuple[AlertOutcome, ...] = ()

    @property
    def page(self) -> Path:
        """The path of the HTML page for planners."""
        return self.folder / PAGE

    @property
    def stopped(self) -> bool:
        """Whether the data stopped the work, so that nothing was judged."""
        return isinstance(self.summary, StoppedSummary)

    @property
    def severe(self) -> bool:
        """Whether a finding is an error."""
        return bool(errors(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, for JSON."""
        return {
            "folder": str(self.folder),
            "page": str(self.page),
            "findings": [finding.to_dict() for finding in self.findings],
            **self.summary.to_dict(),
        } | {"alerts": [asdict(sent) for sent in self.sent]}


def monitor(project: Project, *, baseline: bool = False) -> MonitorResult:
    """Reads the newest sales, compares the forecasts with them, and writes ``results/monitor/`` and the history.

    With `baseline` the current figures are kept as the baseline: later figures like them raise no alarm. A second run
    with the same sales changes nothing. Data that cannot be used are reported as findings.

    Raises UsageError where another run is at work, or where there is nothing to keep as a baseline.
    """
    with project.locked():
        try:
            project.run("check")
        except FindingsStop as stop:
            return _stopped(project, stop)
        tell = _teller(project)
        tell(0, "the newest sales")
        snapshot = update_and_take_snapshot(project, tell)
        tell(2, "drift of inputs and predictions")
        checks = run_checks(snapshot.check_data(_samples(project)))
        removed = expired(snapshot)
        for forecast in removed:
            history_of(project.results).drop_forecast(forecast)
        monitored = _report(project, snapshot.without(removed), checks)
        tell(3.5, "the history")
        record_findings(history_of(project.results), monitored.findings, snapshot.panel.cutoff)
        monitored = _alert(project, monitored)
        if baseline:
            _keep_baseline(snapshot, checks)
    return monitored


def update_and_take_snapshot(project: Project, tell: Tell = lambda done, doing: None) -> Snapshot:
    """Updates the history (``runs``, ``versions``, ``promotions``, ``accuracy``), and takes a snapshot of it."""
    table = write_history(project).versions
    versions = Versions(dict(table.select("model", "version").iter_rows()))
    return take_snapshot(project.results, versions, update_day_sums(project.results, versions, tell))


def _teller(project: Project) -> Tell:
    def tell(done: float, doing: str) -> None:
        project.watch(Progress(MONITOR, done, 4, doing))

    return tell


def _stopped(project: Project, stop: FindingsStop) -> MonitorResult:
    """The result where the data stop the work."""
    findings = tuple(worst_first(stop.findings))
    summary = StoppedSummary(str(stop))
    monitored = MonitorResult(project.results.folder(MONITOR), findings, summary)
    write_drift(str(stop), (), monitored.folder)
    _write(monitored, stopped_page(project, str(stop), findings))
    return _alert(project, monitored, whole=False)


def _report(project: Project, snapshot: Snapshot, checks: CheckResults) -> MonitorResult:
    """The result of the checks, written to ``results/monitor/``."""
    accuracy = worst_first([*_coverage_findings(snapshot, checks), *checks.about(Topic.ACCURACY)])
    data = worst_first([*_data_findings(snapshot), *checks.about(Topic.DATA)])
    inputs = checks.about(Topic.INPUTS)
    write_drift(checks.of(input_drift.CHECK), checks.findings[input_drift.CHECK.name], snapshot.folder)
    tables = {"accuracy": snapshot.accuracy, "by_day": snapshot.newest, "by_week": snapshot.weeks}
    findings = tuple(worst_first([*data, *accuracy, *inputs]))
    monitored = MonitorResult(snapshot.folder, findings, summarize(snapshot, checks), tables)
    _write(monitored, snapshot_page(project.folder.resolve().name, snapshot, checks, accuracy, data))
    return monitored


def _write(monitored: MonitorResult, page: MonitorPage) -> None:
    monitored.folder.mkdir(parents=True, exist_ok=True)
    for name, table in monitored.tables.items():
        write_table(table, monitored.folder / f"{name}.parquet")
    findings = [finding.to_dict() for finding in monitored.findings]
    for name, content in (("findings", findings), ("summary", monitored.summary.to_dict())):
        with atomic_path(monitored.folder / f"{name}.json") as place:
            write_json(place, content)
    with atomic_path(monitored.page) as place:
        place.write_text(render_monitor_page(page), encoding="utf-8")


def _alert(project: Project, monitored: MonitorResult, whole: bool = True) -> MonitorResult:
    """Sends the findings to the receivers of alerts. With `whole`, everything was checked, so findings may be over."""
    from foresell.monitor.alerts.delivery import send_alerts

    sent = send_alerts(monitored.findings, project.settings.monitoring.alerts, project.folder, whole=whole)
    return replace(monitored, sent=tuple(sent))


def _samples(project: Project) -> DriftInputs | str:
    """The samples in which drift of inputs is looked for, or a text that says why there are none."""
    choice = project.choice()
    try:
        return drift_inputs(project.results, choice, champion_panel(project.results, choice))
    except ForesellError as error:
        return str(error)


def _keep_baseline(snapshot: Snapshot, checks: CheckResults) -> None:
    """Keeps the current figures as the baseline. Raises UsageError where nothing is judged."""
    judgements = checks.data.judgements
    if snapshot.judged is None or not judgements:
        raise UsageError(
            f"There is nothing to keep as a baseline: no forecast has {snapshot.size} "
            f"{snapshot.panel.frequency.noun}s whose sales have come in. Run it again later."
        )
    figures = {(judgement.figure, *judgement.node): judgement.value for judgement in judgements}
    baseline = Baseline(snapshot.panel.cutoff, snapshot.versions.name(snapshot.judged.kept.model), figures)
    with atomic_path(snapshot.folder / BASELINE) as place:
        write_json(place, baseline.to_dict())


def _data_findings(snapshot: Snapshot) -> list[Finding]:
    """The warnings and errors of reading and validation; only the step `check` reports findings of severity info."""
    findings = read_findings(snapshot.results.folder("check"))
    return [finding for finding in findings if finding.severity != Severity.INFO]


def _coverage_findings(snapshot: Snapshot, checks: CheckResults) -> list[Finding]:
    """The findings about what was not forecast, could not be read or could not be judged."""
    findings = [*_unforecast_days(snapshot), *_unreadable_log(snapshot)]
    if snapshot.judged is None:
        return [*findings, _nothing_matured(snapshot)]
    kept, unforecast = snapshot.judged.kept, snapshot.judged.unforecast
    if unforecast:
        text = f"{len(unforecast)} series have sales but are not in the forecast of {kept.cutoff}"
        findings.append(finding("forecasts-missing", "series", len(unforecast), text, unforecast))
    if snapshot.reference is not None:
        findings += few_windows(snapshot.reference, checks.data.judgements, snapshot.panel.frequency.noun)
    return findings


def _unforecast_days(snapshot: Snapshot) -> list[Finding]:
    """The finding about days without a forecast, from the first kept forecast on."""
    if not snapshot.kept:
        return []
    days = snapshot.panel.dates[snapshot.first : snapshot.panel.n_days].astype(object).tolist()
    covered = set(snapshot.newest["date"])
    missing = [day for day in days if day > snapshot.kept[0].cutoff and day not in covered]
    if not missing:
        return []
    noun = snapshot.panel.frequency.noun
    text = f"{len(missing)} of the newest {len(days)} {noun}s had no forecast, the last of them {missing[-1]}"
    return [finding("forecasts-missing", "days", len(missing), text, missing[::-1])]


def _unreadable_log(snapshot: Snapshot) -> list[Finding]:
    """The finding that the log of predictions cannot be read."""
    if not snapshot.predictions.error:
        return []
    return [finding("log-unreadable", "predictions", 1, snapshot.predictions.error.rstrip("."))]


def _nothing_matured(snapshot: Snapshot) -> Finding:
    """The finding that less than a block has come in. It says when there will be enough."""
    noun, last = snapshot.panel.frequency.noun, snapshot.panel.cutoff
    if not snapshot.kept:
        text = "no forecast has been kept yet; the next one that is made will be (foresell forecast)"
        return finding("nothing-matured", "forecasts", 0, text)
    newest = snapshot.kept[-1]
    enough = snapshot.due(newest)
    if last < enough:
        text = f"sales are known up to {last}; the forecast of {newest.cutoff} can be judged when those of {enough} are"
    else:
        text = (
            f"fewer than {snapshot.size} {noun}s that were forecast are among the newest, or their sales are not known"
        )
    return finding("nothing-matured", "forecasts", 0, text)
