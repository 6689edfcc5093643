"""Sends alerts over channels, each in its own thread, with retries for a limited time. Nothing here raises an error.

A channel is a `Webhook` or a `Mail` server. A temporary failure is tried again with growing waits; a permanent one is
not. The caller waits at most `RetryLimits.seconds`, and `GRACE` more for what has no timeout, such as the look-up of a
host name.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

MOST_ATTEMPTS = 4
GRACE = 2.0  # seconds after the limits has run out, until a channel that hangs is given up


@dataclass(frozen=True)
class RetryLimits:
    """How long a channel is tried, in seconds: `seconds` in all, `attempt` for an attempt, `wait` before the second."""

    seconds: float = 10.0
    attempt: float = 5.0
    wait: float = 0.5


@dataclass(frozen=True)
class Notification:
    """The message to one receiver. It has the same `id` at every attempt, so that a receiver can recognise a copy."""

    receiver: str
    id: str
    when: datetime
    subject: str
    text: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AlertOutcome:
    """The outcome of a notification: whether `receiver` has accepted it; if not, `error` says why, without secrets."""

    receiver: str
    subject: str
    delivered: bool
    error: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a notification was not accepted. `final`: another attempt is useless. `wait`: seconds it asks to wait."""

    reason: str
    final: bool = False
    wait: float = 0.0


class Channel(Protocol):
    """A way to send notifications. `hand_over` returns a failure for each one that was not delivered, by its index. It
    never raises an error."""

    def hand_over(self, notifications: Sequence[Notification], timeout: float) -> dict[int, Failure]: ...


def send(batches: Sequence[tuple[Channel, Sequence[Notification]]], limits: RetryLimits) -> Iterator[AlertOutcome]:
    """Sends notifications over all channels at once, and yields each outcome as soon as it is known."""
    outcomes: SimpleQueue[AlertOutcome] = SimpleQueue()
    waiting = {notification.receiver: notification for _, notifications in batches for notification in notifications}
    for channel, notifications in batches:
        # A daemon, so that a channel which hangs does not keep the process from ending.
        Thread(target=_persist, args=(channel, notifications, limits, outcomes.put), name="alerts", daemon=True).start()
    end = time.monotonic() + limits.seconds + GRACE
    while waiting:
        try:
            sent = outcomes.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            break
        waiting.pop(sent.receiver)
        yield sent
    for notification in waiting.values():
        yield AlertOutcome(
            notification.receiver,
            notification.subject,
            False,
            f"not finished after {limits.seconds + GRACE:.0f} seconds",
        )


def _persist(
    channel: Channel, notifications: Sequence[Notification], limits: RetryLimits, report: Callable[[AlertOutcome], None]
) -> None:
    """Hands the notifications over until all are accepted or refused, or the time is up."""
    end, attempts = time.monotonic() + limits.seconds, 0
    while notifications:
        timeout = min(limits.attempt, max(0.1, end - time.monotonic()))
        try:
            failures = channel.hand_over(notifications, timeout)
        except Exception as error:  # an unexpected error; its text might hold a secret
            failures = dict.fromkeys(
                range(len(notifications)), Failure(f"unexpected: {type(error).__name__}", final=True)
            )
        attempts += 1
        wait = _wait(attempts, limits, failures)
        over = attempts >= MOST_ATTEMPTS or time.monotonic() + wait >= end
        again = []
        for place, notification in enumerate(notifications):
            failure = failures.get(place)
            if failure is None:
                report(AlertOutcome(notification.receiver, notification.subject, True))
            elif failure.final or over:
                report(AlertOutcome(notification.receiver, notification.subject, False, _reason(failure, attempts)))
            else:
                again.append(notification)
        notifications = again
        if notifications:
            time.sleep(wait)


def _wait(attempts: int, limits: RetryLimits, failures: Mapping[int, Failure]) -> float:
    """Seconds until the next attempt: twice as long each time, with some jitter, or as long as the receiver asks."""
    requested = max((failure.wait for failure in failures.values() if not failure.final), default=0.0)
    return max(requested, limits.wait * 2 ** (attempts - 1) * random.uniform(0.75, 1.0))


def _reason(failure: Failure, attempts: int) -> str:
    requested = f" (it asks to wait {failure.wait:.0f} seconds)" if failure.wait else ""
    after = f", after {attempts} attempts" if attempts > 1 else ""
    return f"{failure.reason}{requested}{after}"
