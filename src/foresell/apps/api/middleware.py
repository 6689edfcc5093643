"""The middleware of all requests: request id, API key, limits, metrics, and the answer to unexpected faults.

It is plain ASGI, as it runs for each of hundreds of requests a second.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Mapping
from time import perf_counter
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foresell.apps.api.limits import (
    BODY_IDLE_SECONDS,
    BODY_SECONDS,
    RateLimit,
    check_head,
    limited,
    prompt,
    too_large,
)
from foresell.apps.api.metrics import Metrics
from foresell.apps.api.problems import Problem
from foresell.serving.keys import Keys, Role, is_loopback

LOG = logging.getLogger("foresell.api")
GONE = 499  # the status counted for a client that did not wait for its response; it is never sent

OPEN: frozenset[str] = frozenset({"/health", "/ready", "/docs"})
"""Addresses without a key: the checks of the process, and the documentation page, which holds no data."""
JSON_BODIES: frozenset[str] = frozenset({"/predict", "/forecast", "/forecast_sarima", "/plan", "/view"})


class Gateway:
    """The middleware.

    - `roles` are the roles that addresses need; an address that is not among them needs none.
    - `origins` are the web pages, besides those of the server itself, that may send requests.
    - `closing` is set once the server ends: what arrives then is refused, so that the client asks elsewhere.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys,
        roles: Mapping[str, Role],
        rate: RateLimit,
        metrics: Metrics,
        max_body: int,
        origins: tuple[str, ...] = (),
        closing: threading.Event,
    ):
        self.app, self.keys, self.roles, self.rate = app, keys, roles, rate
        self.metrics, self.max_body = metrics, max_body
        self.origins, self.closing = origins, closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, headers = perf_counter(), Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent["X-Request-ID"] = request_id
                sent["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            check_head(scope)
            self._check_access(scope, headers)
            await self.app(scope, self._limited_body(scope, headers, receive), send_with_headers)
        except Problem as problem:
            if status:  # the response has begun and can only be broken off
                raise
            await problem.response(scope["path"], request_id)(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = status or GONE
        except Exception as error:
            LOG.error("fault %s: %s %s", request_id, scope["method"], scope["path"], exc_info=error)
            if status:
                raise
            fault = Problem(500, f"A fault of the server. Its log has it under {request_id}; please report it.")
            await fault.response(scope["path"], request_id)(scope, receive, send_with_headers)
        finally:
            endpoint = scope["path"] if scope["path"] in self.roles or scope["path"] in OPEN else "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.request(endpoint, method, status or GONE, perf_counter() - begun)

    def _check_access(self, scope: Scope, headers: Headers) -> None:
        """Raises the problems 401, 403, 415, 429 and 503."""
        if self.closing.is_set() and scope["path"] not in _WHILE_CLOSING:
            raise Problem(503, "This server is ending. Ask again.", headers={"Retry-After": "1", "Connection": "close"})
        client = scope.get("client")
        address = client[0] if client else "unknown"
        text = _key_of(headers)
        key = self.keys.find(text) if text else None
        self.rate.check(key.digest if key else address)
        if scope["method"] not in _SAFE_METHODS:
            _check_origin(headers, self.origins)
        needed = self.roles.get(scope["path"])
        if needed is None:
            return
        if not self.keys:
            _check_local(headers)
            if needed == Role.ADMIN and "x-requested-with" not in headers:
                raise Problem(
                    403,
                    "No keys are set, so what changes the server needs the header X-Requested-With, with any value, "
                    "which another web page cannot send (curl: -H 'X-Requested-With: curl').",
                )
        elif key is None:
            reason = "The key is not known." if text else "This needs a key."
            raise Problem(
                401,
                f"{reason} Give one as `Authorization: Bearer KEY` or `X-API-Key: KEY`; the operator of the server "
                "makes them with `foresell serve --new-key ROLE`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        elif key.role < needed:
            raise Problem(403, f"This needs a key with the role {needed}; this key's is {key.role}.")
        if scope["method"] == "POST" and scope["path"] in JSON_BODIES:
            _check_json(headers)

    def _limited_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """The body up to the limit; uploads of CSV have no limit here."""
        if scope["path"] == "/predict_batch_csv":
            return prompt(receive, BODY_IDLE_SECONDS)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.max_body:
            raise too_large(self.max_body)
        return limited(prompt(receive, BODY_IDLE_SECONDS, BODY_SECONDS), self.max_body)


_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_WHILE_CLOSING = frozenset({"/health", "/metrics"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"})


def _request_id(headers: Headers) -> str:
    """The request id that the client gives, if it is a plain one, or a new one."""
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid.uuid4().hex


def _key_of(headers: Headers) -> str | None:
    kind, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else headers.get("x-api-key")


def _check_json(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, f"Send the body as Content-Type: application/json, not as '{kind[:80]}'.")


def _check_origin(headers: Headers, origins: tuple[str, ...]) -> None:
    """Raises the problem 403 for a request that a browser sends for a page of another site, if that is not allowed."""
    origin = headers.get("origin")
    if origin is None or origin in origins:
        return
    if urlsplit(origin).netloc != headers.get("host", ""):  # the origin of a page without an address is "null"
        raise Problem(
            403,
            f"The page {origin[:80]} may not send requests to this server; 'serving.origins' in foresell.yaml has "
            "those that may.",
        )


def _check_local(headers: Headers) -> None:
    """Raises the problem 403 for a request that may come from elsewhere.

    A host name that is no loopback name is one that another site gave to this address (DNS rebinding). A proxy may
    have replaced the name by a loopback one, but it says so in other headers.
    """
    forwarded = [name for name in _FORWARDED if name in headers]
    if forwarded:
        raise Problem(
            403,
            f"No keys are set, so only requests of this machine itself are answered, and this one came by a proxy "
            f"(it has the header {forwarded[0]}). Keys are made with: foresell serve --new-key ROLE",
        )
    host = headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if not is_loopback(name):
        raise Problem(
            403,
            f"No keys are set, so only requests to localhost or 127.0.0.1 are answered, not '{name[:80]}'. "
            "Keys are made with: foresell serve --new-key ROLE",
        )
