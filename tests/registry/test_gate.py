"""The gate, against verdicts worked by hand."""

from __future__ import annotations

from datetime import date

import msgspec
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import Promotion
from foresell.registry.gate import COVERAGE, WRMSSE, Scores, judge

WINDOWS = (date(2026, 1, 4), date(2026, 1, 11))
RULES = Promotion(margin=0.01, tolerance=0.05, coverage=0.05)
PLAIN = {"all": (1.0, 1.0), "total": (1.0, 1.0), "item": (1.0, 1.0)}
FINE = {("total", 0.9): (0.9, 0.9), ("item", 0.9): (0.9, 0.9)}


def scores(wrmsse, coverage=FINE, *, plain=PLAIN, cutoffs=WINDOWS, points=(10, 10), weights="computed") -> Scores:
    """`wrmsse` by level for each window, `coverage` by level and range for each window."""
    models = {"mine": wrmsse} | ({"seasonal_naive": plain} if plain else {})
    levels = pl.DataFrame(
        [
            {"model": model, "cutoff": cutoff, "level": level, "wrmsse": value, "weights": weights}
            for model, of in models.items()
            for level, values in of.items()
            for cutoff, value in zip(cutoffs, values, strict=False)
        ],
        schema_overrides={"wrmsse": pl.Float64},
    )
    ranges = pl.DataFrame(
        [
            {"cutoff": cutoff, "level": level, "by": by, "segment": "1", "nominal": nominal, "points": count}
            | {"coverage": value if by == "all" else 0.0}
            for (level, nominal), values in coverage.items()
            for cutoff, value, count in zip(cutoffs, values, points, strict=False)
            for by in ("all", "step")
        ],
        schema={"cutoff": pl.Date, "level": pl.String, "by": pl.String, "segment": pl.String, "nominal": pl.Float64,
                "points": pl.Int64, "coverage": pl.Float64},
    )  # fmt: skip
    return Scores(levels, ranges, "mine")


CHAMPION = scores({"all": (0.6, 0.8), "total": (0.5, 0.5), "item": (0.8, 0.8)})


def figure(verdict, level: str, name: str, nominal: float | None = None):
    return next(each for each in verdict.figures if (each.level, each.figure, each.nominal) == (level, name, nominal))


def test_a_challenger_that_is_better_everywhere_passes():
    verdict = judge(scores({"all": (0.5, 0.7), "total": (0.4, 0.4), "item": (0.8, 0.8)}), CHAMPION, RULES)
    assert verdict.passed
    assert verdict.windows == WINDOWS
    overall = verdict.figures[0]
    # Means over the windows: (0.6 + 0.8) / 2 and (0.5 + 0.7) / 2; one per cent below 0.7 is 0.693.
    assert (overall.level, overall.figure) == ("all", WRMSSE)
    assert overall.champion == pytest.approx(0.7)
    assert overall.challenger == pytest.approx(0.6)
    assert overall.at_most == pytest.approx(0.693)
    # At a level it may be 5 % higher: 0.5 * 1.05.
    assert figure(verdict, "total", WRMSSE).at_most == pytest.approx(0.525)


@pytest.mark.parametrize(("second", "passes"), [(0.785, True), (0.787, False)])
def test_the_margin_decides_where_it_is_a_little_better(second, passes):
    # (0.6 + 0.785) / 2 = 0.6925 lies below 0.693; (0.6 + 0.787) / 2 = 0.6935 does not.
    verdict = judge(scores({"all": (0.6, second), "total": (0.5, 0.5), "item": (0.8, 0.8)}), CHAMPION, RULES)
    assert verdict.passed == passes
    assert [each.level for each in verdict.failed] == ([] if passes else ["all"])


@pytest.mark.parametrize(("total", "passes"), [(0.525, True), (0.526, False)])
def test_no_level_may_be_much_worse(total, passes):
    challenger = scores({"all": (0.5, 0.5), "total": (total, total), "item": (0.6, 0.6)})
    verdict = judge(challenger, CHAMPION, RULES)
    assert verdict.passed == passes
    assert [(each.level, each.figure) for each in verdict.failed] == ([] if passes else [("total", WRMSSE)])


def test_the_plain_model_must_be_beaten_even_by_what_beats_the_champion():
    weak = scores({"all": (2.0, 2.0), "total": (2.0, 2.0), "item": (2.0, 2.0)})
    verdict = judge(scores({"all": (1.0, 1.0), "total": (1.0, 1.0), "item": (1.0, 1.0)}), weak, RULES)
    assert [each.figure for each in verdict.failed] == ["WRMSSE against seasonal_naive"]
    assert figure(verdict, "all", "WRMSSE against seasonal_naive").at_most == 1.0


