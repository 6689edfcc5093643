"""The message to a receiver: which findings are new, which are worse, which are unchanged, and which are over.

Each receiver has a memory of the findings that it knows. A finding is identified by its reporter, its code and its
place, but not by its figures, which change a little from day to day. A message is due when something has changed, or
when an open finding was last sent long ago. It then shows all open findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from foresell.core.finding import Finding, Severity, worst_first

MOST_MISSED = 100  # findings that are kept for a receiver that cannot be reached
LONGEST, LONGEST_EXAMPLE, MOST_EXAMPLES = 2000, 300, 5  # characters of a message, characters of an example; examples
GROWTH = 2  # a finding is worse when its count has grown to so many times the count that was sent

Key = tuple[str, str, str]


class Novelty(StrEnum):
    """Why a finding is in a message. An unchanged one is there only so that the message is complete."""

    NEW = "new"
    WORSE = "worse"
    AGAIN = "again"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class KnownFinding:
    """A finding as a receiver knows it: its severity and count when it was last sent (`told`), and `since` when it is
    open.

    `about` names its reporter, such as ``monitor``; another reporter does not end it. ``alerts.json`` has these names.
    """

    about: str
    code: str
    where: str
    severity: Severity
    count: int
    since: datetime
    told: datetime

    @property
    def key(self) -> Key:
        return self.about, self.code, self.where


@dataclass(frozen=True)
class MissedFinding:
    """A finding of the time `found` whose message could not be delivered. ``alerts.json`` has these names."""

    about: str
    finding: Finding
    found: datetime

    @property
    def key(self) -> Key:
        return self.about, self.finding.code, self.finding.where


@dataclass(frozen=True)
class Memory:
    """The findings that one receiver knows, and those that it missed."""

    told: tuple[KnownFinding, ...] = ()
    missed: tuple[MissedFinding, ...] = ()


@dataclass(frozen=True)
class AlertItem:
    """A finding in a message, why it is there, and since when it is open."""

    finding: Finding
    news: Novelty
    since: datetime


@dataclass(frozen=True)
class AlertMessage:
    """The message to one receiver at `when`, about the findings of the reporter `about` in `project`.

    - `items`: the findings of now, worst first.
    - `missed`: earlier findings that could not be delivered and are not among the items.
    - `over`: findings that the receiver knows and that no longer exist.
    - `link`: where to read more, if anywhere. `trial`: the message only tests whether it arrives.
    - `whole`: whether everything was checked, so that a finding that is not among the items is over.
    """

    project: str
    about: str
    when: datetime
    items: tuple[AlertItem, ...] = ()
    missed: tuple[MissedFinding, ...] = ()
    over: tuple[KnownFinding, ...] = ()
    link: str = ""
    trial: bool = False
    whole: bool = True

    @property
    def due(self) -> bool:
        """Whether there is anything to send."""
        changed = any(item.news != Novelty.UNCHANGED for item in self.items)
        return self.trial or changed or bool(self.missed or self.over)


@dataclass(frozen=True)
class AlertRules:
    """Findings of `severity` or worse are sent, and sent again after `again_days` days without a change."""

    severity: Severity = Severity.WARNING
    again_days: int = 7


def compose(
    findings: Iterable[Finding],
    memory: Memory,
    rules: AlertRules,
    now: datetime,
    *,
    project: str,
    about: str = "monitor",
    link: str = "",
    whole: bool = True,
) -> AlertMessage:
    """The message to a receiver with this `memory`, from all findings of the reporter `about`. See whether it is `due`.

    A finding that `about` reported before and does not report now is over; one of severity info is forgotten instead.
    With `whole` False nothing is over, because not everything was checked, for example where the data stopped the run.

    >>> from datetime import UTC, timedelta
    >>> day = datetime(2026, 11, 20, tzinfo=UTC)
    >>> worse = Finding("accuracy-worse", Severity.WARNING, "store 1", 40, "the error has doubled")
    >>> first = compose([worse], Memory(), AlertRules(), day, project="shop")
    >>> first.due, first.items[0].news.value
    (True, 'new')
    >>> memory = remember(Memory(), first, delivered=True)
    >>> compose([worse], memory, AlertRules(), day + timedelta(days=1), project="shop").due
    False
    >>> compose([], memory, AlertRules(), day + timedelta(days=1), project="shop").over[0].code
    'accuracy-worse'
    """
    merged = [_merged(same) for same in _by_place(findings)]
    known = {entry.key for entry in memory.told}
    current = {(about, finding.code, finding.where) for finding in merged}
    return AlertMessage(
        project,
        about,
        now,
        tuple(_items(merged, memory, rules, about, now)),
        tuple(entry for entry in memory.missed if entry.key not in current and entry.key not in known),
        tuple(
            entry
            for entry in memory.told
            if whole and _ended(entry, about, current) and entry.severity != Severity.INFO
        ),
        link,
        whole=whole,
    )


def remember(memory: Memory, message: AlertMessage, *, delivered: bool) -> Memory:
    """The receiver's memory after `message`, which was delivered or not.

    For a message that was not due, `delivered` is False; then only findings of severity info that ended are forgotten.
    """
    known = {entry.key: entry for entry in memory.told}
    current = {(message.about, item.finding.code, item.finding.where) for item in message.items}
    for entry in memory.told:
        if message.whole and entry.severity == Severity.INFO and _ended(entry, message.about, current):
            del known[entry.key]
    if not delivered:
        undelivered = [_missed(message, item) for item in message.items if item.news in (Novelty.NEW, Novelty.WORSE)]
        missed = {entry.key: entry for entry in (*memory.missed, *undelivered)}
        return Memory(tuple(known.values()), _worst(missed.values()))
    for entry in message.over:
        known.pop(entry.key, None)
    for earlier in message.missed:
        if earlier.about != message.about:  # its own reporter will report when it is over
            known[earlier.key] = _told(earlier.about, earlier.finding, earlier.found, message.when)
    for item in message.items:
        entry = _told(message.about, item.finding, item.since, message.when)
        known[entry.key] = entry
    return Memory(tuple(known.values()))


def _items(
    findings: Iterable[Finding], memory: Memory, rules: AlertRules, about: str, now: datetime
) -> Iterator[AlertItem]:
    """The findings that are severe enough, worst first, each compared with what the receiver knows."""
    known = {entry.key: entry for entry in memory.told}
    missed = {entry.key: entry for entry in memory.missed}
    severe = (finding for finding in findings if _rank(finding.severity) <= _rank(rules.severity))
    for finding in worst_first(severe):
        key = (about, finding.code, finding.where)
        before, undelivered = known.get(key), missed.get(key)
        since = before.since if before else undelivered.found if undelivered else now
        yield AlertItem(finding, _news(finding, before, rules, now), since)


def _news(finding: Finding, before: KnownFinding | None, rules: AlertRules, now: datetime) -> Novelty:
    if before is None:
        return Novelty.NEW
    if _rank(finding.severity) < _rank(before.severity) or finding.count >= GROWTH * max(before.count, 1):
        return Novelty.WORSE
    # Days are counted by date, so that a nightly run which begins some seconds earlier than last week's sends it too.
    return Novelty.AGAIN if (now.date() - before.told.date()).days >= rules.again_days else Novelty.UNCHANGED


def _by_place(findings: Iterable[Finding]) -> Iterable[list[Finding]]:
    """Lists of findings with the same code and place, which are remembered as one."""
    places: dict[tuple[str, str], list[Finding]] = {}
    for finding in map(_sanitized, findings):
        places.setdefault((finding.code, finding.where), []).append(finding)
    return places.values()


def _sanitized(finding: Finding) -> Finding:
    """The finding with texts that are not too long and can be encoded as UTF-8."""

    def plain(text: str, longest: int) -> str:
        return text[:longest].encode("utf-8", "replace").decode()

    return replace(
        finding,
        code=plain(finding.code, LONGEST_EXAMPLE),
        where=plain(finding.where, LONGEST_EXAMPLE),
        message=plain(finding.message, LONGEST),
        examples=tuple(plain(example, LONGEST_EXAMPLE) for example in finding.examples[:MOST_EXAMPLES]),
        advice=plain(finding.advice, LONGEST),
    )


def _merged(same: Sequence[Finding]) -> Finding:
    """One finding for several with the same code and place: the worst of them, with the counts and examples of all."""
    first = worst_first(same)[0]
    if len(same) == 1:
        return first
    examples = tuple(dict.fromkeys(text for finding in same for text in finding.examples))
    return replace(first, count=sum(finding.count for finding in same), examples=examples[:MOST_EXAMPLES])


def _ended(known: KnownFinding, about: str, current: set[Key]) -> bool:
    return known.about == about and known.key not in current


def _told(about: str, finding: Finding, since: datetime, now: datetime) -> KnownFinding:
    return KnownFinding(about, finding.code, finding.where, finding.severity, finding.count, since, now)


def _missed(message: AlertMessage, item: AlertItem) -> MissedFinding:
    return MissedFinding(message.about, item.finding, item.since if item.news == Novelty.NEW else message.when)


def _worst(missed: Iterable[MissedFinding]) -> tuple[MissedFinding, ...]:
    """The `MOST_MISSED` worst, of equal severity the newest; oldest first."""
    worst = sorted(missed, key=lambda entry: (_rank(entry.finding.severity), -entry.found.timestamp()))[:MOST_MISSED]
    return tuple(sorted(worst, key=lambda entry: entry.found))


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)
