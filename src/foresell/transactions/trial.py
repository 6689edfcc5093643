"""Which learner foretells later sales best, how well, and that learner fitted on all of them.

The days of the sales are cut in three: learners learn from the first part and are compared on the second; the better
one learns from both, and is scored on the third. What is reported of it was thus seen neither when it learnt nor when
it was chosen. Last it learns from all.
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
from foresell.transactions.columns import Encoder
from foresell.transactions.fitted import FittedTransactions, Recipe
from foresell.transactions.learners import LEARNERS, Booster
from foresell.transactions.outliers import Treated, treat
from foresell.transactions.ranges import Ranges

FEWEST_SALES, FEWEST_DAYS = 200, 5
PARTS = (0.7, 0.85)
"""The shares of the sales at which the second and the third part of the days begin."""

MEAN, MEDIAN = "mean", "median"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is to be learnt: `target` from `inputs` of `sales`, whose dates stand in the column `date` (Date).

    `key` are the inputs whose means and medians are the thing to beat. The range is to hold with `probability`.
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
    """What came of it: `fitted` learnt from all sales.

    `scores` has one row for the model and for each thing to beat, on the last part: ``model``, ``mae``, ``rmse``,
    ``wape``, ``r2``. `compared` is the WAPE of each learner on the second part, on which the least won. `coverage` is
    the share of the last part that lay in the range, `first` to `last` its days, `rows` its sales.
    """

    fitted: FittedTransactions
    scores: pl.DataFrame
    compared: dict[str, float]
    coverage: float
    width: float
    first: date
    last: date
    rows: int
    outliers: Treated


def try_learners(question: Question, learners: Sequence[str], tell: Tell = lambda doing: None) -> Trial:
    """The trial of `learners`. Raises UsageError for too few sales or days."""
    question = dataclasses.replace(question, sales=question.sales.sort(question.date, maintain_order=True))
    target = question.sales[question.target].cast(pl.Float64).to_numpy()
    first, second, third = parts(question.sales[question.date])
    heats = _heats(question, learners, target, first, second, tell)
    best = min(heats, key=lambda name: heats[name].wape)
    heat = heats[best]
    tell(f"{best} on the sales before the last")
    lesson = _Lesson.of(question, target, first | second)
    fitted = lesson.fitted(best, lesson.learn(best, rounds=heat.rounds))
    fitted.recipe = replace(fitted.recipe, ranges=Ranges.learn(target[second], heat.predicted, question.probability))
    last = question.sales.filter(pl.Series(third))
    answer = fitted.predict(last)
    predicted, actual = answer["value"].to_numpy(), target[third]
    rows = [{"model": best, **scores_of(actual, predicted)}, *_to_beat(question, lesson, first | second, third, actual)]
    inside = (actual >= answer["low"].to_numpy()) & (actual <= answer["high"].to_numpy())
    tell(f"{best} on all sales")
    whole = _Lesson.of(question, target, np.ones(len(target), bool))
    final = whole.fitted(best, whole.learn(best, rounds=heat.rounds))
    final.recipe = replace(final.recipe, ranges=Ranges.learn(actual, predicted, question.probability))
    return Trial(
        fitted=final,
        scores=pl.DataFrame(rows),
        compared={name: each.wape for name, each in heats.items()},
        coverage=float(inside.mean()),
        width=float((answer["high"] - answer["low"]).mean()),  # type: ignore[arg-type, operator]
        first=last[question.date].min(),  # type: ignore[arg-type]
        last=last[question.date].max(),  # type: ignore[arg-type]
        rows=last.height,
        outliers=whole.treated,
    )


@dataclass(frozen=True)
class _Heat:
    """How a learner did on the second part: trees it took, what it predicted [row], its WAPE."""

    rounds: int
    predicted: np.ndarray
    wape: float


def _heats(
    question: Question, learners: Sequence[str], target: np.ndarray, first: np.ndarray, second: np.ndarray, tell: Tell
) -> dict[str, _Heat]:
    """The learners, taught on the first part of the sales, tried on the second."""
    lesson = _Lesson.of(question, target, first)
    shown = lesson.encoder.encode(question.sales.filter(pl.Series(second))).matrix
    heats = {}
    for name in learners:
        tell(f"{name} on the earlier sales")
        booster = lesson.learn(name, later=(shown, target[second] / lesson.unit))
        predicted = lesson.fitted(name, booster).means(shown)
        heats[name] = _Heat(booster.rounds, predicted, scores_of(target[second], predicted)["wape"])
    return heats


def parts(dates: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which sales are in the first, second and third part of the days: bool [row] each. A day is never cut in two.

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
    """MAE and RMSE in units of the target; WAPE (sum of absolute errors to sum of absolute actuals, Hyndman and
    Koehler 2006); R2, the share of the variance that is explained.

    >>> scores_of(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    {'mae': 1.0, 'rmse': 1.0, 'wape': 0.5, 'r2': 0.0}
    """
    errors = actual - predicted
    spread = float(((actual - actual.mean()) ** 2).sum())
    whole = float(np.abs(actual).sum())
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "wape": float(np.abs(errors).sum() / whole) if whole else float("nan"),
        "r2": 1 - float((errors**2).sum()) / spread if spread else float("nan"),
    }


@dataclass(frozen=True)
class _Lesson:
    """Some of the sales, ready to learn from."""

    question: Question
    encoder: Encoder
    matrix: np.ndarray
    treated: Treated
    unit: float
    never_negative: bool

    @classmethod
    def of(cls, question: Question, target: np.ndarray, rows: np.ndarray) -> _Lesson:
        sales = question.sales.filter(pl.Series(rows))
        encoder = Encoder.learn(sales, question.inputs, question.date, question.country)
        treated = treat(target[rows], group_of(sales, question.key))
        unit = float(np.abs(treated.target).mean()) or 1.0
        never_negative = bool((target[rows] >= 0).all())
        return cls(question, encoder, encoder.encode(sales).matrix, treated, unit, never_negative)

    def learn(
        self, name: str, later: tuple[np.ndarray, np.ndarray] | None = None, rounds: int | None = None
    ) -> Booster:
        target = self.treated.target / self.unit
        return LEARNERS[name].learn(self.matrix, target, self.question.seed, later, rounds)

    def fitted(self, name: str, booster: Booster) -> FittedTransactions:
        nothing = Ranges(probability=self.question.probability, low=0.0, high=0.0, power=0.0, floor=1.0)
        recipe = Recipe(
            target=self.question.target,
            encoder=self.encoder,
            learner=name,
            unit=self.unit,
            never_negative=self.never_negative,
            ranges=nothing,
            learnt={},
        )
        return FittedTransactions(recipe, booster)


def group_of(sales: pl.DataFrame, key: Sequence[str]) -> np.ndarray:
    """The number of each sale's group, int [row]; one group where there is no key."""
    if not key:
        return np.zeros(sales.height, np.int64)
    return sales.select(pl.struct(key).rank("dense"))[key[0]].to_numpy().astype(np.int64)


def _to_beat(
    question: Question, lesson: _Lesson, before: np.ndarray, after: np.ndarray, actual: np.ndarray
) -> list[dict[str, object]]:
    """The scores of the mean and the median of the sales `before` by key, that of all for a key that had none."""
    sales = question.sales.select(question.key) if question.key else question.sales.select(pl.lit(0).alias("__all"))
    known = sales.filter(pl.Series(before)).with_columns(pl.Series("__target", lesson.treated.target))
    asked = sales.filter(pl.Series(after))
    rows: list[dict[str, object]] = []
    for name, of in ((MEAN, pl.col("__target").mean()), (MEDIAN, pl.col("__target").median())):
        by_key = known.group_by(sales.columns).agg(of.alias("__said"))
        said = asked.join(by_key, on=sales.columns, how="left", maintain_order="left", nulls_equal=True)["__said"]
        predicted = said.fill_null(known.select(of).item()).to_numpy()
        label = f"{name} by {' x '.join(question.key)}" if question.key else f"{name} of all"
        rows.append({"model": label, **scores_of(actual, predicted)})
    return rows
