"""A tiny project in memory, whose every number can be worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known, Panel
from foresell.core.settings import Data, Settings
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.store.step_results import Steps
from foresell.store.tables import write_table

DAYS = 400
SERIES = pl.DataFrame({"store": ["a", "a", "b", "b"], "item": ["x", "y", "x", "y"]})
SOLD = (10.0, 40.0, 20.0, 30.0)


def forecast_table(panel: Panel, cutoff: int, units: tuple[float, ...], days: int) -> pl.DataFrame:
    """The same forecast for each day, of the single series and of all sales."""
    dates = [panel.dates[cutoff + 1 + day].astype(object) for day in range(days)]
    levels = [("store x item", *keys, value) for keys, value in zip(SERIES.iter_rows(), units, strict=True)]
    rows = [
        (level, store, item, when, day + 1, value)
        for level, store, item, value in [*levels, ("total", None, None, sum(units))]
        for day, when in enumerate(dates)
    ]
    schema = {"level": pl.String, "store": pl.String, "item": pl.String, "date": pl.Date}
    return pl.DataFrame(rows, schema={**schema, "step": pl.Int16, "mean": pl.Float32}, orient="row")


@pytest.fixture
def panel() -> Panel:
    """Two items in two stores that sell the same each day, at 2 each; item y of store b costs 5."""
    units = np.repeat(np.array(SOLD, np.float32)[:, None], DAYS, axis=1)
    price = np.repeat(np.array([2, 2, 2, 5], np.float32)[:, None], DAYS + 14, axis=1)
    dates = np.datetime64("2024-01-01") + np.arange(DAYS + 14)
    return Panel(SERIES, ("store", "item"), dates, units, {"price": Known.of_each(price)})


Make = Callable[..., Results]


@pytest.fixture
def make_results(panel: Panel, tmp_path: Path) -> Make:
    """Results with a forecast of 14 days after the last sales; `earlier` is that of a week before, for as many days."""

    def make(units: tuple[float, ...] = SOLD, earlier: tuple[float, ...] | None = None, **changed: object) -> Results:
        settings = Settings(data=Data(sales="sales.csv", keys=("store", "item")), horizon=14, levels=(("store",),))
        of = changed.get("panel", panel)
        assert isinstance(of, Panel)
        results = Results(settings, tmp_path, Steps(tmp_path), panel_in_memory=of)
        write_table(forecast_table(panel, DAYS - 1, units, 14), results.folder("forecast") / "forecasts.parquet")
        results.folder("forecast").mkdir(parents=True, exist_ok=True)
        _summary(panel).write(results.folder("forecast"))
        if earlier is not None:
            frame = forecast_table(panel, DAYS - 8, earlier, 14)
            results.history.keep_forecast(frame, panel.dates[DAYS - 8].astype(object), "before")
        return results

    return make


def _summary(panel: Panel) -> ForecastSummary:
    cutoff: date = panel.cutoff
    return ForecastSummary(
        model="naive", version=None, training="now", trained="", learnt_to=cutoff, age_days=0, bundle=None,
        cutoff=cutoff, first=str(panel.dates[DAYS]), last=str(panel.dates[DAYS + 13]), levels=3, series=4, rows=70,
        units=0.0, units_a_year_ago=None, table="", warnings_found=[],
    )  # fmt: skip
