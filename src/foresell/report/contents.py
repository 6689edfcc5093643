"""The content of the report as plain data. The step ``report`` fills it, and `page` turns it into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.evaluate.search_record import SearchRecord
from foresell.report.series_finder import SeriesFinder


@dataclass(frozen=True)
class Band:
    """The range that should contain `share` of the sales: units from `low` to `high`, each [step]."""

    share: float
    low: np.ndarray
    high: np.ndarray


def _no_dates() -> np.ndarray:
    return np.empty(0, "datetime64[D]")


@dataclass(frozen=True)
class SeriesExample:
    """One series, or a sum of series, with its recent sales and its forecast, for a chart.

    - `name`: the name, such as ``CA_1 x FOODS``; `level`: the name of its level.
    - `reason`: why it is shown: ``total``, ``level``, ``largest``, ``typical`` or ``worst``.
    - `dates` datetime64[D] and `units` [day]: the recent sales, NaN where not known.
    - `ahead` datetime64[D] and `mean` [step]: the forecast; `bands`: its ranges, the widest first.
    - `tested_dates` and `tested` [step]: the forecast of the last window of the backtest; may be empty.
    - `last_year`: units on the same days a year ago (whole weeks back); None where one of them is not known.
    - `error`: the WAPE of the backtest, as a share; None where it is not known.
    """

    name: str
    level: str
    reason: str
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
        """The forecast over the sales of the same days a year ago, less 1."""
        return float(np.sum(self.mean)) / self.last_year - 1 if self.last_year else None


@dataclass(frozen=True)
class LostSales:
    """The estimated sales lost to stock-outs: `units` on so many `days` (series x days)."""

    days: int
    units: float


@dataclass(frozen=True)
class DataSummary:
    """The size and the content of the data.

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
    """A search for better options of a model: its `record`, and its tables `trials` and `importance`."""

    record: SearchRecord
    trials: pl.DataFrame
    importance: pl.DataFrame


@dataclass(frozen=True)
class Report:
    """The content of the page. Parts that are empty or None are left out of the page.

    - `series`: the rows of all levels, for the search of series.
    - `champion`: the model that made the forecast; `benchmark`: the model it is compared with.
    - `leaderboard`, `levels`, `segments`, `steps`: the backtest's tables of scores, as `evaluate.backtest.Backtest`
      has them (levels by ``level``, with ``all`` for all of them together; metrics named as there).
    - `about_leaderboard`: what the ensemble's row of the leaderboard is, in words.
    - `bias`, `bias_by_level`, `correlation`: the tables ``bias``, ``levels`` and ``correlation`` of the
      `evaluate.diagnosis.Diagnosis` of the champion; `diagnosis_findings`: its findings.
    - `calibration`: the table of `evaluate.calibration.calibration`.
    - `sums`: the table of `ensemble.sum_scores.coverage_of_sums`: how often ranges of sums over several days held.
    - `tuning`: the last search for better options, None without one.
    - `drivers`: ``feature``, ``share`` and, where known, ``meaning``; `reasons`: the same by reason, with ``label``.
    - `settings`: the settings by name, in words. `places`: the paths of the results by name.
    - `lost`: the sales lost to stock-outs, None where there were none.
    - `left_out`: sentences about what this report does not cover.
    """

    title: str
    made: datetime
    version: str
    horizon: int
    champion: str
    data: DataSummary
    examples: tuple[SeriesExample, ...] = ()
    series: SeriesFinder | None = None
    findings: tuple[Finding, ...] = ()
    leaderboard: pl.DataFrame | None = None
    about_leaderboard: str = ""
    levels: pl.DataFrame | None = None
    segments: pl.DataFrame | None = None
    steps: pl.DataFrame | None = None
    bias: pl.DataFrame | None = None
    bias_by_level: pl.DataFrame | None = None
    correlation: pl.DataFrame | None = None
    diagnosis_findings: tuple[Finding, ...] = ()
    calibration: pl.DataFrame | None = None
    sums: pl.DataFrame | None = None
    tuning: Tuning | None = None
    drivers: pl.DataFrame | None = None
    reasons: pl.DataFrame | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    lost: LostSales | None = None
    left_out: tuple[str, ...] = ()
    benchmark: str = "seasonal_naive"
    frequency: Frequency = Frequency.DAY
