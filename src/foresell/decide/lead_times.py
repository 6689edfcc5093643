"""Lead times as they were: what receipts teach about each vendor, and how they widen the demand that an order meets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRIOR_RECEIPTS = 5.0
"""All receipts count as so many more of each vendor, so that a vendor of few is near the others."""


@dataclass(frozen=True)
class LeadTimes:
    """The `mean` and the standard `deviation` of the lead time in days, and the number of `receipts`: [series] each.

    Where no receipt is known of a series' vendor, they are those of all receipts.
    """

    mean: np.ndarray
    deviation: np.ndarray
    receipts: np.ndarray

    @classmethod
    def learn(cls, lead_days: np.ndarray, group: np.ndarray, n_groups: int, of_series: np.ndarray) -> LeadTimes:
        """Learns from receipts: `lead_days` and `group` [receipt], the group of each series -1 where it has none.

        The mean of a group of n receipts is n m + k M over n + k, with its own mean m, that of all M, and k =
        `PRIOR_RECEIPTS`; its variance, about its own mean and that of all about theirs, likewise.

        Two vendors with 5 receipts of 4 and of 8 days: the means are (5 x 4 + 5 x 6) / 10 and (5 x 8 + 5 x 6) / 10, and
        the variances (5 x 0 + 5 x 4) / 10.

        >>> group = np.repeat([0, 1], 5)
        >>> times = LeadTimes.learn(np.where(group == 0, 4.0, 8.0), group, 2, np.array([0, 1, -1]))
        >>> times.mean.tolist(), (times.deviation**2).round(6).tolist(), times.receipts.tolist()
        ([5.0, 7.0, 6.0], [2.0, 2.0, 4.0], [5, 5, 0])
        """
        count = np.bincount(group, minlength=n_groups)
        own = np.bincount(group, lead_days, n_groups) / np.maximum(count, 1)
        squares = np.bincount(group, (lead_days - own[group]) ** 2, n_groups)
        weight = count + PRIOR_RECEIPTS
        mean = (count * own + PRIOR_RECEIPTS * lead_days.mean()) / weight
        variance = (squares + PRIOR_RECEIPTS * lead_days.var()) / weight
        mean, variance, count = np.r_[mean, lead_days.mean()], np.r_[variance, lead_days.var()], np.r_[count, 0]
        return cls(mean[of_series], np.sqrt(variance[of_series]), count[of_series])

    def drawn(self, rows: np.ndarray, stated_days: np.ndarray, shuffle: np.ndarray) -> np.ndarray:
        """Lead times in days with the spread learnt and the mean `stated_days` [row]: float64 [path, row].

        They are the quantiles of a gamma distribution in the order of `shuffle` [path, row], numbers of the paths.
        """
        from scipy.stats import gamma

        mean, deviation = self.mean[rows], self.deviation[rows]
        spread = (deviation > 1e-9) & (mean > 1e-9)
        safe_mean, safe = np.where(spread, mean, 1.0), np.where(spread, deviation, 1.0)
        n_paths = len(shuffle)
        probability = (np.arange(n_paths) + 0.5) / n_paths
        quantiles = gamma.ppf(probability[:, None], (safe_mean / safe) ** 2, scale=safe**2 / safe_mean)
        moved = np.where(spread, quantiles - mean, 0.0) + stated_days
        return np.maximum(np.take_along_axis(moved, shuffle, axis=0), 0.0)


def by_arrival(
    paths: np.ndarray, lead_periods: np.ndarray, review_periods: np.ndarray, drawn: np.ndarray
) -> np.ndarray:
    """The demand on a clock on which the order always arrives after `lead_periods`: float32 [path, series, step].

    `paths` [path, series, step] are the demand by periods, `drawn` int [path, series] the periods until the order
    arrives on each path. What is asked for until then falls on the steps of the lead time, the rest on the last of
    them; the steps after it follow the arrival. So each policy meets the demand of a lead time as long as it is drawn.
    An arrival so late that no review time is forecast after it is moved up to the last that one follows. Without a
    lead time nothing changes.

    >>> paths = np.array([[[1.0, 2, 3, 4, 5]]] * 2)
    >>> by_arrival(paths, np.array([2]), np.array([1]), np.array([[3], [1]])).tolist()
    [[[1.0, 5.0, 4.0, 5.0, 0.0]], [[1.0, 0.0, 2.0, 3.0, 4.0]]]
    """
    n_steps = paths.shape[2]
    lead = lead_periods[None, :, None]
    latest = np.maximum(n_steps - review_periods, lead_periods)
    arrival = np.where(lead_periods > 0, np.minimum(drawn, latest), 0)[:, :, None]
    step = np.arange(n_steps + 1)
    elapsed = np.where(step < lead, np.minimum(step, arrival), arrival + step - lead)
    total = np.zeros((*paths.shape[:2], n_steps + 1))
    np.cumsum(paths, axis=2, out=total[:, :, 1:])
    at = np.take_along_axis(total, np.clip(elapsed, 0, n_steps), axis=2)
    return np.diff(at, axis=2).astype(np.float32)
