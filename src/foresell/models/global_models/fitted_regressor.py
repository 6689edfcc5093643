"""A fitted regressor of scikit-learn: its scores, their contributions, and its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from foresell.core.errors import UnreadableFile, UsageError, first_five
from foresell.models.global_models import regressors
from foresell.models.global_models.training_data import LITTLE, BoosterTraining, Chunk, joined

SAMPLE = 1000  # rows from which the importance of the features is computed
STRATA = 5  # of the level; the contributions of a row are relative to rows of a similar level
ORDERS = 8  # random orders of the features for the contributions, each with one row to compare with
FEW_ORDERS = 2  # orders for more rows than `MANY`, over which the errors of single orders average out
MANY = 4096
AT_A_TIME = 250_000  # rows that are predicted at a time
CATEGORIES = 20  # columns for the categories of one feature; rare categories share one column

ADVICE = (
    "A stored model may hold what scikit-learn's own regressors are made of, and nothing else, since reading anything "
    "else could run foreign code. Use a regressor of scikit-learn."
)

_KERNELS = (
    *("ConstantKernel", "WhiteKernel", "RBF", "Matern", "RationalQuadratic", "ExpSineSquared", "DotProduct"),
    *("PairwiseKernel", "Sum", "Product", "Exponentiation", "CompoundKernel"),
)
TRUSTED = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    *(f"sklearn._loss.loss.{name}" for name in ("HalfTweedieLoss", "HalfTweedieLossIdentity", "HalfGammaLoss")),
    *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS),
)
"""Types that a file may hold beside those that skops itself trusts: what scikit-learn's regressors are made of."""


