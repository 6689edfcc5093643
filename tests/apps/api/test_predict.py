"""Single predictions through the HTTP door, and the parity of all of them with the batch."""

from __future__ import annotations

import time

import polars as pl
import pytest

from foresell.serving.prediction_log.reader import read_predictions

ENDS = ("units", "units_low", "units_high", "revenue", "revenue_low", "revenue_high")


def test_a_series_and_day(client, one, rows) -> None:
    answer = client.post("/predict", json=one)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    batch = rows.row(3, named=True)
    assert told["units"] == batch["mean"]
    assert told["units_low"] == batch["q050"]
    assert told["units_high"] == batch["q950"]
    assert told["basis"] == "series"
    assert told["range"] == 0.9
    assert told["id"] == answer.headers["X-Request-ID"]
    assert told["version"].startswith("unregistered")
    assert told["revenue_low"] <= told["revenue"] <= told["revenue_high"]


def test_each_answer_is_that_of_the_batch_forecast(client, rows, project) -> None:
    keys = project.panel.keys
    for row in rows.iter_rows(named=True):
        told = client.post("/predict", json={**{key: row[key] for key in keys}, "date": str(row["date"])}).json()
        assert told["units"] == row["mean"]
        assert (told["units_low"], told["units_high"]) == (row["q050"], row["q950"])


def test_a_promotion_and_a_price_move_it(client, one) -> None:
    before = client.post("/predict", json={**one, "promotion": False}).json()
    after = client.post("/predict", json={**one, "promotion": True, "price": 0.5}).json()
    assert after["units"] != before["units"]
    assert after["revenue"] == pytest.approx(after["units"] * 0.5)
    assert not any(each.startswith("price") for each in after["assumed"])


def test_a_new_item_says_that_it_is_new(client, one) -> None:
    told = client.post("/predict", json={**one, "item": "never-seen"}).json()
    assert told["basis"] == "new"
    assert told["units"] >= 0
    assert any("never-seen" in each for each in told["assumed"])


def test_a_transaction(client, one) -> None:
    sale = {**one, "price": 2.5}
    told = client.post("/predict", json={"transaction": sale}).json()
    assert told["low"] <= told["value"] <= told["high"]
    promoted = [client.post("/predict", json={"transaction": {**sale, "promotion": each}}).json() for each in (True, 1)]
    assert promoted[0]["value"] == promoted[1]["value"]
    less = client.post("/predict", json={"transaction": {"store": one["store"]}}).json()
    assert len(less["assumed"]) > len(told["assumed"])


def test_what_is_null_is_what_is_left_out(client, one) -> None:
    left_out = client.post("/predict", json=one).json()
    null = client.post("/predict", json={**one, "price": None, "promotion": None, "category": None}).json()
    assert {**null, "id": ""} == {**left_out, "id": ""}


def test_each_prediction_is_logged(serve, one, log_folder) -> None:
    with serve() as client:
        told = [client.post("/predict", json={**one, "price": 1 + number}).json() for number in range(5)]
        assert client.post("/predict", json={**one, "date": "1999-01-01"}).status_code == 422
    kept = read_predictions(log_folder).frame
    assert kept["id"].to_list() == [each["id"] for each in told]
    assert kept["inputs"].struct.field("price").to_list() == [1, 2, 3, 4, 5]
    assert kept["outputs"].struct.field("units").to_list() == [each["units"] for each in told]
    assert kept["version"].unique().to_list() == [told[0]["version"]]
    assert (kept["latency_ms"] > 0).all()
    assert kept["endpoint"].unique().to_list() == ["/predict"]


def test_answers_do_not_depend_on_who_asks_at_the_same_time(serve, one, rows, project) -> None:
    """Questions that wait are answered together; each has the answer that it would have alone."""
    from concurrent.futures import ThreadPoolExecutor

    asked = [
        {**{key: row[key] for key in project.panel.keys}, "date": str(row["date"]), "price": 1 + 0.5 * (number % 3)}
        | ({"promotion": True} if number % 2 else {})
        for number, row in enumerate(rows.iter_rows(named=True))
    ]
    asked[5] |= {"date": "2001-01-01"}
    asked[6] |= {"item": "never-seen"}

    def units(answers) -> list:
        return [answer.json().get("units") for answer in answers]

    with serve() as client:
        alone = units([client.post("/predict", json=each) for each in asked])
        with ThreadPoolExecutor(16) as pool:
            together = units(pool.map(lambda each: client.post("/predict", json=each), asked))
    assert together == alone
    assert alone[5] is None
    assert alone.count(None) == 1


def test_forecasts_of_series_and_levels(client, rows, project, one) -> None:
    store = one["store"]
    told = client.post("/forecast", json={"where": {"store": store}, "quantiles": [0.5]}).json()
    batch = rows.filter(pl.col("store") == store)
    assert [row["mean"] for row in told["rows"]] == batch["mean"].to_list()
    assert [row["q500"] for row in told["rows"]] == batch["q500"].to_list()
    total = client.post("/forecast", json={"level": [], "horizon": 3, "quantiles": []}).json()["rows"]
    kept = project.forecasts.filter(level="total").head(3)
    assert [row["mean"] for row in total] == pytest.approx(kept["mean"].to_list(), rel=1e-6)
    what_if = client.post("/forecast", json={"where": {"store": store}, "changes": {"price": "-30%"}}).json()
    assert [row["mean"] for row in what_if["rows"]] != [row["mean"] for row in told["rows"]]


def test_daily_revenue(client, project) -> None:
    first, *_, last = map(str, project.panel.ahead(project.settings.horizon))
    told = client.post("/forecast_sarima", json={"first": first, "last": last, "quantiles": [0.1, 0.9]}).json()["rows"]
    assert [row["date"] for row in told] == list(map(str, project.panel.ahead(project.settings.horizon)))
    assert all(row["q100"] <= row["mean"] <= row["q900"] for row in told)


def test_reasons_add_up(client, one, rows) -> None:
    keys = {name: value for name, value in one.items() if name != "date"}
    told = client.get("/explain", params={**keys, "first": one["date"], "last": one["date"]}).json()
    assert sum(each["units"] for each in told["reasons"]) == pytest.approx(told["forecast"], abs=1e-4)
    assert told["forecast"] == pytest.approx(rows.row(3, named=True)["mean"], rel=1e-4)
    assert client.get("/explain").json()["count"] == rows.n_unique(subset=list(keys))


def test_status_says_what_is_loaded(client, project) -> None:
    told = client.get("/status").json()
    assert told["champion"] == told["version"]
    assert told["trouble"] is None
    assert told["keys"] == 0
    assert 0 <= told["age_seconds"]["model"] < 3600
    assert told["log"]["dropped"] == 0
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready"}


def test_metrics_count(client, one) -> None:
    for date in (one["date"], one["date"], "1999-01-01"):
        client.post("/predict", json={**one, "date": date})
    text = client.get("/metrics").text
    assert 'foresell_requests_total{endpoint="/predict",method="POST",status="200"} 2.0' in text
    assert 'foresell_requests_total{endpoint="/predict",method="POST",status="422"} 1.0' in text
    assert 'foresell_predictions_total{endpoint="/predict",outcome="answered"} 2.0' in text
    assert 'foresell_predictions_total{endpoint="/predict",outcome="refused"} 1.0' in text
    assert 'foresell_request_seconds_count{endpoint="/predict"} 3.0' in text
    assert "foresell_model_loaded 1.0" in text
    end = time.monotonic() + 60
    while "foresell_log_written_total 2.0" not in client.get("/metrics").text:
        assert time.monotonic() < end
        time.sleep(0.05)
