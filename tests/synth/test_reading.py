"""The samples go through the readers as their own settings say, and planted faults are found in their lines."""

import copy
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.finding import Severity
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.synth import damage, make_manufacturer, make_retailer
from foresell.synth.retailer import END

TODAY = END + timedelta(days=100)
SIZE = {"stores": 3, "items": 25, "days": 300}


def load(files, **data):
    settings = copy.deepcopy(files.settings)
    settings["data"].update(data)
    return read_sales(parse_settings(settings), files.folder, today=TODAY)


@pytest.mark.parametrize("table_format", ["csv", "csv.gz", "parquet"])
def test_daily_sales_become_the_panel_of_the_truth(tmp_path, table_format):
    files = make_retailer(tmp_path, **SIZE, format=table_format, block_rows=5000)
    loaded = load(files)
    assert loaded.quarantine.height == 0
    assert all(finding.severity != Severity.ERROR for finding in loaded.findings)
    panel = loaded.panel
    truth = pl.read_parquet(files.truth["demand"]).filter(~pl.col("stocked_out"))
    # Known is what was on sale and not stocked out; there units are demand.
    assert int((~np.isnan(panel.units)).sum()) == truth.height
    assert np.nansum(panel.units, dtype=np.float64) == truth["demand"].sum()
    assert len(panel.dates) - panel.n_days >= 28
    assert {"price", "promotion"} <= set(panel.known)


def test_receipt_lines_are_summed_and_returns_netted(tmp_path):
    files = make_retailer(tmp_path, **SIZE, transactions=True)
    truth = pl.read_parquet(files.truth["demand"]).sort("store", "item", "date")
    sold = pl.min_horizontal("demand", pl.col("stock").fill_null(2**31 - 1)) - pl.col("returned")
    by_day = load(files, returns="same_day").panel
    assert np.nansum(by_day.units, dtype=np.float64) == truth.select(sold.clip(0).sum()).item()
    # What is left of a series is the most that was sold, net of returns, from any of its days on.
    from_any_day_on = truth.group_by("store", "item").agg(sold.cum_sum(reverse=True).max().alias("units"))
    assert np.nansum(load(files).panel.units, dtype=np.float64) == from_any_day_on["units"].sum()


def test_an_order_book_is_read_by_month(tmp_path):
    files = make_manufacturer(tmp_path, customers=8, products=20, days=730)
    loaded = load(files)
    assert loaded.quarantine.height == 0
    assert np.nansum(loaded.panel.units, dtype=np.float64) == pl.read_parquet(files.truth["demand"])["ordered"].sum()
    codes = {finding.code for finding in loaded.findings}
    assert "known-ahead-ends-early" not in codes


def test_planted_faults_are_found_in_their_lines(tmp_path):
    files = make_retailer(tmp_path, **SIZE)
    planted = {fault.code: fault for fault in damage(files.sales, tmp_path / "damaged.csv", per_code=6)}
    loaded = load(files, sales="damaged.csv", max_bad_share=0.05)
    reported = {
        code: set(lines["line"]) for (code,), lines in loaded.quarantine.partition_by("reason", as_dict=True).items()
    }
    for code in ("unparsable-dates", "unparsable-numbers", "negative-sales", "future-dates", "unknown-items"):
        assert reported[code] == set(planted[code].lines)
    # Where copies disagree both are bad, so the row before the copy may be there too.
    copies = set(planted["duplicate-keys"].lines)
    assert copies <= reported["duplicate-keys"] <= copies | {line - 1 for line in copies}
    counts = {finding.code: finding.count for finding in loaded.findings}
    assert counts["zero-prices"] == 6
    assert counts["gaps"] == 2
    assert counts["missing-days"] >= 10
