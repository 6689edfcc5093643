from __future__ import annotations

import io
import math
import re
import time
from datetime import datetime

import pytest

from foresell.apps.cli import progress as module
from foresell.apps.cli.progress import Meter, remaining
from foresell.pipeline.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(done: float, total: float = 4, doing: str = "naive at 2024-01-07", left: float | None = None) -> Progress:
    return Progress("backtest", done, total, doing, left)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by as much as the test says; the thread that redraws is not started."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.threading.Thread, "start", lambda self: None)
    return now


def test_without_a_terminal_a_line_comes_every_ten_seconds_at_most(clock):
    out = io.StringIO()
    meter = Meter(out)
    for second in range(25):
        clock[0] = 100.0 + second
        meter(step(second / 10))
    meter.close()
    lines = [line.split(" ", 1) for line in out.getvalue().splitlines()]
    assert all(datetime.fromisoformat(time).utcoffset() is not None for time, _ in lines)
    assert [text for _, text in lines] == [
        "backtest: 1 of 4, naive at 2024-01-07, about 30 s left",
        "backtest: 2 of 4, naive at 2024-01-07, about 20 s left",
    ]


def test_what_is_done_soon_says_nothing(clock):
    out = io.StringIO()
    meter = Meter(out)
    for name in ("check", "features", "backtest"):
        for second in range(9):
            clock[0] += 1
            meter(Progress(name, second, 9, "working"))
        meter.close()
    assert out.getvalue() == ""


def test_quiet_says_nothing_but_remembers_the_step(clock):
    out = io.StringIO()
    meter = Meter(out, quiet=True)
    meter(step(0))
    clock[0] += 60
    meter(step(1))
    assert out.getvalue() == ""
    assert meter.last == step(1)


def test_on_a_terminal_there_is_a_bar_that_goes_away(clock):
    out = Terminal()
    meter = Meter(out)
    meter(step(0))
    clock[0] += 30
    meter(step(2))
    shown = out.getvalue().replace("\r", "\n").splitlines()[-1]
    assert shown.startswith("backtest   50 %")
    assert re.search(r"# +naive at 2024-01-07, about 30 s left", shown)
    meter.close()
    assert out.getvalue().endswith("\r")


def test_the_clock_goes_on_while_a_step_has_nothing_to_tell(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)
    out = io.StringIO()
    meter = Meter(out)
    meter(step(1))
    lines = len(out.getvalue().splitlines())
    for _ in range(1200):
        if len(out.getvalue().splitlines()) > lines:
            break
        time.sleep(0.05)
    meter.close()
    assert len(out.getvalue().splitlines()) > lines
    assert meter._clock is None


@pytest.mark.parametrize(
    ("progress", "seconds", "since", "expected"),
    [
        (step(1, 4), 20, 0, ", about 1 min left"),
        (step(3, 4), 30, 0, ", about 10 s left"),
        (step(0.01, 1), 30, 0, ""),  # too early to say
        (step(4, 4), 30, 0, ""),
        (step(1, 4, left=math.nan), 30, 0, ""),  # the step itself cannot know
        (step(1, 4, left=600), 30, 0, ", about 10 min left"),
        (step(1, 4, left=600), 330, 300, ", about 5 min left"),
        (step(1, 4, left=10), 330, 300, ", about 5 s left"),
        (step(1, 4, left=9000), 1, 0, ", about 2.5 h left"),
    ],
)
def test_what_is_left(progress, seconds, since, expected):
    assert remaining(progress, seconds, since) == expected
