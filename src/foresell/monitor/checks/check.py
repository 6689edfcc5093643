"""What a check of monitoring is: one declaration, from which all else follows.

A check has a file of its own in this folder, which ends with a `Check`, and a line in `catalogue.CHECKS`. The table of
codes, what may ask for a retraining, the split of the false-alarm rate, the findings, the summary and the page's table
of checks are made from that dict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Generic, TypeVar

import polars as pl

from foresell.core.finding import Code, Finding
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.monitor.baseline import Baseline
from foresell.monitor.checks.figure import Figure
from foresell.monitor.checks.judging import Judgement, Reference
from foresell.monitor.drift.samples import Compared

Result = TypeVar("Result")

RETRAIN = "Look for what changed (prices, assortment, how sales are recorded), then: foresell retrain"
"""The advice of findings that a new training may mend."""


class Topic(StrEnum):
    """What the findings of a check are about, which is where they stand on the page."""

    ACCURACY = "accuracy"
    INPUTS = "inputs"
    DATA = "data"


@dataclass(frozen=True)
class Budget:
    """A part of the rate of false alarms. The parts are shared out in proportion to their weights.

    Checks that name the same budget are corrected together for how many comparisons they make.
    """

    name: str
    weight: int


@dataclass(frozen=True)
class JudgedForecast:
    """The forecast that is judged: the words that name it, its day sums on the newest days, and the single series with
    the largest errors, in words."""

    name: str
    daily: pl.DataFrame
    worst: tuple[str, ...]


@dataclass(frozen=True)
class DriftSamples:
    """Rows of before and now for the drift of inputs; the panel that the model learnt from, and that of now."""

    compared: Compared
    learnt: Panel
    current: Panel


@dataclass(frozen=True, eq=False)
class CheckData:
    """What a snapshot hands to the checks, which read it and change nothing.

    - `panel`, `hierarchy`: the sales as they are known now.
    - `first`: index of the first of the newest days, those that monitoring looks at; `block`: periods of a block.
    - `judged`: the forecast that is judged; None where too little has come in.
    - `reference`: what is usual by the backtest of the judged model; None where that was not kept.
    - `baseline`: figures that were accepted as good; None where none were.
    - `daily`: the day sums of all forecasts, see `accuracy`.
    - `lost`: the days out of stock, see `models.lost_demand`.
    - `samples`: what drift of inputs is looked for in; a text says why there is none.
    - `judgements`: every figure of the judged forecast beside what is usual (`judging.judge`).
    """

    settings: Settings
    panel: Panel
    hierarchy: Hierarchy
    first: int
    block: int
    judged: JudgedForecast | None
    reference: Reference | None
    baseline: Baseline | None
    daily: pl.DataFrame
    lost: pl.DataFrame
    samples: DriftSamples | str
    judgements: Sequence[Judgement] = ()

    @property
    def dates(self) -> list[date]:
        """All periods up to the last whose sales have come in."""
        dates: list[date] = self.panel.dates[: self.panel.n_days].astype(object).tolist()
        return dates


def _no_summary(result: Any) -> dict[str, object]:
    return {}


@dataclass(frozen=True, eq=False)
class Check(Generic[Result]):
    """One check of monitoring.

    - `name` and `question`: its key, and what it asks, as the page says it.
    - `topic`: where its findings stand.
    - `codes`: the codes of its findings, with severity, meaning and advice.
    - `budgets`: its parts of the false-alarm rate; none for a check that cannot raise a false alarm.
    - `run`: from the data and the rate of each budget to a result.
    - `findings`: from the data and the result to findings; none where all is as usual.
    - `retrain`: those of the codes that a new training may mend, and that therefore may ask for one.
    - `summary`: what of the result stands in ``summary.json``, by key.
    - `figure`: the figure that it judges, for checks of a figure.
    """

    name: str
    question: str
    topic: Topic
    codes: Mapping[str, Code]
    budgets: tuple[Budget, ...]
    run: Callable[[CheckData, Mapping[Budget, float]], Result]
    findings: Callable[[CheckData, Result], Iterable[Finding]]
    retrain: frozenset[str] = field(default_factory=frozenset)
    summary: Callable[[Result], Mapping[str, object]] = _no_summary
    figure: Figure | None = None
