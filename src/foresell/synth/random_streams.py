"""Random streams of single items, stores, series and customers, so that none depends on the others."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """The use of a random stream. Its number is part of the seed and must not change."""

    ITEM = 1
    STORE = 2
    SERIES = 3
    LINES = 4
    HOLIDAY = 5
    CUSTOMER = 6
    PRODUCT = 7
    RELATION = 8
    DAMAGE = 9
    VENDOR = 20
    TERMS = 21
    STOCK = 22
    AHEAD = 23
    CENTRE = 24
    RECEIPT = 25
    CAMPAIGN = 30
    MAKER = 40


def stream(seed: int, kind: Stream, *index: int | np.integer) -> np.random.Generator:
    """The generator of the item, store or series that `index` names; the same in every block and process.

    >>> int(stream(1, Stream.SERIES, 3, 4).integers(1000)) == int(stream(1, Stream.SERIES, 3, 4).integers(1000))
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(kind), *(int(part) for part in index)))
    return np.random.Generator(np.random.SFC64(sequence))


def traits(seed: int, kind: Stream, indices: Iterable[int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Uniform and standard normal numbers for each index of a kind: two float64 arrays [index, count]."""
    generators = [stream(seed, kind, index) for index in indices]
    uniform = np.array([generator.random(count) for generator in generators]).reshape(-1, count)
    normal = np.array([generator.standard_normal(count) for generator in generators]).reshape(-1, count)
    return uniform, normal


def concatenated_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The indices of all ranges ``start .. start + length - 1``, one after another.

    >>> concatenated_ranges(np.array([10, 40]), np.array([3, 2]))
    array([10, 11, 12, 40, 41])
    """
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
