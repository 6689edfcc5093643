"""The schemas of requests and responses, from which the OpenAPI document is made."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from foresell.core.forecast import GREATEST_PROBABILITY, LEAST_PROBABILITY

MOST_COLUMNS = 200
MOST_TEXT = 1000
_WHOLE = 2**63


def _scalar(value: Any) -> Any:
    """Returns the value if a column can hold it. A union of types would give four messages for one wrong value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) <= MOST_TEXT and not re.search("[\ud800-\udfff]", value):
            return value
        raise PydanticCustomError("text", f"expected a text of at most {MOST_TEXT} characters, in UTF-8")
    if (isinstance(value, int) and -_WHOLE <= value < _WHOLE) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise PydanticCustomError("scalar", "expected a text, a number, true, false or null")


Scalar = Annotated[
    str | int | float | bool | None,
    PlainValidator(_scalar),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": MOST_TEXT},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
"""A value of a column: text, a number, true or false; null is the same as leaving the column out."""

Number = Annotated[float, Field(allow_inf_nan=False)]

Column = Annotated[str, Field(min_length=1, max_length=200)]
Quantile = Annotated[float, Field(ge=LEAST_PROBABILITY, le=GREATEST_PROBABILITY, allow_inf_nan=False)]
Quantiles = Annotated[list[Quantile], Field(max_length=99)]


class StrictRequest(BaseModel):
    """A request in which an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class SeriesDay(BaseModel):
    """One series and day in context: the key columns of the project, the date, and what is known about the day."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Column, Scalar]

    date: Annotated[
        date | datetime,
        Field(
            description="The day of the forecast, after the last sales and within the horizon; of hours with the time, "
            "such as 2024-01-31T09:00:00."
        ),
    ]
    price: Annotated[Number, Field(ge=0)] | None = Field(
        None, description="The price of that day. Left out: the planned price, or the last known one."
    )
    promotion: Annotated[bool, Field(strict=True)] | Number | None = Field(
        None, description="Whether (or how much) the item is promoted. Left out: as planned, or not at all."
    )


class TransactionRequest(StrictRequest):
    """A single sale, whose value of the column `transactions.target` of the settings is predicted."""

    transaction: Annotated[dict[Column, Scalar], Field(min_length=1, max_length=MOST_COLUMNS)]


def _request_kind(body: Any) -> str:
    return "transaction" if isinstance(body, dict) and "transaction" in body else "series_day"


PredictRequest = Annotated[
    Annotated[SeriesDay, Tag("series_day")] | Annotated[TransactionRequest, Tag("transaction")],
    Discriminator(_request_kind),
]


class Prediction(BaseModel):
    """Units and revenue of a series on a day, or the value of a transaction, each with a range."""

    id: str = Field(description="The id of the request, which is also its id in the prediction log.")
    version: str = Field(description="The version of the model that answered.")
    range: float = Field(description="The probability of the range, such as 0.9.")
    assumed: list[str] = Field(description="Each value that was left out and what was assumed for it, in words.")


class Units(Prediction):
    """Units and revenue of a series on a day. Revenue is null where no price is known."""

    basis: Literal["series", "new"] = Field(
        description="`series`: from the history of this series; `new`: without a history, as for a new product."
    )
    units: float | None
    units_low: float | None
    units_high: float | None
    revenue: float | None
    revenue_low: float | None
    revenue_high: float | None


class Value(Prediction):
    """The value of a transaction."""

    value: float | None
    low: float | None
    high: float | None


class ForecastRequest(StrictRequest):
    """The series or the level to forecast, the horizon, the quantiles and the changes."""

    where: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict,
        description="Values by column (keys or attributes) that choose the series; all series where it is empty.",
    )
    level: Annotated[list[Column], Field(max_length=20)] | None = Field(
        None,
        description='The columns of a level, whose groups are forecast: `[]` is the total, `["store"]` each store. '
        "Left out: the single series.",
    )
    horizon: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = Field(
        None, description="The number of days (weeks, months) ahead. Left out: the whole horizon of the model."
    )
    quantiles: Quantiles = Field(
        default_factory=lambda: [0.05, 0.5, 0.95],
        description="Probabilities from 0.0001 to 0.9999, at least a millionth apart.",
    )
    changes: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict,
        description='What-if: other values of what is known ahead, such as `{"price": "-10%", "promotion": "on"}`.',
    )


