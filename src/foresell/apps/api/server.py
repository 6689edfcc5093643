"""The server process: uvicorn with the app, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from foresell.apps.api.connection_guard import MOST_CONNECTIONS, GuardedProtocol
from foresell.core.errors import UsageError

GRACE_SECONDS = 30  # for open requests after the signal to end
SWITCH_SECONDS = 0.0005  # after which a thread that works gives way; Python's 5 ms are as long as many a request
CLOSING_SECONDS = 1  # in which requests that still arrive are refused in words, before connections are


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises UsageError where that fails, such as when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(
            f"The server cannot listen on {host}:{port}: {error}. Give another --port or --host."
        ) from error
    return listening


def run(app: FastAPI, listening: socket.socket, started: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM. Then open requests are finished, new ones are refused, and the log is closed.

    For `CLOSING_SECONDS` new requests are refused with the status 503, so that those who wait for a connection, or hold
    one, are told to ask again; after that connections are refused.

    `app` comes from `create_app`; `started` is called once the server answers requests.
    """
    app.state.current_model.after_load = _freeze_objects
    logging.getLogger("foresell").setLevel(logging.INFO)
    _allow_open_files(2 * MOST_CONNECTIONS)
    sys.setswitchinterval(SWITCH_SECONDS)
    server = server_of(app, started)
    signal.signal(
        signal.SIGTERM, _end
    )  # uvicorn replaces it while it serves, and raises the signal again when all is closed
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        raise UsageError("The server did not start; the messages above say why.")


def server_of(app: FastAPI, started: Callable[[], None]) -> uvicorn.Server:
    """The server of `app`, from `create_app`. No header names the client, unless a trusted proxy sends it."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="error",  # it warns of each bad request, with which anybody could fill a disk
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=_LOGGING,
        lifespan="on",
        http=GuardedProtocol,
        ws="none",
        proxy_headers=bool(app.state.proxies),
        forwarded_allow_ips=list(app.state.proxies),
    )
    return _Server(config, started, app.state.closing)


def _allow_open_files(count: int) -> None:
    """Raises the limit of open files, of which each connection is one, as far as the system lets it."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _freeze_objects() -> None:
    """Excludes the objects of the model from garbage collection: scanning them takes 10 ms each time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None], closing: threading.Event):
        super().__init__(config)
        self._on_start, self._closing = on_start, closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        end = time.monotonic() + CLOSING_SECONDS
        await asyncio.sleep(0.1)  # connections that the system has taken, but not yet this process
        while self.server_state.connections and time.monotonic() < end and not self.force_exit:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "foresell": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "python_multipart": {"level": "CRITICAL"},  # a broken form is reported to the client
    },
}