def test_the_first_version_beats_the_plain_model_and_its_ranges_hold():
    good = {"all": (0.9, 0.9), "total": (3.0, 3.0), "item": (0.9, 0.9)}
    verdict = judge(scores(good), None, RULES)
    assert verdict.passed  # at the total it is worse than the plain model, of which nobody asks
    assert figure(verdict, "total", WRMSSE).judged is False
    worse = judge(scores({"all": (1.1, 1.0), "total": (1.0, 1.0), "item": (1.0, 1.0)}), None, RULES)
    assert [each.figure for each in worse.failed] == ["WRMSSE against seasonal_naive"]
    for champion in (None, scores(dict.fromkeys(good, (9, 9)))):
        alone = judge(scores(good, plain=None), champion, RULES)
        assert [each.figure for each in alone.failed] == ["WRMSSE against seasonal_naive"]  # nothing to measure it by


def test_ranges_hold_over_all_levels_each_counting_the_same():
    # total: (10 * 0.7 + 30 * 0.9) / 40 = 0.85; item: 0.87; their mean 0.86 lies within 0.85 to 0.95.
    within = {("total", 0.9): (0.7, 0.9), ("item", 0.9): (0.87, 0.87)}
    good = {"all": (0.5, 0.5), "total": (0.4, 0.4), "item": (0.5, 0.5)}
    verdict = judge(scores(good, within, points=(10, 30)), CHAMPION, RULES)
    assert verdict.passed
    overall = figure(verdict, "all", COVERAGE, 0.9)
    assert overall.challenger == pytest.approx(0.86)
    assert overall.champion == pytest.approx(0.9)
    assert (overall.at_least, overall.at_most) == (pytest.approx(0.85), pytest.approx(0.95))
    assert figure(verdict, "total", COVERAGE, 0.9).challenger == pytest.approx(0.85)
    assert figure(verdict, "total", COVERAGE, 0.9).judged is False
    below = judge(scores(good, within | {("item", 0.9): (0.84, 0.84)}, points=(10, 30)), CHAMPION, RULES)
    assert [(each.level, each.nominal) for each in below.failed] == [("all", 0.9)]  # (0.85 + 0.84) / 2 = 0.845


def test_each_range_is_judged_and_none_is_asked_for_more_than_everything():
    both = {("total", 0.5): (0.62, 0.62), ("item", 0.5): (0.5, 0.5), ("total", 0.99): (1, 1), ("item", 0.99): (1, 1)}
    verdict = judge(scores({"all": (0.5, 0.5)}, both), None, RULES)
    assert [each.nominal for each in verdict.failed] == [0.5]  # 0.56 is more than 0.05 away
    assert figure(verdict, "all", COVERAGE, 0.99).at_most == 1.0


def test_ranges_that_were_never_tried_are_not_taken_to_hold():
    verdict = judge(scores({"all": (0.5, 0.5)}, coverage={}), None, RULES)
    assert [(each.figure, each.challenger) for each in verdict.failed] == [(COVERAGE, None)]


def test_a_level_whose_error_is_not_known_does_not_pass():
    gone = scores({"all": (0.5, 0.5), "total": (None, None), "item": (0.5, 0.5)})
    assert [each.level for each in judge(gone, CHAMPION, RULES).failed] == ["total"]
    # Where the champion has none either, nothing can be said.
    assert judge(gone, scores({"all": (0.7, 0.7), "total": (None, None), "item": (0.5, 0.5)}), RULES).passed


@pytest.mark.parametrize(
    "other",
    [
        scores({"all": (0.5,), "total": (0.5,), "item": (0.5,)}, cutoffs=WINDOWS[:1]),
        scores({"all": (0.5, 0.5), "total": (0.5, 0.5)}),
        scores({"all": (0.5, 0.5), "total": (0.5, 0.5), "item": (0.5, 0.5)}, weights="file"),
    ],
    ids=["windows", "levels", "weights"],
)
def test_only_the_same_windows_levels_and_weights_are_compared(other):
    assert not CHAMPION.comparable(other)
    with pytest.raises(UsageError, match="same windows"):
        judge(other, CHAMPION, RULES)


def test_the_verdict_as_plain_data():
    verdict = judge(scores({"all": (0.9, 0.9), "total": (0.5, 0.5), "item": (0.8, 0.8)}), CHAMPION, RULES)
    told = msgspec.json.decode(msgspec.json.encode(verdict.to_dict()))
    assert told["passed"] is False
    assert told["windows"] == ["2026-01-04", "2026-01-11"]
    assert told["rules"] == {"margin": 0.01, "tolerance": 0.05, "coverage": 0.05}
    first = told["figures"][0]
    assert {name: first[name] for name in ("level", "figure", "champion", "ok")} == {
        "level": "all", "figure": "WRMSSE", "champion": pytest.approx(0.7), "ok": False,
    }  # fmt: skip


def test_a_refresh_need_show_no_gain_but_may_not_be_worse_by_more_than_the_tolerance():
    # Means over the windows: the champion's are 0.7, 0.5 and 0.8; five per cent above 0.7 is 0.735.
    slightly_worse = scores({"all": (0.62, 0.82), "total": (0.5, 0.5), "item": (0.8, 0.8)})
    assert not judge(slightly_worse, CHAMPION, RULES).passed
    verdict = judge(slightly_worse, CHAMPION, RULES, refresh=True)
    assert verdict.passed
    assert verdict.refresh
    assert figure(verdict, "all", WRMSSE).at_most == pytest.approx(0.735)
    much_worse = scores({"all": (0.7, 0.8), "total": (0.5, 0.5), "item": (0.8, 0.8)})  # 0.75
    assert [each.level for each in judge(much_worse, CHAMPION, RULES, refresh=True).failed] == ["all"]


