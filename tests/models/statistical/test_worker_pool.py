from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from foresell.models.statistical.worker_pool import LostTask, map_in_processes


def silent(done, total):
    pass


def test_answers_come_in_order_and_progress_rises():
    told = []
    answers = map_in_processes(abs, iter([-3, 2, -1, 0, -7]), 5, 2, 60, lambda done, total: told.append((done, total)))
    assert answers == [3, 2, 1, 0, 7]
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_each_process_computes_with_one_thread_and_prints_nothing_among_the_answers():
    assert map_in_processes(os.getenv, ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], 2, 2, 60, silent) == ["1", "1"]
    assert map_in_processes(print, ["a word"], 1, 1, 60, silent) == [None]


def test_a_task_that_takes_too_long_is_given_up_and_the_others_are_done(monkeypatch):
    real, limits = threading.Timer, []

    def timer(seconds, stop):  # the first task's time is over at once, that of the others never
        limits.append(seconds)
        return real(0 if len(limits) == 1 else 3600, stop)

    monkeypatch.setattr(threading, "Timer", timer)
    answers = map_in_processes(time.sleep, [600, 0, 0], 3, 1, 1, silent)
    assert answers == [LostTask("took more than 1 seconds", late=True), None, None]
    assert limits == [1, 1, 1]


def test_a_process_that_dies_loses_its_task_only():
    answers = map_in_processes(os._exit, [3], 1, 1, 60, silent)
    assert answers == [LostTask("its process ended by itself")]
    answers = map_in_processes(eval, ["1 + 1", "__import__('os')._exit(3)", "2 + 2"], 3, 1, 60, silent)
    assert answers == [2, LostTask("its process ended by itself"), 4]


def test_an_error_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        map_in_processes(partial(divmod, 1), [1, 0, 2], 3, 2, 60, silent)


def test_large_arrays_go_through():
    rows = [np.arange(200_000.0) + number for number in range(4)]
    answers = map_in_processes(np.cumsum, rows, 4, 2, 60, silent)
    for row, answer in zip(rows, answers, strict=True):
        np.testing.assert_array_equal(answer, np.cumsum(row))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_no_process_outlives_a_parent_that_is_killed(tmp_path):
    tasks = [
        f"(open({str(tmp_path / str(number))!r}, 'w').write(str(__import__('os').getpid())), "
        "__import__('time').sleep(300))"
        for number in range(2)
    ]
    code = (
        "from foresell.models.statistical.worker_pool import map_in_processes\n"
        f"map_in_processes(eval, {tasks!r}, 2, 2, 300, lambda done, total: None)"
    )
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
