import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.features.training_rows import WindowRows
from foresell.models.global_models.training_data import BoosterTraining, Loss, recent_level, safe_names

LOSSES = [Loss("tweedie", 1.3), Loss("poisson"), Loss("squared")]


def test_the_recent_level_by_hand():
    values = np.array([[10, 20, 7], [np.nan, np.nan, 7]], np.float32)
    level = recent_level(values, ["smoothed_28", "mean_91", "step"], {"smoothed_28": 0.7, "mean_91": 0.3})
    np.testing.assert_allclose(level, [0.7 * 10 + 0.3 * 20 + 0.02, 0.02], rtol=1e-6)


def test_a_squared_error_learns_the_ratio_of_sums():
    # What a leaf learns is the weighted mean of its labels: here (3 + 10) / (2 + 8) less one.
    units, level, loss = np.array([3.0, 10.0]), np.array([2.0, 8.0]), Loss("squared")
    label, weight = loss.label(units, level), loss.weight(level)
    assert np.average(label, weights=weight) == pytest.approx(13 / 10 - 1)
    assert loss.start(level) is None


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=6), st.floats(0.02, 1e4))
def test_the_parts_of_a_score_add_up_to_what_is_more_than_the_level(loss, parts, level):
    score, at = np.array(sum(parts)), np.array(level)
    units = np.array(parts) * loss.units_per_score(score, at)
    assert level + units.sum() == pytest.approx(float(loss.mean(score, at)), rel=1e-6, abs=1e-6 * level)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_score_of_nothing_is_the_level(loss):
    assert loss.mean(np.array(0.0), np.array(3.0)) == pytest.approx(3)
    assert loss.units_per_score(np.array(0.0), np.array(3.0)) == pytest.approx(3)


def cost(loss, label, score, weight):
    """The loss of each row at a score, written out; constants that do not depend on the score are left out."""
    if loss.name == "poisson":
        return np.exp(score) - label * score
    if loss.name == "tweedie":
        p = loss.power
        return -label * np.exp((1 - p) * score) / (1 - p) + np.exp((2 - p) * score) / (2 - p)
    return 0.5 * weight * (score - label) ** 2


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_the_curvature_is_the_second_derivative_of_the_loss(loss):
    random = np.random.default_rng(0)
    level = random.uniform(0.1, 20, 50)
    units = random.poisson(level).astype(float)
    label, start, weight = loss.label(units, level), loss.start(level), loss.weight(level)
    at, small = (np.zeros(50) if start is None else start), 1e-4
    below, here, above = (cost(loss, label, at + shift, weight) for shift in (-small, 0, small))
    expected = ((above - 2 * here + below) / small**2).mean()
    assert loss.curvature(label, start, weight) == pytest.approx(expected, rel=1e-4)


def test_a_lesson_hands_out_the_rows_chunk_by_chunk():
    values = [np.array([[1, 0], [2, 0]], np.float32), np.array([[4, 1]], np.float32)]
    rows = WindowRows(np.array([5, 6, 7], np.float32), (2, 1), lambda: iter(values), lambda: values[0])
    training = BoosterTraining(rows, ("mean_91", "event"), {"mean_91": 1.0}, Loss("squared"))
    for _ in range(2):  # as often as it is asked
        first, second = training.chunks()
        np.testing.assert_allclose(first.label, np.array([5, 6]) / [1.02, 2.02] - 1, rtol=1e-6)
        np.testing.assert_allclose(second.label, [7 / 4.02 - 1], rtol=1e-6)
        np.testing.assert_allclose(second.weight, [4.02], rtol=1e-6)
    assert training.curvature([first, second]) == pytest.approx((1.02 + 2.02 + 4.02) / 3)
    assert training.categories == [1]


def test_names_stay_apart_when_they_are_made_safe():
    assert len(set(safe_names(["a b", "a_b", "a[b"]))) == 3
