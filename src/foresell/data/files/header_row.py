"""The row of the column names, which may stand below titles as in a report, and whether it names all columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from foresell.core.errors import UnreadableFile
from foresell.data.values import NULL_WORDS

HEAD_LINES = 60
HEAD_BYTES = 200_000
MOST_TITLES = 30  # a header further down is not looked for
LONGEST = 100_000  # characters of a line that are looked at; a longer field is no title, and csv takes 131,072
MOST_COLUMNS = 100  # of which the kinds of the cells are compared
OF_ONE_KIND = 0.8  # a column is of dates, or of numbers, where this share of its cells is

_NUMBER = re.compile(r"[-+(]?\s?[$€£¥]?\s?[-+]?\d[\d.,'\s]*(e[-+]?\d+)?\s?[%$€£¥]?\)?-?", re.IGNORECASE)
_MONTHS = "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DATE = re.compile(
    r"\d{1,4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,4}([ T].*)?|(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])?"
    r"|(19|20)\d\d[-/.]?\s?[QWKT]?\d{1,2}|[QWKT]\d{1,2}[-/. ]?(19|20)?\d\d|\d{1,2}[-/.](19|20)\d\d"
    rf"|(\d{{1,4}}[-/. ]+)?({_MONTHS})\w*[-/., ]+\d{{1,4}}([-/., ]+\d{{2,4}})?",
    re.IGNORECASE,
)


class CellKind(StrEnum):
    """What a cell holds."""

    BLANK = "blank"
    DATE = "date"
    NUMBER = "number"
    WORDS = "words"


@dataclass(frozen=True)
class HeaderRow:
    """Where the column names stand: below `titles` lines. `names_missing` says that a row of data stands there."""

    titles: int
    names_missing: bool = False


def cell_kind(cell: str) -> CellKind:
    """What a cell holds.

    >>> [cell_kind(cell).value for cell in ("item", "2024-01-31", "1.234,5", "31 Jan 24", "", "2024")]
    ['words', 'date', 'number', 'date', 'blank', 'number']
    """
    text = cell.strip()
    if text in ("", *NULL_WORDS):
        return CellKind.BLANK
    if not any(character.isdigit() for character in text):
        return CellKind.WORDS
    if _DATE.fullmatch(text):
        return CellKind.DATE
    return CellKind.NUMBER if _NUMBER.fullmatch(text) else CellKind.WORDS


def title_lines(data: bytes, separator: str) -> int:
    """How many lines of titles stand above the column names.

    >>> title_lines(b"Sales report,,\\n,,\\ndate,item,units\\n2024-01-01,A,3\\n2024-01-02,A,4\\n", ",")
    2
    >>> title_lines(b",item,units\\n1,A,3\\n2,A,4\\n", ",")
    0
    """
    return header_row(data, separator).titles


def header_row(data: bytes, separator: str) -> HeaderRow:
    """The row of the column names.

    Where the cells of a row are of the kinds of those below it, such as a date above dates, it is the first row of
    data, and the column names stand above it. A title has fewer cells with text than the column names.
    """
    lines = _head_lines(data)
    rows = [next(csv.reader([line[:LONGEST]], delimiter=separator), []) for line in lines]
    filled = [{place for place, cell in enumerate(row) if cell.strip()} for row in rows]
    numbers = [number for number, places in enumerate(filled) if places]
    if not numbers:
        return HeaderRow(0)
    width = Counter(len(rows[number]) for number in numbers).most_common(1)[0][0]
    if width < 2:
        return HeaderRow(0)
    # Columns that are empty from a row on need no name in it, such as those on the left of a sheet.
    one_line_a_row = all(line.count('"') % 2 == 0 for line in lines)
    used = [set().union(*filled[number:]) if one_line_a_row else set(range(width)) for number in range(len(rows))]
    first = _first_row_of_data(rows)
    may_name = [
        number
        for number in numbers[:-1]
        if number < MOST_TITLES and _names_columns(filled[number], len(rows[number]), width, used[number])
    ]
    if first is None:
        return HeaderRow(may_name[0] if may_name else 0)
    above = [number for number in may_name if number < first]
    if not above and first and filled[first - 1] and rows[first - 1][0].strip() == "":
        above = [first - 1]  # an index without a name beside one column
    if above:
        return HeaderRow(_best_names(rows, filled, above, first))
    if _is_plainly_data(rows, first):
        return HeaderRow(first, names_missing=True)
    return HeaderRow(first if first in may_name else may_name[0] if may_name else 0)


def _head_lines(data: bytes) -> list[str]:
    return data[:HEAD_BYTES].decode(errors="replace").split("\n")[:HEAD_LINES]


def _names_columns(filled: set[int], cells: int, width: int, used: set[int]) -> bool:
    """Whether a row of `cells` cells, of which `filled` have text, may name the `used` of `width` columns."""
    needed = len(used) if len(used) < 3 else min(len(used) - 1, 0.75 * len(used))
    return cells >= min(width - 1, max(used, default=0) + 1) and len(filled) > 1 and len(filled) >= needed


def _best_names(rows: list[list[str]], filled: list[set[int]], above: list[int], first: int) -> int:
    """Which of the rows `above` the `first` row of data names the columns.

    Of those that no blank row parts from the data, it is the first with the most cells and the most words in them. A
    row that begins with a label such as "Store:" is a parameter of the report.
    """
    blank = [number for number in range(above[-1]) if not filled[number]]
    nearest = [number for number in above if number > max(blank, default=-1)]
    plain = [number for number in nearest if not rows[number][min(filled[number])].strip().endswith(":")]
    return max(
        plain or nearest,
        key=lambda n: (len(filled[n]), sum(cell_kind(cell) == CellKind.WORDS for cell in rows[n][:MOST_COLUMNS]), -n),
    )


def _column_kinds(rows: Sequence[Sequence[str]]) -> dict[int, CellKind]:
    """The kinds of the columns that hold dates or numbers in the lower half of the rows."""
    body = [row for row in rows[len(rows) // 2 :] if any(cell.strip() for cell in row)]
    kinds: dict[int, CellKind] = {}
    for place in range(min(max(map(len, body), default=0), MOST_COLUMNS)):
        cells = Counter(cell_kind(row[place]) for row in body if place < len(row))
        del cells[CellKind.BLANK]
        kind, count = cells.most_common(1)[0] if cells else (CellKind.WORDS, 0)
        if kind != CellKind.WORDS and count >= OF_ONE_KIND * cells.total():
            kinds[place] = kind
    return kinds


def _first_row_of_data(rows: list[list[str]]) -> int | None:
    """The first row whose cells are of the kinds of those below; None where no row is."""
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows = rows[:-1]
    kinds = _column_kinds(rows)
    dates = [place for place, kind in kinds.items() if kind == CellKind.DATE]
    for number, row in enumerate(rows):
        own = {place: cell_kind(row[place]) for place in kinds if place < len(row)}
        known = [place for place, kind in own.items() if kind != CellKind.BLANK]
        enough = any(place in known for place in dates) if dates else 2 * len(known) >= len(kinds) > 0
        if enough and all(own[place] == kinds[place] for place in known):
            return number
    return None


def _is_plainly_data(rows: list[list[str]], number: int) -> bool:
    """Whether a row like those below it cannot be names, as the numbers in `item,1,2,3` could.

    It has a date above dates, a text that comes again below it, or nothing but numbers that do not count up.
    """
    kinds, row, below = _column_kinds(rows), rows[number], rows[number + 1 :]
    if any(kinds.get(place) == CellKind.DATE == cell_kind(cell) for place, cell in enumerate(row)):
        return True
    for place, cell in enumerate(row[:MOST_COLUMNS]):
        if place not in kinds and cell.strip() and cell in [other[place] for other in below if place < len(other)]:
            return True
    if any(cell_kind(cell) != CellKind.NUMBER for cell in row) or not below:
        return False
    return not all(int(b) - int(a) == 1 if (a + b).isdigit() else False for a, b in pairwise(row))


def with_groups_of_columns(data: bytes, titles: int, separator: str) -> tuple[bytes, int]:
    """The text from the column names on, and the number of lines above them.

    Where the names repeat and a row above or below them tells them apart, as a year above months or a store above items
    does, the two rows are joined. A cell of the upper row counts up to the next one, as merged cells do.

    >>> text = b",2022,,2023,\\nItem,Jan,Feb,Jan,Feb\\nTea,1,2,3,4\\n"
    >>> with_groups_of_columns(text, 1, ",")
    (b'Item,2022 Jan,2022 Feb,2023 Jan,2023 Feb\\nTea,1,2,3,4\\n', 1)
    """
    lines = data.split(b"\n", titles + 2)[: titles + 2]
    short = [line.decode(errors="replace") if len(line) < LONGEST else "" for line in lines]
    rows = [next(csv.reader([line], delimiter=separator), []) for line in short]
    if titles >= len(rows) or not _repeat(rows[titles]):
        return data.split(b"\n", titles)[-1], titles
    for upper in (titles - 1, titles):
        if upper < 0 or upper + 1 >= len(rows):
            continue
        if upper == titles and any(cell_kind(cell) in (CellKind.NUMBER, CellKind.DATE) for cell in rows[upper + 1]):
            continue
        names = _joined(rows[upper], rows[upper + 1])
        if not _repeat(names):
            text = io.StringIO()
            csv.writer(text, delimiter=separator, lineterminator="\n").writerow(names)
            return text.getvalue().encode() + data.split(b"\n", upper + 2)[-1], upper + 1
    return data.split(b"\n", titles)[-1], titles


def _repeat(names: Sequence[str]) -> bool:
    known = [name.strip() for name in names if name.strip()]
    return len(set(known)) < len(known)


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """The names of columns from two rows, of which the upper one has a cell for several columns."""
    names, group = [], ""
    for place in range(max(len(upper), len(lower))):
        above = upper[place].strip() if place < len(upper) else ""
        below = lower[place].strip() if place < len(lower) else ""
        group = above or group
        names.append(" ".join(filter(None, (group, below))) if below else above)
    return names


def no_names_error(data: bytes, titles: int, name: str) -> UnreadableFile:
    """The error for a table, called `name`, whose first row below `titles` lines is data."""
    line = _head_lines(data)[titles].strip()[:80]
    return UnreadableFile(
        f"{name} has no row of column names: line {titles + 1}, '{line}', looks like the rows of data below it, and "
        "would be lost as names. Put a row with a name for each column, such as date,item,units, above it."
    )


def with_names_of_rows(data: bytes, separator: str, name: str, line: int) -> bytes:
    """The `data`, which begin with the column names at `line`, with as many names as the rows have fields.

    An empty name is added for a last column that is empty, which a separator at the end of rows makes, and for a column
    of row numbers on the left, which R writes without a name. Empty names beyond the rows are taken out. Raises
    UnreadableFile, which calls the file `name`, where the rows have other fields without a name.
    """
    end = data.find(b"\n") + 1
    header = data[:end].rstrip(b"\r\n")
    lines = [text for text in _head_lines(data) if text.strip()]
    if not end or header.count(b'"') % 2 or any(text.count('"') % 2 for text in lines[:-1]):
        return data
    names, *rows = list(csv.reader((text[:LONGEST] for text in lines), delimiter=separator))
    widths = Counter(map(len, rows[:-1] if len(rows) > 1 else rows))
    width, often = widths.most_common(1)[0] if widths else (len(names), 0)
    more, mark = width - len(names), separator.encode()
    if len(names) < 2 or width < 2 or not more or 2 * often <= widths.total():
        return data
    rest = data[len(header) :]
    if more < 0:
        return header[:more] + rest if header.endswith(-more * mark) else data
    rows = [row for row in rows if len(row) == width]
    if not any(cell.strip() for row in rows for cell in row[len(names) :]):
        return header + more * mark + rest
    if more == 1 and _counts_up([row[0] for row in rows], quoted=header.startswith(b'"')):
        return mark + header + rest
    example = next(number for number, text in enumerate(_head_lines(data)) if number and text.strip())
    raise UnreadableFile(
        f"Most rows of {name} have {width} fields, but there are {len(names)} column names ({', '.join(names[:5])}); "
        f"line {line + example} is '{_head_lines(data)[example].strip()[:80]}'. If numbers have a decimal comma that "
        "is also the separator, put them in quotes or export the table with semicolons; else give each column a name."
    )


def _counts_up(cells: list[str], quoted: bool) -> bool:
    """Whether the cells are the numbers of rows: they rise, and count from 1 unless names are `quoted`."""
    if not all(cell.strip().isdecimal() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    rising = all(a < b for a, b in pairwise(numbers))
    return rising and (quoted or numbers == list(range(1, len(numbers) + 1)))
