"""Errors as problem details (RFC 9457), so that a client reads one format whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from foresell.core.errors import ForesellError, StoreError, UnreadableFile, UsageError
from foresell.core.settings.mismatch import shown

MEDIA_TYPE = "application/problem+json"
LOG = logging.getLogger("foresell.api")
MOST_ERRORS = 100  # of one request that are listed
MOST_NAME = 200  # characters of a name in a message

MEANING: dict[int, str] = {
    400: "The request cannot be read: broken JSON or a broken upload.",
    401: "A key is needed, or the given key is not known.",
    403: "The role of the key does not allow this; or no keys are set and the request was not made to this machine.",
    404: "There is no such address.",
    405: "The address has other methods; the header `Allow` names them.",
    408: "The request did not arrive in time.",
    413: "The body, or a line of the upload, is too large.",
    415: "The body has a media type that is not accepted.",
    422: "The request can be read but not answered; `detail` and `errors` say why.",
    431: "The address and headers of the request are too large, or too many.",
    429: "Too many requests; the header `Retry-After` says in how many seconds to come back.",
    500: "A fault of the server; its log has it under the problem's `id`.",
    503: "No model is loaded, a store does not answer, too many requests are waiting, there are too many connections, "
    "or the server is ending; `detail` says which. The header `Retry-After` says in how many seconds to come back.",
}
"""The meaning of each status of a problem, for the OpenAPI document."""


class Problem(HTTPException):
    """An error response: a status, what is wrong in words, and for 422 the single `errors`.

    It is a Starlette HTTPException, so that Starlette's request readers pass it on unchanged.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(status, detail, dict(headers) if headers else None)
        self.errors = list(errors)

    def response(self, path: str, request_id: str) -> Response:
        """The response to the request to `path` with the id `request_id`."""
        return problem(self.status_code, self.detail, path, request_id, self.errors, self.headers)


def problem(
    status: int,
    detail: str,
    path: str,
    request_id: str,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with the members of RFC 9457: `type`, `title`, `status`, `detail`, `instance`; and `id`, `errors`.

    The type ``about:blank`` means that the title is that of the status (section 4.2.1).
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "id": request_id,
    }
    if errors:
        body["errors"] = list(errors)
    return Response(msgspec.json.encode(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_of_error(error: ForesellError) -> Problem:
    """The problem for an error of foresell.

    >>> [problem_of_error(error).status_code for error in (UsageError("No series has 'store' X."), StoreError("gone"))]
    [422, 503]
    """
    if isinstance(error, UsageError):
        return Problem(422, str(error))
    if isinstance(error, (StoreError, UnreadableFile)):
        return Problem(503, str(error), headers={"Retry-After": "5"})
    return Problem(422, str(error))


def problem_of_validation(invalid: RequestValidationError) -> Problem:
    """The problem for a body that does not fit the schema, with its errors; 400 for invalid JSON."""
    details = invalid.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        why = details[0].get("ctx", {}).get("error", "it is no JSON")
        return Problem(400, f"The body is not valid JSON: {why} at character {details[0]['loc'][-1]}.")
    errors = [
        {"where": ".".join(str(part)[:MOST_NAME] for part in detail["loc"]), "message": _message(detail)}
        for detail in details[:MOST_ERRORS]
    ]
    first = " ".join(f"{error['message']}." for error in errors[:5])
    more = f" There are {len(details) - 5} more." if len(details) > 5 else ""
    return Problem(422, f"{first}{more} All fields are described under /docs.", errors)


SERIES_DAY, TRANSACTION = "series_day", "transaction"
"""The names of the two bodies of a prediction, which stand before the fields and which no client wrote."""

EXAMPLES = {"date": "2026-01-31", "list": '["store"]', "dict": '{"store": "S1"}', "bool": "true", "string": '"S1"'}
"""An example of a value by the beginning of the type of an error."""


def _message(detail: Mapping[str, Any]) -> str:
    """What is wrong with a field, as the client wrote it: the value, what is allowed, and an example.

    >>> _message({"type": "missing", "loc": ("body", "first"), "msg": "Field required", "input": {}})
    "'first' is missing"
    >>> _message({"type": "list_type", "loc": ("body", "level"), "msg": "Input should be a valid list", "input": "a"})
    '\\'level\\' is "a"; expected a valid list, such as ["store"]'
    """
    kind, message, path = detail["type"], str(detail["msg"]), [str(part)[:MOST_NAME] for part in detail["loc"][1:]]
    if path[:1] == [SERIES_DAY]:
        path = path[1:2]  # its fields are plain values, and what follows is one of several types
    elif path[:1] == [TRANSACTION]:
        path = path[1:]
    name = f"'{'.'.join(path)}'" if path else "The body"
    if kind == "missing":
        return f"{name} is missing"
    if kind == "extra_forbidden":
        return f"{name} is not known here; take it out, or correct its name"
    for beginning in ("Input should be ", "expected "):
        if message.startswith(beginning):
            bounds = detail.get("ctx") or {}
            limit = next((bounds[name] for name in ("ge", "le") if name in bounds), None)
            example = limit if limit is not None else EXAMPLES.get(kind.split("_")[0])
            such_as = "" if example is None else f", such as {example}"
            return f"{name} is {shown(detail.get('input'))}; expected {message.removeprefix(beginning)}{such_as}"
    return f"{name} cannot be: {message[:1].lower()}{message[1:]}"


def add_problem_handlers(app: FastAPI) -> None:
    """Makes the app answer every expected error with a problem; `middleware.Gateway` does so for the others."""

    def respond(request: Request, problem: Problem) -> Response:
        return problem.response(request.url.path, request.state.id)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, Problem):
            return respond(request, error)
        details = {404: f"There is nothing at {request.url.path}; /docs lists the addresses."}
        detail = details.get(error.status_code, f"{error.detail}.".replace("..", "."))
        return respond(request, Problem(error.status_code, detail, headers=error.headers))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(request, problem_of_validation(error))

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, ForesellError)
        return respond(request, problem_of_error(error))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ForesellError, expected)
