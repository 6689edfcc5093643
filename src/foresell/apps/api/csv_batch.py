"""Batch prediction: a CSV file of any size, whose rows are returned in pieces with a prediction added to each.

Each row of the output is the input row, byte by byte, followed by the columns of the prediction. A row that cannot be
read or predicted keeps its place; its `error` says on which line it began and what is wrong with it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import polars as pl

from foresell.apps.api.csv_records import Reader, Record, encode, is_text
from foresell.apps.api.problems import Problem
from foresell.apps.api.response_spool import Spool
from foresell.core.errors import ForesellError, first_five
from foresell.core.spreadsheets import escape_formula

LOG = logging.getLogger("foresell.api")
PIECE_BYTES = 1 << 17  # read before their rows are predicted together
MOST_COLUMNS = 2000
CHUNK_ROWS = 1000  # of one call of the service, so that single predictions in between do not wait long
ERROR = "error"

T = TypeVar("T")
Answer = Callable[[pl.DataFrame], pl.DataFrame]
ChunkListener = Callable[[pl.DataFrame, pl.DataFrame, Sequence[int], float], None]
"""Called for each predicted chunk with its inputs, the outputs, the line numbers of the rows, and the seconds."""


@dataclass(frozen=True)
class RowKind:
    """How rows are predicted: `answer` is the method of the service, which reads the columns `read`.

    The columns `needed` must be in the file. `columns` of the prediction are written to the output as `names`.
    """

    answer: Answer
    read: tuple[str, ...]
    needed: tuple[str, ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]


class Batch:
    """One upload. `begin` reads and checks its header; `write` predicts its rows and puts the output into a spool."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        separator: str,
        kind: RowKind,
        executor: Executor,
        log: ChunkListener,
        request_id: str,
        escape_formulas: bool = False,
    ):
        self.kind, self.request_id, self._escape_formulas = kind, request_id, escape_formulas
        self.header: list[str] = []
        self._pieces, self._executor, self._log = pieces, executor, log
        self._reader = Reader(separator)
        self._first: list[Record] = []

    @property
    def unused(self) -> list[str]:
        """The columns of the file that the prediction does not read."""
        return [name for name in self.header if name not in self.kind.read]

    async def begin(self) -> None:
        """Reads the file up to the end of the header. Raises the problem 422 where the header is wrong."""
        async for piece in self._large_pieces(until_line_end=True):
            self._first += await self._in_thread(self._reader.feed, piece)
            if self._first:
                break
        else:
            self._first += await self._in_thread(self._reader.end)
        if not self._first:
            raise Problem(
                422, f"The file is empty; expected a header with columns such as {first_five(self.kind.read)}."
            )
        head, *self._first = self._first
        self.header = head.fields
        await self._in_thread(self._check, head)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function returns. Work on what a client sends is never done on the event loop, which all share."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    def _check(self, head: Record) -> None:
        if len(self.header) > MOST_COLUMNS:
            raise Problem(
                422,
                f"The file has {len(self.header):,} columns; at most {MOST_COLUMNS:,} are taken. Send only those that "
                f"a prediction reads, {first_five(self.kind.read)}, and what names your rows.",
            )
        wrong = None
        missing = [name for name in self.kind.needed if name not in self.header]
        twice = sorted(name for name, count in Counter(self.header).items() if count > 1)
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
        """Predicts all rows in their order. A problem that ends the upload early becomes the last row."""
        spool.put(await self._in_thread(self._head))
        spool.put(await self._in_thread(self._output, self._first))
        try:
            async for piece in self._large_pieces():
                spool.put(await self._in_thread(self._output_of_piece, piece))
        except Problem as problem:
            last = [Record(self._reader.line, "", [], problem.detail)]
        else:
            last = []
        ended = await self._in_thread(self._reader.end)
        spool.put(await self._in_thread(self._output, ended + last))

    def _head(self) -> bytes:
        return encode(self._text([*self.header, *self.kind.names, ERROR]) + "\n")

    async def _large_pieces(self, until_line_end: bool = False) -> AsyncIterator[bytes]:
        """The file in pieces of at least `PIECE_BYTES`, or up to those in which a line ends, and the rest of it."""
        so_far = bytearray()
        async for piece in self._pieces:
            so_far += piece
            if len(so_far) >= PIECE_BYTES or (until_line_end and b"\n" in piece):
                yield bytes(so_far)
                so_far.clear()
        if so_far:
            yield bytes(so_far)

    def _output_of_piece(self, piece: bytes) -> bytes:
        return self._output(self._reader.feed(piece))

    def _output(self, records: list[Record]) -> bytes:
        """The output rows of the records."""
        parts = (records[begin : begin + CHUNK_ROWS] for begin in range(0, len(records), CHUNK_ROWS))
        return b"".join(self._chunk(part) for part in parts)

    def _chunk(self, records: list[Record]) -> bytes:
        faults = [self._fault(record) for record in records]
        good = [record for record, fault in zip(records, faults, strict=True) if fault is None]
        tails = iter(self._predicted(good) if good else [])
        lines = [
            f"{self._input_text(record)}{self._reader.separator}{next(tails)}"
            if fault is None
            else self._row_of_fault(record, fault)
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
        """The predicted columns of each record as text."""
        begun = perf_counter()
        columns = zip(*(record.fields for record in records), strict=True)
        inputs = pl.DataFrame(
            [
                pl.Series(name, values, dtype=pl.String).replace("", None)
                for name, values in zip(self.header, columns, strict=True)
                if name in self.kind.read
            ]
        )
        try:
            outputs = self.kind.answer(inputs)
        except Exception as error:
            if not isinstance(error, ForesellError):
                LOG.error("fault %s in an upload, line %d on", self.request_id, records[0].line, exc_info=error)
            why = str(error) if isinstance(error, ForesellError) else f"a fault of the server, {self.request_id}"
            return (self._columns_of_error(record, why) for record in records)
        lines = [record.line for record in records]
        self._log(inputs, outputs, lines, perf_counter() - begun)
        return iter(self._columns(outputs, lines))

    def _columns(self, outputs: pl.DataFrame, lines: Sequence[int]) -> list[str]:
        where = pl.concat_str(pl.lit("line "), pl.Series(lines).cast(pl.String), pl.lit(": "), pl.col(ERROR))
        texts = [pl.col(name).list.join("; ") if name == "assumed" else pl.col(name) for name in self.kind.columns]
        plain = pl.col(pl.String).str.replace_all(r"[\r\n]+", " ").replace("", None)
        shown = outputs.select(*texts, where.alias(ERROR)).with_columns(plain)
        return shown.write_csv(include_header=False, separator=self._reader.separator).split("\n")[:-1]

    def _columns_of_error(self, record: Record, why: str) -> str:
        return self._text([""] * len(self.kind.names) + [f"line {record.line}: {' '.join(why.split())}"])

    def _row_of_fault(self, record: Record, fault: str) -> str:
        """The output row of a record that does not fit the header: the fields it has, and the fault."""
        shown = f"line {record.line}: {fault}"
        if record.fault:
            shown += f": {record.text[:80]}" if record.text else ""
        width = len(self.header)
        fields = [*record.fields[:width], *[""] * (width - len(record.fields))]
        return self._text([*fields, *[""] * len(self.kind.names), " ".join(shown.split())])

    def _input_text(self, record: Record) -> str:
        """The row as it came, or with formulas escaped."""
        return self._text(record.fields) if self._escape_formulas else record.text

    def _text(self, fields: Sequence[str]) -> str:
        text = io.StringIO()
        cells = map(escape_formula, fields) if self._escape_formulas else fields
        csv.writer(text, delimiter=self._reader.separator, lineterminator="").writerow(cells)
        return text.getvalue()
