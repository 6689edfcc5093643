"""Orders for the series of a project: the policy that was best on its own past, and what it orders today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.core.errors import SettingsError
from foresell.core.finding import Finding, Severity
from foresell.core.frequency import period_index
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Panel
from foresell.core.settings import OrderTables
from foresell.core.words import many
from foresell.data.cube.cells import key_texts
from foresell.data.supply.stock import OpenOrderRows, read_open_orders, read_stock
from foresell.data.supply.terms_table import TERMS, read_terms
from foresell.decide.codes import CODES, finding
from foresell.decide.contest import Contest, contest, with_fractiles
from foresell.decide.order_plan import PlannedOrders, joined, planned_orders, to_frame
from foresell.decide.replay import Window
from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.stock.faults import OpenOrders, faults
from foresell.decide.terms import Terms, terms_of
from foresell.ensemble.backtest_ensemble import forecast_of
from foresell.pipeline.demand import path_sampler
from foresell.pipeline.results import Results

if TYPE_CHECKING:
    from foresell.pipeline.project import Project

COMPETING = ("normal", "fractile", "lost_sales", "projected_stock")
"""The policies of the contest."""

WITHOUT_STOCK = ("normal", "fractile")
"""Those whose target does not depend on the stock, so that it means something where the stock is not known."""

PATHS, PATHS_OF_CONTEST = 400, 200
SERIES_OF_CONTEST = 2000
"""A contest looks at so many series, drawn by their keys, which is enough to tell policies apart."""

BLOCK = 1024  # series whose paths are in memory at a time

RAISED = 1.25
"""An assumed term is raised by this factor to see how much money depends on it."""


@dataclass(frozen=True)
class OrderPlan:
    """A plan of orders.

    - `table`: one row for each series, the largest gain first, see `decide.order_plan`; with ``decided``, ``arrives``,
      ``covered_until``, ``policy`` and ``assumed``, the terms that were not given.
    - `contest`: how the policies did on the past; None where one was named, or too little of the past is known.
    - `policy`: the name of the policy, and `why` in a sentence.
    - `has_stock`: whether stock was given. Without it ``units`` is null: there are targets only.
    - `decisive`: the assumed term on which the money ordered depends most, and by what share it changes where the
      term is a quarter higher; None where nothing that matters was assumed.
    """

    table: pl.DataFrame
    contest: Contest | None
    policy: str
    why: str
    has_stock: bool
    findings: tuple[Finding, ...]
    decisive: tuple[str, float] | None


def plan_orders(project: Project, tables: OrderTables | None = None) -> OrderPlan:
    """The orders of today by the forecasts of the project and `tables`, those of its settings where not given.

    Raises SettingsError where a table does not fit the series, or the policy does not exist; UnreadableFile and
    FindingsStop where a table cannot be read.
    """
    tables = tables or project.settings.orders
    if tables.policy is not None and tables.policy not in COMPETING:
        raise SettingsError(f"'orders.policy' is '{tables.policy}'; expected one of {', '.join(COMPETING)}.")
    if not tables.stock and tables.policy is not None and tables.policy not in WITHOUT_STOCK:
        raise SettingsError(
            f"The target of the policy {tables.policy} depends on the stock on hand, which is not known. Give the "
            f"stock, or one of the policies {', '.join(WITHOUT_STOCK)}."
        )
    _, sampler_for = path_sampler(project)
    results = project.results
    supply = _Supply.read(results, tables)
    won = None
    if tables.policy is None:
        won = _contest(results, supply.terms, COMPETING if supply.has_stock else WITHOUT_STOCK)
    policy = won.winner if won else POLICIES[tables.policy or COMPETING[0]]()
    sampler = sampler_for(results.settings.seed)
    blocks = [_planned(policy, supply, sampler, rows) for rows in _blocks(results.panel.n_series)]
    plan = joined(blocks)
    return OrderPlan(
        _table(plan, supply, results.panel, results.settings.horizon, policy.name),
        won,
        policy.name,
        _reason(tables.policy, won),
        supply.has_stock,
        (*supply.findings, *plan.findings),
        _decisive(policy, supply, sampler),
    )


def _reason(named: str | None, won: Contest | None) -> str:
    if named is not None:
        return f"The policy is {named}, as the settings say."
    if won is None:
        return "The policy is normal safety stock, because too few windows can be played again with these terms."
    return won.sentence()


@dataclass(frozen=True)
class _Supply:
    """What is known of the supply of the panel's series: terms, stock [series], what arrives [series, step]."""

    terms: Terms
    on_hand: np.ndarray
    on_order: np.ndarray
    has_stock: bool
    names: tuple[str, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, results: Results, tables: OrderTables) -> _Supply:
        """Reads the tables."""
        panel, data, base = results.panel, results.settings.data, Path(results.base)
        horizon, findings = results.settings.horizon, list[Finding]()
        names = tuple(" ".join(map(str, row)) for row in panel.series.select(panel.keys).iter_rows())
        terms, of_terms = _terms(results, tables.terms)
        findings += of_terms
        on_hand, on_order = np.zeros(panel.n_series), np.zeros((panel.n_series, horizon))
        if tables.stock:
            on_hand, of_stock = read_stock(tables.stock, base, data, panel)
            findings += of_stock
        if tables.open_orders:
            rows, of_orders = read_open_orders(tables.open_orders, base, data, panel)
            on_order, of_steps = _by_step(rows, panel, horizon, names)
            findings += [*of_orders, *of_steps]
        return cls(terms, on_hand, on_order, bool(tables.stock), names, tuple(findings))

    def situation(self, paths: np.ndarray, rows: np.ndarray, terms: Terms | None = None) -> Situation:
        """What the orders of some series are decided from; `paths` [path, series, step] are theirs."""
        terms = terms or self.terms
        return Situation.of(
            paths,
            self.on_hand[rows],
            terms.costs.part(rows),
            on_order=self.on_order[rows, : paths.shape[2]],
            lead_periods=terms.lead_periods[rows],
            review_periods=terms.review_periods[rows],
            pack=terms.pack[rows],
            minimum=terms.minimum[rows],
            names=tuple(self.names[row] for row in rows),
        )