@dataclass(frozen=True)
class FittedRegressor:
    """A fitted regressor, and the preparation of its features (None where it needs none).

    - `names`: the features, as `safe_names`. `level` float64 [feature]: the weight of each in the recent level.
    - `highest`: the largest ratio in training, which limits the predictions, because a linear model has no limit.
    - `gains` float64 [feature]: the growth of the squared error where the feature is shuffled.
    - `limits` float64 [stratum - 1]: the levels between two strata.
    - `background` float32 [stratum, order, feature]: rows of each stratum, from a low ratio to a high one, that
      contributions are relative to.
    """

    names: list[str]
    regressor: Any
    preparation: Any
    level: np.ndarray
    highest: float
    gains: np.ndarray
    limits: np.ndarray
    background: np.ndarray

    suffix = ".skops"

    @classmethod
    def learn(cls, regressor: Any, training: BoosterTraining, seed: int) -> FittedRegressor:
        """Fits `regressor` to the ratio of units to level. Raises UsageError where it cannot learn or predict."""
        random = np.random.default_rng(seed)
        values, ratio, weight = _rows(training)
        parameter = regressors.weight_parameter(regressor)
        if parameter is None:  # the rows of a low level, whose ratios scatter most, are thinned instead
            kept = random.random(len(weight)) * np.median(weight) <= weight
            values, ratio, weight = values[kept], ratio[kept], weight[kept]
        shown = _clean(values)
        if parameter is not None and (bins := regressors.bins_of(regressor)):
            _round_to_bins(shown, bins)
        preparation = _preparation(regressor, training, np.flatnonzero(np.isnan(shown).all(axis=0)))
        shown = preparation.fit_transform(shown) if preparation is not None else shown
        _fit(regressor, shown, ratio, {} if parameter is None else {parameter: weight})
        level = np.array([training.level.get(name, 0.0) for name in training.features])
        highest = float(ratio.max())
        sample = random.permutation(len(values))[:SAMPLE]
        values, ratio, weight = values[sample], ratio[sample], weight[sample]
        empty = np.empty(0)
        learnt = cls(training.names, regressor, preparation, level, highest, empty, empty, empty)
        limits, background = _background(learnt.score(values), values, weight)
        gains = _gains(learnt.score, values, ratio - 1, weight, random)
        return cls(training.names, regressor, preparation, level, highest, gains, limits, background)

    def score(self, values: np.ndarray) -> np.ndarray:
        """The predicted ratio of units to level, less 1, for `values` float32 [row, feature]: [row]."""
        scores = np.empty(len(values))
        for start in range(0, len(values), AT_A_TIME):
            some = slice(start, start + AT_A_TIME)
            shown = _clean(values[some])
            shown = shown if self.preparation is None else self.preparation.transform(shown)
            scores[some] = np.clip(_predictions(self.regressor, shown), 0, self.highest) - 1
        return scores

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """The contributions of the features to the score, then the mean score at such a level: [row, feature + 1].

        Shapley values by sampling orders of the features (Strumbelj and Kononenko 2014, Knowledge and Information
        Systems 41, 647-665), each also backwards. All rows see the same orders, so a row's values do not depend on
        the others', and each order's changes add up to the score.
        """
        stratum = np.searchsorted(self.limits, _levels(values, self.level))
        parts = np.empty((len(values), len(self.names) + 1))
        orders = ORDERS if len(values) <= MANY else FEW_ORDERS
        length = max(AT_A_TIME // (len(self.names) + 1), 1)
        for place in np.unique(stratum):
            rows = np.flatnonzero(stratum == place)
            for start in range(0, len(rows), length):
                some = rows[start : start + length]
                parts[some] = shapley_values(self.score, values[some], self.background[place], orders)
        return parts

    def gain(self) -> np.ndarray:
        """The growth of the squared error where each feature is shuffled: float64 [feature]."""
        return self.gains

    def write(self, path: Path) -> None:
        """Writes the regressor without pickles. Raises UsageError for one of types that could not be read back."""
        from skops.io import dumps, get_untrusted_types

        name = regressors.label(self.regressor)
        try:
            data = dumps({field.name: getattr(self, field.name) for field in fields(self)})
        except Exception as error:  # a user's object may raise anything
            raise UsageError(f"{name} cannot be stored: {error}. {ADVICE}") from error
        foreign = [kind for kind in get_untrusted_types(data=data) if kind not in TRUSTED]
        if foreign:
            raise UsageError(f"{name} cannot be stored: it holds {_foreign(foreign)}. {ADVICE}")
        path.write_bytes(data)

    @classmethod
    def read(cls, path: Path) -> FittedRegressor:
        """Raises UnreadableFile for a file of types that are not trusted, and ValueError for a damaged one."""
        regressors.imported()
        from skops.io import get_untrusted_types, load

        try:
            foreign = [kind for kind in get_untrusted_types(file=path) if kind not in TRUSTED]
            learnt = None if foreign else cls(**load(path, trusted=list(TRUSTED)))
        except OSError:
            raise
        except Exception as error:  # a damaged file, or one of another scikit-learn, fails in many ways
            raise ValueError(f"{path.name}: {error}") from error
        if learnt is None:
            raise UnreadableFile(f"{path} is not read: it holds {_foreign(foreign)}. {ADVICE}")
        return learnt


def shapley_values(
    score: Callable[[np.ndarray], np.ndarray], values: np.ndarray, others: np.ndarray, orders: int
) -> np.ndarray:
    """The contributions of the features to the scores of `values` [row, feature], then the score that they are relative
    to: [row, feature + 1].

    That is the mean score of `orders` rows, which are taken at even distances from `others`.

    >>> others = np.array([[0.0, 0.0], [2.0, 2.0]])
    >>> shapley_values(lambda values: values[:, 0] + 10 * values[:, 1], np.array([[3.0, 4.0]]), others, 2).tolist()
    [[2.0, 30.0, 11.0]]
    """
    n_rows, n_features = values.shape
    random = np.random.default_rng(n_features)
    chosen = others[np.linspace(0, len(others) - 1, orders).round().astype(int)]
    parts = np.zeros((n_rows, n_features + 1))
    order = np.arange(n_features)
    for number, other in enumerate(chosen):
        order = order[::-1] if number % 2 else random.permutation(n_features)
        from_row = np.argsort(order) < np.arange(n_features + 1)[:, None]  # [how many, feature]
        mixed = np.where(from_row, values[:, None, :], other)  # [row, how many, feature]
        scores = score(mixed.reshape(-1, n_features)).reshape(n_rows, n_features + 1)
        parts[:, order] += np.diff(scores, axis=1)
        parts[:, -1] += scores[:, 0]
    return parts / orders


def _rows(training: BoosterTraining) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows: float32 [row, feature], their ratio of units to level, and their level [row] each."""
    values = np.empty((sum(training.rows.lengths), len(training.features)), np.float32)
    seen, begin = list[Chunk](), 0
    for chunk in training.chunks():
        values[begin : begin + len(chunk.values)] = chunk.values
        begin += len(chunk.values)
        seen.append(Chunk(np.empty(0), chunk.label, chunk.start, chunk.weight))
    label, weight = joined(seen, "label"), joined(seen, "weight")
    assert label is not None
    assert weight is not None  # the loss is squared
    return values, label.astype(np.float64) + 1, weight.astype(np.float64)


def _preparation(regressor: Any, training: BoosterTraining, empty: np.ndarray) -> Any:
    """The preparation of the features for this regressor: imputation, scaling, columns for categories; or None.

    `empty` are the positions of features without any value, which make some regressors fail.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    if not regressors.wants_scaling(regressor):
        if not regressors.allows_missing(regressor):
            return imputer
        return ColumnTransformer([("empty", imputer, empty)], remainder="passthrough") if len(empty) else None
    named = sorted({*training.categories, *training.codes})
    numbers = [place for place in range(len(training.features)) if place not in named]
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=CATEGORIES, sparse_output=False)
    scaled = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True), StandardScaler()
    )
    return ColumnTransformer([("numbers", scaled, numbers), ("categories", encoder, named)])


