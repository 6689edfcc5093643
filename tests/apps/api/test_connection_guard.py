"""Clients that are slow, many or wordy are sent away, and others are answered all the same."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from foresell.apps.api import limits
from foresell.apps.api.app import create_app
from foresell.apps.api.connection_guard import MOST_HEAD, GuardedProtocol
from foresell.apps.api.keys import Keys
from foresell.apps.api.problems import Problem
from foresell.apps.api.server import bind, server_of
from foresell.core.settings import Serving
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.source import FolderSource


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a server without a model."""
    app = create_app(FolderSource(tmp_path), Serving(), Keys(), PredictionLog(tmp_path / "log"))
    listening, started = bind("127.0.0.1", 0), threading.Event()
    server = server_of(app, started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    assert started.wait(60)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(60)


def received(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: loc"])
def test_a_head_that_does_not_end_is_not_waited_for(port, monkeypatch, sent) -> None:
    monkeypatch.setattr(GuardedProtocol, "head_seconds", 0.2)
    with connected(port) as connection:
        connection.sendall(sent)
        assert received(connection).startswith(b"HTTP/1.1 408 ")
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


def test_a_second_head_on_the_same_connection_is_not_waited_for_either(port, monkeypatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "head_seconds", 0.5)
    with connected(port) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /health HT")
        assert b"408 Request Timeout" in received(connection)


def test_a_head_without_end_is_refused(port) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
        connection.sendall(b"x" * MOST_HEAD)
        assert b"431 Request Header Fields Too Large" in received(connection)
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


def test_there_are_at_most_so_many_connections(port, monkeypatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "most_connections", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(connected(port))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with connected(port) as one_more:
            answer = received(one_more)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer


def test_a_body_is_waited_for_so_long_only() -> None:
    async def never() -> dict:
        await asyncio.sleep(3600)
        return {}

    async def whole() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask() -> None:
        for receive in (limits.prompt(never, 0.01), limits.prompt(never, 60, 0.01)):
            with pytest.raises(Problem, match="did not arrive in time"):
                await receive()
        assert (await limits.prompt(whole, 60)())["body"] == b""

    asyncio.run(ask())
