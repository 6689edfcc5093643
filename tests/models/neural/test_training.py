"""Training: what is learnt, when it stops, and how it goes on after a stop."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from foresell.core.errors import NotInstalled, UsageError
from foresell.models import make
from foresell.models.neural import training

pytestmark = pytest.mark.usefixtures("torch")

SMALL = {"units": 8, "past": 14, "max_windows": 400, "batch": 64, "days": 60, "threads": 1}
HORIZON = 9


class Stopped(Exception):
    """Comes in the middle of a training."""


def stopping_after(epochs):
    def progress(done, total):
        if done == epochs:
            raise Stopped

    return progress


def test_it_learns_weeks_and_promotions(make_shop):
    panel, mean = make_shop(n_series=40, n_days=200)
    fitted = make("lstm", epochs=12, max_windows=3_000, units=16, learning_rate=0.01, days=150).fit(panel, 14)
    forecast = fitted.forecast(panel).mean
    flat = np.nanmean(panel.units[:, -91:], axis=1)[:, None]

    def error(values):
        return float((np.abs(values - mean) / mean).mean())

    assert error(forecast) < 0.6 * error(np.broadcast_to(flat, mean.shape))


def test_a_training_that_was_stopped_goes_on(make_panel, tmp_path):
    panel = make_panel()
    whole = make("lstm", epochs=4, **SMALL).fit(panel, HORIZON)
    with pytest.raises(Stopped):
        make("lstm", epochs=4, checkpoints=tmp_path, **SMALL).fit(panel, HORIZON, progress=stopping_after(2))
    assert len(list(tmp_path.iterdir())) == 1
    done = []
    again = make("lstm", epochs=4, checkpoints=tmp_path, **SMALL)
    fitted = again.fit(panel, HORIZON, progress=lambda epochs, total: done.append(epochs))
    assert done == [3, 4]
    assert fitted.losses == whole.losses
    for name, values in whole.weights[0].items():
        np.testing.assert_array_equal(fitted.weights[0][name], values)
    done.clear()
    again.fit(panel, HORIZON, progress=lambda epochs, total: done.append(epochs))
    assert done == []


def test_other_data_or_options_begin_anew(make_panel, tmp_path):
    panel = make_panel()
    make("lstm", epochs=1, checkpoints=tmp_path, **SMALL).fit(panel, HORIZON)
    make("lstm", epochs=1, checkpoints=tmp_path, **SMALL, seed=2).fit(panel, HORIZON)
    make("lstm", epochs=1, checkpoints=tmp_path, **SMALL).fit(panel.until(148), HORIZON)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_checkpoint_is_left_aside(make_panel, tmp_path):
    panel = make_panel()
    options = {**SMALL, "epochs": 1, "checkpoints": tmp_path}
    first = make("lstm", **options).fit(panel, HORIZON)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    again = make("lstm", **options).fit(panel, HORIZON)
    np.testing.assert_array_equal(again.forecast(panel).mean, first.forecast(panel).mean)


def test_it_stops_early_and_keeps_the_best_epoch(make_panel):
    fitted = make("lstm", epochs=50, patience=2, learning_rate=0.2, **SMALL).fit(make_panel(), HORIZON)
    (losses,) = fitted.losses
    assert len(losses) < 50
    assert losses.index(min(losses)) == len(losses) - 3


def test_networks_of_other_seeds_are_averaged(make_panel):
    panel = make_panel()
    one, other = (make("lstm", epochs=1, seed=seed, **SMALL).fit(panel, HORIZON) for seed in (1, 2))
    both = make("lstm", epochs=1, networks=2, **SMALL).fit(panel, HORIZON)
    assert len(both.weights) == 2
    np.testing.assert_array_equal(both.weights[0]["output.weight"], one.weights[0]["output.weight"])
    assert not np.array_equal(one.forecast(panel).mean, other.forecast(panel).mean)


def test_a_loss_of_counts_worked_by_hand(torch):
    """With mean 2 and dispersion 0.5, size 2 and p 0.5, a count of 3 has the probability C(4, 3) 0.5 ** 5."""
    spread = torch.log(torch.expm1(torch.tensor([[0.499]])))  # softplus of it, and 0.001, are 0.5
    units, level, ratio = torch.tensor([[3.0]]), torch.tensor([[4.0]]), torch.log(torch.tensor([[0.5]]))
    found = training.negative_binomial(torch, units, (level, level), ratio, spread)
    assert float(found) + float(torch.lgamma(torch.tensor(4.0))) == pytest.approx(-np.log(4 * 0.5**5), rel=1e-4)


def test_a_quasi_likelihood_worked_by_hand(torch):
    """A mean of 2, 3 sold, a variance of 5 times the mean: (2 - 3 log(1/2)) / 5, as the level is 4."""
    units, ratio = torch.tensor([[3.0]]), torch.log(torch.tensor([[0.5]]))
    found = training.quasi_poisson(torch, units, (torch.tensor([[4.0]]), torch.tensor([[5.0]])), ratio, None)
    assert float(found) == pytest.approx((2 + 3 * np.log(2)) / 5)


@pytest.mark.parametrize("likelihood", ["quasi_poisson", "gaussian"])
def test_units_need_not_be_counts(make_panel, likelihood):
    panel = make_panel()
    panel.units[:] *= 0.37
    fitted = make("lstm", epochs=1, likelihood=likelihood, **SMALL).fit(panel, HORIZON)
    assert (fitted.forecast(panel).mean[0] > 0).all()


@pytest.mark.parametrize("days", [18, 5])
def test_a_history_that_is_too_short_is_refused(make_panel, days):
    with pytest.raises(UsageError, match=r"18, of which the last 9 .* Give a longer history or a shorter horizon"):
        make("lstm", **SMALL).fit(make_panel(days), HORIZON)


def test_the_shortest_history_that_is_enough(make_panel):
    panel = make_panel(19, gaps=False)
    assert make("lstm", epochs=1, **SMALL).fit(panel, HORIZON).forecast(panel).mean.shape == (8, HORIZON)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("likelihood", "normal", "one of negative_binomial, quasi_poisson, gaussian"),
        ("epochs", 0, "a whole number from 1"),
        ("threads", -1, "a whole number from 0"),
        ("dropout", 1, "a number from 0, below 1"),
        ("learning_rate", 0, "a number above 0, at most 1"),
    ],
)
def test_options_are_checked(option, value, expected):
    with pytest.raises(UsageError, match=f"'{option}' of the model 'lstm' is {value!r}; expected {expected}"):
        make("lstm", **{option: value})


def test_a_training_that_diverges_is_refused(make_panel):
    panel = make_panel()
    panel.units[0] = np.float32(3e38)  # a mean of twice as many is infinite
    with pytest.raises(UsageError, match=r"diverged in epoch 1.*Lower the model's option 'learning_rate'"):
        make("lstm", likelihood="quasi_poisson", **SMALL).fit(panel, HORIZON)


def test_torch_is_needed_for_training_only(make_panel, monkeypatch):
    panel = make_panel()
    fitted = make("lstm", epochs=1, **SMALL).fit(panel, HORIZON)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert fitted.forecast(panel).mean.shape == (8, HORIZON)
    with pytest.raises(NotInstalled, match="neural"):
        make("lstm", **SMALL).fit(panel, HORIZON)


def test_a_saved_model_is_asked_without_torch(make_panel, tmp_path):
    panel = make_panel()
    make("lstm", epochs=1, **SMALL).fit(panel, HORIZON).save(tmp_path)
    code = f"from foresell.models import load; load({str(tmp_path)!r}); import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