def _terms(results: Results, path: str | None) -> tuple[Terms, list[Finding]]:
    """The terms of all series by the table at `path`; without a price all cost is counted in prices of a unit."""
    panel = results.panel
    given, findings = read_terms(path, Path(results.base), results.settings.data, panel) if path else ({}, [])
    price = given.pop("price", np.full(panel.n_series, np.nan))
    if (price <= 0).any():
        raise SettingsError(
            f"{path} has a price that is not above 0 for {many(int((price <= 0).sum()), 'series', 'series')}. Leave it "
            "blank where it is not known."
        )
    price = np.where(price > 0, price, _usual_price(panel))
    without = ~(price > 0)
    terms = terms_of(np.where(without, 1.0, price), panel.frequency, **given)
    none = np.flatnonzero(terms.costs.lost_margin <= 0)
    if len(none):
        message = f"{many(len(none), 'series', 'series')}: a lost sale costs nothing, so nothing is ordered against it"
        names = key_texts(panel.series.select(panel.keys)[none])
        findings.append(finding("margin-none", "terms", len(none), message, names))
    assumed = {name: series for name, series in terms.assumed.items() if name in TERMS}  # of terms that matter here
    return replace(terms, assumed={"price": without, **assumed}), findings


MONTH = 28
"""The usual price of a series is the median of so many last periods, so that a promotion of today does not set it."""


