"""What `foresell monitor` does: fresh sales in, forecasts held against them, and what is wrong told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import FindingsStop, ForesellError, UsageError
from foresell.core.finding import Finding, Severity, errors, worst_first
from foresell.monitor import findings
from foresell.monitor.accuracy import ALL, LEVEL
from foresell.monitor.alerts.sending import Sent
from foresell.monitor.baseline import Baseline
from foresell.monitor.codes import finding
from foresell.monitor.drift.detection import Drifted
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.monitoring.drift import champion_panel, drift_of, write_drift
from foresell.pipeline.monitoring.page import shown, shown_stopped
from foresell.pipeline.monitoring.retention import prune
from foresell.pipeline.monitoring.snapshot import BASELINE, Watch
from foresell.pipeline.project import Project
from foresell.pipeline.results import read_findings
from foresell.pipeline.task import write_json
from foresell.report.monitor_contents import Watched
from foresell.report.page import render_watched
from foresell.store.tables import beside, write_table

PAGE = "monitor.html"


@dataclass(frozen=True)
class Monitored:
    """What came of monitoring: `findings`, the worst first; the `tables` ``accuracy``, ``by_day`` and ``by_week``;
    `summary`, plain data. All of it is in `folder` too, and on a `page`. `sent` is what became of the alerts."""

    folder: Path
    findings: tuple[Finding, ...]
    summary: dict[str, Any]
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    sent: tuple[Sent, ...] = ()

    @property
    def page(self) -> Path:
        """What a planner reads of it, as one HTML page."""
        return self.folder / PAGE

    @property
    def stopped(self) -> bool:
        """Whether the data stopped the work, so that nothing was judged."""
        return "stopped" in self.summary

    @property
    def severe(self) -> bool:
        """Whether a finding is an error."""
        return bool(errors(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, for JSON."""
        return {
            "folder": str(self.folder),
            "page": str(self.page),
            "findings": [each.to_dict() for each in self.findings],
            **self.summary,
        } | {"alerts": [asdict(each) for each in self.sent]}


def monitor(project: Project, *, baseline: bool = False) -> Monitored:
    """Reads the newest sales, holds the forecasts against them, and writes ``results/monitor/`` and the history.

    With `baseline` the figures of now are kept as the baseline: what is like them later raises no alarm. Once more with
    the same sales changes nothing. Data that cannot be used are findings like others.

    Raises UsageError where another run is at work, or there is nothing to keep as a baseline.
    """
    with project.locked():
        try:
            project.run("check")
        except FindingsStop as stop:
            return _stopped(project, stop)
        watch = Watch(project)
        watch.tell(0, "what has come in")
        made = _concluded(watch, _drift_of_inputs(watch))
        if baseline:
            _keep_baseline(watch)
    return made


def _stopped(project: Project, stop: FindingsStop) -> Monitored:
    """What is left to say where the data stop the work."""
    found = tuple(worst_first(stop.findings))
    summary: dict[str, Any] = {
        "as_of": None,
        "stopped": str(stop),
        "judged": None,
        "figures": [],
        "checks": [],
        "drift": None,
    }
    made = Monitored(project.results.folder(MONITOR), found, summary)
    write_drift(str(stop), made.folder)
    _write(made, shown_stopped(project, str(stop), found))
    return _told(project, made, whole=False)


