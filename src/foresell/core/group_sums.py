"""Sums and counts of known values by group, where NaN is a value that is not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BLOCK = 1024  # series at a time, so that the float64 copies stay small


@dataclass(frozen=True)
class GroupSums:
    """The sums of the known values of each group, and their counts; NaN is a value that is not known.

    `total` is float64 and `count` int32, both [group, day]. The sums of disjoint sets of series add up to those of all.

    >>> sums = GroupSums.of(np.array([[1.0, np.nan], [2, np.nan], [4, 8]], np.float32), np.array([0, 0, 1]), 2)
    >>> sums.known_total().tolist(), sums.mean().tolist()
    ([[3.0, nan], [4.0, 8.0]], [[1.5, nan], [4.0, 8.0]])
    """

    total: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, rows: np.ndarray, n_groups: int) -> GroupSums:
        """Adds up `values` [series, day]; `rows` [series] says which group each series joins."""
        total = np.zeros((n_groups, values.shape[1]))
        count = np.zeros((n_groups, values.shape[1]), np.int32)
        for start in range(0, len(values), _BLOCK):
            part = values[start : start + _BLOCK]
            known = ~np.isnan(part)
            filled = np.where(known, part, 0)
            joined, local = np.unique(rows[start : start + _BLOCK], return_inverse=True)
            for sums, addends in ((total, filled), (count, known)):
                sums[joined] += _sum_rows(addends, local, len(joined), sums.dtype)
        return cls(total, count)

    @classmethod
    def of_shared(cls, values: np.ndarray, of_series: np.ndarray, rows: np.ndarray, n_groups: int) -> GroupSums:
        """The same where series share `values` [row, day]: `of_series` [series] is the row that each of them has.

        >>> shared = GroupSums.of_shared(np.array([[1.0], [5.0]]), np.array([1, 1, 0]), np.array([0, 0, 1]), 2)
        >>> shared.total.tolist(), shared.count.tolist()
        ([[10.0], [1.0]], [[2], [1]])
        """
        from scipy.sparse import csr_matrix

        if len(of_series) == len(values) and (of_series == np.arange(len(values))).all():
            return cls.of(values, rows, n_groups)
        total = np.zeros((n_groups, values.shape[1]))
        count = np.zeros((n_groups, values.shape[1]), np.int32)
        order = np.argsort(of_series, kind="stable")
        for start in range(0, len(values), _BLOCK):
            part = values[start : start + _BLOCK]
            members = order[slice(*np.searchsorted(of_series[order], (start, start + len(part))))]
            joined, local = np.unique(rows[members], return_inverse=True)
            shape = (len(joined), len(part))
            known = ~np.isnan(part)
            for sums, addends in ((total, np.where(known, part, 0)), (count, known)):
                # A group with several series of one row has their number there.
                ones = np.ones(len(members), sums.dtype)
                sums[joined] += csr_matrix((ones, (local, of_series[members] - start)), shape) @ addends.astype(
                    sums.dtype
                )
        return cls(total, count)

    def part(self, rows: np.ndarray) -> GroupSums:
        """The sums of some of the groups, in any order."""
        return GroupSums(self.total[rows], self.count[rows])

    def known_total(self) -> np.ndarray:
        """The sums, NaN where no member is known: float64 [group, day]."""
        return np.where(self.count > 0, self.total, np.nan)

    def mean(self) -> np.ndarray:
        """The means of the known values, NaN where no member is known: float32 [group, day]."""
        with np.errstate(invalid="ignore"):
            return np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.nan).astype(np.float32)

    def add(self, other: GroupSums, rows: np.ndarray, n_groups: int) -> GroupSums:
        """These sums and those of `other`, whose groups are `rows` among the `n_groups` groups of the result.

        The groups of these sums come first in the result.
        """
        grown = [np.zeros((n_groups, self.total.shape[1]), part.dtype) for part in (self.total, self.count)]
        for sums, own, more in zip(grown, (self.total, self.count), (other.total, other.count), strict=True):
            sums[: len(own)] = own
            sums[rows] += more
        return GroupSums(*grown)


def _sum_rows(values: np.ndarray, rows: np.ndarray, n_groups: int, dtype: np.dtype) -> np.ndarray:
    """Adds up `values` [series, day] by group: [group, day] of `dtype`."""
    from scipy.sparse import csr_matrix

    if n_groups == 1:
        return values.sum(axis=0, dtype=dtype)[None]
    ones = np.ones(len(values), dtype)
    return csr_matrix((ones, (rows, np.arange(len(values)))), (n_groups, len(values))) @ values.astype(dtype)
