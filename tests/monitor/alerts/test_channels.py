"""Several channels at once, with retries. The channels themselves are tested in test_webhook and test_mail."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event
from types import SimpleNamespace

from foresell.monitor.alerts import channels
from foresell.monitor.alerts.channels import GRACE, MOST_ATTEMPTS, Failure, Notification, RetryLimits, send

QUICK = RetryLimits(seconds=60, attempt=30, wait=0.01)


def notification(receiver: str) -> Notification:
    return Notification(receiver, "1", datetime(2026, 11, 20, tzinfo=UTC), f"to {receiver}", "")


class Scripted:
    """A channel that follows a script: at each attempt it fails for some receivers, or raises an error."""

    def __init__(self, *attempts: dict[str, Failure] | Exception):
        self.attempts = list(attempts)
        self.tried: list[list[str]] = []

    def hand_over(self, notifications: Sequence[Notification], timeout: float) -> dict[int, Failure]:
        self.tried.append([each.receiver for each in notifications])
        now = self.attempts.pop(0) if self.attempts else {}
        if isinstance(now, Exception):
            raise now
        return {place: now[each.receiver] for place, each in enumerate(notifications) if each.receiver in now}


def test_only_what_was_not_taken_is_tried_again():
    later, never = Failure("later"), Failure("never", final=True)
    channel = Scripted({"a": later, "b": never, "c": later}, {"c": later})
    sent = {each.receiver: each for each in send([(channel, list(map(notification, "abcd")))], QUICK)}
    assert channel.tried == [["a", "b", "c", "d"], ["a", "c"], ["c"]]
    assert {name: each.error for name, each in sent.items()} == {"a": None, "b": "never", "c": None, "d": None}
    assert sent["c"].subject == "to c"


def test_attempts_end_and_what_is_asked_for_is_waited():
    channel = Scripted(*[{"a": Failure("busy")}] * 9)
    [sent] = send([(channel, [notification("a")])], QUICK)
    assert sent.error == f"busy, after {MOST_ATTEMPTS} attempts"
    channel = Scripted(*[{"a": Failure("busy", wait=0.6)}] * 2)
    [sent] = send([(channel, [notification("a")])], RetryLimits(seconds=1, attempt=1, wait=0.01))
    assert not sent.delivered  # a second wait would end after the time limit
    assert len(channel.tried) <= 2
    channel = Scripted({"a": Failure("busy", wait=90)})
    [sent] = send([(channel, [notification("a")])], QUICK)
    assert sent.error == "busy (it asks to wait 90 seconds)"


def test_an_error_that_nobody_thought_of_is_a_failure_that_tells_no_secret():
    [sent] = send([(Scripted(ValueError("sEcReT")), [notification("a")])], QUICK)
    assert sent.error == "unexpected: ValueError"


def test_one_way_that_hangs_does_not_hold_up_the_others(monkeypatch):
    over, now = Event(), [0.0]
    monkeypatch.setattr(channels, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))

    class Hanging:
        def hand_over(self, notifications: Sequence[Notification], timeout: float) -> dict[int, Failure]:
            over.wait(600)
            return {}

    sent = send([(Hanging(), [notification("a"), notification("b")]), (Scripted(), [notification("c")])], QUICK)
    first = next(sent)
    assert (first.receiver, first.delivered) == ("c", True)
    now[0] = QUICK.seconds + GRACE
    rest = list(sent)
    over.set()
    assert [(each.receiver, each.error) for each in rest] == [
        ("a", "not finished after 62 seconds"), ("b", "not finished after 62 seconds"),
    ]  # fmt: skip
