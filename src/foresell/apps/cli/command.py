"""The parts that all verbs share: options, and the handling of errors."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foresell.apps.cli import log
from foresell.core.errors import FindingsStop, ForesellError

if TYPE_CHECKING:
    from foresell.pipeline.progress import Watch
    from foresell.pipeline.project import Project

Function = TypeVar("Function", bound=Callable[..., Any])

COMMAND = " " * 4
"""The start of a line of a message that is a command to be copied."""

INTERRUPTED = 130
SEVERE = 3
"""The exit code of `foresell monitor` where one of its findings is severe."""

EXIT_CODES = (
    "Exit codes: 0 done, 1 the data (or a database) stop the work, 2 wrong use, 3 monitoring has a severe finding "
    "(only `monitor`), 130 interrupted."
)


class Verb(click.Command):
    """A command that prints every error as one paragraph on stderr and ends with its exit code.

    The message of a ForesellError is complete. An interrupt says which results are kept. Any other exception is a fault
    of foresell: its traceback is written to a file, or with ``--debug`` to stderr.
    """

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        as_given = list(args)
        try:
            return super().make_context(info_name, args, *more, **extra)
        except click.UsageError as error:
            if not log.asks_for_json(as_given):
                raise
            with log.json_lines():
                log.event("error", error.format_message(), info_name, error_kind="UsageError")
            raise click.exceptions.Exit(error.exit_code) from None

    def invoke(self, ctx: click.Context) -> Any:
        if not log.is_json(ctx):
            return self._invoke(ctx)
        with log.json_lines(), contextlib.ExitStack() as stack:
            if not ctx.params.get("as_json"):  # text for people has no place beside JSON lines
                nothing = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stdout(nothing))
            try:
                return self._invoke(ctx)
            except click.ClickException as error:
                log.event("error", error.format_message(), ctx.info_name, error_kind=type(error).__name__)
                ctx.exit(error.exit_code)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ForesellError as error:
            self._report(ctx, type(error).__name__, str(error), error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            self._report(ctx, "Interrupted", interrupted(ctx))
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            self._report(ctx, "Fault", fault(ctx, error), error)
            ctx.exit(1)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first line of the help, not shortened."""
        return (self.help or "").strip().partition("\n\n")[0].replace("\n", " ")

    def _report(self, ctx: click.Context, kind: str, message: str, error: Exception | None = None) -> None:
        if log.is_json(ctx):
            if isinstance(error, FindingsStop):
                log.findings(error.findings, "check")
            trace = error if kind == "Fault" else None
            log.event("error", message, ctx.info_name, trace, error_kind=kind)
        else:
            is_batch = log.FORM in ctx.meta
            click.echo(paragraph(log.stamped(message, sys.stderr) if is_batch else message), err=True)
        if ctx.params.get("as_json"):
            content: dict[str, Any] = {"error": kind, "message": message}
            if isinstance(error, FindingsStop):
                content["findings"] = [finding.to_dict() for finding in error.findings]
            print_json(content)


def paragraph(text: str) -> str:
    """The text as one paragraph as wide as the terminal, 110 characters at most.

    A line that is four spaces in is a command to be copied, and stays as it is.
    """
    parts = []
    for is_command, lines in groupby(text.splitlines(), lambda line: line.startswith(COMMAND)):
        block = list(lines)
        parts += block if is_command else [click.wrap_text(" ".join(" ".join(block).split()), width=width())]
    return "\n".join(parts)


def width() -> int:
    """The width of text in characters."""
    import shutil

    return min(shutil.get_terminal_size((100, 24)).columns, 110)


def interrupted(ctx: click.Context) -> str:
    """The results that an interrupt leaves, and how to continue."""
    folder = project_of(ctx)
    if folder is None or not (folder / "results").is_dir():
        return "Stopped. There are no results to keep; run the same command to begin again."
    from foresell.store.step_results import Steps

    kept = ", ".join(record.step for record in Steps(folder).status()) or "nothing yet"
    return f"Stopped. The results of the steps that are done are kept ({kept}); run the same command to go on."


def fault(ctx: click.Context, error: Exception) -> str:
    """Writes the traceback of an unexpected error, and says where it is."""
    if log.is_json(ctx):
        where = "Its traceback is in this line."
    elif ctx.params.get("debug"):
        traceback.print_exception(error)
        where = "Its traceback is above."
    else:
        folder = project_of(ctx)
        place = (
            folder / "results" if folder and folder.is_dir() else Path()
        ) / f"fault-{datetime.now():%Y%m%d-%H%M%S}.txt"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            command = " ".join(sys.argv[1:])
            place.write_text(f"foresell {command}\n{''.join(traceback.format_exception(error))}", encoding="utf-8")
            where = f"Its traceback is in {place}."
        except OSError:
            where = "Run again with --debug to see its traceback."
    return (
        f"This is a fault of foresell, not of yours: {type(error).__name__}: {error}. {where} Please report it, with "
        "that text and what you did. Results of earlier steps are kept."
    )


def project_of(ctx: click.Context) -> Path | None:
    """The project folder of a command; None where it has none."""
    folder = ctx.params.get("folder") or ctx.params.get("project")
    return Path(folder) if folder else None


def print_json(content: object) -> None:
    """Prints plain data as JSON on stdout."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str, allow_nan=False))


def open_project(flags: dict[str, Any], watch: Watch) -> Project:
    """The project that the flags name; its notice, if any, is printed on stderr."""
    from foresell.pipeline.project import Project

    folder = chosen_folder(flags["folder"], flags["project"])
    project = Project(folder, watch=watch, newest=flags.get("newest", False))
    notice = project.notice()
    if notice:
        notify(notice)
    return project


def notify(text: str, level: str = "info") -> None:
    """Prints a message on stderr: as a line of the log where that is JSON, or else as a paragraph."""
    if log.is_json():
        log.event(level, text)
    else:
        click.echo(paragraph(text), err=True)


def files_text(folder: str, files: Mapping[str, str]) -> str:
    """The files of a folder of results with their meanings, as a paragraph of a help text."""
    wide = max(map(len, files))
    lines = [
        line
        for file, meaning in files.items()
        for line in textwrap.wrap(
            meaning,
            100,
            initial_indent=f"  {file:<{wide}}  ",
            subsequent_indent=" " * (wide + 4),
            break_on_hyphens=False,
        )
    ]
    return f"\n\n\b\nWrites to results/{folder}/:\n" + "\n".join(lines)


def options(*, again: bool = False, logs: bool = False) -> Callable[[Function], Function]:
    """The options that every verb has; with `again` also those of a verb that does steps, with `logs` ``--log``."""

    def add(function: Function) -> Function:
        decorators = [
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, and nothing else."),
            click.option("--quiet", is_flag=True, help="Show no progress."),
            click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error."),
        ]
        if again:
            decorators.insert(0, click.option("--again", is_flag=True, help="Do it again, even if it is up to date."))
        if again or logs:
            decorators.append(log.log_option)
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


def project_options(function: Function) -> Function:
    """Adds the argument and the option for the project folder."""
    function = click.option(
        "--project",
        type=click.Path(file_okay=False),
        help="The folder with foresell.yaml; another way to give FOLDER.",
    )(function)
    return click.argument("folder", required=False, type=click.Path(file_okay=False))(function)


def chosen_folder(folder: str | None, project: str | None) -> str:
    """The project folder, by default the current one. Raises click.UsageError for two different folders."""
    if folder and project and Path(folder) != Path(project):
        raise click.UsageError(f"Two folders were given, {folder} and --project {project}. Give one.")
    return folder or project or "."
