"""The search for better options, as the report tells of it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import polars as pl
import pytest

from foresell.evaluate.search_record import Confirmation, SearchRecord, TrialRecord
from foresell.report.contents import Tuning
from foresell.report.page import render
from foresell.report.tuning import confirmation_sentence, history, importance, importance_sentence, search_sentence

SEARCH = SearchRecord(
    model="lightgbm",
    study="lightgbm-1",
    trials=4,
    new=4,
    pruned=1,
    failed=0,
    former=0,
    series=2000,
    of_series=30490,
    rows=400_000,
    windows=["2016-01-03", "2016-01-31"],
    seconds_in_trials=8.0,
    start=TrialRecord(number=0, wrmsse=0.5),
    best=TrialRecord(number=2, wrmsse=0.45, options={"trees": 200, "drop": ["price"]}),
    confirmed=Confirmation(
        windows=["2016-02-28", "2016-03-27"], series=30490, settings=0.6, tuned=0.59, better_in=1, holds=True
    ),
    importance={"trees": 0.75, "drop": 0.25, "l2": 0.0},
)
TUNING = Tuning(
    SEARCH,
    pl.DataFrame({"number": [0, 1, 2, 3], "wrmsse": [0.5, None, 0.45, 0.48]}),
    pl.DataFrame({"option": ["trees", "drop", "l2"], "importance": [0.75, 0.25, 0.0]}),
)


def test_it_says_what_was_searched_and_whether_it_holds():
    assert search_sentence(SEARCH) == (
        "4 trials of lightgbm on a sample of 2,000 of 30,490 series, windows from 2016-01-03, 2016-01-31; 1 stopped "
        "early. WRMSSE 0.500 with the settings, 0.450 with trial 2, −10 %"
    )
    assert confirmation_sentence(SEARCH) == (
        "In the backtest's windows, which the search did not see, on all 30,490 series: 0.600 with the settings, 0.590 "
        "with the best trial, better in 1 of 2."
    )
    assert importance_sentence(SEARCH, 5) == "The most important options: trees 75 % and drop 25 %."


def test_it_says_when_nothing_was_better_or_it_did_not_hold():
    alone = msgspec.structs.replace(SEARCH, best=SEARCH.start, confirmed=None, importance={})
    assert search_sentence(alone).endswith("None was better than the settings, WRMSSE 0.500")
    assert (confirmation_sentence(alone), importance_sentence(alone, 5)) == ("", "")
    assert SEARCH.confirmed is not None
    lost = msgspec.structs.replace(SEARCH, confirmed=msgspec.structs.replace(SEARCH.confirmed, holds=False))
    assert confirmation_sentence(lost).endswith("It does not hold there, so the settings stay as they were.")


def test_the_history_is_the_best_so_far_against_the_settings():
    xs, ys = history(TUNING)["best so far"]
    assert xs == [0, 1, 2, 3]
    assert ys == pytest.approx([0, 0, -10, -10])
    assert history(replace(TUNING, trials=TUNING.trials.head(1))) == {}


def test_importance_comes_with_the_value_of_the_best_trial():
    assert importance(TUNING) == [
        {"option": "trees", "importance": 0.75, "best": "200"},
        {"option": "drop", "importance": 0.25, "best": "price"},
    ]


def test_the_page_has_a_section_where_there_was_a_search(report):
    page = render(replace(report, tuning=TUNING)).replace("\N{NO-BREAK SPACE}", " ")
    assert "<h3>Tuning</h3>" in page
    assert "The best so far" in page
    assert "WRMSSE against the settings, %" in page
    assert "<h3>Tuning</h3>" not in render(report)
    early = replace(TUNING, trials=TUNING.trials.head(1), importance=TUNING.importance.head(0))
    assert "The best trials, and the importance" not in render(replace(report, tuning=early))