def _usual_price(panel: Panel) -> np.ndarray:
    """The median price of the last periods of each series, or the last known one before them: float64 [series], NaN
    where there is none."""
    if "price" not in panel.known:
        return np.full(panel.n_series, np.nan)
    known = panel.known["price"]
    values = known.values[:, : panel.n_days].astype(np.float64)
    there = ~np.isnan(values)
    last = values.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
    price = np.where(there.any(axis=1), np.take_along_axis(values, last[:, None], axis=1)[:, 0], np.nan)
    recent = there[:, -MONTH:].any(axis=1)
    price[recent] = np.nanmedian(values[recent, -MONTH:], axis=1)
    return np.asarray(price[known.rows])


def _by_step(
    rows: OpenOrderRows, panel: Panel, horizon: int, names: tuple[str, ...]
) -> tuple[np.ndarray, list[Finding]]:
    """What arrives at the beginning of each step, float64 [series, step], and what is wrong with open orders."""
    first = panel.ahead(1)[0]
    step = period_index(rows.due, first, panel.frequency) + 1
    return OpenOrders(rows.series, step, rows.units).by_step(panel.n_series, horizon, names)


def _blocks(n_series: int) -> Iterator[np.ndarray]:
    for start in range(0, n_series, BLOCK):
        yield np.arange(start, min(start + BLOCK, n_series))


def _planned(policy: Policy, supply: _Supply, sampler: SamplePaths, rows: np.ndarray) -> PlannedOrders:
    """The orders of a block of series."""
    steps = min(int(_cover(supply.terms)[rows].max()), sampler.mean.shape[1])
    return planned_orders(policy, supply.situation(sampler.draw(PATHS, rows)[:, :, :steps], rows))


def _cover(terms: Terms) -> np.ndarray:
    return terms.lead_periods + terms.review_periods


def _usable(terms: Terms, horizon: int) -> np.ndarray:
    """Whether the terms of a series allow an order within the horizon: bool [series]."""
    n_series = len(terms.pack)
    case = Situation.of(
        np.zeros((1, n_series, horizon)),
        np.zeros(n_series),
        terms.costs,
        lead_periods=terms.lead_periods,
        review_periods=terms.review_periods,
        pack=terms.pack,
        minimum=terms.minimum,
    )
    return ~np.any([series for code, series in faults(case) if CODES[code].severity == Severity.ERROR], axis=0)


def _table(plan: PlannedOrders, supply: _Supply, panel: Panel, horizon: int, policy: str) -> pl.DataFrame:
    """The table of the plan, see `OrderPlan`."""
    terms = supply.terms
    dates = panel.ahead(horizon)
    frame = to_frame(plan, panel.series.select(panel.keys)).with_columns(
        pl.lit(panel.cutoff).alias("decided"),
        _day("arrives", terms.lead_periods, dates),
        _day("covered_until", _cover(terms) - 1, dates),
        pl.lit(policy).alias("policy"),
        pl.Series("assumed", [", ".join(terms.assumed_of(row)) for row in range(panel.n_series)]),
    )
    if not supply.has_stock:
        without = [pl.lit(None, pl.Float64).alias(name) for name in _OF_STOCK]
        frame = frame.with_columns(without)
        return frame.sort("target", descending=True, nulls_last=True, maintain_order=True)
    return frame.sort("gain", descending=True, nulls_last=True, maintain_order=True)


def _day(name: str, step: np.ndarray, dates: np.ndarray) -> pl.Series:
    """The day of each step from 0 [series]; null where it lies beyond the forecast."""
    inside = (step >= 0) & (step < len(dates))
    days = pl.Series(name, dates[np.where(inside, step, 0)])
    return pl.select(pl.when(pl.Series(inside)).then(days).alias(name))[name]


_OF_STOCK = ("units", "on_hand", "on_order", "surplus", "rounding", "value", "gain", "lost_units")
"""The columns that mean nothing where the stock is not known."""


