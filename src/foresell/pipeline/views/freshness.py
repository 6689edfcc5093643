"""How old what is shown is: the last sales, the forecast, the plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.issue import FOLDER
from foresell.pipeline.summaries import CheckSummary, ForecastSummary


class FreshnessQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class Freshness:
    """The age of a project's results.

    `sales_until` is the last period with sales, in words. The times of `forecast_made` and of `plans_made`, by kind,
    are in UTC. `forecast_from` is the period after which the forecast begins. None, or no entry: not made yet.
    """

    name: str
    sales_until: str | None
    forecast_made: datetime | None
    forecast_from: date | None
    plans_made: dict[str, datetime]


def freshness(project: ForecastProject, query: FreshnessQuery) -> Freshness:
    """How old the results are; also of a project where nothing is done yet."""
    results = project.results
    checked, forecast = results.find_summary(CheckSummary), results.find_summary(ForecastSummary)
    record = results.record("forecast")
    return Freshness(
        name=project.folder.resolve().name,
        sales_until=None if checked is None else checked.last,
        forecast_made=None if record is None else record.finished,
        forecast_from=None if forecast is None else forecast.cutoff,
        plans_made={file.stem: _time_of(file) for file in sorted((results.root / FOLDER).glob("*.html"))},
    )


def _time_of(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
