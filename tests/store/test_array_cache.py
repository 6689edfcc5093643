"""Arrays that are kept: by their key, whole or not at all, and only the newest."""

from __future__ import annotations

import os

import numpy as np

from foresell.store.array_cache import ArrayCache


def test_arrays_come_back_by_name_and_key(tmp_path):
    cache = ArrayCache(tmp_path / "kept")
    assert cache.read("paths", "a") is None
    cache.write("paths", "a", {"units": np.arange(6).reshape(2, 3), "label": np.array(["x", "yz"])}, most=2)
    kept = cache.read("paths", "a")
    assert kept is not None
    assert kept["units"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert kept["label"].tolist() == ["x", "yz"]
    assert cache.read("paths", "b") is None
    assert cache.read("windows", "a") is None


def test_a_damaged_file_counts_as_none(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.write("paths", "a", {"units": np.arange(1000)}, most=1)
    (file,) = tmp_path.iterdir()
    for damaged in (file.read_bytes()[:200], b"", b"no archive"):
        file.write_bytes(damaged)
        assert cache.read("paths", "a") is None


def test_the_oldest_go_and_other_names_stay(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.write("windows", "w", {"n": np.zeros(1)}, most=1)
    for age, key in ((30, "a"), (20, "b"), (10, "c")):
        cache.write("paths", key, {"n": np.zeros(1)}, most=2)
        file = tmp_path / f"paths-{key}.npz"
        os.utime(file, (file.stat().st_mtime - age,) * 2)
    cache.write("paths", "d", {"n": np.zeros(1)}, most=2)
    assert [cache.read("paths", key) is not None for key in "abcd"] == [False, False, True, True]
    assert cache.read("windows", "w") is not None


def test_what_cannot_be_written_is_not_kept(tmp_path):
    (tmp_path / "kept").write_text("a file where the folder would be")
    cache = ArrayCache(tmp_path / "kept")
    cache.write("paths", "a", {"n": np.zeros(1)}, most=1)
    assert cache.read("paths", "a") is None
