from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.serving.prediction_log.reader import read_predictions
from foresell.serving.prediction_log.upload_spool import ABANDONED_SECONDS
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.store.objects import Bucket

pytest.importorskip("obstore", reason="no client of object stores: obstore is not installed")

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
NEVER = 3600.0


class Door:
    """A way to the S3 server that can be shut and opened again: shut, it refuses and breaks off what is under way."""

    def __init__(self, server: str):
        parts = urlsplit(server)
        self._server = (str(parts.hostname), int(str(parts.port)))
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            for one in [self._listener, *self._open]:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._listener, self._open = None, []

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for source, target in [(client, server), (server, client)]:
                    Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def door(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A door to the bucket, open; the environment leads through it."""
    door = Door(s3_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", door.address)
    door.open()
    yield door
    door.shut()


@pytest.fixture
def place() -> str:
    """A prefix of a bucket that no other test writes to."""
    return f"s3://foresell-predictions/test-{time.time_ns()}"


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen within 60 seconds"
        time.sleep(0.01)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_each_batch_is_an_object_in_the_folder_of_its_hour(place: str, s3_endpoint: str, tmp_path: Path) -> None:
    with PredictionLog(place, 3, NEVER, spool=tmp_path) as log:
        for number in range(6):
            log.write({"id": number, "time": NOW + timedelta(hours=number // 3)})
            if number == 2:
                wait_until(lambda: log.state().written == 3)
    names = Bucket(place).names()
    assert [name.rpartition("/")[0] for name in names] == ["date=2026-11-20/hour=09", "date=2026-11-20/hour=10"]
    assert Bucket(place).get(names[0]).splitlines()[0] == b'{"id":0,"time":"2026-11-20T09:30:00Z"}'
    assert read_predictions(place).frame["id"].to_list() == list(range(6))
    assert (log.state().written, log.state().spooled, log.state().spooled_bytes) == (6, 0, 0)
    assert files(tmp_path) == []


def test_a_batch_larger_than_one_part_arrives_whole(place: str, s3_endpoint: str, tmp_path: Path) -> None:
    with PredictionLog(place, 1000, NEVER, spool=tmp_path) as log:
        log.write_frame({"time": NOW}, pl.DataFrame({"id": range(30_000), "text": ["x" * 300] * 30_000}))
        wait_until(lambda: log.state().written == 30_000)
    found = read_predictions(place)
    assert (found.torn, found.frame["id"].to_list()) == (0, list(range(30_000)))
    assert len(Bucket(place).names()) == 1


def test_a_bucket_that_goes_away_and_comes_back_has_all(place: str, door: Door, tmp_path: Path) -> None:
    with PredictionLog(place, 5, NEVER, most_waiting=40, spool=tmp_path) as log:

        def write(first: int, last: int) -> None:
            for number in range(first, last):
                log.write({"id": number, "time": NOW})
                wait_until(lambda: log.state().waiting < 20)

        write(0, 20)
        wait_until(lambda: log.state().written == 20)
        door.shut()
        write(20, 520)  # many times what may wait in memory
        wait_until(lambda: log.state().waiting == 0 and log.state().error is not None)
        state = log.state()
        assert (state.written, state.spooled, state.dropped) == (20, 500, 0)
        assert state.spooled_bytes == sum(path.stat().st_size for path in files(tmp_path))
        assert state.failing_since is not None
        assert place in str(state.error)
        door.open()
        wait_until(lambda: log.state().written == 520)
        assert (log.state().spooled, log.state().error, log.state().failing_since) == (0, None, None)
        write(520, 530)
    found = read_predictions(place)
    assert (found.torn, found.frame["id"].to_list()) == (0, list(range(530)))


def test_what_waits_at_the_end_is_delivered_by_the_next_start_and_once(place: str, door: Door, tmp_path: Path) -> None:
    door.shut()
    with PredictionLog(place, 4, NEVER, spool=tmp_path / "spool") as log:
        for number in range(10):
            log.write({"id": number, "time": NOW})
    assert (log.state().waiting, log.state().spooled, log.state().dropped) == (0, 10, 0)
    shutil.copytree(tmp_path / "spool", tmp_path / "copy")
    door.open()
    with PredictionLog(place, 4, NEVER, spool=tmp_path / "spool") as log:
        wait_until(lambda: log.state().written == 10)
    assert files(tmp_path / "spool") == []
    # Killed after the bucket took them and before they were deleted: they are delivered again, as the same objects.
    with PredictionLog(place, 4, NEVER, spool=tmp_path / "copy") as log:
        wait_until(lambda: log.state().written == 10)
    assert read_predictions(place).frame["id"].to_list() == list(range(10))


def test_what_waits_for_one_bucket_never_goes_to_another(place: str, door: Door, tmp_path: Path) -> None:
    door.shut()
    with PredictionLog(place, 1, NEVER, spool=tmp_path) as log:
        log.write({"id": 1, "time": NOW})
    door.open()
    with PredictionLog(place + "/deeper", 1, NEVER, spool=tmp_path) as log:
        log.write({"id": 2, "time": NOW})
    assert read_predictions(place + "/deeper").frame["id"].to_list() == [2]
    assert log.state().spooled == 0
    assert len(files(tmp_path)) == 1


def test_two_processes_may_share_a_spool(place: str, door: Door, tmp_path: Path) -> None:
    door.shut()
    with PredictionLog(place, 1, NEVER, spool=tmp_path) as log:
        log.write({"id": 0, "time": NOW})
    logs = [PredictionLog(place, 1, NEVER, spool=tmp_path) for _ in range(3)]  # each finds what was left
    door.open()
    for number, log in enumerate(logs):
        log.write({"id": number + 1, "time": NOW})
    for log in logs:
        wait_until(lambda log=log: log.state().spooled == 0)
        log.close()
    assert sorted(read_predictions(place).frame["id"]) == [0, 1, 2, 3]


def test_a_full_spool_is_a_full_disk(place: str, door: Door, tmp_path: Path) -> None:
    door.shut()
    with PredictionLog(place, 1, NEVER, most_waiting=20, spool=tmp_path, spool_bytes=5_000) as log:
        for number in range(200):
            log.write({"id": number, "time": NOW, "inputs": "x" * 100})
            time.sleep(0.001)
        wait_until(lambda: "may hold 5,000" in str(log.state().error))
        state = log.state()
        assert state.spooled_bytes <= 5_000
        assert state.waiting <= 20
        assert state.dropped > 0
        assert state.spooled + state.waiting + state.dropped == 200
        door.open()
        wait_until(lambda: log.state().written == 200 - state.dropped)
    found = read_predictions(place).frame["id"]
    assert found.n_unique() == found.len() == 200 - state.dropped


def test_a_spool_that_cannot_be_written_does_not_stop_the_callers(place: str, s3_endpoint: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.write_text("I am a file")
    with PredictionLog(place, 1, NEVER, spool=spool) as log:
        log.write({"id": 1, "time": NOW})
        wait_until(lambda: str(spool) in str(log.state().error))
        spool.unlink()
        wait_until(lambda: log.state().written == 1)


def test_foreign_and_half_written_files_in_the_spool_are_left_alone(
    place: str, s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PredictionLog(place, 1, NEVER, spool=tmp_path).close()
    with PredictionLog(place, 1, NEVER, spool=tmp_path) as log:
        log.write({"id": 1, "time": NOW})
    (folder,) = tmp_path.iterdir()
    (folder / "notes.txt").write_text("mine")
    (folder / ".new.part").write_text("{")
    (folder / ".old.part").write_text("{")
    an_hour_ago = time.time() - ABANDONED_SECONDS - 60
    os.utime(folder / ".old.part", (an_hour_ago, an_hour_ago))
    PredictionLog(place, 1, NEVER, spool=tmp_path).close()
    assert [path.name for path in files(tmp_path)] == [".new.part", "notes.txt"]
    assert len(Bucket(place).names()) == 1


def test_a_wrong_secret_is_shown_in_the_state_and_not_spelled_out(
    place: str, s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with PredictionLog(place, 1, NEVER, spool=tmp_path) as log:
        log.write({"id": 1, "time": NOW})
        wait_until(lambda: log.state().error is not None)
    assert "access was refused" in str(log.state().error)
    assert "not-the-secret" not in str(log.state().error)
    assert len(files(tmp_path)) == 1


def test_the_spool_is_in_the_users_folder_where_none_is_named(
    place: str, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    door.shut()
    with PredictionLog(place, 1, NEVER) as log:
        log.write({"id": 1, "time": NOW})
    (file,) = files(tmp_path)
    assert file.is_relative_to(tmp_path / "foresell")


def test_an_address_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    for address in ("gs://bucket/log", "s3:///log"):
        with pytest.raises(UsageError, match="expected s3://bucket/prefix"):
            PredictionLog(address, 1, NEVER, spool=tmp_path)


def test_without_obstore_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(UsageError, match="Install the extra 'serve'"):
        PredictionLog("s3://bucket/log", 1, NEVER, spool=tmp_path)
    with PredictionLog(tmp_path / "log", 1, NEVER) as log:  # a folder needs nothing
        log.write({"id": 1, "time": NOW})
    assert log.state().written == 1
