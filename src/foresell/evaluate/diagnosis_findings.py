"""The findings of a diagnosis: errors that are beyond noise and large enough to matter, with advice."""

from __future__ import annotations

from functools import partial

import polars as pl

from foresell.core.finding import Code, Finding, Severity, finding_of, worst_first
from foresell.core.frequency import Frequency
from foresell.evaluate.diagnosis import Diagnosis

LEAST_BIAS = 0.03
"""A smaller bias, as a share of the units sold, is not worth a planner's time, even where it is beyond noise."""

_LEAST_CORRELATION, _LEAST_GROWTH, _LEAST_MISS = 0.3, 1.5, 0.02

CODES: dict[str, Code] = {
    "biased-forecast": Code(
        Severity.WARNING,
        "The forecast of all sales was too high or too low, over all windows together.",
        "Check whether the level of sales has changed recently (new prices, a competitor, a new range), and whether "
        "days out of stock are marked as such. Otherwise choose another model with 'champion'.",
    ),
    "biased-weekday": Code(
        Severity.WARNING,
        "A weekday is forecast too high or too low, compared with the other days.",
        "Check whether opening hours have changed on that day, and mark closed days with 'data.open'.",
    ),
    "biased-hour": Code(
        Severity.WARNING,
        "An hour of the day is forecast too high or too low, compared with the other hours.",
        "Check whether opening hours have changed, and mark the hours in which you are closed with 'data.open'.",
    ),
    "biased-month": Code(
        Severity.WARNING,
        "A month is forecast too high or too low, compared with the other months.",
        "Give the model the reasons why that time of the year is different: holidays with 'data.country', events with "
        "'data.calendar', promotions with 'data.promotion'.",
    ),
    "biased-steps": Code(
        Severity.WARNING,
        "A part of the horizon is forecast too high or too low, compared with the rest.",
        "Orders for that part of the horizon would be too high or too low. Check whether prices and "
        "promotions are known that far ahead with 'data.future'.",
    ),
    "biased-groups": Code(
        Severity.WARNING,
        "Some of the largest groups are forecast too high or too low, over all windows together.",
        "Look for what is special about these groups. Add their level to 'levels', so that the models see their trend.",
    ),
    "repeating-errors": Code(
        Severity.INFO,
        "Errors of the total repeat a season later.",
        "Part of the seasonal pattern is not learnt. Check whether a weekday stands out in the report, or try a model "
        "that is fitted to each level.",
    ),
    "growing-errors": Code(
        Severity.INFO,
        "The error is much larger at the end of the horizon than at its beginning.",
        "Make decisions about the end of the horizon as late as possible, after a new forecast. Check whether prices "
        "and promotions are known that far ahead.",
    ),
    "ranges-miss": Code(
        Severity.WARNING,
        "The share of actuals below a quantile is not its probability.",
        "Test more windows with 'backtest.windows', because ranges are learnt from their errors.",
    ),
}
"""The findings by code: their severity, their meaning, and what to do next."""


def diagnosis_findings(
    diagnosis: Diagnosis, frequency: Frequency, calibrated: pl.DataFrame | None = None
) -> list[Finding]:
    """The findings of a diagnosis, the worst first. `calibrated` is the table of `calibration.calibration`, if any.

    A bias is a finding where it is beyond noise (see `Diagnosis`) and at least `LEAST_BIAS` of the units sold.
    """
    clear = diagnosis.bias.filter(pl.col("clear"), pl.col("apart").abs() >= LEAST_BIAS)
    findings = [*_overall_bias(clear), *_bias_of_parts(clear, frequency), *_bias_of_groups(clear)]
    findings += [*_autocorrelation(diagnosis, frequency), *_growth(diagnosis)]
    return worst_first(findings if calibrated is None else [*findings, *_miscalibration(calibrated)])


_finding = partial(finding_of, CODES)


def _bias_words(row: dict) -> str:
    """A bias in words.

    >>> _bias_words({"apart": 0.0821, "standard_error": 0.011}), _bias_words({"apart": -0.05, "standard_error": 0})
    ('8.2 % too high (standard error 1.1 %)', '5.0 % too low')
    """
    side = "high" if row["apart"] > 0 else "low"
    noise = f" (standard error {100 * row['standard_error']:.1f} %)" if row["standard_error"] else ""
    return f"{100 * abs(row['apart']):.1f} % too {side}{noise}"


