"""Daily revenue ahead: which days can be asked, ranges from past errors, what is said where there is none."""

from __future__ import annotations

import sys
from datetime import timedelta

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.transactions import revenue
from foresell.transactions.revenue import DailyRevenue, ErrorQuantiles, error_quantiles, learn

FIRST = np.datetime64("2024-01-01")


def daily(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Days and revenue with a strong week, closed on Sundays."""
    random = np.random.default_rng(seed)
    day = np.arange(count)
    week = np.array([80.0, 90, 100, 110, 150, 200, np.nan])
    return FIRST + day, week[day % 7] * np.exp(0.1 * random.standard_normal(count))


@pytest.fixture(scope="module")
def learnt() -> DailyRevenue:
    pytest.importorskip("statsforecast")
    return learn(*daily(240), of="sums")


def test_the_week_is_forecast_and_closed_days_are_nothing(learnt):
    forecast = learnt.forecast(learnt.first, learnt.first + timedelta(days=27), (0.05, 0.95))
    assert forecast.columns == ["date", "mean", "q050", "q950"]
    assert forecast["date"][0] == learnt.cutoff + timedelta(days=1)
    weekday = forecast["date"].dt.weekday().to_numpy()
    assert forecast["mean"].to_numpy()[weekday == 6] == pytest.approx(200, rel=0.15)
    assert forecast["mean"].to_numpy()[weekday == 1] == pytest.approx(80, rel=0.25)
    closed = forecast.filter(forecast["date"].dt.weekday() == 7)
    assert closed["mean"].to_list() == closed["q950"].to_list() == [0.0] * 4
    open_days = forecast.filter(forecast["date"].dt.weekday() < 7)
    assert (open_days["q050"] < open_days["mean"]).all()
    assert (open_days["mean"] < open_days["q950"]).all()


def test_it_was_tried_on_later_windows_than_it_was_learnt_from(learnt):
    assert learnt.tested.windows >= 3
    # Noise of 10 % makes a WAPE of 8 % at best; last week's noise adds to it.
    assert 0.06 < learnt.tested.wape_month < learnt.tested.naive_month < 0.2
    assert learnt.tested.coverage > 0.75
    assert learnt.form.startswith("ARIMA(")


def test_it_reads_the_same_after_it_was_written(learnt, tmp_path):
    learnt.save(tmp_path)
    assert DailyRevenue.load(tmp_path) == learnt
    file = tmp_path / revenue.FILE
    whole = file.read_bytes()
    for wrong in (whole[:-50], b"{}", whole.replace(b"daily revenue", b"weekly revenue")):
        file.write_bytes(wrong)
        with pytest.raises(UnreadableFile, match="Train it again"):
            DailyRevenue.load(tmp_path)
    file.unlink()
    with pytest.raises(UnreadableFile, match="Train it again"):
        DailyRevenue.load(tmp_path)


def test_days_that_cannot_be_asked_say_which_can(learnt):
    day = timedelta(days=1)
    for first, last in (
        (learnt.cutoff, learnt.last),
        (learnt.first, learnt.last + day),
        (learnt.first + day, learnt.first),
    ):
        with pytest.raises(UsageError, match=f"expected days from {learnt.first} to {learnt.last}"):
            learnt.forecast(first, last)
    with pytest.raises(UsageError, match=r"The quantiles are 1\.5"):
        learnt.forecast(learnt.first, learnt.last, (1.5,))
    assert learnt.forecast(learnt.first, learnt.last).height == 240


def test_errors_are_shares_of_the_forecast_and_grow_with_the_distance():
    mean = np.full((60, 28), 100.0)
    errors = np.where(np.arange(28) < 7, 0.1, 0.3) * np.where(np.arange(60) % 2, 1, -1)[:, None]
    spread = error_quantiles(mean * (1 + errors), mean, 10.0)
    quantiles = spread.quantiles(np.array([200.0, 200.0, 0.0, 1.0]), np.array([7, 8, 9, 9]), (0.05, 0.95))
    assert quantiles[:, 0].tolist() == [180.0, 220.0]
    assert quantiles[:, 1].tolist() == [140.0, 260.0]
    assert quantiles[:, 2].tolist() == [0.0, 0.0]  # a closed day
    assert quantiles[:, 3].tolist() == [0.0, 4.0]  # 1 + 0.3 x 10, and never below 0
    # Of later parts nothing is known: the wider by the root of how much further their middle lies.
    far = spread.quantiles(np.array([100.0]), np.array([60]), (0.95,))
    assert far[0, 0] == pytest.approx(100 + 30 * np.sqrt(((28 + 91) / 2) / ((7 + 28) / 2)))
    assert spread.known == 28


def test_a_later_part_is_never_the_narrower_one():
    mean = np.full((60, 28), 100.0)
    errors = np.where(np.arange(28) < 7, 0.3, 0.1) * np.where(np.arange(60) % 2, 1, -1)[:, None]
    spread = error_quantiles(mean * (1 + errors), mean, 10.0)
    assert isinstance(spread, ErrorQuantiles)
    assert spread.quantiles(np.array([100.0, 100.0]), np.array([1, 28]), (0.95,))[0] == pytest.approx([130, 130])


def test_where_there_is_none_the_reason_is_said(tmp_path, monkeypatch):
    short = learn(*daily(40), of="sums")
    assert "35 days with sales" in short.reason
    short.save(tmp_path)
    with pytest.raises(UsageError, match="no forecast of daily revenue: there are 35 days"):
        DailyRevenue.load(tmp_path).forecast(FIRST.astype(object), FIRST.astype(object))
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    assert "extra 'statistical' is not installed" in learn(*daily(240), of="sums").reason
