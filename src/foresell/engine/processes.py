"""Small blocks are worked on in processes: one for each core, one block at a time for each process.

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
from itertools import count
from queue import SimpleQueue
from typing import Any

from foresell.engine.protocol import Block, Engine, LostBlock, Result

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")

START = "from foresell.engine.worker_process import main; main()"

WAITING = 1024
"""How many blocks may be begun before the result of the first of them is taken: while one takes long, the other
processes go on. Blocks and results are small here."""

ENDED = "its process ended by itself"


@dataclass(frozen=True)
class ProcessEngine(Engine):
    """An engine of so many processes, as many as there are cores where not given.

    A process that takes more than `seconds` for a block, or ends meanwhile, is replaced, and a `LostBlock` comes in the
    place of its result.
    """

    processes: int | None = None
    seconds: float = 120.0

    def map(self, work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Any]:
        """See `Engine.map`; gives results, and `LostBlock` for those that were given up."""
        pool = _WorkerPool(work, blocks, self.seconds)
        n_threads = self.processes or core_count()
        threads = [threading.Thread(target=pool.serve, daemon=True) for _ in range(n_threads)]
        waiting: dict[int, Any] = {}
        try:
            for thread in threads:
                thread.start()
            for number in count():
                while number not in waiting and n_threads:
                    place, result = pool.results.get()
                    if place is None:
                        n_threads -= 1
                        if isinstance(result, BaseException):
                            raise result
                    else:
                        waiting[place] = result
                if number not in waiting:
                    break
                result = waiting.pop(number)
                if isinstance(result, Exception):
                    raise result
                yield result
                pool.slots.release()
        finally:
            pool.close(len(threads))
        for thread in threads:
            thread.join()


def core_count() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _WorkerPool:
    """The blocks that remain, the results, and the running processes."""

    def __init__(self, work: Callable[[Any], Any], blocks: Iterable[Any], seconds: float):
        self.work = work
        self.seconds = seconds
        self.results: SimpleQueue[tuple[int | None, Any]] = SimpleQueue()
        self.slots = threading.Semaphore(WAITING)
        self._remaining: Iterator[tuple[int, Any]] = iter(enumerate(blocks))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._closed = False

    def serve(self) -> None:
        """The work of one thread: sends blocks to one process and puts its results, by number, into `results`.

        At the end it puts None for a number, with the error that ended it if there was one.
        """
        process, ending = None, None
        try:
            while (task := self._next()) is not None:
                process = process or self._start()
                result = self._ask(process, task[1])
                self.results.put((task[0], result))
                if isinstance(result, LostBlock):
                    process = None
        except BaseException as error:
            ending = None if self._closed else error
        self.results.put((None, ending))

    def close(self, threads: int) -> None:
        """Ends all processes, also in the middle of a block, and so many threads."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                _end(process)
        self.slots.release(threads)

    def _next(self) -> tuple[int, Any] | None:
        self.slots.acquire()
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
        if isinstance(ready, LostBlock):
            raise RuntimeError(f"A process of {sys.executable} to work on blocks did not start.")
        return process

    def _ask(self, process: subprocess.Popen[bytes], block: Any) -> Any:
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, stop)
        timer.daemon = True
        timer.start()
        result = _exchange(process, block)
        timer.cancel()
        if isinstance(result, LostBlock):
            with self._lock:
                self._processes.remove(process)
                _end(process)
        return LostBlock(f"took more than {self.seconds:g} seconds", late=True) if late.is_set() else result


def _exchange(process: subprocess.Popen[bytes], message: Any) -> Any:
    """The answer of the process to a message; a `LostBlock` where the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        return pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        return LostBlock(ENDED)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # the buffer may hold bytes for a process that has ended
                pipe.close()
