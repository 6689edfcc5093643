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
