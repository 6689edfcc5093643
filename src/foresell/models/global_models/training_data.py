"""The training data of one booster: rows, the recent level that each of them starts from, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from foresell.core.frequency import Frequency
from foresell.features.spans import spans_of
from foresell.features.training_rows import WindowRows

CATEGORIES = ("event", "second_event", "next_event", "last_event", "holiday")
"""Features whose numbers stand for names, so that their order means nothing."""

LITTLE = 0.02  # units that are added to every level, so that it is above 0 without recent sales too

LossName = Literal["tweedie", "poisson", "squared"]


@dataclass(frozen=True)
class Loss:
    """The loss of a mean forecast, and the mean that follows from a score and the recent level of a row.

    ``tweedie`` (variance power `power`, between 1 and 2) and ``poisson`` have a log link: the mean is the level times
    exp(score). ``squared`` learns the ratio of units to level: the mean is the level times (1 + score), never below 0.

    A squared error weighs a row by its level. The variance of sales is about proportional to their mean, so that of the
    ratio is about one over the level, and the best weight is the inverse of the variance. A leaf then learns the sum
    of its rows' units over the sum of their levels, so that a row with a tiny level and a large ratio matters little.
    """

    name: LossName
    power: float = 1.1

    @property
    def has_log_link(self) -> bool:
        return self.name != "squared"

    def label(self, units: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The target: the units, or without a log link the ratio of units to level, less 1: [row]."""
        return units if self.has_log_link else units / level - 1

    def start(self, level: np.ndarray) -> np.ndarray | None:
        """The score that a row starts from [row]; None where it is 0."""
        return np.log(level) if self.has_log_link else None

    def weight(self, level: np.ndarray) -> np.ndarray | None:
        """The weight of a row [row]; None where all weights are equal."""
        return None if self.has_log_link else level

    def mean(self, score: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The mean that follows from a score: [row].

        >>> Loss("squared").mean(np.array([0.5, -1.2]), np.array([4.0, 4.0])).tolist()
        [6.0, 0.0]
        >>> Loss("poisson").mean(np.array([np.log(1.5)]), np.array([4.0])).round(6).tolist()
        [6.0]
        """
        return np.exp(score + np.log(level)) if self.has_log_link else level * np.maximum(1 + score, 0)

    def units_per_score(self, score: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The units per unit of score, so that the parts of a score add up to mean less level: [row].

        With a log link this is the logarithmic mean (F - L) / (ln F - ln L) of the mean F and the level L: the
        logarithmic mean Divisia decomposition (Ang 2004, Energy Policy 32, 1131-1139), which leaves no remainder.
        Without one it is the level, or less where the mean is held at 0.

        >>> parts = np.array([np.log(2), np.log(3)])  # twice, and three times, a level of 10: 50 more
        >>> (parts * Loss("poisson").units_per_score(parts.sum(), 10.0)).round(2).tolist()
        [19.34, 30.66]
        """
        grown = np.expm1(score) if self.has_log_link else np.maximum(score, -1)
        tiny = np.abs(score) < 1e-12
        return level * np.where(tiny, 1.0, grown / np.where(tiny, 1.0, score))

    def curvature(self, label: np.ndarray, start: np.ndarray | None, weight: np.ndarray | None) -> float:
        """The mean second derivative of the rows' losses at their starts, which is the weight of a row in a leaf."""
        if start is None:
            return 1.0 if weight is None else float(weight.mean(dtype=np.float64))
        start = start.astype(np.float64)
        if self.name == "poisson":
            return float(np.exp(start).mean())
        power = self.power
        pulls = (power - 1) * label * np.exp((1 - power) * start) + (2 - power) * np.exp((2 - power) * start)
        return float(pulls.mean())


@dataclass(frozen=True)
class Chunk:
    """Some rows: `values` float32 [row, feature], and their `label`, `start` and `weight` [row] (see `Loss`)."""

    values: np.ndarray
    label: np.ndarray
    start: np.ndarray | None
    weight: np.ndarray | None


@dataclass(frozen=True)
class BoosterTraining:
    """The rows that one booster learns from, chunk by chunk; `features` are the names of their columns, in order.

    `codes` are the positions of the features that are codes of text attributes.
    """

    rows: WindowRows
    features: tuple[str, ...]
    level: dict[str, float]
    loss: Loss
    codes: tuple[int, ...] = ()

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in chunks of `rows.lengths`; every call starts with the first chunk."""
        begin = 0
        for values in self.rows.chunks():
            units = self.rows.units[begin : begin + len(values)]
            begin += len(values)
            level = recent_level(values, self.features, self.level)
            yield Chunk(values, self.loss.label(units, level), self.loss.start(level), self.loss.weight(level))

    def curvature(self, chunks: Sequence[Chunk]) -> float:
        """The mean weight of a row in a leaf, by all `chunks` (see `Loss.curvature`)."""
        label, start, weight = (joined(chunks, name) for name in ("label", "start", "weight"))
        assert label is not None
        return self.loss.curvature(label, start, weight)

    @property
    def names(self) -> list[str]:
        """The names of the features for the libraries."""
        return safe_names(self.features)

    @property
    def categories(self) -> list[int]:
        """The positions of the features in `CATEGORIES`."""
        return [place for place, name in enumerate(self.features) if name in CATEGORIES]


def joined(chunks: Sequence[Chunk], name: str) -> np.ndarray | None:
    """``label``, ``start`` or ``weight`` of all chunks [row]; None where they have none."""
    parts = [getattr(chunk, name) for chunk in chunks]
    return None if parts[0] is None else np.concatenate(parts)


def level_weights(frequency: Frequency) -> dict[str, float]:
    """The features whose weighted mean is the recent level of a series, by their weights; recent days count most."""
    spans = spans_of(frequency)
    return {f"smoothed_{spans.middle}": 0.7, f"mean_{spans.long}": 0.3}


def recent_level(values: np.ndarray, features: Sequence[str], weights: dict[str, float]) -> np.ndarray:
    """The recent level of each row, in units: float32 [row], above 0."""
    return sum(np.nan_to_num(values[:, features.index(name)]) * weight for name, weight in weights.items()) + LITTLE


def safe_names(features: Sequence[str]) -> list[str]:
    """The names of features for the libraries, which refuse the brackets, quotes and spaces of some columns.

    >>> safe_names(["lag_1", "size [cm]"])
    ['0_lag_1', '1_size__cm_']
    """
    cleaned = ("".join(letter if letter.isalnum() else "_" for letter in name) for name in features)
    return [f"{place}_{name}" for place, name in enumerate(cleaned)]