def _concluded(watch: Watch, inputs: Drifted | str) -> Monitored:
    """Everything found, written to the project and told."""
    prune(watch)
    drifted = () if isinstance(inputs, str) else inputs.findings
    accuracy, data = worst_first(_accuracy_findings(watch)), worst_first(_data_findings(watch))
    found = tuple(worst_first([*data, *accuracy, *drifted]))
    of_inputs = {"why": inputs} if isinstance(inputs, str) else {"share": inputs.share, "removed": inputs.removed}
    tables = {"accuracy": watch.figures, "by_day": watch.newest, "by_week": watch.weeks}
    made = Monitored(watch.folder, found, _summary(watch) | {"inputs": of_inputs}, tables)
    _write(made, shown(watch, accuracy, data, inputs))
    watch.tell(3.5, "the history")
    as_of = pl.lit(watch.panel.cutoff).alias("as_of")
    rows = [{**each.to_dict(), "examples": "; ".join(each.examples)} for each in found]
    schema = {"code": pl.String, "severity": pl.String, "where": pl.String, "count": pl.Int64, "message": pl.String}
    table = pl.DataFrame(rows, schema=schema | {"examples": pl.String, "advice": pl.String}, orient="row")
    watch.history.replace("findings", table.select(as_of, pl.all()), "as_of", watch.panel.cutoff)
    return _told(watch.project, made)


def _write(made: Monitored, page: Watched) -> None:
    made.folder.mkdir(parents=True, exist_ok=True)
    for name, table in made.tables.items():
        write_table(table, made.folder / f"{name}.parquet")
    for name, content in (("findings", [each.to_dict() for each in made.findings]), ("summary", made.summary)):
        with beside(made.folder / f"{name}.json") as place:
            write_json(place, content)
    with beside(made.page) as place:
        place.write_text(render_watched(page), encoding="utf-8")


def _told(project: Project, made: Monitored, whole: bool = True) -> Monitored:
    """Tells those who are to be told all findings, and where the look is `whole`, what is over."""
    from foresell.monitor.alerts.delivery import tell

    sent = tell(made.findings, project.settings.monitoring.alerts, project.folder, whole=whole)
    return replace(made, sent=tuple(sent))


def _drift_of_inputs(watch: Watch) -> Drifted | str:
    """Drift of inputs and of the newest predictions; why it was not looked for where that cannot be."""
    watch.tell(2, "drift of inputs and predictions")
    found: Drifted | str
    try:
        found = drift_of(watch.results, watch.choice, champion_panel(watch.results, watch.choice))
    except ForesellError as error:
        found = str(error)
    write_drift(found, watch.folder)
    return found


def _keep_baseline(watch: Watch) -> None:
    """Keeps the figures of now as the baseline. Raises UsageError where nothing is judged."""
    if watch.judged is None or not watch.checks:
        raise UsageError(
            f"There is nothing to keep as a baseline: no forecast has {watch.size} {watch.panel.frequency.noun}s whose "
            "sales have come in. Run it again later."
        )
    made = Baseline.of(watch.checks, watch.panel.cutoff, watch.called(watch.judged.kept.model))
    with beside(watch.folder / BASELINE) as place:
        write_json(place, made.to_dict())


def _data_findings(watch: Watch) -> list[Finding]:
    """What reading and validation found in the newest data; remarks are left to `check`."""
    found = [each for each in read_findings(watch.results.folder("check")) if each.severity != Severity.INFO]
    emptied = findings.emptied_finding(
        watch.emptied, f"in the {watch.size} {watch.panel.frequency.noun}s to {watch.panel.cutoff}"
    )
    return [*found, *([emptied] if emptied else [])]


def _accuracy_findings(watch: Watch) -> list[Finding]:
    """What the forecasts held against the sales show."""
    found = [*_unforecast_days(watch), *_trouble(watch)]
    if watch.judged is None:
        return [*found, _nothing(watch)]
    kept, strange = watch.judged.kept, watch.judged.unforecast
    if strange:
        text = f"{len(strange)} series sold that the forecast of {kept.cutoff} does not have"
        found.append(finding("forecasts-missing", "series", len(strange), text, strange))
    about = f"version {watch.called(kept.model)}, forecast of {kept.cutoff}"
    found += findings.findings(watch.checks, about, watch.judged.worst)
    if watch.reference is not None:
        found += findings.few_windows(watch.reference, watch.checks)
    slow = None if watch.drift is None else findings.drift_finding(watch.drift, "the forecasts in use")
    return [*found, *([slow] if slow else [])]


