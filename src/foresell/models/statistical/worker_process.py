"""One process of `workers`: takes one task after another from its standard input and writes what came of each.

It ends at once when its input does, in the middle of a task too: so no worker outlives the process that started it,
however that one ended.
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
    """Reads what to do, says that it is ready, then answers task after task. Does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the keyboard is for the one who started it
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints shall not get among the answers
    tasks: SimpleQueue[Any] = SimpleQueue()
    work = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    _write(sink, True)
    while True:
        task = tasks.get()
        try:
            _write(sink, work(task))
        except Exception as error:  # not what a series may do, which `work` answers for: an error in foresell
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
