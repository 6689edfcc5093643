"""No request, however large, keeps others waiting: the event loop, which serves all, does little for each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from foresell.apps.api.app import create_app
from foresell.core.settings import Serving
from foresell.serving.keys import Keys
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.source import FolderSource

MOST_RATIO = 30
"""How much longer than a small request a large one may hold the event loop at once. A small one holds it for some
0.2 ms; what held it for 71 s in an earlier version would be 350,000."""

MEGABYTE = 1_000_000
FEWER = 100_000  # bytes of what has a row in every four, all of which are answered
PIECE = 65_536  # bytes of a body that arrive at once
FORM = "multipart/form-data; boundary=x"
Ask = Callable[[str, str, str, bytes], Awaitable[int]]


def filled(head: str, unit: str, tail: str, size: int = MEGABYTE) -> bytes:
    """A text of so many bytes: the unit again and again between head and tail."""
    return (head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail).encode()


def numbered(count: int, value: str) -> str:
    return ",".join(f'"c{number}":{value}' for number in range(count))


def large_requests(one: dict[str, str]) -> dict[str, tuple[str, str, bytes]]:
    """For each endpoint the largest inputs that are taken, and some that are not: address, media type, body."""
    row, text = json.dumps(one)[1:-1], json.dumps("ä" * 1000, ensure_ascii=False)
    days = f'"first": "{one["date"]}", "last": "{one["date"]}"'
    levels = ",".join(f"{0.0005 * number:.4f}" for number in range(1, 100))
    header, line = ",".join(one), ",".join(one.values())
    wide = ",".join(f"c{number}" for number in range(1990))
    part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + f"{header}\n{line}\n"
    json_type = "application/json"
    return {
        "a megabyte of blanks": ("/predict", json_type, filled("{" + row, " ", "}")),
        "columns with texts": ("/predict", json_type, f"{{{row},{numbered(190, text)}}}".encode()),
        "one long text": ("/predict", json_type, filled('{"date":"', "x", '"}')),
        "lists": ("/predict", json_type, filled("[", "[],", "[]]")),
        "columns": ("/predict", json_type, f"{{{row},{numbered(70_000, '[]')}}}".encode()),
        "as many wrong columns as are read": ("/predict", json_type, f"{{{numbered(990, '{}')}}}".encode()),
        "a transaction": ("/predict", json_type, f'{{"transaction":{{{numbered(200, text)}}}}}'.encode()),
        "a level and quantiles": (
            "/forecast",
            json_type,
            filled(f'{{"level":["store"],"quantiles":[{levels}]', " ", "}"),
        ),
        "changes": (
            "/forecast",
            json_type,
            f'{{"where":{{{numbered(200, text)}}},"changes":{{{numbered(200, text)}}}}}'.encode(),
        ),
        "quantiles": ("/forecast_sarima", json_type, filled('{"quantiles":[', "0.5,", "0.5]}")),
        "revenue": ("/forecast_sarima", json_type, f'{{{days},"quantiles":[{levels}]}}'.encode()),
        "parameters": ("/explain?" + "a=b&" * 240, "", b""),
        "long parameters": ("/explain?store=" + "%C3%A4" * 1300, "", b""),
        "a wide file": ("/predict_batch_csv", "text/csv", f"{header},{wide}\n{line},{wide}\n".encode() * 20),
        "a wider file": ("/predict_batch_csv", "text/csv", f"{header},{wide * 30}\n{line}\n".encode()),
        "a long name": ("/predict_batch_csv", "text/csv", filled(f"{header},", "ä", f"\n{line},1\n")),
        "a long line": ("/predict_batch_csv", "text/csv", filled(f'{header}\n"', "a\n,", "\n", FEWER)),
        "a form": ("/predict_batch_csv", FORM, filled(part, "\r\n--", "\r\n--x--\r\n", FEWER)),
        "parts": ("/predict_batch_csv", FORM, filled(part, "\r\n--x\r\n\r\na", "\r\n--x--\r\n", FEWER)),
        "headers of parts": ("/predict_batch_csv", FORM, filled("--x\r\n", "a:b\r\n", "\r\n--x--\r\n")),
        "the document": ("/openapi.json", "", b""),
        "the state": ("/status", "", b""),
        "the metrics": ("/metrics", "", b""),
    }


@pytest.fixture
def longest(monkeypatch) -> Callable[[], float]:
    """The processor seconds of the longest step of the event loop since the last call.

    Processor seconds do not depend on what else the machine does.
    """
    steps = [0.0]
    run = asyncio.Handle._run

    def timed(self) -> None:
        begun = time.thread_time()
        run(self)
        steps.append(time.thread_time() - begun)

    def taken() -> float:
        most = max(steps)
        steps[:] = [0.0]
        return most

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    return taken


def asking(app: Any) -> Ask:
    """Sends a request to the app as a server does, in pieces, and returns the status."""

    async def ask(method: str, address: str, kind: str, body: bytes) -> int:
        path, _, query = address.partition("?")
        headers = [(b"host", b"127.0.0.1"), (b"content-type", kind.encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "headers": headers,
        }  # fmt: skip
        pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)] or [b""]
        statuses = []

        async def receive() -> dict:
            await asyncio.sleep(0)
            if not pieces:
                await asyncio.sleep(60)
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await asyncio.wait_for(app(scope, receive, send), 60)
        return statuses[0]

    return ask


def test_no_request_keeps_others_waiting_for_long(bundle, one, log_folder, longest) -> None:
    small = json.dumps(one).encode()
    app = create_app(FolderSource(bundle), Serving(max_rate=1e6), Keys(), PredictionLog(log_folder, 1000, 1))
    ratios: dict[str, float] = {}

    async def run() -> None:
        async with app.router.lifespan_context(app):
            await app.state.current_model.reload()
            ask = asking(app)
            for _ in range(10):
                assert await ask("POST", "/predict", "application/json", small) == 200
            longest()
            for _ in range(30):
                await ask("POST", "/predict", "application/json", small)
            alone = longest()
            for name, (address, kind, body) in large_requests(one).items():
                taken = []
                for _ in range(2):  # the first may import a module, or collect garbage of before
                    assert await ask("POST" if body else "GET", address, kind, body) in (200, 400, 422), name
                    taken.append(longest())
                ratios[name] = min(taken) / alone

    asyncio.run(run())
    assert {name: ratio for name, ratio in ratios.items() if ratio > MOST_RATIO} == {}
