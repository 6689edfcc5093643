from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foresell.serving.prediction_log.hourly_files import Folder, part_name
from foresell.serving.prediction_log.reader import read_predictions

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_names_are_never_the_same_and_later_ones_sort_later() -> None:
    names = [part_name() for _ in range(200)]
    assert len(set(names)) == 200
    moments = [name.split("-")[1] for name in names]
    assert moments == sorted(moments)


def test_lines_that_cannot_be_taken_back_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    folder.keep(NOW, b'{"id":1}\n')
    real = os.fsync

    def refuse(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(OSError, match="the disk is gone"):
        folder.keep(NOW, b'{"id":2')
    monkeypatch.setattr(os, "fsync", real)
    folder.keep(NOW, b'{"id":2}\n')
    found = read_predictions(tmp_path)
    assert (found.frame["id"].to_list(), found.torn) == ([1, 2], 1)
