"""Every feature of the catalogue is held to the same promises."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fixtures.frequencies import FREQUENCIES

from foresell.core.errors import UsageError
from foresell.core.keyed_random import key_hashes
from foresell.core.settings import Features
from foresell.core.settings.descriptions import describe
from foresell.features.catalogue import catalogue, choose, matrix, table
from foresell.features.question import Context, Question, statistics_for
from foresell.features.row_draw import Grid, draw
from foresell.features.training_rows import all_questions

HORIZON = 9
LEVELS = (("shop",), ("category",), ("item",))


@pytest.fixture(params=FREQUENCIES[:-1])
def panel(request, make_panel):
    whole = make_panel(440, frequency=request.param)
    category = np.where(np.arange(whole.n_series) % 2, "a", "b")
    events = pl.DataFrame({"date": pl.Series(whole.dates[[9, 400]]), "event": ["fair", "feast"]})
    series = whole.series.with_columns(category=pl.Series(category))
    return replace(whole, series=series, events=events, country="US")


def asked(panel, cutoffs):
    block = Context.of(panel, HORIZON, catalogue(panel, LEVELS)).block(panel)
    place, series, step = (grid.ravel() for grid in np.meshgrid(range(len(cutoffs)), range(panel.n_series), (1, 4, 9)))
    return Question(block, np.array(cutoffs), place, series, step)


def test_no_feature_sees_past_the_cutoff(panel):
    """The anti-leak property: scrambling every value after a cutoff changes no feature at that cutoff."""
    cutoffs = [200, 365, 390]
    random = np.random.default_rng(0)
    features = catalogue(panel, LEVELS)
    question = asked(panel, cutoffs)
    for place, cutoff in enumerate(cutoffs):
        units = panel.units.copy()
        units[:, cutoff + 1 :] = random.integers(0, 999, units[:, cutoff + 1 :].shape)
        scrambled = asked(replace(panel, units=units), cutoffs)
        rows = question.place == place
        for name, feature in features.items():
            first, second = feature.of(question)[rows], feature.of(scrambled)[rows]
            np.testing.assert_array_equal(first, second, err_msg=name)


def test_a_feature_is_the_same_for_one_series_as_among_all(panel):
    """One implementation: a block of one row gives what the whole panel gives."""
    features = catalogue(panel, LEVELS)
    context = Context.of(panel, HORIZON, features)
    whole = matrix(all_questions(context.block(panel), 400, HORIZON), features)
    for series in range(panel.n_series):
        alone = matrix(all_questions(context.block(panel.part(slice(series, series + 1))), 400, HORIZON), features)
        np.testing.assert_array_equal(alone, whole[series * HORIZON : (series + 1) * HORIZON])


def test_a_shorter_history_gives_the_same_features(panel):
    """The features of a cutoff do not change as more days come in."""
    then = panel.until(390)
    features = catalogue(panel, LEVELS)
    codes = Context.of(panel, HORIZON, features).codes
    first, second = (
        matrix(
            all_questions(Context(of, HORIZON, statistics_for(of, features), codes).block(of), 390, HORIZON), features
        )
        for of in (panel, then)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_what_the_catalogue_says_of_how_far_back_is_true(panel):
    """Changing what lies before the earliest day that a feature says it sees changes nothing."""
    cutoff = 420
    features = {n: f for n, f in catalogue(panel, LEVELS).items() if f.sees is not None and f.reads.startswith("units")}
    assert features
    question, changed = asked(panel, [cutoff]), {}
    for sees in {feature.sees for feature in features.values()}:
        units = panel.units.copy()
        units[:, : max(cutoff - sees, 0)] = 7
        changed[sees] = asked(replace(panel, units=units), [cutoff])
    for name, feature in features.items():
        before = changed[feature.sees]
        np.testing.assert_allclose(feature.of(question), feature.of(before), rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_default_set_is_part_of_the_catalogue(panel):
    features = catalogue(panel, LEVELS)
    chosen = choose(features, ("default",))
    assert 30 < len(chosen) < len(features)
    known = table(features)
    assert known.columns == ["name", "group", "meaning", "reads", "earliest"]
    assert known["name"].is_unique().all()
    assert known["meaning"].str.len_chars().min() > 3


def test_names_and_groups_choose_and_drop(make_panel):
    features = catalogue(make_panel(), ())
    assert set(choose(features, ("lag_1", "price"), ("price_cents",))) == {
        name for name, feature in features.items() if name == "lag_1" or feature.group == "price"
    } - {"price_cents"}
    with pytest.raises(UsageError, match=r"no feature or group of features 'lag_0'.*lag_"):
        choose(features, ("lag_0",))


def test_the_example_of_the_settings_is_a_feature(make_panel):
    examples = describe(Features)
    everything = catalogue(make_panel(n_days=800), [])
    assert set(examples["drop"].example) <= {*everything, *(feature.group for feature in everything.values())}


def test_the_m5_panel_has_over_two_hundred(make_panel):
    """M5's columns on a small panel: the count depends on the columns and levels, not on the number of series."""
    panel = make_panel(120)
    names = ("dept_id", "cat_id", "store_id", "state_id", "item_id")
    series = panel.series.with_columns(pl.lit("x").alias(name) for name in names)
    events = pl.DataFrame({"date": pl.Series(panel.dates[3:4]), "event": ["Easter"]})
    snap = {**panel.known, "snap": panel.known["promotion"]}
    panel = replace(panel, series=series, events=events, country="US", known=snap)
    levels = [("state_id",), ("store_id",), ("cat_id",), ("dept_id",), ("state_id", "cat_id"), ("state_id", "dept_id")]
    levels += [("store_id", "cat_id"), ("store_id", "dept_id"), ("item_id",), ("item_id", "state_id")]
    assert len(catalogue(panel, tuple(levels))) > 200


def test_drawing_depends_on_nothing_later(panel):
    grid = Grid(days=200, every=7, share=0.3)
    cutoffs = np.arange(250, 400, 7)
    hashes = key_hashes(panel.series, panel.keys)
    long = draw(panel.units[:, :440], hashes, cutoffs, HORIZON, grid)
    short = draw(panel.units[:, :380], hashes, cutoffs, HORIZON, grid)
    days = cutoffs[long[0]] + long[2]
    for one, other in zip(long, short, strict=True):
        np.testing.assert_array_equal(one[days < 380], other)
