"""A small report with every part filled: two stores, three items, eight weeks, two models, two windows; and a look at
accuracy with every part filled."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from foresell.core.finding import Finding, Severity
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Known, Panel
from foresell.report import Report, data_summary
from foresell.report.monitor_contents import (
    ApiAccuracy,
    ControlSeries,
    DailySales,
    Division,
    EvaluatedForecast,
    FigureRow,
    InputColumn,
    InputDrift,
    Mark,
    MeasuredFigure,
    MonitorPage,
    NewData,
    PromotionDecision,
    StepErrors,
    WaitingForecast,
)
from foresell.report.series_examples import series_examples
from foresell.report.series_finder import series_finder

HORIZON = 7
DAYS = 380


@pytest.fixture
def panel() -> Panel:
    """Item 0 sells 10 a day, item 1 sells 1, item 2 begins late; both stores the same, but B twice as much. Price 2."""
    series = pl.DataFrame({"item": ["hammer", "nail", "<script>"] * 2, "store": ["A"] * 3 + ["B"] * 3})
    dates = np.datetime64("2023-01-02") + np.arange(DAYS + HORIZON)
    units = np.ones((6, DAYS), np.float32)
    units[0], units[3], units[4], units[5] = 10, 20, 2, 2
    units[[2, 5], : DAYS - 30] = np.nan
    units[0, 100] = np.nan
    units[1, 200] = 0
    price = Known.of_each(np.full((6, DAYS + HORIZON), 2.0, np.float32))
    return Panel(series, ("item", "store"), dates, units, known={"price": price})


@pytest.fixture
def hierarchy(panel: Panel) -> Hierarchy:
    return Hierarchy.of(panel.keys, (("store",),))


@pytest.fixture
def forecasts(panel: Panel, hierarchy: Hierarchy) -> dict[tuple[str, ...], Forecast]:
    """Tomorrow is as today; ranges from 0 to twice that, and from half to one and a half times."""
    found_ = {}
    for groups in hierarchy.all_groups(panel.series):
        mean = np.repeat(groups.sum(panel.units[:, -1])[:, None], HORIZON, axis=1).astype(np.float32)
        keys = groups.level or ("total",)
        plain = Forecast(groups.frame, keys, panel.cutoff, panel.ahead(HORIZON), mean)
        shares = np.array([0, 0.5, 1, 1.5, 2], np.float32)
        found_[groups.level] = plain.with_quantiles((0.05, 0.25, 0.5, 0.75, 0.95), shares[:, None, None] * mean)
    return found_


@pytest.fixture
def tested(panel: Panel) -> pl.DataFrame:
    """Backtest forecasts of two windows: 1 too many a day for each series."""
    frames = []
    for back in (2 * HORIZON, HORIZON):
        cutoff = panel.n_days - back - 1
        actual = panel.units[:, cutoff + 1 : cutoff + 1 + HORIZON]
        past = panel.until(cutoff)
        forecast = Forecast(
            panel.series, panel.keys, past.cutoff, panel.dates[cutoff + 1 : cutoff + 1 + HORIZON], actual + 1
        )
        frames.append(forecast.to_frame().with_columns(actual=pl.Series(actual.reshape(-1))))
    return pl.concat(frames)


def scores(**columns: list[object]) -> pl.DataFrame:
    """A table of scores with the metrics that the report reads; what is not given is null."""
    given = pl.DataFrame(columns)
    missing = [name for name in ("wrmsse", "wape", "bias", "rmsse", "series") if name not in given.columns]
    return given.with_columns(pl.lit(None, pl.Float64).alias(name) for name in missing)


@pytest.fixture
def report(
    panel: Panel, hierarchy: Hierarchy, forecasts: dict[tuple[str, ...], Forecast], tested: pl.DataFrame
) -> Report:
    windows = [date(2023, 12, 31), date(2024, 1, 7)]
    models = ["gbm", "gbm", "seasonal_naive", "seasonal_naive"]
    return Report(
        title="Tools & <nails>",
        made=datetime(2024, 1, 20, 9, 5),
        version="1.2.3",
        horizon=HORIZON,
        champion="gbm",
        data=data_summary(panel, hierarchy, rows=2222),
        examples=series_examples(panel, hierarchy, forecasts, tested),
        series=series_finder(panel, hierarchy, forecasts),
        findings=(
            Finding("gaps", Severity.INFO, "sales.csv", 1, "1 day is missing", ("hammer A",), "Nothing to do."),
            Finding(
                "bad-dates", Severity.WARNING, "sales.csv", 1234, "1,234 rows lack a date", ("<b>31.13.</b>",), "Mend."
            ),
        ),
        leaderboard=pl.DataFrame(
            {
                "model": ["gbm", "seasonal_naive"],
                "windows": [2, 2],
                "wrmsse": [0.6, 0.8],
                "improvement": [25.0, 0.0],
                "wape": [0.5, 0.7],
                "bias": [-0.02, 0.1],
                "rmsse": [0.7, 0.9],
                "seconds": [12.0, 0.01],
            }
        ),
        levels=scores(
            model=[*models, "gbm", "seasonal_naive"],
            cutoff=[*windows, *windows, windows[1], windows[1]],
            level=["all"] * 4 + ["item x store"] * 2,
            series=[9] * 4 + [6] * 2,
            wrmsse=[0.5, 0.7, 1.0, 0.6, 0.9, 1.0],
        ),
        segments=scores(
            model=["gbm"] * 2 + ["seasonal_naive"] * 2,
            cutoff=[windows[1]] * 4,
            by=["steadiness"] * 4,
            segment=["smooth", "lumpy"] * 2,
            series=[4, 2] * 2,
            wrmsse=[0.5, 1.5, 1.0, 1.2],
        ),
        steps=scores(
            model=["gbm"] * 4 + ["seasonal_naive"] * 4,
            cutoff=[windows[1]] * 8,
            level=["total", "total", "item x store", "item x store"] * 2,
            step=[1, 2] * 4,
            wape=[0.1, 0.2, 0.3, 0.4, 0.2, 0.3, 0.4, 0.5],
        ),
        drivers=pl.DataFrame(
            {"feature": ["lag_7", "price"], "share": [0.75, 0.25], "meaning": ["units a week ago", None]}
        ),
        settings={"Horizon": "7 days"},
        places={"Forecasts": "results/forecast/forecasts.parquet"},
        left_out=("Nothing was left out.",),
    )


NAUGHTY = "<b>A&B</b>"
"""A name that must not become part of a page."""


def course(values: list[float], reach: float, outside: int) -> ControlSeries:
    """A figure over Sundays of October 2025, usual 0.1, of which the week `outside` lies outside."""
    days = np.datetime64("2025-10-05") + 7 * np.arange(len(values))
    usual = np.full(len(values), 0.1)
    beyond = np.arange(len(values)) == outside
    return ControlSeries(days, np.array(values), usual, usual - reach, usual + reach, beyond, (NAUGHTY,) * len(values))


@pytest.fixture
def look() -> MonitorPage:
    """A look in which the bias of all sales is far outside, with every part filled and a naughty name in each."""
    bias = MeasuredFigure(0.25, 0.0, -0.1, 0.12, judged=True, outside=True, far=True)
    fine = MeasuredFigure(0.2, 0.18, None, 0.3, judged=True)
    usual = {
        "wape": fine,
        "coverage": MeasuredFigure(0.91, 0.9, 0.8, 1.0, judged=True),
        "value_added": MeasuredFigure(0.1, 0.2),
    }
    levels = (
        FigureRow("total", 80, 100, {**usual, "bias": bias}),
        FigureRow(NAUGHTY, 80, 100, {**usual, "bias": bias}),
    )
    lean = MeasuredFigure(-0.02, 0.0, -0.3, 0.4, judged=True)
    groups = [FigureRow(f"{NAUGHTY} {number}", 8, 10, {"bias": lean, "wape": fine}) for number in range(10)]
    days = np.datetime64("2025-10-06") + np.arange(14)
    shift = Finding(
        "bias-shifted", Severity.ERROR, "total", 1, f"version {NAUGHTY}, forecast of 2025-10-05: 80 units were sold",
        (NAUGHTY,), "foresell retrain",
    )  # fmt: skip
    data = Finding("gaps", Severity.WARNING, NAUGHTY, 3, f"3 days of {NAUGHTY} have no row", (NAUGHTY,), NAUGHTY)
    return MonitorPage(
        title=f"Accuracy of forecasts: {NAUGHTY}",
        version="1.2.3",
        as_of=date(2025, 10, 26),
        accuracy=(shift,),
        data=(data,),
        judged=EvaluatedForecast(
            NAUGHTY, date(2025, 10, 5), date(2025, 10, 6), date(2025, 10, 19), 14, 8.0, date(2025, 9, 1)
        ),
        newest=WaitingForecast(NAUGHTY + "2", date(2025, 10, 26), date(2025, 11, 2)),
        levels=levels,
        nominal=0.9,
        divisions=(Division(f"By {NAUGHTY}", NAUGHTY, tuple(groups)),),
        steps=(StepErrors(NAUGHTY, (1, 2, 3), (20.0, 25.0, 40.0), (19.0, 21.0, 22.0)),),
        days=DailySales(days, np.arange(14.0), np.arange(14.0) + 5),
        marks=(Mark(date(2025, 10, 13), f"version {NAUGHTY}"),),
        weeks={("total", "wape"): course([0.1, 0.2, 0.9], 0.3, 2), (NAUGHTY, "bias"): course([0.1, 0.0, 0.1], 0.3, -1)},
        slow=course([0.0, 1.0, 6.0], 4.0, 2),
        slow_since=date(2025, 10, 12),
        inputs=InputDrift(
            0.5, 0.3, NAUGHTY, (InputColumn(NAUGHTY, True, 1.0, 3.0, 7.5, NAUGHTY, (NAUGHTY,)),), page="drift.html"
        ),
        arrived=NewData(12345, 6, 48, date(2025, 10, 26)),
        asked=(ApiAccuracy(NAUGHTY, 321, 14, 0.3, -0.1, 0.8, 0.9, 0.4),),
        left_out=7,
        decided=(PromotionDecision(date(2025, 10, 13), NAUGHTY, "promoted", NAUGHTY),),
        places={NAUGHTY: NAUGHTY},
    )
