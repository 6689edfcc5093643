"""Erlang C, beside the sum of the textbook and a simulation of the queue."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.decide.labour.erlang import agents_needed, service_level, waiting_probability

DESK = {"handling_seconds": 180.0, "answer_seconds": 20.0}


def of_the_textbook(traffic, agents):
    """Erlang C as the ratio of sums of the textbook."""
    last = traffic**agents / factorial(agents) * agents / (agents - traffic)
    return last / (sum(traffic**busy / factorial(busy) for busy in range(agents)) + last)


@given(st.floats(0.05, 20), st.integers(1, 12))
def test_the_recursion_is_the_sum_of_the_textbook(traffic, more):
    agents = int(traffic) + more
    assert waiting_probability(traffic, agents) == pytest.approx(of_the_textbook(traffic, agents), rel=1e-9)


def test_a_call_centre_of_100_calls_in_half_an_hour_needs_14():
    agents, share = agents_needed(np.array([[10.0]]), target=0.8, **DESK)
    assert agents.tolist() == [14]
    assert share[0] == pytest.approx(1 - of_the_textbook(10, 14) * exp(-4 * 20 / 180))
    assert service_level(10.0, 13, **DESK) < 0.8


def test_a_simulated_queue_answers_as_many_in_time():
    rng = np.random.default_rng(3)
    arrivals = np.cumsum(rng.exponential(1 / 3.0, 60_000))
    free, waited = np.zeros(5), []
    for arrival, length in zip(arrivals, rng.exponential(1.0, 60_000), strict=True):
        agent = free.argmin()
        begin = max(arrival, free[agent])
        waited.append(begin - arrival)
        free[agent] = begin + length
    simulated = np.mean(np.array(waited) <= 0.25)
    assert simulated == pytest.approx(float(service_level(3.0, 5, handling_seconds=1, answer_seconds=0.25)), abs=0.01)


def test_a_queue_that_grows_without_end_answers_nobody_in_time():
    assert service_level(np.array([5.0, 7.0]), 5, **DESK).tolist() == [0, 0]


def test_paths_with_many_calls_weigh_more_and_a_cell_without_calls_needs_nobody():
    traffic = np.array([[4.0, 0.0], [16.0, 0.0]])
    agents, share = agents_needed(traffic, target=0.8, **DESK)
    reached = [
        sum(load * float(service_level(load, count, **DESK)) for load in (4.0, 16.0)) / 20
        for count in range(1, agents[0] + 1)
    ]
    assert reached[-1] == pytest.approx(share[0])
    assert reached[-1] >= 0.8 > reached[-2]
    assert (agents[1], share[1]) == (0, 1)


@pytest.mark.parametrize("change", [{"target": 1.0}, {"handling_seconds": 0.0}, {"answer_seconds": -1.0}])
def test_a_desk_that_cannot_be_is_refused(change):
    with pytest.raises(UsageError, match="service desk"):
        agents_needed(np.array([[1.0]]), **{"target": 0.8, **DESK, **change})
