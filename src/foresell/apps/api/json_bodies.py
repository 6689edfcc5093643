"""JSON bodies, read so that a large or malicious one does not hold up the requests of others.

The event loop serves all clients. So the number of values is limited before anything is parsed, and a body that takes
longer to parse than a thread takes to start is parsed in one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from foresell.apps.api.problems import Problem

MOST_VALUES = 1000
"""The most values in a body, with lists and objects. The largest that a schema allows has about 530."""

INLINE_BYTES = 16_384
"""A body up to this size is parsed on the event loop, which takes less time than handing it to a thread."""


class JsonRoute(APIRoute):
    """A route whose JSON body, if it has one, is the parameter `body` of its function.

    It does what FastAPI's own route does with a body and a request, which parses bodies of any size on the event loop.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        if self.body_field is None:
            return super().get_route_handler()
        request_name = self.dependant.request_param_name

        async def handle(request: Request) -> Response:
            content = await request.body()
            if len(content) <= INLINE_BYTES:
                body = self._parsed(content)
            else:
                body = await asyncio.to_thread(self._parsed, content)
            return await self.endpoint(body=body, **({request_name: request} if request_name else {}))

        return handle

    def _parsed(self, content: bytes) -> Any:
        """The body as the schema has it. Raises the problems 400 and 422, and RequestValidationError."""
        assert self.body_field is not None
        if not content:
            missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
            raise RequestValidationError([missing])
        body, errors = self.body_field.validate(_decoded(content), loc=("body",))
        if errors:
            raise RequestValidationError(errors)
        return body


def _decoded(content: bytes) -> Any:
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        _check_count(text)
        return json.loads(text)
    except json.JSONDecodeError as error:
        detail = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "", "ctx": {"error": error.msg}}
        raise RequestValidationError([detail]) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "There was an error parsing the body: expected JSON in UTF-8.") from error


def _check_count(text: str) -> None:
    """Raises the problem 422 for a text of JSON with more than `MOST_VALUES` values.

    They are counted by the marks outside of quotes. Where a text is not JSON the count may be wrong; the parser then
    ends at the place from which on it is wrong.

    >>> _check_count('{"a": "' + 5000 * ',' + '", "b": "\\\\"' + 5000 * '[' + '"}')
    """
    parts = text.replace("\\\\", "").replace('\\"', "").split('"', 4 * MOST_VALUES)  # a value may have a name
    outside = parts[::2]
    count = 1 + sum(part.count(mark) for part in outside for mark in ",[{")
    if count > MOST_VALUES or len(parts) > 4 * MOST_VALUES:
        raise Problem(
            422, f"The body has more than {MOST_VALUES:,} values. Send many rows to /predict_batch_csv, as a CSV file."
        )
