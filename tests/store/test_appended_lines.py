"""A file of lines that several processes append to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from foresell.core.errors import StoreError, UnreadableFile
from foresell.store import appended_lines
from foresell.store.lock import file_lock


def rows(path: Path) -> list[object]:
    return [json.loads(line) for line in appended_lines.read(path)]


def test_lines_are_read_in_the_order_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert rows(path) == []
    appended_lines.append(path, [{"a": 1}, {"a": "ä\n"}])
    appended_lines.append(path, [{"a": 3}])
    assert rows(path) == [{"a": 1}, {"a": "ä\n"}, {"a": 3}]


def test_what_a_killed_writer_left_of_a_line_goes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a":1}\n{"a":2,"wh')
    assert rows(path) == [{"a": 1}]
    appended_lines.append(path, [{"a": 3}])
    assert rows(path) == [{"a": 1}, {"a": 3}]
    path.write_text('{"a":1}\n{"a":2}')  # an editor that ends no last line
    appended_lines.append(path, [{"a": 3}])
    assert rows(path) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_line_that_is_no_json_is_an_error_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a":1}\noops\n{"a":2}\n')
    with pytest.raises(UnreadableFile, match="the first is line 2"):
        appended_lines.read(path)


def test_writers_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    code = "import sys; from pathlib import Path; from foresell.store.appended_lines import append\n"
    code += "for n in range(20): append(Path(sys.argv[1]), [{'writer': sys.argv[2], 'n': n}])"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    written = {(row["writer"], row["n"]) for row in rows(path)}
    assert written == {(str(writer), n) for writer in range(3) for n in range(20)}


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appended_lines, "WAIT_SECONDS", 0.1)
    with file_lock(tmp_path / ".log.jsonl.lock", 0), pytest.raises(StoreError, match="Another process"):
        appended_lines.append(tmp_path / "log.jsonl", [{}])
