"""Terms: what is given stands, what is not is assumed and marked."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.decide.terms import terms_of

PRICE = np.array([10.0, 20.0, 4.0])


def test_what_is_assumed_is_computed_from_the_price_and_marked():
    terms = terms_of(PRICE, Frequency.DAY)
    assert terms.costs.unit == pytest.approx(0.7 * PRICE)
    assert terms.costs.holding == pytest.approx(0.25 * 0.7 * PRICE / 364)
    assert terms.costs.lost_margin == pytest.approx(0.3 * PRICE)
    assert terms.costs.waste == pytest.approx(terms.costs.unit)
    assert terms.lead_periods.tolist() == [7, 7, 7]
    assert terms.review_periods.tolist() == [1, 1, 1]
    assert all(of_series.all() for of_series in terms.assumed.values())


def test_what_is_given_for_some_series_is_assumed_for_the_others():
    terms = terms_of(PRICE, Frequency.DAY, unit_cost=np.array([6.0, np.nan, 5.0]), lost_margin=np.array([np.nan, 9, 1]))
    assert terms.costs.unit == pytest.approx([6, 14, 5])
    assert terms.costs.lost_margin == pytest.approx([4, 9, 1])
    assert terms.assumed["unit_cost"].tolist() == [False, True, False]
    assert "unit_cost" not in terms.assumed_of(0)
    assert "lost_margin" in terms.assumed_of(0)


def test_a_price_below_the_cost_has_no_margin():
    assert terms_of(PRICE, Frequency.DAY, unit_cost=12.0).costs.lost_margin.tolist() == [0, 8, 0]


@pytest.mark.parametrize(
    ("frequency", "lead", "review"), [(Frequency.DAY, 10, 14), (Frequency.WEEK, 2, 2), (Frequency.MONTH, 1, 1)]
)
def test_days_become_whole_periods(frequency, lead, review):
    terms = terms_of(PRICE, frequency, lead_days=10, review_days=14)
    assert set(terms.lead_periods) == {lead}
    assert set(terms.review_periods) == {review}


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(UsageError, match="price of 1 series is missing or not above 0: series 2"):
        terms_of(np.array([1.0, price]), Frequency.DAY)
