"""Keeps the champion fresh: trains a challenger when something asks for it, and lets the gate decide.

What asks for it:

- first: there is no champion yet.
- finding: monitoring found what a new training may mend (`monitor.codes.RETRAIN_CODES`), as severe as
  `monitoring.retrain_on` asks for, or more. Data that are wrong and forecasts that were not made are no such thing.
- age: the sales have gone on for `monitoring.max_age` days since the last one that the champion learnt from.
- schedule: for `monitoring.every` days since the last one that any version learnt from which was judged.
- now: somebody does, and says why.

Days are those of the data, not of the clock: without new sales there is nothing to learn. After a retraining, whatever
it came to, nothing asks for `PATIENCE` days; and where it was promoted, what it was trained for does not ask before all
the days that monitoring looks at are later than it.

A finding may be a false alarm: `monitoring.false_alarms` is how often a look raises one. It costs a training, and the
gate decides on that as on any other.

Each step is kept when it is done, a version is registered and judged once, and only one process at a time is let in. So
it may be run again at any time, and after it was killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from foresell.core.errors import StoreError
from foresell.core.finding import Finding, Severity
from foresell.core.words import listed, many
from foresell.monitor.codes import RETRAIN_CODES, finding
from foresell.pipeline.comparison import DATA_LAST
from foresell.pipeline.project import Project
from foresell.pipeline.promotion import Decision, promote, registry_for
from foresell.pipeline.summaries import RegisterSummary
from foresell.registry.versions import PROMOTED, REFUSED, ROLLED_BACK, Change, Registry, Version

PATIENCE = 7
"""Days of new sales that are waited for after a retraining, whatever it came to."""

FIRST, FINDING, AGE, SCHEDULE, NOW = "first", "finding", "age", "schedule", "now"


@dataclass(frozen=True)
class Reason:
    """What asks for a retraining: its kind, what tells it from others in records, and in words."""

    kind: str
    key: str
    text: str


@dataclass(frozen=True)
class Retrained:
    """What came of it: `reasons` are what asks for it; without a `decision` nothing was done, and `why` says so.

    `findings` tell of it as monitoring tells of what it sees.
    """

    reasons: tuple[Reason, ...]
    decision: Decision | None = None
    why: str = ""

    @property
    def findings(self) -> list[Finding]:
        made = None if self.decision is None else self.decision.change
        if made is None:
            return []
        asked = listed([each.text for each in self.reasons])
        code = "challenger-refused" if made.verdict == REFUSED else "challenger-promoted"
        return [finding(code, f"version {made.version}", 1, f"{made.reason}. It was trained because {asked}")]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return {
            "done": self.decision is not None,
            "why": self.why,
            "reasons": [{"kind": each.kind, "text": each.text} for each in self.reasons],
            "decision": None if self.decision is None else self.decision.to_dict(),
        }


def retrain(project: Project, *, now: str | None = None) -> Retrained:
    """Reads the data again and, where something asks for it, trains a challenger and has it judged.

    `now` is a reason to do so whatever else asks for it. Raises what stops a step, among that FindingsStop for data
    that cannot be used; UsageError where tracking is switched off or another run is at work; and StoreError where the
    registry does not take the model.
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        project.run("check")
        situation = Situation.of(project, registry)
        found = _found(project) if now is None and situation.champion is not None else []
        reasons = tuple(situation.reasons(found)) if now is None else (Reason(NOW, NOW, now),)
        open_ = situation.unanswered(reasons)
        if not open_:
            return Retrained(reasons, why=situation.nothing(reasons))
        version = _trained(project)
        settled = situation.settled(version)
        if settled:
            return Retrained(reasons, why=settled)
        decision = promote(project, version, asked=[each.key for each in open_])
        done = Retrained(open_, decision)
    _tell(project, done)
    return done


def asking(findings: Sequence[Finding], severity: str) -> list[Finding]:
    """Those of the findings that ask for a training: a new one may mend them, and they are of `severity` or worse.

    `severity` is ``warning``, ``error`` or, for none of them, ``never``.
    """
    if severity == "never":
        return []
    rank = list(Severity)
    enough = rank[: rank.index(Severity(severity)) + 1]
    return [each for each in findings if each.code in RETRAIN_CODES and each.severity in enough]


def _found(project: Project) -> list[Finding]:
    """What monitoring finds that asks for a training."""
    from foresell.pipeline.monitoring.monitor import monitor

    return asking(monitor(project).findings, project.settings.monitoring.retrain_on)


