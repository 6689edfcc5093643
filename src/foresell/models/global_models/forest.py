"""A random forest on question rows (see `models.global_models`): the mean of many deep trees.

Breiman 2001, Machine Learning 45, 5-32. LightGBM grows the trees, because foresell needs it anyway and its files are
portable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from foresell.models.global_models import fitted
from foresell.models.global_models.lightgbm import Trees, dataset, shared_parameters, train
from foresell.models.global_models.model import TreeModel
from foresell.models.global_models.training_data import BoosterTraining, LossName


@dataclass(frozen=True)
class RandomForest(TreeModel):
    """A random forest, with the options of `TreeModel`; the loss is squared.

    The trees are large, with many small leaves, because no tree corrects another. Their mean has little variance.
    """

    loss: LossName = "squared"
    trees: int = 100
    leaves: int = 512
    min_rows: int = 30
    feature_fraction: float = 0.4
    row_fraction: float = 0.5
    name: str = "random_forest"

    def learn(self, training: BoosterTraining, progress: Callable[[int], None]) -> Trees:
        parameters = {
            **shared_parameters(self, training),
            "boosting": "rf",
            "bagging_fraction": self.row_fraction,
            "bagging_freq": 1,
        }
        data, _ = dataset(training, parameters)
        return train(data, parameters, self.trees, progress, averaged=True)

    @staticmethod
    def load(folder: Path) -> fitted.FittedGlobalModel:
        """The model that was saved in `folder`. Raises UnreadableFile where a file is missing, damaged or foreign."""
        return fitted.load(folder, Trees.suffix, partial(Trees.read, averaged=True))

    def _check(self) -> None:
        super()._check()
        if self.loss != "squared":
            raise self._wrong("loss", "squared: a leaf of a forest is a mean")
        if self.row_fraction == 1:
            raise self._wrong("row_fraction", "less than 1, or all trees see the same rows")
