"""Requests to a model of hours."""

from __future__ import annotations

import pytest

from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.source import FolderSource


@pytest.fixture
def client(serve, hourly_shop, tmp_path):
    project = Project(hourly_shop / "shop")
    write_bundle(project.folder, project.settings, project.steps, tmp_path / "hours")
    with serve(FolderSource(tmp_path / "hours")) as client:
        yield client


def test_answers_are_for_hours(client):
    for written in ("2024-02-05T09:00:00", "2024-02-05 09:15", "2024-02-05T09:00:00+01:00"):
        answer = client.post("/predict", json={"store": "a", "date": written})
        assert (answer.status_code, round(answer.json()["units"], 3)) == (200, 10), answer.text
    day = client.post("/predict", json={"store": "a", "date": "2024-02-05"})
    assert day.status_code == 422
    assert "'2024-02-05' is no hour such as 2024-02-05T00:00:00" in day.json()["detail"]
    rows = b"store,date\na,2024-02-05T09:00:00\na,2024-02-05 08:00\na,2024-02-05\n"
    lines = client.post("/predict_batch_csv", content=rows, headers={"content-type": "text/csv"}).text.splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["a", hour] for hour in ("2024-02-05T09:00:00", "2024-02-05 08:00", "2024-02-05")
    ]
    assert "is no hour such as" in lines[3]
    table = client.post("/forecast", json={"where": {"store": "a"}, "horizon": 1}).json()["rows"][0]
    assert (table["cutoff"], table["date"]) == ("2024-02-04T23:00:00", "2024-02-05T00:00:00")
    why = client.get("/explain", params={"store": "a", "first": "2024-02-05T09:00", "last": "2024-02-05T10:00"})
    assert round(why.json()["forecast"], 3) == 20


def test_days_are_asked_without_a_time(serve):
    with serve() as client:
        example = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
        row = example["application/json"]["examples"]["a series and day"]["value"]
        assert client.post("/predict", json=row).status_code == 200
        assert client.post("/predict", json={**row, "date": f"{row['date']}T00:00:00"}).status_code == 200
        timed = client.post("/predict", json={**row, "date": f"{row['date']}T09:00:00"})
        assert timed.status_code == 422
        assert "'date' has a time of day, which a forecast by day has not" in timed.json()["detail"]
