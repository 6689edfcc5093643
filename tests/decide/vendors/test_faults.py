"""Terms of vendors that cannot be are named, and nothing takes their place."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.vendors.faults import TRUCK_FILL, GivenBreak, vendor_terms
from foresell.decide.vendors.terms import PriceBreak

NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"minimum_money": -1.0}, "minimum_money is -1"),
        ({"minimum_money": float("inf")}, "minimum_money is inf"),
        ({"minimum_money": 5.0, "minimum_units": 5.0}, "a minimum in money and one in units"),
        ({"truck_units": 5.0, "truck_weight": 5.0}, "trucks by truck_units and by truck_weight"),
        ({"truck_units": 0.0}, "truck_units is 0"),
        ({"truck_fill": 0.5}, "terms of trucks, and not what a truck holds"),
        ({"truck_units": 5.0, "truck_fill": 90.0}, "truck_fill is 90, more than a full truck"),
        ({"truck_units": 5.0, "most_trucks": 1.5}, "most_trucks is 1.5"),
    ],
)
def test_terms_that_cannot_be_are_named(row: dict[str, float], fault: str) -> None:
    columns = {name: np.array([NAN, value]) for name, value in row.items()}
    given = vendor_terms(["good", "bad"], columns)
    assert given.terms[0] is not None
    assert given.terms[1] is None
    [finding] = given.findings
    assert (finding.code, finding.examples) == ("vendor-invalid", (f"bad: {fault}",))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([(100.0, NAN, 0.1, None), (NAN, 200.0, 0.2, None)], "either from_money or from_units"),
        ([(100.0, NAN, 0.1, "all_units"), (200.0, NAN, 0.2, "incremental")], "the kind of its price breaks"),
        ([(100.0, NAN, 0.1, "some")], "not all_units or incremental"),
        ([(NAN, 100.0, 0.1, "incremental")], "in money only"),
        ([(100.0, NAN, 10.0, None)], "a discount is a share such as 0.05"),
        ([(0.0, NAN, 0.1, None)], "from 0 on"),
        ([(100.0, NAN, 0.2, None), (200.0, NAN, 0.1, None)], "does not rise from 100 to 200"),
    ],
)
def test_price_breaks_that_cannot_be_are_named(rows: list[tuple], fault: str) -> None:
    given = vendor_terms(["bad"], {}, [GivenBreak(0, *row) for row in rows])
    assert given.terms == (None,)
    assert fault in given.findings[0].examples[0]


def test_terms_are_read_as_they_are_given() -> None:
    columns = {
        "minimum_units": np.array([40.0, NAN]),
        "truck_weight": np.array([900.0, NAN]),
        "most_trucks": np.array([2.0, NAN]),
    }
    breaks = [GivenBreak(1, 200.0, NAN, 0.2, "incremental"), GivenBreak(1, 100.0, NAN, 0.1, "incremental")]
    first, second = vendor_terms(["A", "B"], columns, breaks).terms
    assert first is not None
    assert second is not None
    assert (first.minimum, first.minimum_measure, first.truck, first.truck_measure) == (40.0, "units", 900.0, "weight")
    assert (first.truck_fill, first.most_trucks) == (TRUCK_FILL, 2)
    assert second.breaks == (PriceBreak(100.0, 0.1), PriceBreak(200.0, 0.2))
    assert second.incremental
    assert vendor_terms(["A", "B"], columns, breaks).assumed_fill.tolist() == [True, False]
    priced = vendor_terms(["A"], {"truck_units": np.array([5.0]), "truck_cost": np.array([80.0])})
    assert priced.terms[0] is not None
    assert priced.terms[0].truck_fill == 0
    assert not priced.assumed_fill.any()
