from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known, Panel
from foresell.models.lost_demand import at_least, lost_by_level, lost_demand

WEEK = np.array([0.6, 0.8, 1, 1, 1, 1.2, 1.4])


def slow_at_least(mean, shape, sold):
    """E[D | D >= sold] by adding up the distribution."""
    probability, above, below = (shape / (shape + mean)) ** shape, 0.0, 0.0
    for units in range(4000):
        if units >= sold:
            above, below = above + units * probability, below + probability
        probability *= (units + shape) / (units + 1) * mean / (shape + mean)
    return above / below


@pytest.mark.parametrize(
    ("mean", "shape", "sold"), [(4, 2, 0), (4, 2, 1), (4, 2, 9), (0.3, 0.5, 2), (25, 7, 20), (25, 500, 40)]
)
def test_the_demand_given_that_it_was_no_less(mean, shape, sold):
    demand = at_least(np.array([mean], float), np.array([shape], float), np.array([sold], float))[0]
    assert demand == pytest.approx(slow_at_least(mean, shape, sold), rel=1e-8)


@given(st.floats(0, 1e4), st.floats(0.05, 1000), st.integers(0, 10_000))
def test_no_less_than_the_mean_nor_than_what_was_sold(mean, shape, sold):
    demand = at_least(np.array([mean]), np.array([shape]), np.array([float(sold)]))[0]
    assert demand >= max(mean, sold) * (1 - 1e-9)
    assert np.isfinite(demand)


