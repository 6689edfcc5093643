"""Records of a delimited text file: the start, end, line number and number of fields of each record."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.data.files.header_row import header_row, no_names_error, with_groups_of_columns, with_names_of_rows
from foresell.data.files.input_files import BLOCK_BYTES, InputFile, TextFile
from foresell.data.files.quoting import has_regular_quotes, requoted
from foresell.data.files.repeated_names import distinct_names

NEWLINE, RETURN, QUOTE = 10, 13, 34
MAX_RECORD_BYTES = 2**26  # a longer record is a quote that was never closed, or no table


@dataclass(frozen=True)
class TextChunk:
    """Whole records of a text file: `data`, and the `line` (from 1) of its first record."""

    data: bytes
    line: int
    share: float  # of the file that has been read, from 0 to 1
    as_in_file: bool = True  # False where titles were left out or quotes were rewritten


@dataclass(frozen=True)
class Records:
    """The records of a chunk, blank ones included; all arrays are [record]."""

    starts: np.ndarray  # offset of the first byte
    ends: np.ndarray  # offset past the last byte, line end excluded
    lines: np.ndarray  # number of lines of the chunk before the record
    fields: np.ndarray  # number of fields
    blank: np.ndarray  # with nothing but separators


def records_of(data: bytes, separator: str) -> Records:
    """The records of `data`. A line end or a separator within quotes does not count.

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
    return Records(starts, inner, lines, fields, inner - starts < fields)


def is_regular(data: bytes, separator: str, width: int) -> bool:
    """Whether every record of `data` has `width` fields and none is blank. Fast; only True is certain."""
    if b'"' in data:
        records = records_of(data, separator)
        return bool((records.fields == width).all() and not records.blank.any())
    raw = np.frombuffer(data, np.uint8)
    count = np.count_nonzero(raw == NEWLINE) + (raw[-1] != NEWLINE)
    # The parser refuses a record with too many fields, so that these cannot hide too few fields elsewhere.
    return bool(np.count_nonzero(raw == ord(separator)) == (width - 1) * count)


def _last_end(data: bytes) -> int:
    """The offset past the last whole record, 0 where no record is whole."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    raw = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(raw == NEWLINE)
    outside = newlines[np.searchsorted(np.flatnonzero(raw == QUOTE), newlines) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _require_utf8(data: bytes, line: int, file: InputFile) -> bytes:
    """Returns `data` unchanged. Raises UnreadableFile, with the line number, where it is not UTF-8 text."""
    if b"\0" in data:
        bad_line = line + data[: data.index(b"\0")].count(b"\n")
        raise UnreadableFile(f"{file.name} is damaged: line {bad_line} holds a zero byte. Fetch or export it again.")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            bad_line = line + data[: error.start].count(b"\n")
            neighbours = data[max(error.start - 10, data.rfind(b"\n", 0, error.start) + 1) : error.start + 10]
            shown = neighbours.decode("cp1252", "replace").splitlines()[0]
            raise UnreadableFile(
                f"{file.name} is not UTF-8 text: line {bad_line} has a byte that UTF-8 does not allow, near '{shown}'. "
                "If all other letters are right, correct the letter there. If the whole file is in another encoding, "
                "say --encoding ('encoding' in the settings): cp1252 (Western Windows) if the text here reads right, "
                "else the encoding it was written in."
            ) from error
    return data


def chunks(
    file: InputFile, encoding: str = "utf-8", size: int = BLOCK_BYTES, separator: str = ",", decimal: str = "."
) -> Iterator[TextChunk]:
    """The records of `file`, header included, in chunks of about `size` bytes. Each chunk ends at the end of a record.

    Titles above the header are left out. Where quotes are irregular, the records are written anew. The text of a sheet
    has the given separator and decimal mark. Raises UnreadableFile where the file is not a text table, or has a quote
    that is never closed.
    """
    text = TextFile(file, encoding, separator, decimal)
    rest, line, titles = b"", 1, 0
    names: list[str] = []
    as_in_file = True
    blocks = text.blocks(size)
    for number, block in enumerate(blocks):
        as_in_file &= not text.converted
        data = rest + block
        if not number:
            separator = _separator_of(data, separator)
            header = header_row(data, separator)
            titles = header.titles
            if header.names_missing:
                raise no_names_error(data, titles, file.name)
            plain = data.split(b"\n", titles)[-1]
            below, titles = with_groups_of_columns(data, titles, separator)
            as_in_file &= below == plain
            line += titles
            data = with_names_of_rows(below, separator, file.name, line)
            as_in_file &= data == below
            names, separator, _ = split_header(data, separator)
        if not has_regular_quotes(data):
            for records, first in requoted(chain([data], blocks), separator, len(names), file.name, line):
                yield TextChunk(records, first, text.share, as_in_file=False)
            return
        cut = _last_end(data)
        if cut:
            yield TextChunk(
                _require_utf8(data[:cut], line, file), line, text.share, as_in_file=as_in_file and not titles
            )
            line += data.count(b"\n", 0, cut)
        rest = data[cut:]
        if len(rest) > MAX_RECORD_BYTES:
            break
    if rest.count(b'"') % 2:
        raise UnreadableFile(
            f"{file.name} opens a quote in line {line} that is never closed, so its rows cannot be separated. "
            "Close the quote, or double it if it belongs to the text."
        )
    if len(rest) > MAX_RECORD_BYTES:
        raise UnreadableFile(
            f"{file.name} has a row, in line {line}, of more than {MAX_RECORD_BYTES:,} bytes, so it is no table. "
            "Export it again with one line for each row."
        )
    if rest:
        yield TextChunk(_require_utf8(rest, line, file), line, 1.0, as_in_file=as_in_file and not titles)


def _separator_of(data: bytes, separator: str) -> str:
    """The separator; where the first line lacks it, another usual one that it and most lines below have."""
    other = split_header(data, separator)[1]
    lines = [line for line in data[:200_000].split(b"\n")[:60] if line.strip()]
    return other if 2 * sum(other.encode() in line for line in lines) > len(lines) else separator


def split_header(data: bytes, separator: str) -> tuple[list[str], str, int]:
    """The distinct column names of the first record, the separator between them, and the length of the record in bytes.

    Where the header does not contain `separator` and contains another usual one, the latter is returned.
    """
    end, quotes = 0, 1
    while quotes % 2 and end < len(data):
        stop = data.find(b"\n", end)
        end = len(data) if stop < 0 else stop + 1
        quotes = data.count(b'"', 0, end)
    text = data[:end].decode().rstrip("\r\n")
    if separator not in text:
        separator = max((",", ";", "\t", "|"), key=text.count) if any(sign in text for sign in ",;\t|") else separator
    names = next(csv.reader([text], delimiter=separator), [])
    return distinct_names(name.strip() for name in names), separator, end
