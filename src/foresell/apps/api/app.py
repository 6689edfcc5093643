"""The app: its endpoints, its documentation and its middleware."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from foresell.apps.api import openapi
from foresell.apps.api.current_model import CurrentModel
from foresell.apps.api.limits import RateLimit
from foresell.apps.api.metrics import Metrics
from foresell.apps.api.middleware import Gateway
from foresell.apps.api.problems import add_problem_handlers
from foresell.apps.api.routes import ROLES, router
from foresell.apps.api.shared_state import SharedState
from foresell.core.settings import Serving
from foresell.core.version import VERSION
from foresell.serving.keys import Keys

if TYPE_CHECKING:
    from foresell.serving.prediction_log.writer import PredictionLog
    from foresell.serving.source import Source


def create_app(
    source: Source, serving: Serving, keys: Keys, log: PredictionLog, project: Path | None = None
) -> FastAPI:
    """The API over the champion of `source`, which is loaded at the start; `log` is closed at the end.

    `keys` are the API keys with their roles. Without keys the app answers only requests to this machine by a loopback
    name. The project in the folder `project` makes plans; without one, /plan says that there is none.
    """
    model, closing = CurrentModel(source, log), threading.Event()
    state = SharedState(model, Metrics(model), project)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(model.first_load())
        try:
            yield
        finally:
            loading.cancel()
            with suppress(asyncio.CancelledError):
                await loading
            await asyncio.to_thread(state.close)

    app = _app_without_pages(lifespan)
    app.include_router(router(state, keys))
    openapi.add(app, model, keys, plans=project is not None)
    add_problem_handlers(app)
    app.add_middleware(
        Gateway,
        keys=keys,
        roles=ROLES,
        rate=RateLimit(serving.max_rate),
        metrics=state.metrics,
        max_body=int(serving.max_body_mb * 1_000_000),
        origins=serving.origins,
        closing=closing,
    )
    if serving.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(serving.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "X-Model-Version", "Retry-After"],
        )
    app.state.current_model, app.state.closing, app.state.proxies = model, closing, serving.proxies
    app.state.escape_formulas = serving.escape_formulas
    return app


def _app_without_pages(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """FastAPI without its own documentation pages, which load scripts from elsewhere; `openapi.add` adds others."""
    return FastAPI(
        title="foresell",
        version=VERSION,
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
