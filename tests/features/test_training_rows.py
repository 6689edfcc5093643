import numpy as np
import pytest

from foresell.core.keyed_random import key_hashes
from foresell.features.catalogue import catalogue
from foresell.features.row_draw import Grid, draw
from foresell.features.training_rows import TrainingRows

HORIZON = 9
NAMES = ("step", "lag_1", "mean_28", "weekday")


@pytest.fixture
def questions(make_panel):
    return questions_of(make_panel(200), Grid(200, 7, 0.5))


def questions_of(panel, grid):
    features = catalogue(panel)
    return TrainingRows(panel.blocks(3), HORIZON, {name: features[name] for name in NAMES}, (), grid)


def values(rows):
    return np.concatenate(list(rows.chunks()))


def test_the_rows_of_some_series_and_steps_are_those_among_all(questions):
    whole, even = questions.until(170), np.arange(8) % 2 == 0
    parts = [questions.until(170, series=mask, steps=steps) for mask in (even, ~even) for steps in ((1, 4), (5, 9))]
    assert sum(len(part.units) for part in parts) == len(whole.units)
    together = np.concatenate([values(part) for part in parts])
    order = [np.lexsort(np.nan_to_num(rows).T) for rows in (together, values(whole))]
    np.testing.assert_array_equal(together[order[0]], values(whole)[order[1]])
    for part, (first, last) in zip(parts, ((1, 4), (5, 9)) * 2, strict=True):
        assert {values(part)[:, 0].min(), values(part)[:, 0].max()} == {first, last}
        assert sum(part.lengths) == len(part.units) == len(values(part))


def test_features_are_given_in_the_order_asked_for(questions):
    whole, some = questions.until(170), questions.until(170, ("weekday", "step"))
    np.testing.assert_array_equal(values(some), values(whole)[:, [3, 0]])
    np.testing.assert_array_equal(some.sample(), whole.sample()[:, [3, 0]])


def test_a_series_without_rows_makes_no_chunk(questions):
    without = (questions.series["item"] == "item 3") & (questions.series["shop"] == "south")
    never = questions.until(170, series=without.to_numpy())
    assert (len(never.units), never.lengths, list(never.chunks())) == (0, (), [])


def test_chunks_and_lengths_go_together_where_chunks_are_left_out(make_panel, monkeypatch):
    monkeypatch.setattr("foresell.features.training_rows.CHUNK", 200)
    questions = questions_of(make_panel(200), Grid(200, 7, 0.5))
    assert len(questions.until(199).lengths) > 1
    rows = questions.until(199, series=np.arange(8) == 5)
    assert [len(chunk) for chunk in rows.chunks()] == list(rows.lengths)
    assert len(rows.lengths) == 1


def test_the_sample_of_some_rows_is_thinned(questions, monkeypatch):
    monkeypatch.setattr("foresell.features.training_rows.SAMPLE", 200)
    rows = questions.until(170, steps=(1, 5))
    sample, whole = rows.sample(), {row.tobytes() for row in values(rows)}
    assert len(rows.units) > 300
    assert 150 < len(sample) < 250 < len(rows.units)
    assert all(row.tobytes() in whole for row in sample)


def test_a_share_of_the_questions_of_each_series_is_drawn(make_panel):
    units, cutoffs = np.ones((300, 200), np.float32), np.arange(50, 150)
    hashes = np.random.default_rng(0).integers(0, 2**64, 300, np.uint64)
    _, series, _ = draw(units, hashes, cutoffs, HORIZON, Grid(200, 1, 0.3))
    share = np.bincount(series, minlength=300) / (100 * HORIZON)
    assert abs(share.mean() - 0.3) < 0.005
    assert 0.8 < share.std() / np.sqrt(0.3 * 0.7 / (100 * HORIZON)) < 1.2


def test_another_seed_draws_other_rows(make_panel):
    panel = make_panel(200)
    units, hashes = panel.units, key_hashes(panel.series, panel.keys)
    first, second = (draw(units, hashes, np.arange(50, 150), HORIZON, Grid(200, 1, 0.3, seed)) for seed in (1, 2))
    rows = [set(zip(*(part.tolist() for part in window), strict=True)) for window in (first, second)]
    expected = 0.3 * len(rows[1])
    assert 0.8 * expected < len(rows[0] & rows[1]) < 1.2 * expected
