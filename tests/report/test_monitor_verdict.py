"""What a look comes to, in words: each kind of verdict, and what it says to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from foresell.core.finding import Finding, Severity
from foresell.report.monitor_contents import (
    BIAS,
    COVERAGE,
    ERROR,
    DailySales,
    EvaluatedForecast,
    FigureRow,
    InputDrift,
    MeasuredFigure,
    MonitorPage,
    WaitingForecast,
)
from foresell.report.monitor_verdict import (
    BLIND,
    FAR,
    OUTSIDE,
    UNJUDGED,
    WITHIN,
    bounds,
    drifted,
    figure_label,
    row_label,
    tiles,
    verdict,
)

WITHIN_BOUNDS = MeasuredFigure(0.1, 0.1, None, 0.2, judged=True)
LEVELS = (
    FigureRow("total", 90, 100, {ERROR: WITHIN_BOUNDS, BIAS: MeasuredFigure(0.11, 0.0, -0.2, 0.2, judged=True)}),
    FigureRow("item", 90, 100, {ERROR: WITHIN_BOUNDS, COVERAGE: MeasuredFigure(0.88, 0.9, 0.7, 1.0, judged=True)}),
)
JUDGED = EvaluatedForecast("3", date(2025, 10, 5), date(2025, 10, 6), date(2025, 10, 12), 7, 10.0)
QUIET = MonitorPage("Shop", "1.0", date(2025, 10, 12), judged=JUDGED, levels=LEVELS, nominal=0.9)
ABOUT = "The forecast of 5 Oct 2025 by version 3 was compared with the sales of 6 to 12 Oct 2025 (7 days)"


def found(severity: Severity, advice: str = "Do it.") -> Finding:
    return Finding("code", severity, "total", 2, "version 3, forecast of 2025-10-05: too little", (), advice)


def test_a_quiet_look() -> None:
    told = verdict(replace(QUIET, accuracy=(found(Severity.INFO),)))
    assert (told.kind, told.sign, told.label) == ("good", "✓", "Nothing is wrong")
    assert told.sentence == f"{ABOUT}: no figure lies outside what is usual."
    assert told.advice == "Nothing need be done: plan by the forecasts."


@pytest.mark.parametrize(
    ("severity", "kind", "sign"), [(Severity.ERROR, "bad", "✕"), (Severity.WARNING, "warned", "▲")]
)
def test_what_is_wrong_with_accuracy_is_said_with_its_advice(severity: Severity, kind: str, sign: str) -> None:
    data = found(Severity.WARNING, "Mend.")
    told = verdict(replace(QUIET, accuracy=(found(severity),), data=(replace(data, count=1),)))
    assert (told.kind, told.sign, told.advice) == (kind, sign, "Do it.")
    assert told.sentence.startswith(ABOUT)
    assert told.sentence.endswith(f"1 {severity}. Too little. There is 1 warning in what came in.")


def test_all_sales_are_spoken_of_before_their_parts() -> None:
    part = Finding("error-grew", Severity.ERROR, "series by volume", 9, "parts are off", (), "Look there.")
    inputs = replace(part, where="total", message="inputs", advice="No.")
    told = verdict(replace(QUIET, accuracy=(part, found(Severity.ERROR)), inputs_found=(inputs,)))
    assert told.sentence.endswith("2 errors. Too little. There is 1 error in what came in.")
    assert told.advice == "Do it."
    worse = verdict(replace(QUIET, accuracy=(found(Severity.WARNING),), inputs_found=(inputs,)))
    assert worse.sentence.endswith("1 warning. Too little. There is 1 error in what came in.")
    assert worse.advice == "No."


def test_accuracy_as_usual_while_what_came_in_is_not() -> None:
    told = verdict(replace(QUIET, data=(found(Severity.WARNING),), inputs_found=(found(Severity.ERROR),)))
    assert (told.kind, told.label) == ("warned", "Accuracy is as usual; what came in wants a look")
    assert told.sentence.endswith("There are 1 error and 1 warning in what came in.")


def test_a_newer_forecast_waits() -> None:
    waits = replace(QUIET, newest=WaitingForecast("4", date(2025, 10, 12), date(2025, 10, 19)))
    assert verdict(waits).sentence.endswith(
        "The newest forecast, that of 12 Oct 2025 by version 4, can be judged itself when the sales of 19 Oct 2025 are "
        "known."
    )
    assert "that of 12 Oct 2025, can be" in verdict(replace(waits, newest=replace(waits.newest, version="3"))).sentence


def test_nothing_to_judge_and_nothing_to_judge_by() -> None:
    waiting = MonitorPage("Shop", "1.0", date(2025, 10, 12), waiting="judged on 19 Oct")
    assert verdict(waiting).kind == "open"
    assert verdict(waiting).sentence == "Judged on 19 Oct."
    assert verdict(replace(waiting, data=(found(Severity.ERROR),))).kind == "warned"
    unjudged = tuple(replace(each, figures={ERROR: MeasuredFigure(0.1, 0.1)}) for each in LEVELS)
    told = verdict(replace(QUIET, levels=unjudged))
    assert (told.kind, told.label) == ("open", "Measured, but not judged")


def test_data_that_stop_the_look() -> None:
    stopped = MonitorPage("Shop", "1.0", None, data=(found(Severity.ERROR),), stopped="no column")
    told = verdict(stopped)
    assert (told.kind, told.sentence) == ("bad", "So nothing could be judged: 1 error in what came in.")
    days = np.array(["2025-10-04", "2025-10-05"], "datetime64[D]")
    known = verdict(replace(stopped, days=DailySales(days, np.ones(2), np.ones(2))))
    assert known.sentence.endswith("The figures below were known before: sales up to 5 Oct 2025.")


def test_tiles_show_the_level_that_lies_outside() -> None:
    shown = {label: (value, sentence) for label, value, sentence, _ in tiles(QUIET)}
    assert shown == {
        "Error by day, total": ("10 %", "Of what is sold, on average; usual is 10 %."),
        "Bias of all sales": ("+11 %", "More was forecast than sold; usual is ±0 %."),
        "In the range, item": ("88 %", "90 % are promised; usual is 90 %."),
    }
    off = replace(LEVELS[1], figures={ERROR: MeasuredFigure(0.5, 0.1, None, 0.2, judged=True, outside=True)})
    labels = [label for label, *_ in tiles(replace(QUIET, levels=(LEVELS[0], off)))]
    assert labels == ["Error by day, item", "Bias of all sales"]
    assert tiles(replace(QUIET, levels=())) == []


def test_verdicts_need_no_colour() -> None:
    outside = MeasuredFigure(0.5, 0.1, None, 0.2, judged=True, outside=True)
    far = replace(outside, far=True)
    assert [figure_label(each) for each in (WITHIN_BOUNDS, outside, far, MeasuredFigure(0.1))] == [
        WITHIN,
        OUTSIDE,
        FAR,
        UNJUDGED,
    ]
    place = FigureRow("A", 1, 1, {ERROR: WITHIN_BOUNDS})
    assert row_label(place) == WITHIN
    assert row_label(replace(place, figures={ERROR: WITHIN_BOUNDS, BIAS: outside})) == OUTSIDE
    assert row_label(replace(place, figures={ERROR: far, BIAS: outside})) == FAR
    assert row_label(replace(place, figures={BIAS: MeasuredFigure(None)})) == UNJUDGED


def test_what_cannot_be_judged_is_not_ticked() -> None:
    blind = replace(WITHIN_BOUNDS, blind=True)
    assert row_label(FigureRow("A", 1, 1, {ERROR: blind})) == BLIND
    assert row_label(FigureRow("A", 1, 1, {ERROR: blind, BIAS: WITHIN_BOUNDS})) == WITHIN
    levels = (LEVELS[0], replace(LEVELS[1], figures={**LEVELS[1].figures, COVERAGE: blind}))
    outcome = verdict(replace(QUIET, levels=levels))
    assert (outcome.kind, outcome.label) == ("open", "Nothing stands out, but not all of it can be judged yet")
    assert "1 of 4 figures cannot be judged yet" in outcome.sentence


def test_a_row_that_another_explains_names_it() -> None:
    other = MeasuredFigure(0.5, 0.0, -0.1, 0.1, judged=True, explained_by=("store S1", "category C"))
    assert figure_label(other) == "▲ with store S1 and 1 more"
    assert row_label(FigureRow("A", 1, 1, {ERROR: WITHIN_BOUNDS, BIAS: other})) == "▲ with store S1 and 1 more"


def test_bounds_that_are_of_no_use_are_called_so() -> None:
    blind = MeasuredFigure(0.1, 0.0, -1.0, 2e9, judged=True, blind=True)
    assert (bounds(blind, BIAS), figure_label(blind)) == ("–", BLIND)
    assert bounds(MeasuredFigure(0.1, 0.0, -0.5, None, judged=True), BIAS) == "at least −50 %"


def test_drift_within_what_is_allowed() -> None:
    assert drifted(InputDrift(0.0, 0.3)).startswith("✓ None of the columns has drifted")
    assert drifted(InputDrift(0.1, 0.3)).startswith("✓ 10 % of the columns have drifted")
