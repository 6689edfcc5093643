"""The API asked whatever its own OpenAPI document allows, and what it does not: no fault, nothing undocumented."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis", reason="no fuzzing: schemathesis is not installed")

from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

MUTATED = int(os.environ.get("FORESELL_FUZZ", 1_000))
"""Mutated requests of the slow test; 20,000 of them take some minutes."""

AT_LENGTH = MUTATED // 10
"""Requests that fit the document, and as many that do not, of each operation; other ones in every run."""

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
OPERATIONS = [
    ("/predict", "POST"),
    ("/predict_batch_csv", "POST"),
    ("/forecast", "POST"),
    ("/forecast_sarima", "POST"),
    ("/explain", "GET"),
    ("/plan", "POST"),
    ("/view", "POST"),
    ("/reload", "POST"),
    ("/metrics", "GET"),
    ("/health", "GET"),
    ("/ready", "GET"),
    ("/status", "GET"),
]


@pytest.fixture(scope="module")
def document(address):
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


def ask(document, path: str, method: str, times: int) -> Counter[int]:
    """Asks what fits the document, and as often what does not; an operation without input is asked as it is.

    How often each status came back.
    """
    seen: Counter[int] = Counter()
    operation = document[path][method]
    modes = [schemathesis.GenerationMode.POSITIVE]
    if operation.body or operation.query:
        modes.append(schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=times, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def try_it(case) -> None:
            seen[case.call_and_validate(checks=CHECKS).status_code] += 1

        try_it()
    return seen


def test_all_operations_are_asked(document) -> None:
    assert {(each.ok().path, each.ok().method.upper()) for each in document.get_all_operations()} == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_nothing_that_is_asked_is_a_fault(document, path, method) -> None:
    seen = ask(document, path, method, 15)
    assert sum(seen.values()) >= (15 if method == "POST" and path != "/reload" else 1)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS[:5])
def test_nothing_that_is_asked_is_a_fault_at_length(document, path, method) -> None:
    assert len(ask(document, path, method, AT_LENGTH)) >= 2


VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 1e308, 2**63, "", "store", "ä\x00", "x" * 2000, "2026-01-05", "0001-01-01", "9999-12-31",
    [], ["store", "store"], [[]], {}, {"store": None}, {"": ""}, [0.3, 0.3000000001], [1e-300], [0.5] * 200, "-10%",
]  # fmt: skip
TEXTS = [b"", b"\x00", b"\xff\xfe", b"\n", b"\r\n", b'"', b",", b"--x\r\n", b"9" * 400, b"{", b"]", b"a;b", b"\xc3"]
FORM_KIND = "multipart/form-data"
KINDS = ["application/json", "text/csv", FORM_KIND, f"{FORM_KIND}; boundary=x", f"{FORM_KIND}; boundary={'y' * 300}",
         "", "text/plain"]  # fmt: skip
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nstore,item,date\na,b,c\r\n--x--\r\n'
)


def requests_that_fit(one: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Requests of every endpoint, as method, address and body; a body of bytes is no JSON."""
    sheet = ",".join(one) + "\n" + ",".join(one.values()) + "\n"
    where = "&".join(f"{name}={value}" for name, value in one.items() if name != "date")
    return [
        ("POST", "/predict", {**one, "price": 2.5, "promotion": True}),
        ("POST", "/predict", {"transaction": {**one, "price": 2.5}}),
        ("POST", "/predict_batch_csv", sheet.encode()),
        ("POST", "/predict_batch_csv?kind=transaction&separator=;", sheet.encode()),
        ("POST", "/predict_batch_csv", FORM),
        ("POST", "/forecast", {"where": {"store": one["store"]}, "level": ["store"], "horizon": 2,
                               "quantiles": [0.1, 0.9], "changes": {"price": "-10%"}}),
        ("POST", "/plan", {"kind": "orders", "changes": {"service": 0.9, "policy": "normal"}, "lines": 3}),
        ("POST", "/view", {"view": "freshness", "ask": {}}),
        ("POST", "/forecast_sarima", {"first": one["date"], "last": one["date"], "quantiles": [0.05, 0.95]}),
        ("GET", f"/explain?{where}&last={one['date']}", None),
        ("POST", "/reload", None), ("GET", "/status", None), ("GET", "/metrics", None), ("GET", "/ready", None),
        ("GET", "/health", None), ("GET", "/docs", None), ("GET", "/openapi.json", None),
    ]  # fmt: skip


def mutated(value: Any, draw: random.Random) -> Any:
    """The JSON value with one part of it replaced, doubled, removed or renamed."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(list(value))
        match draw.randrange(4):
            case 0:
                return {key: part for key, part in value.items() if key != name}
            case 1:
                return {**value, str(draw.choice(VALUES))[:300]: draw.choice(VALUES)}
            case _:
                return {**value, name: mutated(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.7:
        at = draw.randrange(len(value))
        return draw.choice([value + value, value[:at], [*value[:at], mutated(value[at], draw), *value[at + 1 :]]])
    return draw.choice(VALUES)


def spliced(content: bytes, draw: random.Random) -> bytes:
    """The bytes with a piece cut out, doubled or put in."""
    begin, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    return content[:begin] + draw.choice([b"", content[begin:end] * 2, *TEXTS]) + content[end:]


def send_mutated(client, one: dict[str, str], draw: random.Random) -> tuple[str, int]:
    method, path, body = draw.choice(requests_that_fit(one))
    headers = {"Content-Type": "application/json" if isinstance(body, dict) else "text/csv"}
    if body == FORM:
        headers["Content-Type"] = "multipart/form-data; boundary=x"
    if isinstance(body, dict):
        for _ in range(draw.randint(1, 3)):
            body = mutated(body, draw)
        body = json.dumps(body).encode()
    if body and draw.random() < 0.4:
        body = spliced(body, draw)
    if "?" in path and draw.random() < 0.7:
        at = path.index("?") + 1
        path = path[:at] + quote(spliced(path[at:].encode(), draw), safe="=&;%,-")
    if draw.random() < 0.2:
        headers["Content-Type"] = draw.choice(KINDS)
    if draw.random() < 0.1:
        method = draw.choice(["GET", "POST", "PUT", "HEAD", "OPTIONS"])
    answer = client.request(method, path, content=body, headers=headers)
    assert answer.status_code < 500, (method, path, headers, body, answer.text)
    return path.partition("?")[0], answer.status_code


@pytest.mark.parametrize("times", [150, pytest.param(MUTATED, marks=pytest.mark.slow)])
def test_no_mutated_request_is_a_fault(serve, one, times) -> None:
    draw = random.Random(7)
    with serve(max_rate=1e6, planning=None) as client:
        seen = Counter(send_mutated(client, one, draw) for _ in range(times))
    assert {status for _, status in seen} >= {200, 422}
    assert {path for path, _ in seen} >= {path for path, _ in OPERATIONS}
