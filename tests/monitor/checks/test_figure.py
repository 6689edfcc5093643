"""Figures on the scales that people read."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from foresell.monitor.bounds import BIAS, COVERAGE, ERROR, SKILL
from foresell.monitor.checks.catalogue import FIGURES
from foresell.monitor.checks.figure import Scaled
from foresell.monitor.checks.judging import Judgement

JUDGEMENT = Judgement(
    figure=BIAS, part="level", of="total", name="all", family="whole", value=math.log(0.8), expected=0.0,
    low=math.log(0.5), high=math.log(2), score=-1.0, freedom=9.0, chance=0.3, below=0.01, spread=0.1, alarm=False,
    far=False, days=7, units=80.0, forecast=100.0,
)  # fmt: skip


def scaled(judgement: Judgement) -> Scaled:
    return {figure.name: figure for figure in FIGURES}[judgement.figure].scaled(judgement)


def test_values_are_read_by_hand():
    bias, error, skill, coverage = FIGURES
    assert bias.read(-0.2231) == pytest.approx(0.25, abs=1e-4)
    assert error.read(-1.609) == pytest.approx(0.2, abs=1e-3)
    assert skill.read(0.0953) == pytest.approx(-0.1, abs=1e-4)
    assert (coverage.read(1.4), bias.read_as(None)) == (1.0, None)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # 80 sold of 100 forecast: a quarter too much; half as much sold is a forecast of twice that, and back.
        ({}, Scaled(0.25, 0.0, -0.5, 1.0)),
        ({"figure": ERROR, "value": math.log(0.3), "expected": math.log(0.2), "low": None}, Scaled(0.3, 0.2, None, 2)),
        # An error 10 % above that of seasonal naive adds -10 %; at most twice as large adds at least -100 %.
        ({"figure": SKILL, "value": math.log(1.1), "low": None}, Scaled(-0.1, 0.0, -1.0, None)),
        ({"figure": COVERAGE, "value": 0.7, "expected": 0.9, "low": -0.2, "high": 1.3}, Scaled(0.7, 0.9, 0.0, 1.0)),
    ],
)
def test_checks_are_read_as_the_table_has_them(changed, expected):
    found = scaled(replace(JUDGEMENT, **changed))
    assert [each is None for each in found] == [each is None for each in expected]
    known = [(one, other) for one, other in zip(found, expected, strict=True) if one is not None]
    assert [one for one, _ in known] == pytest.approx([other for _, other in known])


def test_bounds_of_few_windows_stay_finite():
    wide = scaled(replace(JUDGEMENT, low=-1e5, high=1e5))
    assert wide.low == pytest.approx(-1)
    assert math.isfinite(wide.high)
    assert wide.high > 1e20
