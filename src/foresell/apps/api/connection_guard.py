"""Limits of connections, which hold for clients without a key too: how many, how slow, and how large a head may be.

uvicorn waits without end for a head, takes one of any size, and waits without end for a client to read its response, so
that clients without a key could hold all connections and the memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from foresell.apps.api.limits import MOST_HEAD

MOST_CONNECTIONS = 1000
HEAD_SECONDS = 10.0  # from the connection, or from the first byte of a later request, to the end of the head
READING_SECONDS = 30.0  # in which a client must have read `LEAST_READ` of what waits for it, or all of it
LEAST_READ = 15_000  # bytes
MOST_TINY_CHUNKS = 10_000  # of a request's body, unless they have `LEAST_CHUNK` bytes on average
LEAST_CHUNK = 8
BUFFER = 16_384  # bytes of a response that wait for the client before the server stops making more


_Protocol: Any = AutoHTTPProtocol  # the faster of the two that are installed


class GuardedProtocol(_Protocol):
    """uvicorn's protocol, whose connections are closed where a head is late or too large, a response is not read, or
    there are too many.

    Where there are too many, the connection that has been idle for longest is closed for a new one, so that a client
    that opens many and says nothing does not keep others out.
    """

    head_seconds = HEAD_SECONDS
    reading_seconds = READING_SECONDS
    most_connections = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None
        self._chunks = self._chunk_bytes = 0
        # The connections of this server that are without a request, the one that has been so for longest first.
        self._idle: dict[GuardedProtocol, None] = self.server_state.__dict__.setdefault("idle_connections", {})
        self._is_refused = len(self.connections) >= self.most_connections and not self._close_an_idle_one()
        if self._is_refused:
            transport.write(_answer("503 Service Unavailable", "Retry-After: 1\r\n"))
            transport.close()
            return
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=BUFFER)
        self._idle[self] = None
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
        self._idle.pop(self, None)
        if not self._is_refused:
            super().connection_lost(exc)

    # --- requests ----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        before = self.cycle
        is_head = before is None or before.response_complete or not before.more_body
        super().data_received(data)
        if self.cycle is not before:  # a head has ended
            self._stop_waiting()
            self._idle.pop(self, None)
            self._head_bytes = self._chunks = self._chunk_bytes = 0
        elif is_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self._refuse("431 Request Header Fields Too Large")
            elif self._head_timer is None:
                self._wait_for_head()

    def on_body(self, body: bytes) -> None:
        """Ends a request in tiny chunks, each of which takes the event loop as long as a large one."""
        self._chunks += 1
        self._chunk_bytes += len(body)
        if self._chunks > MOST_TINY_CHUNKS and self._chunk_bytes < LEAST_CHUNK * self._chunks:
            self._close()
        else:
            super().on_body(body)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._refuse, "408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if (
            self.cycle is None or not self.cycle.more_body
        ):  # else the body of a request that was answered before it came
            self.transport.write(_answer(status))
        self._close()

    # --- responses ---------------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading_timer is None:
            self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None

    def _wait_for_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._reading_timer = self.loop.call_later(self.reading_seconds, self._check_reader, unread)

    def _check_reader(self, unread_before: int) -> None:
        if unread_before - self.transport.get_write_buffer_size() < LEAST_READ:
            self.transport.abort()
        else:
            self._wait_for_reader()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else another request was waiting
            self._idle.pop(self, None)
            self._idle[self] = None
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._close()

    # --- connections -------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Closes the connection once the rest of the response is sent, or does not wait for that too long."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(self.reading_seconds, self.transport.abort)

    def _close_an_idle_one(self) -> bool:
        """Closes the connection that has been without a request for longest. Whether there was one."""
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        del self._idle[longest]
        self.connections.discard(longest)
        longest.transport.abort()
        return True


def _answer(status: str, more: str = "") -> bytes:
    """A response without a body, after which the connection is closed."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{more}\r\n".encode("ascii")
