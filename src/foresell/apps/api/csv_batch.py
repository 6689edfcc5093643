"""Batch prediction: a CSV file of any size, whose rows are returned in pieces with a prediction added to each.

`serving.csv_predictions` has what is done with the rows; here they arrive, and leave, while an upload goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import TypeVar

from foresell.apps.api.problems import Problem
from foresell.apps.api.response_spool import Spool
from foresell.serving.csv_predictions import CsvPredictions
from foresell.serving.csv_records import Record

PIECE_BYTES = 1 << 17  # read before their rows are predicted together

T = TypeVar("T")


class Batch:
    """One upload. `begin` reads and checks its header; `write` predicts its rows and puts the output into a spool."""

    def __init__(self, pieces: AsyncIterator[bytes], rows: CsvPredictions, executor: Executor):
        self.rows = rows
        self._pieces, self._executor = pieces, executor
        self._first: list[Record] = []

    async def begin(self) -> None:
        """Reads the file up to the end of the header. Raises UsageError where the header is wrong."""
        reader = self.rows.reader
        async for piece in self._large_pieces(until_line_end=True):
            self._first += await self._in_thread(reader.feed, piece)
            if self._first:
                break
        else:
            self._first += await self._in_thread(reader.end)
        if not self._first:
            raise Problem(422, self.rows.empty())
        head, *self._first = self._first
        await self._in_thread(self.rows.check, head)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function returns. Work on what a client sends is never done on the event loop, which all share."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    async def write(self, spool: Spool) -> None:
        """Predicts all rows in their order. A problem that ends the upload early becomes the last row."""
        spool.put(await self._in_thread(self.rows.head))
        spool.put(await self._in_thread(self.rows.output, self._first))
        try:
            async for piece in self._large_pieces():
                spool.put(await self._in_thread(self._output_of_piece, piece))
        except Problem as problem:
            last = [Record(self.rows.reader.line, "", [], problem.detail)]
        else:
            last = []
        ended = await self._in_thread(self.rows.reader.end)
        spool.put(await self._in_thread(self.rows.output, ended + last))

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
        return self.rows.output(self.rows.reader.feed(piece))
