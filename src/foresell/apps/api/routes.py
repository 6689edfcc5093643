"""The endpoints: each reads a request, calls the service, and makes the response."""

from __future__ import annotations

from datetime import date, datetime, time
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from foresell.apps.api import limits, metrics
from foresell.apps.api.csv_batch import Batch
from foresell.apps.api.json_answers import encoded, run_in
from foresell.apps.api.json_bodies import JsonRoute
from foresell.apps.api.problems import MOST_NAME, Problem
from foresell.apps.api.project_routes import of_project
from foresell.apps.api.response_spool import SpooledResponse
from foresell.apps.api.schemas import (
    MOST_COLUMNS,
    ExplanationResponse,
    ForecastRequest,
    Health,
    PredictRequest,
    ReloadResult,
    RevenueRequest,
    Scalar,
    SeriesDay,
    Status,
    Table,
    TransactionRequest,
    Units,
    Value,
)
from foresell.apps.api.shared_state import SharedState
from foresell.apps.api.upload import CSV, FORM, PART, file_in
from foresell.core.errors import StoreError
from foresell.core.frequency import Frequency, date_text
from foresell.core.version import VERSION
from foresell.serving.csv_predictions import ERROR, UNITS, VALUES, CsvPredictions, row_kind
from foresell.serving.keys import Keys, Role

if TYPE_CHECKING:
    from foresell.serving.service import Service

ROLES: dict[str, Role] = {
    "/predict": Role.PREDICT,
    "/predict_batch_csv": Role.PREDICT,
    "/plan": Role.PREDICT,
    "/view": Role.READ,
    "/forecast": Role.READ,
    "/forecast_sarima": Role.READ,
    "/explain": Role.READ,
    "/status": Role.READ,
    "/metrics": Role.READ,
    "/openapi.json": Role.READ,
    "/reload": Role.ADMIN,
}
"""The role that each address needs. Other addresses need none, see `middleware.OPEN`."""

MOST_NAMED = 20  # columns in the header X-Unused-Columns
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
    "description": "The series, by values of columns: `?store=CA_1&item=FOODS_1`. All series where none is given.",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 1000}},
}


def router(state: SharedState, keys: Keys) -> APIRouter:
    """All endpoints."""
    endpoints = APIRouter(route_class=JsonRoute)
    for add in (_predictions, _batches, _forecasts, of_project, _reasons, _upkeep):
        add(endpoints, state)
    _status(endpoints, state, keys)
    return endpoints


def _predictions(router: APIRouter, state: SharedState) -> None:
    @router.post("/predict", tags=["predict"], response_model=Units | Value, summary="One series and day, or one sale")
    async def predict(body: PredictRequest, request: Request) -> Response:
        """Predicts units and revenue of one series on one day, each with a range; or the value of one transaction.

        Give the key columns of the project, the date, and what is known about the day: `price`, `promotion`, other
        columns that are known ahead, and for a series without a history its attributes. A value that is left out is
        assumed, and `assumed` says which value was taken.
        """
        begun, service = perf_counter(), state.model.now()
        request_id = request.state.id
        if isinstance(body, TransactionRequest):
            row: dict[str, Any] = {name: value for name, value in body.transaction.items() if value is not None}
            if not row:
                raise Problem(422, "The transaction has no column with a value.")
            plain = {name: int(value) if isinstance(value, bool) else value for name, value in row.items()}
            prediction = await state.batcher.ask(service.predict_transactions, plain)
            columns, coverage = VALUES, _range_of_sales(service)
        else:
            row = _series_day(body, service.panel.frequency)
            prediction = await state.batcher.ask(service.predict, row)
            columns, coverage = UNITS, service.settings.serving.range
        if prediction[ERROR] is not None:
            state.metrics.predictions("/predict", 0, 1)
            raise Problem(422, prediction[ERROR])
        outputs = {name: prediction[name] for name in columns}
        state.log_prediction("/predict", service, request_id, perf_counter() - begun, row, outputs)
        return encoded({"id": request_id, "version": service.version, "range": coverage, **outputs})


