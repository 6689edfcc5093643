"""A lock on a file, within a process and between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import IO

import pytest

from foresell.store import lock
from foresell.store.lock import file_lock

HOLDER = """
import sys, time
from pathlib import Path
from foresell.store.lock import file_lock

with file_lock(Path(sys.argv[1]), 0) as acquired:
    print(acquired, flush=True)
    time.sleep(600)
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "results" / ".lock"
    with file_lock(path, 0) as acquired:
        assert acquired
        with file_lock(path, 0.1) as another:
            assert not another
    with file_lock(path, 0) as acquired:
        assert acquired


def test_who_waits_has_it_when_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, try_lock = tmp_path / ".lock", lock.try_lock
    order: list[str] = []
    refused = Event()

    def attempt(file: IO[str]) -> bool:
        acquired = try_lock(file)
        if not acquired:
            refused.set()
        return acquired

    monkeypatch.setattr(lock, "try_lock", attempt)

    def second() -> None:
        with file_lock(path, 60) as acquired:
            order.append(f"second {acquired}")

    with file_lock(path, 0):
        waiting = Thread(target=second)
        waiting.start()
        assert refused.wait(60)
        order.append("first")
    waiting.join()
    assert order == ["first", "second True"]


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with file_lock(path, 0) as acquired:
            assert not acquired
        holder.kill()
    with file_lock(path, 60) as acquired:
        assert acquired


def test_a_place_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), file_lock(tmp_path / "file" / ".lock", 0):
        pass
