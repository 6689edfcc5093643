"""What the page of accuracy says, as plain data. The flow fills it from what monitoring computed; `page` draws it."""

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
class Judged:
    """The forecast that was judged: made at `cutoff` by `version`, by the sales from `first` to `last`, of which `days`
    are known. `windows` of a backtest tell what is usual, None where there is none; so does a baseline of a day."""

    version: str
    cutoff: date
    first: date
    last: date
    days: int
    windows: float | None = None
    baseline: date | None = None


@dataclass(frozen=True)
class Newest:
    """The newest forecast, where it is not the one that was judged: it can be when the sales of `when` are known."""

    version: str
    cutoff: date
    when: date


@dataclass(frozen=True)
class Measured:
    """One figure beside what is usual; shares, such as 0.2. `low` and `high` are bounds, None on a side that is not
    judged. `judged` says whether it was held against them, `outside` that it lies outside, `far` that by far."""

    value: float | None
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    judged: bool = False
    outside: bool = False
    far: bool = False


@dataclass(frozen=True)
class Place:
    """A level, group or segment: what was sold and forecast, and its `figures` by name."""

    name: str
    units: float
    forecast: float
    figures: Mapping[str, Measured]

    @property
    def outside(self) -> bool:
        return any(each.outside for each in self.figures.values())


@dataclass(frozen=True)
class Division:
    """Groups of a level, or segments, the worst first. Their bias is that beside the total's."""

    title: str
    what: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Course:
    """One figure over the weeks: arrays [week], NaN where not known. `days` are the last days of the weeks.

    `usual`, `low` and `high` are what is usual of such a week, and `outside` says which lie beyond. `versions` made the
    forecasts.
    """

    days: np.ndarray  # datetime64[D]
    values: np.ndarray
    usual: np.ndarray
    low: np.ndarray
    high: np.ndarray
    outside: np.ndarray
    versions: tuple[str, ...] = ()


class Mark(NamedTuple):
    """A day to be marked: the first that was forecast by a version after it became the champion."""

    day: date
    text: str


@dataclass(frozen=True)
class Days:
    """All sales beside the forecast in use on each day: arrays [day], all days between the first and the last, NaN
    where not known."""

    dates: np.ndarray  # datetime64[D]
    units: np.ndarray
    forecast: np.ndarray


@dataclass(frozen=True)
class Steps:
    """Error (WAPE) by step of a level: of the forecast that was judged, and of its backtest."""

    level: str
    steps: tuple[int, ...]
    now: tuple[float, ...]
    before: tuple[float, ...]


@dataclass(frozen=True)
class Column:
    """A column that was compared with those that the model learnt from: its figure `before` and `now` (of a mix: the
    share of `kind`), how far it lies off over how far it may (`reach`), in which segments it `drifted` beside."""

    meaning: str
    drifted: bool
    before: float | None
    now: float | None
    reach: float
    kind: str = ""
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """Drift of inputs and predictions: the `share` of drifted columns and that which is `allowed`, the columns, the
    furthest off first; `page` is Evidently's, beside this one. Where it was not looked for, `why` says so."""

    share: float = 0.0
    allowed: float = 0.0
    removed: str = ""
    columns: tuple[Column, ...] = ()
    page: str = ""
    why: str = ""


@dataclass(frozen=True)
class Arrived:
    """What came in: `rows` that were read, `set_aside` of them, `series`, the `last` day of the sales."""

    rows: int
    set_aside: int
    series: int
    last: date


@dataclass(frozen=True)
class Answers:
    """Answers given over HTTP by a version, held against the sales: how many, over how many days, and their figures;
    `nominal` is what their ranges promise, `naive` the error of seasonal naive."""

    version: str
    answers: int
    days: int
    wape: float | None
    bias: float | None
    coverage: float | None
    nominal: float | None
    naive: float | None


@dataclass(frozen=True)
class Decided:
    """A decision about a champion."""

    when: date
    version: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class CheckLine:
    """A check: what it asks, and how many `findings` it has."""

    question: str
    findings: int


@dataclass(frozen=True)
class MonitorPage:
    """All that stands on the page. What is empty or None is left out of it.

    - `as_of`: the last day whose sales are known; None where the data could not be used (`stopped` says why).
    - `accuracy`, `inputs_found`, `data`: the findings by what they are about.
    - `waiting`: why nothing is judged, in a sentence; empty where something is.
    - `levels`: from the total down to the single series; `nominal` is the share that ranges promise to hold.
    - `weeks` by (level, figure), `block` is what such a week is called, in the singular; `within` is the share of weeks
      inside their band.
    - `slow`: the cumulative sum of how far weeks lean, held against its limits; `slow_since` the drift that was found.
    - `asked`: answers over HTTP, and how many of them were what-ifs or too late.
    - `checks`: every check of monitoring, in the order in which they are made.
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
    judged: Judged | None = None
    newest: Newest | None = None
    levels: tuple[Place, ...] = ()
    nominal: float | None = None
    divisions: tuple[Division, ...] = ()
    steps: tuple[Steps, ...] = ()
    days: Days | None = None
    marks: tuple[Mark, ...] = ()
    weeks: Mapping[tuple[str, str], Course] = field(default_factory=dict)
    block: str = "week"
    within: float = 0.95
    slow: Course | None = None
    slow_since: date | None = None
    inputs: Inputs | None = None
    arrived: Arrived | None = None
    asked: tuple[Answers, ...] = ()
    left_out: int = 0
    decided: tuple[Decided, ...] = ()
    false_alarms: float = 0.01
    checks: tuple[CheckLine, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """All findings, the worst first."""
        return worst_first([*self.accuracy, *self.inputs_found, *self.data])
