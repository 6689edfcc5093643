"""The metrics of forecasts: plain functions over arrays.

Every metric takes `actual` and `forecast` of one shape [..., step] in units. NaN in `actual` means that the day is not
known; such points are left out. `axis` is the axis to average over: None for one number, 0 for one number per step, -1
for one number per series. Where nothing is left to average, the result is NaN. FPP3 is Hyndman and Athanasopoulos,
"Forecasting: Principles and Practice", third edition, 2021.
"""

from __future__ import annotations

import numpy as np

METRICS = ("mae", "rmse", "r2", "mape", "mape_left_out", "wape", "bias", "rmsse", "wrmsse")
"""The columns of every table of scores, which `summary` computes."""


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
    """Mean absolute error in units: mean |f - a|. FPP3, section 5.8.

    >>> float(mae([2, 0, np.nan], [1, 2, 9]))
    1.5
    """
    return _mean(np.abs(_error(actual, forecast)), axis)


def rmse(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Root mean squared error in units: sqrt(mean (f - a)^2). FPP3, section 5.8.

    >>> float(rmse([0, 0], [3, 4])) == (25 / 2) ** 0.5
    True
    """
    return np.sqrt(_mean(_error(actual, forecast) ** 2, axis))


def r2(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Coefficient of determination R²: the share of the actuals' variance that the forecast explains.

    1 - sum (a - f)^2 / sum (a - mean a)^2 over the points of `axis`. It is below 0 where the mean of the actuals has a
    smaller squared error than the forecast, and NaN where the actuals do not vary. FPP3, section 7.2.

    >>> float(r2([1, 3], [1, 2]))  # 1 - 1 / 2
    0.5
    """
    actual = np.asarray(actual, np.float64)
    mean = _mean(actual, axis)
    spread = actual - (mean if axis is None else np.expand_dims(mean, axis))
    return 1 - _ratio(_total(_error(actual, forecast) ** 2, axis), _total(spread**2, axis))


def mape(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean absolute percentage error as a share (0.1 is 10 %): mean |f - a| / |a|. FPP3, section 5.8.

    Points whose actual is zero have no ratio and are left out; `mape_left_out` counts them.

    >>> float(mape([4, 0], [3, 5])), int(mape_left_out([4, 0]))
    (0.25, 1)
    """
    actual = np.asarray(actual, np.float64)
    size = np.where(actual == 0, np.nan, np.abs(actual))
    return _mean(np.abs(_error(actual, forecast)) / size, axis)


def mape_left_out(actual: np.ndarray, axis: int | None = None) -> np.ndarray:
    """The number of known points that `mape` leaves out because their actual is zero.

    >>> int(mape_left_out([4, 0, np.nan]))
    1
    """
    return np.sum(np.asarray(actual) == 0, axis=axis)


def wape(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Weighted absolute percentage error as a share: sum |f - a| / sum |a|, also called MAD/mean ratio.

    Kolassa and Schütz, "Advantages of the MAD/mean ratio over the MAPE", Foresight 6, 2007.

    >>> float(wape([4, 0], [3, 1]))
    0.5
    """
    return _ratio(_total(np.abs(_error(actual, forecast)), axis), _total(np.abs(np.asarray(actual, np.float64)), axis))


def bias(actual: np.ndarray, forecast: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Relative bias: (sum f - sum a) / sum a. A bias of 0.1 means that the forecast was 10 % too high in sum.

    >>> float(bias([4, 4], [3, 7]))
    0.25
    """
    return _ratio(_total(_error(actual, forecast), axis), _total(np.asarray(actual, np.float64), axis))


def rmsse(actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, axis: int | None = -1) -> np.ndarray:
    """Root mean squared scaled error: sqrt(mean (a - f)^2 / scale), one for each series.

    `scale` [series] is `naive_mse` of the history. A series whose scale is 0 or NaN has no RMSSE. Makridakis, Spiliotis
    and Assimakopoulos, "M5 accuracy competition", 2022, eq. 1.

    >>> float(rmsse([2, 4], [1, 1], scale=5.0))  # sqrt((1 + 9) / 2 / 5)
    1.0
    """
    return np.sqrt(_ratio(_mean(_error(actual, forecast) ** 2, axis), scale))


def weighted_mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean of `values` [series, ...] by `weight` [series].

    A series whose value is NaN is left out, and the others share its weight. Where all series that are left have a
    weight of 0, they count the same. The WRMSSE of a level is this mean of the RMSSE of its series.

    >>> float(weighted_mean([1.0, 2.0, np.nan], [1, 3, 6]))  # (1 * 1 + 2 * 3) / 4
    1.75
    """
    values = np.asarray(values, np.float64)
    shape = (-1, *[1] * (values.ndim - 1))
    share = np.where(np.isnan(values), 0.0, np.asarray(weight, np.float64).reshape(shape))
    even = np.where(np.isnan(values), 0.0, 1.0)
    share = np.where(share.sum(axis=0) > 0, share, even)
    return _ratio(_total(values * share, 0), share.sum(axis=0))


def naive_mse(history: np.ndarray) -> np.ndarray:
    """Mean squared error of the naive forecast in the history [series], which is the scale of the RMSSE.

    It is the mean squared difference of neighbouring days, from the first non-zero sale on. `history` [series, day]
    ends at the cutoff. Only pairs of days that are both known count. A series without such a pair, as of a shop that
    opens every other day, has the differences of consecutive known days; the result is NaN where there are none. M5
    competition guide: "the periods following the first non-zero demand observed".

    >>> naive_mse(np.array([[0, 0, 2, 3, 1.0]])).tolist()  # ((3 - 2)^2 + (1 - 3)^2) / 2
    [2.5]
    >>> naive_mse(np.array([[2, np.nan, 3, np.nan, np.nan, 1]])).tolist()
    [2.5]
    """
    squares, counts = naive_squared_errors(history)
    apart = counts.sum(axis=1) == 0
    squares[apart], counts[apart] = naive_squared_errors(np.asarray(history)[apart], across_gaps=True)
    return _ratio(squares.sum(axis=1), counts.sum(axis=1))


def naive_squared_errors(history: np.ndarray, across_gaps: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The squared difference of each day from the day before, and whether it counts for `naive_mse`: [series, day].

    With `across_gaps`, it is the difference from the last known day before. It is 0 where it does not count.
    """
    history = np.asarray(history, np.float64)
    sold = ~np.isnan(history) & (history != 0)
    begun = np.logical_or.accumulate(sold, axis=1)
    before = np.full_like(history, np.nan)
    if across_gaps:
        days = np.arange(history.shape[1])
        last = np.maximum.accumulate(np.where(np.isnan(history), 0, days), axis=1)
        before[:, 1:] = np.take_along_axis(history, last, axis=1)[:, :-1]
    else:
        before[:, 1:] = history[:, :-1]
    difference = history - before
    counts = ~np.isnan(difference)
    counts[:, 1:] &= begun[:, :-1]
    return np.where(counts, difference, 0.0) ** 2, counts


def pinball(actual: np.ndarray, quantile: np.ndarray, probability: float, axis: int | None = None) -> np.ndarray:
    """Mean pinball (quantile) loss in units: p (a - q) where the actual is above the quantile, else (1 - p) (q - a).

    Gneiting, "Quantiles as optimal point forecasts", International Journal of Forecasting 27, 2011.

    >>> float(pinball([10, 4], [8, 8], probability=0.75))  # (0.75 * 2 + 0.25 * 4) / 2
    1.25
    """
    error = -_error(actual, quantile)
    return _mean(np.maximum(probability * error, (probability - 1) * error), axis)


def summary(
    actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, weight: np.ndarray, by_step: bool = False
) -> dict[str, np.ndarray]:
    """All of `METRICS` for the series of one level [series, step]: one number each, or with `by_step` one for each
    step.

    ``rmsse`` is the simple mean over the series and ``wrmsse`` the mean by `weight`. For one step the RMSSE of a series
    is its absolute error over the root of its scale.
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
        "wrmsse": weighted_mean(scaled, weight),
    }
