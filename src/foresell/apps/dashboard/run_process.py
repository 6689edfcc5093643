"""The process of a run that the dashboard started: ``python -m foresell.apps.dashboard.run_process LOG VERB ...``.

It runs a verb of the command line, whose output goes to the log. It holds the lock of the runs while it lives, so that
whoever looks knows whether it does, and ends the log with its exit code.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from foresell.apps.dashboard import runs
from foresell.store.lock import file_lock

REFUSED, INTERRUPTED = 2, 130


def main(log: Path, command: list[str]) -> int:
    """Runs the verb and returns its exit code, which is also the last line of the log."""
    with file_lock(log.with_name(runs.LOCK), runs.LOCK_SECONDS) as is_mine:
        if not is_mine:
            print("Another run of this project was started at the same moment. Start this one again later.")
            code = REFUSED
        else:
            code = _code_of(log, command)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        runs.add_line(log, {"code": code, "ended": runs.now()})
    return code


def _code_of(log: Path, command: list[str]) -> int:
    try:
        runs.add_line(log, {"pid": os.getpid()})  # from here on it may be interrupted
        sys.argv = ["foresell", *command]
        runpy.run_module("foresell", run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # A shell that starts the server in the background has it ignore interrupts, which a child would inherit.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
