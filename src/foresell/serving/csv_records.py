"""The records of a CSV file that arrives in pieces, with the line on which each record begins.

Python's csv module splits the records (RFC 4180: quoted fields may hold separators and line ends). A record that it
cannot read becomes a fault with its line number, and reading continues with the next line.
"""

from __future__ import annotations

import csv
from typing import NamedTuple

MOST_LINE = 1_000_000  # bytes of one record; csv itself takes 131,072 characters for a field
_CUT_OFF = "unexpected end of data"  # the message of csv for a quote that is still open at the end


class Record(NamedTuple):
    """A row: the number of the `line` on which it begins, its unchanged `text`, and its `fields`.

    A row that cannot be read has no fields and a `fault`, which says why.
    """

    line: int
    text: str
    fields: list[str]
    fault: str | None = None


class Reader:
    r"""Takes pieces of a file, cut anywhere, and returns its records. Empty lines are skipped.

    >>> reader = Reader()
    >>> [record.fields for record in reader.feed(b'item,units\nnuts,"1') + reader.feed(b'\n2"\n\n3,4') + reader.end()]
    [['item', 'units'], ['nuts', '1\n2'], ['3', '4']]
    >>> [(record.line, record.fault) for record in reader.feed(b'a,"b" c\nd,e\n')]
    [(6, '\',\' expected after \'"\''), (7, None)]
    """

    def __init__(self, separator: str = ","):
        self.separator = separator
        self._rest = b""  # the last line, as far as it has arrived
        self._lines: list[str] = []  # the record that has not ended yet
        self._line = 1  # the number of the first line that is not yet part of a record
        self._skipping = False  # whether the rest of a line that is too long is skipped
        self._begun = False

    @property
    def line(self) -> int:
        """The number of the first line that is not yet part of a record."""
        return self._line

    def feed(self, piece: bytes) -> list[Record]:
        """The records that are complete with this piece."""
        if self._skipping:
            piece = self._skip(piece)
        whole, mark, rest = (self._rest + piece).rpartition(b"\n")
        self._rest = rest
        records = self._records(_lines(whole + mark), last=False) if mark else []
        if len(self._rest) > MOST_LINE:
            records += self._too_long(self._lines[:1] or [_decoded(self._rest[:200])], len(self._lines))
            self._rest, self._lines, self._skipping = b"", [], True
        elif sum(map(len, self._lines)) > MOST_LINE:
            records += self._too_long(self._lines, len(self._lines))
            self._lines = []
        return records

    def end(self) -> list[Record]:
        """The records that end with the file."""
        rest, self._rest = self._rest, b""
        return self._records(_lines(rest), last=True)

    def _skip(self, piece: bytes) -> bytes:
        """The part of the piece after a line that is too long."""
        _, mark, after = piece.partition(b"\n")
        if mark:
            self._skipping = False
            self._line += 1
        return after

    def _too_long(self, lines: list[str], ended: int) -> list[Record]:
        """The fault for a record that is too long; `ended` of its lines have ended."""
        fault = f"it is longer than {MOST_LINE:,} bytes; is a quote not closed?"
        line = self._line
        self._line += ended
        return [Record(line, lines[0][:200].rstrip("\r\n"), [], fault)]

    def _records(self, lines: list[str], last: bool) -> list[Record]:
        if not self._begun and lines:
            lines[0] = lines[0].removeprefix("\ufeff")
            self._begun = True
        lines = self._lines + lines
        self._lines = []
        records: list[Record] = []
        begin = 0
        while begin < len(lines):
            begin = self._read(lines, begin, last, records)
        self._line += len(lines) - len(self._lines)
        return records

    def _read(self, lines: list[str], begin: int, last: bool, records: list[Record]) -> int:
        """Reads records from line `begin` up to the end or the first fault; returns the line to continue with."""
        reader = csv.reader(map(lines.__getitem__, range(begin, len(lines))), delimiter=self.separator, strict=True)
        at = begin
        try:
            for fields in reader:
                end = begin + reader.line_num
                if fields:
                    text = lines[at] if end == at + 1 else "".join(lines[at:end])
                    records.append(Record(self._line + at, text.rstrip("\r\n"), fields))
                at = end
        except csv.Error as error:
            if str(error) == _CUT_OFF and not last:
                self._lines = lines[at:]
                return len(lines)
            fault = "a quote is not closed" if str(error) == _CUT_OFF else str(error)
            records.append(Record(self._line + at, lines[at].rstrip("\r\n"), [], fault))
            return at + 1
        return len(lines)


def _lines(text: bytes) -> list[str]:
    """The lines with their line ends."""
    lines = _decoded(text).split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _decoded(text: bytes) -> str:
    """The text; bytes that are not UTF-8 become surrogates, which `is_text` detects and `encode` restores."""
    return text.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of a text that `_decoded` returned."""
    return text.encode("utf-8", "surrogateescape")


def is_text(text: str) -> bool:
    """Whether the text was UTF-8.

    >>> is_text("Käse"), is_text(b"K\\xe4se".decode("utf-8", "surrogateescape"))
    (True, False)
    """
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)
