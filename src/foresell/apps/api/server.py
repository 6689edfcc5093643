"""The server process: uvicorn with the app, until a signal ends it."""

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

GRACE_SECONDS = 30  # for open requests after the signal to end


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

    `app` comes from `create_app`; `started` is called once the server answers requests.
    """
    app.state.current_model.after_load = _freeze_objects
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
    signal.signal(
        signal.SIGTERM, _end
    )  # uvicorn replaces it while it serves, and raises the signal again when all is closed
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        raise UsageError("The server did not start; the messages above say why.")


def _freeze_objects() -> None:
    """Excludes the objects of the model from garbage collection: scanning them takes 10 ms each time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]):
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "foresell": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "python_multipart": {"level": "CRITICAL"},  # a broken form is reported to the client
    },
}
