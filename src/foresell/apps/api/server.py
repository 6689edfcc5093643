"""The process: uvicorn with the app, until it is told to end."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from foresell.core.errors import UsageError

GRACE_SECONDS = 30  # for requests under way when the process is told to end


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UsageError where it cannot, such as when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise UsageError(
            f"The server cannot listen on {host}:{port}: {error}. Give another --port or --host."
        ) from error
    return found


def run(app: FastAPI, listening: socket.socket, started: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM: then no request is taken any more, those under way are finished, the log closed.

    `app` is one of `create_app`; `started` is called when requests are answered.
    """
    app.state.served.after_load = _settle
    logging.getLogger("foresell").setLevel(logging.INFO)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="info",
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_config=_LOGGING,
        lifespan="on",
    )
    server = _Server(config, started)
    signal.signal(signal.SIGTERM, _end)  # uvicorn takes its place, and hands the signal on to it when all is closed
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        raise UsageError("The server did not start; what stands above says why.")


def _settle() -> None:
    """Spares the collector of garbage what stays: a model is many objects, and to look at them all takes 10 ms."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, told: Callable[[], None]):
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "foresell": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "python_multipart": {"level": "CRITICAL"},  # a broken form is the client's to know of
    },
}