def _series_day(body: SeriesDay, frequency: Frequency) -> dict[str, Any]:
    """The row to predict, without the columns that are null."""
    when: date | str = body.date
    if frequency == Frequency.HOUR:
        when = date_text(body.date.replace(tzinfo=None) if isinstance(body.date, datetime) else body.date)
    elif isinstance(body.date, datetime):
        when = body.date.date()
        if body.date.time() != time.min:
            raise Problem(422, f"'date' has a time of day, which a forecast by {frequency.noun} has not; give {when}.")
    extra: dict[str, Scalar] = body.__pydantic_extra__ or {}
    if len(extra) > MOST_COLUMNS:
        raise Problem(422, f"The body has {len(extra)} fields; at most {MOST_COLUMNS} are allowed.")
    known = {"date": when, "price": body.price, "promotion": body.promotion}
    return {name: value for name, value in (known | extra).items() if value is not None}


def _batches(router: APIRouter, state: SharedState) -> None:
    responses = {
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows and predictions"}
    }

    @router.post(
        "/predict_batch_csv",
        tags=["predict"],
        summary="A CSV file, any size",
        response_class=Response,
        responses=responses,  # type: ignore[arg-type]
        openapi_extra={"requestBody": CSV_BODY},
    )
    async def predict_batch_csv(
        request: Request,
        kind: Annotated[
            Literal["series_day", "transaction"],
            Query(description="What a row is: a series and a day, or a single sale."),
        ] = "series_day",
        separator: Annotated[Literal[",", ";", "\t", "|"], Query(description="The separator of columns.")] = ",",
    ) -> Response:
        """Returns the same rows, with all their columns unchanged, and adds the prediction to each.

        The response begins while the upload goes on. The first line names the columns; the rows need the key columns of
        the project and `date` (for transactions: the inputs of their model). The added columns begin with `predicted_`;
        `assumed` says which values were assumed, and `error` gives the line number of a row without a prediction and
        what is wrong with it.
        """
        service = state.model.now()
        request_id = request.state.id

        def log(inputs: pl.DataFrame, outputs: pl.DataFrame, lines: Any, seconds: float) -> None:
            state.log_chunk("/predict_batch_csv", service, request_id, seconds, inputs, outputs, lines)

        escape = request.app.state.escape_formulas
        rows = CsvPredictions(row_kind(service, kind), separator, log, request_id, escape)
        batch = Batch(file_in(request, state.batches), rows, state.batches)
        await batch.begin()
        headers = {"X-Model-Version": service.version, "Content-Disposition": 'attachment; filename="predictions.csv"'}
        if rows.unused:
            headers["X-Unused-Columns"] = quote(
                ",".join(name[:MOST_NAME] for name in rows.unused[:MOST_NAMED]), safe=", "
            )
        return SpooledResponse(batch.write, headers, "text/csv; charset=utf-8")


def _range_of_sales(service: Service) -> float:
    return service.transactions.recipe.ranges.probability if service.transactions is not None else 0.0


def _forecasts(router: APIRouter, state: SharedState) -> None:
    @router.post("/forecast", tags=["forecast"], response_model=Table, summary="Series or a level, with what-if")
    async def forecast(body: ForecastRequest) -> Response:
        """Forecasts chosen series or a level: mean and quantiles for each day of the horizon.

        With `changes` of what is known ahead, such as another price or a promotion, it is a what-if forecast.
        """
        service = state.model.now()
        where = {name: value for name, value in body.where.items() if value is not None}
        changes = {name: value for name, value in body.changes.items() if value is not None}
        level = None if body.level is None else tuple(body.level)
        quantiles = sorted(set(body.quantiles))

        def content() -> Response:
            limits.check_size(service, where, level, body.horizon)
            return _table(service, service.forecast(where, level, body.horizon, quantiles, changes))

        return await run_in(state.others, content)

    @router.post("/forecast_sarima", tags=["forecast"], response_model=Table, summary="Daily revenue, by SARIMA")
    async def forecast_sarima(body: RevenueRequest) -> Response:
        """Forecasts the daily revenue of all sales by a statistical model: mean and quantiles."""
        service = state.model.now()
        if (body.last - body.first).days >= limits.HORIZON_DAYS:
            raise Problem(422, f"At most {limits.HORIZON_DAYS} days can be forecast at once.")
        quantiles = sorted(set(body.quantiles))
        return await run_in(
            state.others, lambda: _table(service, service.forecast_revenue(body.first, body.last, quantiles))
        )


