"""Gradient-boosted trees by LightGBM, learnt from question rows (see `models.global_models`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foresell.core.frequency import Frequency
from foresell.models.global_models import fitted
from foresell.models.global_models.model import GRIDS, Boosted, TreeModel
from foresell.models.global_models.training_data import BoosterTraining, Chunk, joined

if TYPE_CHECKING:
    import lightgbm

OBJECTIVES = {"tweedie": "tweedie", "poisson": "poisson", "squared": "regression"}


@dataclass(frozen=True)
class LightGBM(Boosted):
    """Boosted trees by LightGBM, with the options of `Boosted`."""

    name: str = "lightgbm"

    @staticmethod
    def of_sums(frequency: Frequency, **options: Any) -> LightGBM:
        """The model for the sums of a level, which are few and steady: more trees, and more rows of a longer history.

        `options` take the place of these defaults.
        """
        grid = GRIDS[frequency]
        known = {"trees": 500, "leaves": 63, "learning_rate": 0.08, "power": 1.5, "feature_fraction": 0.3}
        drawn = {"days": grid.days * 5 // 4, "every": grid.every, "share": max(grid.share, 0.35)}
        return LightGBM(**{**known, **drawn, **options})

    def learn(self, training: BoosterTraining, progress: Callable[[int], None]) -> Trees:
        data, curvature = dataset(training, self.parameters(training))
        return train(data, {**self.parameters(training), "lambda_l2": self.l2 * curvature}, self.trees, progress)

    def parameters(self, training: BoosterTraining) -> dict[str, Any]:
        return {
            **shared_parameters(self, training),
            "learning_rate": self.learning_rate,
            "bagging_fraction": self.row_fraction,
            "bagging_freq": 1 if self.row_fraction < 1 else 0,
        }

    @staticmethod
    def load(folder: Path) -> fitted.FittedGlobalModel:
        """The model that was saved in `folder`. Raises UnreadableFile where a file is missing, damaged or foreign."""
        return fitted.load(folder, Trees.suffix, Trees.read)


class Trees:
    """A LightGBM booster; `averaged` where its score is the mean of its trees (a forest), not their sum.

    LightGBM gives raw scores and contributions as sums either way.
    """

    suffix = ".txt"

    def __init__(self, booster: lightgbm.Booster, averaged: bool = False):
        self.booster = booster
        self.averaged = averaged

    @property
    def names(self) -> list[str]:
        return list(self.booster.feature_name())

    def score(self, values: np.ndarray) -> np.ndarray:
        return self._predict(values, raw_score=True)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        return self._predict(values, pred_contrib=True)

    def _predict(self, values: np.ndarray, **what: bool) -> np.ndarray:
        scores = np.asarray(self.booster.predict(values, **what))
        return scores / self.booster.num_trees() if self.averaged else scores

    def gain(self) -> np.ndarray:
        return np.asarray(self.booster.feature_importance("gain"))

    def write(self, path: Path) -> None:
        self.booster.save_model(path)

    @classmethod
    def read(cls, path: Path, averaged: bool = False) -> Trees:
        library = imported()
        check_text(path)
        try:
            return cls(library.Booster(model_file=path), averaged)
        except library.basic.LightGBMError as error:
            raise ValueError(f"{path.name}: {error}") from error


def check_text(path: Path) -> None:
    """Raises ValueError for a model that LightGBM could not read to its end: it would abort the whole process.

    The text says how long each tree is, how many leaves it has, and where trees and parameters end.
    """
    text = path.read_bytes()
    head, mark, rest = text.partition(b"\n\nTree=")
    rest = b"Tree=" + rest
    fields = dict(line.split(b"=", 1) for line in head.split(b"\n") if b"=" in line)
    sizes = [int(size) for size in fields.get(b"tree_sizes", b"").split()]
    whole = mark and sizes and rest[sum(sizes) :].startswith(b"end of trees\n") and b"\nend of parameters\n" in rest
    if not whole:
        raise ValueError(f"{path.name} is not a whole model of LightGBM: its trees do not end where its head says.")
    features, begin = int(fields.get(b"max_feature_idx", b"-1")) + 1, 0
    for number, size in enumerate(sizes):
        tree = dict(line.split(b"=", 1) for line in rest[begin : begin + size].split(b"\n") if b"=" in line)
        begin += size
        if tree.get(b"Tree") != b"%d" % number or not _is_whole(tree, features):
            raise ValueError(f"{path.name} is not a whole model of LightGBM: its tree {number} is damaged.")


def _is_whole(tree: dict[bytes, bytes], features: int) -> bool:
    """Whether the parts of a tree have the lengths that its number of leaves asks for, and point within it."""
    leaves = int(tree.get(b"num_leaves", b"0"))
    inner = {name: tree.get(name, b"").split() for name in _INNER}
    if leaves < 1 or len(tree.get(b"leaf_value", b"").split()) != leaves:
        return False
    if leaves == 1:  # a tree of one leaf has no inner nodes
        return True
    if any(len(values) != leaves - 1 for values in inner.values()):
        return False
    children = np.array(inner[b"left_child"] + inner[b"right_child"], int)
    split = np.array(inner[b"split_feature"], int)
    return bool(
        (split >= 0).all()
        and (split < features).all()
        and (children >= -leaves).all()
        and (children < leaves - 1).all()
    )


_INNER = (b"split_feature", b"threshold", b"decision_type", b"left_child", b"right_child")
"""What a tree says of each of its inner nodes."""


def shared_parameters(model: TreeModel, training: BoosterTraining) -> dict[str, Any]:
    """The parameters of LightGBM that boosted trees and a forest share."""
    return {
        "objective": OBJECTIVES[training.loss.name],
        **({"tweedie_variance_power": training.loss.power} if training.loss.name == "tweedie" else {}),
        "boost_from_average": False,  # the recent level is the start
        "num_leaves": model.leaves,
        "min_data_in_leaf": model.min_rows,
        "feature_fraction": model.feature_fraction,
        "max_bin": 127,
        "num_threads": model.threads,
        "force_col_wise": True,
        "deterministic": True,
        "seed": model.seed,
        "verbosity": -1,
    }


def dataset(training: BoosterTraining, parameters: dict[str, Any]) -> tuple[lightgbm.Dataset, float]:
    """The rows in LightGBM's histograms, and the weight of a row in a leaf (see `BoosterTraining.curvature`).

    The histograms are filled chunk by chunk, so that the features are never in memory all at once.
    """
    library = imported()
    shared: dict[str, Any] = {"feature_name": training.names, "params": parameters}
    bins = library.Dataset(training.rows.sample(), categorical_feature=training.categories, **shared).construct()
    chunks, seen = training.chunks(), list[Chunk]()
    parts = [_sequence(lambda: _next(chunks, seen), length) for length in training.rows.lengths]
    data = library.Dataset(parts, reference=bins, **shared).construct()
    data.set_label(joined(seen, "label"))
    data.set_init_score(joined(seen, "start"))
    data.set_weight(joined(seen, "weight"))
    return data, training.curvature(seen)


def train(
    data: lightgbm.Dataset,
    parameters: dict[str, Any],
    trees: int,
    progress: Callable[[int], None],
    averaged: bool = False,
) -> Trees:
    """Grows the trees; `progress` is called after each tree with the number of trees."""
    callback = lambda state: progress(state.iteration + 1)  # noqa: E731
    return Trees(imported().train(parameters, data, trees, callbacks=[callback]), averaged)


def imported() -> Any:
    """The library, with threads that sleep while they wait for each other (see `sleeping_threads`)."""
    sleeping_threads()
    import lightgbm

    return lightgbm


def sleeping_threads() -> None:
    """Makes OpenMP's threads sleep while they wait for each other. Call it before a library that uses them is loaded.

    By default they spin. Where other programs run on the machine, a spinning thread holds the core that another thread
    needs, and training can take ten times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _next(chunks: Iterator[Chunk], seen: list[Chunk]) -> np.ndarray:
    """The features of the next chunk; its other columns are appended to `seen`."""
    chunk = next(chunks)
    seen.append(Chunk(np.empty(0), chunk.label, chunk.start, chunk.weight))
    return chunk.values


def _sequence(make: Callable[[], np.ndarray], length: int) -> lightgbm.Sequence:
    """A chunk of rows for LightGBM, which `make` returns when LightGBM reads it, once and as a whole."""
    kind: Any = imported().Sequence

    class OneChunk(kind):
        batch_size = length

        def __len__(self) -> int:
            return length

        def __getitem__(self, rows: Any) -> np.ndarray:
            return make()

    return OneChunk()