def _unforecast_days(watch: Watch) -> list[Finding]:
    """Days that sold and had no forecast, since forecasts are kept."""
    if not watch.kept:
        return []
    days = watch.panel.dates[watch.first : watch.panel.n_days].astype(object).tolist()
    covered = set(watch.newest["date"])
    missing = [day for day in days if day > watch.kept[0].cutoff and day not in covered]
    if not missing:
        return []
    noun = watch.panel.frequency.noun
    text = f"{len(missing)} of the newest {len(days)} {noun}s had no forecast, the last of them {missing[-1]}"
    return [finding("forecasts-missing", "days", len(missing), text, missing[::-1])]


def _trouble(watch: Watch) -> list[Finding]:
    """Says so where the log of predictions cannot be read."""
    if not watch.answered.trouble:
        return []
    return [finding("log-unreadable", "predictions", 1, watch.answered.trouble.rstrip("."))]


def _nothing(watch: Watch) -> Finding:
    """What has come in is less than a block: says when there will be enough."""
    noun, last = watch.panel.frequency.noun, watch.panel.cutoff
    if not watch.kept:
        text = "no forecast has been kept yet; the next one that is made will be (foresell forecast)"
        return finding("nothing-matured", "forecasts", 0, text)
    newest = watch.kept[-1]
    enough = watch.due(newest)
    if last < enough:
        text = f"sales are known up to {last}; the forecast of {newest.cutoff} can be judged when those of {enough} are"
    else:
        text = f"fewer than {watch.size} {noun}s that were forecast are among the newest, or their sales are not known"
    return finding("nothing-matured", "forecasts", 0, text)


def _summary(watch: Watch) -> dict[str, Any]:
    """What was judged and what came of it, as plain data; says nothing of when it was done."""
    of = watch.settings.monitoring
    return {
        "as_of": watch.panel.cutoff.isoformat(),
        "days": of.days,
        "false_alarms": of.false_alarms,
        "judged": _judged(watch),
        "figures": _headline(watch),
        "checks": [each.to_dict() for each in watch.checks],
        "drift": _drift(watch),
        "baseline": None if watch.baseline is None else watch.baseline.as_of.isoformat(),
        "asked": {"answers": watch.answered.daily.height, "left_out": watch.answered.others},
        "forecasts_kept": len(watch.kept),
    }


def _judged(watch: Watch) -> dict[str, Any] | None:
    """Which forecast was judged, by which days, and what tells what is usual."""
    if watch.judged is None:
        return None
    kept, own = watch.judged.kept, watch.own(watch.judged).filter(pl.col("points") > 0)
    return {
        "version": watch.called(kept.model),
        "model": kept.model,
        "cutoff": kept.cutoff.isoformat(),
        "first": own["date"].min(),
        "last": own["date"].max(),
        "newest": kept == watch.kept[-1],
        "windows": None if watch.reference is None else watch.reference.windows,
    }


def _headline(watch: Watch) -> list[dict[str, Any]]:
    """The figures of the judged forecast by level, beside those of its backtest."""
    if watch.judged is None:
        return []
    mine = ("wape", "bias", "rmsse", "coverage", "value_added")
    names = (*mine, *(f"{name}_backtest" for name in mine if name != "rmsse"))
    kept = watch.judged.kept
    rows = watch.figures.filter(
        (pl.col("model") == kept.model) & (pl.col("cutoff") == kept.cutoff) & (pl.col("part") == LEVEL)
    )
    return rows.filter(pl.col("name") == ALL).select(pl.col("of").alias("level"), "days", *names).to_dicts()


def _drift(watch: Watch) -> dict[str, Any] | None:
    """The weeks that slow drift is looked for in."""
    found = watch.drift
    if found is None:
        return None
    weeks = [
        {"first": week.first, "last": week.last, "cutoff": week.cutoff, "lean": week.lean, "sum": total, "limit": limit}
        for week, total, limit in zip(found.weeks, found.sums, found.limits, strict=True)
    ]
    return {"since": found.since, "weeks": weeks}
