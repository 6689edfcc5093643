"""Dates of periods in records that are kept as JSON: a date, or of hours a date with a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from foresell.core.frequency import date_of_text

R = TypeVar("R")

if TYPE_CHECKING:
    PeriodDate = date
else:

    class _OfDates(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, date)

    class PeriodDate(metaclass=_OfDates):
        """The type of a field that holds a date, or of hours a datetime; msgspec has no field of either."""


def record_of(plain: Mapping[str, Any], kind: type[R]) -> R:
    """The record of plain data as JSON has it. Raises msgspec.ValidationError, a ValueError, for what does not fit."""
    return msgspec.convert(plain, kind, dec_hook=_period_date)


def _period_date(kind: type, value: object) -> date:
    if kind is not PeriodDate:
        raise NotImplementedError(f"no field can be of {kind}")
    return date_of_text(str(value))
