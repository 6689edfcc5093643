"""Coverage, width and pinball loss of ranges: by hand, against plain loops, and on draws whose quantiles are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.interval_scores import central, scaled_pinball, score_ranges, share_below, wspl
from foresell.evaluate.segments import segments
from foresell.evaluate.weights import absolute_scales, compute_weights

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
HIERARCHY = Hierarchy.of(("item",), (("group",),))


def panel_of(units, groups):
    units = np.array(units, np.float32)
    series = pl.DataFrame({"item": range(len(units)), "group": groups})
    return Panel(series, ("item",), period_range(np.datetime64("2024-01-01"), units.shape[1], Frequency.DAY), units)


def window_of(panel, cutoff, horizon):
    past = panel.until(cutoff)
    weights = compute_weights(panel, HIERARCHY, [cutoff])[0]
    scales = absolute_scales(panel, HIERARCHY, [cutoff])[0]
    return EvaluationWindow.of(panel, cutoff, horizon, HIERARCHY, weights, segments(past)), scales


def forecasts_of(panel, cutoff, mean, quantiles_of):
    """Forecasts of all levels; `quantiles_of(level mean, probability)` gives a quantile."""
    past = panel.until(cutoff)
    forecasts = {}
    for groups in HIERARCHY.all_groups(panel.series):
        of_level = groups.sum(mean).astype(np.float32)
        quantiles = np.stack([quantiles_of(of_level.astype(np.float64), p) for p in PROBABILITIES])
        dates = past.ahead(mean.shape[1])
        plain = Forecast(groups.frame, groups.level or ("total",), past.cutoff, dates, of_level)
        forecasts[groups.level] = plain.with_quantiles(PROBABILITIES, quantiles.astype(np.float32))
    return forecasts


def test_ranges_worked_by_hand():
    # After two days: a sells 2 and 0, b 5 and 1. Ranges 50 %: a from 0.6 to 2.1, b from 2 to 5.
    panel = panel_of([[1, 3, 2, 0], [2, 6, 5, 1]], ["x", "x"])
    window, scales = window_of(panel, 1, 2)
    assert [scale.tolist() for scale in scales] == [[6], [6], [2, 4]]
    mean = np.array([[1.5, 1.5], [3, 3]])
    at = {0.25: [[0.6], [2.0]], 0.75: [[2.1], [5.0]], 0.5: [[1.0], [3.0]], 0.05: [[-0.4], [1.0]], 0.95: [[4.0], [7.0]]}
    forecasts = forecasts_of(panel, 1, mean, lambda m, p: np.repeat(at[p], 2, axis=1)[: len(m)])
    scores = score_ranges(window, forecasts, scales, whole=True)
    row = scores["ranges"].filter(level="item", nominal=0.5, by="all").row(0, named=True)
    # Shares below 2.1, 0.6, 5.0, 2.0: of a's 2 0.6 and 0, of b's 5 0.5 and 0, of the two small ones all and all.
    # a's 0: below 0.6 wholly, so nothing of it is within. b's 1: below 2 wholly.
    assert row["coverage"] == pytest.approx((0.6 + 0 + 0.5 + 0) / 4)
    # Rounded: 1 to 2 and 2 to 5: 2 and 5 lie on the upper bound, 0 and 1 outside.
    assert (row["open"], row["closed"]) == (0.0, 0.5)
    assert row["width"] == 2.0
    assert row["relative_width"] == pytest.approx(8 / 9)
    third = scores["quantiles"].filter(level="item", probability=0.75).row(0, named=True)
    # a: quantile 2, losses 0 and 0.25 * 2; b: quantile 5, losses 0 and 0.25 * 4. Weights 4/12 and 8/12.
    assert third["pinball"] == pytest.approx((0.5 + 1) / 4)
    assert third["wspl"] == pytest.approx(4 / 12 * 0.25 / 2 + 8 / 12 * 0.5 / 4)
    assert (third["share_below"], third["share_at_or_below"]) == (0.5, 1.0)


def slow_scores(panel, cutoff, forecasts, level):
    """Coverage, closed coverage and WSPL of one level by plain loops; all days known, units whole."""
    groups = HIERARCHY.groups(panel.series, level)
    forecast = forecasts[level]
    within = closed = points = loss = weights = 0.0
    for number in range(len(groups)):
        units = panel.units[groups.rows == number].sum(axis=0)
        first = next(day for day, value in enumerate(units) if value > 0)
        steps = [abs(units[day] - units[day - 1]) for day in range(first + 1, cutoff + 1)]
        weight = units[max(0, cutoff - 27) : cutoff + 1].sum()
        total = 0.0
        for step in range(forecast.horizon):
            actual = units[cutoff + 1 + step]
            ends = [float(forecast.quantiles[q, number, step]) for q in (0, 4)]
            lower, upper = (min(max(end - (actual - 0.5), 0), 1) for end in ends)
            within, points = within + upper - lower, points + 1
            closed += max(round(ends[0]), 0) <= actual <= max(round(ends[1]), 0)
            for q, probability in enumerate(PROBABILITIES):
                error = actual - max(np.floor(float(forecast.quantiles[q, number, step]) + 0.5), 0)
                total += (probability * error if error >= 0 else (probability - 1) * error) / len(PROBABILITIES)
        loss, weights = loss + weight * total / forecast.horizon / np.mean(steps), weights + weight
    return within / points, closed / points, loss / weights


def test_scores_agree_with_plain_loops():
    random = np.random.default_rng(2)
    panel = panel_of(random.poisson(2, (12, 60)), ["a", "b", "c"] * 4)
    window, scales = window_of(panel, 49, 10)
    mean = random.uniform(1, 3, (12, 10))
    forecasts = forecasts_of(panel, 49, mean, lambda m, p: m + stats.norm.ppf(p) * np.sqrt(m) - 0.013)
    scores = score_ranges(window, forecasts, scales, whole=True)
    overall = []
    for level in HIERARCHY.levels:
        row = scores["ranges"].filter(level=level_name(level), nominal=0.9, by="all").row(0, named=True)
        score = wspl(scores["quantiles"]).filter(level=level_name(level))["wspl"].item()
        assert (row["coverage"], row["closed"], score) == pytest.approx(
            slow_scores(panel, 49, forecasts, level), rel=1e-5
        )
        overall.append(score)
    assert wspl(scores["quantiles"]).filter(level="all")["wspl"].item() == pytest.approx(np.mean(overall))


def test_right_quantiles_of_counts_cover_what_they_promise():
    """Where most days have no sale, closed ranges hold too much and open ones too little; `coverage` is right."""
    random = np.random.default_rng(5)
    rate = np.exp(random.uniform(-3, 1, 400))[:, None]
    panel = panel_of(random.poisson(np.repeat(rate, 140, axis=1)), ["g"] * 400)
    window, scales = window_of(panel, 99, 40)

    def spread_poisson(mean, probability):
        count = stats.poisson.ppf(probability, mean)
        before = stats.poisson.cdf(count - 1, mean)
        return count - 0.5 + (probability - before) / stats.poisson.pmf(count, mean)

    forecasts = forecasts_of(panel, 99, np.repeat(rate, 40, axis=1), spread_poisson)
    scores = score_ranges(window, forecasts, scales, whole=True)
    for row in scores["ranges"].filter(pl.col("level") == "item", pl.col("by") == "all").to_dicts():
        assert row["coverage"] == pytest.approx(row["nominal"], abs=0.01)
        assert row["open"] < row["nominal"] - 0.05
        assert row["closed"] > row["nominal"] + 0.02
    shares = scores["quantiles"].filter(level="item")
    assert shares["share"].to_numpy() == pytest.approx(PROBABILITIES, abs=0.01)
    assert (shares["share_below"].to_numpy() <= np.array(PROBABILITIES) + 0.005).all()


def test_parts_make_up_the_whole(make_panel):
    panel = panel_of(np.random.default_rng(1).poisson(3, (9, 80)), ["a", "b", "c"] * 3)
    panel.units[0, 75:] = np.nan
    panel.units[[1, 4, 7], 72] = np.nan  # all of b
    window, scales = window_of(panel, 69, 10)
    forecasts = forecasts_of(panel, 69, np.full((9, 10), 3.0), lambda m, p: m * (0.5 + p))
    table = score_ranges(window, forecasts, scales, whole=True)["ranges"].filter(nominal=0.9)
    for level in ("total", "group", "item"):
        whole = table.filter(level=level, by="all").row(0, named=True)
        for by in ["step"] + (["steadiness", "volume"] if level == "item" else []):
            parts = table.filter(level=level, by=by)
            assert parts["points"].sum() == whole["points"]
            mean = (parts["coverage"] * parts["points"]).sum() / whole["points"]
            assert mean == pytest.approx(whole["coverage"])
    assert table.filter(level="group", by="step", segment="3")["points"].item() == 2
    assert table.filter(level="item", by="all")["points"].item() == 9 * 10 - 5 - 3


def test_a_level_of_which_a_part_is_known_is_judged_in_proportion():
    panel = panel_of(np.full((4, 40), 10), ["a"] * 4)
    panel.units[3, 30:] = np.nan
    window, scales = window_of(panel, 29, 10)
    forecasts = forecasts_of(panel, 29, np.full((4, 10), 10.0), lambda m, p: m * (0.6 + 0.8 * p))
    row = score_ranges(window, forecasts, scales, whole=True)["ranges"].filter(level="total", nominal=0.9, by="all")
    # Of 40 expected, 30 are known: from 0.64 x 30 = 19.2 to 1.36 x 30 = 40.8.
    assert row.select("width", "closed").row(0) == (41 - 19, 1.0)
    assert row["relative_width"].item() == pytest.approx(22 / 30)


def test_units_that_are_not_whole_count_on_the_bound():
    assert share_below(np.array([0.0, 1.5, 1.6, np.nan]), np.full(4, 1.5), whole=False).tolist()[:3] == [1, 1, 0]
    assert np.isnan(share_below(np.array([np.nan]), np.ones(1), whole=True))


def test_series_without_a_scale_have_no_loss():
    loss = scaled_pinball(np.ones((3, 2)), np.zeros((1, 3, 2)), [0.5], np.array([2.0, 0.0, np.nan]))
    assert loss[0, 0] == 0.25
    assert np.isnan(loss[0, 1:]).all()


def test_what_cannot_be_scored_is_said():
    panel = panel_of(np.ones((2, 20)), ["a", "b"])
    window, scales = window_of(panel, 14, 5)
    forecasts = forecasts_of(panel, 14, np.ones((2, 5)), lambda m, p: m * p)
    bare = {**forecasts, ("group",): replace(forecasts[("group",)], probabilities=(), quantiles=None)}
    with pytest.raises(UsageError, match="1 levels have no quantiles to score: group"):
        score_ranges(window, bare, scales, whole=True)
    other = replace(forecasts[()], probabilities=(0.5,), quantiles=forecasts[()].quantiles[:1])
    with pytest.raises(UsageError, match="different quantiles"):
        score_ranges(window, {**forecasts, (): other}, scales, whole=True)


def test_central_ranges_are_pairs():
    assert central((0.005, 0.1, 0.165, 0.5, 0.835, 0.995)) == [(2, 4), (0, 5)]
    assert central((0.5,)) == []


def test_scales_know_nothing_of_what_comes_after():
    random = np.random.default_rng(4)
    panel = panel_of(random.poisson(1, (6, 90)), ["a", "b"] * 3)
    both = absolute_scales(panel, HIERARCHY, [40, 80])
    panel.units[:, 41:] = 77
    alone = absolute_scales(panel, HIERARCHY, [40])[0]
    for one, other in zip(both[0], alone, strict=True):
        np.testing.assert_allclose(one, other)
    assert not np.allclose(both[0][-1], both[1][-1])
