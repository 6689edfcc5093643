"""A check of monitoring: a single declaration, from which everything else is made.

Each check has its own file in this folder, which ends with a `Check`, and a line in `catalogue.CHECKS`. From that dict
come the table of codes, the findings that may ask for a retraining, the split of the false-alarm rate, the findings,
the summary and the page's table of checks.
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
from foresell.monitor.accuracy import SeriesSums
from foresell.monitor.baseline import Baseline
from foresell.monitor.checks.figure import Figure
from foresell.monitor.checks.judging import Judgement, Reference
from foresell.monitor.drift.samples import DriftSamples

Result = TypeVar("Result")

RETRAIN = "Look for what changed (prices, assortment, how sales are recorded), then: foresell retrain"
"""The advice of findings that a new training may mend."""


class Topic(StrEnum):
    """What the findings of a check are about: the section of the page that shows them."""

    ACCURACY = "accuracy"
    INPUTS = "inputs"
    DATA = "data"


@dataclass(frozen=True)
class Budget:
    """A share of the false-alarm rate, in proportion to its weight.

    Checks that name the same budget are corrected together for the number of comparisons that they make.
    """

    name: str
    weight: int


@dataclass(frozen=True)
class JudgedForecast:
    """The forecast that is judged: a phrase that names it, its day sums on the newest days, a description of each of
    the single series with the largest errors, and the sums of every series on the newest days."""

    name: str
    daily: pl.DataFrame
    worst: tuple[str, ...]
    series: SeriesSums


@dataclass(frozen=True)
class DriftInputs:
    """What the drift of inputs is looked for in: samples from before and now, the panel that the model was trained on,
    and the current panel."""

    samples: DriftSamples
    learnt: Panel
    current: Panel


@dataclass(frozen=True, eq=False)
class CheckData:
    """The data that a snapshot hands to the checks. They read it and change nothing.

    - `panel`, `hierarchy`: the sales as they are known now.
    - `first`: index of the first of the newest days, which are the days that monitoring judges.
    - `block`: the number of periods in a block.
    - `judged`: the forecast that is judged; None where too few sales have come in.
    - `reference`: the usual figures in the backtest of the judged model; None where that backtest was not kept.
    - `baseline`: figures that were accepted as good; None where none were.
    - `daily`: the day sums of all forecasts, see `accuracy`.
    - `lost`: the days out of stock, see `models.lost_demand`.
    - `drift_inputs`: what the drift of inputs is looked for in; a text says why there is nothing.
    - `judgements`: every figure of the judged forecast compared with what is usual (`judging.judge`).
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
    drift_inputs: DriftInputs | str
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

    - `name`: its key. `question`: what it asks, in the words of the page.
    - `topic`: the section of the page that shows its findings.
    - `codes`: the codes of its findings, with severity, meaning and advice.
    - `budgets`: its shares of the false-alarm rate; none for a check that cannot raise a false alarm.
    - `run`: makes a result from the data and the rate of each budget.
    - `findings`: makes findings from the data and the result; none where all is as usual.
    - `retrain`: the codes that a new training may mend, and that therefore may ask for one.
    - `summary`: the part of the result that goes to ``summary.json``, by key.
    - `figure`: the figure that is judged, for a check of a figure.
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