def _overall_bias(clear: pl.DataFrame) -> list[Finding]:
    rows = clear.filter(by="all").to_dicts()
    return [
        _finding("biased-forecast", "total", 1, f"In sum over all windows the forecast is {_bias_words(row)}")
        for row in rows
    ]


def _bias_of_parts(clear: pl.DataFrame, frequency: Frequency) -> list[Finding]:
    """Weekdays, months and stretches of the horizon that differ from the rest of their windows."""
    kinds = {
        "hour": ("biased-hour", "The hours from {}", "the other hours"),
        "weekday": ("biased-weekday", "{}s", "the other days"),
        "month": ("biased-month", "{}", f"the other {frequency.noun}s"),
        "step": ("biased-steps", f"{frequency.noun.capitalize()}s {{}} ahead", "the rest of the horizon"),
    }
    findings = []
    for by, (code, name, others) in kinds.items():
        rows = clear.filter(by=by).sort(pl.col("apart").abs(), descending=True).to_dicts()
        if rows:
            verb = "is" if by == "month" else "are"
            sentences = [f"{name.format(row['part'])} {verb} forecast {_bias_words(row)}" for row in rows]
            message = f"{sentences[0]}, against {others}"
            findings.append(_finding(code, "total", len(rows), message, sentences[1:]))
    return findings


def _bias_of_groups(clear: pl.DataFrame) -> list[Finding]:
    """The largest groups of each level that are forecast too high or too low."""
    rows = clear.filter(by="group").sort(pl.col("apart").abs(), descending=True)
    if rows.is_empty():
        return []
    examples = [f"{row['level']} {row['part']}: {_bias_words(row)}" for row in rows.to_dicts()]
    which = f"{rows.height} of the largest groups are" if rows.height > 1 else "One of the largest groups is"
    levels = ", ".join(rows["level"].unique(maintain_order=True))
    return [
        _finding(
            "biased-groups",
            levels,
            rows.height,
            f"{which} forecast too high or too low, over all windows together",
            examples,
        )
    ]


def _autocorrelation(diagnosis: Diagnosis, frequency: Frequency) -> list[Finding]:
    """Errors of the total that come again a season later."""
    lag = frequency.season
    rows = diagnosis.correlation.filter(level="total", lag=lag).to_dicts()
    if not rows or rows[0]["autocorrelation"] < max(_LEAST_CORRELATION, rows[0]["bound"]):
        return []
    what = f"Errors of the total repeat {lag} {frequency.noun}s later (correlation {rows[0]['autocorrelation']:.2f})"
    return [_finding("repeating-errors", "total", 1, what)]


def _growth(diagnosis: Diagnosis) -> list[Finding]:
    """Levels whose error is much larger at the end of the horizon than at its beginning, in every window."""
    often = (pl.col("grown") == pl.col("windows")) & (pl.col("windows") > 2)
    rows = diagnosis.levels.filter(
        often, pl.col("far") >= _LEAST_GROWTH * pl.col("near"), pl.col("near") > 0
    ).to_dicts()
    if not rows:
        return []
    examples = [f"{row['level']}: {100 * row['near']:.1f} % to {100 * row['far']:.1f} %" for row in rows]
    message = f"The error grows along the horizon in every window at {len(rows)} of {diagnosis.levels.height} levels"
    return [_finding("growing-errors", rows[0]["level"], len(rows), message, examples)]


def _miscalibration(calibrated: pl.DataFrame) -> list[Finding]:
    """Quantiles whose observed share is not their probability.

    All series of a day may have errors of the same sign, so only the days of the total count as independent cases.
    """
    cases, share = pl.col("points").min(), pl.col("probability")
    noise = 2 * (share * (1 - share) / cases).sqrt()
    rows = calibrated.filter(pl.col("off").abs() > _LEAST_MISS + noise).sort(pl.col("off").abs(), descending=True)
    if rows.is_empty():
        return []
    examples = [
        f"{row['level']}: {100 * row['observed']:.1f} % of actuals are below the "
        f"{100 * row['probability']:g} % quantile"
        for row in rows.to_dicts()
    ]
    which = f"{rows.height} quantiles differ" if rows.height > 1 else "One quantile differs"
    levels = ", ".join(rows["level"].unique(maintain_order=True))
    return [
        _finding(
            "ranges-miss", levels, rows.height, f"{which} from the expected share of actuals, beyond noise", examples
        )
    ]
