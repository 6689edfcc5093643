"""Sample paths of the steps that are left, once some of them have passed."""

from __future__ import annotations

import numpy as np

LEAST, MOST = 0.2, 5.0
"""The factors by which demand that was seen may lower or raise the paths of what is left."""


def conditional_paths(paths: np.ndarray, actual: np.ndarray, step: int) -> np.ndarray:
    """The paths of the steps after `step`, given the demand until then: float32 [path, series, step].

    `paths` is float32 [path, series, step], `actual` float [series, step] the demand as it came, NaN where it is not
    known. How far the level of what is left follows that of what has passed is the regression of the one on the other
    among the paths (linear Bayes estimation, as in an ensemble Kalman filter: Evensen, "Data assimilation", chapter 4).
    Each path is moved from its own past to the actual one, so that the spread of levels shrinks too.

    >>> rates = np.array([1.0, 2.0, 3.0], np.float32)  # of three paths, each the same on both days
    >>> conditional_paths(np.repeat(rates, 2).reshape(3, 1, 2), np.array([[3.0, np.nan]]), 1).ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    left = paths[:, :, step:]
    if step == 0 or not left.shape[2]:
        return left
    known = ~np.isnan(actual[:, :step])
    past = (paths[:, :, :step] * known).sum(axis=2)  # [path, series]
    seen = np.where(known, actual[:, :step], 0).sum(axis=1)  # [series]
    usual_past, usual_left = past.mean(axis=0), left.sum(axis=2).mean(axis=0)
    there = (usual_past > 0) & (usual_left > 0)
    past = np.where(there, past / np.where(there, usual_past, 1), 1) - 1
    ahead = np.where(there, left.sum(axis=2) / np.where(there, usual_left, 1), 1) - 1
    follows = np.clip((past * ahead).mean(axis=0) / np.maximum((past**2).mean(axis=0), 1e-9), 0, 1)  # [series]
    level = np.where(there, seen / np.where(there, usual_past, 1), 1) - 1
    moved = np.clip(1 + follows * level, LEAST, MOST) / np.clip(1 + follows * past, LEAST, MOST)
    return np.asarray(left * moved[:, :, None].astype(np.float32))
