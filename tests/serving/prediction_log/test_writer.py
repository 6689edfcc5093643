from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.serving.prediction_log import writer
from foresell.serving.prediction_log.hourly_files import Folder
from foresell.serving.prediction_log.reader import read_predictions
from foresell.serving.prediction_log.writer import PredictionLog

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
NEVER = 3600.0  # seconds: no batch is written for its age


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen within 60 seconds"
        time.sleep(0.01)


def ids(place: Path | str) -> list[int]:
    return read_predictions(place).frame["id"].to_list()


def blocked(tmp_path: Path) -> Path:
    """A place that cannot be written to, for root either, until the file in its way is gone."""
    place = tmp_path / "place"
    place.write_text("I am a file")
    return place


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_record_is_one_line_in_the_folder_of_its_hour(tmp_path: Path) -> None:
    record = {
        "id": "a1",
        "time": NOW,
        "model": "7",
        "inputs": {"item": "Müsli\n500 g", "price": 2.5, "date": date(2026, 12, 1)},
        "outputs": {"units": 3.25, "assumed": ["promotion: none"]},
        "latency_ms": 4.5,
    }
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        log.write(record)
    (file,) = tmp_path.rglob("*.jsonl")
    assert file.parent == tmp_path / "date=2026-11-20" / "hour=09"
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        **record,
        "time": "2026-11-20T09:30:00Z",
        "inputs": {"item": "Müsli\n500 g", "price": 2.5, "date": "2026-12-01"},
    }


def test_the_hour_is_that_of_utc_and_one_batch_may_be_of_several(tmp_path: Path) -> None:
    berlin = timezone(timedelta(hours=1))
    times = [
        (datetime(2026, 11, 20, 9, 59, 59, 999999, tzinfo=UTC), "date=2026-11-20/hour=09"),
        ("2026-11-20T10:00:00Z", "date=2026-11-20/hour=10"),
        (datetime(2026, 11, 21, 0, 30, tzinfo=berlin), "date=2026-11-20/hour=23"),
        ("2026-11-21T00:30:00.5+00:00", "date=2026-11-21/hour=00"),
    ]
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        for number, (moment, _) in enumerate(times):
            log.write({"id": number, "time": moment})
    found = {
        json.loads(line)["id"]: file.parent.relative_to(tmp_path).as_posix()
        for file in tmp_path.rglob("*.jsonl")
        for line in file.read_text().splitlines()
    }
    assert found == {number: folder for number, (_, folder) in enumerate(times)}
    frame = read_predictions(tmp_path).frame
    assert frame["time"].to_list()[2] == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("moment", [None, 5, "yesterday", "2026-11-20T10:00:00", datetime(2026, 11, 20)])
def test_a_time_that_names_no_moment_is_refused(tmp_path: Path, moment: object) -> None:
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        with pytest.raises(UsageError, match="expected a datetime with a time zone"):
            log.write({"id": 1, "time": moment})
        with pytest.raises(UsageError, match="expected a datetime with a time zone"):
            log.write_frame({"time": moment}, pl.DataFrame({"id": [1]}))


def test_values_that_json_does_not_know_are_written_all_the_same(tmp_path: Path) -> None:
    @dataclass
    class Store:
        name: str

    values = {
        "numpy": np.float32(0.5),
        "nan": float("nan"),
        "uuid": UUID(int=1),
        "decimal": Decimal("1.20"),
        "set": {3},
        "dataclass": Store("north"),
        "huge": 2**70,
        "path": Path("a/b"),
        "array": np.arange(3),
        "half": {"a\ud800b": ["\udfff", float("nan"), date(2026, 12, 1)]},
    }
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        for name, value in values.items():
            log.write({"id": name, "time": NOW, "value": value})
    (file,) = tmp_path.rglob("*.jsonl")
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert {record["time"] for record in records} == {"2026-11-20T09:30:00Z"}
    assert {record["id"]: record["value"] for record in records} == {
        "numpy": 0.5,
        "nan": None,
        "uuid": "00000000-0000-0000-0000-000000000001",
        "decimal": "1.20",
        "set": [3],
        "dataclass": {"name": "north"},
        "huge": 2**70,
        "path": "a/b",
        "array": [0, 1, 2],
        "half": {"a?b": ["?", None, "2026-12-01"]},
    }


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=25)
@given(inputs=st.dictionaries(st.text(), plain, max_size=4))
def test_whatever_json_can_hold_comes_back(tmp_path: Path, inputs: dict[str, object]) -> None:
    place = tmp_path / str(time.monotonic_ns())
    with PredictionLog(place, 1000, NEVER) as log:
        log.write({"time": NOW, "inputs": inputs})
    (file,) = place.rglob("*.jsonl")
    assert json.loads(file.read_bytes())["inputs"] == inputs


