"""Gradient-boosted trees by XGBoost, learnt from question rows (see `models.global_models`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foresell.core.extras import importing
from foresell.models.global_models import fitted
from foresell.models.global_models.lightgbm import sleeping_threads
from foresell.models.global_models.model import Boosted
from foresell.models.global_models.training_data import BoosterTraining, Chunk

if TYPE_CHECKING:
    import xgboost

OBJECTIVES = {"tweedie": "reg:tweedie", "poisson": "count:poisson", "squared": "reg:squarederror"}
BINS = 127


@dataclass(frozen=True)
class XGBoost(Boosted):
    """Boosted trees by XGBoost, with the options of `Boosted`. Needs the extra ``xgboost``."""

    name: str = "xgboost"

    def learn(self, training: BoosterTraining, progress: Callable[[int], None]) -> Trees:
        library = imported()
        batches = _batches(training)
        data = library.QuantileDMatrix(batches, max_bin=BINS, enable_categorical=True, nthread=self.threads)
        parameters = self._parameters(training, training.curvature(batches.seen))
        return Trees(library.train(parameters, data, self.trees, callbacks=[_progress_callback(progress)]))

    def _parameters(self, training: BoosterTraining, curvature: float) -> dict[str, Any]:
        """The parameters of XGBoost, which measures the rows of a leaf and `l2` in second derivatives of the loss."""
        return {
            "objective": OBJECTIVES[training.loss.name],
            **({"tweedie_variance_power": training.loss.power} if training.loss.name == "tweedie" else {}),
            "base_score": 1.0 if training.loss.has_log_link else 0.0,  # a score of 0: the recent level
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_leaves": self.leaves,
            "max_depth": 0,
            "learning_rate": self.learning_rate,
            "min_child_weight": self.min_rows * curvature,
            "reg_lambda": self.l2 * curvature,
            "colsample_bytree": self.feature_fraction,
            "subsample": self.row_fraction,
            "max_bin": BINS,
            "nthread": self.threads,
            "seed": self.seed,
            "verbosity": 0,
        }

    @staticmethod
    def load(folder: Path) -> fitted.FittedGlobalModel:
        """The model that was saved in `folder`. Raises UnreadableFile where a file is missing, damaged or foreign."""
        return fitted.load(folder, Trees.suffix, Trees.read)


class Trees:
    """An XGBoost booster."""

    suffix = ".json"

    def __init__(self, booster: xgboost.Booster):
        self.booster = booster

    @property
    def names(self) -> list[str]:
        return list(self.booster.feature_names or ())

    def score(self, values: np.ndarray) -> np.ndarray:
        return self.booster.predict(self._shown(values), output_margin=True)

    def contributions(self, values: np.ndarray) -> np.ndarray:
        return self.booster.predict(self._shown(values), pred_contribs=True)

    def gain(self) -> np.ndarray:
        gains = self.booster.get_score(importance_type="total_gain")
        return np.array([gains.get(name, 0.0) for name in self.names])

    def write(self, path: Path) -> None:
        self.booster.save_model(path)

    @classmethod
    def read(cls, path: Path) -> Trees:
        booster = imported().Booster()
        booster.load_model(path)  # its error is a ValueError
        return cls(booster)

    def _shown(self, values: np.ndarray) -> xgboost.DMatrix:
        return imported().DMatrix(
            values,
            feature_names=self.booster.feature_names,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
        )


def imported() -> Any:
    """The library. Raises NotInstalled where it is not installed."""
    sleeping_threads()
    with importing("xgboost"):
        import xgboost
    return xgboost


def _batches(training: BoosterTraining) -> Any:
    """The rows for XGBoost, which reads them chunk by chunk, several times."""
    types = ["c" if place in training.categories else "float" for place in range(len(training.features))]

    kind: Any = imported().DataIter

    class Batches(kind):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Chunk] = []  # of the first pass, without the features
            self.first = True
            self.chunks = training.chunks()

        def reset(self) -> None:
            self.first = not self.seen
            self.chunks = training.chunks()

        def next(self, input_data: Callable[..., Any]) -> bool:
            chunk = next(self.chunks, None)
            if chunk is None:
                return False
            input_data(
                data=chunk.values,
                label=chunk.label,
                base_margin=chunk.start,
                weight=chunk.weight,
                feature_names=training.names,
                feature_types=types,
            )
            if self.first:
                self.seen.append(Chunk(np.empty(0), chunk.label, chunk.start, chunk.weight))
            return True

    return Batches()


def _progress_callback(progress: Callable[[int], None]) -> Any:
    kind: Any = imported().callback.TrainingCallback

    class ProgressCallback(kind):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            progress(epoch + 1)
            return False

    return ProgressCallback()
