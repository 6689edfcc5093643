"""Runs are processes of their own; what became of one is read from its log, whoever asks."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foresell.apps.dashboard import runs
from foresell.core.errors import UsageError
from foresell.store.lock import file_lock


def until_ended(folder: Path) -> runs.Run:
    for _ in range(600):
        run = runs.runs(folder)[0]
        if not run.at_work:
            return run
        time.sleep(0.05)
    raise AssertionError(runs.lines(run))


def until_running(folder: Path) -> runs.Run:
    for _ in range(600):
        run = runs.runs(folder)[0]
        if run.state == runs.RUNNING:
            return run
        time.sleep(0.05)
    raise AssertionError(run)


def log_of(folder: Path, *contents: object) -> runs.Run:
    """A log as a process leaves it, without the process."""
    place = folder / "results" / "logs"
    place.mkdir(parents=True, exist_ok=True)
    log = place / f"20260101T000000-{len(list(place.iterdir())):02d}-run.log"
    log.write_text("".join((text if isinstance(text, str) else json.dumps(text)) + "\n" for text in contents))
    return next(run for run in runs.runs(folder) if run.log == log)


HEAD = {"command": ["run", "shop", "--log", "json"], "by": "ann", "started": "2026-01-01T00:00:00+00:00"}


def test_a_run_that_ends_leaves_its_output_and_its_code(tmp_path) -> None:
    sample = ["sample", str(tmp_path / "data"), "--stores", "1", "--items", "1", "--days", "90"]
    run = runs.start(tmp_path, sample, "ann")
    assert run.at_work
    with pytest.raises(UsageError, match=r"foresell sample .* is at work"):
        runs.start(tmp_path, sample, "bob")
    ended = until_ended(tmp_path)
    assert (ended.state, ended.code, ended.by) == (runs.DONE, 0, "ann")
    assert any("sales.csv" in line for line in runs.lines(ended))

    runs.start(tmp_path, [*sample, "--kind", "manufacturer", "--item-roles"], "ann")
    failed = until_ended(tmp_path)
    assert (failed.state, failed.code) == (runs.FAILED, 2)
    assert any("--item-roles is for a retailer" in line for line in runs.lines(failed))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_run_is_stopped_and_one_that_was_killed_is_seen_as_such(tmp_path) -> None:
    hours_of_work = ["sample", str(tmp_path / "much"), "--rows", "500000000"]
    runs.start(tmp_path, hours_of_work, "ann")
    runs.stop(until_running(tmp_path), "bob")
    ended = until_ended(tmp_path)
    assert (ended.state, ended.code, ended.outcome()) == (runs.STOPPED, 130, "stopped by bob")

    runs.start(tmp_path, hours_of_work, "ann")
    process = until_running(tmp_path).pid
    assert process is not None
    os.kill(process, signal.SIGKILL)
    assert until_ended(tmp_path).state == runs.BROKEN_OFF

    runs.start(tmp_path, hours_of_work, "ann")
    runs.stop(until_running(tmp_path), "bob", at_once=True)
    assert until_ended(tmp_path).state == runs.STOPPED


def test_the_progress_is_that_of_the_newest_line(tmp_path) -> None:
    line = {"time": "2026-01-01T10:00:00+00:00", "level": "info", "step": "backtest", "message": "3 of 9, naive"}
    run = log_of(tmp_path, HEAD, {"pid": 1}, line | {"done": 3, "total": 9}, "some text")
    assert runs.progress(run) == runs.Progress("backtest", "3 of 9, naive", 3 / 9)
    assert runs.lines(run) == ["10:00:00  backtest  3 of 9, naive", "some text"]
    assert run.title == "foresell run shop"
    trial = str(tmp_path / "uploads" / "1" / "trial")
    assert log_of(tmp_path, HEAD | {"command": ["check", trial]}).title == "foresell check uploads/1/trial"


def test_a_long_log_is_read_at_both_ends(tmp_path) -> None:
    filling = "x" * 999
    run = log_of(tmp_path, HEAD, {"pid": 1}, *[filling] * 2000, {"code": 0, "ended": "2026-01-01T01:00:00+00:00"})
    assert (run.state, run.by, run.pid) == (runs.DONE, "ann", 1)
    assert set(runs.lines(run)) == {filling}


def test_a_run_without_a_process_never_began(tmp_path) -> None:
    assert log_of(tmp_path, HEAD, "No module named foresell").state == runs.BROKEN_OFF
    young = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert log_of(tmp_path, HEAD | {"started": young}).state == runs.STARTING
    assert log_of(tmp_path).state == runs.STARTING  # nothing is written yet


def test_severe_findings_of_monitoring_are_no_failure(tmp_path) -> None:
    run = log_of(tmp_path, HEAD, {"pid": 1}, {"code": 3, "ended": "2026-01-01T01:00:00+00:00"})
    assert run.outcome() == "done; monitoring has a severe finding"


def test_a_run_at_work_is_known_by_its_lock(tmp_path) -> None:
    run = log_of(tmp_path, HEAD, {"pid": 1})
    assert run.state == runs.BROKEN_OFF
    with file_lock(run.log.parent / runs.LOCK, 0) as is_mine:
        assert is_mine
        working = runs.at_work(tmp_path)
        assert working is not None
        assert working.log == run.log
