"""The arithmetic of the process, against slow and independent computations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency
from foresell.models.upper_levels.calendar_days import CalendarDays
from foresell.models.upper_levels.calendar_kernel import CalendarKernel
from foresell.models.upper_levels.default_parameters import ROOT, default_parameters
from foresell.models.upper_levels.process import negative_log_likelihood, posterior


@pytest.fixture(params=[Frequency.HOUR, Frequency.DAY, Frequency.WEEK])
def days(request, make_panel):
    """Eighty periods and nine ahead, with events, holidays and covariates; and the frequency."""
    panel = replace(make_panel(80, frequency=request.param), country="US")
    dates = panel.dates[[3, 40]].astype("datetime64[D]")
    panel = replace(panel, events=pl.DataFrame({"date": dates, "event": ["sale", "sale"]}))
    return CalendarDays.of(panel, 9, np.zeros(80, bool))


def series(n_days):
    return np.random.default_rng(0).normal(size=(3, n_days)) * 0.1


def test_the_slopes_are_those_of_finite_differences(days):
    past = days.part(np.arange(80))
    kernel, values = CalendarKernel.between(past, past), series(80)
    parameters = default_parameters(ROOT, days.frequency)
    _, slopes = negative_log_likelihood(kernel, values, parameters)
    assert set(slopes) == set(parameters)
    for name, value in parameters.items():
        above, below = (
            negative_log_likelihood(kernel, values, {**parameters, name: value + step})[0] for step in (1e-5, -1e-5)
        )
        assert slopes[name] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-3)


def test_the_likelihood_is_that_of_a_normal_distribution(days):
    from scipy.stats import multivariate_normal

    past = days.part(np.arange(80))
    kernel, values = CalendarKernel.between(past, past), series(80)
    parameters = default_parameters(ROOT, days.frequency)
    covariance = kernel.covariance(parameters) + np.exp(2 * parameters["noise"]) * np.eye(80)
    density = multivariate_normal(np.zeros(80), covariance).logpdf(values).mean()
    value, _ = negative_log_likelihood(kernel, values, parameters)
    assert value == pytest.approx(-density - 40 * np.log(2 * np.pi))


def test_the_covariance_is_symmetric_and_positive(days):
    past = days.part(np.arange(80))
    covariance = CalendarKernel.between(past, past).covariance(default_parameters(ROOT, days.frequency))
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-8


def test_the_posterior_without_outliers_is_the_textbook_one(days):
    past, ahead = days.part(np.arange(80)), days.part(np.arange(80, 89))
    parameters = default_parameters(ROOT, days.frequency)
    values = np.random.default_rng(0).choice([-0.1, 0.1], (3, 80))  # no day stands out
    result = posterior(past, ahead, values, parameters)
    covariance = CalendarKernel.between(past, past).covariance(parameters) + np.exp(2 * parameters["noise"]) * np.eye(
        80
    )
    mean = values.mean(axis=1, keepdims=True)
    solved = np.linalg.solve(covariance, (values - mean).T)
    expected = (CalendarKernel.between(ahead, past).covariance(parameters) @ solved).T + mean
    np.testing.assert_allclose(result.ahead, expected, atol=1e-3)
    assert result.past.shape == values.shape