def _decisive(policy: Policy, supply: _Supply, sampler: SamplePaths) -> tuple[str, float] | None:
    """The assumed term that moves the money ordered most, see `OrderPlan`, by some of the series."""
    raised_terms, horizon = _raised(supply.terms), sampler.mean.shape[1]
    # A longer lead time must fit into the forecast too, or the money of fewer series would be compared.
    rows = _some_series(sampler, _usable(raised_terms["lead_days"], horizon))
    if not len(rows):
        return None
    paths = sampler.draw(PATHS_OF_CONTEST, rows)
    moved = {}
    usual = _money_ordered(policy, supply.situation(paths, rows))
    for name, raised in raised_terms.items():
        if supply.terms.assumed[name][rows].any():
            money = _money_ordered(policy, supply.situation(paths, rows, raised))
            moved[name] = abs(money - usual) / usual if usual > 0 else 0.0
    best = max(moved, key=moved.__getitem__, default=None)
    return None if best is None or moved[best] == 0 else (best, moved[best])


def _money_ordered(policy: Policy, situation: Situation) -> float:
    """The purchase value of the position to reach, by today's unit costs of the situation."""
    return float(np.nansum(np.maximum(policy.orders(situation).target, 0) * situation.costs.unit))


def _raised(terms: Terms) -> dict[str, Terms]:
    """The terms with one of them a quarter higher, the lead time by at least one period."""
    costs = terms.costs
    longer = np.maximum(np.ceil(terms.lead_periods * RAISED), terms.lead_periods + 1).astype(np.int64)
    return {
        "holding_share_year": replace(terms, costs=replace(costs, holding=costs.holding * RAISED)),
        "lost_margin": replace(terms, costs=replace(costs, lost_margin=costs.lost_margin * RAISED)),
        "lead_days": replace(terms, lead_periods=longer),
    }


def _some_series(sampler: SamplePaths, usable: np.ndarray) -> np.ndarray:
    """At most `SERIES_OF_CONTEST` of the `usable` series, drawn by their keys: int64 [series]."""
    rows = np.flatnonzero(usable)
    hashes = key_hashes(sampler.series, sampler.hierarchy.bottom)[rows]
    return np.sort(rows[np.argsort(hashes, kind="stable")[:SERIES_OF_CONTEST]])


def _contest(results: Results, terms: Terms, names: Sequence[str]) -> Contest | None:
    """Lets the policies compete in the windows of the backtest; None where fewer than two can be played."""
    windows = list(past_windows(results, terms))
    if len(windows) < 2:
        return None
    families = {name: with_fractiles(POLICIES[name]()) for name in names}
    earlier = (len(windows) + 1) // 2
    return contest(families, windows[:earlier], windows[earlier:])


def past_windows(results: Results, terms: Terms) -> Iterator[Window]:
    """The windows of the backtest as one decision each, with the forecast and the ranges as they were known then.

    At each cutoff the stock is what the lead time is expected to need, because the stock of that day is not known. The
    order then has to last for the review time. The first windows are left out, before which no window had ended.
    """
    panel, hierarchy, horizon = results.panel, results.hierarchy, results.settings.horizon
    forecasts = results.test_forecasts()
    usable = _usable(terms, horizon)
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
        chosen = _some_series(sampler, usable)
        actual = rows["actual"].to_numpy().astype(np.float64).reshape(-1, horizon)[chosen]
        yield _window(str(cutoff), sampler, chosen, actual, terms)


def _ended_by(forecasts: pl.DataFrame, cutoff: date) -> pl.DataFrame:
    """The forecasts of the windows that had ended by the cutoff."""
    last = forecasts.group_by("cutoff").agg(pl.col("date").max().alias("last"))
    ended = last.filter(pl.col("last").cast(pl.Date) <= cutoff)["cutoff"]
    return forecasts.filter(pl.col("cutoff").is_in(ended.implode()))


def _window(label: str, sampler: SamplePaths, rows: np.ndarray, actual: np.ndarray, terms: Terms) -> Window:
    cover = _cover(terms)[rows]
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
