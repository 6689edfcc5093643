"""Chooses the learner that predicts later sales best, scores it, and fits it on all sales.

The days of the sales are cut in three parts. The learners are fitted on the first part and compared on the second. The
best one is fitted on both and scored on the third, which played no part in its choice or its training. Last, it is
fitted on all sales.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import UsageError
from foresell.transactions.encoder import Encoder
from foresell.transactions.fitted import FittedTransactions, Recipe
from foresell.transactions.learners import LEARNERS, Booster
from foresell.transactions.outliers import Winsorised, winsorise
from foresell.transactions.ranges import Ranges

FEWEST_SALES, FEWEST_DAYS = 200, 5
PARTS = (0.7, 0.85)
"""The shares of the sales at which the second and the third part of the days begin."""

MEAN, MEDIAN = "mean", "median"
Report = Callable[[str], None]


@dataclass(frozen=True)
class RegressionTask:
    """What is to be learnt: `target` from `inputs` of `sales`, whose dates are in the column `date` (Date).

    The baselines are the mean and the median of the target by `key`, which are some of the inputs. The range around a
    prediction is to hold with `probability`.
    """

    sales: pl.DataFrame
    target: str
    date: str
    inputs: tuple[str, ...]
    key: tuple[str, ...] = ()
    country: str | None = None
    probability: float = 0.9
    seed: int = 1


@dataclass(frozen=True)
class Trial:
    """The result: the best learner, `fitted` on all sales, and its scores on the third part.

    `scores` has one row for the model and for each baseline: ``model``, ``mae``, ``rmse``, ``wape``, ``r2``.
    `wape_by_learner` is the WAPE of each learner on the second part. Of the third part, `coverage` is the share of
    sales in the range, `width` the mean width of the range, `first` and `last` the days, `rows` the number of sales.
    """

    fitted: FittedTransactions
    scores: pl.DataFrame
    wape_by_learner: dict[str, float]
    coverage: float
    width: float
    first: date
    last: date
    rows: int
    outliers: Winsorised


def try_learners(task: RegressionTask, learners: Sequence[str], report: Report = lambda doing: None) -> Trial:
    """The trial of `learners`. Raises UsageError for too few sales or days."""
    task = dataclasses.replace(task, sales=task.sales.sort(task.date, maintain_order=True))
    target = task.sales[task.target].cast(pl.Float64).to_numpy()
    first, second, third = parts(task.sales[task.date])
    trials = _try_each(task, learners, target, first, second, report)
    best = min(trials, key=lambda name: trials[name].wape)
    winner = trials[best]
    report(f"{best} on the first two parts of the sales")
    training = _TrainingSet.of(task, target, first | second)
    fitted = training.fitted(best, training.learn(best, rounds=winner.rounds))
    fitted.recipe = replace(fitted.recipe, ranges=Ranges.learn(target[second], winner.predicted, task.probability))
    last = task.sales.filter(pl.Series(third))
    answer = fitted.predict(last)
    predicted, actual = answer["value"].to_numpy(), target[third]
    rows = [
        {"model": best, **scores_of(actual, predicted)},
        *_baseline_scores(task, training, first | second, third, actual),
    ]
    inside = (actual >= answer["low"].to_numpy()) & (actual <= answer["high"].to_numpy())
    report(f"{best} on all sales")
    whole = _TrainingSet.of(task, target, np.ones(len(target), bool))
    final = whole.fitted(best, whole.learn(best, rounds=winner.rounds))
    final.recipe = replace(final.recipe, ranges=Ranges.learn(actual, predicted, task.probability))
    return Trial(
        fitted=final,
        scores=pl.DataFrame(rows),
        wape_by_learner={name: trial.wape for name, trial in trials.items()},
        coverage=float(inside.mean()),
        width=float((answer["high"] - answer["low"]).mean()),  # type: ignore[arg-type, operator]
        first=last[task.date].min(),  # type: ignore[arg-type]
        last=last[task.date].max(),  # type: ignore[arg-type]
        rows=last.height,
        outliers=whole.winsorised,
    )


@dataclass(frozen=True)
class _LearnerTrial:
    """A learner on the second part: its number of trees, its predictions [row] and its WAPE."""

    rounds: int
    predicted: np.ndarray
    wape: float


def _try_each(
    task: RegressionTask,
    learners: Sequence[str],
    target: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    report: Report,
) -> dict[str, _LearnerTrial]:
    """The learners, each fitted on the first part of the sales and scored on the second."""
    training = _TrainingSet.of(task, target, first)
    matrix = training.encoder.encode(task.sales.filter(pl.Series(second))).matrix
    trials = {}
    for name in learners:
        report(f"{name} on the first part of the sales")
        booster = training.learn(name, validation=(matrix, target[second] / training.unit))
        predicted = training.fitted(name, booster).means(matrix)
        trials[name] = _LearnerTrial(booster.rounds, predicted, scores_of(target[second], predicted)["wape"])
    return trials


def parts(dates: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which sales are in the first, second and third part of the days: bool [row] each. The parts have whole days.

    Raises UsageError for fewer than 200 sales or 5 days.
    """
    days, place = np.unique(dates.to_numpy().astype("datetime64[D]"), return_inverse=True)
    if len(dates) < FEWEST_SALES or len(days) < FEWEST_DAYS:
        raise UsageError(
            f"There are {len(dates):,} single sales on {len(days):,} days to learn from; expected at least "
            f"{FEWEST_SALES} on {FEWEST_DAYS}. Name a longer table under 'transactions', or take 'transactions' out "
            "of foresell.yaml."
        )
    share = np.cumsum(np.bincount(place)) / len(dates)
    second = int(np.clip(np.searchsorted(share, PARTS[0]) + 1, 1, len(days) - 2))
    third = int(np.clip(np.searchsorted(share, PARTS[1]) + 1, second + 1, len(days) - 1))
    bounds = (0, second, third, len(days))
    first_part, second_part, third_part = ((place >= start) & (place < end) for start, end in pairwise(bounds))
    return first_part, second_part, third_part


