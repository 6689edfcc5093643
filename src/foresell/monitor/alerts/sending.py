"""Sending notices: each way out in a thread of its own, tried again for a while, never for long, never an error.

A way out is a `Webhook` or a `Mail` server. What it does not take for the time being is tried again with growing waits;
what it refuses for good is not. Whoever sends waits `Patience.seconds` at most, and a little more for what hangs where
no timeout reaches, such as the look-up of a name.
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
GRACE = 2.0  # seconds beyond the patience, until a way out that hangs is given up


@dataclass(frozen=True)
class Patience:
    """How long a way out is tried: for `seconds` in all, `attempt` at once, the first wait between attempts `wait`."""

    seconds: float = 10.0
    attempt: float = 5.0
    wait: float = 0.5


@dataclass(frozen=True)
class Letter:
    """What one receiver is told: the same `id` at every attempt, so that a receiver can know a copy."""

    receiver: str
    id: str
    when: datetime
    subject: str
    text: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """What became of a letter: whether `receiver` has taken it, or in `error` why not, without secrets."""

    receiver: str
    subject: str
    delivered: bool
    error: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a letter was not taken; `final` says that another attempt is useless, `wait` when one is asked for."""

    reason: str
    final: bool = False
    wait: float = 0.0


class Way(Protocol):
    """A way out: takes letters, and says of each that it could not deliver why, by its place. May raise nothing."""

    def hand_over(self, letters: Sequence[Letter], timeout: float) -> dict[int, Failure]: ...


def send(batches: Sequence[tuple[Way, Sequence[Letter]]], patience: Patience) -> Iterator[Sent]:
    """Sends the letters of each way out, all ways at once; what became of each letter, as soon as it is known."""
    told: SimpleQueue[Sent] = SimpleQueue()
    waiting = {letter.receiver: letter for _, letters in batches for letter in letters}
    for way, letters in batches:
        # A daemon: what hangs for good must not keep the process from ending.
        Thread(target=_persist, args=(way, letters, patience, told.put), name="notices", daemon=True).start()
    end = time.monotonic() + patience.seconds + GRACE
    while waiting:
        try:
            sent = told.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            break
        waiting.pop(sent.receiver)
        yield sent
    for letter in waiting.values():
        yield Sent(letter.receiver, letter.subject, False, f"no end after {patience.seconds + GRACE:.0f} seconds")


def _persist(way: Way, letters: Sequence[Letter], patience: Patience, tell: Callable[[Sent], None]) -> None:
    """Hands the letters over until all are taken or refused, or patience ends."""
    end, attempts = time.monotonic() + patience.seconds, 0
    while letters:
        timeout = min(patience.attempt, max(0.1, end - time.monotonic()))
        try:
            failures = way.hand_over(letters, timeout)
        except Exception as error:  # of a kind that nobody thought of; its text might hold a secret
            failures = dict.fromkeys(range(len(letters)), Failure(f"unexpected: {type(error).__name__}", final=True))
        attempts += 1
        wait = _wait(attempts, patience, failures)
        over = attempts >= MOST_ATTEMPTS or time.monotonic() + wait >= end
        again = []
        for place, letter in enumerate(letters):
            failure = failures.get(place)
            if failure is None:
                tell(Sent(letter.receiver, letter.subject, True))
            elif failure.final or over:
                tell(Sent(letter.receiver, letter.subject, False, _said(failure, attempts)))
            else:
                again.append(letter)
        letters = again
        if letters:
            time.sleep(wait)


def _wait(attempts: int, patience: Patience, failures: Mapping[int, Failure]) -> float:
    """Seconds until the next attempt: doubled each time, with some chance in them, or as long as was asked for."""
    asked = max((each.wait for each in failures.values() if not each.final), default=0.0)
    return max(asked, patience.wait * 2 ** (attempts - 1) * random.uniform(0.75, 1.0))


def _said(failure: Failure, attempts: int) -> str:
    asked = f" (it asks to wait {failure.wait:.0f} seconds)" if failure.wait else ""
    tried = f", after {attempts} attempts" if attempts > 1 else ""
    return f"{failure.reason}{asked}{tried}"