def shop(n_series=24, n_days=300, day=None, level=None, promotion=None):
    """Series in two shops that sell without chance: a level of their own x the weekday x what the `day` does."""
    dates = period_range(np.datetime64("2024-01-01"), n_days + 7, Frequency.DAY)  # a Monday
    level = np.linspace(20, 200, n_series)[:, None] if level is None else level
    units = level * WEEK[np.arange(n_days) % 7] * (1 if day is None else day)
    known = {}
    if promotion is not None:
        known["promotion"] = Known.of_each(promotion)
        units = units * np.where(promotion[:, :n_days] > 0, 2, 1)
    series = pl.DataFrame({"item": [f"i{k:02}" for k in range(n_series)], "shop": ["a", "b"] * (n_series // 2)})
    return Panel(series, ("item", "shop"), dates, units.astype(np.float32), known)


def empty(panel, cells):
    """The panel with the shelf empty in `cells` (series, day), and the stock-outs: a quarter was sold."""
    units, rows = panel.units.copy(), []
    for series, day in cells:
        item, shop = panel.series.row(series)[:2]
        rows.append((item, shop, panel.dates[day].item(), float(np.floor(units[series, day] / 4))))
        units[series, day] = np.nan
    schema = {"item": pl.String, "shop": pl.String, "date": pl.Date, "sold": pl.Float32}
    stockouts = pl.DataFrame(rows, schema=schema, orient="row")
    return Panel(panel.series, panel.keys, panel.dates, units, panel.known), stockouts


CELLS = [(3, 100), (3, 101), (3, 102), (10, 5), (17, 250), (20, 299)]


def test_what_was_lost_is_found_where_nothing_is_left_to_chance():
    whole = shop()
    panel, stockouts = empty(whole, CELLS)
    estimate = lost_demand(panel, stockouts)
    assert estimate.columns == ["item", "shop", "date", "sold", "expected", "lost"]
    truth = [whole.units[cell] for cell in CELLS]
    np.testing.assert_allclose(estimate["expected"], truth, rtol=0.03)
    np.testing.assert_allclose(estimate["lost"], estimate["expected"] - estimate["sold"], rtol=1e-6)


def test_days_before_and_after_both_count():
    # The level rises in a straight line: only a look to both sides finds the middle.
    whole = shop(level=np.full((24, 1), 100.0) * np.linspace(0.5, 1.5, 300))
    panel, stockouts = empty(whole, [(4, 150)])
    assert lost_demand(panel, stockouts)["expected"][0] == pytest.approx(whole.units[4, 150], rel=0.03)


def test_promotions_and_days_of_the_whole_shop_are_taken_along():
    promotion = np.zeros((24, 307), np.float32)
    promotion[:, 40:47] = promotion[::2, 140:147] = promotion[1::2, 200:207] = 1
    day = np.ones(300)
    day[120] = 3.0  # a holiday
    whole = shop(day=day, promotion=promotion)
    panel, stockouts = empty(whole, [(2, 142), (3, 142), (5, 120)])
    expected = lost_demand(panel, stockouts)["expected"]
    np.testing.assert_allclose(expected, [whole.units[2, 142], whole.units[3, 142], whole.units[5, 120]], rtol=0.08)


def test_estimates_are_right_on_average_where_demand_is_chance():
    random = np.random.default_rng(7)
    panel = shop(n_series=60, n_days=364)
    mean = panel.units.astype(np.float64)
    demand = random.poisson(random.gamma(5, mean / 5)).astype(np.float32)
    stock = np.floor(random.random(demand.shape) * mean)
    out = (random.random(demand.shape) < 0.03) & (demand >= stock)
    rows, days = np.nonzero(out)
    keys = panel.series[rows]
    stockouts = keys.with_columns(date=pl.Series(panel.dates[days]), sold=pl.Series(stock[out].astype(np.float32)))
    known = Panel(panel.series, panel.keys, panel.dates, np.where(out, np.nan, demand).astype(np.float32))
    estimate = lost_demand(known, stockouts)
    lost = demand[out] - stock[out]
    assert estimate["lost"].sum() == pytest.approx(lost.sum(), rel=0.05)
    # The mean alone, not regarding that so much was asked for at least, would be too little.
    assert np.maximum(mean[out] - stock[out], 0).sum() < 0.97 * lost.sum()


def test_totals_add_up_at_every_level():
    panel, stockouts = empty(shop(), CELLS)
    lost = lost_demand(panel, stockouts)
    table = lost_by_level(lost, panel, Hierarchy.of(panel.keys, (("shop",),)))
    assert table.columns == ["level", "group", "days", "sold", "expected", "lost", "share"]
    for _, part in table.group_by("level"):
        assert part["days"].sum() == len(CELLS)
        assert part["lost"].sum() == pytest.approx(lost["lost"].sum())
        assert part["sold"].sum() == pytest.approx(lost["sold"].sum())
    total = table.row(0, named=True)
    everything = np.nansum(panel.units, dtype=np.float64) + lost["sold"].sum() + lost["lost"].sum()
    assert total["share"] == pytest.approx(lost["lost"].sum() / everything)
    assert table.filter(pl.col("level") == "item x shop").height == 4
    assert table.filter(pl.col("level") == "shop")["group"].sort().to_list() == ["a", "b"]


def test_a_series_that_never_was_known_lost_what_nobody_can_tell():
    panel, stockouts = empty(shop(), [(0, day) for day in range(300)])
    estimate = lost_demand(panel, stockouts.with_columns(sold=pl.lit(0.0, pl.Float32)))
    assert (estimate["lost"] == 0).all()
    table = lost_by_level(estimate, panel, Hierarchy.of(panel.keys))
    assert table["share"].null_count() == 1


def test_without_stock_outs_nothing_is_lost():
    panel, stockouts = empty(shop(), [])
    estimate = lost_demand(panel, stockouts)
    assert estimate.height == 0
    assert estimate.columns[-2:] == ["expected", "lost"]
    assert lost_by_level(estimate, panel, Hierarchy.of(panel.keys)).height == 0


def test_stock_outs_of_another_panel():
    panel, stockouts = empty(shop(), CELLS)
    strange = pl.when(pl.col("item") == "i20").then(date(2031, 5, 1)).otherwise("date").alias("date")
    with pytest.raises(UsageError, match=r"1 of 6 stock-outs .* i20 a 2031-05-01"):
        lost_demand(panel, stockouts.with_columns(strange))
    with pytest.raises(UsageError, match="6 of 6"):
        lost_demand(panel, stockouts.with_columns(item=pl.lit("x")))
    with pytest.raises(UsageError, match="no column sold"):
        lost_demand(panel, stockouts.drop("sold"))
