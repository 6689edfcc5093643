"""Retraining: a challenger is trained where there is a reason, and the gate decides whether it becomes champion.

A retraining has one or more of these reasons:

| kind | reason |
|---|---|
| first | there is no champion |
| finding | monitoring has a finding that a new training may mend (`monitor.codes.RETRAIN_CODES`), as severe as |
| | `monitoring.retrain_on` or more; wrong data and missing forecasts are not among these |
| age | there are `monitoring.max_age` days of sales or more since the last day that the champion learnt from |
| schedule | there are `monitoring.every` days of sales since the last day that any judged version learnt from |
| now | a person asks for it, with a reason in words |

Days are counted in the data, not by the clock: without new sales there is nothing to learn. For `PATIENCE` days after
a retraining no reason counts. A reason for which a version was trained and promoted counts again only when all days in
the window of monitoring are later than that training.

A finding may be a false alarm; `monitoring.false_alarms` is how often one look raises one. A false alarm costs a
training, and the gate decides on that version as on any other.

The results of each step are kept when it is done, a version is registered and judged once, and only one process at a
time works on a project. So a retraining can be repeated at any time, also after it was killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from foresell.core.errors import StoreError
from foresell.core.finding import Finding, Severity
from foresell.core.frequency import calendar_day, date_of_text
from foresell.core.words import listed, many
from foresell.monitor import codes
from foresell.pipeline.lifecycle.comparison import DATA_LAST
from foresell.pipeline.lifecycle.promotion import Decision, promote, registry_for
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import RegisterSummary
from foresell.registry.champion_changes import PROMOTED, REFUSED, ROLLED_BACK, ChampionChange
from foresell.registry.versions import Registry, Version

PATIENCE = 7
"""The days of new sales after a retraining in which no reason counts, whatever was decided."""

FIRST, FINDING, AGE, SCHEDULE, NOW = "first", "finding", "age", "schedule", "now"


@dataclass(frozen=True)
class Reason:
    """A reason for a retraining: its kind, the `key` that identifies it in records, and its text."""

    kind: str
    key: str
    text: str


@dataclass(frozen=True)
class Retraining:
    """The outcome: the reasons for a retraining, and the decision; without a decision `why` says why none was made."""

    reasons: tuple[Reason, ...]
    decision: Decision | None = None
    why: str = ""

    @property
    def findings(self) -> list[Finding]:
        """The decision as a finding, which alerts can send."""
        change = None if self.decision is None else self.decision.change
        if change is None:
            return []
        reasons = listed([reason.text for reason in self.reasons])
        code = "challenger-refused" if change.verdict == REFUSED else "challenger-promoted"
        return [
            codes.finding(code, f"version {change.version}", 1, f"{change.reason}. It was trained because {reasons}")
        ]

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data, for JSON."""
        return {
            "done": self.decision is not None,
            "why": self.why,
            "reasons": [{"kind": reason.kind, "text": reason.text} for reason in self.reasons],
            "decision": None if self.decision is None else self.decision.to_dict(),
        }


