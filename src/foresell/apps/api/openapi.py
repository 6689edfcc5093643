"""The OpenAPI document and the page that shows it, with no download from elsewhere.

The examples are made from the loaded model, so that each of them works when it is sent as it is.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from foresell.apps.api import problems
from foresell.apps.api.current_model import CurrentModel
from foresell.apps.api.examples import OF_PROJECT, examples
from foresell.apps.api.middleware import OPEN
from foresell.apps.api.routes import ROLES
from foresell.apps.api.schemas import ProblemDetails
from foresell.serving.keys import Keys, Role

DESCRIPTION = """Forecasts of the champion: for a series and a day, for files, for levels; with reasons and what-if.

Every error is a problem-details body (RFC 9457, `application/problem+json`). Every response has an `X-Request-ID`,
which is that of the request or a new one; it is the `id` in the prediction log. The examples are made from the loaded
model and work as they are."""

TAGS = [
    {"name": "predict", "description": "One series and day in context, a single sale, or a file of them."},
    {"name": "forecast", "description": "Series and levels over the horizon, daily revenue, and reasons."},
    {"name": "plan", "description": "What to do today by the forecasts, why, and what it is worth."},
    {"name": "upkeep", "description": "The loaded model, the state of the server, and the reload of a new champion."},
]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_PREFIX = "#/components/schemas/"


def add(app: FastAPI, model: CurrentModel, keys: Keys, *, plans: bool) -> None:
    """Adds /openapi.json and /docs to the app."""

    def document(request: Request) -> Response:  # Starlette runs what is not async in a thread; this takes a while
        return Response(msgspec.json.encode(openapi(app, model, keys, plans=plans)), media_type="application/json")

    async def page(request: Request) -> Response:
        return HTMLResponse(files(__package__).joinpath("docs.html").read_text(encoding="utf-8"))

    app.add_route("/openapi.json", document, include_in_schema=False)
    app.add_route("/docs", page, include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(directory=assets()))


def assets() -> Path:
    """The folder of Swagger UI's files, which the package fastapi-offline ships."""
    import fastapi_offline

    return Path(str(fastapi_offline.__file__)).parent / "static"


def openapi(app: FastAPI, model: CurrentModel, keys: Keys, *, plans: bool) -> dict[str, Any]:
    """FastAPI's OpenAPI document, with the problems and the role of each operation, and examples from the model; with
    `plans` also of a plan and of a view."""
    document: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, description=app.description, tags=app.openapi_tags, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = ProblemDetails.model_json_schema(ref_template=_PREFIX + "{model}")
    if keys:
        document["components"]["securitySchemes"] = _SCHEMES
    by_path = examples(model.service) if model.service else {}
    if plans:
        by_path |= OF_PROJECT
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method, keys)
            _add_examples(operation, by_path.get(path, {}))
    return document


def _complete(operation: dict[str, Any], path: str, method: str, keys: Keys) -> None:
    """Adds the problems that the operation may return, and the role that it needs."""
    statuses = {429, 431, 500, 503, 405} - ({503} if path == "/health" else set())
    role: Role | None = None if path in OPEN else ROLES[path]
    if role is not None:
        statuses |= {403} | ({401} if keys else set())
        if keys:
            operation["security"] = [{scheme: []} for scheme in _SCHEMES]
            operation["description"] = f"{operation.get('description', '')}\n\nNeeds a key with the role `{role}`."
    if method == "post":
        statuses |= {400, 408, 413, 422} | ({415} if path != "/reload" else set())
    if path == "/explain":
        statuses |= {422}
    operation["responses"].pop("422", None)
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": problems.MEANING[status],
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_PREFIX}Problem"}}},
        }


def _add_examples(operation: dict[str, Any], examples: dict[str, Any]) -> None:
    """Adds the examples of an operation: `body` by media type, `parameters` by name."""
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, bodies in examples.get("body", {}).items():
        if media_type in content:
            content[media_type]["examples"] = bodies
    for parameter in operation.get("parameters", []):
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
