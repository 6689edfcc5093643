"""Frequency, absent days and horizon, on dates written out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.onboarding.dates import frequency


def dates(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


@pytest.mark.parametrize(
    ("given", "expected", "doubt"),
    [
        (dates("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"), "D", None),
        (dates("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-29"), "W", None),
        (dates("2023-12-25", "2024-01-01", "2024-01-07", "2024-01-14", "2024-01-21"), "W", "another weekday"),
        (dates("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"), "M", None),
        (dates("2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"), "Q", None),
        (dates("2023-11-30", "2024-02-29", "2024-05-31", "2024-11-30"), "Q", None),
        (dates("2024-01-01", "2024-04-01", "2024-06-01", "2024-10-01"), "M", "more than a month"),
        (dates("2021-06-30", "2022-06-30", "2023-06-30", "2024-06-30"), "Y", None),
        (dates("2024-01-01", "2024-01-06", "2024-01-11"), "D", "neither daily"),
        (dates("2024-01-01", "2024-01-02"), "D", "only 2 dates"),
        (dates(), "D", "only 0 dates"),
    ],
)
def test_frequency(given, expected, doubt):
    conclusion = frequency.infer_frequency(given)
    assert conclusion.value == expected
    assert (conclusion.doubt is None) if doubt is None else doubt in conclusion.doubt


@pytest.mark.parametrize(
    ("period", "n_periods", "expected"),
    [
        ("D", 140, 28),
        ("D", 139, 27),
        ("W", 65, 13),
        ("M", 60, 12),
        ("M", 24, 4),
        ("Q", 40, 4),
        ("Y", 30, 3),
        ("D", 3, 1),
        ("D", 0, 1),
    ],
)
def test_horizon(period, n_periods, expected):
    assert frequency.infer_horizon(period, n_periods)[0] == expected


def test_absent_of_weeks_with_a_hole():
    sample = pl.DataFrame({"item": ["a"] * 4, "__day": dates("2024-01-01", "2024-01-08", "2024-01-22", "2024-01-29")})
    zero = frequency.infer_absent(sample, ("item",), pl.Series([1, 2, 3, 4]), "W")
    assert zero.value == "zero"
    assert "20% of the days" in zero.why  # one of five weeks
    assert frequency.infer_absent(sample, ("item",), pl.Series([1, 0, 3, 4]), "W").value == "unknown"


def orders(every: int, days: int = 800) -> tuple[pl.DataFrame, np.ndarray]:
    """Two series that sell once in `every` days, and all days between the first and the last sale."""
    sold = np.arange("2022-01-01", np.datetime64("2022-01-01") + days, every, dtype="datetime64[D]")
    sample = pl.DataFrame({"item": ["a"] * len(sold) + ["b"] * len(sold), "__day": np.tile(sold, 2)})
    return sample, np.arange(sold[0], sold[-1] + 1)


@pytest.mark.parametrize(
    ("every", "days", "expected"),
    [(1, 800, None), (20, 800, None), (21, 800, "M"), (30, 800, "M"), (30, 300, "W"), (30, 60, None), (300, 800, "M")],
)
def test_lumpy_orders(every, days, expected):
    sample, all_days = orders(every, days)
    conclusion = frequency.infer_lumpy_frequency(sample, ("item",), all_days)
    assert (conclusion.value if conclusion else None) == expected


def test_the_typical_series_decides_and_counts_from_its_first_row():
    steady, all_days = orders(1)
    seldom, _ = orders(100)
    late = seldom.filter(pl.col("__day") > pl.date(2023, 12, 1)).with_columns(item=pl.lit("z"))  # sold twice
    few = pl.concat([steady, seldom.with_columns(item=pl.lit("x"))])
    assert frequency.infer_lumpy_frequency(few, ("item",), all_days) is None
    many = pl.concat([few, seldom.with_columns(item=pl.lit("y")), late])
    assert frequency.infer_lumpy_frequency(many, ("item",), all_days).value == "M"
    assert (
        "in 30% of the months" in frequency.infer_lumpy_frequency(seldom, ("item",), all_days).why
    )  # 8 sales in 27 months
