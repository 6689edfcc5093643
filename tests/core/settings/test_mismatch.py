"""What is wrong with a value for a setting or a field, in a sentence."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
import pytest

from foresell.core.settings import LabourTables, OrderTables
from foresell.core.settings.mismatch import mismatch


class Query(msgspec.Struct):
    """A record with a field of each type."""

    first: date
    show: Literal["all", "open"] = "all"
    names: list[str] = []
    on: bool = False


@pytest.mark.parametrize(
    ("record", "given", "sentence"),
    [
        (OrderTables, {"service": 1}, "'service' is 1; expected a number above 0 and below 1, or null, such as 0.98."),
        (OrderTables, {"budget": "much"}, "'budget' is \"much\"; expected a number, or null, such as 10000.0."),
        (OrderTables, {"frozen_days": -1}, "'frozen_days' is -1; expected a whole number of at least 0, such as 1."),
        (LabourTables, {"days_a_week": 8},
         "'days_a_week' is 8; expected a whole number of at least 1 and of at most 7, such as 5."),
        (Query, {}, "'first' is missing; expected a date, such as \"2026-01-31\"."),
        (Query, {"first": "soon"}, "'first' is \"soon\"; expected a date, such as \"2026-01-31\"."),
        (Query, {"first": "2026-01-01", "show": "some"},
         "'show' is \"some\"; expected one of \"all\", \"open\", such as \"all\"."),
        (Query, {"first": "2026-01-01", "names": [1]}, "'names' is [1]; expected a list, each a text."),
        (Query, {"first": "2026-01-01", "on": "x"}, "'on' is \"x\"; expected true or false, such as false."),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_says_what_would(record: type, given: dict, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(given, record)
    assert mismatch(raised.value, record, given) == sentence
