"""The progress on stderr: a bar on a terminal, elsewhere a line every ten seconds, of JSON where the log is JSON."""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from foresell.apps.cli import log

if TYPE_CHECKING:
    from tqdm import tqdm

    from foresell.pipeline.progress import Progress

SECONDS = 10.0
"""The least seconds between two plain lines; a shorter step prints none."""


class Meter:
    """Shows the progress of steps, one after another. `close` clears the bar before anything else is printed.

    A thread keeps the bar and the lines going while a long part of a step reports no progress.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.logs = log.is_json()
        self.quiet = quiet
        self.last: Progress | None = None
        self._bar: tqdm | None = None
        self._lock = threading.RLock()
        self._began = self._printed = self._reported = 0.0
        self._clock: threading.Thread | None = None
        self._stop = threading.Event()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if self.last is None or self.last.step != progress.step:
                self.close()
                self._began = self._printed = time.monotonic()
                if self.logs:
                    log.event("info", "begins", progress.step)
            self.last, self._reported = progress, time.monotonic()
            if self.quiet:
                return
            self._draw()
            if self._clock is None:
                self._stop = threading.Event()
                self._clock = threading.Thread(target=self._tick, args=(self._stop,), daemon=True)
                self._clock.start()

    def close(self) -> None:
        """Ends the shown step."""
        with self._lock:
            self._stop.set()
            self._clock = None
            if self._bar is not None:
                self._bar.close()
                self._bar = None
            if self.last is not None:
                self._began = self._printed = time.monotonic()

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            with self._lock:
                if not stop.is_set():
                    self._draw()

    def _draw(self) -> None:
        if self.last is None:
            return
        if self.stream.isatty() and not self.logs:
            self._draw_bar(self.last)
        elif time.monotonic() - self._printed >= SECONDS:
            self._printed = time.monotonic()
            seconds, since = self._printed - self._began, self._printed - self._reported
            if self.logs:
                _, _, text = line(self.last, seconds, since).partition(": ")
                log.event("info", text, self.last.step, done=self.last.done, total=self.last.total)
            else:
                print(log.stamped(line(self.last, seconds, since), self.stream), file=self.stream, flush=True)

    def _draw_bar(self, progress: Progress) -> None:
        from tqdm import tqdm

        now = time.monotonic()
        text = progress.doing + remaining(progress, now - self._began, now - self._reported)
        if self._bar is None:
            self._bar = tqdm(
                desc=text, total=progress.total, initial=min(progress.done, progress.total), leave=False,
                file=self.stream, bar_format=f"{progress.step:<9} {{percentage:3.0f}} % {{bar:24}} {{desc}}",
                dynamic_ncols=True,
            )  # fmt: skip
            return
        self._bar.total = progress.total
        self._bar.n = min(progress.done, progress.total)
        self._bar.set_description_str(text)


def line(progress: Progress, seconds: float, since: float = 0.0) -> str:
    """The progress as a line of a log, `seconds` after the start of the step and `since` seconds after the report.

    >>> from foresell.pipeline.progress import Progress
    >>> line(Progress("backtest", 3, 9, "lightgbm at 2016-03-27", left=250), 120, since=10)
    'backtest: 3 of 9, lightgbm at 2016-03-27, about 4 min left'
    >>> line(Progress("backtest", 3.4567, 9, "lightgbm at 2016-03-27", left=250), 120, since=10)
    'backtest: 3.5 of 9, lightgbm at 2016-03-27, about 4 min left'
    >>> line(Progress("check", 0.25, 1, "reading sales"), 10)
    'check: 25 %, reading sales, about 30 s left'
    """
    parts = f"{round(progress.done, 1):g} of {progress.total:g}"
    done = parts if progress.total > 1 else f"{100 * progress.done:.0f} %"
    return f"{progress.step}: {done}, {progress.doing}{remaining(progress, seconds, since)}"


def remaining(progress: Progress, seconds: float, since: float = 0.0) -> str:
    """The remaining time in words; empty where it is not known.

    It is the estimate of the step less the time `since` its report. Without an estimate the rest is assumed to take as
    long as the beginning did, once a twentieth is done.
    """
    if progress.left is not None:
        left = progress.left - since
    else:
        done = progress.done / progress.total if progress.total else 0.0
        left = seconds * (1 - done) / done if 0.05 <= done < 1 else math.nan
    if math.isnan(left) or progress.done >= progress.total:
        return ""
    if left < 55:
        return f", about {max(5 * round(left / 5), 5)} s left"
    return f", about {round(left / 60)} min left" if left < 5400 else f", about {left / 3600:.1f} h left"
