"""What the sections of the settings share: their base class, their types, and how a setting is described."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
NotNegativeNumber = Annotated[float, Meta(ge=0)]
PositiveNumber = Annotated[float, Meta(gt=0)]
Probability = Annotated[float, Meta(gt=0, lt=1)]
Quantile = Annotated[float, Meta(ge=0.0001, le=0.9999)]
RangeProbability = Annotated[float, Meta(ge=0.0002, le=0.9998)]  # both ends of the range are a Quantile
Columns = tuple[str, ...]


DecimalMark = Annotated[
    Literal[".", ","] | None,
    Meta(description="the decimal mark of these tables; where not given, as each shows", examples=[","]),
]
DateFormat = Annotated[
    str | None,
    Meta(description="how these tables write dates; where not given, as each shows", examples=["%d.%m.%Y"]),
]


class Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of all sections: settings never change, and an unknown key is an error."""


def about(description: str, example: Any = None) -> Meta:
    """The description of a setting, and an example where its default does not serve as one.

    It stands in the annotation: ``until: Annotated[str | None, about("The last day to use.", "2025-12-31")]``.
    """
    return Meta(description=description, examples=None if example is None else [example])
