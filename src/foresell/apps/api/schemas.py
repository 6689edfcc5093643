"""What requests and answers look like; names, meanings and limits stand in the document that /openapi.json gives."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

MOST_COLUMNS = 200
MOST_TEXT = 1000
_WHOLE = 2**63


def _scalar(value: Any) -> Any:
    """The value, if a column can hold it. One message says what is wrong, where a union of types would give four."""
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
"""A value of a column: text, a number, true or false; null says the same as leaving it out."""

Number = Annotated[float, Field(allow_inf_nan=False)]

Column = Annotated[str, Field(min_length=1, max_length=200)]
Quantile = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Quantiles = Annotated[list[Quantile], Field(max_length=99)]


class Asked(BaseModel):
    """What all requests share: a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid")


class SeriesDay(BaseModel):
    """One series and day in context: the key columns of the project, the date, and what is known about the day."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Column, Scalar]

    date: Annotated[date, Field(description="The day asked for, after the last sales and within the horizon.")]
    price: Annotated[Number, Field(ge=0)] | None = Field(
        None, description="The price of that day. Left out: the one that is planned, or the last one known."
    )
    promotion: Annotated[bool, Field(strict=True)] | Number | None = Field(
        None, description="Whether (or how much) it is promoted. Left out: as planned, or not at all."
    )


class OneTransaction(Asked):
    """One single sale, of which the value of the column is asked that `transactions.target` in the settings names."""

    transaction: Annotated[dict[Column, Scalar], Field(min_length=1, max_length=MOST_COLUMNS)]


def _which(body: Any) -> str:
    return "transaction" if isinstance(body, dict) and "transaction" in body else "series_day"


Question = Annotated[
    Annotated[SeriesDay, Tag("series_day")] | Annotated[OneTransaction, Tag("transaction")], Discriminator(_which)
]


class Prediction(BaseModel):
    """Units and revenue of a series on a day, or the value of a transaction, each with a range."""

    id: str = Field(description="The id of the request, under which the prediction log has it too.")
    version: str = Field(description="The version of the model that answered.")
    range: float = Field(description="How often the range holds, such as 0.9.")
    assumed: list[str] = Field(description="What was not given and what was taken for it, in words.")


class Units(Prediction):
    """Units and revenue of a series on a day. Revenue is null where no price is known."""

    basis: Literal["series", "new"] = Field(
        description="`series`: from the history of this very series; `new`: there is none, so as for a new product."
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


class ForecastAsked(Asked):
    """Which series or level, how far, which quantiles, and what to change."""

    where: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict,
        description="Series by the values of columns, keys or attributes; all where none is given.",
    )
    level: Annotated[list[Column], Field(max_length=20)] | None = Field(
        None,
        description='The columns of a level, whose groups are forecast: `[]` is the total, `["store"]` each store. '
        "Left out: the single series.",
    )
    horizon: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = Field(
        None, description="How many days (or weeks, months) ahead; all that the model forecasts where left out."
    )
    quantiles: Quantiles = Field(
        default_factory=lambda: [0.05, 0.5, 0.95], description="Between 0 and 1, without them."
    )
    changes: Annotated[dict[Column, Scalar], Field(max_length=MOST_COLUMNS)] = Field(
        default_factory=dict,
        description='What if: other values of what is known ahead, such as `{"price": "-10%", "promotion": "on"}`.',
    )


class RevenueAsked(Asked):
    """From which day to which."""

    first: date
    last: date
    quantiles: Quantiles = Field(
        default_factory=lambda: [0.05, 0.5, 0.95], description="Between 0 and 1, without them."
    )


class Table(BaseModel):
    """Rows, each an object with the same names."""

    version: str = Field(description="The version of the model that answered.")
    rows: list[dict[str, Any]]


class Health(BaseModel):
    status: Literal["alive", "ready"]


class Status(BaseModel):
    """What is loaded, how old it is, and how the server does."""

    version: str | None = Field(description="Of the model that answers; null where none is loaded.")
    champion: str | None = Field(description="The version that is champion now; POST /reload takes it up.")
    trouble: str | None = Field(description="Why no model is loaded, or why the champion cannot be told.")
    loaded: datetime | None
    started: datetime
    foresell: str
    age_seconds: dict[str, float] = Field(description="Of the `model` since its training, of its `data`.")
    model: dict[str, Any]
    log: dict[str, Any] = Field(description="The prediction log: how many wait, were written, were dropped.")
    keys: int = Field(description="How many API keys are set; with none the server answers this machine only.")


class Reloaded(BaseModel):
    """What came of a reload."""

    changed: bool
    before: str | None
    version: str
    seconds: float


class ProblemFound(BaseModel):
    """Problem details as in RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    id: str = Field(description="Of the request; the server's log has a fault under it.")
    errors: list[dict[str, str]] = Field(default_factory=list, description="With 422: what is wrong, one by one.")


class ReasonFound(BaseModel):
    reason: str
    label: str
    units: float
    shown: float
    fact: str


class Explained(BaseModel):
    """The forecast of some series over some days, and the reasons that add up to it."""

    version: str
    series: str
    count: int
    first: str
    last: str
    forecast: float
    reasons: list[ReasonFound]
    sentences: list[str]
    days: list[dict[str, Any]] = Field(description="For each date the forecast and the units of each reason.")
