"""Covariates that would give the sale away, told by what happens when a sale is taken out of the files."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales

FIRST = date(2024, 1, 1)
DAYS, HORIZON = 40, 5
ROLES = {"price": "price", "promotion": "promo", "known_ahead": ["display"]}


def order_book(seed: int = 7) -> pl.DataFrame:
    """A few series that sell now and then; each sale has its own price, promotion and display."""
    rng = np.random.default_rng(seed)
    sold = rng.random((3, DAYS)) < 0.3
    sold[0, 0] = sold[:, -1] = True
    series, day = np.nonzero(sold)
    return pl.DataFrame(
        {
            "item": np.array(["a", "b", "c"])[series],
            "date": pl.Series([FIRST + timedelta(days=int(number)) for number in day]),
            "units": rng.integers(1, 9, len(day)),
            "price": (1 + np.arange(len(day)) / 100).round(2),
            "promo": rng.integers(0, 2, len(day)),
            "display": rng.integers(0, 5, len(day)),
        }
    )


def load(folder: Path, lines: pl.DataFrame, horizon: int = HORIZON, **data) -> ValidatedSales:
    lines.write_csv(folder / "sales.csv")
    tree = {"sales": "sales.csv", "keys": ["item"], "max_bad_share": 1.0} | ROLES | data
    return read_sales(parse_settings({"data": tree, "horizon": horizon}), folder, today=date(2024, 6, 1))


def told(loaded: ValidatedSales, code: str) -> set[str]:
    return {finding.where for finding in loaded.findings if finding.code == code}


def until(panel: Panel, day: int) -> dict[tuple[str, str], np.ndarray]:
    """What is known of each series up to and including `day`."""
    names = panel.series["item"].to_list()
    return {
        (name, item): known.on(slice(0, day + 1))[row]
        for name, known in panel.known.items()
        for row, item in enumerate(names)
    }


@pytest.mark.parametrize("layout", ["transactions", "long"])
@pytest.mark.parametrize("frequency", ["D", "W"])
def test_a_day_does_not_show_whether_it_has_a_sale(tmp_path, layout, frequency):
    lines = order_book()
    whole = load(tmp_path, lines, layout=layout, frequency=frequency)
    assert told(whole, "covariate-of-sales-only") == {"covariate price", "covariate promotion", "covariate display"}
    assert set(whole.panel.known) == {"price"}
    assert np.isfinite(whole.panel.known["price"].values[:, -1]).all()
    assert len(np.unique(whole.panel.known["price"].values[0])) > 3
    days = lines.filter(item="b")["date"].to_list()[:-1]
    for removed in days:
        panel = load(tmp_path, lines.filter(~((pl.col("item") == "b") & (pl.col("date") == removed))),
                     layout=layout, frequency=frequency).panel  # fmt: skip
        day = whole.panel.day_of(removed)
        for name, values in until(whole.panel, day).items():
            np.testing.assert_array_equal(values, until(panel, day)[name], err_msg=f"{name} without {removed}")


@settings(max_examples=20)
@given(st.integers(HORIZON, DAYS - 2), st.data())
def test_nothing_after_a_cutoff_shows_in_what_it_knows_of_its_horizon(tmp_path, cutoff, data):
    lines = order_book()
    after = pl.col("date") > FIRST + timedelta(days=cutoff)
    last = pl.col("date") == FIRST + timedelta(days=DAYS - 1)  # the history ends where it did
    kept = pl.Series(data.draw(st.lists(st.booleans(), min_size=lines.height, max_size=lines.height)))
    other = lines.filter(~after | last | kept).with_columns(
        price=pl.when(after).then(pl.col("price") * 2).otherwise(pl.col("price"))
    )
    panels = [load(tmp_path, sales, layout="transactions").panel for sales in (lines, other)]
    one, changed = (until(panel, cutoff + HORIZON) for panel in panels)
    assert one.keys() == changed.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, changed[name], err_msg=str(name))


def test_the_price_by_hand(tmp_path):
    lines = pl.DataFrame(
        {"item": ["a", "a", "a", "b"], "date": ["2024-01-01", "2024-01-03", "2024-01-06", "2024-01-05"],
         "units": [1, 2, 1, 4], "price": [1.0, 3.0, 6.0, 5.0]}
    )  # fmt: skip
    loaded = load(tmp_path, lines, horizon=2, layout="transactions", promotion=None, known_ahead=[])
    n = np.nan
    np.testing.assert_array_equal(loaded.panel.units, np.array([[1, 0, 2, 0, 0, 1], [n, n, n, n, 4, 0]], np.float32))
    # Two days late, so that the 6th, two days after the cutoff of the 4th, has what was seen by the 4th.
    expected = np.array([[n, n, 1, 1, 3, 3, 3, 6], [n, n, n, n, n, n, 5, 5]], np.float32)
    np.testing.assert_array_equal(loaded.panel.known["price"].values, expected)
    assert not told(loaded, "known-ahead-ends-early")


def grid(lines: pl.DataFrame) -> pl.DataFrame:
    """The same sales as a daily table with its zeros; what is known of a day is known without a sale, too."""
    days = pl.DataFrame({"date": pl.date_range(FIRST, FIRST + timedelta(days=DAYS - 1), "1d", eager=True)})
    rows = lines.select("item").unique(maintain_order=True).join(days, how="cross")
    rows = rows.join(lines, on=["item", "date"], how="left", maintain_order="left")
    return rows.with_columns(pl.col("units").fill_null(0), pl.col("price", "promo", "display").forward_fill())


def test_a_daily_table_with_its_zeros_keeps_its_covariates(tmp_path):
    loaded = load(tmp_path, grid(order_book()))
    assert not told(loaded, "covariate-of-sales-only")
    assert set(loaded.panel.known) == {"price", "promotion", "display"}


def test_a_price_that_stands_only_where_something_was_sold_is_held_back(tmp_path):
    table = grid(order_book()).with_columns(pl.when(pl.col("units") > 0).then(pl.col("price")).alias("price"))
    for absent in ("zero", "unknown"):
        loaded = load(tmp_path, table, absent=absent)
        assert told(loaded, "covariate-of-sales-only") == {"covariate price"}
        assert set(loaded.panel.known) == {"price", "promotion", "display"}


def test_a_future_file_that_covers_the_history_makes_the_lines_covariates_known(tmp_path):
    lines = order_book()
    ahead = pl.DataFrame({"date": pl.date_range(FIRST, FIRST + timedelta(days=DAYS + HORIZON), "1d", eager=True)})
    ahead = lines.select("item").unique(maintain_order=True).join(ahead, how="cross")
    ahead = ahead.with_columns(price=2.5, promo=pl.col("date").dt.weekday() == 5, display=pl.lit(3))
    for name, since, telling in (("all.csv", FIRST, 0), ("next.csv", FIRST + timedelta(days=DAYS), 3)):
        ahead.filter(pl.col("date") >= since).write_csv(tmp_path / name)
        loaded = load(tmp_path, lines, layout="transactions", future=name)
        assert len(told(loaded, "covariate-of-sales-only")) == telling
        assert not told(loaded, "known-ahead-ends-early")


def test_days_on_which_all_are_closed_say_nothing(tmp_path):
    table = grid(order_book()).with_columns(pl.col("units") + 1).filter(pl.col("date").dt.weekday() < 7)
    assert not told(load(tmp_path, table), "covariate-of-sales-only")


def test_few_days_without_a_row_tell_little(tmp_path):
    table = grid(order_book()).with_columns(pl.col("units") + 1)
    for share, telling in ((30, False), (7, True)):
        kept = table.filter(pl.int_range(pl.len()) % share != share - 2)
        assert bool(told(load(tmp_path, kept), "covariate-of-sales-only")) == telling


def test_a_flag_of_the_calendar_stays_beside_lines_that_have_it_too(tmp_path):
    days = pl.date_range(FIRST, FIRST + timedelta(days=DAYS + HORIZON), "1d", eager=True).alias("date")
    days.to_frame().with_columns(fair=pl.col("date").dt.day() < 9).cast({"fair": pl.Int8}).write_csv(tmp_path / "c.csv")
    flags = {"display": {"by": "item", "columns": {"a": "fair", "b": "fair", "c": "fair"}}}
    panel = load(
        tmp_path, order_book(), layout="transactions", calendar={"path": "c.csv", "date": "date", "flags": flags}
    ).panel
    expected = [day.day < 9 for day in panel.dates.astype(object)]
    assert [panel.known["display"].on(slice(None))[row].tolist() for row in range(3)] == [expected] * 3
