from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.core.panel import Known, Panel
from foresell.core.scenario import Change, scenario, series_where

DAYS, AHEAD = 10, 5


@pytest.fixture
def panel() -> Panel:
    """Three series, the first two of one shop; a price each, pay days by shop."""
    series = pl.DataFrame({"item": ["a", "b", "a"], "shop": ["N", "N", "S"]})
    dates = np.datetime64("2024-03-01") + np.arange(DAYS + AHEAD)
    price = np.array([[2.0], [4.0], [8.0]], np.float32).repeat(DAYS + AHEAD, axis=1)
    pay = np.zeros((2, DAYS + AHEAD), np.float32)
    return Panel(
        series,
        ("item", "shop"),
        dates,
        np.ones((3, DAYS), np.float32),
        {"price": Known.of_each(price), "pay": Known(pay, np.array([0, 0, 1], np.int32))},
    )


def test_a_price_and_a_shared_covariate_change_for_one_series_on_two_days(panel: Panel) -> None:
    rows = series_where(panel.series, {"item": "b"})
    other = scenario(panel, {"price": "-25%", "pay": "on"}, rows, "2024-03-12", "2024-03-13")
    price = other.known["price"].on(slice(DAYS, None))
    assert price.tolist() == [[2.0] * 5, [4.0, 3.0, 3.0, 4.0, 4.0], [8.0] * 5]
    pay = other.known["pay"].on(slice(DAYS, None))
    assert pay.tolist() == [[0.0] * 5, [0.0, 1.0, 1.0, 0.0, 0.0], [0.0] * 5]


def test_what_was_given_stays_as_it_was_and_is_shared(panel: Panel) -> None:
    before = {name: known.on(slice(None)).copy() for name, known in panel.known.items()}
    for known in panel.known.values():
        known.values.setflags(write=False)  # as those of a kept panel are
    other = scenario(panel, {"pay": 1}, np.array([0]), "2024-03-11", "2024-03-15")
    assert all((panel.known[name].on(slice(None)) == values).all() for name, values in before.items())
    assert np.shares_memory(other.units, panel.units)
    assert other.known["price"] is panel.known["price"]


@given(
    chosen=st.sets(st.integers(0, 7), min_size=1),
    begin=st.integers(0, 13),
    length=st.integers(1, 14),
    text=st.sampled_from(["-10%", "+50 %", "0.5", 3, "0"]),
    covariate=st.sampled_from(["price", "promotion"]),
)
def test_only_the_chosen_series_and_days_change(make_panel, chosen, begin, length, text, covariate) -> None:
    panel = make_panel(30, ahead=14)
    # Series of one shop share a row of the promotion.
    shared = replace(panel.known["promotion"], rows=np.array([0] * 4 + [1] * 4, np.int32))
    panel = replace(panel, known={**panel.known, "promotion": shared})
    rows, end = np.array(sorted(chosen)), min(begin + length, 14) - 1
    first, last = (str(panel.dates[panel.n_days + step]) for step in (begin, end))
    other = scenario(panel, {covariate: text}, rows, first, last)
    touched = np.zeros((panel.n_series, len(panel.dates)), bool)
    touched[rows, panel.n_days + begin : panel.n_days + end + 1] = True
    before, after = (one.known[covariate].on(slice(None)) for one in (panel, other))
    assert np.array_equal(before[~touched], after[~touched], equal_nan=True)
    expected = {"-10%": before * np.float32(0.9), "+50 %": before * np.float32(1.5)}.get(text)
    wanted = np.full_like(before, float(text)) if expected is None else expected
    np.testing.assert_allclose(after[touched], wanted[touched], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "value", "relative"),
    [("-10 %", -0.1, True), ("\N{MINUS SIGN}10%", -0.1, True), ("1.99", 1.99, False), ("on", 1, False), (0, 0, False),
     ("+ 5%", 0.05, True), ("Off", 0, False), (".5", 0.5, False)],
)  # fmt: skip
def test_changes_as_people_write_them(text, value, relative) -> None:
    change = Change.of("price", text)
    assert (change.value, change.relative) == (pytest.approx(value), relative)


@pytest.mark.parametrize("text", ["cheap", "", "1,99", "nan", "1.9.9", "-3", "-120%", "%"])
def test_what_is_no_value_is_refused(text) -> None:
    with pytest.raises(UsageError, match=r"price"):
        Change.of("price", text)


@pytest.mark.parametrize(
    ("changes", "first", "last", "text"),
    [
        ({"prise": 1}, "2024-03-11", "2024-03-11", "no covariate 'prise'.*price, pay"),
        ({"price": 1}, "2024-03-10", "2024-03-11", "not ahead: sales are known until 2024-03-10.*from 2024-03-11"),
        ({"price": 1}, "2024-03-11", "2024-03-16", "ends with 2024-03-15"),
        ({"price": 1}, "2024-03-12", "2024-03-11", "after the last one"),
    ],
)
def test_what_cannot_be_is_said(panel: Panel, changes, first, last, text) -> None:
    with pytest.raises(UsageError, match=text):
        scenario(panel, changes, np.array([0]), first, last)


def test_a_percentage_of_an_unknown_price_is_refused_and_a_price_is_not(panel: Panel) -> None:
    price = panel.known["price"].values.copy()
    price[2, DAYS:] = np.nan
    panel = replace(panel, known={**panel.known, "price": Known.of_each(price)})
    with pytest.raises(UsageError, match=r"price of 1 of the series.*a · S\. Give the value itself"):
        scenario(panel, {"price": "-10%"}, np.array([0, 2]), "2024-03-11", "2024-03-11")
    other = scenario(panel, {"price": 5}, np.array([2]), "2024-03-11", "2024-03-11")
    assert other.known["price"].on(DAYS).tolist() == [2.0, 4.0, 5.0]


def test_series_are_found_by_any_of_their_columns(panel: Panel) -> None:
    assert series_where(panel.series, {"item": "a"}).tolist() == [0, 2]
    assert series_where(panel.series, {"shop": "N", "item": "b"}).tolist() == [1]
    assert series_where(panel.series, {}).tolist() == [0, 1, 2]
    numbered = panel.series.with_columns(department=pl.Series([1, 2, None]))
    assert series_where(numbered, {"department": "2"}).tolist() == [1]


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({"store": "N"}, "no column store; they have item, shop"),
        ({"shop": "M"}, "No series has 'shop' M; there are N, S"),
        ({"shop": "S", "item": "b"}, "no series has all of them together"),
    ],
)
def test_series_that_are_not_there(panel: Panel, where, text) -> None:
    with pytest.raises(UsageError, match=text):
        series_where(panel.series, where)


def test_the_nearest_value_is_offered(panel: Panel) -> None:
    with pytest.raises(UsageError, match="did you mean FOODS_1"):
        series_where(pl.DataFrame({"item": ["FOODS_1", "TOYS"]}), {"item": "FOOD_1"})