def test_a_record_may_change_after_it_was_written(tmp_path: Path) -> None:
    record: dict[str, object] = {"id": 0, "time": NOW, "inputs": {"item": 1}}
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        for number in range(3):
            record["id"] = number
            log.write(record)
    assert ids(tmp_path) == [0, 1, 2]


def test_a_table_is_as_many_records(tmp_path: Path) -> None:
    rows = pl.DataFrame({"item": ["a", "b\n"], "price": [1.5, None], "date": [date(2026, 12, 1)] * 2})
    answers = pl.DataFrame({"units": [2.0, float("nan")], "assumed": [["price"], []]})
    common = {"time": NOW, "model": "7", "latency_ms": 2.5, "client": {"key": "k"}}
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        log.write_frame(common, pl.select(id=pl.int_range(2), inputs=rows.to_struct(), outputs=answers.to_struct()))
        log.write_frame(common, pl.DataFrame(schema={"id": pl.Int64}))
        with pytest.raises(UsageError, match="Found model both"):
            log.write_frame(common, pl.DataFrame({"model": ["7"]}))
    (file,) = tmp_path.rglob("*.jsonl")
    shared = {"time": "2026-11-20T09:30:00Z", "model": "7", "latency_ms": 2.5, "client": {"key": "k"}}
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            **shared,
            "id": 0,
            "inputs": {"item": "a", "price": 1.5, "date": "2026-12-01"},
            "outputs": {"units": 2.0, "assumed": ["price"]},
        },
        {
            **shared,
            "id": 1,
            "inputs": {"item": "b\n", "price": None, "date": "2026-12-01"},
            "outputs": {"units": None, "assumed": []},
        },
    ]
    assert log.state().written == 2


def test_a_table_that_json_cannot_hold_does_not_stop_the_log(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, 1000, NEVER) as log:
        log.write({"id": 0, "time": NOW})
        log.write_frame({"time": NOW}, pl.DataFrame({"id": [1, 2], "what": pl.Series([{1}, {2}], dtype=pl.Object)}))
        log.write({"id": 3, "time": NOW})
    assert ids(tmp_path) == [0, 3]
    assert (log.state().written, log.state().dropped, log.state().waiting_bytes) == (2, 2, 0)


