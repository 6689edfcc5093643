from __future__ import annotations

import re
from dataclasses import replace

import polars as pl
import pytest

from foresell.core.finding import Finding, Severity
from foresell.report import Report, reliability, render


@pytest.fixture
def trusted(report: Report) -> Report:
    """The report with a diagnosis: 4 % too low, Sundays high beyond noise, ranges that miss at the single series."""
    parts = [("all", "all", -0.04), ("weekday", "Monday", -0.05), ("weekday", "Sunday", 0.06), ("step", "1 to 7", 0.0),
             ("step", "8 to 14", -0.08), ("group", "<A>", 0.2)]  # fmt: skip
    rows = [
        {"by": by, "level": "store" if by == "group" else "total", "part": part, "sold": 100.0, "bias": bias,
         "apart": bias + 0.04 * (by in ("weekday", "step")), "standard_error": 0.01, "noise": 0.05,
         "clear": part in ("Sunday", "<A>")}
        for by, part, bias in parts
    ]  # fmt: skip
    return replace(
        report,
        bias=pl.DataFrame(rows),
        bias_by_level=pl.DataFrame({"level": ["total", "item"], "groups": [1, 6], "bias": [0.04, 0.3],
                                    "near": [0.1, None], "far": [0.2, None], "grown": [2, 0], "windows": [2, 2]}),
        correlation=pl.DataFrame({"level": ["total"] * 7 + ["item"] * 7, "lag": [*range(1, 8)] * 2,
                                  "autocorrelation": [0.5, *[0.0] * 5, 0.4, *[0.1] * 7], "bound": [0.2] * 14}),
        diagnosis_findings=(
            Finding("biased-weekday", Severity.WARNING, "total", 1, "Sundays are <high>", (), "Look."),
        ),
        calibration=pl.DataFrame({"level": ["total", "total", "item", "item"], "probability": [0.1, 0.9] * 2,
                                  "points": [28] * 4, "observed": [0.12, 0.9, 0.1, 0.82], "off": [0.02, 0, 0, -0.08]}),
        sums=pl.DataFrame({"level": ["total", "total", "item"], "days": [7, 7, 7], "nominal": [0.5, 0.9, 0.9],
                           "windows": [3] * 3, "coverage": [0.5, 0.8, 0.92], "error": [0.1, 0.05, 0.01],
                           "open": [0.5, 0.8, 0.85], "closed": [0.5, 0.8, 0.97],
                           "relative_width": [0.1, 0.2, 1.5]}),
        reasons=pl.DataFrame({"reason": ["level", "price"], "label": ["recent sales", "price"], "share": [0.75, 0.25]}),
    )  # fmt: skip


def test_the_plain_sentences(trusted: Report) -> None:
    assert reliability.bias_sentence(trusted) == (
        "In sum over all windows the forecast was 4.0 % too low, which may be chance. "
        "Beyond noise, Sunday (10 % too high against the rest) stands out."
    )
    assert reliability.autocorrelation_sentence(trusted) == (
        "When one day's forecast of all sales is too high, the next day's probably is too (correlation 0.5): errors "
        "add up over neighbouring days rather than cancel out. Errors repeat 7 days later (correlation 0.4): part "
        "of the season is not learnt."
    )
    assert reliability.calibration_sentence(trusted) == (
        "In windows that the ranges were not learnt from, the share of sales below a quantile differs from the "
        "expected share by 2.5 percentage points on average. The largest difference is that of the 90 % quantile at "
        "the level item: 82 % of sales were below it."
    )
    assert reliability.sums_sentence(trusted) == (
        "Of sums over several days, 86 % lay in the 90 % range on average over levels and lengths, in windows that the "
        "ranges were not learnt from. It was furthest off for sums over 7 days at the level total: 80 % in 3 windows, "
        "with a standard error of 5 points."
    )


def test_a_forecast_without_fault_is_called_so(trusted: Report) -> None:
    assert trusted.bias is not None
    assert trusted.correlation is not None
    good = replace(
        trusted,
        bias=trusted.bias.with_columns(clear=pl.lit(False)),
        correlation=trusted.correlation.with_columns(autocorrelation=pl.lit(0.1)),
    )
    assert reliability.bias_sentence(good).endswith(
        "; no day of the week and no part of the horizon stands out beyond noise."
    )
    assert (
        reliability.autocorrelation_sentence(good)
        == "An error of one day says little about that of the next: the errors look like noise."
    )


def test_the_charts_hold_the_numbers(trusted: Report) -> None:
    weekday, step = reliability.bias_charts(trusted)
    assert weekday.names == ["Mon", "Sun"]
    assert weekday.values == pytest.approx([-5, 6])
    assert weekday.spread == pytest.approx([5, 5])
    assert weekday.clear == [False, True]
    assert weekday.across == pytest.approx([-4])
    assert step.names == ["1–7", "8–14"]
    page = render(trusted)
    section = page[page.index('id="accuracy"') : page.index('id="drivers"')]
    assert len(re.findall(r'<rect class="column clear"[^>]*><title>Sun: 6 ± 5<', section)) == 1
    assert len(re.findall(r'<circle [^>]*class="point', section)) == 4
    assert "item: 90.0% should be below, 82.0% are" in section.replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_shows_the_diagnosis_and_escapes_it(trusted: Report) -> None:
    page = render(trusted).replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "Bias: too much or too little",
        "Reliability of the ranges",
        "Errors that repeat",
        "&lt;A&gt;",
        "Sundays are &lt;high&gt;",
        "(beyond noise)",
        "recent sales",
        "All inputs",
        "2 of 2",
    ):
        assert words in page
    assert "<A>" not in page
    assert page.count("(beyond noise)") == 1


@pytest.mark.parametrize(
    "part", ["bias", "bias_by_level", "correlation", "diagnosis_findings", "calibration", "sums", "reasons"]
)
def test_any_part_of_the_diagnosis_may_be_missing_or_empty(trusted: Report, part: str) -> None:
    missing = replace(trusted, **{part: () if part == "diagnosis_findings" else None})
    assert "How accurate it is" in render(missing)
    if part != "diagnosis_findings":
        assert "How accurate it is" in render(replace(trusted, **{part: getattr(trusted, part).clear()}))
