"""Sums of sample paths over days and groups, and their quantiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from foresell.core.hierarchy import Groups

_AT_ONCE = 1 << 24  # values that are sorted at a time


def path_sums(
    blocks: Iterable[tuple[int, np.ndarray]],
    levels: Sequence[Groups],
    spans: Sequence[slice],
    shape: tuple[int, int],
    known: np.ndarray | None = None,
) -> list[np.ndarray]:
    """The sums of paths over the groups of each level and the steps of each span: float32 [group, span, path] each.

    `blocks` are those of `SamplePaths.blocks`, of series that `levels` group; only one of them is in memory at a time.
    `shape` is the number of paths and of steps. Days that are not `known`, bool [series, step], are left out.

    >>> import polars as pl
    >>> groups = Groups(("shop",), pl.DataFrame({"shop": ["a"]}), np.array([0, 0], np.int32))
    >>> units = np.array([[[1.0, 2, 3]], [[10, 20, 30]]])  # of two series, one path
    >>> path_sums([(0, units)], [groups], [slice(0, 2), slice(2, 3)], (1, 3))[0].tolist()
    [[[33.0], [33.0]]]
    """
    n_paths, n_steps = shape
    adding = np.zeros((n_steps, len(spans)), np.float32)
    for number, span in enumerate(spans):
        adding[span, number] = 1
    # The sums of single series need no more digits than their terms.
    kinds = [np.float32 if len(level) == len(level.rows) else np.float64 for level in levels]
    sums = [np.zeros((len(level), len(spans), n_paths), kind) for level, kind in zip(levels, kinds, strict=True)]
    for start, units in blocks:
        block = slice(start, start + len(units))
        of_known = units if known is None else units * known[block, None, :]
        of_spans = (of_known @ adding).transpose(0, 2, 1)  # [series, span, path]
        for level, total in zip(levels, sums, strict=True):
            _add(total, of_spans, level.rows[block])
    return [total.astype(np.float32, copy=False) for total in sums]


def _add(total: np.ndarray, values: np.ndarray, groups: np.ndarray) -> None:
    """Adds `values` [series, ...] to the rows `groups` [series] of `total` [group, ...]."""
    order = np.argsort(groups, kind="stable")
    joined, starts = np.unique(groups[order], return_index=True)
    total[joined] += np.add.reduceat(values[order], starts, axis=0, dtype=total.dtype)


def quantiles_of_sums(sums: np.ndarray, probabilities: Sequence[float], whole: bool) -> np.ndarray:
    """The quantiles of sums [..., path]: float32 [q, ...], not rounded; see `Ranges.apply`.

    The k-th smallest of n sums is the quantile of k / (n + 1): a further draw lies below it with that probability.
    Where units are `whole`, a sum a stands for the interval from a - 1/2 to a + 1/2, over which paths with equal sums
    are spread.

    >>> quantiles_of_sums(np.array([[3.0, 1.0, 2.0]]), [0.25, 0.5], whole=False).tolist()
    [[1.0], [2.0]]
    """
    n_paths = sums.shape[-1]
    flat = sums.reshape(-1, n_paths)
    spread = (np.arange(n_paths, dtype=np.float32) + 0.5) / n_paths - 0.5 if whole else np.zeros(n_paths, np.float32)
    quantiles = np.empty((len(probabilities), len(flat)), np.float32)
    rows = max(_AT_ONCE // n_paths, 1)
    for start in range(0, len(flat), rows):
        ordered = np.sort(flat[start : start + rows] + spread, axis=1)
        quantiles[:, start : start + rows] = _read(ordered, np.asarray(probabilities))
    return quantiles.reshape(len(probabilities), *sums.shape[:-1])


def _read(ordered: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The quantiles of rows of rising values [row, path], by Weibull's plotting position: [q, row]."""
    n_paths = ordered.shape[1]
    position = np.clip(probabilities * (n_paths + 1) - 1, 0, n_paths - 1)
    below = np.floor(position).astype(np.int64)
    part = (position - below)[:, None]
    return ordered[:, below].T * (1 - part) + ordered[:, np.minimum(below + 1, n_paths - 1)].T * part