# --- when it is written ----------------------------------------------------------------------------------------------


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each attempt to write to a folder: how many rows it is of."""
    rows: list[int] = []
    keep = Folder.keep

    def counted(self: Folder, hour: datetime, lines: bytes) -> None:
        rows.append(lines.count(b"\n"))
        keep(self, hour, lines)

    monkeypatch.setattr(Folder, "keep", counted)
    return rows


def test_a_batch_is_written_when_enough_rows_wait(tmp_path: Path, batches: list[int]) -> None:
    with PredictionLog(tmp_path, 3, NEVER) as log:
        log.write({"id": 0, "time": NOW})
        log.write({"id": 1, "time": NOW})
        assert log.state().waiting == 2
        log.write({"id": 2, "time": NOW})
        wait_until(lambda: log.state().written == 3)
        assert ids(tmp_path) == [0, 1, 2]
    assert batches == [3]


def test_a_batch_is_written_when_one_has_waited_long_enough(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, 1000, 0.05) as log:
        for number in range(2):
            log.write({"id": number, "time": NOW})
            wait_until(lambda expected=number + 1: log.state().written == expected)
        assert ids(tmp_path) == [0, 1]


def test_a_batch_sets_out_before_its_oldest_record_has_waited_for_all_of_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, written = 1000.0, []
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(Folder, "keep", lambda *of: written.append(now))

    def go_on(seconds: float) -> None:
        nonlocal now
        with log._changed:
            now += seconds
            log._changed.notify()

    with PredictionLog(tmp_path, 1000, 100.0) as log:
        log.write({"id": 0, "time": NOW})
        go_on(79)
        log.write({"id": 1, "time": NOW})
        go_on(2)
        wait_until(lambda: log.state().written == 2)
    assert written == [1081]


def test_a_batch_is_written_when_its_bytes_fill_half_of_the_room(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, 1000, NEVER, most_bytes=10_000) as log:
        for number in range(4):
            log.write({"id": number, "time": NOW, "inputs": "x" * 4000})
            wait_until(lambda: log.state().waiting_bytes < 5000)
    assert (log.state().written, log.state().dropped) == (4, 0)


def test_all_threads_records_arrive_and_each_threads_in_order(tmp_path: Path) -> None:
    def work(thread: int) -> None:
        for number in range(500):
            log.write({"id": number, "thread": thread, "time": NOW + timedelta(hours=number % 2)})

    with PredictionLog(tmp_path, 50, NEVER) as log:
        threads = [Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    files = list(tmp_path.rglob("*.jsonl"))
    assert len(files) == 2  # one for each hour
    for file in files:
        records = [json.loads(line) for line in file.read_text().splitlines()]
        for thread_number in range(8):
            of_thread = [record["id"] for record in records if record["thread"] == thread_number]
            assert of_thread == list(range(of_thread[0], 500, 2))
    assert (log.state().written, log.state().dropped, log.state().waiting) == (4000, 0, 0)


def test_two_logs_of_one_place_have_files_of_their_own(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, 1, NEVER) as one, PredictionLog(tmp_path, 1, NEVER) as other:
        for number in range(10):
            (one, other)[number % 2].write({"id": number, "time": NOW})
    assert len(list(tmp_path.rglob("*.jsonl"))) == 2
    assert sorted(ids(tmp_path)) == list(range(10))


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Grows with each fsync: the number of the file or folder on its disk, and how many bytes it had then."""
    sizes: dict[int, int] = {}
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        state = os.fstat(handle)
        sizes[state.st_ino] = state.st_size

    monkeypatch.setattr(os, "fsync", fsync)
    return sizes


def test_what_is_written_is_on_the_disk_and_not_in_a_cache(tmp_path: Path, synced: dict[int, int]) -> None:
    with PredictionLog(tmp_path / "log", 2, NEVER) as log:
        for number in range(4):
            log.write({"id": number, "time": NOW})
            log.write({"id": number, "time": NOW})
            wait_until(lambda expected=2 * number + 2: log.state().written == expected)
            (file,) = tmp_path.rglob("*.jsonl")
            assert synced[file.stat().st_ino] == file.stat().st_size > 0
    for folder in (tmp_path, tmp_path / "log", file.parent.parent, file.parent):
        assert folder.stat().st_ino in synced  # or the names of new files and folders could be lost


