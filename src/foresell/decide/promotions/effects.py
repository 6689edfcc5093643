"""The uplift of campaigns, the demand they pulled forward, and which items respond at all.

The uplift is what an item sold in a campaign, divided by its baseline, less 1. Its interval is as wide as that of
placebos shows it must be. Demand that was pulled forward is missing in the time after the campaign, by the same method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.promotions.campaigns import Campaigns
from foresell.decide.response.baseline import Baseline, WindowSums
from foresell.decide.response.errors_of_sums import ErrorScale
from foresell.decide.response.placebos import placebos

FALSE_DISCOVERIES = 0.1
"""The share of items said to respond that may be wrong."""

LEAST_COVERED = 0.5
"""An effect is measured where at least this share of the known periods has a baseline."""


@dataclass(frozen=True)
class Effect:
    """Ratios of sums to their baseline, less 1, with an interval; float64 [sum], NaN where it cannot be measured.

    `units` were sold, `baseline` would have been.
    """

    units: np.ndarray
    baseline: np.ndarray
    low: np.ndarray
    high: np.ndarray
    deviation: np.ndarray  # of the units where nothing happens

    @property
    def change(self) -> np.ndarray:
        """Units / baseline - 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.units / self.baseline - 1

    @property
    def gained(self) -> np.ndarray:
        """Units above the baseline."""
        return self.units - self.baseline


def measured(sums: WindowSums, item: np.ndarray, scale: ErrorScale, coverage: float) -> Effect:
    """The effect in each sum [sum] of the items [sum]."""
    usable = (sums.covered >= LEAST_COVERED) & (sums.baseline > 0)
    units, baseline = (np.where(usable, values, np.nan) for values in (sums.units, sums.baseline))
    low, high = scale.ratio_interval(units, baseline, item, coverage, sums.level_noise)
    return Effect(units, baseline, low - 1, high - 1, scale.deviation(baseline, item, sums.level_noise))


@dataclass(frozen=True)
class CampaignEffects:
    """What campaigns did: `uplift` in them and `after` them [campaign], the same by item [item], and the p-values and
    verdicts of items: `p` float64, `responds` bool [item]."""

    uplift: Effect
    after: Effect
    item_uplift: Effect
    item_after: Effect
    all_after: tuple[float, float, float]
    p: np.ndarray
    responds: np.ndarray


def effects_of(baseline: Baseline, campaigns: Campaigns, coverage: float = 0.9) -> CampaignEffects:
    """Measures the effects of `campaigns`; intervals hold with the probability `coverage`."""
    history = baseline.history
    count = len(campaigns)
    length = int(np.median(campaigns.stop - campaigns.first)) if count else history.cycle
    during = _scale(baseline, length, after=history.after)
    behind = _scale(baseline, max(history.after, 1), skipped=length)
    uplift = measured(baseline.sums(campaigns.windows(), count), campaigns.item, during, coverage)
    after = measured(baseline.sums(campaigns.windows_after(history), count), campaigns.item, behind, coverage)
    item_uplift = pooled(uplift, campaigns.item, history.n_items, during, coverage)
    item_after = pooled(after, campaigns.item, history.n_items, behind, coverage)
    p = _p_values(item_uplift)
    return CampaignEffects(
        uplift, after, item_uplift, item_after, _overall(item_after, coverage), p, discoveries(p, FALSE_DISCOVERIES)
    )


def _scale(baseline: Baseline, length: int, *, skipped: int = 0, after: int = 0) -> ErrorScale:
    history = baseline.history
    quiet = placebos(history, length, skipped=skipped, after=after)
    sums = baseline.sums(quiet.windows, len(quiet))
    usable = sums.covered >= LEAST_COVERED
    return ErrorScale.learn(
        sums.units[usable], sums.baseline[usable], quiet.item[usable], history.n_items, sums.level_noise[usable]
    )


def pooled(effect: Effect, item: np.ndarray, n_items: int, scale: ErrorScale, coverage: float) -> Effect:
    """The effects of all campaigns of an item together: [item]. Their errors are taken as independent."""
    usable = ~np.isnan(effect.baseline)
    units, baseline, variance = (
        np.bincount(item[usable], values[usable], n_items)
        for values in (effect.units, effect.baseline, effect.deviation**2)
    )
    none = baseline <= 0
    units, baseline = np.where(none, np.nan, units), np.where(none, np.nan, baseline)
    # The interval of one campaign, narrower by how much less the sum errs than a single campaign of its size.
    single = scale.deviation(baseline, np.arange(n_items))
    narrower = np.sqrt(variance) / single
    ends = scale.ratio_interval(units, baseline, np.arange(n_items), coverage)
    change = units / baseline
    low, high = (change + (end - change) * narrower - 1 for end in ends)
    return Effect(units, baseline, low, high, np.sqrt(np.where(none, np.nan, variance)))


def _overall(effect: Effect, coverage: float) -> tuple[float, float, float]:
    """The change of all sums together, with its interval."""
    from scipy.special import ndtri

    usable = ~np.isnan(effect.baseline)
    total = float(effect.baseline[usable].sum())
    if total <= 0:
        return (float("nan"),) * 3
    change = float(effect.gained[usable].sum()) / total
    width = float(ndtri((1 + coverage) / 2) * np.sqrt((effect.deviation[usable] ** 2).sum())) / total
    return change, change - width, change + width


def _p_values(effect: Effect) -> np.ndarray:
    """The chance of at least these units without any response, one-sided: float64 [item], NaN where not measured."""
    from scipy.special import ndtr

    return np.asarray(1 - ndtr(effect.gained / effect.deviation))


def discoveries(p: np.ndarray, rate: float) -> np.ndarray:
    """Which of the p-values count so that at most the share `rate` of them is false: Benjamini and Hochberg (1995).

    NaN does not count.

    >>> discoveries(np.array([0.001, 0.03, 0.5, np.nan]), 0.1).tolist()
    [True, True, False, False]
    """
    from scipy.stats import false_discovery_control

    out = np.zeros(len(p), bool)
    known = ~np.isnan(p)
    if known.any():
        out[known] = false_discovery_control(p[known]) <= rate
    return out
