"""The launch model by hand-made launches; what every model promises is in tests/contracts."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.models import load, make
from foresell.models.launch.model import Launch

HORIZON, N_DAYS = 14, 500
WEEK = np.array([0.6, 0.8, 1, 1, 1, 1.2, 1.4])
LEVELS = {"food": 40.0, "toys": 5.0}


def shop(begins_of_new=(), own=1.0, n_old=60, n_launched=40, noise=None):
    """Items of two kinds: there from the start, launched earlier (at half of their level for thirteen weeks), and new
    ones that begin so many days before the end (negative: after it). New ones sell `own` times what is usual.
    """
    random = np.random.default_rng(8)
    begin = np.concatenate(
        [np.zeros(n_old, int), random.integers(60, 220, n_launched), N_DAYS - np.array(begins_of_new, int)]
    )
    count = len(begin)
    kind = np.array(["food", "toys"] * count)[:count]
    level = np.array([LEVELS[name] for name in kind])
    level[n_old + n_launched :] *= own
    dates = period_range(np.datetime64("2024-01-01"), N_DAYS + HORIZON, Frequency.DAY)  # a Monday
    age = np.arange(len(dates)) - begin[:, None]
    share = np.where((begin[:, None] > 0) & (age < 91), 0.5, 1.0)
    mean = level[:, None] * share * WEEK[np.arange(len(dates)) % 7]
    drawn = mean if noise is None else random.poisson(mean)
    units = np.where(age >= 0, drawn, np.nan)[:, :N_DAYS].astype(np.float32)
    price = np.where(age >= 0, 3.0, np.nan).astype(np.float32)
    series = pl.DataFrame({"item": [f"i{k:03}" for k in range(count)], "kind": kind})
    panel = Panel(series, ("item",), dates, units, {"price": Known.of_each(price)})
    return panel, mean[:, N_DAYS:], age[:, N_DAYS:]


def forecast(panel, **options):
    return Launch(**options).fit(panel, HORIZON).forecast(panel).mean


def test_a_series_that_has_not_begun_is_forecast_by_its_kind_and_the_curve():
    panel, truth, age = shop(begins_of_new=(0, 0))
    mean = forecast(panel)[-2:]
    np.testing.assert_allclose(mean, truth[-2:], rtol=0.12)
    # The kinds differ by as much as they do, and both begin at about half of their level.
    np.testing.assert_allclose(mean[0] / mean[1], LEVELS["food"] / LEVELS["toys"], rtol=0.1)
    assert (age[-1] == np.arange(HORIZON)).all()


def test_before_its_first_price_it_sells_nothing():
    panel, truth, _ = shop(begins_of_new=(-5, -5))
    mean = forecast(panel)[-2:]
    assert (mean[:, :5] == 0).all()
    np.testing.assert_allclose(mean[:, 5:], truth[-2:, 5:], rtol=0.12)


def test_an_old_series_is_forecast_at_its_level_with_the_weekdays():
    panel, truth, _ = shop()
    np.testing.assert_allclose(forecast(panel), truth, rtol=0.02)


def test_its_own_sales_count_more_with_each_day():
    """An item that sells three times what is usual of its kind: the forecast gets there step by step."""
    ratios = []
    for days in (0, 2, 7, 28):
        panel, truth, _ = shop(begins_of_new=(days, days), own=3.0, noise=True)
        ratios.append(forecast(panel)[-2].sum() / truth[-2].sum())
    assert ratios[0] == pytest.approx(1 / 3, rel=0.15)
    assert ratios == sorted(ratios)
    assert ratios[-1] == pytest.approx(1, rel=0.15)


def test_other_shops_tell_of_an_item_that_is_new_in_one():
    """Twelve items with levels of their own in four shops; one shop gets all of them only now."""
    random = np.random.default_rng(2)
    level = np.repeat(random.gamma(2, 10, 12), 4)
    dates = period_range(np.datetime64("2024-01-01"), N_DAYS + HORIZON, Frequency.DAY)
    units = random.poisson(level[:, None] * np.ones(N_DAYS)).astype(np.float32)
    units[3::4] = np.nan
    items = [f"i{k}" for k in np.repeat(np.arange(12), 4)]
    series = pl.DataFrame({"item": items, "shop": ["a", "b", "c", "d"] * 12})
    mean = forecast(Panel(series, ("item", "shop"), dates, units))[3::4]
    np.testing.assert_allclose(mean.mean(axis=1), level[3::4], rtol=0.1)


def test_no_series_has_sold_anything():
    panel, _, _ = shop(n_old=4, n_launched=0)
    panel.units[:] = 0
    assert (forecast(panel) == 0).all()
    panel.units[:] = np.nan
    assert (forecast(panel) == 0).all()


def slow_forecast(fitted, panel, row):
    """The same forecast of one series, day by day from what was learnt; for a panel without promotions."""
    rhythm, takeoff, levels = fitted.day_profile, fitted.launch_curve, fitted.levels
    units, kind = panel.units[row], panel.series["kind"][row]
    known = [day for day in range(panel.n_days) if not np.isnan(units[day])]
    begin = known[0] if known else panel.n_days
    window = [day for day in known if day >= panel.n_days - 182]

    def curve(day):
        age = 182 if begin < 28 else day - begin
        place = min(max(age / 7 - 3 / 7, 0), 26)
        steps = [a * b for a, b in zip(takeoff.curve, takeoff.curves.get(kind, (1,) * 26), strict=True)] + [1.0, 1.0]
        return steps[int(place)] + (place - int(place)) * (steps[int(place) + 1] - steps[int(place)])

    season = [a * b for a, b in zip(rhythm.season, rhythm.seasons.get(kind, (1,) * 7), strict=True)]
    mean = sum(units[day] for day in window) / max(sum(season[day % 7] for day in window), 1e-12)
    noise = 1 + mean / rhythm.daily
    for place in range(7):
        days = [day for day in window if day % 7 == place]
        sold, expected = sum(units[day] for day in days) / noise, len(days) * mean * season[place] / noise
        season[place] *= (1 + rhythm.own * sold) / (1 + rhythm.own * expected)
    weight = {day: 0.5 ** ((known[-1] - day) / 28) for day in window}
    sold = sum(weight[day] * units[day] for day in window)
    exposure = sum(weight[day] * season[day % 7] * curve(day) for day in window)
    age = "from the start" if begin < 28 else "new" if panel.n_days - begin < 182 else "settled"
    usual = levels.base * levels.factors["kind",].get(kind, 1) * levels.factors["age_class",].get(age, 1)
    usual *= levels.factors["price_band",]["2"]
    noise = 1 + usual / rhythm.daily
    own = (levels.shape + sold / noise) / (levels.shape + usual * exposure / noise)
    return [usual * own * curve(day) * season[day % 7] for day in range(panel.n_days, panel.n_days + HORIZON)]


def test_a_slow_forecast_says_the_same():
    panel, _, _ = shop(begins_of_new=(0, 3, 20, 100), own=2.0, noise=True)
    panel.units[5, 300:420] = np.nan  # out of stock for long
    fitted = Launch().fit(panel, HORIZON)
    mean = fitted.forecast(panel).mean
    for row in (0, 1, 5, 60, 75, *range(panel.n_series - 4, panel.n_series)):
        np.testing.assert_allclose(mean[row], slow_forecast(fitted, panel, row), rtol=1e-4)


def test_an_explanation_tells_what_is_its_own_and_what_its_age():
    panel, _, _ = shop(begins_of_new=(28, 28), own=3.0, noise=True)
    fitted = Launch().fit(panel, HORIZON)
    why = fitted.explain(panel, [panel.n_series - 2])
    parts = dict(zip(why.features, why.units[:, 0].sum(axis=1), strict=True))
    assert parts["kind"] > 0  # food
    assert parts["own_sales"] > 0
    assert parts["age"] < 0
    assert {"kind", "price_band", "age_class", "own_sales", "age", "weekday", "promotion"} == set(parts)


def test_the_level_follows_the_half_life():
    panel, _, _ = shop(n_launched=0, n_old=30)
    panel.units[:, -28:] *= 2
    slow, fast = (forecast(panel, half_life=days).sum() for days in (365, 3))
    assert slow < 0.8 * fast


@pytest.mark.parametrize("half_life", [0, -3, 1.5, "7"])
def test_a_half_life_that_is_none(half_life):
    with pytest.raises(UsageError, match="half_life"):
        make("launch", half_life=half_life)


def test_a_damaged_model(tmp_path):
    panel, _, _ = shop(n_old=10, n_launched=0)
    Launch().fit(panel, HORIZON).save(tmp_path)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace('"takeoff"', '"takeon"'))
    with pytest.raises(UnreadableFile, match="Train it again"):
        load(tmp_path)
