"""The history of one series for its model: the last days, with unknown days filled, and the regressors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import FIRST_OF_JANUARY
from foresell.core.panel import Panel

BLOCK = 2048
"""The number of series that are filled at a time."""

YEAR_DAYS = 365.25


@dataclass(frozen=True)
class History:
    """The history of one series.

    `units` float64 [day] are those from the first known day to the cutoff, with unknown days filled. `known` is the
    number of known days. `past` float64 [day, regressor] and `future` [step, regressor] are the regressors `names`.
    """

    units: np.ndarray
    known: int
    season: int
    horizon: int
    names: tuple[str, ...] = ()
    past: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    future: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


def histories(
    panel: Panel,
    horizon: int,
    days: int,
    season: int,
    regressors: tuple[str, ...] = (),
    fourier: int = 0,
    rows: Sequence[int] | None = None,
) -> Iterator[History]:
    """The history of each series of the panel, or of those in `rows`: at most its last `days`, from the first known day
    among them.

    Unknown days (closed, out of stock) are filled, see `filled`. `regressors` are known-ahead covariates, and
    `fourier` is the number of pairs of sine and cosine of the year that are added to them.
    """
    start = max(0, panel.n_days - days)
    fourier_terms = _fourier_terms(panel.dates, panel.ahead(horizon), start, panel.n_days, fourier)
    members = np.arange(panel.n_series) if rows is None else np.asarray(rows, np.int64)
    for begin in range(0, len(members), BLOCK):
        block = members[begin : begin + BLOCK]
        units = panel.units[block, start:].astype(np.float64)
        known = ~np.isnan(units)
        complete = filled(units, season)
        for row in range(len(units)):
            first = int(known[row].argmax()) if known[row].any() else units.shape[1]
            names, values = _regressors(panel, int(block[row]), regressors, start, horizon)
            values = np.concatenate([values, fourier_terms], axis=1)
            n = units.shape[1]
            yield History(
                complete[row, first:],
                int(known[row].sum()),
                season,
                horizon,
                names + fourier_names(fourier),
                values[first:n],
                values[n:],
            )


def filled(units: np.ndarray, season: int) -> np.ndarray:
    """`units` [series, day] with every unknown day after a series' first known one filled.

    An unknown day gets the mean of the last and the next known day at its position in the season, or the only one of
    the two. A position that is never known, such as the Sundays of a shop that is closed on Sundays, is interpolated
    from the neighbouring days: the model needs a number there, and the day itself is forecast 0. Days before the first
    known one stay unknown.

    >>> filled(np.array([[4, 9, np.nan, 9, 6, np.nan]]), 2)
    array([[4., 9., 5., 9., 6., 9.]])
    """
    missing = np.isnan(units)
    if not missing.any():
        return units
    n_series, n_days = units.shape
    lead = -n_days % season
    seasons = np.concatenate([np.full((n_series, lead), np.nan), units], axis=1).reshape(n_series, -1, season)
    before, after = _carried(seasons), _carried(seasons[:, ::-1])[:, ::-1]
    near = np.where(np.isnan(before), after, np.where(np.isnan(after), before, (before + after) / 2))
    out = np.where(missing, near.reshape(n_series, -1)[:, lead:], units)
    begun = np.logical_or.accumulate(~missing, axis=1)
    out[~begun] = np.nan
    for row in np.flatnonzero((np.isnan(out) & begun).any(axis=1)):
        known = np.flatnonzero(~np.isnan(out[row]))
        gaps = np.flatnonzero(np.isnan(out[row]) & begun[row])
        out[row, gaps] = np.interp(gaps, known, out[row, known])
    return out


def _carried(values: np.ndarray) -> np.ndarray:
    """The last known value at or before each season: `values` [series, season, position]."""
    number = np.where(np.isnan(values), -1, np.arange(values.shape[1])[:, None])
    last = np.maximum.accumulate(number, axis=1)
    return np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=1), np.nan)


def check_regressors(panel: Panel, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """The covariates `names`, or all known-ahead ones. Raises UsageError for a name that the panel lacks."""
    if names is None:
        return tuple(panel.known)
    missing = [name for name in names if name not in panel.known]
    if missing:
        raise UsageError(
            f"The model 'sarimax' is to use {first_five(missing)}, which the data do not have ahead; they have "
            f"{', '.join(panel.known) or 'none'}. Correct the option 'regressors'."
        )
    return tuple(names)


def _regressors(
    panel: Panel, row: int, names: tuple[str, ...], start: int, horizon: int
) -> tuple[tuple[str, ...], np.ndarray]:
    """The covariates of one series on its last days and those of the horizon: float64 [day + step, regressor].

    A covariate that is unknown on all days ahead is left out. An unknown value is the last known one, as for a price.
    """
    end = panel.n_days + horizon
    kept, columns = [], []
    for name in names:
        known = panel.known[name]
        values = np.full(end - start, np.nan)
        recorded = known.values[known.rows[row], start:end]
        values[: len(recorded)] = recorded
        if not np.isnan(values[-horizon:]).all():
            kept.append(name)
            columns.append(_forward_filled(values))
    return tuple(kept), np.stack(columns, axis=1) if columns else np.zeros((end - start, 0))


def _forward_filled(values: np.ndarray) -> np.ndarray:
    """`values` [day] with the last known value on unknown days, and the first known value before it."""
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    first = np.flatnonzero(~np.isnan(values))[0]
    return values[np.where(last < 0, first, last)]


def fourier_names(pairs: int) -> tuple[str, ...]:
    """The names of the regressors of the yearly season, sine and cosine for each of `pairs`."""
    return tuple(f"year_{kind}_{number}" for number in range(1, pairs + 1) for kind in ("sin", "cos"))


def _fourier_terms(dates: np.ndarray, ahead: np.ndarray, start: int, end: int, pairs: int) -> np.ndarray:
    """The Fourier terms of the year, FPP3 section 7.4: float64 [day + step, 2 x pairs]."""
    days = (np.concatenate([dates[start:end], ahead]) - FIRST_OF_JANUARY) / np.timedelta64(1, "D")
    angles = 2 * np.pi * days[:, None] / YEAR_DAYS * np.arange(1, pairs + 1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(days), 2 * pairs)
