"""A pool of worker processes for many small tasks: one process for each core, one task at a time for each process.

The processes are new ones, not forks, because libraries with their own threads (Polars, LightGBM, BLAS) do not survive
a fork. Unlike the processes of `multiprocessing`, they do not run the caller's script again. Each computes with one
thread. They end with the process that started them, see `worker_process`.
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

PoolProgress = Callable[[int, int], None]
"""Called with the number of tasks that are done and of all tasks."""


@dataclass(frozen=True)
class LostTask:
    """The answer to a task whose process took too long or ended. `late` is true where it took too long."""

    reason: str
    late: bool = False


def core_count() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    work: Callable[[Any], Any], tasks: Iterable[Any], total: int, processes: int, seconds: float, progress: PoolProgress
) -> list[Any]:
    """The answers of `work` to each of the `total` tasks, in their order, from that many processes.

    `work` is a function of a module, or a partial of one. A process that takes more than `seconds` for a task, or ends
    during a task, is replaced, and the answer to its task is a `LostTask`. An exception in `work` is raised here.
    """
    pool = _WorkerPool(work, tasks, seconds)
    answers: list[Any] = [None] * total
    threads = [threading.Thread(target=pool.serve, daemon=True) for _ in range(min(processes, total))]
    try:
        for thread in threads:
            thread.start()
        for done in range(1, total + 1):
            number, answer = pool.answers.get()
            if isinstance(answer, BaseException):
                raise answer
            answers[number] = answer
            progress(done, total)
    finally:
        pool.close()
    for thread in threads:
        thread.join()
    return answers


class _WorkerPool:
    """The tasks that remain, the answers, and the running processes."""

    def __init__(self, work: Callable[[Any], Any], tasks: Iterable[Any], seconds: float):
        self.work = work
        self.seconds = seconds
        self.answers: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._remaining: Iterator[tuple[int, Any]] = iter(enumerate(tasks))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._closed = False

    def serve(self) -> None:
        """The work of one thread: sends tasks to one process and waits for its answers."""
        process = None
        number = -1
        try:
            while (task := self._next()) is not None:
                number = task[0]
                process = process or self._start()
                answer = self._ask(process, task[1])
                self.answers.put((number, answer))
                if isinstance(answer, LostTask):
                    process = None
        except BaseException as error:
            if not self._closed:
                self.answers.put((number, error))

    def close(self) -> None:
        """Ends all processes, also in the middle of a task."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                _end(process)

    def _next(self) -> tuple[int, Any] | None:
        with self._lock:
            return None if self._closed else next(self._remaining, None)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            self._processes.append(process)
        ready = _exchange(process, self.work)
        if isinstance(ready, LostTask):
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
        if isinstance(answer, LostTask):
            with self._lock:
                self._processes.remove(process)
                _end(process)
        return LostTask(f"took more than {self.seconds:g} seconds", late=True) if late.is_set() else answer


def _exchange(process: subprocess.Popen[bytes], message: Any) -> Any:
    """The answer of the process to a message; a `LostTask` where the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        return pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        return LostTask("its process ended by itself")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # the buffer may hold bytes for a process that has ended
                pipe.close()
