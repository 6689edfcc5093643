"""An HTTP client that sends requests at a fixed rate, however long the answers take, and uploads files.

Open loop: the time of an answer counts from the moment at which its question was due, so that a server that stops for
a second is charged for all that was due in that second (Tene, "How not to measure latency", 2013).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

PIECE = 1 << 16
TIMEOUT = 30.0
IDLE = 3.0  # seconds that a connection is kept without a request; servers end theirs soon after


@dataclass
class Timed:
    """Seconds of each answer, in the order they came, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ms(self, share: float) -> float:
        """A quantile of the times in milliseconds."""
        return 1000 * float(np.quantile(self.seconds, share))


@dataclass
class Answer:
    status: int
    body: bytes


class Client:
    """HTTP/1.1 on connections that stay open, as many as are needed at once."""

    def __init__(self, port: int):
        self.port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request with a JSON body, or none."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
        head += "X-Requested-With: load\r\n"  # without which a server without keys reloads nothing
        head += "Content-Type: application/json\r\n\r\n" if content else "\r\n"
        reader, writer = await self._connection()
        writer.write(head.encode() + content)
        status, headers = await _head(reader)
        answer = Answer(status, await reader.readexactly(int(headers[b"content-length"])))
        if headers.get(b"connection") == b"close":
            writer.close()
        else:
            self._free.append((reader, writer, perf_counter()))
        return answer

    async def upload(self, path: str, content: bytes) -> Answer:
        """Sends a CSV file while reading the answer."""
        reader, writer = await self._connect()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
        writer.write(f"{head}Content-Type: text/csv\r\n\r\n".encode())
        sending = asyncio.create_task(_send(writer, content))
        status, headers = await _head(reader)
        if b"transfer-encoding" in headers:
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers[b"content-length"]))
        await sending
        writer.close()
        return Answer(status, body)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection that was used last, unless it has been idle for so long that the server may end it."""
        while self._free:
            reader, writer, used = self._free.pop()
            if perf_counter() - used < IDLE:
                return reader, writer
            writer.close()
        return await self._connect()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)

    def close(self) -> None:
        for _, writer, _ in self._free:
            writer.close()


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    for at in range(0, len(content), PIECE):
        writer.write(content[at : at + PIECE])
        await writer.drain()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
    pairs = (line.partition(b":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)


async def pace(
    client: Client, path: str, bodies: list[dict], rate: float, seconds: float, check: Callable[[Answer], str | None]
) -> Timed:
    """Asks `rate` times a second, evenly; `check` says what is wrong with an answer."""
    timed, running = Timed(), set()
    loop = asyncio.get_running_loop()
    begun = loop.time() + 0.1

    async def one(number: int, due: float) -> None:
        try:
            answer = await asyncio.wait_for(client.ask("POST", path, bodies[number % len(bodies)]), TIMEOUT)
        except (OSError, EOFError, TimeoutError) as error:
            timed.errors.append(type(error).__name__)
            return
        timed.seconds.append(loop.time() - due)
        if wrong := check(answer):
            timed.errors.append(wrong)

    for number in range(int(rate * seconds)):
        due = begun + number / rate
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        running.add(task := asyncio.create_task(one(number, due)))
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return timed


async def uploads(client: Client, path: str, content: bytes, times: int) -> tuple[list[float], list[str]]:
    """Rows a second of each upload, and what went wrong. A row whose last column is not empty was refused."""
    rates, wrong = [], []
    for _ in range(times):
        begun = perf_counter()
        answer = await client.upload(path, content)
        seconds = perf_counter() - begun
        rows = content.count(b"\n") - 1
        lines = answer.body.split(b"\n")[1:-1]
        rates.append(rows / seconds)
        if answer.status != 200 or len(lines) != rows:
            wrong.append(f"{answer.status}, {len(lines):,} of {rows:,} rows")
    return rates, wrong


def refused(answer: Answer) -> str | None:
    """What is wrong with an answer that is not 200."""
    return None if answer.status == 200 else f"{answer.status}: {answer.body[:200].decode(errors='replace')}"
