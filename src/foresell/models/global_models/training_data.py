"""What one booster is taught: rows, the recent level that each of them starts from, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from foresell.core.frequency import Frequency
from foresell.features.spans import SPANS
from foresell.features.training_rows import WindowRows

CATEGORIES = ("event", "second_event", "next_event", "last_event", "holiday")
"""Features whose numbers are names, which have no order."""

LITTLE = 0.02  # added to every level, so that a series without recent sales has one too

LossName = Literal["tweedie", "poisson", "squared"]


@dataclass(frozen=True)
class Loss:
    """What a mean may cost, and how a tree's score turns a row's level into a mean.

    ``tweedie`` (variance power `power`, between 1 and 2) and ``poisson`` have a log link: the mean is the level times
    exp(score). ``squared`` learns the ratio of units to level: the mean is the level times (1 + score), never below 0.

    A squared error weighs a row by its level. The variance of sales is about proportional to their mean, so that of the
    ratio is about one over the level, and the best weight is the inverse of the variance. A leaf then learns the sum
    of its rows' units over the sum of their levels: one row with a tiny level and a large ratio decides nothing.
    """

    name: LossName
    power: float = 1.1

    @property
    def has_log_link(self) -> bool:
        return self.name != "squared"

    def label(self, units: np.ndarray, level: np.ndarray) -> np.ndarray:
        """What is learnt: units, or by what part of its level a row sold more than the level [row]."""
        return units if self.has_log_link else units / level - 1

    def start(self, level: np.ndarray) -> np.ndarray | None:
        """The score that a row starts from [row], where that is not 0."""
        return np.log(level) if self.has_log_link else None

    def weight(self, level: np.ndarray) -> np.ndarray | None:
        """How much a row counts [row], where not all count the same."""
        return None if self.has_log_link else level

    def mean(self, score: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The mean that a score says: [row].

        >>> Loss("squared").mean(np.array([0.5, -1.2]), np.array([4.0, 4.0])).tolist()
        [6.0, 0.0]
        >>> Loss("poisson").mean(np.array([np.log(1.5)]), np.array([4.0])).round(6).tolist()
        [6.0]
        """
        return np.exp(score + np.log(level)) if self.has_log_link else level * np.maximum(1 + score, 0)

    def units_per_score(self, score: np.ndarray, level: np.ndarray) -> np.ndarray:
        """How many units each part of a score stands for, so that the parts add up to mean less level: [row].

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
        """The second derivative of a row's loss where it starts from, on average: what a row weighs in a leaf."""
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
    """Some rows: `values` float32 [row, feature], `label` [row], where they start from and how much each counts."""

    values: np.ndarray
    label: np.ndarray
    start: np.ndarray | None
    weight: np.ndarray | None


@dataclass(frozen=True)
class BoosterTraining:
    """The rows that one booster learns from, made chunk by chunk; `features` are their names, in order.

    `codes` are the places of those that are attributes of text, as numbers.
    """

    rows: WindowRows
    features: tuple[str, ...]
    level: dict[str, float]
    loss: Loss
    codes: tuple[int, ...] = ()

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in the lengths of `rows.lengths`; may be run through again."""
        begin = 0
        for values in self.rows.chunks():
            units = self.rows.units[begin : begin + len(values)]
            begin += len(values)
            level = recent_level(values, self.features, self.level)
            yield Chunk(values, self.loss.label(units, level), self.loss.start(level), self.loss.weight(level))

    def curvature(self, chunks: Sequence[Chunk]) -> float:
        """What a row weighs in a leaf on average, once all chunks have been seen (see `Loss.curvature`)."""
        label, start, weight = (joined(chunks, name) for name in ("label", "start", "weight"))
        assert label is not None
        return self.loss.curvature(label, start, weight)

    @property
    def names(self) -> list[str]:
        """The features as libraries take them."""
        return safe_names(self.features)

    @property
    def categories(self) -> list[int]:
        """The places of the features that are names."""
        return [place for place, name in enumerate(self.features) if name in CATEGORIES]


def joined(chunks: Sequence[Chunk], name: str) -> np.ndarray | None:
    """``label``, ``start`` or ``weight`` of all chunks [row]; None where they have none."""
    parts = [getattr(chunk, name) for chunk in chunks]
    return None if parts[0] is None else np.concatenate(parts)


def level_weights(frequency: Frequency) -> dict[str, float]:
    """The features whose weighted mean is a series' recent level: the near past counts most."""
    spans = SPANS[frequency]
    return {f"smoothed_{spans.middle}": 0.7, f"mean_{spans.long}": 0.3}


def recent_level(values: np.ndarray, features: Sequence[str], weights: dict[str, float]) -> np.ndarray:
    """The recent level of each row, in units: float32 [row], above 0."""
    return sum(np.nan_to_num(values[:, features.index(name)]) * weight for name, weight in weights.items()) + LITTLE


def safe_names(features: Sequence[str]) -> list[str]:
    """The names of features as libraries take them: a column of the user may have brackets, quotes or spaces.

    >>> safe_names(["lag_1", "size [cm]"])
    ['0_lag_1', '1_size__cm_']
    """
    cleaned = ("".join(letter if letter.isalnum() else "_" for letter in name) for name in features)
    return [f"{place}_{name}" for place, name in enumerate(cleaned)]
