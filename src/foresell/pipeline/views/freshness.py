"""How old what is shown is: the last sales, the forecast, the plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec

from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.issue import FOLDER, PlanWords
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
        plans_made=_plans_made(results.root / FOLDER),
    )


def _plans_made(folder: Path) -> dict[str, datetime]:
    """When the plans in a folder were issued, by kind; those that are there have a page."""
    tables = [page.with_suffix(".parquet") for page in sorted(folder.glob("*.html"))]
    return {table.stem: PlanWords.of(table).time(table) for table in tables if table.exists()}
