from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy

SERIES = pl.DataFrame({"item": ["x", "y"]})
DATES = np.array(["2024-01-02", "2024-01-03"], "datetime64[D]")


@pytest.fixture
def forecast():
    return Forecast(SERIES, ("item",), date(2024, 1, 1), DATES, np.array([[1, 2], [3, 4]], np.float32))


def test_one_tidy_table(forecast):
    quantiles = np.stack([forecast.mean - 1, forecast.mean + 1])
    frame = forecast.with_quantiles((0.025, 0.975), quantiles).to_frame()
    assert frame.columns == ["item", "cutoff", "date", "step", "mean", "q025", "q975"]
    assert frame.row(1) == ("x", date(2024, 1, 1), date(2024, 1, 3), 2, 2.0, 1.0, 3.0)
    assert frame.row(2) == ("y", date(2024, 1, 1), date(2024, 1, 2), 1, 3.0, 2.0, 4.0)


def test_groups_add_up(forecast):
    total = forecast.sum(Hierarchy.of(("item",)).groups(SERIES, ()))
    np.testing.assert_array_equal(total.mean, [[4, 6]])
    assert total.to_frame().columns[0] == "total"


def test_wrong_shapes_are_refused(forecast):
    with pytest.raises(UsageError, match="mean has shape"):
        Forecast(SERIES, ("item",), date(2024, 1, 1), DATES, np.zeros((2, 3), np.float32))
    with pytest.raises(UsageError, match="quantiles have shape"):
        forecast.with_quantiles((0.5,), np.zeros((2, 2, 2), np.float32))
