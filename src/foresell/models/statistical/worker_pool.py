"""Many small tasks on all cores: one process for each core, one task at a time for each process.

The processes are fresh ones, not forks: libraries with threads of their own (Polars, LightGBM, BLAS) do not survive a
fork, and a fresh one does not run the caller's script again, as those of `multiprocessing` do. Each computes with one
thread. They end with the process that started them, see `worker`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")

START = "from foresell.models.statistical.worker_process import main; main()"

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Lost:
    """The answer to a task whose process took too long over it, or died of it."""

    reason: str
    late: bool = False


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    work: Callable[[Any], Any], tasks: Iterable[Any], total: int, processes: int, seconds: float, tell: Tell
) -> list[Any]:
    """`work` of each of the `total` tasks, in their order, done by that many processes.

    `work` is a function of a module (or a partial of one) that answers for whatever may go wrong with a task. A
    process that takes more than `seconds` over one, or dies of it, is replaced, and the answer is `Lost`. `tell` hears
    how many of how many are done. What `work` raises all the same is raised here.
    """
    crew = _Crew(work, tasks, seconds)
    found: list[Any] = [None] * total
    threads = [threading.Thread(target=crew.serve, daemon=True) for _ in range(min(processes, total))]
    try:
        for thread in threads:
            thread.start()
        for done in range(1, total + 1):
            place, answer = crew.answers.get()
            if isinstance(answer, BaseException):
                raise answer
            found[place] = answer
            tell(done, total)
    finally:
        crew.dismiss()
    for thread in threads:
        thread.join()
    return found


class _Crew:
    """The tasks still to do, the answers so far, and the processes at work."""

    def __init__(self, work: Callable[[Any], Any], tasks: Iterable[Any], seconds: float):
        self.work = work
        self.seconds = seconds
        self.answers: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._todo: Iterator[tuple[int, Any]] = iter(enumerate(tasks))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._over = False

    def serve(self) -> None:
        """One thread: hands tasks to one process, and waits for its answers."""
        process = None
        place = -1
        try:
            while (task := self._next()) is not None:
                place = task[0]
                process = process or self._start()
                answer = self._ask(process, task[1])
                self.answers.put((place, answer))
                if isinstance(answer, Lost):
                    process = None
        except BaseException as error:
            if not self._over:
                self.answers.put((place, error))

    def dismiss(self) -> None:
        """Ends all processes, whatever they are at."""
        with self._lock:
            self._over = True
            for process in self._processes:
                _end(process)

    def _next(self) -> tuple[int, Any] | None:
        with self._lock:
            return None if self._over else next(self._todo, None)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with self._lock:
            if self._over:
                raise RuntimeError("no more processes are wanted")
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            self._processes.append(process)
        ready = _exchange(process, self.work)
        if isinstance(ready, Lost):
            raise RuntimeError(f"A process of {sys.executable} to fit series with did not start.")
        return process

    def _ask(self, process: subprocess.Popen[bytes], task: Any) -> Any:
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, stop)
        timer.daemon = True
        timer.start()
        answer = _exchange(process, task)
        timer.cancel()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Lost):
            with self._lock:
                self._processes.remove(process)
                _end(process)
        return Lost(f"took more than {self.seconds:g} seconds", late=True) if late.is_set() else answer


def _exchange(process: subprocess.Popen[bytes], message: Any) -> Any:
    """What the process answers to a message; `Lost` where it ended instead."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        return pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        return Lost("its process ended by itself")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # something may be left that was to be written to a process that is gone
                pipe.close()
