"""Questions beside a panel's own: each feature must be what it would be on a panel that was changed accordingly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known
from foresell.core.scenario import scenario
from foresell.features.catalogue import catalogue, matrix
from foresell.features.question import Context, Question, statistics_for
from foresell.features.scenarios import NewSeriesBlock, ScenarioBlock, ScenarioContext
from foresell.features.training_rows import all_questions

HORIZON = 9
LEVELS = (("shop",), ("category",))


@pytest.fixture(scope="module")
def panel(make_panel):
    """With a third covariate, a price that is not known on some days ahead, and a series without any."""
    panel = make_panel(420)
    price = panel.known["price"].values.copy()
    price[3, panel.n_days + 2 :] = np.nan
    price[6] = np.nan
    snap = Known(np.arange(2 * price.shape[1], dtype=np.float32).reshape(2, -1) % 3, np.array([0] * 4 + [1] * 4))
    return replace(panel, known={**panel.known, "price": Known.of_each(price), "snap": snap})


@pytest.fixture(scope="module")
def features(panel):
    return catalogue(panel, LEVELS)


def of_whole(panel, features, rows):
    """The features of some series [series, step, feature], made of the whole panel."""
    block = Context.of(panel, HORIZON, features).block(panel)
    values = matrix(all_questions(block, panel.n_days - 1, HORIZON), features)
    return values.reshape(panel.n_series, HORIZON, -1)[rows]


def scenario_context(panel, features):
    return ScenarioContext(panel, HORIZON, statistics_for(panel, features))


def question(block, rows, steps):
    """The question of `rows` of a block at `steps` from 0."""
    cutoffs = np.array([block.context.n_days - 1])
    return Question(block, cutoffs, np.zeros(len(rows), np.int64), np.array(rows), np.array(steps) + 1)


def test_other_values_on_one_day(panel, features):
    """A slow oracle: for each row the whole panel with its change. What does not look ahead must stay as it is."""
    rows, steps = [0, 3, 6, 3, 7], [0, 5, 4, 8, 2]
    changed = {"price": [2.5, 3.0, 1.5, np.nan, 4.0], "promotion": [1, np.nan, 1, 1, 1], "snap": [5, 6, np.nan, 7, 8]}
    ahead = {name: np.full((5, HORIZON), np.nan, np.float32) for name in changed}
    for name, values in changed.items():
        ahead[name][np.arange(5), steps] = values
    block = ScenarioBlock(scenario_context(panel, features), np.array(rows), ahead, together=False)
    values = matrix(question(block, range(5), steps), features)
    for row, (series, step) in enumerate(zip(rows, steps, strict=True)):
        day = panel.ahead(HORIZON)[step].astype(object)
        changes = {name: values[row] for name, values in changed.items() if not np.isnan(values[row])}
        other = scenario(panel, changes, np.array([series]), day, day)
        expected, before = (of_whole(whole, features, series)[step] for whole in (other, panel))
        for place, feature in enumerate(features.values()):
            np.testing.assert_allclose(values[row, place], expected[place], rtol=1e-6, err_msg=feature.name)
            if not feature.ahead or feature.reads not in changes:
                np.testing.assert_equal(expected[place], before[place], err_msg=feature.name)


def test_other_values_of_several_series_together(panel, features):
    rows = np.array([0, 1, 5])
    first, last = panel.ahead(HORIZON)[[1, 6]].astype(object)
    other = scenario(panel, {"price": 2.0, "promotion": 1}, rows, first, last)
    ahead = {name: np.full((3, HORIZON), np.nan, np.float32) for name in ("price", "promotion")}
    ahead["price"][:, 1:7], ahead["promotion"][:, 1:7] = 2, 1
    block = ScenarioBlock(scenario_context(panel, features), rows, ahead, together=True)
    place, step = np.divmod(np.arange(3 * HORIZON), HORIZON)
    values = matrix(question(block, place, step), features).reshape(3, HORIZON, -1)
    expected = of_whole(other, features, rows)
    for number, feature in enumerate(features.values()):
        np.testing.assert_allclose(values[..., number], expected[..., number], rtol=1e-6, err_msg=feature.name)


def test_what_looks_ahead_is_moved_by_what_lies_there(panel, features):
    """The mark is on no feature that is not moved by anything."""
    changes = {"price": 7.77, "promotion": 0.5, "snap": 9}
    first, last = panel.ahead(HORIZON)[[0, -1]].astype(object)
    other = scenario(panel, changes, np.arange(panel.n_series), first, last)
    before, after = (of_whole(whole, features, slice(None)) for whole in (panel, other))
    for number, feature in enumerate(features.values()):
        assert feature.ahead == (not np.array_equal(before[..., number], after[..., number], equal_nan=True))


def test_new_series_have_the_features_they_would_have_in_the_panel(panel, features):
    """Of a known and of an unknown shop and category; each as if it alone had been added."""
    whole = scenario_context(panel, features)
    series = pl.DataFrame(
        {"item": ["new", "item 1", "new"], "shop": ["north", "west", "east"], "category": ["toys", "food", "tools"]}
    ).select(panel.series.columns)
    random = np.random.default_rng(3)
    length = panel.n_days + 14
    known = {name: Known.of_each(random.random((3, length), dtype=np.float32)) for name in panel.known}
    known["price"].values[1] = np.nan
    units = np.full((3, panel.n_days), np.nan, np.float32)
    new = replace(panel, series=series, units=units, known=known)
    block = NewSeriesBlock(whole, new)
    answers = matrix(all_questions(block, panel.n_days - 1, HORIZON), features).reshape(3, HORIZON, -1)
    for row in range(3):
        extended = {
            name: Known.of_each(np.concatenate([covariate.on(slice(None)), known[name].values[[row]]]))
            for name, covariate in panel.known.items()
        }
        added = replace(
            panel,
            series=pl.concat([panel.series, series[row]]),
            units=np.concatenate([panel.units, units[:1]]),
            known=extended,
        )
        context = Context(added, HORIZON, statistics_for(added, features), whole.codes)
        expected = matrix(all_questions(context.block(added.part(np.array([8]))), panel.n_days - 1, HORIZON), features)
        for number, feature in enumerate(features.values()):
            np.testing.assert_allclose(answers[row, :, number], expected[:, number], rtol=1e-5, err_msg=feature.name)
