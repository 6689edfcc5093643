from __future__ import annotations

import numpy as np
import pytest

from foresell.ensemble.candidate_search import Score, choose, standard_error


def test_candidates_are_compared_in_the_windows_that_both_saw():
    """The first window was easy for `b` alone, and `a` was not there yet: that says nothing of the two."""
    scores = [{"b": 0.1}, {"a": 0.5, "b": 0.52}, {"a": 0.6, "b": 0.61}]
    assert choose(scores, ["a", "b"]) == "a"
    assert choose([{"b": 0.1}, {"a": 0.5, "b": 0.4}, {"a": 0.6, "b": 0.5}], ["a", "b"]) == "b"


def test_the_default_is_replaced_after_two_windows_and_by_more_than_chance():
    better = {"a": 0.5, "b": 0.4}
    assert choose([better], ["a", "b"]) == "a"
    assert choose([better, better], ["a", "b"]) == "b"
    assert choose([better, better], ["b", "a"]) == "b"
    slightly = {"a": 0.5, "b": 0.49}
    assert choose([slightly] * 2, ["a", "b"]) == "a"
    assert choose([slightly] * 9, ["a", "b"]) == "b"  # what holds in nine windows is no chance


def test_one_odd_window_does_not_decide():
    usual, odd = {"a": 0.5, "b": 0.51}, {"a": 0.5, "b": 0.1}
    assert choose([usual, odd, usual, usual], ["a", "b"]) == "a"
    assert choose([odd, odd, usual, odd], ["a", "b"]) == "b"


def test_of_several_better_candidates_the_best_is_chosen():
    window = {"a": 0.5, "b": 0.42, "c": 0.4}
    assert choose([window] * 3, ["a", "b", "c"]) == "c"


def test_the_standard_error_tends_to_that_of_the_windows_where_these_are_many():
    ratios = np.random.default_rng(1).normal(0, 0.2, 2000)
    assert standard_error(ratios) == pytest.approx(ratios.std() / np.sqrt(2000), rel=0.01)


def test_sums_and_single_series_count_the_same():
    assert Score(0.4, 0.9).loss == Score(0.9, 0.4).loss == pytest.approx(0.6)
