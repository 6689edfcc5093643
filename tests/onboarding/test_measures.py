"""Columns and rows whose units may not be sales, and quantities that are no numbers."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.errors import UsageError


def test_other_columns_of_units_are_asked_about(daily, propose, tmp_path):
    units = pl.col("units")
    stages = daily().with_columns(Delivered=units - 1, Invoiced=units // 2).rename({"units": "Ordered"})
    proposal = propose(stages, tmp_path)
    assert "Delivered, Invoiced may count the units too" in " ".join(proposal.doubts)
    assert "may count" not in " ".join(propose(stages, tmp_path, overrides={"quantity": "Ordered"}).doubts)
    returned = daily().with_columns(returned=units % 3)
    assert "returned is not taken off units" in " ".join(propose(returned, tmp_path).doubts)


def test_a_quantity_that_is_no_number_is_shown(daily, propose, tmp_path):
    mixed = pl.when(pl.col("date").dt.day() % 2 == 0).then(pl.lit(",5")).otherwise(pl.lit(".5"))
    sales = daily().with_columns(pl.concat_str(pl.col("units").cast(pl.String), mixed).alias("units"))
    with pytest.raises(UsageError, match=r"decimal point, the first of them '8,5' in row 2 below the header"):
        propose(sales, tmp_path)
    with pytest.raises(UsageError, match="in row 2 below the header"):
        propose(sales, tmp_path, overrides={"quantity": "units"})


def test_a_row_that_is_the_sum_of_all_others_is_named(propose, tmp_path):
    days = pl.DataFrame({"date": [f"2024-01-{day:02d}" for day in range(1, 31)], "units": range(1, 31)})
    total = pl.DataFrame({"date": ["2024-01-30"], "units": [days["units"].sum()]})
    assert "sum of all others" not in " ".join(propose(days, tmp_path).doubts)
    assert "The row of 2024-01-30 with 465 is the sum" in " ".join(propose(pl.concat([days, total]), tmp_path).doubts)


def test_lines_that_one_receipt_has_twice_are_named(daily, propose, tmp_path):
    lines = daily().with_columns(receipt=pl.int_range(pl.len()) // 2)
    assert "in all columns" not in " ".join(propose(lines, tmp_path).doubts)
    doubts = " ".join(propose(pl.concat([lines, lines.head(3)]), tmp_path).doubts)
    assert "3 rows of the 2,403 looked at equal another row in all columns, the receipt among them" in doubts


def test_units_that_came_back_are_asked_about_where_there_is_one_at_most(daily, propose, tmp_path):
    doubts = " ".join(propose(daily().with_columns(returned=(pl.col("units") % 2)), tmp_path).doubts)
    assert "returned is not taken off units" in doubts
