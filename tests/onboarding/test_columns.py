"""Columns taken for what their values are."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from foresell.core.dates.formats import DATE_FORMATS, to_date
from foresell.onboarding.columns import ValueKind, number_texts, profile_columns


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2024-01-01", "2024-12-31", None], ValueKind.DATE),
        (["2024-01-01", "2024-13-31"], ValueKind.TEXT),
        (["1", "0", "1"], ValueKind.FLAG),
        (["Ja", "nein"], ValueKind.FLAG),
        (["true", "FALSE"], ValueKind.FLAG),
        (["1", "2", "3.5", "NA"], ValueKind.NUMBER),
        (["1,234", "12"], ValueKind.NUMBER),
        (["a", "b"], ValueKind.TEXT),
        (["", None, "NA"], ValueKind.EMPTY),
        (["20240101", "20240102"], ValueKind.DATE),
        (["20990101", "30000101"], ValueKind.NUMBER),
        ([1, 2], ValueKind.NUMBER),
        ([0, 1], ValueKind.FLAG),
        ([True, False], ValueKind.FLAG),
        ([date(2024, 1, 1)], ValueKind.DATE),
        ([20240101, 20240102], ValueKind.DATE),
        ([1.5, None], ValueKind.NUMBER),
    ],
)
def test_kinds(values, kind):
    assert profile_columns(pl.DataFrame({"x": values}))["x"].kind == kind


def test_one_bad_value_in_many_does_not_hide_the_kind():
    column = profile_columns(
        pl.DataFrame({"x": ["2024-01-01", *(f"2024-02-{day:02d}" for day in range(1, 29)), "soon"]})
    )["x"]
    assert column.kind == ValueKind.DATE
    assert column.values.null_count() == 1


@pytest.mark.parametrize("text", DATE_FORMATS)
def test_every_format_reads_what_it_writes(text):
    moment = datetime(2023, 5, 28, 14, 30, 15)
    written = moment.strftime(text.replace("%.f", ".25").replace("%z", "-0900"))
    read = to_date(pl.Series([written]), text)[0]
    assert read == (date(2023, 5, 28) if "%d" in text or "%u" in text else date(2023, 5, 1))
    column = profile_columns(pl.DataFrame({"x": [written]}))["x"]
    assert text in column.formats
    assert column.timed == ("%H" in text or "%I" in text)


def test_timed_datetimes():
    midnight, noon = datetime(2024, 1, 1), datetime(2024, 1, 1, 12)
    assert profile_columns(pl.DataFrame({"x": [midnight]}))["x"].timed is False
    assert profile_columns(pl.DataFrame({"x": [midnight, noon]}))["x"].timed is True


def test_columns_of_numbers_are_told_from_dates_and_names():
    frame = pl.DataFrame({"kg": ["1,5", "2"], "day": ["01.2024", "02.2024"], "item": ["A 1.5", "B"], "n": [1, 2]})
    assert [column.name for column in number_texts(frame)] == ["kg"]


def test_dates_among_totals_titles_and_repeated_headers_are_dates():
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    pages = [
        text for day in days for text in (*[day] * 20, *(["date", f"Page {day[-2:]}"] if day.endswith("0") else []))
    ]
    totals = [text for day in days for text in (day, day, f"{day} Total")]
    for texts in (pages, totals):
        profile = profile_columns(pl.DataFrame({"date": texts}))["date"]
        assert (profile.kind, profile.distinct - profile.values.n_unique() > 0) == (ValueKind.DATE, True)
    codes = [f"A10-{number:02d}" for number in range(30)] * 5
    assert profile_columns(pl.DataFrame({"code": codes}))["code"].kind == ValueKind.TEXT
