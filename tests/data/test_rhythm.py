"""Frequency, absent days and horizon, on dates written out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.data import rhythm


def dates(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


@pytest.mark.parametrize(
    ("given", "each", "doubt"),
    [
        (dates("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"), "D", None),
        (dates("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-29"), "W", None),
        (dates("2023-12-25", "2024-01-01", "2024-01-07", "2024-01-14", "2024-01-21"), "W", "another weekday"),
        (dates("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"), "M", None),
        (dates("2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"), "M", "more than a month"),
        (dates("2024-01-01", "2024-01-06", "2024-01-11"), "D", "neither daily"),
        (dates("2024-01-01", "2024-01-02"), "D", "only 2 dates"),
        (dates(), "D", "only 0 dates"),
    ],
)
def test_frequency(given, each, doubt):
    found = rhythm.frequency(given)
    assert found.value == each
    assert (found.doubt is None) if doubt is None else doubt in found.doubt


@pytest.mark.parametrize(
    ("each", "periods", "expected"),
    [("D", 140, 28), ("D", 139, 27), ("W", 65, 13), ("M", 60, 12), ("M", 24, 4), ("D", 3, 1), ("D", 0, 1)],
)
def test_horizon(each, periods, expected):
    assert rhythm.horizon(each, periods).value == expected


def test_absent_of_weeks_with_a_hole():
    sample = pl.DataFrame({"item": ["a"] * 4, "__day": dates("2024-01-01", "2024-01-08", "2024-01-22", "2024-01-29")})
    zero = rhythm.absent(sample, ("item",), pl.Series([1, 2, 3, 4]), "W")
    assert zero.value == "zero"
    assert "20% of the days" in zero.why  # one of five weeks
    assert rhythm.absent(sample, ("item",), pl.Series([1, 0, 3, 4]), "W").value == "unknown"
