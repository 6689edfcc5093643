"""Records of a delimited text file: where each begins and ends, on which line it stands, how many fields it has."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.data.files import BLOCK, File, Text

NEWLINE, RETURN, QUOTE = 10, 13, 34
LONGEST = 2**29  # a record of half a gigabyte is an open quote


@dataclass(frozen=True)
class Chunk:
    """Whole records of a text file: `data` without the header, `line` (from 1) on which its first record stands."""

    data: bytes
    line: int
    share: float  # of the file that has been read


@dataclass(frozen=True)
class Records:
    """The records of a chunk, blank ones included; all arrays are [record]."""

    starts: np.ndarray  # offset of the first byte
    ends: np.ndarray  # offset past the last byte, line end excluded
    lines: np.ndarray  # lines of the chunk before it
    fields: np.ndarray  # how many fields it has
    blank: np.ndarray


def records_of(data: bytes, separator: str) -> Records:
    """Where the records of `data` are; a line end or separator within quotes does not count.

    >>> records_of(b'a,"x\\ny"\\nb,c,d\\n', ",").lines, records_of(b'a,"x\\ny"\\nb,c,d\\n', ",").fields
    (array([0, 2]), array([2, 3]))
    """
    raw = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(raw == NEWLINE)
    separators = np.flatnonzero(raw == ord(separator))
    ends = newlines
    if b'"' in data:
        quotes = np.flatnonzero(raw == QUOTE)
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    if not len(ends) or ends[-1] != len(raw) - 1:
        ends = np.append(ends, len(raw))
    starts = np.append(0, ends[:-1] + 1)
    lines = np.searchsorted(newlines, starts)
    fields = np.diff(np.searchsorted(separators, np.append(starts, len(raw)))) + 1
    inner = np.where((ends > starts) & (raw[ends - 1] == RETURN), ends - 1, ends)
    return Records(starts, inner, lines, fields, inner <= starts)


def regular(data: bytes, separator: str, width: int) -> bool:
    """Whether every record of `data` has `width` fields and none is blank; quick, and sure only when true."""
    if b'"' in data:
        records = records_of(data, separator)
        return bool((records.fields == width).all() and not records.blank.any())
    raw = np.frombuffer(data, np.uint8)
    count = np.count_nonzero(raw == NEWLINE) + (raw[-1] != NEWLINE)
    # A record with too many fields is refused by the parser, so too few elsewhere cannot make up for it.
    return bool(np.count_nonzero(raw == ord(separator)) == (width - 1) * count)


def _last_end(data: bytes) -> int:
    """The offset past the last record that is whole, 0 where there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    raw = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(raw == NEWLINE)
    outside = newlines[np.searchsorted(np.flatnonzero(raw == QUOTE), newlines) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _checked(data: bytes, line: int, file: File) -> bytes:
    """The same bytes, once it is sure that they are UTF-8 text. Raises UnreadableFile with the line if not."""
    if b"\0" in data:
        place = line + data[: data.index(b"\0")].count(b"\n")
        raise UnreadableFile(f"{file.name} is damaged: line {place} holds a zero byte. Fetch or export it again.")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            place = line + data[: error.start].count(b"\n")
            around = data[max(error.start - 10, data.rfind(b"\n", 0, error.start) + 1) : error.start + 10]
            shown = around.decode("cp1252", "replace").splitlines()[0]
            raise UnreadableFile(
                f"{file.name} is not UTF-8 text: line {place} has a byte that UTF-8 does not allow, near '{shown}'. "
                "If that reads right, set 'encoding: cp1252' (Western Windows); else the encoding it was written in."
            ) from error
    return data


def chunks(file: File, encoding: str = "utf-8", size: int = BLOCK) -> Iterator[Chunk]:
    """The records of `file`, header included, in chunks of about `size` bytes that end where a record does.

    Raises UnreadableFile for what is not a text table, and for a quote that is never closed.
    """
    text = Text(file, encoding)
    rest, line = b"", 1
    for block in text.blocks(size):
        data = rest + block
        cut = _last_end(data)
        if cut:
            yield Chunk(_checked(data[:cut], line, file), line, text.share)
            line += data.count(b"\n", 0, cut)
        rest = data[cut:]
        if len(rest) > LONGEST:
            break
    if rest.count(b'"') % 2:
        raise UnreadableFile(
            f"{file.name} opens a quote in line {line} that is never closed, so its rows cannot be told apart. "
            "Close the quote, or double it if it belongs to the text."
        )
    if rest:
        yield Chunk(_checked(rest, line, file), line, 1.0)


def split_header(data: bytes, separator: str) -> tuple[list[str], str, int]:
    """The column names of the first record, the separator that splits them, and how many bytes the record takes.

    Where the header does not have `separator` and has another usual one, that one is taken.
    """
    end, quotes = 0, 1
    while quotes % 2 and end < len(data):
        stop = data.find(b"\n", end)
        end = len(data) if stop < 0 else stop + 1
        quotes = data.count(b'"', 0, end)
    text = data[:end].decode().rstrip("\r\n")
    if separator not in text:
        separator = max((",", ";", "\t", "|"), key=text.count) if any(each in text for each in ",;\t|") else separator
    names = next(csv.reader([text], delimiter=separator), [])
    return [name.strip() for name in names], separator, end
