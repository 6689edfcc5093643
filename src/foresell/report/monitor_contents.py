"""The content of the accuracy page as plain data. `pipeline.monitoring.page` fills it; `page` turns it into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np

from foresell.core.finding import Finding, worst_first
from foresell.core.frequency import Frequency

ERROR, BIAS, COVERAGE, ADDED = "wape", "bias", "coverage", "value_added"
"""The figures, by their names in the table ``accuracy``."""


@dataclass(frozen=True)
class EvaluatedForecast:
    """The forecast that was judged, made at `cutoff` by `version`.

    It was judged by the sales from `first` to `last`, of which `days` are known. The usual figures come from the
    `windows` of its backtest (None without one), and from the `baseline` of a day (None without one).
    """

    version: str
    cutoff: date
    first: date
    last: date
    days: int
    windows: float | None = None
    baseline: date | None = None


@dataclass(frozen=True)
class WaitingForecast:
    """The newest forecast, where it was not judged yet. It can be judged when the sales of the day `when` are known."""

    version: str
    cutoff: date
    when: date


@dataclass(frozen=True)
class MeasuredFigure:
    """One figure and its usual value, as shares such as 0.2.

    `low` and `high` are its bounds, None on a side that is not judged. `judged` says whether it was compared with
    them, `outside` whether it lies outside, `far` whether it lies far outside. `blind` says that its bounds exclude
    nothing that matters. `explained_by` names the groups for whose sake it lies outside; then it is no finding itself.
    """

    value: float | None
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    judged: bool = False
    outside: bool = False
    far: bool = False
    blind: bool = False
    explained_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class FigureRow:
    """A level, group or segment: units sold and forecast, and its `figures` by name."""

    name: str
    units: float
    forecast: float
    figures: Mapping[str, MeasuredFigure]

    @property
    def outside(self) -> bool:
        return any(figure.outside for figure in self.figures.values())


@dataclass(frozen=True)
class Division:
    """The groups of a level, or segments, worst first, with the bias beside all sales that are as usual."""

    title: str
    what: str
    places: tuple[FigureRow, ...]


@dataclass(frozen=True)
class ControlSeries:
    """One figure by week: arrays [week], NaN where not known. `days` are the last days of the weeks.

    `usual`, `low` and `high` are the usual value of a week and its bounds; `outside` says which weeks lie outside them.
    `versions` are the versions that made the forecasts.
    """

    days: np.ndarray  # datetime64[D]
    values: np.ndarray
    usual: np.ndarray
    low: np.ndarray
    high: np.ndarray
    outside: np.ndarray
    versions: tuple[str, ...] = ()


class Mark(NamedTuple):
    """A marked day: the first one that a new champion forecast."""

    day: date
    text: str


@dataclass(frozen=True)
class DailySales:
    """All sales, and the forecast in use on each day: arrays [day] without gaps between days, NaN where not known."""

    dates: np.ndarray  # datetime64[D]
    units: np.ndarray
    forecast: np.ndarray


@dataclass(frozen=True)
class StepErrors:
    """Error (WAPE) of a level by step, for the judged forecast (`now`) and for its backtest (`before`)."""

    level: str
    steps: tuple[int, ...]
    now: tuple[float, ...]
    before: tuple[float, ...]


@dataclass(frozen=True)
class InputColumn:
    """A column of the inputs: whether it `drifted`, and its figure `before` and `now` (for a mix, the share of `kind`).

    `reach` is its distance over the threshold. `segments` are the segments in which it drifted.
    """

    meaning: str
    drifted: bool
    before: float | None
    now: float | None
    reach: float
    kind: str = ""
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputDrift:
    """Drift of inputs and predictions: the `share` of drifted columns, the `allowed` share, and the columns, largest
    distance first. `page` is the path of Evidently's page. `why` says why drift was not looked for."""

    share: float = 0.0
    allowed: float = 0.0
    removed: str = ""
    columns: tuple[InputColumn, ...] = ()
    page: str = ""
    why: str = ""


@dataclass(frozen=True)
class NewData:
    """The newest data: `rows` that were read, rows that were `set_aside`, `series`, and the `last` day of sales."""

    rows: int
    set_aside: int
    series: int
    last: date


@dataclass(frozen=True)
class ApiAccuracy:
    """The accuracy of the API's predictions by a version: their number (`answers`), their `days`, and their figures.

    `nominal` is the share that their ranges promise, `naive` the error of seasonal naive.
    """

    version: str
    answers: int
    days: int
    wape: float | None
    bias: float | None
    coverage: float | None
    nominal: float | None
    naive: float | None


@dataclass(frozen=True)
class PromotionDecision:
    """A decision about a champion."""

    when: date
    version: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class CheckLine:
    """A check: its question, and the number of its `findings`."""

    question: str
    findings: int


@dataclass(frozen=True)
class MonitorPage:
    """The content of the page. Parts that are empty or None are left out.

    - `as_of`: the last day whose sales are known; None where the data could not be used (`stopped` says why).
    - `accuracy`, `inputs_found`, `data`: the findings, by their topic.
    - `waiting`: a sentence that says why nothing is judged; empty where a forecast is judged.
    - `levels`: from the total down to the single series. `nominal`: the share that ranges promise to contain.
    - `weeks`: figures by week, by (level, figure). `block`: the name of such a week, in the singular. `within`: the
      share of usual weeks inside their band.
    - `slow`: the cumulative sum of weekly bias, with its limits. `slow_since`: the first day of a slow drift.
    - `asked`: the accuracy of the API's predictions. `left_out`: how many were what-ifs or too late.
    - `decided`: the newest decisions about the champion.
    - `checks`: every check of monitoring, in their order.
    """

    title: str
    version: str
    as_of: date | None
    frequency: Frequency = Frequency.DAY
    accuracy: tuple[Finding, ...] = ()
    inputs_found: tuple[Finding, ...] = ()
    data: tuple[Finding, ...] = ()
    stopped: str = ""
    waiting: str = ""
    judged: EvaluatedForecast | None = None
    newest: WaitingForecast | None = None
    levels: tuple[FigureRow, ...] = ()
    nominal: float | None = None
    divisions: tuple[Division, ...] = ()
    steps: tuple[StepErrors, ...] = ()
    days: DailySales | None = None
    marks: tuple[Mark, ...] = ()
    weeks: Mapping[tuple[str, str], ControlSeries] = field(default_factory=dict)
    block: str = "week"
    within: float = 0.95
    slow: ControlSeries | None = None
    slow_since: date | None = None
    inputs: InputDrift | None = None
    arrived: NewData | None = None
    asked: tuple[ApiAccuracy, ...] = ()
    left_out: int = 0
    decided: tuple[PromotionDecision, ...] = ()
    false_alarms: float = 0.01
    checks: tuple[CheckLine, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """All findings, worst first."""
        return worst_first([*self.accuracy, *self.inputs_found, *self.data])
