"""The cube, worked by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel

SALES = pl.DataFrame(
    {
        "store": ["a", "a", "a", "b", "b", "b"],
        "item": ["x", "x", "y", "x", "x", "x"],
        "date": [date(2024, 1, day) for day in (1, 3, 2, 1, 2, 4)],
        "units": [1.0, 3.0, 5.0, 2.0, None, None],
        "price": [9.0, 8.0, 7.0, 6.0, 6.0, 5.0],
    }
)
KEYS = ("store", "item")


@pytest.fixture
def panel():
    return Panel.from_frame(SALES, KEYS, known_ahead=("price",))


def test_from_frame_is_regular_and_sorted_by_its_keys(panel):
    assert panel.series.rows() == [("a", "x"), ("a", "y"), ("b", "x")]
    assert [str(day) for day in panel.dates] == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    # The last sale is on the 3rd; the row of the 4th only tells a price. Before its first row a series is unknown.
    np.testing.assert_array_equal(panel.units, [[1, 0, 3], [np.nan, 5, 0], [2, np.nan, 0]])
    np.testing.assert_array_equal(panel.known["price"].on(3), [np.nan, np.nan, 5])
    assert panel.cutoff == date(2024, 1, 3)


def test_absent_days_may_be_unknown():
    panel = Panel.from_frame(SALES, KEYS, absent="unknown")
    np.testing.assert_array_equal(panel.units[0], [1, np.nan, 3])


def test_row_order_does_not_matter(panel):
    shuffled = Panel.from_frame(SALES.sample(fraction=1, shuffle=True, seed=3), KEYS, known_ahead=("price",))
    np.testing.assert_array_equal(shuffled.units, panel.units)
    assert shuffled.series.equals(panel.series)


def test_there_and_back(panel):
    again = Panel.from_frame(panel.to_frame(), KEYS, known_ahead=("price",), absent="unknown")
    np.testing.assert_array_equal(again.units, panel.units)


def test_two_rows_for_one_day_and_missing_columns_are_refused():
    with pytest.raises(UsageError, match="two rows"):
        Panel.from_frame(pl.concat([SALES, SALES.head(1)]), KEYS)
    with pytest.raises(UsageError, match="no column shop"):
        Panel.from_frame(SALES, ("shop",))
    with pytest.raises(UsageError, match="no history"):
        Panel.from_frame(SALES.filter(pl.col("units").is_null()), KEYS)


def test_until_forgets_the_sales_after_but_not_the_prices(panel):
    then = panel.until("2024-01-02")
    assert then.n_days == 2
    assert then.cutoff == date(2024, 1, 2)
    assert then.known["price"].on(3)[2] == 5
    assert np.shares_memory(then.units, panel.units)
    with pytest.raises(UsageError, match="outside the history"):
        panel.until("2024-01-04")


def test_ahead_goes_on_in_the_panels_own_steps(panel):
    assert [str(day) for day in panel.ahead(2)] == ["2024-01-04", "2024-01-05"]
    monthly = replace(panel, frequency=Frequency.MONTH, dates=np.array(["2024-01-01"] * 4, "datetime64[D]"))
    assert [str(day) for day in monthly.ahead(2)] == ["2024-04-01", "2024-05-01"]


def test_blocks_make_up_the_panel(panel):
    blocks = list(panel.blocks(2))
    assert [block.n_series for block in blocks] == [2, 1]
    np.testing.assert_array_equal(np.concatenate([block.units for block in blocks]), panel.units)
    np.testing.assert_array_equal(blocks[1].known["price"].on(0), [6])
    assert [block.n_series for block in panel.blocks(2)[-1:]] == [1]
    assert [block.n_series for block in panel.part(slice(0, 0)).blocks(2)] == [0]


def test_a_shared_covariate_is_kept_once():
    known = Known(np.array([[0, 1], [1, 0], [5, 5]], np.float32), np.array([1, 0, 1], np.int32))
    np.testing.assert_array_equal(known.on(1), [0, 1, 0])
    part = known.part(np.array([0, 2]))
    assert len(part.values) == 1
    np.testing.assert_array_equal(part.on(slice(0, 2)), [[1, 0], [1, 0]])


def test_aggregate_adds_what_is_known_and_keeps_what_is_shared(panel):
    flags = Known.of_each(np.array([[1, 0, 0, 0], [0, 0, 1, np.nan], [1, 1, 1, 1]], np.float32))
    series = panel.series.with_columns(region=pl.Series(["n", "n", "s"]))
    panel = replace(panel, series=series, known={**panel.known, "promotion": flags})
    stores = panel.aggregate(("store",))
    assert stores.series.rows() == [("a", "n"), ("b", "s")]
    assert stores.keys == ("store",)
    np.testing.assert_array_equal(stores.units, [[1, 5, 3], [2, np.nan, 0]])
    assert set(stores.known) == {"promotion"}  # prices do not add up to anything
    np.testing.assert_array_equal(stores.known["promotion"].on(slice(0, 4)), [[0.5, 0, 0.5, 0], [1, 1, 1, 1]])
    total = panel.aggregate(())
    assert total.series.rows() == [("total",)]
    np.testing.assert_array_equal(total.units, [[3, 5, 3]])


def test_a_groups_day_is_unknown_only_where_all_are():
    units = np.array([[np.nan, np.nan], [np.nan, 1]], np.float32)
    panel = Panel(pl.DataFrame({"item": ["x", "y"]}), ("item",), np.arange(2).astype("datetime64[D]"), units)
    np.testing.assert_array_equal(panel.aggregate(()).units, [[np.nan, 1]])


def test_a_panel_of_the_wrong_shape_is_refused():
    with pytest.raises(UsageError, match="shape"):
        Panel(pl.DataFrame({"item": ["x"]}), ("item",), np.arange(2).astype("datetime64[D]"), np.zeros((1, 3)))


def test_a_row_without_a_quantity_is_not_known_and_a_day_without_a_row_sold_nothing():
    days = [date(2025, 1, day) for day in (1, 2, 4, 5)]
    sales = pl.DataFrame({"item": ["a"] * 4, "date": days, "units": [3.0, None, None, 2.0]})
    panel = Panel.from_frame(sales, ("item",))
    np.testing.assert_array_equal(panel.units, [[3, np.nan, 0, np.nan, 2]])
