"""Clients that are slow, many or wordy are sent away, and others are answered all the same."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from foresell.apps.api import limits
from foresell.apps.api.app import create_app
from foresell.apps.api.connection_guard import MOST_HEAD, GuardedProtocol
from foresell.apps.api.problems import Problem
from foresell.apps.api.server import bind, server_of
from foresell.core.settings import Serving
from foresell.serving.keys import Keys
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


GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_there_are_at_most_so_many_connections(port, monkeypatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "most_connections", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(connected(port))
            connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        with connected(port) as one_more:
            answer = received(one_more)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer


def test_connections_without_a_request_make_room_for_new_ones(port, monkeypatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "most_connections", 3)
    monkeypatch.setattr(GuardedProtocol, "head_seconds", 1.0)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connected(port)) for _ in range(10)]
        answered = stack.enter_context(connected(port))
        answered.sendall(GET + b"\r\n")
        assert answered.recv(65536).startswith(b"HTTP/1.1 200 ")
        answers = [received(connection) for connection in silent]
    assert answers.count(b"") == 8


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /explain?" + b"a=b&" * 300 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        GET + b"X: " + b"x" * MOST_HEAD + b"\r\n\r\n",
        GET + b"a:b\r\n" * 10_000 + b"\r\n",
    ],
)
def test_a_head_that_arrives_at_once_has_the_same_limits(port, head) -> None:
    with connected(port) as connection:
        connection.sendall(head)
        assert b"431 Request Header Fields Too Large" in received(connection)
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Content-Length : 2\r\n\r\n{}",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_refused(port, framing) -> None:
    """A proxy in front might find another end, and take the rest for the request of somebody else."""
    with connected(port) as connection:
        connection.sendall(POST + framing)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_follows_an_answer_is_not_answered_as_if_it_were_a_request(port) -> None:
    """Else a client that reuses the connection would take that answer for the one to its next request."""
    with connected(port) as connection:
        connection.sendall(b"DELETE /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 405 ")
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"x" * 2 * MOST_HEAD)
        assert received(connection) == b""


def test_a_client_that_does_not_read_is_not_waited_for(port, monkeypatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "reading_seconds", 0.2)
    script = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", port))
        connection.sendall(20 * script)
        end = time.monotonic() + 60
        with contextlib.suppress(ConnectionError):  # it is reset while there is more to read
            while time.monotonic() < end:
                connection.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() < end


def test_a_body_in_tiny_chunks_is_not_waited_for(port) -> None:
    with connected(port) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"1\r\nx\r\n" * 100_000)
        assert received(connection) == b""
    with connected(port) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        connection.sendall(b"a\r\n0123456789\r\n" * 20_000 + b"0\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400 ")  # it is no JSON


def test_requests_of_a_pipeline_are_answered_in_order(port) -> None:
    with connected(port) as connection:
        connection.sendall(50 * (GET + b"\r\n") + b"GET /nothing HTTP/1.0\r\n\r\n")
        answers = received(connection).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200"] * 50 + [b"404"]


def test_an_upgrade_leaves_the_limits_in_force(port) -> None:
    with connected(port) as connection:
        connection.sendall(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


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
