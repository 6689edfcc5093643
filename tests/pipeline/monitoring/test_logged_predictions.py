"""Predictions asked for over HTTP, joined with what was sold: which answers count, and their figures by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.panel import Known, Panel
from foresell.pipeline.monitoring.logged_predictions import logged_figures, read_logged_predictions
from foresell.serving.prediction_log.writer import PredictionLog

FIRST = 14  # of the newest days: 2024-01-15


@pytest.fixture
def panel() -> Panel:
    """Two series of 20 days from 2024-01-01: the first sells its day of the month, the second 10; one is not known."""
    dates = np.datetime64("2024-01-01") + np.arange(25)
    units = np.stack([np.arange(1, 21), np.full(20, 10)]).astype(np.float32)
    units[1, 17] = np.nan
    price = Known.of_each(np.full((2, 25), 2.0, np.float32))
    return Panel(pl.DataFrame({"store": ["a", "b"]}), ("store",), dates, units, {"price": price})


@pytest.fixture
def log(tmp_path, panel):
    """Logs answers (time, version, store, day, units, and what else was given) and reads them back."""

    def write(*rows: tuple) -> object:
        with PredictionLog(tmp_path / "log") as sink:
            for number, (moment, version, store, day, units, *more) in enumerate(rows):
                given = more[0] if more else {}
                sink.write(
                    {
                        "id": str(number),
                        "time": datetime.fromisoformat(moment).replace(tzinfo=UTC),
                        "endpoint": given.get("endpoint", "/predict"),
                        "model": "shop",
                        "version": version,
                        "inputs": {"store": store, "date": day, "price": given.get("price")},
                        "outputs": {"units": units, "units_low": units - 1, "units_high": units + 1},
                    }
                )
        return read_logged_predictions("log", tmp_path, panel, FIRST)

    return write


def test_answers_by_hand(log, panel):
    predictions = log(
        ("2024-01-14T08:00", "1", "a", "2024-01-16", 15.5),  # sold 16, a week before 9
        ("2024-01-14T08:00", "1", "b", "2024-01-16", 13.0),  # sold 10, a week before 10
        ("2024-01-14T08:00", "2", "a", "2024-01-17", 20.0),  # sold 17
    )
    figures = logged_figures(predictions.daily, panel).filter(pl.col("part") == "level")
    one, two = (figures.filter(pl.col("version") == version).row(0, named=True) for version in ("1", "2"))
    assert one["wape"] == pytest.approx((0.5 + 3) / 26)
    assert one["bias"] == pytest.approx(28.5 / 26 - 1)
    assert one["wape_naive"] == pytest.approx(7 / 26)
    assert one["coverage"] == pytest.approx(1 / 2)
    assert two["wape"] == pytest.approx(3 / 17)
    # The first series grows by 1 a day, so its scale is 1; the second never changes, and has none.
    assert one["rmsse"] == pytest.approx(0.5)
    assert predictions.daily["step"].to_list() == [2, 2, 3]


def test_the_last_answer_before_the_day_is_over_counts(log):
    predictions = log(
        ("2024-01-14T08:00", "1", "a", "2024-01-16", 1.0),
        ("2024-01-16T09:00", "1", "a", "2024-01-16", 3.0),
        ("2024-01-15T08:00", "1", "a", "2024-01-16", 2.0),
        ("2024-01-17T00:01", "1", "a", "2024-01-16", 16.0),
    )
    assert predictions.daily.select("forecast", "step").rows() == [(3.0, 0)]
    assert predictions.left_out == 1


def test_what_ifs_do_not_count(log):
    predictions = log(
        ("2024-01-14T08:00", "1", "a", "2024-01-16", 5.0, {"price": 2.0}),
        ("2024-01-15T08:00", "1", "a", "2024-01-16", 50.0, {"price": 1.0}),
    )
    assert predictions.daily["forecast"].to_list() == [5.0]
    assert predictions.left_out == 1


def test_days_that_are_not_known_and_other_questions_do_not_count(log):
    predictions = log(
        ("2024-01-14T08:00", "1", "b", "2024-01-18", 10.0),  # not known what was sold
        ("2024-01-14T08:00", "1", "a", "2024-01-14", 14.0),  # before the newest days
        ("2024-01-14T08:00", "1", "a", "2024-01-23", 14.0),  # not come in
        ("2024-01-14T08:00", "1", "z", "2024-01-16", 14.0),  # no such series
        ("2024-01-14T08:00", "1", "a", "2024-01-16", 14.0, {"endpoint": "/other"}),
    )
    assert predictions.daily.is_empty()
    assert predictions.left_out == 0


def test_seasonal_naive_is_that_of_the_day_of_asking(log):
    predictions = log(("2024-01-10T08:00", "1", "a", "2024-01-19", 19.0))  # nine days ahead: two weeks back, 5 sold
    assert predictions.daily["naive"].to_list() == [14.0]


def test_no_log_is_no_trouble_and_a_broken_one_is_said(tmp_path, panel):
    assert read_logged_predictions("none", tmp_path, panel, FIRST).daily.is_empty()
    folder = Path(tmp_path / "log" / "date=2024-01-14" / "hour=08")
    folder.mkdir(parents=True)
    lines = '{"time": "2024-01-14T08:00:00Z", "inputs": {"a": 1}}\n{"time": "2024-01-14T08:00:00Z", "inputs": 3}\n'
    (folder / "part-1.jsonl").write_text(lines, encoding="utf-8")
    predictions = read_logged_predictions("log", tmp_path, panel, FIRST)
    assert predictions.daily.is_empty()
    assert predictions.error
