"""Exponential smoothing and Theta of one series.

The fit chooses the form. A forecast estimates the parameters on the history to the cutoff.
"""

from __future__ import annotations

import re

from foresell.models.statistical.history import History
from foresell.models.statistical.series import SeriesFit, SeriesForecast, statsforecast_module


def fit_ets(history: History) -> SeriesFit:
    """The form of error, trend and season with the smallest AICc (FPP3, section 8.6).

    Each of the three is additive or multiplicative; trend and season may also be missing.
    """
    fit = statsforecast_module("ets").ets_f(history.units, history.season)
    error, trend, season, damped = fit["components"]
    return SeriesFit(f"ETS({error},{trend}{'d' if damped == 'D' else ''},{season})")


def forecast_ets(history: History, series_fit: SeriesFit) -> SeriesForecast:
    """The mean of the days after the history."""
    ets = statsforecast_module("ets")
    error, trend, damped, season = re.fullmatch(r"ETS\((\w),([NAM])(d?),(\w)\)", series_fit.form).groups()  # type: ignore[union-attr]
    fit = ets.ets_f(history.units, history.season, model=error + trend + season, damped=bool(damped))
    return SeriesForecast(ets.forecast_ets(fit, history.horizon)["mean"])


def fit_theta(history: History) -> SeriesFit:
    """The form with the smallest one-step error: standard (STM), optimised (OTM) or dynamic (DSTM, DOTM): Fiorucci and
    others (2016), International Journal of Forecasting 32(4)."""
    return SeriesFit(statsforecast_module("theta").auto_theta(history.units, history.season)["modeltype"])


def forecast_theta(history: History, series_fit: SeriesFit) -> SeriesForecast:
    """The mean of the days after the history."""
    theta = statsforecast_module("theta")
    fit = theta.auto_theta(history.units, history.season, model=series_fit.form)
    return SeriesForecast(theta.forecast_theta(fit, history.horizon)["mean"])
