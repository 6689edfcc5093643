"""A CSV file in, the same rows out with a prediction beside each: piece by piece, whatever the size.

Each row of the answer is the row as it came, to the byte, and after it the columns of the prediction. A row that cannot
be read or answered keeps its place; its `error` says on which line it began and what is wrong with it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter

import polars as pl

from foresell.apps.api.csv_records import Reader, Record, encode, is_text
from foresell.apps.api.problems import Problem
from foresell.apps.api.response_spool import Spool
from foresell.core.errors import ForesellError, first_five

LOG = logging.getLogger("foresell.api")
PIECE = 1 << 17  # bytes that are read before they are answered together
ROWS = 1000  # answered in one call of the service, so that single predictions in between do not wait long
ERROR = "error"

Answer = Callable[[pl.DataFrame], pl.DataFrame]
Noted = Callable[[pl.DataFrame, pl.DataFrame, Sequence[int], float], None]
"""Told of a chunk that was answered: its rows, the answers, the lines they stand on, and the seconds it took."""


@dataclass(frozen=True)
class Kind:
    """What is asked of the rows: `answer` is the service's method, which looks at the columns `read`.

    `needed` are those that must be there. `columns` of the answer go into the file, where they are called `names`.
    """

    answer: Answer
    read: tuple[str, ...]
    needed: tuple[str, ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]


class Batch:
    """One upload. `begin` reads its header and says what is wrong with it; `write` answers the rows into a spool."""

    def __init__(
        self, pieces: AsyncIterator[bytes], separator: str, kind: Kind, executor: Executor, note: Noted, request_id: str
    ):
        self.kind, self.request_id = kind, request_id
        self.header: list[str] = []
        self._pieces, self._executor, self._note = pieces, executor, note
        self._reader = Reader(separator)
        self._first: list[Record] = []

    @property
    def unused(self) -> list[str]:
        """Columns of the file that nothing is made of."""
        return [name for name in self.header if name not in self.kind.read]

    async def begin(self) -> None:
        """Reads up to the end of the header. Raises the problem 422 where it cannot be what is wanted."""
        async for piece in self._pieces:
            self._first += self._reader.feed(piece)
            if self._first:
                break
        else:
            self._first += self._reader.end()
        if not self._first:
            raise Problem(
                422, f"The file is empty; expected a header with columns such as {first_five(self.kind.read)}."
            )
        head, *self._first = self._first
        self.header = head.fields
        self._check(head)

    def _check(self, head: Record) -> None:
        wrong = None
        missing = [name for name in self.kind.needed if name not in self.header]
        twice = sorted({name for name in self.header if self.header.count(name) > 1})
        taken = [name for name in (*self.kind.names, ERROR) if name in self.header]
        if head.fault or not is_text(head.text):
            wrong = f"The header in line {head.line} cannot be read: {head.fault or 'it is not in UTF-8'}."
        elif not set(self.header) & set(self.kind.read):
            wrong = f"The file has none of the columns {first_five(self.kind.read)}; it has {first_five(self.header)}."
        elif missing:
            wrong = (
                f"The file has no column {first_five(missing)}; it has {first_five(self.header)}. Each row needs "
                f"{', '.join(self.kind.needed)}."
            )
        elif twice:
            wrong = f"The file has several columns called {first_five(twice)}; rename them."
        elif taken:
            wrong = f"The answer has columns of its own called {first_five(taken)}; rename those of the file."
        if wrong:
            raise Problem(422, wrong)

    async def write(self, spool: Spool) -> None:
        """Answers all rows, in their order. What breaks the upload off becomes its last row."""
        loop = asyncio.get_running_loop()
        spool.put(encode(self._text([*self.header, *self.kind.names, ERROR]) + "\n"))
        spool.put(await loop.run_in_executor(self._executor, self._answered, self._first))
        try:
            async for piece in self._gathered():
                spool.put(await loop.run_in_executor(self._executor, self._step, piece))
        except Problem as found:
            last = [Record(self._reader.line, "", [], found.detail)]
        else:
            last = []
        ended = self._reader.end()
        spool.put(await loop.run_in_executor(self._executor, self._answered, ended + last))

    async def _gathered(self) -> AsyncIterator[bytes]:
        held = b""
        async for piece in self._pieces:
            held += piece
            if len(held) >= PIECE:
                yield held
                held = b""
        if held:
            yield held

    def _step(self, piece: bytes) -> bytes:
        return self._answered(self._reader.feed(piece))

    def _answered(self, records: list[Record]) -> bytes:
        """The records' rows of the answer."""
        parts = (records[begin : begin + ROWS] for begin in range(0, len(records), ROWS))
        return b"".join(self._chunk(part) for part in parts)

    def _chunk(self, records: list[Record]) -> bytes:
        faults = [self._fault(record) for record in records]
        good = [record for record, fault in zip(records, faults, strict=True) if fault is None]
        tails = iter(self._predicted(good) if good else [])
        lines = [
            f"{record.text}{self._reader.separator}{next(tails)}" if fault is None else self._refused(record, fault)
            for record, fault in zip(records, faults, strict=True)
        ]
        return encode("".join(f"{line}\n" for line in lines))

    def _fault(self, record: Record) -> str | None:
        if record.fault:
            return record.fault
        if len(record.fields) != len(self.header):
            return f"it has {len(record.fields)} fields; the header has {len(self.header)}"
        return None if is_text(record.text) else "it is not in UTF-8"

    def _predicted(self, records: list[Record]) -> Iterator[str]:
        """The text of the predicted columns for each record."""
        begun = perf_counter()
        columns = zip(*(record.fields for record in records), strict=True)
        asked = pl.DataFrame(
            [
                pl.Series(name, values, dtype=pl.String).replace("", None)
                for name, values in zip(self.header, columns, strict=True)
                if name in self.kind.read
            ]
        )
        try:
            found = self.kind.answer(asked)
        except Exception as error:
            if not isinstance(error, ForesellError):
                LOG.error("fault %s in an upload, line %d on", self.request_id, records[0].line, exc_info=error)
            why = str(error) if isinstance(error, ForesellError) else f"a fault of the server, {self.request_id}"
            return (self._unanswered(record, why) for record in records)
        lines = [record.line for record in records]
        self._note(asked, found, lines, perf_counter() - begun)
        return iter(self._columns(found, lines))

    def _columns(self, found: pl.DataFrame, lines: Sequence[int]) -> list[str]:
        where = pl.concat_str(pl.lit("line "), pl.Series(lines).cast(pl.String), pl.lit(": "), pl.col(ERROR))
        texts = [pl.col(name).list.join("; ") if name == "assumed" else pl.col(name) for name in self.kind.columns]
        plain = pl.col(pl.String).str.replace_all(r"[\r\n]+", " ").replace("", None)
        shown = found.select(*texts, where.alias(ERROR)).with_columns(plain)
        return shown.write_csv(include_header=False, separator=self._reader.separator).split("\n")[:-1]

    def _unanswered(self, record: Record, why: str) -> str:
        return self._text([""] * len(self.kind.names) + [f"line {record.line}: {' '.join(why.split())}"])

    def _refused(self, record: Record, fault: str) -> str:
        """A row that has not the columns of the header: what there is of them, and why nothing was predicted."""
        shown = f"line {record.line}: {fault}"
        if record.fault:
            shown += f": {record.text[:80]}" if record.text else ""
        room = len(self.header)
        fields = [*record.fields[:room], *[""] * (room - len(record.fields))]
        return self._text([*fields, *[""] * len(self.kind.names), " ".join(shown.split())])

    def _text(self, fields: Sequence[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._reader.separator, lineterminator="").writerow(fields)
        return text.getvalue()
