"""The contest of policies on a project's own past: the windows of its backtest, played again day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

import numpy as np
import polars as pl

from foresell.adjust.paths.conditional import conditional_paths
from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.hierarchy import Hierarchy
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Panel
from foresell.decide.contest import FRACTILES, TAIL, Contest, contest, with_fractiles
from foresell.decide.replay import LedgerSums, Window
from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.stock.own_history import cover_dispersion
from foresell.decide.stock.perishable import LOST_WEIGHTS, PerishablePaths
from foresell.decide.terms import Terms
from foresell.ensemble.backtest_ensemble import forecast_of
from foresell.pipeline.plans.supply import can_order, cover_periods
from foresell.pipeline.results import Results
from foresell.store.array_cache import smallest

W = TypeVar("W")

Tell = Callable[[int, int, str], None]
"""Is told of the progress: how many of how many parts are done, and what is done now."""


def silent(done: int, total: int, doing: str) -> None:
    """Where nobody looks at the progress."""


PATHS_OF_CONTEST = 200

SERIES_OF_CONTEST = 500
"""A contest looks at so many series, drawn by their keys, which is enough to tell policies apart."""

MOST_WINDOWS, MOST_BEFORE = 6, 4
"""So many of the newest windows are played, each with ranges that so many windows before it teach: of many series,
learning ranges takes longer than all replays."""

BY_Z = ("normal", "own_history")
"""The policies whose z is that of a normal distribution, and whose fractile may so have to be far out."""


COMPETING = ("normal", "own_history", "fractile", "lost_sales", "projected_stock")
"""The policies of the contest that serve for all goods."""

WITHOUT_STOCK = ("normal", "own_history", "fractile")
"""Those whose target does not depend on the stock, so that it means something where the stock is not known."""

ALL = (*COMPETING, "fixed_cost", "perishable")
"""All policies that the settings may name."""


def competing(terms: Terms, *, has_stock: bool) -> tuple[str, ...]:
    """The policies that compete under these terms: one for fixed costs where an order has them, and one for fresh goods
    where there are any."""
    if not has_stock:
        return WITHOUT_STOCK
    of_orders = ("fixed_cost",) if (terms.costs.fixed > 0).any() else ()
    return (*COMPETING, *of_orders, *(("perishable",) if terms.shelf_periods is not None else ()))


def some_series(sampler: SamplePaths, usable: np.ndarray) -> np.ndarray:
    """At most `SERIES_OF_CONTEST` of the `usable` series, drawn by their keys: int64 [series]."""
    return _drawn(sampler.series, sampler.hierarchy, usable)


def series_of_contest(panel: Panel, hierarchy: Hierarchy, terms: Terms, horizon: int) -> np.ndarray:
    """The series that `past_windows` plays: int64 [series]."""
    return _drawn(panel.series, hierarchy, can_order(terms, horizon))


def _drawn(series: pl.DataFrame, hierarchy: Hierarchy, usable: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(usable)
    hashes = key_hashes(series, hierarchy.bottom)[rows]
    return np.sort(rows[np.argsort(hashes, kind="stable")[:SERIES_OF_CONTEST]])


def policy_of(name: str, service: float | None) -> Policy:
    """The policy with the critical fractile, or with the probability `service` of no lost sale."""
    policy = POLICIES[name]()
    return policy if service is None else replace(policy, probability=service)  # type: ignore[type-var]


def families_of(names: Sequence[str], service: float | None = None) -> dict[str, list[Policy]]:
    """The policies that compete, by family: each with its critical fractile and with others; with `service` alone where
    that is given, so that only the rules compete."""
    if service is not None:
        return {name: [policy_of(name, service)] for name in names}
    return {name: _family(name) for name in names}


def _family(name: str) -> list[Policy]:
    """The members of a family: perishable goods by the weight of a lost sale, the others by their fractile."""
    if name == "perishable":
        return [PerishablePaths(lost_weight=weight) for weight in LOST_WEIGHTS]
    return with_fractiles(POLICIES[name](), FRACTILES + TAIL if name in BY_Z else FRACTILES)


def judging_of(windows: Sequence[W]) -> list[W]:
    """The later half of the windows, which judges what the earlier ones chose."""
    return list(windows[(len(windows) + 1) // 2 :])


def contest_in(
    windows: Sequence[W],
    names: Sequence[str],
    service: float | None,
    least_fill: float | None,
    play: Callable[[Sequence[Policy], W], list[LedgerSums]],
) -> Contest:
    """The contest in two windows or more: the earlier half of them chooses, the later one judges."""
    judging = judging_of(windows)
    earlier = windows[: len(windows) - len(judging)]
    families, fallback = families_of(names, service), policy_of("normal", service)
    return contest(families, earlier, judging, fallback=fallback, least_fill=least_fill or 0.0, play=play)


@dataclass(frozen=True)
class DrawnWindow:
    """A window of the backtest: `paths` [path, series, step] of units drawn at its cutoff, and the demand that came,
    `actual` float64 [series, step]."""

    label: str
    paths: np.ndarray
    actual: np.ndarray

    def window(self, panel: Panel, rows: np.ndarray, terms: Terms) -> Window:
        """The window of the series `rows` of the panel, which have these `terms`; see `window_of`."""
        past = panel.until(panel.dates[panel.day_of(np.datetime64(self.label))].item())
        dispersion = cover_dispersion(past.units[rows], cover_periods(terms))
        return window_of(self.label, self.paths.astype(np.float32, copy=False), self.actual, dispersion, terms)


def past_windows(results: Results, terms: Terms) -> Iterator[Window]:
    """The windows of the backtest, with the forecasts and the ranges as they were known then.

    Orders are decided at every review of a window whose cover lies within it. The sample paths of a later review are
    those of the window's cutoff, given what was sold since (`conditional_paths`), as a forecast of that day would know
    it. At the cutoff the stock is what the lead time is expected to need, because the stock of that day is not known.
    The periods count that the orders of the window reach. The first windows are left out, before which no window had
    ended, and those before the newest `MOST_WINDOWS`.
    """
    rows = series_of_contest(results.panel, results.hierarchy, terms, results.settings.horizon)
    for drawn in drawn_windows(results, rows):
        yield drawn.window(results.panel, rows, terms.part(rows))


def drawn_windows(results: Results, chosen: np.ndarray, tell: Tell = silent) -> Iterator[DrawnWindow]:
    """The windows of `past_windows` of the series `chosen`, whatever their terms."""
    panel, hierarchy, horizon = results.panel, results.hierarchy, results.settings.horizon
    if not len(chosen):
        return
    forecasts = results.test_forecasts()
    cutoffs = forecasts["cutoff"].unique().sort().tail(MOST_WINDOWS)
    for number, cutoff in enumerate(cutoffs):
        tell(number, len(cutoffs), f"drawing the demand after {cutoff}")
        ended = _ended_by(forecasts, cutoff)
        if not ended["actual"].is_not_null().any():
            continue
        past = panel.until(cutoff)
        rows = forecasts.filter(pl.col("cutoff") == cutoff)
        mean = rows["mean"].to_numpy().reshape(-1, horizon)
        ranges = Ranges.learn(ended, past, hierarchy)
        dependence = Dependence.learn(ended, past, hierarchy, ranges)
        sampler = SamplePaths.of(forecast_of(past, mean), past, hierarchy, ranges, dependence, results.settings.seed)
        actual = rows["actual"].to_numpy().astype(np.float64).reshape(-1, horizon)[chosen]
        yield DrawnWindow(str(cutoff), smallest(sampler.draw(PATHS_OF_CONTEST, chosen)), actual)


def _ended_by(forecasts: pl.DataFrame, cutoff: date) -> pl.DataFrame:
    """The forecasts of the newest windows that had ended by the cutoff."""
    last = forecasts.group_by("cutoff").agg(pl.col("date").max().alias("last"))
    ended = last.filter(pl.col("last").cast(pl.Date) <= cutoff)["cutoff"].sort().tail(MOST_BEFORE)
    return forecasts.filter(pl.col("cutoff").is_in(ended.implode()))


def steps_of(terms: Terms, horizon: int) -> int:
    """How many steps ahead orders look: to the end of the cover, or of the shelf life of what is ordered."""
    shelf = 0 if terms.shelf_periods is None else terms.shelf_periods
    return min(int(np.maximum(cover_periods(terms), terms.lead_periods + shelf).max()), horizon)


def window_of(
    label: str, paths: np.ndarray, actual: np.ndarray, dispersion: np.ndarray, terms: Terms, *, conditional: bool = True
) -> Window:
    """A window with all its reviews, see `past_windows`, of series with these `terms`.

    `paths` is float32 [path, series, step], `actual` float [series, step]. Where not `conditional`, later reviews do
    not know what was sold in the window.
    """
    horizon, lead, review = paths.shape[2], terms.lead_periods, terms.review_periods
    cover = lead + review
    steps, step = int(cover.max()), np.arange(horizon)
    reach = steps_of(terms, horizon)
    last = (horizon - cover) // review * review  # the last review whose cover lies within the window
    due = (step % review[:, None] == 0) & (step <= last[:, None])
    scored = (step >= lead[:, None]) & (step < (last + cover)[:, None])
    start = Situation.of(
        paths[:, :, :steps],
        np.ceil((paths.mean(axis=0, dtype=np.float64) * (step < lead[:, None])).sum(axis=1)),
        terms.costs,
        lead_periods=lead,
        review_periods=review,
        pack=terms.pack,
        minimum=terms.minimum,
        shelf_periods=terms.shelf_periods,
        dispersion=dispersion,
    )

    def paths_at(decision: int) -> np.ndarray:
        left = conditional_paths(paths, actual, decision) if conditional else paths[:, :, decision:]
        short = steps - left.shape[2]  # of series that are not due any more
        return left[:, :, :reach].copy() if short <= 0 else np.pad(left, ((0, 0), (0, 0), (0, short)))

    decisions = np.flatnonzero(due.any(axis=0)).tolist()
    return Window(label, start, actual, paths_at, decisions, scored, due)
