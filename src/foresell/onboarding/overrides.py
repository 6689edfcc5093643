"""What the user says by hand about the sales file, instead of leaving it to what the data show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from foresell.core.errors import UsageError, first_five

BY_HAND = "as you said"
"""The reason for a setting that the user gave."""

COLUMN_ROLES = ("date", "quantity", "price", "promotion", "stocked_out", "open")
COLUMN_LISTS = ("keys", "attributes", "known_ahead")


@dataclass(frozen=True)
class Overrides:
    """Settings of ``data``, and the ``horizon``, that the user gave; None where the data decide."""

    date: str | None = None
    quantity: str | None = None
    price: str | None = None
    promotion: str | None = None
    stocked_out: str | None = None
    open: str | None = None
    keys: list[str] | None = None
    attributes: list[str] | None = None
    known_ahead: list[str] | None = None
    fill_down: list[str] | None = None
    layout: str | None = None
    unsold_rows: str | None = None
    leading_zeros: str | None = None
    frequency: str | None = None
    absent: str | None = None
    country: str | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    date_format: str | None = None
    day_prefix: str | None = None
    periods: str | None = None  # the path of a table of periods
    horizon: int | None = None
    sheet: str | None = None  # of a workbook; it becomes a part of the path of the sales

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Overrides:
        """The overrides among `values`: empty ones are left out, and a list may be one string with commas.

        Empty `keys` are no keys: all rows are one series.

        Raises UsageError for a name that cannot be overridden.

        >>> Overrides.of({"keys": "store, item", "price": ""}).given()
        {'keys': ['store', 'item']}
        """
        given = {name: value for name, value in values.items() if value not in (None, "", (), []) or name == "keys"}
        given = {name: value for name, value in given.items() if value is not None}
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise UsageError(f"'{first_five(unknown)}' cannot be set by hand here; what can is {', '.join(known)}.")
        for name in (*COLUMN_LISTS, "fill_down"):
            if isinstance(given.get(name), str):
                given[name] = [part.strip() for part in given[name].split(",") if part.strip()]
            elif name in given:
                given[name] = list(given[name])
        return cls(**given)

    def given(self) -> dict[str, Any]:
        """The overrides that were given, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def columns(self) -> list[str]:
        """The columns of the table that the overrides name, but for the date, which may be made of several."""
        single = [name for role in COLUMN_ROLES if role != "date" and (name := getattr(self, role)) is not None]
        return single + [name for role in (*COLUMN_LISTS, "fill_down") for name in getattr(self, role) or ()]
