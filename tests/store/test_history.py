"""What is kept over time: once, whatever is put twice."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.store.history import History


@pytest.fixture
def history(tmp_path) -> History:
    return History(tmp_path / "history")


def forecast(mean: float) -> pl.DataFrame:
    return pl.DataFrame({"step": [1, 2], "mean": [mean, mean]})


def test_a_forecast_is_kept_once_by_cutoff_and_model(history):
    for mean in (1.0, 2.0):
        history.keep_forecast(forecast(mean), date(2024, 3, 1), "b")
    history.keep_forecast(forecast(3.0), date(2024, 2, 1), "c")
    history.keep_forecast(forecast(4.0), date(2024, 3, 1), "a")
    kept = history.forecasts()
    assert [(each.cutoff.month, each.model) for each in kept] == [(2, "c"), (3, "b"), (3, "a")]
    assert kept[1].read()["mean"].to_list() == [2.0, 2.0]
    assert history.has_forecast(date(2024, 3, 1), "a")
    assert not history.has_forecast(date(2024, 3, 2), "a")
    assert kept[0].path.parent.name == "cutoff=2024-02-01"


def test_rows_with_the_same_keys_make_way(history):
    first = pl.DataFrame({"model": ["a", "a", "b"], "step": [1, 2, 1], "units": [1.0, 2.0, 3.0]})
    history.put("accuracy", first, ["model"])
    whole = history.put("accuracy", pl.DataFrame({"model": ["a"], "step": [1], "units": [9.0]}), ["model"])
    assert whole.rows() == [("a", 1, 9.0), ("b", 1, 3.0)]
    assert history.table("accuracy").equals(whole)


def test_keys_that_are_null_are_keys_too(history):
    rows = pl.DataFrame({"model": [None, "a"], "units": [1.0, 2.0]}, schema={"model": pl.String, "units": pl.Float64})
    history.put("accuracy", rows, ["model"])
    assert history.put("accuracy", rows, ["model"]).height == 2


def test_what_is_put_twice_is_not_written_twice(history):
    rows = pl.DataFrame({"model": ["a"], "units": [1.0]})
    history.put("accuracy", rows, ["model"])
    written = (history.root / "accuracy.parquet").stat().st_mtime_ns
    history.put("accuracy", rows, ["model"])
    assert (history.root / "accuracy.parquet").stat().st_mtime_ns == written


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
    history.keep_backtest(forecast(1.0), "a")
    assert history.backtest("a").height == 2
