from __future__ import annotations

import numpy as np
import pytest

from foresell.core.hierarchy import Hierarchy
from foresell.evaluate.scores import Window
from foresell.evaluate.segments import segments
from foresell.evaluate.tested_window import Evidence
from foresell.evaluate.weights import Weights, compute_weights

HORIZON, CUTOFF = 9, 129


@pytest.fixture
def evidence(make_panel):
    panel = make_panel(150)
    hierarchy = Hierarchy.of(panel.keys, (("shop",), ("category",)))
    weights = compute_weights(panel, hierarchy, [CUTOFF])[0]
    window = Window.of(panel, CUTOFF, HORIZON, hierarchy, weights, segments(panel.until(CUTOFF)))
    mean = np.random.default_rng(1).uniform(0, 9, (panel.n_series, HORIZON)).astype(np.float32)
    last = panel.dates[CUTOFF + HORIZON].astype(object)
    return Evidence(window, last, {"some": mean}, {("shop",): np.full((2, HORIZON), 30, np.float32)})


def test_the_wrmsse_is_that_of_the_table_of_scores(evidence):
    mean = evidence.means["some"]
    levels = evidence.window.score(mean)["levels"]
    assert evidence.wrmsse(evidence.errors(mean)) == pytest.approx(levels.filter(level="all")["wrmsse"].item())


def test_errors_at_every_node_leave_out_what_is_not_known(evidence):
    mean, known = evidence.means["some"], evidence.window.known
    errors = evidence.errors(mean)
    assert errors.shape == (1 + 2 + 2 + 8, HORIZON)
    np.testing.assert_allclose(errors[0], np.sum(mean * known, axis=0) - evidence.window.actual[0][0], rtol=1e-5)
    np.testing.assert_array_equal(errors[evidence.single][~known], 0)
    np.testing.assert_allclose(evidence.total_errors(("shop",)), 30 - evidence.window.actual[1])


def test_importance_is_the_slope_of_the_wrmsse(evidence):
    """A little more squared error at one node moves the WRMSSE as the importance says, set against another node."""
    errors = evidence.errors(evidence.means["some"])
    importance, base = evidence.importance(errors), evidence.wrmsse(errors)

    def slope(node: int) -> float:
        more = errors.copy()
        more[node] *= 1 + 1e-6
        return (evidence.wrmsse(more) - base) / np.sum(more[node] ** 2 - errors[node] ** 2)

    assert slope(0) / slope(6) == pytest.approx(importance[0] / importance[6], rel=1e-3)


def test_weights_come_back_from_their_table(evidence):
    weights = evidence.window.weights
    back = Weights.from_frame(weights.to_frame(evidence.window.groups), evidence.window.groups)
    assert back.source == weights.source
    for ours, theirs in zip((*back.weight, *back.scale), (*weights.weight, *weights.scale), strict=True):
        np.testing.assert_array_equal(ours, theirs)
