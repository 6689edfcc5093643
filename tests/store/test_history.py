"""What is kept over time: once, whatever is put twice."""

from __future__ import annotations

import os
from datetime import date

import polars as pl
import pytest

from foresell.store.history import History


@pytest.fixture
def history(tmp_path) -> History:
    return History(tmp_path / "history")


def table(mean: float) -> pl.DataFrame:
    return pl.DataFrame({"step": [1, 2], "mean": [mean, mean]})


def test_a_forecast_is_kept_once_by_cutoff_and_model(history):
    for mean in (1.0, 2.0):
        history.keep_forecast(table(mean), date(2024, 3, 1), "b")
    history.keep_forecast(table(3.0), date(2024, 2, 1), "c")
    history.keep_forecast(table(4.0), date(2024, 3, 1), "a")
    kept = history.forecasts()
    assert [(forecast.cutoff.month, forecast.model) for forecast in kept] == [(2, "c"), (3, "b"), (3, "a")]
    assert kept[1].read()["mean"].to_list() == [2.0, 2.0]
    assert history.has_forecast(date(2024, 3, 1), "a")
    assert not history.has_forecast(date(2024, 3, 2), "a")
    assert kept[0].path.parent.name == "cutoff=2024-02-01"


def test_rows_with_the_same_keys_make_way(history):
    first = pl.DataFrame({"model": ["a", "a", "b"], "step": [1, 2, 1], "units": [1.0, 2.0, 3.0]})
    history.put("accuracy", first, ["model"])
    table_of_both = history.put("accuracy", pl.DataFrame({"model": ["a"], "step": [1], "units": [9.0]}), ["model"])
    assert table_of_both.rows() == [("a", 1, 9.0), ("b", 1, 3.0)]
    assert history.table("accuracy").equals(table_of_both)


def test_keys_that_are_null_are_keys_too(history):
    rows = pl.DataFrame({"model": [None, "a"], "units": [1.0, 2.0]}, schema={"model": pl.String, "units": pl.Float64})
    history.put("accuracy", rows, ["model"])
    assert history.put("accuracy", rows, ["model"]).height == 2


def test_what_is_put_twice_is_not_written_twice(history):
    rows = pl.DataFrame({"model": ["a"], "units": [1.0]})
    history.put("accuracy", rows, ["model"])
    written_at = (history.root / "accuracy.parquet").stat().st_mtime_ns
    history.put("accuracy", rows, ["model"])
    assert (history.root / "accuracy.parquet").stat().st_mtime_ns == written_at


def test_rows_may_be_replaced_by_none(history):
    def rows(*codes: str) -> pl.DataFrame:
        return pl.DataFrame({"as_of": "x", "code": pl.Series(codes, dtype=pl.String)})

    history.replace("findings", rows("gaps", "bias-shifted"), "as_of", "x")
    history.replace("findings", rows("gaps").with_columns(as_of=pl.lit("y")), "as_of", "y")
    assert history.replace("findings", rows(), "as_of", "x").rows() == [("y", "gaps")]


def test_what_was_never_put_is_none(history):
    assert history.table("accuracy") is None
    assert history.backtest("a") is None
    assert history.forecasts() == []
    history.keep_backtest(table(1.0), "a")
    assert history.backtest("a").height == 2


def test_a_forecast_knows_its_last_day_and_can_be_dropped(history):
    days = [date(2024, 3, 2), date(2024, 3, 3)]
    for model in "ab":
        history.keep_forecast(pl.DataFrame({"date": days, "mean": [1.0, 2.0]}), date(2024, 3, 1), model)
    first, second = history.forecasts()
    assert first.last == date(2024, 3, 3)
    history.drop_forecast(first)
    assert history.forecasts() == [second]
    history.drop_forecast(second)
    history.drop_forecast(second)
    assert list((history.root / "forecasts").iterdir()) == []


def both_of_a_day(history: History) -> list[str]:
    """Keeps a forecast by each of two models at one cutoff, that by ``b`` first."""
    for model in "ba":
        history.keep_forecast(table(1.0), date(2024, 3, 1), model)
    return [forecast.model for forecast in history.forecasts()]


def test_the_order_in_which_forecasts_were_made_outlasts_a_copy_of_the_files(history):
    assert both_of_a_day(history) == ["b", "a"]
    for forecast in history.forecasts():  # `cp -r`, `git` and `dvc checkout` give files times of their own
        os.utime(forecast.path, (0, 0) if forecast.model == "a" else (9, 9))
    assert [forecast.model for forecast in history.forecasts()] == ["b", "a"]
    history.keep_forecast(table(1.0), date(2024, 3, 1), "b")  # made once more, after a rollback
    assert [forecast.model for forecast in history.forecasts()] == ["a", "b"]


def test_forecasts_that_an_older_foresell_kept_are_older_and_by_the_time_of_their_files(history):
    assert both_of_a_day(history) == ["b", "a"]
    for number, model in enumerate("dc"):
        path = history.keep_forecast(table(1.0), date(2024, 3, 1), model)
        table(1.0).write_parquet(path)  # as it was kept before there was a column for it
        os.utime(path, (2e9 + number, 2e9 + number))
    kept = history.forecasts()
    assert [forecast.model for forecast in kept] == ["d", "c", "b", "a"]
    assert [forecast.made is None for forecast in kept] == [True, True, False, False]
    assert kept[0].read().columns == ["step", "mean"]
