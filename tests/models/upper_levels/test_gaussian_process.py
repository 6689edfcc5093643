"""What the process of sums promises, on small panels of sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.frequency import Frequency
from foresell.models import load, make, make_of_sums
from foresell.models.upper_levels.totals import panel_of_sums

LEVELS = ((), ("shop",), ("shop", "category"))
HORIZON = 9


@pytest.fixture
def sums_of(make_panel):
    """Makes the sums of a small panel."""
    return lambda *days, **options: panel_of_sums(make_panel(*days, **options), LEVELS)


def process(**options):
    return make_of_sums("gaussian_process", Frequency.DAY, **{"evaluations": 2, **options})


@pytest.mark.parametrize("frequency", Frequency)
def test_a_mean_for_every_sum_and_step(sums_of, frequency):
    sums = sums_of(150, frequency=frequency)
    forecast = process().fit(sums, HORIZON).forecast(sums)
    assert forecast.mean.shape == (7, HORIZON)
    assert forecast.mean.dtype == np.float32
    assert (forecast.mean >= 0).all()
    assert (forecast.mean[0] > 0).all()
    assert (forecast.dates == sums.ahead(HORIZON)).all()
    recent = np.nanmean(sums.units[0, -28:])
    assert 0.5 * recent < forecast.mean[0].mean() < 2 * recent


def test_nothing_after_the_cutoff_is_looked_at(sums_of):
    sums, scrambled = sums_of(200), sums_of(200)
    scrambled.units[:, 150:] = np.random.default_rng(1).permutation(scrambled.units[:, 150:].ravel()).reshape(7, 50)
    first, second = (
        process().fit(panel.until(149), HORIZON).forecast(panel.until(149)).mean for panel in (sums, scrambled)
    )
    np.testing.assert_array_equal(first, second)


def test_it_comes_back_from_a_folder(sums_of, tmp_path):
    sums = sums_of()
    fitted = process().fit(sums, HORIZON)
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").forecast(sums).mean, fitted.forecast(sums).mean)
    (tmp_path / "model" / "model.json").write_text('{"kind": "gaussian_process", "horizon": 9}')
    with pytest.raises(UnreadableFile, match="whole saved model"):
        load(tmp_path / "model")


def test_it_can_be_asked_at_a_later_cutoff_and_about_some_sums(sums_of):
    sums = sums_of(160)
    fitted = process().fit(sums.until(149), HORIZON)
    assert fitted.forecast(sums).mean.shape == (7, HORIZON)
    assert not np.array_equal(fitted.forecast(sums).mean, fitted.forecast(sums.until(149)).mean)
    for row in range(sums.n_series):
        alone = sums.part(slice(row, row + 1))
        assert (fitted.forecast(alone).mean >= 0).all()


def test_sums_without_history_are_zero(sums_of):
    sums = sums_of()
    sums.units[6] = np.nan
    mean = process().fit(sums, HORIZON).forecast(sums).mean
    assert (mean[6] == 0).all()
    assert (mean[:6].mean(axis=1) > 0).all()


def test_what_never_sold_is_zero_and_what_never_changes_stays(sums_of):
    sums = sums_of()
    nothing = replace(sums, units=np.zeros_like(sums.units))
    assert (process().fit(nothing, HORIZON).forecast(nothing).mean == 0).all()
    same = replace(sums, units=np.full_like(sums.units, 7))
    np.testing.assert_allclose(process().fit(same, HORIZON).forecast(same).mean, 7, rtol=1e-3)


def test_days_without_a_sale_count_where_they_are_many(sums_of):
    sums = sums_of(gaps=False)
    units = np.where(np.random.default_rng(0).random(sums.n_days) < 0.5, 0, sums.units)
    seldom = replace(sums, units=units.astype(np.float32))
    mean = process().fit(seldom, HORIZON).forecast(seldom).mean[0].mean()
    assert 0.25 * np.nanmean(sums.units[0]) < mean < 0.75 * np.nanmean(sums.units[0])


def test_a_sum_that_has_ended_is_hardly_forecast(sums_of):
    sums = sums_of(gaps=False)
    sums.units[:, 90:] = 0
    mean = process().fit(sums, HORIZON).forecast(sums).mean[0].mean()
    assert mean < 0.1 * sums.units[0, :90].mean()


def test_an_outlier_hardly_counts(sums_of):
    sums, odd = sums_of(gaps=False), sums_of(gaps=False)
    odd.units[0, -3] *= 30
    plain, moved = (process().fit(panel, HORIZON).forecast(panel).mean[0] for panel in (sums, odd))
    np.testing.assert_allclose(moved, plain, rtol=0.35)  # the mean of the last 28 days has doubled


def test_a_day_on_which_nothing_is_sold_repeats_the_last_one(make_panel):
    panel = replace(make_panel(365 * 2, gaps=False), country="US")  # Christmas 2022 had a free Monday after it
    christmas = np.isin(panel.dates[: panel.n_days], np.array(["2022-12-25", "2023-12-25"], "datetime64[D]"))
    panel.units[:, christmas] = 0
    sums = panel_of_sums(panel, LEVELS)
    past = sums.until("2023-12-20")
    mean = process(evaluations=0).fit(past, HORIZON).forecast(past).mean
    assert (mean[:, 4] == 0).all()
    assert (mean[0, [3, 5]] > 0.5 * np.nanmean(past.units[0, -28:])).all()


def test_a_holiday_that_moves_closes_its_own_day_only(make_panel):
    panel = replace(make_panel(365 * 2, gaps=False), country="DE")
    ascension = np.array(["2022-05-26", "2023-05-18"], "datetime64[D]")
    panel.units[:, np.isin(panel.dates[: panel.n_days], ascension)] = 0
    past = panel_of_sums(panel, LEVELS).until("2023-05-17")
    assert (process(evaluations=0).fit(past, HORIZON).forecast(past).mean[:, 0] == 0).all()
    assert (process(evaluations=0).fit(past, HORIZON).forecast(past).mean[0, 1:] > 0).all()  # 26 May is the last


def test_a_weekday_on_which_nearly_all_is_closed_stays_so(sums_of):
    sums = sums_of(gaps=False)
    sunday = np.arange(sums.n_days) % 7 == 6
    quiet = replace(sums, units=np.where(sunday, 0.03 * sums.units, sums.units).astype(np.float32))
    mean = process(evaluations=0).fit(quiet, HORIZON).forecast(quiet).mean[0]
    sunday = np.arange(sums.n_days, sums.n_days + HORIZON) % 7 == 6
    assert mean[sunday].max() < 0.1 * mean[~sunday].min()


def test_a_weekday_of_another_height_is_learnt(sums_of):
    sums = sums_of(gaps=False)
    rhythm = 1 + 2.0 * (np.arange(sums.n_days) % 7 == 5)
    loud = replace(sums, units=(sums.units * rhythm).astype(np.float32))
    mean = process(evaluations=6).fit(loud, HORIZON).forecast(loud).mean[0]
    peaks = np.arange(sums.n_days, sums.n_days + HORIZON) % 7 == 5
    assert mean[peaks].min() > 1.4 * mean[~peaks].mean()


def test_progress_rises(sums_of):
    calls = []
    process().fit(sums_of(), HORIZON, progress=lambda done, total: calls.append((done, total)))
    assert calls
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert all(done <= total for done, total in calls)


def test_it_is_no_model_of_single_series():
    with pytest.raises(UsageError, match=r"totals\.models"):
        make("gaussian_process")
