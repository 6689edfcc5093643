from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Hierarchy

SERIES = pl.DataFrame({"store": ["A", "A", "B"], "item": [1, 2, 1], "size": ["s", "m", "s"]})
KEYS = ("store", "item")
HIERARCHY = Hierarchy.of(KEYS, (("size",),))
DATES = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
MEAN = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def forecasts(series: pl.DataFrame = SERIES, hierarchy: Hierarchy = HIERARCHY) -> Forecasts:
    bottom = Forecast(series, hierarchy.bottom, date(2023, 12, 31), DATES, MEAN)
    by_level = {}
    for groups in hierarchy.all_groups(series):
        level = bottom if groups.level == hierarchy.bottom else bottom.sum(groups)
        by_level[groups.level] = level.with_quantiles((0.1, 0.9), np.stack([level.mean - 1, level.mean + 1]))
    return Forecasts(by_level)


def test_the_table_by_hand():
    table = forecasts().to_frame()
    # fmt: off
    assert table.rows() == [
        ("total", None, None, None, date(2023, 12, 31), date(2024, 1, 1), 1, 9.0, 8.0, 10.0),
        ("total", None, None, None, date(2023, 12, 31), date(2024, 1, 2), 2, 12.0, 11.0, 13.0),
        ("size", "s", None, None, date(2023, 12, 31), date(2024, 1, 1), 1, 6.0, 5.0, 7.0),
        ("size", "s", None, None, date(2023, 12, 31), date(2024, 1, 2), 2, 8.0, 7.0, 9.0),
        ("size", "m", None, None, date(2023, 12, 31), date(2024, 1, 1), 1, 3.0, 2.0, 4.0),
        ("size", "m", None, None, date(2023, 12, 31), date(2024, 1, 2), 2, 4.0, 3.0, 5.0),
        ("store x item", None, "A", 1, date(2023, 12, 31), date(2024, 1, 1), 1, 1.0, 0.0, 2.0),
        ("store x item", None, "A", 1, date(2023, 12, 31), date(2024, 1, 2), 2, 2.0, 1.0, 3.0),
        ("store x item", None, "A", 2, date(2023, 12, 31), date(2024, 1, 1), 1, 3.0, 2.0, 4.0),
        ("store x item", None, "A", 2, date(2023, 12, 31), date(2024, 1, 2), 2, 4.0, 3.0, 5.0),
        ("store x item", None, "B", 1, date(2023, 12, 31), date(2024, 1, 1), 1, 5.0, 4.0, 6.0),
        ("store x item", None, "B", 1, date(2023, 12, 31), date(2024, 1, 2), 2, 6.0, 5.0, 7.0),
    ]
    # fmt: on
    assert table.columns == ["level", "size", "store", "item", "cutoff", "date", "step", "mean", "q100", "q900"]
    assert table.schema["item"] == pl.Int64


class _Panel:
    series = SERIES


def test_one_level_alone_has_a_table():
    stores = Forecasts({("size",): forecasts()[("size",)]})
    assert stores.to_frame()["size"].unique().sort().to_list() == ["m", "s"]


def test_the_table_leads_back_to_the_forecasts():
    before = forecasts()
    after = Forecasts.from_frame(before.to_frame(), _Panel, HIERARCHY, (0.1, 0.9))
    assert list(after.by_level) == list(before.by_level)
    for level, forecast in before.by_level.items():
        np.testing.assert_array_equal(after[level].mean, forecast.mean)
        np.testing.assert_array_equal(after[level].quantiles, forecast.quantiles)
        np.testing.assert_array_equal(after[level].dates, forecast.dates)
        assert after[level].cutoff == forecast.cutoff
        assert after[level].series.equals(forecast.series.select(forecast.keys))


def test_without_quantiles_there_is_a_mean_only():
    before = forecasts()
    plain = Forecasts(
        {level: Forecast(f.series, f.keys, f.cutoff, f.dates, f.mean) for level, f in before.by_level.items()}
    )
    assert plain.to_frame().columns[-1] == "mean"
    assert Forecasts.from_frame(plain.to_frame(), _Panel, HIERARCHY, ()).total.quantiles is None


def test_a_column_of_the_sales_may_not_be_called_like_one_of_the_table():
    series = SERIES.rename({"size": "mean"})
    with pytest.raises(UsageError, match="columns of its own called mean; rename"):
        forecasts(series, Hierarchy.of(KEYS, (("mean",),))).to_frame()


def test_a_column_called_total_is_not_lost():
    series = SERIES.rename({"store": "total"})
    table = forecasts(series, Hierarchy.of(("total", "item"))).to_frame()
    assert table.filter(level="total x item")["total"].to_list() == ["A"] * 4 + ["B"] * 2
    assert table.filter(level="total")["total"].to_list() == [None, None]
