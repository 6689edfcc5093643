"""The app: endpoints, documents, and what stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from foresell.apps.api import openapi
from foresell.apps.api.current_model import Served
from foresell.apps.api.keys import Keys
from foresell.apps.api.limits import Rate
from foresell.apps.api.metrics import Metrics
from foresell.apps.api.middleware import Door
from foresell.apps.api.problems import answer_with_problems
from foresell.apps.api.routes import ROLES, router
from foresell.apps.api.shared_state import Desk
from foresell.core.settings import Serving
from foresell.core.version import VERSION

if TYPE_CHECKING:
    from foresell.serving.prediction_log.writer import PredictionLog
    from foresell.serving.source import Source


def create_app(source: Source, serving: Serving, keys: Keys, log: PredictionLog) -> FastAPI:
    """The API over the champion of `source`. It loads it when it starts, and closes `log` when it ends.

    `keys` say who may do what; with none the app answers only requests made to this machine by its own name.
    """
    served = Served(source, log)
    desk = Desk(served, Metrics(served))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(served.first_load())
        try:
            yield
        finally:
            loading.cancel()
            with suppress(asyncio.CancelledError):
                await loading
            await asyncio.to_thread(desk.close)

    app = _bare(life)
    app.include_router(router(desk, keys))
    openapi.add(app, served, keys)
    answer_with_problems(app)
    app.add_middleware(
        Door,
        keys=keys,
        roles=ROLES,
        rate=Rate(serving.max_rate),
        metrics=desk.metrics,
        max_body=int(serving.max_body_mb * 1_000_000),
    )
    if serving.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(serving.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "X-Model-Version", "Retry-After"],
        )
    app.state.served = served
    return app


def _bare(life: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """FastAPI without its own documents, which load scripts from elsewhere; `documents` puts others in their place."""
    return FastAPI(
        title="foresell",
        version=VERSION,
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=life,
    )
