"""Exponential smoothing and Theta of one series.

What is learnt is the form; a forecast estimates its parameters on the history to the cutoff.
"""

from __future__ import annotations

import re

from foresell.models.statistical.history import History
from foresell.models.statistical.series import Ahead, Learnt, library


def learn_ets(history: History) -> Learnt:
    """The form with the least AICc of error, trend and season, each additive, multiplicative or none: FPP3, 8.6."""
    fit = library("ets").ets_f(history.units, history.season)
    error, trend, season, damped = fit["components"]
    return Learnt(f"ETS({error},{trend}{'d' if damped == 'D' else ''},{season})")


def ahead_ets(history: History, learnt: Learnt) -> Ahead:
    """The mean of the days after the history."""
    ets = library("ets")
    error, trend, damped, season = re.fullmatch(r"ETS\((\w),([NAM])(d?),(\w)\)", learnt.form).groups()  # type: ignore[union-attr]
    fit = ets.ets_f(history.units, history.season, model=error + trend + season, damped=bool(damped))
    return Ahead(ets.forecast_ets(fit, history.horizon)["mean"])


def learn_theta(history: History) -> Learnt:
    """Which of the standard (STM), the optimised (OTM) and their dynamic forms (DSTM, DOTM) has the least error of
    one step: Fiorucci and others (2016), International Journal of Forecasting 32(4)."""
    return Learnt(library("theta").auto_theta(history.units, history.season)["modeltype"])


def ahead_theta(history: History, learnt: Learnt) -> Ahead:
    """The mean of the days after the history."""
    theta = library("theta")
    fit = theta.auto_theta(history.units, history.season, model=learnt.form)
    return Ahead(theta.forecast_theta(fit, history.horizon)["mean"])
