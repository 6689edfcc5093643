"""Runs a command as a process of its own and measures its time and memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds, and the largest resident memory, as the operating system counted them."""

    wall_seconds: float
    cpu_seconds: float
    peak_gb: float


def measure(command: list[str], log: Path) -> Cost:
    """Runs `command` to its end, its output going to `log`. Raises RuntimeError when it fails."""
    with log.open("wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}; see {log}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)
