"""Runs that the dashboard starts: each a process of its own, which outlives the page and the server, and its log.

The log of a run is ``results/logs/TIME-VERB.log``. Its lines are what the verb printed, and between them lines of JSON
with one of these fields: ``command`` (the first line, with ``by`` and ``started``), ``pid``, ``stopped_by``, ``code``
(the last line, with ``ended``). The process holds the lock ``results/logs/.lock``, which the operating system releases
when it ends, however it ends. So the state of a run is read from files alone, and is known after the server was
restarted. One run at a time is at work in a project.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError
from foresell.store import disk
from foresell.store.lock import file_lock

LOGS, LOCK = "logs", ".lock"
LOCK_SECONDS = 5.0
STARTING_SECONDS = 60.0
"""A run that has no process after so long never began."""

MOST_RUNS = 100
"""The logs of so many runs are kept."""

HEAD_BYTES, TAIL_BYTES = 4096, 256 * 1024
"""So much of the beginning and of the end of a log is read."""

MODULE = "foresell.apps.dashboard.run_process"

STARTING, RUNNING, DONE, STOPPED, FAILED, BROKEN_OFF = (
    "starting", "running", "done", "stopped", "failed", "broken off",
)  # fmt: skip
_INTERRUPTED, _SEVERE = 130, 3


@dataclass(frozen=True)
class Progress:
    """How far a run is: the step at work and what it does; `share` of the step is done, None where not known."""

    step: str | None
    doing: str
    share: float | None


@dataclass(frozen=True)
class Run:
    """A run: what was started, by whom and when, and what became of it.

    `state` is ``starting``, ``running``, ``done``, ``stopped``, ``failed``, or ``broken off`` where its process ended
    without a word, as when the machine was switched off. `code` is the exit code of a run that ended by itself.
    """

    log: Path
    command: tuple[str, ...]
    by: str
    started: datetime
    state: str
    ended: datetime | None = None
    code: int | None = None
    pid: int | None = None
    stopped_by: str | None = None

    @property
    def at_work(self) -> bool:
        return self.state in (STARTING, RUNNING)

    @property
    def title(self) -> str:
        """The command as it is typed, without the folder."""
        folder = str(self.log.parent.parent.parent)
        shown = [part.removeprefix(f"{folder}{os.sep}") for part in self.command if part != folder]
        return " ".join(["foresell", *shown]).replace(" --log json", "")

    def outcome(self) -> str:
        """What became of the run, in words."""
        if self.state == DONE and self.code == _SEVERE:
            return "done; monitoring has a severe finding"
        if self.state == FAILED and self.command[:1] == ("promote",) and self.code == 1:
            return "refused, or not done; the log says which"
        if self.state == STOPPED:
            return f"stopped by {self.stopped_by}" if self.stopped_by else "stopped"
        return {BROKEN_OFF: "broken off: its process ended without a word"}.get(self.state, self.state)


def now() -> str:
    """The present time in UTC, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def add_line(log: Path, content: dict[str, Any]) -> None:
    """Adds a line of JSON to a log."""
    with log.open("ab") as file:
        file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")


def start(folder: Path, command: Sequence[str], by: str) -> Run:
    """Starts a verb of the command line, such as ``["run", folder]``, in a process of its own.

    Raises UsageError where a run is at work, StoreError where its log cannot be written.
    """
    folder = folder.resolve()
    running = at_work(folder)
    if running is not None:
        raise UsageError(f"{running.title} is at work since {running.started:%H:%M} UTC. Wait for it, or stop it.")
    with disk.writing(folder):
        log = _new_log(folder, command[0])
        add_line(log, {"command": list(command), "by": by, "started": now()})
    with log.open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", MODULE, str(log), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it outlives the server
        )
    for old in _logs(folder)[MOST_RUNS:]:
        old.unlink(missing_ok=True)
    return _run(log, is_locked=True)


def stop(run: Run, by: str, *, at_once: bool = False) -> None:
    """Interrupts a run, as Ctrl-C does: results of steps that are done are kept. With `at_once` it is killed.

    A run that has ended by now is left as it is.
    """
    current = _run(run.log, _is_locked(run.log.parent))
    if current.state != RUNNING or current.pid is None:
        return
    add_line(run.log, {"stopped_by": by})
    try:
        if sys.platform == "win32":
            os.kill(current.pid, signal.SIGTERM)
        else:
            os.killpg(current.pid, signal.SIGKILL if at_once else signal.SIGINT)
    except ProcessLookupError:
        pass


def runs(folder: Path) -> list[Run]:
    """The runs whose logs are kept, the newest first."""
    logs = _logs(folder.resolve())
    is_locked = _is_locked(folder / "results" / LOGS)
    return [_run(log, is_locked) for log in logs]


