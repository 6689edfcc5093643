"""How far a forecast lies from what happened: plain functions over arrays.

Every function takes `actual` and `forecast` of one shape [..., step] in units. NaN in `actual` means that the day
is not known; such points are left out. `axis` says what to take together: everything (None), or one axis, such
as 0 for one number per step or -1 for one per series. Where nothing is left to average, the result is NaN.
"""

from __future__ import annotations

import numpy as np

METRICS = ("mae", "rmse", "r2", "mape", "mape_left_out", "wape", "bias", "rmsse", "wrmsse")
"""The columns of every table of scores, as `summary` makes them."""


def _total(values: np.ndarray, axis: int | None) -> np.ndarray:
    return np.asarray(np.nansum(values, axis=axis, dtype=np.float64))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where the whole is 0."""
    whole = np.asarray(whole, np.float64)
    return np.where(whole == 0, np.nan, part / np.where(whole == 0, 1, whole))


def _mean(values: np.ndarray, axis: int | None) -> np.ndarray:
    return _ratio(_total(values, axis), np.sum(~np.isnan(values), axis=axis))


def _error(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    return np.asarray(forecast, np.float64) - np.asarray(actual, np.float64)


def mae(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean absolute error, in units.

    >>> float(mae([2, 0, np.nan], [1, 2, 9]))
    1.5
    """
    return _mean(np.abs(_error(actual, forecast)), axis)


