"""A response that may be ready before the client reads it.

Many clients send a whole file before they read the first byte of the response. If the server waited for them to read,
both would wait for ever. So unread parts are kept in memory up to a limit, and beyond it in a file on disk.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEMORY = 1 << 20  # bytes
PART = 1 << 16  # bytes read from the file at once


class Spool:
    """An unbounded queue of bytes, at most `memory` of which are in memory.

    >>> spool = Spool(memory=4)
    >>> for part in (b"abcd", b"ef", b"gh"): spool.put(part)
    >>> spool.end()
    >>> async def all_of_it(): return [part async for part in spool]
    >>> asyncio.run(all_of_it())
    [b'abcd', b'efgh']
    """

    def __init__(self, memory: int = MEMORY):
        self._memory = memory
        self._parts: deque[bytes] = deque()  # the oldest parts
        self._held = 0
        self._file: BinaryIO | None = None  # the newer parts
        self._read = self._written = 0
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, part: bytes) -> None:
        """Appends a part."""
        if self._read == self._written and self._held + len(part) <= self._memory:
            self._parts.append(part)
            self._held += len(part)
        else:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
            self._file.seek(self._written)
            self._written += self._file.write(part)
        self._changed.set()

    def end(self) -> None:
        """Marks the end: no more parts follow."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Drops all unread parts."""
        self._parts.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __aiter__(self) -> Spool:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._parts:
                part = self._parts.popleft()
                self._held -= len(part)
                return part
            if self._read < self._written:
                return self._from_file()
            if self._ended:
                self.close()
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()

    def _from_file(self) -> bytes:
        assert self._file is not None
        self._file.seek(self._read)
        part = self._file.read(PART)
        self._read += len(part)
        if self._read == self._written:  # everything is read, so the disk space is freed
            self._file.truncate(0)
            self._read = self._written = 0
        return part


class SpooledResponse(Response):
    """Sends what `write` puts into a spool, while `write` still reads the request.

    Starlette's streaming response reads messages of the request itself, to detect a client that disconnects; these
    messages would be lost for `write`.
    """

    def __init__(self, write, headers: dict[str, str], media_type: str):  # type: ignore[no-untyped-def]
        super().__init__(None, 200, None, media_type)
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        for name, value in headers.items():
            self.headers[name] = value
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spool = Spool()
        writing = asyncio.create_task(self._fill(spool))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for part in spool:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await writing  # an error raises here, before the end of the response is sent
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            writing.cancel()
            spool.close()

    async def _fill(self, spool: Spool) -> None:
        try:
            await self._write(spool)
        finally:
            spool.end()
