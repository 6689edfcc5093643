"""The API asked whatever its own OpenAPI document allows, and what it does not: no fault, nothing undocumented."""

from __future__ import annotations

from collections import Counter

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
    assert len(ask(document, path, method, 500)) >= 2
