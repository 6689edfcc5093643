"""One process of `processes`: it reads tasks from its standard input and writes their answers to standard output.

It ends at once when its input ends, also in the middle of a task. So no worker outlives the process that started it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from queue import SimpleQueue
from typing import Any


def main() -> None:
    """Reads the function, answers True when it is ready, and then answers task after task. It does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a keyboard interrupt is handled by the starting process
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # text that a library prints must not get among the answers
    tasks: SimpleQueue[Any] = SimpleQueue()
    work = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    _write(sink, True)
    while True:
        task = tasks.get()
        try:
            _write(sink, work(task))
        except Exception as error:  # an error in the program, because `work` handles errors of series
            _write(sink, error)


def _read(tasks: SimpleQueue[Any]) -> None:
    while True:
        try:
            tasks.put(pickle.load(sys.stdin.buffer))
        except EOFError:
            os._exit(0)


def _write(sink: Any, answer: object) -> None:
    pickle.dump(answer, sink)
    sink.flush()
