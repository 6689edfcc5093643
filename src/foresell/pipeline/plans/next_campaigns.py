"""Campaigns that may be run next: those that the data name ahead, or else one for each item like its past ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.panel import Panel
from foresell.decide.promotions.evaluation import Evaluation
from foresell.decide.response.baseline import running_sums
from foresell.pipeline.plans.sales_history import cycle_of, prices, promoted

CAMPAIGN_WEEKS = 1


@dataclass(frozen=True)
class NextCampaigns:
    """Candidates: `item`, `first`, `stop` int64 [campaign], where step 0 is the first one ahead; `cut` float64, and the
    `baseline` units, float64. `planned`: whether the data name them."""

    item: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    cut: np.ndarray
    baseline: np.ndarray
    after: np.ndarray
    planned: bool

    def __len__(self) -> int:
        return len(self.item)


def next_campaigns(
    panel: Panel, item: np.ndarray, mean: np.ndarray, usual: np.ndarray, evaluation: Evaluation, after: int
) -> NextCampaigns:
    """The candidates within the forecast `mean` [series, step]; `item` [series], `usual` price [series].

    The baseline is the forecast of the steps without a promotion, moved to the weekdays of the campaign.
    """
    horizon = mean.shape[1]
    days = slice(panel.n_days, panel.n_days + horizon)
    promotion = _padded(promoted(panel, days).astype(np.float64), horizon) > 0
    known = prices(panel, days)
    price = np.full(promotion.shape, np.nan) if known is None else _padded(known, horizon)
    n_items = int(item.max()) + 1 if len(item) else 0
    any_store = np.zeros((n_items, horizon), bool)
    np.logical_or.at(any_store, item, promotion)
    level = _level(mean, promotion, cycle_of(panel.frequency))
    planned = bool(any_store.any())
    if planned:
        edges = np.diff(np.pad(any_store, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        rows, first = np.nonzero(edges == 1)
        stop = np.nonzero(edges == -1)[1]
        cut = np.array(
            [
                _cut(price, usual, promotion, item == i, f, s)
                for i, f, s in zip(rows.tolist(), first.tolist(), stop.tolist(), strict=True)
            ]
        )
    else:
        rows = np.unique(evaluation.campaigns.item)
        length = min(CAMPAIGN_WEEKS * cycle_of(panel.frequency), horizon)
        first, stop = np.zeros(len(rows), np.int64), np.full(len(rows), length)
        cut = _usual_cut(evaluation, rows)
    by_item = np.zeros((n_items, horizon))
    np.add.at(by_item, item, level)
    running = running_sums(by_item)
    baseline = running[rows, stop] - running[rows, first]
    end = np.minimum(stop + after, horizon)
    daily = by_item.mean(axis=1)[rows]
    behind = running[rows, end] - running[rows, stop] + daily * (stop + after - end)
    return NextCampaigns(rows, first, stop, cut, baseline, behind, planned)


def _padded(values: np.ndarray, horizon: int) -> np.ndarray:
    """The values ahead as far as the forecast goes; NaN where the data end before it."""
    missing = horizon - values.shape[1]
    return np.pad(values.astype(np.float64), ((0, 0), (0, missing)), constant_values=np.nan) if missing else values


def _level(mean: np.ndarray, promotion: np.ndarray, cycle: int) -> np.ndarray:
    """The forecast without promotions, float64 [series, step]: steps on promotion have the mean of the others of the
    same weekday, or of all others, or the forecast itself where every step is on promotion."""
    level = mean.astype(np.float64)
    free = np.where(promotion, np.nan, level)
    with np.errstate(invalid="ignore"):
        counts = (~np.isnan(free)).sum(axis=1, keepdims=True)
        overall = np.nansum(free, axis=1, keepdims=True) / np.maximum(counts, 1)
    overall = np.where(counts > 0, overall, level.mean(axis=1, keepdims=True))
    for phase in range(cycle):
        part = free[:, phase::cycle]
        count = (~np.isnan(part)).sum(axis=1, keepdims=True)
        weekday = np.where(count > 0, np.nansum(part, axis=1, keepdims=True) / np.maximum(count, 1), overall)
        level[:, phase::cycle] = np.where(promotion[:, phase::cycle], weekday, level[:, phase::cycle])
    return level


def _cut(
    price: np.ndarray, usual: np.ndarray, promotion: np.ndarray, members: np.ndarray, first: int, stop: int
) -> float:
    """The mean share taken off the usual price in a campaign; NaN where no price is known."""
    asked = np.where(promotion[members, first:stop], price[members, first:stop], np.nan) / usual[members, None]
    known = asked[np.isfinite(asked)]
    return float(np.clip(1 - known.mean(), 0, 0.95)) if len(known) else float("nan")


def _usual_cut(evaluation: Evaluation, rows: np.ndarray) -> np.ndarray:
    """The median cut of the past campaigns of each item."""
    cuts = [evaluation.cut[evaluation.campaigns.item == row] for row in rows]
    return np.array([float(np.median(c[np.isfinite(c)])) if np.isfinite(c).any() else float("nan") for c in cuts])
