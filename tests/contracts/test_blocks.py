"""A block is a panel: cutting a panel into blocks of any size and any order of its series changes nothing.

Held to it are the statistics, every feature, training rows and ranges; models are in `test_models`.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl
import polars.testing
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.adjust.ranges import Ranges
from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Known
from foresell.core.statistics import Statistics, aggregate
from foresell.engine.local import LocalEngine
from foresell.features.catalogue import catalogue, matrix
from foresell.features.question import Context, statistics_for
from foresell.features.row_draw import Grid, draw
from foresell.features.training_rows import TrainingRows, all_questions
from foresell.models import load, make

HORIZON = 9
LEVELS = (("shop",), ("category",), ("shop", "category"), ("item",))
CUTS = ((1, 0), (3, 1), (5, 2), (8, 3))
"""The size of blocks, and the seed of the order of the series."""


@pytest.fixture(params=CUTS, ids=lambda cut: f"blocks of {cut[0]}")
def cut(request):
    """Cuts a panel into blocks: the rows of each, and the panel of those."""
    size, seed = request.param

    def blocks(panel):
        order = np.random.default_rng(seed).permutation(panel.n_series)
        parts = [order[start : start + size] for start in range(0, panel.n_series, size)]
        return [(rows, panel.part(rows)) for rows in parts]

    return blocks


@st.composite
def cuts(draw, n_series=8):
    """How a panel is cut: the rows of each block, in any number, of any size and in any order."""
    order = draw(st.permutations(range(n_series)))
    ends = draw(st.sets(st.integers(1, n_series - 1)))
    return [np.array(part) for part in np.split(np.array(order), sorted(ends))]


def test_statistics_merge_in_any_order(make_panel, cut):
    panel = make_panel(200)
    of_levels = {"units_of": LEVELS, "prices_of": [(), *LEVELS], "covariates_of": LEVELS[:1]}
    whole = Statistics.of(panel, **of_levels)
    blocks = [Statistics.of(block, **of_levels) for _, block in cut(panel)]
    for merged in (reduce(Statistics.merge, blocks), reduce(lambda first, second: second.merge(first), blocks)):
        assert merged.n_series == 8
        assert merged.codes == whole.codes
        for name, days in whole.known_days.items():
            np.testing.assert_array_equal(merged.known_days[name], days)
        for level, expected in whole.levels.items():
            sums, rows = merged.levels[level], merged.levels[level].rows(panel.series)
            own = expected.rows(panel.series)
            np.testing.assert_array_equal(sums.n_series[rows], expected.n_series[own])
            assert (expected.units is not None) == (level in LEVELS)
            assert set(expected.known) == {"price"} | ({"promotion"} if level == LEVELS[0] else set())
            pairs = [(sums.known[name], expected.known[name]) for name in expected.known]
            for one, other in [*pairs, *([(sums.units, expected.units)] if expected.units else [])]:
                np.testing.assert_array_equal(one.count[rows], other.count[own])
                np.testing.assert_allclose(one.total[rows], other.total[own])


@settings(max_examples=10, deadline=None)
@given(parts=cuts())
def test_the_panel_of_sums_is_the_same_to_the_bit_however_the_panel_is_cut(make_panel, parts):
    panel = shared_week(make_panel(200))
    whole = panel.aggregate(("shop",))
    needed = {"units_of": [("shop",)], "covariates_of": [("shop",)]}
    merged = reduce(Statistics.merge, [Statistics.of(panel.part(rows), **needed) for rows in parts])
    other = aggregate(panel, ("shop",), merged)
    assert other.series.equals(whole.series)
    np.testing.assert_array_equal(other.units, whole.units)
    for name, known in whole.known.items():
        np.testing.assert_array_equal(other.known[name].on(slice(None)), known.on(slice(None)))


def shared_week(panel):
    """The panel with a covariate that the series of a shop share, and one that all share."""
    week = np.random.default_rng(0).random((2, len(panel.dates))).astype(np.float32)
    by_shop = Known(week, np.repeat(np.arange(2), 4).astype(np.int32))
    for_all = Known(week[:1], np.zeros(8, np.int32))
    return replace(panel, known={**panel.known, "week": by_shop, "all": for_all})


def test_features_of_a_block_are_those_among_all(make_panel, cut):
    panel = make_panel(440)
    features = catalogue(panel, LEVELS)
    whole = matrix(all_questions(Context.of(panel, HORIZON, features).block(panel), 400, HORIZON), features)
    whole = whole.reshape(panel.n_series, HORIZON, -1)
    parts = cut(panel)
    statistics = reduce(Statistics.merge, [statistics_for(block, features) for _, block in parts])
    for rows, block in parts:
        question = all_questions(Context(block, HORIZON, statistics).block(block), 400, HORIZON)
        own = matrix(question, features).reshape(len(rows), HORIZON, -1)
        np.testing.assert_allclose(own, whole[rows], rtol=1e-5)


def test_the_default_features_of_a_block_are_those_of_the_panel(make_panel, cut):
    panel = make_panel(200)
    default = {name for name, feature in catalogue(panel, LEVELS).items() if feature.default}
    parts = [block for _, block in cut(panel)]
    counts = reduce(Statistics.merge, [Statistics.of(block, [(), *LEVELS]) for block in parts])
    for block in parts:
        assert {name for name, feature in catalogue(block, LEVELS, counts).items() if feature.default} == default


def questions_by_series(panel, grid, cutoffs):
    """What is drawn for each series: by key, the set of its cutoffs and steps."""
    drawn = draw(panel.units, key_hashes(panel.series, panel.keys), cutoffs, HORIZON, grid)
    keys = panel.series.select(panel.keys).rows()
    found = {key: set() for key in keys}
    for place, series, step in zip(*(column.tolist() for column in drawn), strict=True):
        found[keys[series]].add((cutoffs[place], step))
    return found


def test_the_same_questions_are_drawn_in_every_block(make_panel, cut):
    panel, grid = make_panel(200), Grid(200, 7, 0.3)
    cutoffs = grid.cutoffs(199)
    whole = questions_by_series(panel, grid, cutoffs)
    assert len({frozenset(questions) for questions in whole.values()}) == 8  # not the same for every series
    for _, block in cut(panel):
        for key, questions in questions_by_series(block, grid, cutoffs).items():
            assert questions == whole[key]


def rows_of(blocks):
    """The training rows of blocks: units and features, in their order."""
    features = catalogue(blocks[0], LEVELS, Statistics.of(blocks[0], [(), *LEVELS]))
    window = TrainingRows(blocks, HORIZON, features, LEVELS, Grid(200, 7, 0.3)).until(blocks[0].n_days - 1)
    return np.column_stack([window.units, np.concatenate(list(window.chunks()))]), window.sample()


@settings(max_examples=20, deadline=None)
@given(parts=cuts(), threads=st.sampled_from([1, 3]))
def test_training_rows_are_the_same_to_the_bit_however_the_panel_is_cut(make_panel, parts, threads):
    panel = make_panel(300)
    for one, other in zip(rows_of([panel]), rows_of([panel.part(rows) for rows in parts]), strict=True):
        np.testing.assert_array_equal(one, other)


GLOBAL = {
    "lightgbm": {"trees": 10, "levels": LEVELS, "by": ("category",), "blocks": 2},
    "xgboost": {"trees": 5, "min_rows": 20},
    "random_forest": {"trees": 5, "leaves": 32},
}


@pytest.mark.parametrize("name", GLOBAL)
def test_a_model_learns_the_same_to_the_bit_however_the_panel_is_cut(make_panel, name):
    pytest.importorskip("xgboost" if name == "xgboost" else "lightgbm")
    panel = make_panel(300)
    model = make(name, **{"share": 0.3, "min_rows": 20, "leaves": 16, **GLOBAL[name]})
    whole = model.fit(panel, HORIZON).forecast(panel).mean

    @settings(max_examples=4, deadline=None)
    @given(parts=cuts())
    def learn(parts):
        rows = model.gather([panel.part(part) for part in parts], HORIZON)
        np.testing.assert_array_equal(model.fit(rows.calendar, HORIZON, rows).forecast(panel).mean, whole)

    learn()


def test_a_saved_model_forecasts_a_block_at_its_own_cutoff_without_the_other_series(make_panel, tmp_path):
    panel = make_panel(300)
    past = panel.until(290)
    fitted = make("lightgbm", levels=LEVELS, use=("all",), trees=10, share=0.3, min_rows=20).fit(past, HORIZON)
    fitted.save(tmp_path)
    back = load(tmp_path)
    whole = fitted.forecast(past).mean
    for rows in (np.array([5]), np.array([7, 0, 2])):
        block = past.part(rows)
        np.testing.assert_array_equal(back.forecast(block, back.learnt_statistics).mean, whole[rows])
        with pytest.raises(UsageError, match=r"2022-10-20, but the history of the block is of .* to 2022-10-29"):
            back.forecast(panel.part(rows), back.learnt_statistics)
        since = fitted.forecast(panel).mean[rows]
        newest = reduce(Statistics.merge, [back.statistics(block) for block in panel.blocks(3)])
        np.testing.assert_array_equal(back.forecast(panel.part(rows), newest).mean, since)


def test_statistics_of_other_days_are_not_merged(make_panel):
    panel = make_panel(100)
    with pytest.raises(UsageError, match=r"other days cannot be merged: 2022-01-03 to 2022-04-12 and .* 2022-02-"):
        Statistics.of(panel).merge(Statistics.of(panel.until(50)))


@pytest.mark.parametrize("size", [1, 8])
def test_what_crosses_an_engine_is_plain_data(make_panel, size):
    """The work and its blocks are pickled, as an engine of processes or of another machine does."""
    panel = make_panel(300)
    engine = PicklingEngine()
    rows = make("lightgbm", share=0.3, levels=LEVELS).gather(panel.blocks(size), HORIZON, engine=engine)
    assert len(rows.until(299).units) > 100
    assert engine.crossed == 3 * len(panel.blocks(size))  # counts, sums, rows


@pytest.mark.parametrize("name", GLOBAL)
def test_what_crosses_an_engine_to_be_forecast_is_plain_data(make_panel, monkeypatch, name):
    pytest.importorskip("xgboost" if name == "xgboost" else "lightgbm")
    monkeypatch.setattr("foresell.models.global_models.fitted.BLOCK", 3)
    panel = make_panel(300)
    fitted = make(name, **{"share": 0.3, "min_rows": 20, "leaves": 16, **GLOBAL[name]}).fit(panel, HORIZON)
    engine = PicklingEngine()
    np.testing.assert_array_equal(fitted.forecast(panel, engine=engine).mean, fitted.forecast(panel).mean)
    assert engine.crossed == 2 * 3  # sums, forecasts


class PicklingEngine(LocalEngine):
    """The local engine, with a copy of everything that goes to it and comes from it."""

    def __init__(self):
        super().__init__(1)
        object.__setattr__(self, "crossed", 0)

    def map(self, work, blocks):
        for block in blocks:
            object.__setattr__(self, "crossed", self.crossed + 1)
            copied = pickle.loads(pickle.dumps((work, block)))
            yield pickle.loads(pickle.dumps(copied[0](copied[1])))


def forecast_at(panel, day):
    past = panel.until(day)
    return make("moving_average").fit(past, HORIZON).forecast(past)


def ranges_of(panel, days):
    """Ranges that are learnt from the errors of a moving average at some cutoffs."""
    tables = [
        forecast_at(panel, day)
        .to_frame()
        .with_columns(pl.Series("actual", panel.units[:, day + 1 : day + 1 + HORIZON].reshape(-1)).fill_nan(None))
        for day in days
    ]
    return Ranges.learn(pl.concat(tables), panel, Hierarchy.of(panel.keys, LEVELS))


def test_ranges_do_not_depend_on_the_order_of_the_series(make_panel, cut, monkeypatch):
    monkeypatch.setattr("foresell.adjust.backtest_errors._MOST_ERRORS", 60)  # so that errors are drawn from
    panel = make_panel(440)
    whole = ranges_of(panel, (200, 250, 300)).table
    order = np.concatenate([rows for rows, _ in cut(panel)])
    other = ranges_of(panel.part(order), (200, 250, 300)).table
    polars.testing.assert_frame_equal(whole, other, rel_tol=1e-6)


def test_the_range_of_a_block_is_that_among_all(make_panel, cut):
    panel = make_panel(440)
    ranges, hierarchy = ranges_of(panel, (200, 250, 300)), Hierarchy.of(panel.keys, LEVELS)
    probabilities = (0.1, 0.5, 0.9)

    def quantiles(block):
        forecasts = {panel.keys: forecast_at(block, panel.n_days - 1)}
        return ranges.apply(forecasts, block, hierarchy, probabilities)[panel.keys].quantiles

    whole = quantiles(panel)
    for rows, block in cut(panel):
        np.testing.assert_allclose(quantiles(block), whole[:, rows], rtol=1e-6)
