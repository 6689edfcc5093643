import numpy as np
import pytest

from foresell.features.catalogue import catalogue
from foresell.features.training_rows import BLOCK, Grid, TrainingRows

HORIZON = 9
NAMES = ("step", "lag_1", "mean_28", "weekday")


@pytest.fixture
def questions(make_panel):
    features = catalogue(make_panel(200))
    return TrainingRows(make_panel(200), HORIZON, {name: features[name] for name in NAMES}, Grid(200, 7, 0.5))


def values(rows):
    return np.concatenate(list(rows.chunks()))


def test_the_rows_of_some_series_and_steps_are_those_among_all(questions):
    whole, even = questions.until(170), np.arange(8) % 2 == 0
    parts = [questions.until(170, series=mask, steps=steps) for mask in (even, ~even) for steps in ((1, 4), (5, 9))]
    assert sum(len(part.units) for part in parts) == len(whole.units)
    together = np.concatenate([values(part) for part in parts])
    order = [np.lexsort(np.nan_to_num(each).T) for each in (together, values(whole))]
    np.testing.assert_array_equal(together[order[0]], values(whole)[order[1]])
    for part, (first, last) in zip(parts, ((1, 4), (5, 9)) * 2, strict=True):
        assert {values(part)[:, 0].min(), values(part)[:, 0].max()} == {first, last}
        assert sum(part.lengths) == len(part.units) == len(values(part))


def test_features_are_given_in_the_order_asked_for(questions):
    whole, some = questions.until(170), questions.until(170, ("weekday", "step"))
    np.testing.assert_array_equal(values(some), values(whole)[:, [3, 0]])
    np.testing.assert_array_equal(some.sample(), whole.sample()[:, [3, 0]])


def test_a_series_without_rows_makes_no_chunk(questions):
    never = questions.until(170, series=np.arange(8) == 7)
    assert (len(never.units), never.lengths, list(never.chunks())) == (0, (), [])


def test_chunks_and_lengths_go_together_where_blocks_are_left_out(make_panel, monkeypatch):
    monkeypatch.setattr("foresell.features.training_rows.BLOCK", 2)
    assert BLOCK > 2
    panel = make_panel(200)
    features = {name: catalogue(panel)[name] for name in NAMES}
    questions = TrainingRows(panel, HORIZON, features, Grid(200, 7, 0.5), keep=True)
    last = np.arange(8) >= 5
    rows = questions.until(199, series=last)
    assert [len(chunk) for chunk in rows.chunks()] == list(rows.lengths)
    assert len(rows.lengths) == 2


def test_the_sample_of_some_rows_is_thinned_evenly(questions, monkeypatch):
    monkeypatch.setattr("foresell.features.training_rows.THINNED", 100)
    rows = questions.until(170, steps=(1, 5))
    every = len(rows.units) // 100
    assert every > 1
    np.testing.assert_array_equal(rows.sample(), values(rows)[::every])