def retrain(project: Project, *, now: str | None = None) -> Retraining:
    """Reads the data again and, where there is a reason, trains a challenger and has it judged.

    `now` is a reason in words, which counts always. Raises whatever stops a step, such as FindingsStop for data that
    cannot be used; UsageError where tracking is switched off or another run is at work; and StoreError where the
    registry does not take the model.
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        project.run("check")
        situation = Situation.of(project, registry)
        findings = _retraining_findings(project) if now is None and situation.champion is not None else []
        reasons = tuple(situation.reasons(findings)) if now is None else (Reason(NOW, NOW, now),)
        open_reasons = situation.open_reasons(reasons)
        if not open_reasons:
            return Retraining(reasons, why=situation.why_not(reasons))
        version = _train(project)
        why_settled = situation.why_settled(version)
        if why_settled:
            return Retraining(reasons, why=why_settled)
        decision = promote(project, version, trained_for=[reason.key for reason in open_reasons])
        retraining = Retraining(open_reasons, decision)
    _send_alerts(project, retraining)
    return retraining


def retraining_findings(findings: Sequence[Finding], severity: str) -> list[Finding]:
    """The findings that are a reason for a training: it may mend them, and they are of `severity` or worse.

    `severity` is ``warning``, ``error`` or, for none of them, ``never``.
    """
    if severity == "never":
        return []
    rank = list(Severity)
    enough = rank[: rank.index(Severity(severity)) + 1]
    return [finding for finding in findings if finding.code in codes.RETRAIN_CODES and finding.severity in enough]


def _retraining_findings(project: Project) -> list[Finding]:
    """The findings of monitoring that are a reason for a training."""
    from foresell.pipeline.monitoring.monitor import monitor

    return retraining_findings(monitor(project).findings, project.settings.monitoring.retrain_on)


@dataclass(frozen=True)
class Situation:
    """What reasons are judged by: the last day of the sales, the versions, the champion, and the decisions so far.

    `window_days` is the number of days in the window of monitoring; `max_age` and `every` are settings of it.
    """

    last: date
    versions: Sequence[Version]
    champion: Version | None
    history: Sequence[ChampionChange]
    window_days: int
    max_age: int
    every: int | None

    @classmethod
    def of(cls, project: Project, registry: Registry) -> Situation:
        rules = project.settings.monitoring
        versions, history = registry.versions(), registry.history()
        champion = next((version for version in versions if version.champion), None)
        return cls(
            calendar_day(project.panel.cutoff), versions, champion, history, rules.days, rules.max_age, rules.every
        )

    def reasons(self, findings: Sequence[Finding]) -> Iterator[Reason]:
        """All reasons for a retraining; `findings` are those of `retraining_findings`."""
        if self.champion is None:
            yield Reason(FIRST, FIRST, "there is no champion yet")
            return
        for finding in findings:
            key = f"{finding.code} in {finding.where}"
            yield Reason(FINDING, key, f"{key}: {finding.message}")
        learnt = _last_day(self.champion)
        if learnt is not None and self._days_since(learnt) >= self.max_age:
            text = f"version {self.champion.number} learnt from sales until {self._age(learnt)}"
            yield Reason(AGE, AGE, f"{text} ('monitoring.max_age': {self.max_age})")
        judged = {change.version for change in self.history} | {self.champion.number}
        learnt_days = [_last_day(version) for version in self.versions if version.number in judged]
        days = [day for day in learnt_days if day is not None]
        if self.every is not None and days and self._days_since(max(days)) >= self.every:
            text = f"the last training that was judged learnt from sales until {self._age(max(days))}"
            yield Reason(SCHEDULE, SCHEDULE, f"{text} ('monitoring.every': {self.every})")

    def open_reasons(self, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        """The reasons for which there was no retraining lately."""
        last = self._last_retraining()
        return tuple(
            reason
            for reason in reasons
            if reason.kind == NOW or last is None or self.last >= self._counts_from(reason, last)
        )

    def why_not(self, reasons: Sequence[Reason]) -> str:
        """Why there is no retraining, where no reason is open."""
        last = self._last_retraining()
        if not reasons or last is None:
            return f"there is no reason to: {self._fresh()}"
        again = min(self._counts_from(reason, last) for reason in reasons)
        texts = listed([reason.text for reason in reasons])
        return (
            f"{texts}; but version {last.version} was trained lately and {last.verdict}, so that this counts again "
            f"when there are sales of {again}"
        )

    def why_settled(self, version: str) -> str:
        """Why `version` is not judged: it is the champion, or was judged against it. Empty where it is to be judged."""
        same = f"data and settings are those of version {version}, which"
        if self.champion is not None and self.champion.number == version:
            return f"{same} is the champion"
        champion = None if self.champion is None else self.champion.number
        for change in reversed(self.history):
            if change.verdict == ROLLED_BACK and change.before == version:
                return f"{same} was rolled back on {change.when:%Y-%m-%d}"
            if change.verdict == REFUSED and (change.version, change.before) == (version, champion):
                return f"{same} was refused on {change.when:%Y-%m-%d}: {change.reason}"
        return ""

    def _last_retraining(self) -> ChampionChange | None:
        """The decision on the last version that was trained for a reason."""
        return next((change for change in reversed(self.history) if change.asked), None)

    def _counts_from(self, reason: Reason, last: ChampionChange) -> date:
        """The day of sales from which the reason counts again, after the `last` retraining and those before it."""
        learnt = {version.number: _last_day(version) for version in self.versions}
        promoted_for = [
            change.version for change in self.history if change.verdict == PROMOTED and reason.key in change.asked
        ]
        waits = [(last.version, PATIENCE), *((version, self.window_days) for version in promoted_for)]
        days = [day + timedelta(days=wait) for version, wait in waits if (day := learnt.get(version)) is not None]
        return max(days, default=date.min)

    def _fresh(self) -> str:
        assert self.champion is not None  # a missing champion is a reason
        learnt = _last_day(self.champion)
        schedule = "" if self.every is None else f", trained every {self.every}"
        age = "" if learnt is None else f" learnt from sales until {self._age(learnt)}, and"
        return f"version {self.champion.number}{age} may be {self.max_age} days old{schedule}; no finding is a reason"

    def _days_since(self, learnt: date) -> int:
        return (self.last - learnt).days

    def _age(self, learnt: date) -> str:
        days = self._days_since(learnt)
        return f"{learnt}, {many(days, 'day')} before the last" if days else f"{learnt}, the last day"


def _last_day(version: Version) -> date | None:
    """The last day that a version learnt from."""
    text = version.tags.get(DATA_LAST)
    return calendar_day(date_of_text(text)) if text else None


def _train(project: Project) -> str:
    """Trains and registers a challenger; returns its version."""
    project.run("register")
    registered = project.results.summary(RegisterSummary)
    if not registered.recorded:
        raise StoreError(f"The challenger is trained, but it could not be registered. {registered.why}")
    return str(registered.version)


def _send_alerts(project: Project, retraining: Retraining) -> None:
    """Sends the decision to the receivers of alerts."""
    from foresell.monitor.alerts.delivery import send_alerts

    send_alerts(retraining.findings, project.settings.monitoring.alerts, project.folder, about="retrain")
