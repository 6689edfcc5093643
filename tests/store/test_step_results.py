from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.store import step_results
from foresell.store.step_results import Steps, fingerprint, input_fingerprint


def write(steps: Steps, step: str, made_from: str, content: str) -> None:
    with steps.run_step(step, made_from) as folder:
        (folder / "table.txt").write_text(content)


def test_a_step_is_up_to_date_for_its_own_fingerprint_only(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    assert not steps.up_to_date("features", "a")
    write(steps, "features", "a", "first")
    assert steps.up_to_date("features", "a")
    assert not steps.up_to_date("features", "b")
    assert not steps.up_to_date("backtest", "a")
    write(steps, "features", "b", "second")
    assert (steps.folder("features") / "table.txt").read_text() == "second"
    assert not steps.up_to_date("features", "a")


def test_a_step_whose_files_were_cut_or_removed_is_not_done(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    write(steps, "train", "a", "whole")
    (steps.folder("train") / "table.txt").write_text("who")
    assert not steps.up_to_date("train", "a")
    write(steps, "train", "a", "whole")
    (steps.folder("train") / "table.txt").unlink()
    assert not steps.up_to_date("train", "a")
    (steps.folder("train") / "step.json").write_text("{ half")
    assert steps.record("train") is None


def test_a_step_that_fails_leaves_the_results_from_before(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    write(steps, "train", "a", "good")
    with suppress(ZeroDivisionError), steps.run_step("train", "b") as folder:
        (folder / "table.txt").write_text("half")
        raise ZeroDivisionError
    assert steps.up_to_date("train", "a")
    assert (steps.folder("train") / "table.txt").read_text() == "good"
    assert [entry.name for entry in steps.root.iterdir()] == ["train"]


def test_checkpoints_stay_until_the_step_is_done(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    with suppress(ZeroDivisionError), steps.run_step("train", "a"):
        steps.checkpoints("train").mkdir()
        raise ZeroDivisionError
    with steps.locked():
        assert steps.checkpoints("train").is_dir()
        write(steps, "backtest", "a", "other")
        assert steps.checkpoints("train").is_dir()
        write(steps, "train", "a", "good")
        assert not steps.checkpoints("train").exists()


HOLDER = """
import sys
from foresell.store.step_results import Steps
steps = Steps(sys.argv[1])
with steps.locked(), steps.run_step("train", "a") as folder:
    (folder / "table.txt").write_text("half")
    print("at work", flush=True)
    sys.stdin.read()
"""


def test_two_runs_do_not_mix_and_a_killed_one_is_taken_over(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"at work\n"
        with pytest.raises(UsageError, match=f"process {holder.pid} since"), steps.locked():
            pass
        assert not steps.up_to_date("train", "a")
        holder.send_signal(signal.SIGKILL)
    with steps.locked():
        assert [entry.name for entry in steps.root.iterdir()] == [".lock"]
        write(steps, "train", "a", "whole")
    assert steps.up_to_date("train", "a")
    with steps.locked():  # and is free again
        pass


def test_who_holds_the_lock_is_let_in_again_and_no_one_else(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    with steps.locked():
        with steps.locked():
            pass
        with pytest.raises(UsageError, match="Another run"), Steps(tmp_path).locked():
            pass
        with ThreadPoolExecutor(1) as pool, pytest.raises(UsageError, match="Another run"):
            pool.submit(_enter, steps).result()
    with Steps(tmp_path).locked():  # and is free when the outer block is done
        pass


def _enter(steps: Steps) -> None:
    with steps.locked():
        pass


def test_a_kill_while_results_change_places_leaves_the_step_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(tmp_path)
    write(steps, "train", "a", "old")
    renamed: list[Path] = []
    rename = Path.rename

    def die_at_the_second(self: Path, target: Path) -> Path:
        renamed.append(self)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", die_at_the_second)
    with suppress(KeyboardInterrupt):
        write(steps, "train", "b", "new")
    monkeypatch.undo()
    assert not steps.up_to_date("train", "a")
    assert not steps.up_to_date("train", "b")
    with steps.locked():
        write(steps, "train", "b", "new")
    assert steps.up_to_date("train", "b")
    assert sorted(entry.name for entry in steps.root.iterdir()) == [".lock", "train"]


def test_status_lists_what_is_done_in_order(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    assert steps.status() == []
    for step in ("check", "features", "backtest"):
        write(steps, step, step, "1234")
    write(steps, "check", "again", "12345")
    assert [record.step for record in steps.status()] == ["features", "backtest", "check"]
    assert steps.status()[-1].files == {"table.txt": 5}
    assert all(record.seconds >= 0 and record.finished.tzinfo for record in steps.status())


@pytest.mark.parametrize("name", ["../outside", "", ".hidden", "a/b"])
def test_a_step_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="step name"):
        Steps(tmp_path).folder(name)


def test_a_fingerprint_follows_every_part_and_no_order_of_keys() -> None:
    one = parse_settings({"data": {"sales": "a.csv", "keys": ["store"]}, "horizon": 14})
    other = parse_settings({"horizon": 14, "data": {"keys": ["store"], "sales": "a.csv"}})
    assert fingerprint(one, Path("x"), 1) == fingerprint(other, Path("x"), 1)
    assert len({fingerprint(one), fingerprint(one.data), fingerprint(one, 1), fingerprint(1, one)}) == 4
    other_process = subprocess.run(
        [
            sys.executable,
            "-c",
            "from foresell.store.step_results import fingerprint as f; print(f({'b': 1, 'a': (2, 'x')}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert other_process.stdout.strip() == fingerprint({"a": (2, "x"), "b": 1})


def test_an_input_fingerprint_sees_every_kind_of_change(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("a,b\n1,2\n")
    os.utime(file, ns=(0, 0))
    fingerprints = [input_fingerprint("sales.csv", tmp_path)]
    assert input_fingerprint("sales.csv", tmp_path) == fingerprints[0]
    file.write_text("a,b\n1,3\n")
    os.utime(file, ns=(0, 0))  # same size and time, other content
    fingerprints.append(input_fingerprint("sales.csv", tmp_path))
    fingerprints += [
        input_fingerprint("*.csv", tmp_path),
        input_fingerprint(".", tmp_path),
        input_fingerprint("no", tmp_path),
    ]
    (tmp_path / "more.csv").write_text("a,b\n")
    fingerprints += [input_fingerprint("*.csv", tmp_path), input_fingerprint(".", tmp_path)]
    (tmp_path / "book.xlsx").write_text("1")
    fingerprints += [input_fingerprint(path, tmp_path) for path in ("book.xlsx/Sales", "*.xlsx/Sales")]
    (tmp_path / "book.xlsx").write_text("2")
    fingerprints += [input_fingerprint(path, tmp_path) for path in ("book.xlsx/Sales", "*.xlsx/Sales")]
    assert len(set(fingerprints)) == len(fingerprints)


def test_a_file_that_was_only_copied_is_the_same_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.csv"
    file.write_text("a,b\n1,2\n")
    before = input_fingerprint("weights.csv", tmp_path)
    os.utime(file, ns=(1, 1))
    assert input_fingerprint("weights.csv", tmp_path) == before
    # Of a larger file only the beginning is read, so its time tells of changes further on.
    monkeypatch.setattr(step_results, "HEAD_BYTES", 4)
    before = input_fingerprint("weights.csv", tmp_path)
    os.utime(file, ns=(2, 2))
    assert input_fingerprint("weights.csv", tmp_path) != before


def test_a_project_that_moves_stays_up_to_date(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "sales.csv").write_text("a\n1\n")
    before = input_fingerprint("sales.csv", old)
    old.rename(new)
    assert input_fingerprint("sales.csv", new) == before


def test_an_object_in_a_bucket_is_never_taken_for_unchanged() -> None:
    assert input_fingerprint("s3://bucket/sales.csv") != input_fingerprint("s3://bucket/sales.csv")
