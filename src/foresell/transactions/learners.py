"""The learners of a regression of single sales: a random forest (by LightGBM) and XGBoost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foresell.core.errors import SettingsError
from foresell.core.extras import missing
from foresell.models.global_models import lightgbm, xgboost

STOP_AFTER = 30
"""XGBoost stops when so many further trees bring no gain on the validation sales."""

FEW_ROWS = 64
"""Fewer rows are predicted by one thread, because starting others takes longer."""


class Booster(Protocol):
    """Fitted trees."""

    suffix: str
    rounds: int  # the number of trees

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Predictions for `matrix` float32 [row, column]: float64 [row]."""
        ...

    def gain(self) -> np.ndarray:
        """The gain in loss by the splits on each column: float64 [column]."""
        ...

    def write(self, path: Path) -> None: ...


ValidationSales = tuple[np.ndarray, np.ndarray]
"""Matrix and target of later sales, by which a learner may stop early."""


class Forest:
    """A random forest: Breiman 2001, Machine Learning 45, 5-32. Its file is LightGBM's text."""

    suffix = ".txt"

    def __init__(self, booster: Any):
        self.booster = booster
        self.rounds = booster.num_trees()

    @classmethod
    def learn(
        cls,
        matrix: np.ndarray,
        target: np.ndarray,
        seed: int,
        validation: ValidationSales | None = None,
        rounds: int | None = None,
    ) -> Forest:
        """Ignores the `validation` sales, because more trees never make a forest worse."""
        library = lightgbm.imported()
        parameters = {
            "objective": "regression",
            "boosting": "rf",
            "bagging_fraction": 0.632,
            "bagging_freq": 1,
            "feature_fraction_bynode": 1 / 3,  # this, and 5 rows in a leaf, are the usual choice for a regression
            "min_data_in_leaf": 5,
            "num_leaves": 512,
            "deterministic": True,
            "force_col_wise": True,
            "seed": seed,
            "verbosity": -1,
        }
        data = library.Dataset(matrix, target, params=parameters, free_raw_data=True)
        return cls(library.train(parameters, data, rounds or 120))

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        few = {"num_threads": 1} if len(matrix) < FEW_ROWS else {}
        return np.asarray(self.booster.predict(matrix, **few), np.float64)

    def gain(self) -> np.ndarray:
        return np.asarray(self.booster.feature_importance("gain"), np.float64)

    def write(self, path: Path) -> None:
        self.booster.save_model(path)

    @classmethod
    def read(cls, path: Path, columns: int) -> Forest:
        """Raises ValueError for a file of another kind or with another number of columns."""
        trees = lightgbm.Trees.read(path, averaged=True)
        _check_columns(path, trees.booster.num_feature(), columns)
        return cls(trees.booster)


class XGBoost:
    """Gradient-boosted trees. Its file is XGBoost's JSON.

    Targets that are never negative have a Tweedie loss with a log link: errors grow with the target, and a mean is
    never below 0.
    """

    suffix = ".json"

    def __init__(self, booster: Any, rounds: int):
        self.booster = booster
        self.rounds = rounds
        # One thread is fast enough, and a server makes several predictions at the same time.
        booster.set_param({"nthread": 1})

    @classmethod
    def learn(
        cls,
        matrix: np.ndarray,
        target: np.ndarray,
        seed: int,
        validation: ValidationSales | None = None,
        rounds: int | None = None,
    ) -> XGBoost:
        """Grows `rounds` trees, or as many as help on the `validation` sales. Raises NotInstalled without xgboost."""
        library = xgboost.imported()
        parameters = {
            **_loss(target, validation),
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_leaves": 32,
            "max_depth": 0,
            "learning_rate": 0.08,
            "min_child_weight": 10,
            "reg_lambda": 1.0,
            "colsample_bytree": 0.5,
            "subsample": 0.8,
            "seed": seed,
            "verbosity": 0,
        }
        data = library.QuantileDMatrix(matrix, target)
        more: dict[str, Any] = {}
        if validation is not None:
            held_out = library.QuantileDMatrix(*validation, ref=data)
            more = {"evals": [(held_out, "validation")], "early_stopping_rounds": STOP_AFTER, "verbose_eval": False}
        booster = library.train(parameters, data, rounds or 600, **more)
        best = booster.best_iteration + 1 if validation is not None else booster.num_boosted_rounds()
        return cls(booster[:best], best)

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.asarray(self.booster.inplace_predict(matrix, validate_features=False), np.float64)

    def gain(self) -> np.ndarray:
        gains = self.booster.get_score(importance_type="total_gain")
        return np.array([gains.get(f"f{place}", 0.0) for place in range(self.booster.num_features())])

    def write(self, path: Path) -> None:
        self.booster.save_model(path)

    @classmethod
    def read(cls, path: Path, columns: int) -> XGBoost:
        """Raises ValueError for a file of another kind or with another number of columns."""
        booster = xgboost.Trees.read(path).booster
        _check_columns(path, booster.num_features(), columns)
        return cls(booster, booster.num_boosted_rounds())


LEARNERS: dict[str, type[Forest] | type[XGBoost]] = {"xgboost": XGBoost, "forest": Forest}


def available(names: tuple[str, ...]) -> tuple[list[str], str]:
    """The learners among `names` whose packages are installed, and a sentence on one that is not ("" if all are).

    Raises SettingsError for an unknown name.
    """
    unknown = [name for name in names if name not in LEARNERS]
    if unknown or not names:
        content = f"names {unknown[0]!r}" if unknown else "is empty"
        raise SettingsError(f"'transactions.models' {content}; expected one or more of {', '.join(LEARNERS)}.")
    if "xgboost" not in names or not missing("xgboost"):
        return list(names), ""
    sentence = "XGBoost was not tried: the extra 'xgboost' is not installed"
    return [name for name in names if name != "xgboost"] or ["forest"], sentence


def _loss(target: np.ndarray, validation: ValidationSales | None) -> dict[str, Any]:
    least = min(target.min(), validation[1].min()) if validation is not None else target.min()
    if least < 0:
        return {"objective": "reg:squarederror", "base_score": float(target.mean())}
    return {"objective": "reg:tweedie", "tweedie_variance_power": 1.5, "base_score": float(target.mean()) or 1.0}


def _check_columns(path: Path, columns: int, expected: int) -> None:
    if columns != expected:
        raise ValueError(f"{path.name} has {columns} columns; expected {expected}")
