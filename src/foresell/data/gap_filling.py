"""Gaps of a covariate filled in place, a block of rows at a time."""

from __future__ import annotations

import numpy as np

ROWS_AT_ONCE = 2048  # rows of a cube that are worked on at a time, so that temporary arrays stay small


def fill_gaps(values: np.ndarray, begin: np.ndarray | None = None) -> None:
    """Fills the gaps of `values` [row, day] in place with the last known value of the row before the gap.

    A gap before the first known value takes the first known value. With `begin` [row], days before that day stay NaN.

    >>> prices = np.array([[np.nan, np.nan, 2, np.nan, 3, np.nan]])
    >>> fill_gaps(prices, np.array([1])); prices
    array([[nan,  2.,  2.,  2.,  3.,  3.]])
    """
    carry_forward(values)
    days = np.arange(values.shape[1])
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        unknown = np.isnan(block)
        if unknown.any():
            first = block[np.arange(len(block)), unknown.argmin(axis=1)]
            if begin is not None:
                unknown &= days >= begin[start : start + ROWS_AT_ONCE, None]
            np.copyto(block, first[:, None], where=unknown)


def carry_forward(values: np.ndarray) -> None:
    """Fills the gaps of `values` [row, day] in place with the last known value of the row before the gap.

    Days before the first known value stay NaN.

    >>> prices = np.array([[np.nan, 2, np.nan, 3, np.nan]])
    >>> carry_forward(prices); prices
    array([[nan,  2.,  2.,  3.,  3.]])
    """
    days = np.arange(values.shape[1], dtype=np.int32)
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        known = ~np.isnan(block)
        if not known.all():
            source = np.maximum.accumulate(np.where(known, days, np.int32(0)), axis=1)
            block[:] = np.take_along_axis(block, source, axis=1)