def test_a_refresh_is_compared_at_the_windows_that_the_champion_was_asked_at():
    champion = scores({"all": (0.8,), "total": (0.5,), "item": (0.8,)}, cutoffs=WINDOWS[1:])
    challenger = scores({"all": (9.0, 0.7), "total": (0.4, 0.4), "item": (0.8, 0.8)}, plain={"all": (9.5, 9.5)})
    verdict = judge(challenger, champion, RULES, refresh=True)
    assert verdict.passed
    assert verdict.windows == WINDOWS[1:]
    assert (figure(verdict, "all", WRMSSE).champion, figure(verdict, "all", WRMSSE).challenger) == (0.8, 0.7)
    # The plain model is to be beaten over all windows: (9.0 + 0.7) / 2 against 9.5.
    assert figure(verdict, "all", "WRMSSE against seasonal_naive").challenger == pytest.approx(4.85)
    with pytest.raises(UsageError, match="same windows"):
        judge(challenger, champion, RULES)


def test_a_refresh_without_a_window_to_compare_must_beat_the_plain_model_and_its_ranges_must_hold():
    challenger = scores({"all": (0.6, 0.8), "total": (0.5, 0.5), "item": (0.8, 0.8)})
    assert judge(challenger, None, RULES, refresh=True).passed
    worse = scores({"all": (1.1, 1.1), "total": (0.5, 0.5), "item": (0.8, 0.8)})
    assert [each.figure for each in judge(worse, None, RULES, refresh=True).failed] == ["WRMSSE against seasonal_naive"]
    narrow = scores({"all": (0.6, 0.8), "total": (0.5, 0.5), "item": (0.8, 0.8)}, {("total", 0.9): (0.5, 0.5)})
    assert [each.figure for each in judge(narrow, None, RULES, refresh=True).failed] == [COVERAGE]


def test_a_refresh_is_not_asked_to_beat_the_plain_model_where_the_champion_does_not():
    challenger = scores({"all": (0.8, 3.0), "total": (0.5, 0.5), "item": (0.8, 0.8)}, plain={"all": (1.0, 1.0)})
    failed = [each.figure for each in judge(challenger, None, RULES, refresh=True).failed]
    assert failed == ["WRMSSE against seasonal_naive"]  # (0.8 + 3.0) / 2 against 1
    beaten_too = scores({"all": (3.1,), "total": (0.5,), "item": (0.8,)}, cutoffs=WINDOWS[1:])
    verdict = judge(challenger, beaten_too, RULES, refresh=True)
    assert verdict.passed
    assert not figure(verdict, "all", "WRMSSE against seasonal_naive").judged
    beats_it = scores({"all": (0.99,), "total": (0.5,), "item": (0.8,)}, cutoffs=WINDOWS[1:])
    assert "WRMSSE against seasonal_naive" in {
        each.figure for each in judge(challenger, beats_it, RULES, refresh=True).failed
    }


def test_where_nothing_is_known_of_either_after_the_champions_last_day_the_plain_model_is_to_be_beaten():
    gone = scores({"all": (None,), "total": (None,), "item": (None,)}, cutoffs=WINDOWS[1:])
    for first, passes in ((0.9, True), (1.1, False)):
        challenger = scores({"all": (first, None), "total": (0.5, None), "item": (0.8, None)})
        verdict = judge(challenger, gone, RULES, refresh=True)
        assert verdict.passed == passes
        assert [each.figure for each in verdict.failed] == ([] if passes else ["WRMSSE against seasonal_naive"])


def test_the_ranges_of_a_refresh_may_be_as_far_off_as_the_champions_at_the_same_windows():
    errors = {"all": (0.6, 0.8), "total": (0.5, 0.5), "item": (0.8, 0.8)}
    later = {level: values[1:] for level, values in errors.items()}
    # Over both windows 70 % lie in the range of 90 %, at the later one 50 %.
    challenger = scores(errors, {("total", 0.9): (0.9, 0.5), ("item", 0.9): (0.9, 0.5)})

    def verdict(share: float):
        champion = scores(later, {("total", 0.9): (share,), ("item", 0.9): (share,)}, cutoffs=WINDOWS[1:], points=(10,))
        return judge(challenger, champion, RULES, refresh=True)

    assert verdict(0.5).passed
    asked = figure(verdict(0.45), "all", COVERAGE, 0.9)
    assert (asked.ok, asked.champion, asked.challenger) == (True, 0.45, 0.5)
    assert (asked.at_least, asked.at_most) == (pytest.approx(0.45), 1.0)
    refused = figure(verdict(0.55), "all", COVERAGE, 0.9)
    assert (refused.ok, refused.at_least) == (False, pytest.approx(0.55))
    assert figure(judge(challenger, None, RULES, refresh=True), "all", COVERAGE, 0.9).challenger == pytest.approx(0.7)
