"""The contest of policies on a project's own past: the windows of its backtest, played again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.keyed_random import key_hashes
from foresell.decide.contest import Contest, contest, with_fractiles
from foresell.decide.replay import Window
from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.terms import Terms
from foresell.ensemble.backtest_ensemble import forecast_of
from foresell.pipeline.plans.supply import can_order, cover_periods
from foresell.pipeline.results import Results

PATHS_OF_CONTEST = 200

SERIES_OF_CONTEST = 2000
"""A contest looks at so many series, drawn by their keys, which is enough to tell policies apart."""


def some_series(sampler: SamplePaths, usable: np.ndarray) -> np.ndarray:
    """At most `SERIES_OF_CONTEST` of the `usable` series, drawn by their keys: int64 [series]."""
    rows = np.flatnonzero(usable)
    hashes = key_hashes(sampler.series, sampler.hierarchy.bottom)[rows]
    return np.sort(rows[np.argsort(hashes, kind="stable")[:SERIES_OF_CONTEST]])


def policy_of(name: str, service: float | None) -> Policy:
    """The policy with the critical fractile, or with the probability `service` of no lost sale."""
    policy = POLICIES[name]()
    return policy if service is None else replace(policy, probability=service)  # type: ignore[type-var]


def order_contest(results: Results, terms: Terms, names: Sequence[str], service: float | None = None) -> Contest | None:
    """Lets the policies compete in the windows of the backtest; None where fewer than two can be played.

    With `service` all of them have this fractile, so that only the rules compete.
    """
    windows = list(past_windows(results, terms))
    if len(windows) < 2:
        return None
    policies = {name: policy_of(name, service) for name in names}
    families = {name: with_fractiles(policy) if service is None else [policy] for name, policy in policies.items()}
    earlier = (len(windows) + 1) // 2
    fallback = policy_of("normal", service)
    return contest(families, windows[:earlier], windows[earlier:], fallback=fallback)


def past_windows(results: Results, terms: Terms) -> Iterator[Window]:
    """The windows of the backtest as one decision each, with the forecast and the ranges as they were known then.

    At each cutoff the stock is what the lead time is expected to need, because the stock of that day is not known. The
    order then has to last for the review time. The first windows are left out, before which no window had ended.
    """
    panel, hierarchy, horizon = results.panel, results.hierarchy, results.settings.horizon
    forecasts = results.test_forecasts()
    usable = can_order(terms, horizon)
    for cutoff in forecasts["cutoff"].unique().sort():
        ended = _ended_by(forecasts, cutoff)
        if not usable.any() or not ended["actual"].is_not_null().any():
            continue
        past = panel.until(cutoff)
        rows = forecasts.filter(pl.col("cutoff") == cutoff)
        mean = rows["mean"].to_numpy().reshape(-1, horizon)
        ranges = Ranges.learn(ended, past, hierarchy)
        dependence = Dependence.learn(ended, past, hierarchy, ranges)
        sampler = SamplePaths.of(forecast_of(past, mean), past, hierarchy, ranges, dependence, results.settings.seed)
        chosen = some_series(sampler, usable)
        actual = rows["actual"].to_numpy().astype(np.float64).reshape(-1, horizon)[chosen]
        yield _window(str(cutoff), sampler, chosen, actual, terms)


def _ended_by(forecasts: pl.DataFrame, cutoff: date) -> pl.DataFrame:
    """The forecasts of the windows that had ended by the cutoff."""
    last = forecasts.group_by("cutoff").agg(pl.col("date").max().alias("last"))
    ended = last.filter(pl.col("last").cast(pl.Date) <= cutoff)["cutoff"]
    return forecasts.filter(pl.col("cutoff").is_in(ended.implode()))


def _window(label: str, sampler: SamplePaths, rows: np.ndarray, actual: np.ndarray, terms: Terms) -> Window:
    cover = cover_periods(terms)[rows]
    steps = int(cover.max())
    paths = sampler.draw(PATHS_OF_CONTEST, rows)[:, :, :steps]
    lead = terms.lead_periods[rows]
    waiting = np.arange(steps) < lead[:, None]
    on_hand = np.ceil((sampler.mean[rows, :steps] * waiting).sum(axis=1))
    start = Situation.of(
        paths,
        on_hand,
        terms.costs.part(rows),
        lead_periods=lead,
        review_periods=terms.review_periods[rows],
        pack=terms.pack[rows],
        minimum=terms.minimum[rows],
    )
    demand = np.where(np.arange(steps) < cover[:, None], actual[:, :steps], np.nan)
    return Window(label, start, demand, lambda decision: paths, decisions=(0,))
