"""The row of the column names, which may stand below titles as in a report."""

from __future__ import annotations

import csv
from collections import Counter

HEAD_LINES = 60
MOST_TITLES = 30  # a header further down is not looked for


LONGEST = 100_000  # characters of a line that are looked at; a longer field is no title, and csv takes 131,072


def title_lines(data: bytes, separator: str) -> int:
    """How many lines of titles stand above the column names.

    A title has fewer cells with text than the rows of the table have cells; the column names have nearly all.

    >>> title_lines(b"Sales report,,\\n,,\\ndate,item,units\\n2024-01-01,A,3\\n2024-01-02,A,4\\n", ",")
    2
    >>> title_lines(b",item,units\\n1,A,3\\n2,A,4\\n", ",")
    0
    """
    lines = data[:200_000].decode(errors="replace").split("\n")[:HEAD_LINES]
    rows = [next(csv.reader([line[:LONGEST]], delimiter=separator), []) for line in lines if line.strip()]
    if not rows:
        return 0
    filled = [{place for place, cell in enumerate(row) if cell.strip()} for row in rows]
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    # Columns that are empty from a row on need no name in it, such as those on the left of a sheet.
    one_line_a_row = all(line.count('"') % 2 == 0 for line in lines)
    used = [set().union(*filled[number:]) if one_line_a_row else set(range(width)) for number in range(len(rows))]
    if width < 2 or _names_columns(filled[0], len(rows[0]), width, used[0]):
        return 0
    number = 0
    for place, line in enumerate(lines[:MOST_TITLES]):
        if not line.strip():
            continue
        if number == len(rows) - 1:  # names without a row below them
            return 0
        if _names_columns(filled[number], len(rows[number]), width, used[number]):
            return place
        number += 1
    return 0


def _names_columns(filled: set[int], cells: int, width: int, used: set[int]) -> bool:
    """Whether a row of `cells` cells, of which `filled` have text, may name the `used` of `width` columns."""
    needed = len(used) if len(used) < 3 else min(len(used) - 1, 0.75 * len(used))
    return cells >= width and len(filled) > 1 and len(filled) >= needed
