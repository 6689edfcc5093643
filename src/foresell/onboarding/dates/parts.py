"""Parts of a date, such as the year or the hour, that the name of a column says it holds."""

from __future__ import annotations

from foresell.onboarding.column_names import plain

PARTS = {
    "year": "year years jahr ano annee anno jaar rok yr fy geschaftsjahr",
    "week": "week weeks woche kw kalenderwoche semaine semana settimana wk tydzien isoweek weekofyear weeknum uge",
    "month": "month months monat mois mes mese maand miesiac monthname mth maned period periode periodo",
    "quarter": "quarter quarters quartal trimestre trimester kwartaal kwartal qtr",
    "day": "day tag jour dia giorno dag dzien dom",
}
"""The words of columns that hold a part of a date."""

CLOCKS = {
    "hour": "hour hr stunde heure hora ora uur godzina timme hour_of_day hourofday hour_start start_hour ",
    "time": "time uhrzeit zeit tijd czas tid klokkeslett time_of_day timeofday ",
}
"""The words of columns that hold the hour, or the time of day, of the date beside them."""


def part_of(name: str) -> str | None:
    """The part of a date that a column's name says it holds; None where it says none.

    >>> part_of("Fiscal Year"), part_of("KW"), part_of("year_of_launch"), part_of("Qty")
    ('year', 'week', None, None)
    """
    words = plain(name).split("_")
    for part, names in PARTS.items():
        if plain(name) in names.split() or (words[-1] in names.split() and len(words) == 2):
            return part
    return None