class RevenueRequest(StrictRequest):
    """The first and the last day of a revenue forecast, and its quantiles."""

    first: date
    last: date
    quantiles: Quantiles = Field(
        default_factory=lambda: [0.05, 0.5, 0.95],
        description="Probabilities from 0.0001 to 0.9999, at least a millionth apart.",
    )


class PlanRequest(StrictRequest):
    """The kind of a plan, what to change for this question, and how many lines to return."""

    kind: Annotated[str, Field(max_length=50)] = Field("orders", description="The kind of the plan.")
    changes: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict,
        description='What-if: settings of the plan for this question, such as `{"service": 0.98, "lead_days": 10}`.',
    )
    lines: Annotated[int, Field(ge=0, le=100_000, strict=True)] = Field(
        1000, description="How many lines to return, those with most money at risk."
    )


class PlanResponse(BaseModel):
    """A plan: what comes of it, and its lines, those with most money at risk first."""

    kind: str
    headline: list[str]
    findings: list[dict[str, Any]]
    details: dict[str, Any] = Field(description="What the kind has to say beyond its lines, such as the policy.")
    total: int = Field(description="How many lines the plan has.")
    lines: list[dict[str, Any]]


class ViewRequest(StrictRequest):
    """The name of a view, and what to show of it."""

    view: Annotated[str, Field(max_length=50)] = Field(description="The name of the view, such as `freshness`.")
    ask: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict, description="What to show of it, such as a level; each view has its own fields."
    )


class ViewResponse(BaseModel):
    """A view: tables are lists of rows."""

    view: str
    shows: dict[str, Any]


class Table(BaseModel):
    """A table as a list of rows, which all have the same fields."""

    version: str = Field(description="The version of the model that answered.")
    rows: list[dict[str, Any]]


class Health(BaseModel):
    status: Literal["alive", "ready"]


class Status(BaseModel):
    """The loaded model, its age, and the state of the server."""

    version: str | None = Field(description="The version of the loaded model; null where none is loaded.")
    champion: str | None = Field(description="The version that is the champion now; POST /reload loads it.")
    trouble: str | None = Field(description="Why no model is loaded, or why the champion is not known.")
    loaded: datetime | None
    started: datetime
    foresell: str
    age_seconds: dict[str, float] = Field(
        description="The age of the `model` since its training, and that of its newest `data`."
    )
    model: dict[str, Any]
    log: dict[str, Any] = Field(
        description="The prediction log: how many predictions wait, were written, were dropped."
    )
    keys: int = Field(description="The number of API keys; without keys the server answers this machine only.")


class ReloadResult(BaseModel):
    """The outcome of a reload."""

    changed: bool
    before: str | None
    version: str
    seconds: float


class ProblemDetails(BaseModel):
    """Problem details as in RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    id: str = Field(description="The id of the request, under which the log of the server has a fault.")
    errors: list[dict[str, str]] = Field(default_factory=list, description="With 422: the single errors.")


class ReasonUnits(BaseModel):
    reason: str
    label: str
    units: float
    shown: float
    fact: str


class ExplanationResponse(BaseModel):
    """The forecast of some series over some days, and reasons in units that add up to it."""

    version: str
    series: str
    count: int
    first: str
    last: str
    forecast: float
    reasons: list[ReasonUnits]
    sentences: list[str]
    days: list[dict[str, Any]] = Field(description="For each date the forecast and the units of each reason.")
