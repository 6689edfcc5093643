from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.finding import Finding, Severity
from foresell.report import Report
from foresell.report.headlines import accuracy, findings, headlines, outlook, series_error
from foresell.report.tables import by_level, by_segment, by_step, drivers, leaderboard


def test_the_outlook_says_what_comes_and_how_that_compares(report: Report) -> None:
    said = outlook(report)
    assert said is not None
    assert (said.label, said.value) == ("Next 7 days", "252 units")
    assert said.sentence == (
        "The forecast for 17 to 23 Jan 2024 is 252 units, 9.1 % more than in the same days a year ago (231)."
    )
    total = report.examples[0]
    for last_year, words in ((252.0, "about as much as in the same days"), (280.0, "10 % less than in the same days")):
        told = outlook(replace(report, examples=(replace(total, last_year=last_year),)))
        assert told is not None
        assert words in told.sentence
    told = outlook(replace(report, examples=(replace(total, last_year=None),)))
    assert told is not None
    assert "there is no comparison" in told.sentence


def test_accuracy_is_said_against_the_benchmark(report: Report) -> None:
    said = accuracy(report)
    assert said is not None
    assert said.value == "−25 %"
    assert said.sentence.startswith(
        "Tested on 2 windows of the past, the error of gbm is 25 % below that of seasonal naive"
    )
    assert report.leaderboard is not None
    worse = accuracy(replace(report, leaderboard=report.leaderboard.with_columns(improvement=pl.lit(-10.0))))
    assert worse is not None
    assert worse.value == "+10 %"
    assert "10 % above that of" in worse.sentence


@pytest.mark.parametrize(
    ("bias", "words"),
    [(0.03, "3.0 % too high"), (-0.2, "20 % too low"), (0.001, "neither too high nor too low"), (None, "sold.")],
)
def test_the_bias_is_said_in_words(report: Report, bias: float | None, words: str) -> None:
    assert report.leaderboard is not None
    said = series_error(replace(report, leaderboard=report.leaderboard.with_columns(bias=pl.lit(bias, pl.Float64))))
    assert said is not None
    assert words in said.sentence


def test_findings_are_counted_by_weight(report: Report) -> None:
    assert findings(report).value == "1 warning"
    worst = Finding("x", Severity.ERROR, "sales.csv", 1, "bad")
    assert findings(replace(report, findings=(worst, worst, *report.findings))).value == "2 errors and 1 warning"
    assert findings(replace(report, findings=())).value == "no problems"


def test_headlines_that_lack_numbers_are_not_made(report: Report) -> None:
    assert len(headlines(report)) == 4
    assert [one.label for one in headlines(replace(report, examples=(), leaderboard=None))] == ["Data"]


def test_the_leaderboard_shows_windows_and_wins(report: Report) -> None:
    gbm, naive = leaderboard(report)
    assert gbm.champion
    assert (gbm.model, gbm.improvement, gbm.windows, gbm.won) == ("gbm", 0.25, (0.5, 0.7), (1, 2))
    assert (naive.model, naive.improvement, naive.won) == ("seasonal naive", None, (0, 0))


def test_levels_and_segments_are_means_over_windows_beside_the_benchmark(report: Report) -> None:
    overall, single = by_level(report)
    assert (overall.label, overall.series) == ("all levels together", 9)
    assert overall.wrmsse == pytest.approx(0.6)
    assert overall.benchmark == pytest.approx(0.8)
    assert overall.ratio == pytest.approx(-0.25)
    assert single.ratio == pytest.approx(-0.1)
    segments = by_segment(report)["steadiness"]
    assert [(row.label, row.wrmsse, row.benchmark) for row in segments] == [("lumpy", 1.5, 1.2), ("smooth", 0.5, 1.0)]


def test_steps_are_shown_for_the_top_and_the_bottom_in_per_cent(report: Report) -> None:
    shown = by_step(report)
    assert list(shown) == ["total", "item x store"]
    assert list(shown["total"]) == ["gbm", "seasonal naive"]
    steps, errors = shown["item x store"]["gbm"]
    assert steps == [1.0, 2.0]
    np.testing.assert_allclose(errors, [30, 40])


def test_weak_drivers_are_taken_together(report: Report) -> None:
    assert [(one.feature, one.share) for one in drivers(report)] == [("lag_7", 0.75), ("price", 0.25)]
    many = pl.DataFrame({"feature": [f"f{place}" for place in range(20)], "share": [0.05] * 20})
    shown = drivers(replace(report, drivers=many))
    assert len(shown) == 16
    assert shown[-1].feature is None
    assert shown[-1].share == pytest.approx(0.25)
