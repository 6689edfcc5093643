"""Limits of a client: requests a second, bytes of a body, rows of a response."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from starlette.types import Message, Receive, Scope

from foresell.apps.api.problems import Problem
from foresell.core.scenario import series_where
from foresell.core.words import many

if TYPE_CHECKING:
    from foresell.serving.service import Service

MOST_HEAD = 32_768  # bytes of a request's first line and headers
MOST_ADDRESS = 8192  # bytes
MOST_HEADERS = 100
MOST_PARAMETERS = 250  # of an address
CLIENTS = 10_000  # with a bucket; the one not seen for longest is dropped first
HORIZON_DAYS = 3 * 366  # longest range of dates of one /forecast_sarima
BODY_IDLE_SECONDS = 30  # without a part of a body
BODY_SECONDS = 60  # for the whole body; uploads of CSV may take longer
MOST_ROWS = 200_000  # of one /forecast: series times steps


class RateLimit:
    """A token bucket for each client: `most` requests a second, and a burst of as many after a pause.

    >>> now = 0.0
    >>> rate = RateLimit(2, clock=lambda: now)
    >>> [rate.wait("till-7") for _ in range(3)], rate.wait("till-8")
    ([0.0, 0.0, 0.5], 0.0)
    >>> now = 0.5
    >>> rate.wait("till-7")
    0.0
    """

    def __init__(self, most: float, clock: Callable[[], float] = monotonic):
        self.most = most
        self._burst = max(most, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = (
            OrderedDict()
        )  # client: tokens, and the time of the count

    def wait(self, client: str) -> float:
        """Takes a token of the client; returns 0, or the seconds until there is a token."""
        now = self._clock()
        tokens, counted = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - counted) * self.most)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self.most

    def check(self, client: str) -> None:
        """Raises the problem 429 where the client has no token left."""
        if wait := self.wait(client):
            raise Problem(
                429,
                f"More than {self.most:g} requests a second came from this client.",
                headers={"Retry-After": str(math.ceil(wait))},
            )


def check_head(scope: Scope) -> None:
    """Raises the problem 431 for a head that is too large, however it arrived, and for too many parts of it."""
    headers, query = scope["headers"], scope["query_string"]
    sizes = {
        "headers": (len(headers), MOST_HEADERS),
        "parameters": (query.count(b"&") + 1, MOST_PARAMETERS),
        "bytes of address": (len(scope.get("raw_path") or b"") + len(query), MOST_ADDRESS),
        "bytes of headers": (sum(len(name) + len(value) + 4 for name, value in headers), MOST_HEAD),
    }
    for what, (count, most) in sizes.items():
        if count > most:
            detail = f"The request has {count:,} {what}; at most {most:,} are allowed."
            raise Problem(431, detail, headers={"Connection": "close"})


def check_size(
    service: Service, where: Mapping[str, object], level: tuple[str, ...] | None, horizon: int | None
) -> None:
    """Raises the problem 422 for more rows than one response may have, and UsageError where there is no series."""
    series = service.panel.series
    chosen = series[series_where(series, where)]
    if level is not None and set(level) <= set(series.columns):  # the service itself refuses an unknown level
        chosen = chosen.select(set(level)).unique() if level else chosen.head(1)
    days = min(horizon or service.manifest.horizon, service.manifest.horizon)
    if chosen.height * days > MOST_ROWS:
        raise Problem(
            422,
            f"{chosen.height:,} series over {many(days, 'day')} are more than the {MOST_ROWS:,} rows of one response. "
            "Ask for a level, for some of the series, or for fewer days.",
        )


def prompt(receive: Receive, idle_seconds: float, most_seconds: float = math.inf) -> Receive:
    """The same body; a part that takes longer than `idle_seconds` raises the problem 408, as does a body that takes
    longer than `most_seconds`."""
    end, is_whole = monotonic() + most_seconds, False

    async def timed() -> Message:
        nonlocal is_whole
        if is_whole:  # what follows the body is that the client has gone, and may be waited for
            return await receive()
        try:
            async with asyncio.timeout(max(min(idle_seconds, end - monotonic()), 0)):
                message = await receive()
        except TimeoutError as error:
            raise Problem(408, "The body did not arrive in time.", headers={"Connection": "close"}) from error
        is_whole = not message.get("more_body", False)
        return message

    return timed


def limited(receive: Receive, most: int) -> Receive:
    """The same body; reading more than `most` bytes of it raises the problem 413."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise too_large(most)
        return message

    return counted


def too_large(most: int) -> Problem:
    """The problem 413."""
    return Problem(
        413,
        f"The body is larger than the limit of {most / 1e6:g} MB. Send many rows to /predict_batch_csv, which takes "
        "any number; 'serving.max_body_mb' in foresell.yaml sets the limit.",
        headers={"Connection": "close"},
    )