def _table(service: Service, rows: pl.DataFrame) -> Response:
    return encoded({"version": service.version, "rows": rows.to_dicts()})


def _reasons(router: APIRouter, state: SharedState) -> None:
    @router.get(
        "/explain",
        tags=["forecast"],
        response_model=ExplanationResponse,
        summary="Reasons that add up to the forecast",
        openapi_extra={"parameters": [WHERE]},
    )
    async def explain(
        request: Request,
        first: Annotated[
            date | datetime | None, Query(description="The first day (or hour). Left out: that of the horizon.")
        ] = None,
        last: Annotated[
            date | datetime | None, Query(description="The last day (or hour). Left out: that of the horizon.")
        ] = None,
    ) -> Response:
        """Explains the forecast of some series: reasons in units that add up to it, in total and by day."""
        service = state.model.now()
        where: dict[str, object] = {}
        for name, value in request.query_params.multi_items():
            if name in where:
                raise Problem(422, f"'{name[:80]}' is given twice.")
            if name not in _OPEN_KEYS:
                where[name] = value

        def content() -> Response:
            return encoded({"version": service.version, **service.explain(where, first, last).to_dict()})

        return await run_in(state.others, content)


def _upkeep(router: APIRouter, state: SharedState) -> None:
    @router.post("/reload", tags=["upkeep"], response_model=ReloadResult, summary="Load a new champion")
    async def reload() -> Response:
        """Loads the champion while the present model still answers, and then replaces it. No request is lost.

        A request that has begun ends with the model that it began with. Where the new model cannot be loaded, the
        present one stays. Where no keys are set, this needs the header `X-Requested-With`, with any value.
        """
        return encoded(await state.model.reload())

    @router.get(
        "/metrics",
        tags=["upkeep"],
        summary="For Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "All metrics"}},
    )
    async def prometheus() -> Response:
        """Metrics: requests by endpoint and status, their times, predictions, the log, version and age of the model."""
        return Response(state.metrics.text(), media_type=metrics.MEDIA_TYPE)

    @router.get("/health", tags=["upkeep"], response_model=Health, summary="The process is alive")
    async def health() -> Response:
        """Answers while the process is alive, whether a model is loaded or not. Needs no key."""
        return encoded({"status": "alive"})

    @router.get("/ready", tags=["upkeep"], response_model=Health, summary="A model is loaded")
    async def ready() -> Response:
        """Answers 503 with the reason while no model is loaded. Needs no key."""
        state.model.now()
        return encoded({"status": "ready"})


def _status(router: APIRouter, state: SharedState, keys: Keys) -> None:
    @router.get("/status", tags=["upkeep"], response_model=Status, summary="The loaded model")
    async def status() -> Response:
        """Returns the versions and ages of model and data, and the state of the prediction log."""
        model = state.model
        service = model.service
        trouble = model.reason if service is None else None
        champion = None
        try:
            champion = await run_in(state.others, model.source.newest)
        except StoreError as error:
            trouble = trouble or str(error)
        content = {
            "version": service.version if service else None,
            "champion": champion,
            "trouble": trouble,
            "loaded": model.loaded,
            "started": model.started,
            "foresell": VERSION,
            "age_seconds": model.ages(),
            "model": service.about() if service else {},
            "log": model.log.state(),
            "keys": len(keys.keys),
        }
        return encoded(content)
