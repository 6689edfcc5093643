"""A project of hours, from the file to monitoring and to answers of its model."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, date_of_text
from foresell.core.panel import Panel
from foresell.pipeline import explanation
from foresell.pipeline.monitoring.logged_predictions import read_logged_predictions
from foresell.pipeline.monitoring.monitor import monitor
from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.pyfunc import PyfuncModel
from foresell.serving.service import Service
from foresell.store.history import History
from tests.fixtures.projects import hourly_sales

CUTOFF = datetime(2024, 2, 4, 23)


@pytest.fixture
def project(hourly_shop, tmp_path) -> Project:
    shutil.copytree(hourly_shop, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path / "shop")


@pytest.fixture
def service(project) -> Service:
    bundle = project.folder / "bundle"
    write_bundle(project.folder, project.settings, project.steps, bundle)
    return Service.load(bundle, "1")


def test_the_tables_of_results_have_hours(project):
    folder = project.folder / "results"
    table = pl.read_parquet(folder / "forecast" / "forecasts.parquet").filter(pl.col("level") == "store")
    assert table["cutoff"].unique().to_list() == [CUTOFF]
    assert table["date"].min() == datetime(2024, 2, 5)
    assert table.filter(pl.col("date") == datetime(2024, 2, 6, 9))["mean"].to_list() == [10.0, 10.0]
    assert table.filter(pl.col("date") == datetime(2024, 2, 6, 8))["mean"].to_list() == [1.0, 1.0]
    summary = json.loads((folder / "check" / "summary.json").read_text())
    assert (summary["first"], summary["last"]) == ("2024-01-01T00:00:00", "2024-02-04T23:00:00")
    page = (folder / "report" / "report.html").read_text()
    assert "Sales until 4 Feb 2024 23:00, forecast for the 48 hours after." in page
    assert "Tue 6 Feb 2024 09:00" in page


def test_monitoring_compares_hours(project):
    hourly_sales(project.folder.parent, datetime(2024, 2, 6, 5))
    result = monitor(Project(project.folder))
    assert not result.severe
    plain = result.to_dict()
    assert plain["judged"]["cutoff"] == "2024-02-04T23:00:00"
    assert plain["figures"][0]["days"] == 30
    assert plain["figures"][0]["wape"] == 0
    kept = History(project.folder / "results" / "history").forecasts()
    assert [forecast.cutoff for forecast in kept] == [CUTOFF]
    assert kept[0].last == datetime(2024, 2, 6, 23)


def test_explanations_and_whatifs_take_hours_and_days(project):
    answer = explanation.what_if(project, {"store": "a"}, {"price": "-10%"}, "2024-02-05T09:00", "2024-02-05T10:00")
    assert (answer.first, answer.last) == (datetime(2024, 2, 5, 9), datetime(2024, 2, 5, 10))
    assert len(answer.dates) == 48
    whole = explanation.what_if(project, {"store": "a"}, {"price": 1.5}, "2024-02-05", "2024-02-05")
    assert whole.last == datetime(2024, 2, 5, 23)
    with pytest.raises(UsageError, match="from 2024-02-05T00:00:00 to 2024-02-06T23:00:00"):
        explanation.what_if(project, {"store": "a"}, {"price": 1.5}, "2024-02-05", "2024-02-07")


def test_answers_are_for_hours(service):
    dates = ["2024-02-05T09:00:00", "2024-02-05 08:00", "2024-02-05T09:30", "2024-02-05", "2024-02-07T00:00"]
    answers = service.predict(pl.DataFrame({"store": "a", "date": dates}))
    assert answers["units"].round(3).to_list()[:3] == [10.0, 1.0, 10.0]
    assert answers["error"].is_null().to_list() == [True, True, True, False, False]
    assert "'2024-02-05' is no hour such as 2024-02-05T00:00:00" in answers["error"][3]
    assert "only the hours from" in answers["error"][4]
    moments = pl.DataFrame({"store": ["a"], "date": [datetime(2024, 2, 5, 9)]})
    assert service.predict(moments)["units"].round(3).to_list() == [10.0]
    assert PyfuncModel(service).predict(moments.to_pandas())["units"].round(3).tolist() == [10.0]
    assert service.about()["cutoff"] == "2024-02-04T23:00:00"
    days = pd.DataFrame({"store": ["a"], "date": [pd.Timestamp("2024-02-05 08:00")]})
    assert PyfuncModel(service).predict(days)["units"].round(3).tolist() == [1.0]


def test_logged_answers_are_compared_with_their_hour(tmp_path):
    hours = np.datetime64("2024-01-01T00", "us") + np.arange(24 * 20) * np.timedelta64(1, "h")
    units = np.tile(np.arange(24, dtype=np.float32), 20)[None]
    panel = Panel(pl.DataFrame({"store": ["a"]}), ("store",), hours, units, frequency=Frequency.HOUR)
    asked = [("2024-01-19T06:20", "2024-01-19T08:00:00", 7.0), ("2024-01-19T09:00", "2024-01-19 08:00", 5.0)]
    with PredictionLog(tmp_path / "log") as sink:
        for number, (moment, hour, forecast) in enumerate(asked):
            sink.write(
                {
                    "id": str(number),
                    "time": datetime.fromisoformat(moment).replace(tzinfo=UTC),
                    "endpoint": "/predict",
                    "model": "shop",
                    "version": "1",
                    "inputs": {"store": "a", "date": hour},
                    "outputs": {"units": forecast},
                }
            )
    predictions = read_logged_predictions("log", tmp_path, panel, 24 * 14)
    row = predictions.daily.row(0, named=True)
    assert (predictions.daily.height, predictions.left_out) == (1, 1)  # the second was asked when its hour was over
    assert (row["date"], row["cutoff"], row["step"]) == (date_of_text("2024-01-19T08:00"), datetime(2024, 1, 19, 6), 2)
    assert (row["units"], row["error"], row["naive"]) == (8, 1, 0)
