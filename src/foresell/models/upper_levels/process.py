"""The Gaussian process of log sums over days: its parameters by marginal likelihood, and its posterior mean.

The equations are those of Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from foresell.models.upper_levels.calendar_days import CalendarDays, has_weekdays
from foresell.models.upper_levels.calendar_kernel import AMPLITUDES, SEEN_OFTEN, CalendarKernel, Parameters

OUTLIER = 3.0
"""A day that lies more robust standard deviations from what the other days say counts as if it lay so many away."""

EXTREME = 1.0
"""The distance in log units from which on a weekday is no deviation from the mean any more."""

LEAST_NOISE = 1e-6
"""The smallest variance of noise, with which the covariance can still be factorized."""

PASSES = 3
"""How often outliers are looked for, because one can hide another."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Linear algebra in one thread: on a machine with other work, waiting for a second one took 40 times as long."""
    import_module("scipy.linalg")  # limits hold for libraries that are loaded
    with import_module("threadpoolctl").threadpool_limits(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True)
class Prior:
    """The standard deviations of parameters about their defaults.

    The `scale` is of what all amplitudes have moved alike, the others are of the rest. Those of how a level moves, and
    of all lengths, have `level`: a few years show them badly. The amplitudes of `calendar_kernel.SEEN_OFTEN` have
    `others`.
    """

    level: float
    others: float
    scale: float


@one_blas_thread()
def learn_parameters(
    days: CalendarDays,
    values: np.ndarray,
    start: Parameters,
    prior: Prior,
    evaluations: int,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """The parameters of the largest posterior density, given the series `values` [series, day], which share them.

    The density is the marginal likelihood, as the mean over the series because they are nearly alike, times a normal
    prior about `start`. The search ends after so many `evaluations`, so that the time is bounded.
    """
    from scipy.optimize import minimize

    kernel, names = CalendarKernel.between(days, days), list(start)
    centred = values - base(days, values, days)
    begin = np.array([start[name] for name in names])
    amplitude = np.array([name in AMPLITUDES for name in names])
    deviation = np.array([prior.others if name in SEEN_OFTEN else prior.level for name in names])

    def negative_log_posterior(point: np.ndarray) -> tuple[float, np.ndarray]:
        progress()
        value, slopes = negative_log_likelihood(kernel, centred, dict(zip(names, point.tolist(), strict=True)))
        moved = point - begin
        scale = moved[amplitude].mean()
        apart = moved - scale * amplitude
        pull = apart / deviation**2
        value += float(apart @ pull) / 2 + scale**2 / prior.scale**2 / 2
        of_scale = scale / prior.scale**2 - pull[amplitude].sum()  # the mean moves with every amplitude
        prior_slope = pull + amplitude * of_scale / amplitude.sum()
        return value, np.array([slopes[name] for name in names]) + prior_slope

    limits = {"maxfun": evaluations, "maxiter": evaluations}
    best = minimize(negative_log_posterior, begin, jac=True, method="L-BFGS-B", options=limits)
    return dict(zip(names, best.x.tolist(), strict=True))


def negative_log_likelihood(
    kernel: CalendarKernel, values: np.ndarray, parameters: Parameters
) -> tuple[float, dict[str, float]]:
    """The mean over the series `values` [series, day] less a constant, and its derivatives by name; R&W (5.8), (5.9).

    It is 1e12, without a slope, where the covariance is not positive definite to the precision of the machine.
    """
    from scipy.linalg import cho_solve, lapack

    noise = max(float(np.exp(2 * parameters["noise"])), LEAST_NOISE)
    covariance = kernel.covariance(parameters)
    covariance[np.diag_indices(len(covariance))] += noise
    factor, failed = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
    if failed:
        return 1e12, dict.fromkeys(parameters, 0.0)
    solved = cho_solve((factor, True), values.T)  # [day, series]
    value = (values.T * solved).sum() / len(values) / 2 + np.log(np.diag(factor)).sum()
    inverse = lapack.dpotri(factor, lower=1)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weight = (inverse - solved @ solved.T / len(values)) / 2
    slopes = kernel.slopes(parameters, weight)
    return float(value), {**slopes, "noise": 2 * noise * float(np.trace(weight))}


def base(past: CalendarDays, values: np.ndarray, days: CalendarDays) -> np.ndarray:
    """The mean function of the process: the mean of `values` [series, past day], for each of `days`.

    A weekday on which a series lies `EXTREME` from its mean, such as the Sundays of closed shops, has its own mean.
    """
    whole = values.mean(axis=1, keepdims=True)
    means = np.repeat(whole, len(days.time), axis=1)
    for weekday in np.unique(past.weekday) if has_weekdays(past.frequency) else ():
        own = values[:, past.weekday == weekday].mean(axis=1, keepdims=True)
        means[:, days.weekday == weekday] = np.where(np.abs(own - whole) > EXTREME, own, whole)
    return means


@dataclass(frozen=True)
class Posterior:
    """The posterior mean: `past` [series, day learnt from] without noise, and `ahead` [series, step]."""

    past: np.ndarray
    ahead: np.ndarray


@one_blas_thread()
def posterior(past: CalendarDays, ahead: CalendarDays, values: np.ndarray, parameters: Parameters) -> Posterior:
    """The posterior mean on the days `past` and `ahead` given `values` [series, day] on the days `past`; R&W (2.25).

    Outliers are drawn nearer first: by the residual of each day from what the process says without that day, R&W
    (5.12), they are Winsorized; Huber and Ronchetti, "Robust Statistics", 2009, section 7.8.
    """
    from scipy.linalg import cho_solve, lapack

    mean, mean_ahead = base(past, values, past), base(past, values, ahead)
    noise = max(float(np.exp(2 * parameters["noise"])), LEAST_NOISE)
    covariance = CalendarKernel.between(past, past).covariance(parameters)
    covariance[np.diag_indices(len(covariance))] += noise
    factor = lapack.dpotrf(covariance, lower=1, overwrite_a=1)[0]
    precision = np.diag(lapack.dpotri(factor, lower=1)[0])[:, None]
    centred = (values - mean).T  # [day, series]
    for _ in range(PASSES):
        standard = cho_solve((factor, True), centred) / np.sqrt(precision)
        limit = OUTLIER * 1.4826 * np.median(np.abs(standard), axis=0)
        centred = centred - (standard - np.clip(standard, -limit, limit)) / np.sqrt(precision)
    solved = cho_solve((factor, True), centred)
    to_come = CalendarKernel.between(ahead, past).covariance(parameters)
    return Posterior((centred - noise * solved).T + mean, (to_come @ solved).T + mean_ahead)
