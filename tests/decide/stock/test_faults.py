"""Bad data of an order: one finding for each kind, and no order in silence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from foresell.core.finding import Severity
from foresell.decide.codes import CODES
from foresell.decide.stock import LostSalesPaths, NormalSafetyStock
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.faults import OpenOrders, decide

NAMES = ("north x milk", "north x tea", "south x milk")


def sound():
    costs = CostRates.of(3, holding=0.2, lost_margin=1.0)
    paths = np.random.default_rng(1).poisson(5, (50, 3, 4))
    return Situation.of(paths, np.array([3.0, 0, 1]), costs, lead_periods=2, shelf_periods=3, names=NAMES)


def with_second(case, **values):
    """The situation with other values for its second series."""
    changed = {}
    for name, value in values.items():
        array = np.array(getattr(case, name), np.float64 if isinstance(value, float) else None)
        array[1] = value
        changed[name] = array
    return replace(case, **changed)


CASES = {
    "stock-negative": {"on_hand": -2.0},
    "stock-unknown": {"on_hand": np.nan},
    "order-negative": {"on_order": -1.0},
    "pack-invalid": {"pack": 0.0},
    "lead-time-invalid": {"lead_periods": -1},
    "lead-time-beyond-horizon": {"lead_periods": 4},
}


@pytest.mark.parametrize("code", CASES)
def test_a_fault_is_one_finding_and_forbids_the_order_of_its_series_alone(code):
    case = sound()
    orders = decide(LostSalesPaths(), with_second(case, **CASES[code]))
    (finding,) = orders.findings
    assert (finding.code, finding.count, finding.examples) == (code, 1, ("north x tea",))
    assert finding.severity == Severity.ERROR
    assert finding.advice
    assert np.isnan(orders.order[1])
    assert np.isnan(orders.target[1])
    assert np.array_equal(orders.order[[0, 2]], LostSalesPaths().orders(case).order[[0, 2]])


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("pack-invalid", {"minimum": -1.0}),
        ("pack-invalid", {"shelf_periods": -1}),
        ("pack-invalid", {"pack": np.nan}),
        ("stock-unknown", {"on_order": np.nan}),
        ("lead-time-invalid", {"review_periods": 0}),
        ("lead-time-beyond-horizon", {"review_periods": 3}),
    ],
)
def test_other_values_of_the_same_kind(code, values):
    orders = decide(NormalSafetyStock(), with_second(sound(), **values))
    assert [finding.code for finding in orders.findings] == [code]
    assert np.isnan(orders.order).tolist() == [
        False,
        True,
        False,
    ]


def test_costs_and_paths_that_are_no_numbers():
    case = sound()
    holding = np.array([0.2, -0.1, 0.2])
    bad_rate = decide(NormalSafetyStock(), replace(case, costs=replace(case.costs, holding=holding)))
    paths = case.paths.copy()
    paths[7, 1, 2] = np.nan
    bad_paths = decide(NormalSafetyStock(), replace(case, paths=paths))
    paths = case.paths.copy()
    paths[7, 1, 2] = -1
    negative_paths = decide(NormalSafetyStock(), replace(case, paths=paths))
    assert [finding.code for finding in bad_rate.findings] == ["cost-invalid"]
    for orders in (bad_paths, negative_paths):
        assert [finding.code for finding in orders.findings] == ["demand-invalid"]
        assert np.isnan(orders.order).tolist() == [False, True, False]


def test_an_overdue_order_is_a_finding_and_forbids_the_order():
    open_orders = OpenOrders(np.array([0, 1, 2, 2]), np.array([1, 0, 9, 2]), np.array([4.0, 5, 6, 7]))
    on_order, findings = open_orders.by_step(3, 4, NAMES)
    assert [(each.code, each.count, each.examples) for each in findings] == [
        ("order-beyond-horizon", 1, ("south x milk",)),
    ]
    assert on_order[[0, 2]].tolist() == [[4, 0, 0, 0], [0, 7, 0, 0]]
    orders = decide(LostSalesPaths(), replace(sound(), on_order=on_order))
    assert np.isnan(orders.order).tolist() == [False, True, False]
    assert [(each.code, each.count, each.examples) for each in orders.findings] == [
        ("order-overdue", 1, ("north x tea",)),
    ]


def test_sound_data_have_no_finding():
    assert decide(LostSalesPaths(), sound()).findings == ()


def test_every_code_says_what_to_do():
    for code, kind in CODES.items():
        assert kind.meaning.endswith("."), code
        assert re.search(r"\.$|: foresell [a-z ]+$", kind.advice), code  # a command stands at the end, to be copied
        assert kind.severity != Severity.ERROR or re.search(r"(Nothing|Nobody) is \w+", kind.meaning), code