@dataclass(frozen=True)
class Situation:
    """How things stand: the last day of the sales, the versions, the champion, and what was decided so far.

    `looked_at` is how many days monitoring looks at, `max_age` and `every` are its settings.
    """

    last: date
    versions: Sequence[Version]
    champion: Version | None
    history: Sequence[Change]
    looked_at: int
    max_age: int
    every: int | None

    @classmethod
    def of(cls, project: Project, registry: Registry) -> Situation:
        rules = project.settings.monitoring
        versions, history = registry.versions(), registry.history()
        champion = next((each for each in versions if each.champion), None)
        return cls(project.panel.cutoff, versions, champion, history, rules.days, rules.max_age, rules.every)

    def reasons(self, findings: Sequence[Finding]) -> Iterator[Reason]:
        """All that asks for a retraining, `findings` being those that do (`asking`)."""
        if self.champion is None:
            yield Reason(FIRST, FIRST, "there is no champion yet")
            return
        for each in findings:
            yield Reason(FINDING, f"{each.code} in {each.where}", f"{each.code} in {each.where}: {each.message}")
        learnt = _last_day(self.champion)
        if learnt is not None and self._since(learnt) >= self.max_age:
            text = f"version {self.champion.number} learnt from sales until {self._told(learnt)}"
            yield Reason(AGE, AGE, f"{text} ('monitoring.max_age': {self.max_age})")
        judged = {each.version for each in self.history} | {self.champion.number}
        days = [day for each in self.versions if each.number in judged and (day := _last_day(each)) is not None]
        if self.every is not None and days and self._since(max(days)) >= self.every:
            text = f"the last training that was judged learnt from sales until {self._told(max(days))}"
            yield Reason(SCHEDULE, SCHEDULE, f"{text} ('monitoring.every': {self.every})")

    def unanswered(self, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        """Those of the reasons that no retraining has answered lately."""
        answered = self._answered()
        return tuple(
            each for each in reasons if each.kind == NOW or answered is None or self.last >= self._asks(each, answered)
        )

    def nothing(self, reasons: Sequence[Reason]) -> str:
        """Why nothing is done, where no reason is left open."""
        answered = self._answered()
        if not reasons or answered is None:
            return f"nothing asks for it: {self._fresh()}"
        again = min(self._asks(each, answered) for each in reasons)
        asked = listed([each.text for each in reasons])
        return (
            f"{asked}; but version {answered.version} was trained lately and {answered.verdict}, so that this counts "
            f"again when there are sales of {again}"
        )

    def settled(self, version: str) -> str:
        """Why `version` is not judged: it is the champion, or it was judged against it; empty where it is to be."""
        same = f"data and settings are those of version {version}, which"
        if self.champion is not None and self.champion.number == version:
            return f"{same} is the champion"
        champion = None if self.champion is None else self.champion.number
        for each in reversed(self.history):
            if each.verdict == ROLLED_BACK and each.before == version:
                return f"{same} was taken back on {each.when:%Y-%m-%d}"
            if each.verdict == REFUSED and (each.version, each.before) == (version, champion):
                return f"{same} was refused on {each.when:%Y-%m-%d}: {each.reason}"
        return ""

    def _answered(self) -> Change | None:
        """The last retraining that came to a decision."""
        return next((each for each in reversed(self.history) if each.asked), None)

    def _asks(self, reason: Reason, answered: Change) -> date:
        """From which day of sales on the reason asks, after a retraining and those before it."""
        learnt = {each.number: _last_day(each) for each in self.versions}
        known = [each.version for each in self.history if each.verdict == PROMOTED and reason.key in each.asked]
        waits = [(answered.version, PATIENCE), *((version, self.looked_at) for version in known)]
        days = [day + timedelta(days=wait) for version, wait in waits if (day := learnt.get(version)) is not None]
        return max(days, default=date.min)

    def _fresh(self) -> str:
        assert self.champion is not None  # else that would ask
        learnt = _last_day(self.champion)
        schedule = "" if self.every is None else f", trained every {self.every}"
        told = "" if learnt is None else f" learnt from sales until {self._told(learnt)}, and"
        return f"version {self.champion.number}{told} may be {self.max_age} days old{schedule}; no finding asks for it"

    def _since(self, learnt: date) -> int:
        return (self.last - learnt).days

    def _told(self, learnt: date) -> str:
        days = self._since(learnt)
        return f"{learnt}, {many(days, 'day')} before the last" if days else f"{learnt}, the last day"


def _last_day(version: Version) -> date | None:
    """The last day that a version learnt from."""
    text = version.tags.get(DATA_LAST)
    return date.fromisoformat(text) if text else None


def _trained(project: Project) -> str:
    """Trains what is out of date, and registers it; its version."""
    project.run("register")
    registered = project.results.summary(RegisterSummary)
    if not registered.recorded:
        raise StoreError(f"The challenger is trained, but it could not be registered. {registered.why}")
    return str(registered.version)


def _tell(project: Project, done: Retrained) -> None:
    """Tells those who are to be alerted what was done."""
    from foresell.monitor.alerts.delivery import tell

    tell(done.findings, project.settings.monitoring.alerts, project.folder, about="retrain")