def rmse(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Root of the mean squared error, in units.

    >>> float(rmse([0, 0], [3, 4])) == (25 / 2) ** 0.5
    True
    """
    return np.sqrt(_mean(_error(actual, forecast) ** 2, axis))


def r2(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Share of the actuals' variance that the forecast explains; below 0 where their own mean would do better.

    1 - sum (a - f)^2 / sum (a - mean a)^2, the points of `axis` taken as one sample. NaN where the actuals do not vary.

    >>> float(r2([1, 3], [1, 2]))  # 1 - 1 / 2
    0.5
    """
    actual = np.asarray(actual, np.float64)
    mean = _mean(actual, axis)
    spread = actual - (mean if axis is None else np.expand_dims(mean, axis))
    return 1 - _ratio(_total(_error(actual, forecast) ** 2, axis), _total(spread**2, axis))


def mape(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of |f - a| / |a| as a share (0.1 is 10 %), over the points whose actual is not zero.

    `mape_left_out` tells how many points have no such ratio.

    >>> float(mape([4, 0], [3, 5])), int(mape_left_out([4, 0]))
    (0.25, 1)
    """
    actual = np.asarray(actual, np.float64)
    size = np.where(actual == 0, np.nan, np.abs(actual))
    return _mean(np.abs(_error(actual, forecast)) / size, axis)


def mape_left_out(actual: np.ndarray, axis: int | None = None) -> np.ndarray:
    """How many known points `mape` leaves out because their actual is zero."""
    return np.sum(np.asarray(actual) == 0, axis=axis)


def wape(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Sum of absolute errors over the sum of absolute actuals, as a share (also called MAD/mean).

    >>> float(wape([4, 0], [3, 1]))
    0.5
    """
    return _ratio(_total(np.abs(_error(actual, forecast)), axis), _total(np.abs(np.asarray(actual, np.float64)), axis))


def bias(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """(sum of forecasts - sum of actuals) / sum of actuals: 0.1 means that 10 % too much was forecast.

    >>> float(bias([4, 4], [3, 7]))
    0.25
    """
    return _ratio(_total(_error(actual, forecast), axis), _total(np.asarray(actual, np.float64), axis))


def rmsse(actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, axis: int | None = -1) -> np.ndarray:
    """Root mean squared scaled error: sqrt(mean (a - f)^2 / scale), one for each series.

    `scale` [series] is the mean squared one-step difference of the history (`squared_step`); where it is 0 or
    unknown the series has no RMSSE. Makridakis, Spiliotis and Assimakopoulos, "M5 accuracy competition", 2022, eq. 1.

    >>> float(rmsse([2, 4], [1, 1], scale=5.0))  # sqrt((1 + 9) / 2 / 5)
    1.0
    """
    return np.sqrt(_ratio(_mean(_error(actual, forecast) ** 2, axis), scale))


def weighted(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean of `values` [series, ...] by `weight` [series]; series without a value leave, the rest share their weight.

    The WRMSSE of a level is the weighted mean of the RMSSE of its series. Where all that remain weigh nothing,
    they count the same.

    >>> float(weighted([1.0, 2.0, np.nan], [1, 3, 6]))  # (1 * 1 + 2 * 3) / 4
    1.75
    """
    values = np.asarray(values, np.float64)
    shape = (-1, *[1] * (values.ndim - 1))
    share = np.where(np.isnan(values), 0.0, np.asarray(weight, np.float64).reshape(shape))
    even = np.where(np.isnan(values), 0.0, 1.0)
    share = np.where(share.sum(axis=0) > 0, share, even)
    return _ratio(_total(values * share, 0), share.sum(axis=0))


def squared_step(history: np.ndarray) -> np.ndarray:
    """The scale of RMSSE: mean squared difference of neighbouring days from the first non-zero sale on, [series].

    `history` [series, day] ends at the cutoff. Only pairs of days that are both known count. NaN where there is
    none. M5 competition guide: "the periods following the first non-zero demand observed".

    >>> squared_step(np.array([[0, 0, 2, 3, 1.0]])).tolist()  # ((3 - 2)^2 + (1 - 3)^2) / 2
    [2.5]
    """
    squares, counts = step_squares(history)
    return _ratio(squares.sum(axis=1), counts.sum(axis=1))


def step_squares(history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared difference from the day before, 0 where it does not count, and whether it counts: [series, day]."""
    history = np.asarray(history, np.float64)
    sold = ~np.isnan(history) & (history != 0)
    begun = np.logical_or.accumulate(sold, axis=1)
    difference = np.diff(history, axis=1, prepend=np.nan)
    counts = ~np.isnan(difference)
    counts[:, 1:] &= begun[:, :-1]
    return np.where(counts, difference, 0.0) ** 2, counts


def pinball(actual: np.ndarray, quantile: np.ndarray, probability: float, axis: int | None = None) -> np.ndarray:
    """Mean pinball (quantile) loss in units: p (a - q) above the quantile, (1 - p)(q - a) below it.

    Gneiting, "Quantiles as optimal point forecasts", 2011.

    >>> float(pinball([10, 4], [8, 8], probability=0.75))  # (0.75 * 2 + 0.25 * 4) / 2
    1.25
    """
    error = -_error(actual, quantile)
    return _mean(np.maximum(probability * error, (probability - 1) * error), axis)


def summary(
    actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, weight: np.ndarray, by_step: bool = False
) -> dict[str, np.ndarray]:
    """All of `METRICS` for the series of one level [series, step], as one number each or one for each step.

    ``rmsse`` is the plain mean over the series, ``wrmsse`` the mean by `weight`; per step, both take the root of
    one squared error each.
    """
    axis = 0 if by_step else None
    if by_step:
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.abs(_error(actual, forecast)) / np.sqrt(np.where(scale > 0, scale, np.nan))[:, None]
    else:
        scaled = rmsse(actual, forecast, scale)
    return {
        "mae": mae(actual, forecast, axis),
        "rmse": rmse(actual, forecast, axis),
        "r2": r2(actual, forecast, axis),
        "mape": mape(actual, forecast, axis),
        "mape_left_out": mape_left_out(actual, axis),
        "wape": wape(actual, forecast, axis),
        "bias": bias(actual, forecast, axis),
        "rmsse": _mean(scaled, 0),
        "wrmsse": weighted(scaled, weight),
    }
