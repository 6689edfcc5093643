"""The section ``labour``: what people, shifts and equipment are planned from, beside the forecast."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from foresell.core.settings.base import Columns, DecimalMark, PositiveNumber, Probability, Strict, about


class LabourTables(Strict, frozen=True):
    """Tables of rates, profiles, people and equipment, and the rules of shifts."""

    drivers: Annotated[
        str | None,
        about(
            "units that a person does in an hour, by keys or attributes: units_an_hour, and any of task, wage, "
            "overtime, "
            "overtime_hours, short, least, most; of a service desk handling_seconds, answer_seconds, service_level",
            "drivers.csv",
        ),
    ] = None
    by: Annotated[
        Columns, about("where people work together, beside the keys of the drivers: columns of the series", ["store"])
    ] = ()
    profile: Annotated[
        str | None,
        about(
            "how a day spreads over its hours: hour (0 to 23), share, and weekday (1 is Monday) or keys", "profile.csv"
        ),
    ] = None
    people: Annotated[
        str | None,
        about("who can work, for shifts: person, hours_week, the keys, and any of least_hours, days such as 1 2 3 4 5",
              "people.csv"),
    ] = None  # fmt: skip
    equipment: Annotated[
        str | None, about("equipment by keys or attributes: equipment, units_an_hour, pieces", "equipment.csv")
    ] = None
    hours_a_day: Annotated[
        PositiveNumber, about("how long a person or a piece of equipment works in a day that has no hours")
    ] = 8.0
    accepted_overload: Annotated[Probability, about("how often equipment may be short")] = 0.05
    shift_lengths: Annotated[
        tuple[PositiveNumber, ...], about("how long shifts may be, in hours, with their break")
    ] = (4.0, 6.0, 9.0)
    break_after: Annotated[PositiveNumber, about("after how many hours of work there is a break")] = 6.0
    break_hours: Annotated[float, Meta(ge=0), about("how long the break is, which is not paid")] = 1.0
    rest_hours: Annotated[float, Meta(ge=0), about("hours between two shifts of a person")] = 11.0
    decimal: DecimalMark = None
    days_a_week: Annotated[int, Meta(ge=1, le=7), about("the most days on which a person works in a week")] = 5
