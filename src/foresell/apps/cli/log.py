"""The log of a batch verb: text, or with ``--log json`` one JSON object a line.

Where stdout or stderr is no terminal, text begins with a timestamp. With ``--log json`` stderr has only JSON objects,
also for warnings of libraries, and stdout has only the output of ``--json``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from foresell.core.finding import Finding
    from foresell.pipeline.progress import Outcome

Function = TypeVar("Function", bound=Callable[..., Any])

FORM, TEXT, JSON = "foresell.log", "text", "json"
VARIABLE = "FORESELL_LOG"
LEVELS = {"error": logging.ERROR, "warning": logging.WARNING}
LOGGER = logging.getLogger("foresell")


def log_option(function: Function) -> Function:
    """Adds ``--log`` to a verb; `is_json` returns the choice."""

    def keep(ctx: click.Context, option: click.Parameter, value: str) -> None:
        ctx.meta[FORM] = value

    return click.option(
        "--log",
        type=click.Choice([TEXT, JSON]),
        default=TEXT,
        envvar=VARIABLE,
        expose_value=False,
        is_eager=True,
        callback=keep,
        help=f"What stderr gets: text, or one JSON object a line. Also set by {VARIABLE}.",
    )(function)


def is_json(ctx: click.Context | None = None) -> bool:
    """Whether the running verb logs JSON lines."""
    ctx = ctx or click.get_current_context(silent=True)
    return ctx is not None and ctx.meta.get(FORM) == JSON


def asks_for_json(args: Iterable[str]) -> bool:
    """Whether arguments ask for JSON lines, for those that are refused before a verb runs."""
    words = " ".join(args)
    return "--log json" in words or "--log=json" in words or os.environ.get(VARIABLE) == JSON


def stamp() -> str:
    """The present time with its zone, in ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def stamped(text: str, stream: Any) -> str:
    """The text, with a timestamp before it where the stream is no terminal."""
    return text if stream.isatty() else f"{stamp()} {text}"


@contextlib.contextmanager
def json_lines() -> Iterator[None]:
    """A context in which log records, also warnings of libraries, go to stderr as JSON lines, and nowhere else."""
    root, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    before = LOGGER.level, LOGGER.propagate, LOGGER.handlers
    root.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate, LOGGER.handlers = True, []  # a server in the same process has given it a handler of its own
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        LOGGER.setLevel(before[0])
        _, LOGGER.propagate, LOGGER.handlers = before
        root.removeHandler(handler)


class JsonLine(logging.Formatter):
    """A record as one line of JSON: time, level, step, message, and the fields that `event` adds."""

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "step": getattr(record, "step", None),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            content["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(content, ensure_ascii=False, default=str)


def event(level: str, message: str, step: str | None = None, error: BaseException | None = None, **fields: Any) -> None:
    """Logs one line; a `level` other than error and warning counts as info."""
    number = LEVELS.get(level, logging.INFO)
    LOGGER.log(number, "%s", message, extra={"step": step, "fields": fields}, exc_info=error)


def outcome(of: Outcome) -> None:
    """Logs the outcome of a step with its numbers, and its warnings."""
    numbers = {
        name: value
        for name, value in of.summary.to_dict().items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    state = "done" if of.done else "up to date"
    event("info", of.summary.sentence(), of.step, state=state, seconds=of.seconds, numbers=numbers)
    for warning in of.summary.warning_texts if of.done else ():
        event("warning", warning, of.step)


def findings(of: Iterable[Finding], step: str) -> None:
    """Logs each finding with its severity as the level."""
    for finding in of:
        event(str(finding.severity), finding.message, step, finding=finding.to_dict())
