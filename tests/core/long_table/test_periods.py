"""Long tables whose periods stand in a table of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.panel import Panel

BEGINS = np.datetime64("2021-12-26") + 7 * np.append(0, np.cumsum(np.tile([4, 4, 5], 12)))
PERIODS = pl.DataFrame({"begin": BEGINS, "place": np.arange(len(BEGINS)) % 12 + 1})
SALES = pl.DataFrame({"item": "tea", "date": BEGINS[1:25] - 1, "units": range(1, 25)})


@pytest.mark.parametrize(
    "periods", [PERIODS, PERIODS.with_columns(pl.col("begin").cast(pl.String)), PERIODS.to_pandas(), PERIODS.to_arrow()]
)
def test_a_table_of_periods_gives_the_dates_ahead(periods):
    panel = Panel.from_frame(SALES, keys=["item"], frequency="M", periods=periods, ahead=3)
    assert panel.units.tolist() == [[float(number) for number in range(1, 25)]]
    assert panel.ahead(3).tolist() == (BEGINS[25:28] - 1).tolist()
    assert (panel.frequency.season, panel.overview().title) == (12, "Panel of 1 series (item), 24 periods")
    assert panel.until(BEGINS[3]).n_days == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frequency": "W"}, "write `frequency='M'`"),
        ({"ahead": 14}, "Add 1 row after the last"),
        ({"periods": PERIODS.drop("begin")}, "no column begin"),
        ({"periods": PERIODS.with_columns(begin=pl.lit("soon"))}, "not dates"),
        ({"periods": pd.DataFrame({"begin": ["2021-12-26", None, "2022-02-20"]})}, "lacks 1 values"),
        ({"periods": PERIODS[:3]}, "22 of 24 dates of the sales lie outside it.*Add about 2"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        Panel.from_frame(SALES, keys=["item"], **{"frequency": "M", "periods": PERIODS} | arguments)


def test_two_rows_of_a_period_are_refused():
    with pytest.raises(UsageError, match=r"one series and period.*Add them up[.]"):
        Panel.from_frame(pl.concat([SALES, SALES[:1]]), keys=["item"], frequency="M", periods=PERIODS)
