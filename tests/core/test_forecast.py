import re
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast, check_probabilities, quantile_column, quantile_probability
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


PROBABILITIES = st.integers(100, 999_900).map(lambda millionths: millionths / 1_000_000)


@given(st.lists(PROBABILITIES, min_size=1, max_size=50, unique=True))
def test_columns_of_quantiles_lose_nothing_and_sort(probabilities) -> None:
    rising = sorted(probabilities)
    names = [quantile_column(probability) for probability in rising]
    assert names == sorted(set(names))
    assert [quantile_probability(name) for name in names] == rising
    check_probabilities(rising)


def test_thousandths_keep_the_names_of_earlier_tables() -> None:
    names = [quantile_column(thousandths / 1000) for thousandths in range(1, 1000)]
    assert names == [f"q{thousandths:03d}" for thousandths in range(1, 1000)]
    assert quantile_column((1 - 0.9) / 2) == "q050"


@pytest.mark.parametrize(
    "probabilities", [(1e-300,), (1 - 1e-12,), (0.00009,), (0.99991,), (0.5, 0.1), (0.3, 0.3 + 1e-9), (float("nan"),)]
)
def test_quantiles_that_say_nothing_or_share_a_name_are_refused(probabilities) -> None:
    with pytest.raises(UsageError, match=re.escape("from 0.0001 to 0.9999, at least a millionth apart")):
        check_probabilities(probabilities)
