"""What a receiver is to be told: what is new, what got worse, what still stands, what is over.

Each receiver has a memory of what it was told. A finding is known by who reports it, its code and where it is, not by
its figures, which move a little from day to day. So a message is due only when something has changed, or when what
stands was last told long ago; it then shows all that stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from foresell.core.finding import Finding, Severity, worst_first

MOST_MISSED = 100  # findings that are kept for a receiver that cannot be reached
LONGEST, LONGEST_EXAMPLE, MOST_EXAMPLES = 2000, 300, 5  # characters of a message, of an example; examples
GROWTH = 2  # times what was told: so large a count is told again

Key = tuple[str, str, str]


class News(StrEnum):
    """Why a finding is in a message: an unchanged one is there only to complete the picture."""

    NEW = "new"
    WORSE = "worse"
    AGAIN = "again"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Told:
    """A finding as a receiver knows it: how severe and wide it was when it was `told` last, and `since` when it stands.

    `about` names who reports it, such as ``monitor``: what another one reports does not end it.
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
class Missed:
    """A finding that a receiver should have been told of at `found`, and could not be."""

    about: str
    finding: Finding
    found: datetime

    @property
    def key(self) -> Key:
        return self.about, self.finding.code, self.finding.where


@dataclass(frozen=True)
class Memory:
    """What one receiver knows, and what it missed."""

    told: tuple[Told, ...] = ()
    missed: tuple[Missed, ...] = ()


@dataclass(frozen=True)
class Item:
    """A finding in a message, why it is there, and since when it is known."""

    finding: Finding
    news: News
    since: datetime


@dataclass(frozen=True)
class Message:
    """All that one receiver is to be told at `when` of `project` by `about`.

    - `items`: what is found now, worst first.
    - `missed`: what was found before, did not get through, and is not among the items.
    - `over`: what it was told of and is no longer found.
    - `link`: where to read more, if anywhere; `trial` says that it only tries out whether messages arrive.
    - `whole`: whether everything was looked at, so that what is not found is over.
    """

    project: str
    about: str
    when: datetime
    items: tuple[Item, ...] = ()
    missed: tuple[Missed, ...] = ()
    over: tuple[Told, ...] = ()
    link: str = ""
    trial: bool = False
    whole: bool = True

    @property
    def due(self) -> bool:
        """Whether there is anything to tell."""
        changed = any(item.news != News.UNCHANGED for item in self.items)
        return self.trial or changed or bool(self.missed or self.over)


@dataclass(frozen=True)
class Rules:
    """Findings of `severity` or worse are told, and again after `again_days` days without a change."""

    severity: Severity = Severity.WARNING
    again_days: int = 7


def compose(
    findings: Iterable[Finding],
    memory: Memory,
    rules: Rules,
    now: datetime,
    *,
    project: str,
    about: str = "monitor",
    link: str = "",
    whole: bool = True,
) -> Message:
    """The message to a receiver with this `memory`, given all that `about` finds `now`; see whether it is `due`.

    What `about` reported before and does not report now is over, except for mere information, which is forgotten; and
    not so if it did not get to the `whole` of what it looks at, as when the data stopped it.

    >>> from datetime import UTC, timedelta
    >>> day = datetime(2026, 11, 20, tzinfo=UTC)
    >>> worse = Finding("accuracy-worse", Severity.WARNING, "store 1", 40, "the error has doubled")
    >>> first = compose([worse], Memory(), Rules(), day, project="shop")
    >>> first.due, first.items[0].news.value
    (True, 'new')
    >>> memory = remember(Memory(), first, delivered=True)
    >>> compose([worse], memory, Rules(), day + timedelta(days=1), project="shop").due
    False
    >>> compose([], memory, Rules(), day + timedelta(days=1), project="shop").over[0].code
    'accuracy-worse'
    """
    found = [_whole(each) for each in _by_place(findings)]
    told = {each.key for each in memory.told}
    here = {(about, each.code, each.where) for each in found}
    return Message(
        project,
        about,
        now,
        tuple(_items(found, memory, rules, about, now)),
        tuple(each for each in memory.missed if each.key not in here and each.key not in told),
        tuple(each for each in memory.told if whole and _gone(each, about, here) and each.severity != Severity.INFO),
        link,
        whole=whole,
    )