def at_work(folder: Path) -> Run | None:
    """The run that is at work in a project; None where there is none."""
    return next((run for run in runs(folder) if run.at_work), None)


def lines(run: Run, most: int = 200) -> list[str]:
    """The newest lines of the log for people: lines of JSON as their time, step and message."""
    shown = [text for content in _contents(run.log) if (text := _line_text(content))]
    return shown[-most:]


def progress(run: Run) -> Progress:
    """How far a run is, by its log."""
    for content in reversed(_contents(run.log)):
        if isinstance(content, dict) and content.get("step"):
            done, total = content.get("done"), content.get("total")
            share = done / total if isinstance(done, int | float) and isinstance(total, int | float) and total else None
            return Progress(content["step"], str(content.get("message", "")), share)
    return Progress(None, "", None)


def _new_log(folder: Path, verb: str) -> Path:
    place = folder / "results" / LOGS
    place.mkdir(parents=True, exist_ok=True)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for number in range(100):
        log = place / f"{stamp}-{number:02d}-{verb}.log"
        try:
            log.touch(exist_ok=False)
            return log
        except FileExistsError:
            continue
    raise UsageError(f"A hundred runs were started in one second in {place}. Start this one again.")


def _logs(folder: Path) -> list[Path]:
    return sorted((folder / "results" / LOGS).glob("[!.]*.log"), reverse=True)


def _is_locked(place: Path) -> bool:
    """Whether a process holds the lock of the runs; in a folder that may not be written to, none is known."""
    if not place.is_dir():
        return False
    try:
        with file_lock(place / LOCK, 0.0) as free:
            return not free
    except OSError:
        return False


def _run(log: Path, is_locked: bool) -> Run:
    """The run of a log. Of the runs of a project at most one, the newest with a process, holds the lock."""
    contents = [content for content in _contents(log) if isinstance(content, dict)]
    head = next((content for content in contents if "command" in content), {})
    end = next((content for content in reversed(contents) if "code" in content and "ended" in content), None)
    pid = next((content["pid"] for content in contents if "pid" in content), None)
    stopped_by = next((content["stopped_by"] for content in reversed(contents) if "stopped_by" in content), None)
    started = _time(head.get("started")) or datetime.fromtimestamp(log.stat().st_mtime, UTC)
    code = None if end is None else int(end["code"])
    if end is not None:
        state = DONE if code in (0, _SEVERE) else STOPPED if code == _INTERRUPTED or stopped_by else FAILED
    elif pid is not None:
        state = RUNNING if is_locked else STOPPED if stopped_by else BROKEN_OFF
    else:
        young = (datetime.now(UTC) - started).total_seconds() < STARTING_SECONDS
        state = STARTING if young else BROKEN_OFF
    return Run(
        log=log,
        command=tuple(map(str, head.get("command", ()))),
        by=str(head.get("by", "")),
        started=started,
        state=state,
        ended=None if end is None else _time(end["ended"]),
        code=code,
        pid=pid,
        stopped_by=stopped_by,
    )


def _contents(log: Path) -> list[dict[str, Any] | str]:
    """The first and the newest lines of a log, each as the object that it is, or as text."""
    try:
        with log.open("rb") as file:
            parts = [file.read(HEAD_BYTES)]
            behind = file.seek(0, os.SEEK_END) - TAIL_BYTES
            file.seek(max(behind, HEAD_BYTES))
            parts.append(file.read())
    except FileNotFoundError:
        return []
    # Where there is a gap between the two, both may end within a line.
    gap = behind > HEAD_BYTES
    content = parts[0].rpartition(b"\n")[0] + b"\n" + parts[1].partition(b"\n")[2] if gap else b"".join(parts)
    return [_content(line) for line in content.split(b"\n") if line.strip()]


def _content(line: bytes) -> dict[str, Any] | str:
    text = line.decode("utf-8", "replace").rstrip()
    try:
        content = json.loads(text)
    except ValueError:
        return text
    return content if isinstance(content, dict) else text


def _line_text(content: dict[str, Any] | str) -> str:
    """A line for people; empty for one that is for the program alone."""
    if isinstance(content, str):
        return content
    if "message" not in content:
        by = content.get("stopped_by")
        return f"stopped by {by}" if by else ""
    when = _time(content.get("time"))
    level = content.get("level")
    parts = [f"{when:%H:%M:%S}" if when else "", content.get("step") or "", level if level != "info" else ""]
    text = "  ".join(part for part in (*parts, str(content["message"])) if part)
    return f"{text}\n{content['traceback']}" if content.get("traceback") else text


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
