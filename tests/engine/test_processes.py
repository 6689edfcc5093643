from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from foresell.engine.processes import ProcessEngine
from foresell.engine.protocol import LostBlock


def results(work, blocks, processes=2, seconds=60):
    return list(ProcessEngine(processes, seconds).map(work, blocks))


def test_results_come_in_order():
    assert results(abs, iter([-3, 2, -1, 0, -7])) == [3, 2, 1, 0, 7]
    assert results(abs, []) == []
    assert ProcessEngine(2).merge(abs, [-3, 2], max) == 3


def test_blocks_are_begun_while_the_first_takes_long(tmp_path):
    """The first waits for the file that the last makes; a shell does the waiting."""
    last = tmp_path / "last"
    blocks = [f"while ! test -e {last}; do sleep 0.05; done", *["true"] * 5, f"touch {last}"]
    assert results(os.system, blocks) == [0] * 7


def test_only_some_results_wait(monkeypatch):
    monkeypatch.setattr("foresell.engine.processes.WAITING", 3)
    begun = []
    engine = ProcessEngine(2).map(abs, (begun.append(number) or number for number in range(50)))
    assert next(engine) == 0
    assert len(begun) <= 3
    assert list(engine) == list(range(1, 50))


def test_each_process_computes_with_one_thread_and_prints_nothing_among_the_results():
    assert results(os.getenv, ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]) == ["1", "1"]
    assert results(print, ["a word"], 1) == [None]


def test_a_block_that_takes_too_long_is_given_up_and_the_others_are_done():
    assert results(time.sleep, [60, 0, 0], 1, 1) == [LostBlock("took more than 1 seconds", late=True), None, None]


def test_a_process_that_dies_loses_its_block_only():
    lost = LostBlock("its process ended by itself")
    assert results(os._exit, [3], 1) == [lost]
    assert results(eval, ["1 + 1", "__import__('os')._exit(3)", "2 + 2"], 1) == [2, lost, 4]


def test_an_error_of_the_work_is_raised_where_its_result_is_taken():
    engine = ProcessEngine(2).map(partial(divmod, 1), [1, 0, 2])
    assert next(engine) == (1, 0)
    with pytest.raises(ZeroDivisionError):
        next(engine)


def test_an_error_in_making_the_blocks_is_raised():
    with pytest.raises(ZeroDivisionError):
        results(abs, (1 // number for number in (1, 0)))


def test_large_arrays_go_through():
    rows = [np.arange(200_000.0) + number for number in range(4)]
    for row, result in zip(rows, results(np.cumsum, rows), strict=True):
        np.testing.assert_array_equal(result, np.cumsum(row))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_no_process_outlives_a_parent_that_is_killed(tmp_path):
    tasks = [
        f"(open({str(tmp_path / str(number))!r}, 'w').write(str(__import__('os').getpid())), "
        "__import__('time').sleep(300))"
        for number in range(2)
    ]
    code = f"from foresell.engine.processes import ProcessEngine\nlist(ProcessEngine(2, 300).map(eval, {tasks!r}))"
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        workers = [_read_number(tmp_path / str(number)) for number in range(2)]
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    for _ in range(1200):
        if not any(_alive(worker) for worker in workers):
            break
        time.sleep(0.05)
    assert not any(_alive(worker) for worker in workers)


def _read_number(path):
    for _ in range(1200):
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{path} was never written")


def _alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
