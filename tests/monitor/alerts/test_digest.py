"""What a receiver is to be told, given what it knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.finding import Finding, Severity
from foresell.monitor.alerts.digest import MOST_MISSED, AlertMessage, AlertRules, Memory, Novelty, compose, remember

DAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def found(code: str, where: str = "store 1", severity: Severity = WARNING, count: int = 10, **rest: object) -> Finding:
    return Finding(code, severity, where, count, f"{code} by {count}", **rest)  # type: ignore[arg-type]


class Receiver:
    """Goes through days: each is told what is found then, and whether that arrives."""

    def __init__(self, **rules: object):
        self.memory = Memory()
        self.rules = AlertRules(**rules)  # type: ignore[arg-type]
        self.message = AlertMessage("shop", "monitor", DAY)

    def day(
        self, number: float, *findings: Finding, arrives: bool = True, about: str = "monitor", whole: bool = True
    ) -> list[str]:
        """What the message of that day says, as ``news code``; empty where none is due."""
        now = DAY + timedelta(days=number)
        self.message = compose(findings, self.memory, self.rules, now, project="shop", about=about, whole=whole)
        self.memory = remember(self.memory, self.message, delivered=arrives and self.message.due)
        if not self.message.due:
            return []
        return [
            *(f"{item.news} {item.finding.code}" for item in self.message.items),
            *(f"missed {each.finding.code}" for each in self.message.missed),
            *(f"over {each.code}" for each in self.message.over),
        ]


def test_what_stands_is_told_once_and_again_after_a_week():
    receiver = Receiver()
    assert receiver.day(0, found("a")) == ["new a"]
    for day in range(1, 7):
        assert receiver.day(day, found("a", count=10 + day)) == []
    # A week later to the day, though the nightly run began a minute earlier.
    assert receiver.day(7 - 1 / 1440, found("a")) == ["again a"]
    assert receiver.day(13, found("a")) == []
    assert receiver.day(14, found("a")) == ["again a"]
    assert receiver.message.items[0].since == DAY


def test_what_gets_worse_is_told_with_all_that_stands():
    receiver = Receiver()
    receiver.day(0, found("a"), found("b"))
    assert receiver.day(1, found("a", severity=ERROR), found("b")) == ["worse a", "unchanged b"]
    assert receiver.day(2, found("a", severity=ERROR, count=19), found("b", count=19)) == []
    assert receiver.day(3, found("a", severity=ERROR), found("b", count=20)) == ["unchanged a", "worse b"]
    # It is compared with what was told last: 20.
    assert receiver.day(4, found("a", severity=ERROR), found("b", count=39)) == []
    assert receiver.day(5, found("a", severity=ERROR), found("b", count=40)) == ["unchanged a", "worse b"]


def test_what_comes_and_goes_in_severity_is_not_told_each_time():
    receiver = Receiver()
    receiver.day(0, found("a", severity=ERROR))
    for day, severity in enumerate((WARNING, ERROR, WARNING, ERROR), start=1):
        assert receiver.day(day, found("a", severity=severity)) == []


def test_what_is_over_is_told_once_and_new_when_it_is_back():
    receiver = Receiver()
    receiver.day(0, found("a"), found("b"))
    assert receiver.day(1, found("b")) == ["unchanged b", "over a"]
    assert receiver.day(2, found("b")) == []
    assert receiver.day(3) == ["over b"]
    assert receiver.day(4) == []
    assert receiver.memory == Memory()
    assert receiver.day(5, found("a")) == ["new a"]


def test_nothing_is_over_while_not_all_was_looked_at():
    receiver = Receiver(severity=INFO)
    receiver.day(0, found("a"), found("b", severity=INFO))
    stopped = found("no-sales", severity=ERROR)
    assert receiver.day(1, stopped, whole=False) == ["new no-sales"]
    assert receiver.day(2, stopped, whole=False) == []
    assert receiver.day(3, found("a"), found("b", severity=INFO)) == ["unchanged a", "unchanged b", "over no-sales"]


def test_another_place_is_another_finding():
    receiver = Receiver()
    receiver.day(0, found("a", "store 1"))
    assert receiver.day(1, found("a", "store 1"), found("a", "store 2")) == ["unchanged a", "new a"]


def test_findings_of_one_code_and_place_are_told_as_one():
    receiver = Receiver()
    two = [found("a", count=3, examples=("x",)), found("a", severity=ERROR, count=4, examples=("y", "x"))]
    assert receiver.day(0, *two) == ["new a"]
    finding = receiver.message.items[0].finding
    assert (finding.severity, finding.count, finding.examples) == (ERROR, 7, ("x", "y"))
    assert receiver.day(1, *two) == []


def test_only_what_is_severe_enough_is_told():
    receiver = Receiver(severity=WARNING)
    assert receiver.day(0, found("a", severity=INFO)) == []
    assert receiver.day(1, found("a", severity=WARNING)) == ["new a"]
    # It is still there, if hardly: it is not over before it is gone.
    assert receiver.day(2, found("a", severity=INFO)) == []
    assert receiver.day(3) == ["over a"]


def test_mere_information_is_told_once_and_never_over():
    receiver = Receiver(severity=INFO)
    assert receiver.day(0, found("promoted", "version 3", INFO)) == ["new promoted"]
    assert receiver.day(1) == []
    assert receiver.memory == Memory()
    assert receiver.day(2, found("promoted", "version 4", INFO)) == ["new promoted"]


def test_one_reporter_does_not_end_what_another_reports():
    receiver = Receiver()
    assert receiver.day(0, found("a")) == ["new a"]
    assert receiver.day(0, found("refused", "version 2"), about="retrain") == ["new refused"]
    assert receiver.day(1, found("a")) == []
    assert receiver.day(1, about="retrain") == ["over refused"]
    assert receiver.day(2) == ["over a"]


def test_what_did_not_arrive_is_told_the_next_time_though_it_is_gone():
    receiver = Receiver()
    assert receiver.day(0, found("a"), found("b"), arrives=False) == ["new a", "new b"]
    assert receiver.memory.told == ()
    assert receiver.day(1, found("b"), arrives=False) == ["new b", "missed a"]
    assert receiver.day(2, found("b")) == ["new b", "missed a"]
    assert receiver.message.items[0].since == DAY
    assert receiver.message.missed[0].found == DAY
    assert receiver.day(3, found("b")) == []


def test_what_another_missed_to_say_is_said_and_stands():
    receiver = Receiver()
    receiver.day(0, found("refused", "version 2"), about="retrain", arrives=False)
    assert receiver.day(1) == ["missed refused"]
    assert receiver.day(2) == []
    assert receiver.day(2, found("refused", "version 2"), about="retrain") == []
    assert receiver.day(3, about="retrain") == ["over refused"]


def test_over_and_worse_that_did_not_arrive_are_told_the_next_time():
    receiver = Receiver()
    receiver.day(0, found("a"))
    assert receiver.day(1, found("a", severity=ERROR), arrives=False) == ["worse a"]
    assert receiver.day(2, found("a", severity=ERROR), arrives=False) == ["worse a"]
    assert receiver.day(3, arrives=False) == ["over a"]
    assert receiver.day(4) == ["over a"]
    assert receiver.memory == Memory()


def test_what_is_missed_is_bounded_and_the_worst_is_kept():
    receiver = Receiver()
    warnings = [found("w", f"store {number}") for number in range(MOST_MISSED)]
    receiver.day(0, *warnings, arrives=False)
    receiver.day(1, *(found("e", f"store {number}", ERROR) for number in range(30)), arrives=False)
    codes = [each.finding.code for each in receiver.memory.missed]
    assert (len(codes), codes.count("e")) == (MOST_MISSED, 30)


def test_texts_are_bounded_and_can_be_written_anywhere():
    receiver = Receiver()
    receiver.day(0, Finding("a", ERROR, "file \udcff", 1, "x" * 9000, tuple("y" * 900 for _ in range(9)), "z" * 9000))
    finding = receiver.message.items[0].finding
    assert finding.where == "file ?"
    assert (len(finding.message), len(finding.advice), len(finding.examples)) == (2000, 2000, 5)
    assert max(map(len, finding.examples)) == 300
    assert receiver.day(1, Finding("a", ERROR, "file \udcff", 1, "x")) == []


some_findings = st.lists(
    st.builds(
        Finding,
        code=st.sampled_from("abc"),
        severity=st.sampled_from(Severity),
        where=st.sampled_from(["north", "south"]),
        count=st.integers(0, 50),
        message=st.text(max_size=5),
    ),
    max_size=5,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(some_findings, st.booleans(), st.sampled_from(["monitor", "retrain"])), max_size=8))
def test_whatever_happens_nothing_is_told_twice_or_lost(days):
    receiver = Receiver()
    heard: set[tuple[str, str, str]] = set()
    for number, (findings, arrives, about) in enumerate(days):
        severe = {(about, each.code, each.where) for each in findings if each.severity != INFO}
        told = receiver.day(number / 10, *findings, arrives=arrives, about=about)
        if told and arrives:
            heard |= {(about, item.finding.code, item.finding.where) for item in receiver.message.items}
            heard |= {each.key for each in receiver.message.missed}
        if arrives:
            assert severe <= heard
            assert receiver.day(number / 10, *findings, about=about) == []  # at once again: nothing has changed
        restored = msgspec.json.decode(msgspec.json.encode(receiver.memory), type=Memory)
        assert restored == receiver.memory


@pytest.mark.parametrize("news", Novelty)
def test_a_message_is_due_for_all_but_what_is_unchanged(news):
    from foresell.monitor.alerts.digest import AlertItem

    message = AlertMessage("shop", "monitor", DAY, (AlertItem(found("a"), news, DAY),))
    assert message.due == (news != Novelty.UNCHANGED)