def _clean(values: np.ndarray) -> np.ndarray:
    """The features as numbers or NaN: float64 [row, feature]."""
    shown = values.astype(np.float64)
    shown[np.isinf(shown)] = np.nan
    return shown


def _round_to_bins(shown: np.ndarray, bins: int) -> None:
    """Rounds each feature of `shown` [row, feature] to the nearest of at most `bins` of its own values, in place.

    Histogram-based trees make such bins themselves. Where rows have weights this takes minutes, because scikit-learn
    1.9 sorts the column again for each bin, but with few distinct values it takes no time. A split lies half-way
    between two values, so values that are not rounded fall on the same side.
    """
    for column in shown.T:
        known = ~np.isnan(column)
        knots = np.unique(column[known])
        if len(knots) > bins:
            knots = np.unique(np.quantile(column[known], np.linspace(0, 1, bins), method="nearest"))
            column[known] = knots[np.searchsorted((knots[1:] + knots[:-1]) / 2, column[known])]


def _fit(regressor: Any, shown: np.ndarray, ratio: np.ndarray, weights: dict[str, np.ndarray]) -> None:
    """Fits with threads on all cores where ``n_jobs`` is not set; processes would take longer to start than to fit."""
    from joblib import parallel_config

    name = regressors.label(regressor)
    try:
        with parallel_config(backend="threading", n_jobs=-1):
            regressor.fit(shown, ratio, **weights)
    except MemoryError as error:
        raise UsageError(
            f"{name} needs more memory than there is to learn from {len(ratio):,} rows. Lower the model's option "
            "'max_rows'."
        ) from error
    except Exception as error:  # a user's object may raise anything
        raise UsageError(f"{name} could not learn from {len(ratio):,} rows: {error}") from error


def _predictions(regressor: Any, shown: np.ndarray) -> np.ndarray:
    """The predictions for rows: float64 [row]. Raises UsageError for anything but one finite number for each row."""
    name = regressors.label(regressor)
    try:
        predictions = np.asarray(regressor.predict(shown), np.float64)
    except Exception as error:  # a user's object may raise anything
        raise UsageError(f"{name} could not predict {len(shown):,} rows: {error}") from error
    if predictions.shape != (len(shown),):
        raise UsageError(
            f"{name} predicted numbers of the shape {predictions.shape} for {len(shown):,} rows; expected one number "
            f"for each: the shape ({len(shown)},)."
        )
    wrong = int((~np.isfinite(predictions)).sum())
    if wrong:
        raise UsageError(
            f"{name} predicted no finite number for {wrong:,} of {len(shown):,} rows. Give it other parameters, or "
            "choose another regressor."
        )
    return predictions


def _levels(values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The recent level of each row of features (see `training_data.recent_level`): [row]."""
    return np.nan_to_num(values[:, level > 0]) @ level[level > 0] + LITTLE


def _background(scores: np.ndarray, values: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The limits of the strata of levels, and some rows of each, evenly from the lowest score to the highest."""
    limits = np.quantile(level, np.arange(1, STRATA) / STRATA)
    stratum = np.searchsorted(limits, level)
    background = np.empty((STRATA, ORDERS, values.shape[1]), np.float32)
    for place in range(STRATA):
        rows = np.flatnonzero(stratum == place)
        rows = rows if len(rows) else np.arange(len(values))
        rows = rows[np.argsort(scores[rows], kind="stable")]
        background[place] = values[rows[((np.arange(ORDERS) + 0.5) * len(rows) / ORDERS).astype(int)]]
    return limits, background


def _gains(
    score: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """The growth of the squared error where each feature is shuffled (Breiman 2001): float64 [feature]."""

    def error(values: np.ndarray) -> float:
        return float(np.average((score(values) - label) ** 2, weights=weight))

    order = random.permutation(len(values))
    gains = []
    for place in range(values.shape[1]):
        shuffled = values.copy()
        shuffled[:, place] = values[order, place]
        gains.append(error(shuffled))
    return np.maximum(np.array(gains) - error(values), 0)


def _foreign(types: list[str]) -> str:
    return f"{len(types)} types that are not trusted: {first_five(types)}"
