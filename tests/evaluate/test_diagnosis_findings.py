"""Every symptom has a case that shows it, and one that nearly does."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.frequency import Frequency
from foresell.evaluate.diagnosis import Diagnosis
from foresell.evaluate.diagnosis_findings import CODES, diagnosis_findings


def bias(by: str, part: str, apart: float, clear: bool, level: str = "total") -> dict:
    return {"by": by, "level": level, "part": part, "sold": 100.0, "bias": apart, "apart": apart,
            "standard_error": 0.01, "noise": 0.025, "clear": clear}  # fmt: skip


HARMLESS = [
    bias("all", "all", 0.01, True),
    bias("weekday", "Monday", -0.2, False),
    bias("group", "CA", 0.02, True, "state"),
]


def diagnosis(*rows: dict, autocorrelation: float = 0.1, far: float = 0.5, grown: int = 3) -> Diagnosis:
    levels = {"level": ["total", "item"], "groups": [1, 9], "bias": [0.0, 0.1], "near": [0.4, 0.4], "far": [0.4, far],
              "grown": [grown, grown], "windows": [3, 3]}  # fmt: skip
    lags = {"level": ["total", "item"], "lag": [7, 7], "autocorrelation": [autocorrelation, 0.9], "bound": [0.2, 0.2]}
    return Diagnosis(pl.DataFrame([*HARMLESS, *rows]), pl.DataFrame(levels), pl.DataFrame(lags))


def calibrated(off: float) -> pl.DataFrame:
    rows = [("total", 0.5, 2500, 0.5, 0.0), ("item", 0.9, 90_000, 0.9 + off, off)]
    return pl.DataFrame(rows, schema=["level", "probability", "points", "observed", "off"], orient="row")


CASES = {
    "biased-forecast": (diagnosis(bias("all", "all", -0.05, True)), None, "5.0 % too low (standard error 1.0 %)"),
    "biased-weekday": (
        diagnosis(bias("weekday", "Friday", 0.04, True), bias("weekday", "Sunday", 0.08, True)),
        None,
        "Sundays are forecast 8.0 % too high (standard error 1.0 %), against the other days",
    ),
    "biased-hour": (diagnosis(bias("hour", "08:00", 0.1, True)), None, "The hours from 08:00 are forecast 10.0 %"),
    "biased-month": (
        diagnosis(bias("month", "December", -0.3, True)), None, "December is forecast 30.0 % too low"
    ),
    "biased-steps": (diagnosis(bias("step", "22 to 28", 0.1, True)), None, "Days 22 to 28 ahead are forecast 10.0 %"),
    "biased-groups": (
        diagnosis(bias("group", "WI", 0.1, True, "state")), None, "One of the largest groups is forecast"
    ),
    "repeating-errors": (diagnosis(autocorrelation=0.4), None, "repeat 7 days later (correlation 0.40)"),
    "growing-errors": (diagnosis(far=0.7), None, "at 1 of 2 levels"),
    "ranges-miss": (diagnosis(), calibrated(-0.08), "One quantile differs from the expected share"),
}  # fmt: skip


def test_every_code_has_a_case() -> None:
    assert set(CASES) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_symptom_is_found_alone_with_advice(code) -> None:
    diagnosis, calibration, message = CASES[code]
    findings = diagnosis_findings(diagnosis, Frequency.DAY, calibration)
    assert [finding.code for finding in findings] == [code]
    assert message in findings[0].message
    assert (findings[0].severity, findings[0].advice) == (CODES[code].severity, CODES[code].advice)
    assert findings[0].advice
    assert CODES[code].meaning.endswith(".")


def test_no_more_than_five_examples_are_told() -> None:
    groups = [bias("group", f"shop {number}", 0.1 + number / 100, True, "shop") for number in range(7)]
    (finding,) = diagnosis_findings(diagnosis(*groups), Frequency.DAY)
    assert (finding.count, len(finding.examples)) == (7, 5)
    assert finding.examples[0].startswith("shop shop 6: 16.0 % too high")


def test_what_is_small_or_may_be_chance_is_not_told() -> None:
    assert diagnosis_findings(diagnosis(autocorrelation=0.25, far=0.7, grown=2), Frequency.DAY, calibrated(-0.03)) == []


def test_the_worst_of_its_kind_is_told_first_and_the_others_are_examples() -> None:
    diagnosis, _, _ = CASES["biased-weekday"]
    finding = diagnosis_findings(diagnosis, Frequency.DAY)[0]
    assert finding.count == 2
    assert finding.examples == ("Fridays are forecast 4.0 % too high (standard error 1.0 %)",)
