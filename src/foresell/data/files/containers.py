"""Tables within one file: the sheets of a workbook, the files of a zip archive.

A table in a container has an address like that of a file in a folder: ``sales.xlsx/Sheet1``, ``sales.zip/2024.csv``.
What stands after the container may be a pattern, or several names or patterns with commas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from foresell.core.errors import UnreadableFile, first_five
from foresell.data.files.archives import ARCHIVE_ENDINGS, is_archive, unpacked_tables
from foresell.data.files.json_text import JSON_ENDINGS
from foresell.data.files.workbooks import WORKBOOK_ENDINGS, is_workbook, sheet_names, sheet_text

TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", *JSON_ENDINGS)
PARQUET_ENDINGS = (".parquet", ".pq")
TABLE_ENDINGS = TEXT_ENDINGS + PARQUET_ENDINGS
CONTAINER_ENDINGS = WORKBOOK_ENDINGS + ARCHIVE_ENDINGS


@dataclass(frozen=True)
class ContainedTable:
    """A table in a container: its name there, the file on disk that holds it, and its sheet in a workbook."""

    inner: str
    disk_path: str
    sheet: str | None = None


def is_container(path: str) -> bool:
    """Whether the file holds a workbook or an archive. What only has the name of one, such as HTML or text, is none."""
    return is_workbook(path) or is_archive(path)


def tables_within(path: str, name: str, inner: str = "") -> list[ContainedTable]:
    """The tables of the container at `path` that `inner` names; all that hold anything and are not hidden without it.

    Raises UnreadableFile, in whose message the container is called `name`.
    """
    tables = _sheets(path, name, inner) if is_workbook(path) else _members(path, name, inner)
    if not tables:
        raise UnreadableFile(f"{name} has no sheet with anything in it. Name another file.")
    return tables


def _sheets(path: str, name: str, inner: str) -> list[ContainedTable]:
    names = sheet_names(path, name)
    wanted = _chosen(names, inner, name) if inner else [sheet for sheet in names if _holds_table(path, name, sheet)]
    return [ContainedTable(sheet, path, sheet) for sheet in wanted]


def _members(path: str, name: str, inner: str) -> list[ContainedTable]:
    tables: dict[str, ContainedTable] = {}
    for member, disk_path in unpacked_tables(path, name, TABLE_ENDINGS + WORKBOOK_ENDINGS).items():
        sheets = _sheets(disk_path, f"{name}/{member}", "") if is_workbook(disk_path) else []
        for sheet in sheets:
            tables[f"{member}/{sheet.inner}"] = ContainedTable(f"{member}/{sheet.inner}", disk_path, sheet.sheet)
        if not sheets:
            tables[member] = ContainedTable(member, disk_path)
    return [tables[chosen] for chosen in _chosen(tables, inner, name)] if inner else list(tables.values())


def _chosen(names: Iterable[str], inner: str, name: str) -> list[str]:
    names = list(names)
    wanted = chosen(names, inner)
    if not wanted:
        raise UnreadableFile(f"{name} has no '{inner}'; it has {first_five(names)}. Correct the name.")
    return wanted


def chosen(names: list[str], inner: str) -> list[str]:
    """Those of the names that `inner` means: one name, or names and patterns with commas; a folder means all in it.

    >>> chosen(["2023", "2024", "Notes, old"], "20*"), chosen(["2023", "2024", "Notes, old"], "Notes, old")
    (['2023', '2024'], ['Notes, old'])
    >>> chosen(["in/a.xlsx/Sales", "in/b.csv", "c.csv"], "in"), chosen(["in/a.xlsx/Sales", "c.csv"], "Sales")
    (['in/a.xlsx/Sales', 'in/b.csv'], ['in/a.xlsx/Sales'])
    """
    if inner in names:
        return [inner]
    patterns = [part.strip() for part in inner.split(",")]
    return [name for name in names if any(_means(pattern, name) for pattern in patterns)]


def _means(pattern: str, name: str) -> bool:
    beside = name == pattern or name.startswith(f"{pattern}/") or name.endswith(f"/{pattern}")
    return beside or fnmatchcase(name, pattern)


def _holds_table(path: str, name: str, sheet: str) -> bool:
    text = sheet_text(path, name, sheet)
    return text.visible and bool(text.text.strip())