def remember(memory: Memory, message: Message, *, delivered: bool) -> Memory:
    """What the receiver knows after `message`, which was delivered or could not be.

    A message that was not due is neither: give `delivered` as False, and only information that has ended is forgotten.
    """
    told = {each.key: each for each in memory.told}
    here = {(message.about, item.finding.code, item.finding.where) for item in message.items}
    for each in memory.told:
        if message.whole and each.severity == Severity.INFO and _gone(each, message.about, here):
            del told[each.key]
    if not delivered:
        lost = [_missed(message, item) for item in message.items if item.news in (News.NEW, News.WORSE)]
        kept = {each.key: each for each in (*memory.missed, *lost)}
        return Memory(tuple(told.values()), _bounded(kept.values()))
    for each in message.over:
        told.pop(each.key, None)
    for lost_before in message.missed:
        if lost_before.about != message.about:  # another one reports it, and will say when it is over
            told[lost_before.key] = _told(lost_before.about, lost_before.finding, lost_before.found, message.when)
    for item in message.items:
        entry = _told(message.about, item.finding, item.since, message.when)
        told[entry.key] = entry
    return Memory(tuple(told.values()))


def _items(found: Iterable[Finding], memory: Memory, rules: Rules, about: str, now: datetime) -> Iterator[Item]:
    """Those that are severe enough, worst first, each beside what the receiver knows of it."""
    told = {each.key: each for each in memory.told}
    missed = {each.key: each for each in memory.missed}
    for finding in worst_first(each for each in found if _rank(each.severity) <= _rank(rules.severity)):
        key = (about, finding.code, finding.where)
        before, lost = told.get(key), missed.get(key)
        since = before.since if before else lost.found if lost else now
        yield Item(finding, _news(finding, before, rules, now), since)


def _news(finding: Finding, before: Told | None, rules: Rules, now: datetime) -> News:
    if before is None:
        return News.NEW
    if _rank(finding.severity) < _rank(before.severity) or finding.count >= GROWTH * max(before.count, 1):
        return News.WORSE
    # Whole days: a nightly run that begins some seconds earlier than last week's tells it too.
    return News.AGAIN if (now.date() - before.told.date()).days >= rules.again_days else News.UNCHANGED


def _by_place(findings: Iterable[Finding]) -> Iterable[list[Finding]]:
    """Findings of one code in one place together, as they are remembered together."""
    places: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        tidy = _tidy(each)
        places.setdefault((tidy.code, tidy.where), []).append(tidy)
    return places.values()


def _tidy(finding: Finding) -> Finding:
    """The finding as it can be written anywhere: not too long, and nothing in it that UTF-8 cannot say."""

    def plain(text: str, longest: int) -> str:
        return text[:longest].encode("utf-8", "replace").decode()

    return replace(
        finding,
        code=plain(finding.code, LONGEST_EXAMPLE),
        where=plain(finding.where, LONGEST_EXAMPLE),
        message=plain(finding.message, LONGEST),
        examples=tuple(plain(each, LONGEST_EXAMPLE) for each in finding.examples[:MOST_EXAMPLES]),
        advice=plain(finding.advice, LONGEST),
    )


def _whole(same: Sequence[Finding]) -> Finding:
    """One finding for several of one code in one place: the worst, with the counts and examples of all."""
    first = worst_first(same)[0]
    if len(same) == 1:
        return first
    examples = tuple(dict.fromkeys(text for each in same for text in each.examples))
    return replace(first, count=sum(each.count for each in same), examples=examples[:MOST_EXAMPLES])


def _gone(told: Told, about: str, here: set[Key]) -> bool:
    return told.about == about and told.key not in here


def _told(about: str, finding: Finding, since: datetime, now: datetime) -> Told:
    return Told(about, finding.code, finding.where, finding.severity, finding.count, since, now)


def _missed(message: Message, item: Item) -> Missed:
    return Missed(message.about, item.finding, item.since if item.news == News.NEW else message.when)


def _bounded(missed: Iterable[Missed]) -> tuple[Missed, ...]:
    """The worst of them, of equal ones the newest, in the order in which they were found."""
    worst = sorted(missed, key=lambda each: (_rank(each.finding.severity), -each.found.timestamp()))[:MOST_MISSED]
    return tuple(sorted(worst, key=lambda each: each.found))


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)
