"""Room on a disk, tried on small ones."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foresell.core.errors import StoreError
from foresell.store import disk
from foresell.store.step_results import Steps


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no small disk: this user cannot mount one")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def run_check(steps: Steps, text: bytes, made_from: str) -> None:
    with steps.run_step("check", made_from) as folder:
        (folder / "panel").write_bytes(text)


def test_an_array_that_was_cut_is_said_to_lack_space(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    refused = pytest.raises(StoreError, match="no space is left there")
    with Path("/dev/full").open("wb") as full, refused, disk.writing(tmp_path):
        np.ones(1000).tofile(full)  # an OSError without a number


def test_a_full_disk_is_said_in_a_paragraph_and_the_results_from_before_stay(small_disk):
    steps = Steps(small_disk)
    run_check(steps, b"before", "a")
    with pytest.raises(StoreError, match="no space is left there"):
        run_check(steps, b"x" * (4 << 20), "b")
    assert (steps.folder("check") / "panel").read_bytes() == b"before"
    assert steps.up_to_date("check", "a")
    assert not list(steps.root.glob(".*.part"))


def test_what_polars_writes_is_noticed_too(small_disk):
    import polars as pl

    with pytest.raises(StoreError, match="no space is left there"), disk.writing(small_disk):
        pl.DataFrame({"a": os.urandom(4 << 20)}, schema={"a": pl.Binary}).write_parquet(small_disk / "a.parquet")


def test_a_step_that_needs_more_than_is_free_does_not_begin(small_disk):
    steps = Steps(small_disk)
    run_check(steps, b"x" * (1200 << 10), "a")
    with pytest.raises(StoreError, match=r"needs about 1\.2 MB .*\d kB are free"), steps.run_step("check", "b"):
        pytest.fail("it began")
    assert steps.up_to_date("check", "a")
    with pytest.raises(StoreError, match="The step backtest needs"), steps.run_step("backtest", "b"):
        pytest.fail("the size of the panel is what is known of it")


def test_a_disk_that_can_only_be_read_is_said(small_disk):
    steps = Steps(small_disk / "project")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="can only be read"), steps.locked():
        pytest.fail("it was let in")


def test_a_file_may_grow_too_large_for_the_system(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(StoreError, match="larger than the system allows"):
            run_check(Steps(tmp_path), b"x" * (2 << 20), "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_other_errors_pass(tmp_path):
    with pytest.raises(FileNotFoundError), disk.writing(tmp_path):
        (tmp_path / "nothing").read_bytes()