def test_what_waits_for_a_bucket_is_on_the_disk_too(
    tmp_path: Path, synced: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with PredictionLog("s3://bucket/log", 2, NEVER, spool=tmp_path / "spool") as log:
        for number in range(2):
            log.write({"id": number, "time": NOW})
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert synced[file.stat().st_ino] == file.stat().st_size > 0
    for folder in (tmp_path, tmp_path / "spool"):
        assert folder.stat().st_ino in synced
    assert synced[file.parent.stat().st_ino] == file.parent.stat().st_size


# --- when it cannot be written ---------------------------------------------------------------------------------------


def test_a_place_that_cannot_be_written_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, batches: list[int]
) -> None:
    place = blocked(tmp_path)
    with caplog.at_level(logging.WARNING, "foresell.store"), PredictionLog(place, 2, NEVER) as log:
        before = datetime.now(UTC)
        for number in range(10):
            log.write({"id": number, "time": NOW})
        wait_until(lambda: log.state().error is not None)
        state = log.state()
        assert state.error is not None
        assert str(place) in state.error
        assert state.failing_since is not None
        assert before <= state.failing_since <= datetime.now(UTC)
        assert (state.waiting, state.written, state.dropped) == (10, 0, 0)
        wait_until(lambda: len(batches) >= 3)  # a further attempt, which must not be logged again
        place.unlink()
        wait_until(lambda: log.state().failing_since is None)  # said a moment after the last row is written
        state = log.state()
        assert (state.error, state.written, state.waiting_bytes) == (None, 10, 0)
    assert ids(place) == list(range(10))
    assert [record.message[:10] for record in caplog.records] == ["Cannot wri", "Can write "]


def test_an_error_nobody_thought_of_does_not_end_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Folder.keep

    def keep(*arguments: Any) -> None:
        monkeypatch.setattr(Folder, "keep", real)
        raise MemoryError("once")

    monkeypatch.setattr(Folder, "keep", keep)
    with PredictionLog(tmp_path, 1, NEVER) as log:
        log.write({"id": 0, "time": NOW})
        wait_until(lambda: log.state().error == "once")
        wait_until(lambda: log.state().written == 1)
    assert ids(tmp_path) == [0]


def test_memory_is_bounded_and_the_newest_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = blocked(tmp_path)
    with caplog.at_level(logging.ERROR, "foresell.store"), PredictionLog(place, 10, NEVER, 100) as log:
        for number in range(250):
            log.write({"id": number, "time": NOW})
        assert (log.state().waiting, log.state().dropped) == (100, 150)
        log.write_frame({"time": NOW}, pl.DataFrame({"id": range(7)}))
        assert (log.state().waiting, log.state().dropped) == (100, 157)
        place.unlink()
        wait_until(lambda: log.state().waiting == 0)
        log.write({"id": 1000, "time": NOW})
    assert ids(place) == [*range(100), 1000]
    assert [record.message for record in caplog.records if "dropped" in record.message] == [
        "Predictions are dropped: too many are waiting. They are counted; this message appears once."
    ]


def test_the_bytes_that_wait_are_bounded(tmp_path: Path) -> None:
    log = PredictionLog(blocked(tmp_path), 10, NEVER, most_bytes=50_000)
    frame = pl.DataFrame({"id": range(20), "text": ["x" * 100] * 20})
    for number in range(100):
        log.write({"id": number, "time": NOW, "inputs": "x" * 1000})
        log.write_frame({"time": NOW}, frame)
        assert log.state().waiting_bytes <= 50_000
    state = log.state()
    assert state.waiting > 0
    assert state.waiting + state.dropped == 100 * 21
    log.close(0.0)
    wait_until(lambda: log.state().waiting == 0)
    assert (log.state().dropped, log.state().waiting, log.state().written) == (100 * 21, 0, 0)


def test_closing_gives_up_in_time_and_counts_what_is_lost(tmp_path: Path) -> None:
    log = PredictionLog(blocked(tmp_path), 1000, NEVER)
    for number in range(5):
        log.write({"id": number, "time": NOW})
    log.close(0.2)
    log.close(0.2)
    log.write({"id": 6, "time": NOW})
    wait_until(lambda: log.state().waiting == 0)
    assert (log.state().waiting, log.state().written, log.state().dropped) == (0, 0, 6)


def test_closing_waits_for_a_place_that_comes_back(tmp_path: Path) -> None:
    place = blocked(tmp_path)
    log = PredictionLog(place, 1, NEVER)
    log.write({"id": 0, "time": NOW})
    wait_until(lambda: log.state().error is not None)
    closing = Thread(target=log.close, args=(60.0,))
    closing.start()
    wait_until(lambda: log._deadline is not None)
    place.unlink()
    closing.join()
    assert ids(place) == [0]