def scores_of(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MAE and RMSE in units of the target; WAPE, the sum of absolute errors divided by that of absolute actuals
    (Hyndman and Koehler 2006); R2, the share of the variance that is explained.

    >>> scores_of(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    {'mae': 1.0, 'rmse': 1.0, 'wape': 0.5, 'r2': 0.0}
    """
    errors = actual - predicted
    spread = float(((actual - actual.mean()) ** 2).sum())
    total = float(np.abs(actual).sum())
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "wape": float(np.abs(errors).sum() / total) if total else float("nan"),
        "r2": 1 - float((errors**2).sum()) / spread if spread else float("nan"),
    }


@dataclass(frozen=True)
class _TrainingSet:
    """Some of the sales, encoded and with outliers pulled in."""

    task: RegressionTask
    encoder: Encoder
    matrix: np.ndarray
    winsorised: Winsorised
    unit: float
    never_negative: bool

    @classmethod
    def of(cls, task: RegressionTask, target: np.ndarray, rows: np.ndarray) -> _TrainingSet:
        sales = task.sales.filter(pl.Series(rows))
        encoder = Encoder.learn(sales, task.inputs, task.date, task.country)
        winsorised = winsorise(target[rows], group_of(sales, task.key))
        unit = float(np.abs(winsorised.target).mean()) or 1.0
        never_negative = bool((target[rows] >= 0).all())
        return cls(task, encoder, encoder.encode(sales).matrix, winsorised, unit, never_negative)

    def learn(
        self, name: str, validation: tuple[np.ndarray, np.ndarray] | None = None, rounds: int | None = None
    ) -> Booster:
        target = self.winsorised.target / self.unit
        return LEARNERS[name].learn(self.matrix, target, self.task.seed, validation, rounds)

    def fitted(self, name: str, booster: Booster) -> FittedTransactions:
        no_range = Ranges(probability=self.task.probability, low=0.0, high=0.0, power=0.0, floor=1.0)
        recipe = Recipe(
            target=self.task.target,
            encoder=self.encoder,
            learner=name,
            unit=self.unit,
            never_negative=self.never_negative,
            ranges=no_range,
            learnt={},
        )
        return FittedTransactions(recipe, booster)


def group_of(sales: pl.DataFrame, key: Sequence[str]) -> np.ndarray:
    """The number of each sale's group, int [row]; one group for all if there is no key."""
    if not key:
        return np.zeros(sales.height, np.int64)
    return sales.select(pl.struct(key).rank("dense"))[key[0]].to_numpy().astype(np.int64)


def _baseline_scores(
    task: RegressionTask, training: _TrainingSet, before: np.ndarray, after: np.ndarray, actual: np.ndarray
) -> list[dict[str, object]]:
    """The scores on the sales `after` of the mean and the median by key of those `before`; of all for a new key."""
    sales = task.sales.select(task.key) if task.key else task.sales.select(pl.lit(0).alias("__all"))
    known = sales.filter(pl.Series(before)).with_columns(pl.Series("__target", training.winsorised.target))
    later = sales.filter(pl.Series(after))
    rows: list[dict[str, object]] = []
    for name, baseline in ((MEAN, pl.col("__target").mean()), (MEDIAN, pl.col("__target").median())):
        by_key = known.group_by(sales.columns).agg(baseline.alias("__value"))
        values = later.join(by_key, on=sales.columns, how="left", maintain_order="left", nulls_equal=True)["__value"]
        predicted = values.fill_null(known.select(baseline).item()).to_numpy()
        label = f"{name} by {' x '.join(task.key)}" if task.key else f"{name} of all"
        rows.append({"model": label, **scores_of(actual, predicted)})
    return rows
