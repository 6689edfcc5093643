"""Returns beyond the sales of their day, against a loop that walks back from each of them."""

from __future__ import annotations

import polars as pl
from fixtures.sales_files import NAN, same
from hypothesis import given
from hypothesis import strategies as st

from foresell.data.returns import net_returns

UNITS = st.lists(st.one_of(st.none(), st.floats(-9, 9).map(lambda units: round(units, 2))), min_size=1, max_size=12)


def slow(units: list[float | None]) -> list[float | None]:
    """Each return is subtracted from the day before it, and what is left from the day before that."""
    days = list(units)
    for day, sold in enumerate(units):
        if sold is None or sold >= 0:
            continue
        lacking, days[day] = -sold, 0.0
        for earlier in range(day - 1, -1, -1):
            taken = min(lacking, days[earlier] or 0.0)
            if taken:
                days[earlier] -= taken
                lacking -= taken
    return days


@given(UNITS, UNITS)
def test_it_is_what_a_loop_does(one, other):
    rows = [("a", day, units) for day, units in enumerate(one)] + [("b", day, units) for day, units in enumerate(other)]
    table = pl.DataFrame(rows, {"item": pl.String, "day": pl.Int64, "units": pl.Float64}, orient="row")
    netted = net_returns(table.reverse(), ["item"], "day", "units", earlier=True).sort("item", "day")
    expected = slow(one) + slow(other)
    for actual, wanted in zip(netted["units"], expected, strict=True):
        assert actual is wanted or abs(actual - wanted) < 1e-9


SALES = """store,item,date,units
A,x,2024-01-01,10
A,x,2024-01-03,4
A,x,2024-01-04,-6
B,x,2024-01-02,1
B,x,2024-01-04,-3
"""


def test_an_order_that_is_cancelled_later_does_not_stay_sold(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": SALES}, layout="transactions")
    same(loaded.panel.units, [[8, 0, 0, 0], [NAN, 0, 0, 0]])
    messages = {finding.code: finding.message for finding in loaded.findings}
    assert messages["netted-returns"].startswith("7 units that were returned on 2 days")
    assert messages["net-returns"].startswith("2 units were returned without an earlier sale")


def test_a_return_may_stay_with_its_day(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": SALES}, layout="transactions", returns="same_day")
    same(loaded.panel.units, [[10, 0, 4, 0], [NAN, 1, 0, 0]])
    codes = {finding.code: finding.count for finding in loaded.findings}
    assert codes["net-returns"] == 2
    assert "netted-returns" not in codes