DISK_FULL = """
import resource, signal, sys, time
from datetime import UTC, datetime
from foresell.serving.prediction_log.writer import PredictionLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails then, after it took what still fitted
now, limit = datetime(2026, 11, 20, 9, tzinfo=UTC), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
log = PredictionLog(sys.argv[1], 1, 3600.0)
log.write({"id": 0, "time": now, "inputs": "x" * 500})
while log.state().written < 1: time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (800, limit))
for number in range(1, 6):
    log.write({"id": number, "time": now, "inputs": "x" * 500})
while log.state().error is None: time.sleep(0.01)
print(log.state().error, log.state().waiting, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
log.close(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files")
def test_a_full_disk_leaves_no_torn_or_doubled_line(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DISK_FULL, tmp_path], capture_output=True, text=True, timeout=300)
    assert "File too large 5" in done.stdout.replace(f": '{tmp_path}'", ""), done.stderr
    found = read_predictions(tmp_path)
    assert (found.torn, found.frame["id"].to_list()) == (0, list(range(6)))


# --- when the process ends -------------------------------------------------------------------------------------------

WRITER = """
import os, signal, sys, time
from datetime import UTC, datetime
from foresell.serving.prediction_log.writer import PredictionLog
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
place, spool, seconds, progress = sys.argv[1:]
progress = os.open(progress, os.O_WRONLY | os.O_CREAT)
with PredictionLog(place, 10**9, float(seconds), spool=spool) as log:
    number = 0
    while True:
        log.write({"id": number, "time": datetime.now(UTC), "inputs": {"item": "x" * 200}})
        state = log.state()
        os.write(progress, b"%d %d\\n" % (number + 1, state.written + state.spooled))
        number += 1
        time.sleep(0.001)
"""


def end_a_writer(folder: Path, place: str, seconds: float, how: signal.Signals, kept: int) -> tuple[int, int]:
    """Ends a process that writes, once it has accepted 100 records and `kept` of them are on a disk.

    Returns how many it said to have accepted, and how many it said to be on a disk.
    """
    progress = folder / "progress.txt"
    command = [sys.executable, "-c", WRITER, place, str(folder / "spool"), str(seconds), str(progress)]

    def numbers() -> tuple[int, int]:
        lines = progress.read_text().splitlines() if progress.exists() else []
        accepted, on_disk = lines[-1].split() if lines else (0, 0)
        return int(accepted), int(on_disk)

    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: process.poll() is not None or (numbers()[0] >= 100 and numbers()[1] >= kept))
            assert process.poll() is None
            process.send_signal(how)
            process.wait(60)
        finally:
            process.kill()
    return numbers()


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_sigterm_loses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "place"
    accepted, _ = end_a_writer(tmp_path, str(place), NEVER, signal.SIGTERM, kept=0)
    log = read_predictions(place)
    assert log.torn == 0
    assert accepted <= log.frame.height <= accepted + 1  # the last may have been accepted and not told
    assert log.frame["id"].to_list() == list(range(log.frame.height))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("kind", ["folder", "bucket that is down"])
def test_sigkill_loses_none_that_is_on_a_disk(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, down = str(tmp_path / "place"), kind != "folder"
    if down:
        pytest.importorskip("obstore")
        endpoint = request.getfixturevalue("s3_endpoint")
        place = f"s3://foresell-predictions/killed-{time.time_ns()}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    _, on_disk = end_a_writer(tmp_path, place, 0.05, signal.SIGKILL, kept=100)
    if down:
        assert [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with PredictionLog(place, 1000, NEVER, spool=tmp_path / "spool") as log:  # the next start delivers
            wait_until(lambda: log.state().spooled == 0)
    kept = read_predictions(place).frame["id"].to_list()
    assert len(kept) >= on_disk
    assert kept == list(range(len(kept)))  # and what is lost is the end of it
