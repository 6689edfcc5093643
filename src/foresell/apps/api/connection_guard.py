"""Limits of connections, which hold before a request is read: how many, how long a head takes, and how large it is.

uvicorn waits without end for a head and takes one of any size, so that clients without a key could hold all connections
and the memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST_CONNECTIONS = 1000
MOST_HEAD = 32_768  # bytes of a request's first line and headers
HEAD_SECONDS = 10.0  # from the connection, or from the first byte of a later request, to the end of the head


_Protocol: Any = AutoHTTPProtocol  # the faster of the two that are installed


class GuardedProtocol(_Protocol):
    """uvicorn's protocol, whose connections are closed where a head is late or too large, or there are too many."""

    head_seconds = HEAD_SECONDS
    most_connections = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_refused = len(self.connections) >= self.most_connections
        if self._is_refused:
            transport.write(_answer("503 Service Unavailable", "Retry-After: 1\r\n"))
            transport.close()
            return
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if not self._is_refused:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        before = self.cycle
        is_head = before is None or before.response_complete
        super().data_received(data)
        if self.cycle is not before:  # a head has ended
            self._stop_waiting()
            self._head_bytes = 0
        elif is_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self._refuse("431 Request Header Fields Too Large")
            elif self._head_timer is None:
                self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._refuse, "408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: str) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(_answer(status))
            self.transport.close()


def _answer(status: str, more: str = "") -> bytes:
    """A response without a body, after which the connection is closed."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{more}\r\n".encode("ascii")
