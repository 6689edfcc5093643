"""What a report says, as plain data. The flow fills it; `page` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency


@dataclass(frozen=True)
class Band:
    """The range that holds `share` of what may come: units `low` and `high`, each [step]."""

    share: float
    low: np.ndarray
    high: np.ndarray


def _no_dates() -> np.ndarray:
    return np.empty(0, "datetime64[D]")


@dataclass(frozen=True)
class Story:
    """One series, or a sum of series, to be drawn: its recent past and what is expected.

    - `name`: what it is called, such as ``CA_1 x FOODS``; `level` the level it belongs to, in words.
    - `why`: why it is shown: ``total``, ``level``, ``largest``, ``typical`` or ``worst``.
    - `dates` datetime64[D] and `units` [day]: the past shown, NaN where not known.
    - `ahead` datetime64[D] and `mean` [step]: the forecast; `bands` round it, the widest first.
    - `tested_dates` and `tested` [step]: what the last window of the backtest forecast; may be empty.
    - `last_year`: units in the same days a year ago (whole weeks back); None where they are not all known.
    - `error`: WAPE of the backtest, as a share; None where there was none.
    """

    name: str
    level: str
    why: str
    dates: np.ndarray
    units: np.ndarray
    ahead: np.ndarray
    mean: np.ndarray
    bands: tuple[Band, ...] = ()
    tested_dates: np.ndarray = field(default_factory=_no_dates)
    tested: np.ndarray = field(default_factory=lambda: np.empty(0))
    last_year: float | None = None
    error: float | None = None

    @property
    def change(self) -> float | None:
        """By how much the forecast lies above the same days a year ago, as a share."""
        return float(np.sum(self.mean)) / self.last_year - 1 if self.last_year else None


@dataclass(frozen=True)
class Lost:
    """What days out of stock cost: `days` (series x days) and `units`, estimated."""

    days: int
    units: float


@dataclass(frozen=True)
class Found:
    """What was found in the data.

    - `rows`: rows read from the sales file; None where not counted.
    - `series`, `days`, `first`, `last`: the size of the panel and its first and last day of history.
    - `units`, `revenue` (None without prices): sums over the history.
    - `levels`: how many series each level has, from the total down, by the level's name.
    - `shares`: of all cells of the panel, by what they are; adds up to 1.
    - `dates`, `history`: units of all series over the whole history, by week or month, for a chart.
    """

    series: int
    days: int
    first: date
    last: date
    units: float
    rows: int | None = None
    revenue: float | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    dates: np.ndarray = field(default_factory=_no_dates)
    history: np.ndarray = field(default_factory=lambda: np.empty(0))
    history_unit: str = "units a month"


@dataclass(frozen=True)
class Tuning:
    """A search for better options of a model: its `summary`, and the tables `trials` and `importance` that it left."""

    summary: Mapping[str, Any]
    trials: pl.DataFrame
    importance: pl.DataFrame


@dataclass(frozen=True)
class Report:
    """All that stands on the page. What is empty or None is left out of it.

    - `champion` is the model that made the forecast, `benchmark` the one it is compared with.
    - `leaderboard`, `levels`, `segments`, `steps`: the backtest's tables of scores, as `evaluate.backtest.Backtest`
      has them (levels by ``level``, with ``all`` for all of them together; metrics named as there).
    - `bias`, `leaning`, `correlation`: what the champion's errors have in common, as the tables of
      `evaluate.diagnosis.Diagnosis` have it (`leaning` is its ``levels``); `symptoms`: what of it stands out.
    - `calibration`: how often what was sold lay below each quantile, as `evaluate.calibration.calibration` has it.
    - `tuning`: the search for better options, where there was one.
    - `drivers`: ``feature``, ``share`` and, where known, ``meaning``; `reasons`: the same by reason, with ``label``.
    - `settings`: what was set, in words. `places`: where the results lie, by what they are.
    - `lost`: what days out of stock cost; None where there were none.
    - `left_out`: sentences on what this report does not cover.
    """

    title: str
    made: datetime
    version: str
    horizon: int
    champion: str
    found: Found
    stories: tuple[Story, ...] = ()
    findings: tuple[Finding, ...] = ()
    leaderboard: pl.DataFrame | None = None
    levels: pl.DataFrame | None = None
    segments: pl.DataFrame | None = None
    steps: pl.DataFrame | None = None
    bias: pl.DataFrame | None = None
    leaning: pl.DataFrame | None = None
    correlation: pl.DataFrame | None = None
    symptoms: tuple[Finding, ...] = ()
    calibration: pl.DataFrame | None = None
    tuning: Tuning | None = None
    drivers: pl.DataFrame | None = None
    reasons: pl.DataFrame | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    lost: Lost | None = None
    left_out: tuple[str, ...] = ()
    benchmark: str = "seasonal_naive"
    frequency: Frequency = Frequency.DAY
