from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Panel
from foresell.models.intermittent import ADIDA, SBA, TSB, Croston, unknown_first

NAN = np.nan


def forecast(model, units, horizon=3, frequency=Frequency.MONTH):
    units = np.array(units, np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1], frequency)
    panel = Panel(pl.DataFrame({"item": range(len(units))}), ("item",), dates, units, frequency=frequency)
    return model.fit(panel, horizon).forecast(panel).mean


def test_croston_by_hand():
    # demands 3, 6, 2 after 2, 1 and 3 days; size 3 -> 3 + 0.2 x 3 = 3.6 -> 3.6 - 0.2 x 1.6 = 3.28;
    # interval 2 -> 2 - 0.2 x 1 = 1.8 -> 1.8 + 0.2 x 1.2 = 2.04; what comes after the last demand does not count
    units = [[0, 3, 6, 0, 0, 2, 0, 0]]
    assert forecast(Croston(alpha=0.2), units)[0] == pytest.approx([3.28 / 2.04] * 3)


def test_sba_takes_out_half_of_alpha():
    units = [[0, 3, 6, 0, 0, 2, 0, 0]]
    assert forecast(SBA(alpha=0.2), units)[0] == pytest.approx([0.9 * 3.28 / 2.04] * 3)


def test_tsb_by_hand():
    # probability 0 -> 0.5 -> 0.75 -> 0.375 -> 0.1875 -> 0.59375; size 4 -> 4 + 0.25 x 4 = 5 -> 5 - 0.25 x 3 = 4.25
    units = [[0, 4, 8, 0, 0, 2]]
    assert forecast(TSB(alpha=0.25, beta=0.5), units)[0] == pytest.approx([0.59375 * 4.25] * 3)


def test_tsb_forgets_what_has_ceased_to_sell_and_croston_does_not():
    units = [[2, 2, 2, 2] + [0] * 20, [2, 2, 2, 2] + [NAN] * 4 + [0] * 16]
    assert forecast(TSB(), units)[0] == pytest.approx([2 * 0.9**20] * 3)
    assert forecast(TSB(), units)[1] == pytest.approx([2 * 0.9**16] * 3)
    assert forecast(Croston(), units)[0] == pytest.approx([2] * 3)


def test_adida_by_hand():
    # demands on days 3, 6 and 9: a mean interval of 3, so buckets 2, 4, 6 (the two oldest days fill none).
    # One-step errors are 4 - 2 and 6 - (2 + 2a): least for the largest a, 0.3: 2 -> 2.6 -> 3.62
    units = [[0, 0, 2, 0, 0, 4, 0, 0, 6]]
    assert forecast(ADIDA(), units)[0] == pytest.approx([3.62 / 3] * 3)


def test_adida_buckets_end_at_the_cutoff():
    # seven days, demands on the second, fourth and sixth: buckets of two days; the first day is left out
    units = [[0, 5, 0, 5, 0, 5, 0]]
    assert forecast(ADIDA(), units)[0] == pytest.approx([2.5] * 3)


@pytest.mark.parametrize("model", [Croston(), SBA(), TSB(), ADIDA()])
def test_unknown_days_count_for_nothing(model):
    plain = [0, 3, 6, 0, 0, 2, 0, 1]
    holes = [NAN, NAN, 0, 3, NAN, 6, 0, 0, NAN, NAN, 2, 0, 1]
    assert forecast(model, [holes])[0].tolist() == forecast(model, [plain])[0].tolist()


@pytest.mark.parametrize("model", [Croston(), SBA(), TSB(), ADIDA()])
def test_what_never_sold_is_forecast_nothing(model):
    assert forecast(model, [[0] * 9, [NAN] * 9, [-1.0] * 9]).tolist() == [[0, 0, 0]] * 3


@pytest.mark.parametrize("model", [Croston(), SBA(), TSB(), ADIDA()])
def test_a_series_among_others_is_as_alone(model):
    random = np.random.default_rng(3)
    units = random.poisson(0.4, (30, 80)) * random.integers(1, 5, (30, 80)).astype(float)
    units[random.random(units.shape) < 0.1] = NAN
    units[5, :70] = NAN
    together = forecast(model, units)
    alone = np.concatenate([forecast(model, [row]) for row in units])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    ("model", "reference", "options", "close"),
    [
        (Croston(), "CrostonClassic", {}, 1e-6),
        (SBA(), "CrostonSBA", {}, 1e-6),
        (TSB(alpha=0.1, beta=0.2), "TSB", {"alpha_d": 0.1, "alpha_p": 0.2}, 1e-6),
        (ADIDA(), "ADIDA", {}, 0.03),  # theirs looks for alpha between ours, too
    ],
)
def test_as_statsforecast_has_it(model, reference, options, close):
    library = pytest.importorskip("statsforecast.models", reason="needs the extra 'statistical'")
    random = np.random.default_rng(4)
    compared = 0
    for _ in range(25):
        units = random.poisson(0.5, 60) * random.integers(1, 6, 60).astype(float)
        if isinstance(model, ADIDA):  # theirs leaves out the last days that fill no bucket, ours the first
            sold = np.flatnonzero(units)
            units = units[len(units) % round((sold[-1] + 1) / len(sold)) :]
            sold = np.flatnonzero(units)
            if len(units) % round((sold[-1] + 1) / len(sold)):
                continue
        expected = getattr(library, reference)(**options).forecast(units, 1)["mean"][0]
        assert forecast(model, [units])[0, 0] == pytest.approx(expected, rel=close)
        compared += 1
    assert compared > 15


def test_closed_sundays_stay_closed():
    week = [1, 0, 2, 0, 1, 0, NAN]  # 2024-01-01 was a Monday
    mean = forecast(Croston(), [week * 8], horizon=8, frequency=Frequency.DAY)
    assert mean[0, 6] == 0
    assert (mean[0, [0, 1, 2, 3, 4, 5, 7]] > 0).all()


def test_unknown_days_come_first():
    sorted_units = unknown_first(np.array([[1, NAN, -2, 3, NAN]], np.float32))
    np.testing.assert_array_equal(sorted_units, [[NAN, NAN, 1, 0, 3]])


@pytest.mark.parametrize("wrong", [0, -0.1, 1.5, "0.1", True])
def test_smoothing_constants_are_shares(wrong):
    with pytest.raises(UsageError, match="'alpha' of the model 'sba'"):
        SBA(alpha=wrong)
    with pytest.raises(UsageError, match="'beta' of the model 'tsb'"):
        TSB(beta=wrong)
