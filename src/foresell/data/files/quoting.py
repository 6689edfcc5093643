"""Quotes that the parser would misread: escaped with a backslash, after a blank, or bare in a text such as 3" pipe.

Such a file is read by Python's csv module in the style that cuts its rows into equally many fields, and is written
again in the style that the parser reads.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from foresell.core.errors import UnreadableFile

QUOTE = 34
AROUND_FIELDS = np.frombuffer(b',;\t|\n\r"', np.uint8)
SAMPLE_LINES = 5_000
EQUAL_WIDTH = 0.95  # a style fits where this share of the rows has as many fields as the header
ROWS_AT_ONCE = 50_000

# How quotes may be meant, in the order in which they are tried, as arguments of `csv.reader`.
STYLES: dict[str, dict] = {
    "doubled": {},
    "after a blank": {"skipinitialspace": True},
    "backslash": {"escapechar": "\\", "doublequote": False, "skipinitialspace": True},
    "bare": {"quoting": csv.QUOTE_NONE},
}


def has_regular_quotes(data: bytes) -> bool:
    """Whether each quote of `data`, which begins with a record, stands beside a separator, a line end or a quote.

    >>> has_regular_quotes(b'a,"b ""c"" d"'), has_regular_quotes(b'a,3" b,4" c')
    (True, False)
    """
    if b'"' not in data:
        return True
    raw = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(raw == QUOTE)
    before, after = quotes[::2], quotes[1::2] + 1
    begins = (before == 0) | np.isin(raw[np.maximum(before - 1, 0)], AROUND_FIELDS)
    ends = (after == len(raw)) | np.isin(raw[np.minimum(after, len(raw) - 1)], AROUND_FIELDS)
    return bool(begins.all() and ends.all())


def requoted(blocks: Iterable[bytes], separator: str, width: int, name: str, line: int) -> Iterator[tuple[bytes, int]]:
    """The records of `blocks` with regular quotes, some at a time, and the line of the first of them.

    Rows have `width` fields. `line` is the line of the file `name` at which `blocks` begin. Raises UnreadableFile where
    no style fits.
    """
    lines = _lines(blocks, name)
    sample = list(islice(lines, SAMPLE_LINES))
    style = next((style for style in STYLES if _fits(sample, separator, width, style)), None)
    if style is None:
        raise UnreadableFile(_unbalanced_message(sample, separator, width, name, line))
    reader = csv.reader(chain(sample, lines), delimiter=separator, strict=True, **STYLES[style])
    first, text = line, io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    try:
        for number, row in enumerate(reader, 1):
            writer.writerow([_bare(cell) for cell in row] if style == "bare" else row)
            if not number % ROWS_AT_ONCE:
                yield text.getvalue().encode(), first
                first = line + reader.line_num
                text.seek(0)
                text.truncate()
    except csv.Error as error:
        raise UnreadableFile(_message(name, line + reader.line_num - 1)) from error
    if text.tell():
        yield text.getvalue().encode(), first


def _lines(blocks: Iterable[bytes], name: str) -> Iterator[str]:
    rest, count = b"", 0
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for number, text in enumerate(whole, count + 1):
            yield _decoded(text, name, number) + "\n"
        count += len(whole)
    if rest:
        yield _decoded(rest, name, count + 1)


def _decoded(text: bytes, name: str, number: int) -> str:
    try:
        return text.decode().rstrip("\r")
    except UnicodeDecodeError as error:
        message = f"{name} is not UTF-8 text: line {number} has a byte that UTF-8 does not allow. Set 'encoding'."
        raise UnreadableFile(message) from error


def _fits(lines: list[str], separator: str, width: int, style: str) -> bool:
    """Whether the style cuts nearly all rows into `width` fields."""
    reader = csv.reader(lines, delimiter=separator, strict=True, **STYLES[style])
    widths: Counter[int] = Counter()
    try:
        for row in reader:
            if row:
                widths[len(row)] += 1
                # With backslashes, csv does not mind a text after a closing quote, so that records could be merged.
                if any("\n" in cell for cell in row) and (len(row) != width or style == "backslash"):
                    return False
    except csv.Error:
        return False
    return widths[width] >= EQUAL_WIDTH * max(widths.total(), 1)


def _bare(cell: str) -> str:
    """A cell without the quotes around it."""
    stripped = cell.strip()
    return stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] == '"' else cell


def _unbalanced_message(lines: list[str], separator: str, width: int, name: str, line: int) -> str:
    reader, begun = csv.reader(lines, delimiter=separator, strict=True), 0
    try:
        for row in reader:
            if row and len(row) != width:
                break
            begun = reader.line_num
    except csv.Error:
        pass
    return _message(name, line + begun)


def _message(name: str, line: int) -> str:
    return (
        f"The rows of {name} cannot be separated: line {line} has a quote that is not closed, or one inside a field. "
        "Double each quote that belongs to a text and put such texts in quotes, or take these quotes out."
    )
