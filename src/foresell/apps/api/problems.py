"""Every error as a problem-details body (RFC 9457), so that a client reads one shape whatever went wrong."""

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

MEDIA_TYPE = "application/problem+json"
LOG = logging.getLogger("foresell.api")

MEANING: dict[int, str] = {
    400: "The request cannot be read: broken JSON or a broken upload.",
    401: "A key is needed, or the one given is not known.",
    403: "The key's role does not allow this; or no keys are set and the request was not made to this machine.",
    404: "There is no such address.",
    405: "The address takes other methods; the header `Allow` names them.",
    413: "The body, or a line of the upload, is larger than is taken.",
    415: "The body is of another media type than is taken.",
    422: "The request can be read but not answered; `detail` and `errors` say why.",
    429: "Too many requests; the header `Retry-After` says in how many seconds to come back.",
    500: "A fault of the server; its log has it under the problem's `id`.",
    503: "No model is loaded, what it needs does not answer, or too many requests are waiting; `detail` says which.",
}
"""What each status that goes with a problem means, for the documents."""


class Problem(HTTPException):
    """An answer that is no answer: a status, what is wrong in words, and for 422 the `errors` one by one.

    It is Starlette's exception too, so that what reads a request lets it pass as it is.
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
        """The body, for the request to `path` that is known as `request_id`."""
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

    The type is ``about:blank``, which says that the title is that of the status (section 4.2.1).
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


def of_error(error: ForesellError) -> Problem:
    """What an error of foresell is over HTTP.

    >>> of_error(UsageError("No series has 'store' X.")).status_code, of_error(StoreError("gone")).status_code
    (422, 503)
    """
    if isinstance(error, UsageError):
        return Problem(422, str(error))
    if isinstance(error, (StoreError, UnreadableFile)):
        return Problem(503, str(error), headers={"Retry-After": "5"})
    return Problem(422, str(error))


def of_validation(error: RequestValidationError) -> Problem:
    """What does not fit the schema, one by one; JSON that is none is a bad request rather than an unfitting one."""
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        why = found[0].get("ctx", {}).get("error", "it is no JSON")
        return Problem(400, f"The body is not valid JSON: {why} at character {found[0]['loc'][-1]}.")
    errors = [{"where": ".".join(str(part) for part in each["loc"]), "message": each["msg"]} for each in found]
    first = "; ".join(f"{each['where']}: {each['message']}" for each in errors[:5])
    more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
    return Problem(422, f"The request does not fit what is documented under /docs: {first}{more}.", errors)


def answer_with_problems(app: FastAPI) -> None:
    """Has the app answer every error that is foreseen with a problem; `door.Door` does so for the others."""

    def respond(request: Request, found: Problem) -> Response:
        return found.response(request.url.path, request.state.id)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, Problem):
            return respond(request, error)
        told = {404: f"There is nothing at {request.url.path}; /docs lists what there is."}
        detail = told.get(error.status_code, f"{error.detail}.".replace("..", "."))
        return respond(request, Problem(error.status_code, detail, headers=error.headers))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(request, of_validation(error))

    async def foreseen(request: Request, error: Exception) -> Response:
        assert isinstance(error, ForesellError)
        return respond(request, of_error(error))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ForesellError, foreseen)
