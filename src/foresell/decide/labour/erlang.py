"""Service desks: how many people answer calls so that few have to wait, by the queue M/M/c.

Erlang's C formula: Gross, Shortle, Thompson and Harris, "Fundamentals of queueing theory", 4th edition, section 2.3.
Calls arrive at random, one after the other, take exponential times, and nobody hangs up; so it asks for somewhat more
people than where callers give up.
"""

from __future__ import annotations

import numpy as np

from foresell.core.errors import UsageError


def waiting_probability(traffic: np.ndarray | float, agents: int) -> np.ndarray:
    """The probability that a call has to wait (Erlang C): float64 of the shape of `traffic`, 1 where the queue grows
    without end.

    `traffic` is the number of calls that are answered at a time, on average: calls an hour times hours a call.

    >>> round(float(waiting_probability(10.0, 14)), 4)
    0.1741
    """
    traffic = np.asarray(traffic, np.float64)
    blocked = np.ones_like(traffic)  # Erlang B, by its recursion over the number of agents
    for busy in range(1, agents + 1):
        blocked = traffic * blocked / (busy + traffic * blocked)
    return _waiting(blocked, traffic, agents)


def _waiting(blocked: np.ndarray, traffic: np.ndarray, agents: int) -> np.ndarray:
    """Erlang C by Erlang B."""
    stable = traffic < agents
    busy = np.where(stable, traffic / max(agents, 1), 0.0)
    return np.asarray(np.where(stable, blocked / (1 - busy * (1 - blocked)), 1.0))


def service_level(
    traffic: np.ndarray | float, agents: int, *, handling_seconds: float, answer_seconds: float
) -> np.ndarray:
    """The share of the calls that are answered within `answer_seconds`: float64 of the shape of `traffic`.

    100 calls in 30 minutes that take 3 minutes each, by 14 people:

    >>> round(float(service_level(100 * 3 / 30, 14, handling_seconds=180, answer_seconds=20)), 3)
    0.888
    """
    traffic = np.asarray(traffic, np.float64)
    return _answered(waiting_probability(traffic, agents), traffic, agents, answer_seconds / handling_seconds)


def _answered(waiting: np.ndarray, traffic: np.ndarray, agents: int, patience: float) -> np.ndarray:
    """The share that is answered within `patience`, in times of a call."""
    decay = np.exp(-np.maximum(agents - traffic, 0.0) * patience)
    return np.asarray(np.where(traffic < agents, 1 - waiting * decay, 0.0))


def answered(traffic: np.ndarray, agents: np.ndarray, *, handling_seconds: float, answer_seconds: float) -> np.ndarray:
    """The share of the calls of all paths that the `agents` [cell] answer within `answer_seconds`: float64 [cell], 1
    where there are no calls. `traffic` is [path, cell].

    >>> answered(np.array([[10.0]]), np.array([14]), handling_seconds=180, answer_seconds=20).round(3).tolist()
    [0.888]
    """
    share = np.ones(traffic.shape[1])
    for count in np.unique(agents):
        cells = (agents == count) & (traffic.sum(axis=0) > 0)
        load = traffic[:, cells]
        level = service_level(load, int(count), handling_seconds=handling_seconds, answer_seconds=answer_seconds)
        share[cells] = (level * load).sum(axis=0) / load.sum(axis=0)
    return share


def agents_needed(
    traffic: np.ndarray, *, handling_seconds: float, answer_seconds: float, target: float
) -> tuple[np.ndarray, np.ndarray]:
    """The fewest people with whom the share of calls answered in time reaches `target`, and that share.

    `traffic` is float [path, cell]; the share is that of the calls of all paths, so a path with many calls weighs more.
    Both results are [cell], int64 and float64. A cell without calls needs nobody. Raises UsageError for a target that
    is not between 0 and 1, and for times that are not possible.

    >>> agents, share = agents_needed(np.array([[10.0]]), handling_seconds=180, answer_seconds=20, target=0.8)
    >>> int(agents[0]), round(float(share[0]), 3)
    (14, 0.888)
    """
    if not 0 < target < 1 or handling_seconds <= 0 or answer_seconds < 0:
        raise UsageError(
            f"A service desk has the target {target}, {handling_seconds} seconds a call and {answer_seconds} seconds "
            "to the answer; expected a target between 0 and 1 such as 0.8, a call above 0 and an answer of 0 or more."
        )
    traffic = np.asarray(traffic, np.float64)
    calls = traffic.sum(axis=0)
    agents, share = np.zeros(traffic.shape[1], np.int64), np.ones(traffic.shape[1])
    open_cells = np.flatnonzero(calls > 0)
    blocked = np.ones((len(traffic), len(open_cells)))
    count = 0
    while len(open_cells):
        count += 1
        load = traffic[:, open_cells]
        blocked = load * blocked / (count + load * blocked)
        answered = _answered(_waiting(blocked, load, count), load, count, answer_seconds / handling_seconds)
        reached = (answered * load).sum(axis=0) / calls[open_cells]
        enough = reached >= target
        agents[open_cells[enough]], share[open_cells[enough]] = count, reached[enough]
        open_cells, blocked = open_cells[~enough], blocked[:, ~enough]
    return agents, share
