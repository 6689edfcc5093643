from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.core.errors import StoreError, UnreadableFile, UsageError
from foresell.store.tables import atomic_path, read_table, scan_table, write_table

FRAME = pl.DataFrame(
    {
        "store": ["CA_1", None, "Zürich"],
        "date": [date(2024, 2, 29), date(2024, 3, 1), None],
        "mean": pl.Series([1.5, float("nan"), None], dtype=pl.Float32),
    }
)


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "forecasts.parquet"
    write_table(FRAME, path)
    assert_frame_equal(read_table(path), FRAME)
    assert read_table(path, ["mean", "store"]).columns == ["mean", "store"]
    assert scan_table(path).filter(pl.col("store") == "CA_1").collect().height == 1
    assert [file.name for file in path.parent.iterdir()] == ["forecasts.parquet"]


def test_a_name_with_glob_characters_is_just_a_name(tmp_path: Path) -> None:
    write_table(FRAME, tmp_path / "a[1]*.parquet")
    assert_frame_equal(read_table(tmp_path / "a[1]*.parquet"), FRAME)


def test_a_failed_write_leaves_the_old_table_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.parquet"
    write_table(FRAME, path)
    with suppress(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert_frame_equal(read_table(path), FRAME)
    assert [file.name for file in tmp_path.iterdir()] == ["forecasts.parquet"]


def test_a_killed_write_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.parquet"
    write_table(FRAME, path)
    script = (
        "import sys, time; from pathlib import Path; from foresell.store.tables import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); print('writing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert_frame_equal(read_table(path), FRAME)


def test_what_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it does not exist"):
        read_table(tmp_path / "none.parquet")
    whole = tmp_path / "whole.parquet"
    write_table(FRAME, whole)
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="not a whole Parquet file"):
        read_table(truncated)
    with pytest.raises(UsageError, match="lacks a column"):
        read_table(whole, ["mean", "median"])
    with pytest.raises(UsageError, match="expected a local path or s3://"):
        write_table(FRAME, "gopher://bucket/a.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="access was refused"):
        write_table(FRAME, tmp_path / "a.parquet")


def test_a_file_in_place_of_a_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("I am a file")
    with pytest.raises(StoreError, match="could not be written"):
        write_table(FRAME, tmp_path / "results" / "a.parquet")


def test_a_bucket_takes_and_gives_tables(s3_endpoint: str) -> None:
    path = f"s3://foresell-tables/{time.time_ns()}/forecasts.parquet"
    write_table(FRAME, path)
    assert_frame_equal(read_table(path), FRAME)
    write_table(FRAME.head(1), path)
    assert scan_table(path).collect().height == 1
    assert read_table(Path(path)).height == 1
    with pytest.raises(StoreError, match="it does not exist"):
        read_table("s3://foresell-tables/none.parquet")


def test_a_wrong_secret_is_refused_and_not_shown(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "s3://foresell-tables/refused.parquet"
    write_table(FRAME, path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")  # noticed though the bucket was reached before
    for attempt in (lambda: write_table(FRAME, path), lambda: read_table(path)):
        with pytest.raises(StoreError, match="access was refused") as refused:
            attempt()
        assert "not-the-secret" not in str(refused.value)


def test_a_store_that_is_not_there_is_explained(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="Check AWS_ENDPOINT_URL"):
        read_table("s3://foresell-tables/forecasts.parquet")
