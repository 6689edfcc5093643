"""The endpoints: each takes a request apart, asks the service, and puts its answer together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import msgspec
import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from foresell.apps.api import limits, metrics
from foresell.apps.api.csv_batch import ERROR, Batch, Kind
from foresell.apps.api.keys import Keys, Role
from foresell.apps.api.problems import Problem
from foresell.apps.api.response_spool import Streamed
from foresell.apps.api.schemas import (
    MOST_COLUMNS,
    Explained,
    ForecastAsked,
    Health,
    OneTransaction,
    Question,
    Reloaded,
    RevenueAsked,
    Scalar,
    SeriesDay,
    Status,
    Table,
    Units,
    Value,
)
from foresell.apps.api.shared_state import Desk
from foresell.apps.api.upload import CSV, FORM, PART, file_in
from foresell.core.errors import StoreError
from foresell.core.version import VERSION

if TYPE_CHECKING:
    from foresell.serving.service import Service

Found = TypeVar("Found")

ROLES: dict[str, Role] = {
    "/predict": Role.PREDICT,
    "/predict_batch_csv": Role.PREDICT,
    "/forecast": Role.READ,
    "/forecast_sarima": Role.READ,
    "/explain": Role.READ,
    "/status": Role.READ,
    "/metrics": Role.READ,
    "/openapi.json": Role.READ,
    "/reload": Role.ADMIN,
}
"""What each address needs, where keys are set. What is not here is open: see `door.OPEN`."""

UNITS: tuple[str, ...] = (
    "units",
    "units_low",
    "units_high",
    "revenue",
    "revenue_low",
    "revenue_high",
    "basis",
    "assumed",
)
VALUES: tuple[str, ...] = ("value", "low", "high", "assumed")
MOST_NAMED = 20  # columns in a header
_OPEN_KEYS = ("first", "last")  # of /explain; its other parameters are columns

CSV_BODY = {
    "required": True,
    "content": {
        CSV[0]: {"schema": {"type": "string"}},
        FORM: {
            "schema": {
                "type": "object",
                "properties": {PART: {"type": "string", "contentMediaType": "text/csv"}},
                "required": [PART],
            }
        },
    },
}
WHERE = {
    "name": "where",
    "in": "query",
    "description": "Which series, by the values of their columns: `?store=CA_1&item=FOODS_1`. All where none is given.",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 1000}},
}


def encoded(content: object) -> Response:
    """The content as JSON; what is no number is null."""
    return Response(msgspec.json.encode(content), media_type="application/json")


async def _in(pool: Executor, ask: Callable[[], Found]) -> Found:
    return await asyncio.get_running_loop().run_in_executor(pool, ask)


def router(desk: Desk, keys: Keys) -> APIRouter:
    """All endpoints."""
    made = APIRouter()
    for add in (_predictions, _batches, _forecasts, _reasons, _upkeep):
        add(made, desk)
    _state(made, desk, keys)
    return made


def _predictions(made: APIRouter, desk: Desk) -> None:
    @made.post("/predict", tags=["predict"], response_model=Units | Value, summary="One series and day, or one sale")
    async def predict(body: Question, request: Request) -> Response:
        """Units and revenue of one series on one day in context, each with a range; or the value of one transaction.

        Give the key columns of the project, the date, and what is known about the day: `price`, `promotion`, other
        columns that are known ahead, and for a series without history its attributes. What is left out is filled in,
        and `assumed` says with what.
        """
        begun, service = perf_counter(), desk.served.now()
        request_id = request.state.id
        if isinstance(body, OneTransaction):
            row: dict[str, Any] = {name: value for name, value in body.transaction.items() if value is not None}
            if not row:
                raise Problem(422, "The transaction has no column with a value.")
            plain = {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}
            answer = await desk.together.ask(service.predict_transactions, plain)
            columns, coverage = VALUES, _range_of_sales(service)
        else:
            row = _series_day(body)
            answer = await desk.together.ask(service.predict, row)
            columns, coverage = UNITS, service.settings.serving.range
        if answer[ERROR] is not None:
            desk.metrics.predictions("/predict", 0, 1)
            raise Problem(422, answer[ERROR])
        told = {name: answer[name] for name in columns}
        desk.note("/predict", service, request_id, perf_counter() - begun, row, told)
        return encoded({"id": request_id, "version": service.version, "range": coverage, **told})


def _series_day(body: SeriesDay) -> dict[str, Any]:
    """The row that is asked: what is null is not given."""
    extra: dict[str, Scalar] = body.__pydantic_extra__ or {}
    if len(extra) > MOST_COLUMNS:
        raise Problem(422, f"The body has {len(extra)} fields; at most {MOST_COLUMNS} are taken.")
    known = {"date": body.date, "price": body.price, "promotion": body.promotion}
    return {name: value for name, value in (known | extra).items() if value is not None}


def _batches(made: APIRouter, desk: Desk) -> None:
    answers = {
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows and predictions"}
    }

    @made.post(
        "/predict_batch_csv",
        tags=["predict"],
        summary="A CSV file, any size",
        response_class=Response,
        responses=answers,  # type: ignore[arg-type]
        openapi_extra={"requestBody": CSV_BODY},
    )
    async def predict_batch_csv(
        request: Request,
        kind: Annotated[
            Literal["series_day", "transaction"],
            Query(description="What a row is: a series and day, or a single sale."),
        ] = "series_day",
        separator: Annotated[Literal[",", ";", "\t", "|"], Query(description="Between the columns of a row.")] = ",",
    ) -> Response:
        """The same rows back, all their columns as they came, and beside each its prediction. Streamed both ways.

        The first line names the columns; the rows need the key columns of the project and `date` (a transaction: what
        its model asks for). The added columns begin with `predicted_`; `assumed` says what was filled in, and `error`
        by line number what is wrong with a row that was not answered.
        """
        service = desk.served.now()
        request_id = request.state.id

        def note(asked: pl.DataFrame, found: pl.DataFrame, lines: Any, seconds: float) -> None:
            desk.note_rows("/predict_batch_csv", service, request_id, seconds, asked, found, lines)

        batch = Batch(file_in(request), separator, _kind(service, kind), desk.batches, note, request_id)
        await batch.begin()
        headers = {"X-Model-Version": service.version, "Content-Disposition": 'attachment; filename="predictions.csv"'}
        if batch.unused:
            headers["X-Unused-Columns"] = quote(",".join(batch.unused[:MOST_NAMED]), safe=", ")
        return Streamed(batch.write, headers, "text/csv; charset=utf-8")


def _kind(service: Service, kind: str) -> Kind:
    """What is asked of the rows of an upload. Raises UsageError where the model knows nothing of single sales."""
    if kind == "series_day":
        needed = (*service.manifest.keys, "date")
        return Kind(service.predict, service.columns, needed, UNITS, tuple(map(_named, UNITS)))
    if service.transactions is None:
        service.predict_transactions(pl.DataFrame())
        raise AssertionError("it says that there are none")
    names = tuple(map(_named, VALUES))
    return Kind(service.predict_transactions, tuple(service.transactions.inputs), (), VALUES, names)


def _range_of_sales(service: Service) -> float:
    return service.transactions.recipe.ranges.probability if service.transactions is not None else 0.0


def _named(column: str) -> str:
    """What a column of the answer is called beside those of the upload.

    >>> _named("units"), _named("assumed")
    ('predicted_units', 'assumed')
    """
    return column if column in ("basis", "assumed") else f"predicted_{column}"


def _forecasts(made: APIRouter, desk: Desk) -> None:
    @made.post("/forecast", tags=["forecast"], response_model=Table, summary="Series or a level, and what if")
    async def forecast(body: ForecastAsked) -> Response:
        """The forecast of chosen series or of a level: mean and quantiles for each day of the horizon.

        With `changes` of what is known ahead it is the forecast as it would be: another price, a promotion.
        """
        service = desk.served.now()
        where = {name: value for name, value in body.where.items() if value is not None}
        changes = {name: value for name, value in body.changes.items() if value is not None}
        level = None if body.level is None else tuple(body.level)
        limits.check_size(service, where, level, body.horizon)
        found = await _in(
            desk.others, lambda: service.forecast(where, level, body.horizon, sorted(set(body.quantiles)), changes)
        )
        return encoded({"version": service.version, "rows": found.to_dicts()})

    @made.post("/forecast_sarima", tags=["forecast"], response_model=Table, summary="Daily revenue, by SARIMA")
    async def forecast_sarima(body: RevenueAsked) -> Response:
        """The statistical forecast of the revenue of all sales, day by day: mean and quantiles."""
        service = desk.served.now()
        if (body.last - body.first).days >= limits.HORIZON_DAYS:
            raise Problem(422, f"At most {limits.HORIZON_DAYS} days are forecast at once.")
        quantiles = sorted(set(body.quantiles))
        found = await _in(desk.others, lambda: service.forecast_revenue(body.first, body.last, quantiles))
        return encoded({"version": service.version, "rows": found.to_dicts()})


def _reasons(made: APIRouter, desk: Desk) -> None:
    @made.get(
        "/explain",
        tags=["forecast"],
        response_model=Explained,
        summary="Why: reasons that add up",
        openapi_extra={"parameters": [WHERE]},
    )
    async def explain(
        request: Request,
        first: Annotated[date | None, Query(description="The first day; the first one ahead where left out.")] = None,
        last: Annotated[date | None, Query(description="The last day; the last one ahead where left out.")] = None,
    ) -> Response:
        """Why the forecast of some series is what it is: reasons in units that add up to it, in all and by day."""
        service = desk.served.now()
        where: dict[str, object] = {}
        for name, value in request.query_params.multi_items():
            if name in where:
                raise Problem(422, f"'{name[:80]}' is given twice.")
            if name not in _OPEN_KEYS:
                where[name] = value
        found = await _in(desk.others, lambda: service.explain(where, first, last))
        return encoded({"version": service.version, **found.to_dict()})


def _upkeep(made: APIRouter, desk: Desk) -> None:
    @made.post("/reload", tags=["upkeep"], response_model=Reloaded, summary="Take up a new champion")
    async def reload() -> Response:
        """Loads the champion beside the model that answers, which then gives way to it. No request is lost.

        Requests that have begun finish with the model they began with. Where the new one cannot be loaded, the old
        one stays.
        """
        return encoded(await desk.served.reload())

    @made.get(
        "/metrics",
        tags=["upkeep"],
        summary="For Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "All metrics"}},
    )
    async def prometheus() -> Response:
        """Requests by endpoint and status, their times, predictions, state of the log, version and age of the model."""
        return Response(desk.metrics.text(), media_type=metrics.MEDIA_TYPE)

    @made.get("/health", tags=["upkeep"], response_model=Health, summary="The process is alive")
    async def health() -> Response:
        """Answers as long as the process does, whether a model is loaded or not. Needs no key."""
        return encoded({"status": "alive"})

    @made.get("/ready", tags=["upkeep"], response_model=Health, summary="A model is loaded")
    async def ready() -> Response:
        """Answers 503 with the reason as long as no model is loaded. Needs no key."""
        desk.served.now()
        return encoded({"status": "ready"})


def _state(made: APIRouter, desk: Desk, keys: Keys) -> None:
    @made.get("/status", tags=["upkeep"], response_model=Status, summary="What is loaded")
    async def status() -> Response:
        """Versions and ages of model and data, what is loaded, how the prediction log does."""
        served = desk.served
        service = served.service
        trouble = served.reason if service is None else None
        champion = None
        try:
            champion = await _in(desk.others, served.source.newest)
        except StoreError as error:
            trouble = trouble or str(error)
        told = {
            "version": service.version if service else None,
            "champion": champion,
            "trouble": trouble,
            "loaded": served.loaded,
            "started": served.started,
            "foresell": VERSION,
            "age_seconds": served.ages(),
            "model": service.about() if service else {},
            "log": served.log.state(),
            "keys": len(keys.keys),
        }
        return encoded(told)
