from __future__ import annotations

import numpy as np
import pytest

from foresell.core.hierarchy import Hierarchy
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.segments import segments
from foresell.evaluate.weights import Weights, compute_weights
from foresell.evaluate.window_forecasts import WindowForecasts

HORIZON, CUTOFF = 9, 129


@pytest.fixture
def window(make_panel):
    panel = make_panel(150)
    hierarchy = Hierarchy.of(panel.keys, (("shop",), ("category",)))
    weights = compute_weights(panel, hierarchy, [CUTOFF])[0]
    evaluation = EvaluationWindow.of(panel, CUTOFF, HORIZON, hierarchy, weights, segments(panel.until(CUTOFF)))
    mean = np.random.default_rng(1).uniform(0, 9, (panel.n_series, HORIZON)).astype(np.float32)
    last = panel.dates[CUTOFF + HORIZON].astype(object)
    return WindowForecasts(evaluation, last, {"some": mean}, {("shop",): np.full((2, HORIZON), 30, np.float32)})


def test_the_wrmsse_is_that_of_the_table_of_scores(window):
    mean = window.means["some"]
    levels = window.evaluation.score(mean)["levels"]
    assert window.wrmsse(window.errors(mean)) == pytest.approx(levels.filter(level="all")["wrmsse"].item())


def test_errors_at_every_node_leave_out_what_is_not_known(window):
    mean, known = window.means["some"], window.evaluation.known
    errors = window.errors(mean)
    assert errors.shape == (1 + 2 + 2 + 8, HORIZON)
    np.testing.assert_allclose(errors[0], np.sum(mean * known, axis=0) - window.evaluation.actual[0][0], rtol=1e-5)
    np.testing.assert_array_equal(errors[window.single][~known], 0)
    np.testing.assert_allclose(window.total_errors(("shop",)), 30 - window.evaluation.actual[1])


def test_importance_is_the_slope_of_the_wrmsse(window):
    """A little more squared error at one node moves the WRMSSE as the importance says, set against another node."""
    errors = window.errors(window.means["some"])
    importance, base = window.importance(errors), window.wrmsse(errors)

    def slope(node: int) -> float:
        more = errors.copy()
        more[node] *= 1 + 1e-6
        return (window.wrmsse(more) - base) / np.sum(more[node] ** 2 - errors[node] ** 2)

    assert slope(0) / slope(6) == pytest.approx(importance[0] / importance[6], rel=1e-3)


def test_weights_come_back_from_their_table(window):
    weights = window.evaluation.weights
    back = Weights.from_frame(weights.to_frame(window.evaluation.groups), window.evaluation.groups)
    assert back.source == weights.source
    for restored, expected in zip((*back.weight, *back.scale), (*weights.weight, *weights.scale), strict=True):
        np.testing.assert_array_equal(restored, expected)
