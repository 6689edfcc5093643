"""Tables within one file: the sheets of a workbook.

A table in a container has an address like that of a file in a folder: ``sales.xlsx/Sheet1``. What stands after the
container may be a pattern, or several names or patterns with commas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from foresell.core.errors import UnreadableFile, first_five
from foresell.data.files.workbooks import WORKBOOK_ENDINGS, is_workbook, sheet_names, sheet_text

CONTAINER_ENDINGS = WORKBOOK_ENDINGS


@dataclass(frozen=True)
class ContainedTable:
    """A table in a container: its name there, the file on disk that holds it, and its sheet in a workbook."""

    inner: str
    disk_path: str
    sheet: str | None = None


def is_container(path: str) -> bool:
    """Whether the file at `path` is a workbook. What only has the name of one, such as HTML or text, is none."""
    return is_workbook(path)


def tables_within(path: str, name: str, inner: str = "") -> list[ContainedTable]:
    """The tables of the container at `path` that `inner` names; all that hold anything and are not hidden without it.

    Raises UnreadableFile, in whose message the container is called `name`.
    """
    names = sheet_names(path, name)
    wanted = chosen(names, inner) if inner else [sheet for sheet in names if _holds_table(path, name, sheet)]
    if not wanted:
        why = f"no sheet '{inner}'; its sheets are {first_five(names)}" if inner else "no sheet with anything in it"
        raise UnreadableFile(f"{name} has {why}. Correct the name, or name another file.")
    return [ContainedTable(sheet, path, sheet) for sheet in wanted]


def chosen(names: Iterable[str], inner: str) -> list[str]:
    """Those of the names that `inner` means: one name, or names and patterns with commas.

    >>> chosen(["2023", "2024", "Notes, old"], "20*"), chosen(["2023", "2024", "Notes, old"], "Notes, old")
    (['2023', '2024'], ['Notes, old'])
    """
    if inner in names:
        return [inner]
    patterns = [part.strip() for part in inner.split(",")]
    return [name for name in names if any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)]


def _holds_table(path: str, name: str, sheet: str) -> bool:
    text = sheet_text(path, name, sheet)
    return text.visible and bool(text.text.strip())
