"""Orders for the series of a project: the policy that was best on its own past, and what it orders today."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import OrderTables
from foresell.core.words import as_of, many, number
from foresell.data.supply.terms_table import VENDOR
from foresell.decide.contest import Contest
from foresell.decide.cost_curve import CURVE, cost_curve, price_of_fill
from foresell.decide.order_plan import (
    REASONS,
    PlannedOrders,
    ValuedOrders,
    joined,
    planned_orders,
    to_frame,
    valued_orders,
)
from foresell.decide.plan import Plan, common_form, sum_of
from foresell.decide.stock.contract import Policy, Situation
from foresell.decide.terms import DAYS_A_YEAR, Terms
from foresell.decide.vendors.limited_orders import LIMITS, LimitedOrders
from foresell.pipeline.demand import ForecastProject, path_sampler
from foresell.pipeline.plans.kept_past import KeptPast
from foresell.pipeline.plans.kept_paths import KeptPaths
from foresell.pipeline.plans.order_contest import (
    ALL,
    COMPETING,
    PATHS_OF_CONTEST,
    WITHOUT_STOCK,
    competing,
    judging_of,
    policy_of,
    some_series,
    steps_of,
)
from foresell.pipeline.plans.supply import Supply, can_order, cover_periods
from foresell.pipeline.plans.vendor_limits import OrderLimits, limit_sentences, limits_as_data, within_limits
from foresell.pipeline.progress import Progress
from foresell.pipeline.results import Results

PATHS = 400

BLOCK = 1024  # series whose paths are in memory at a time

RAISED = 1.25
"""An assumed term is raised by this factor to see how much money depends on it."""


@dataclass(frozen=True, kw_only=True)
class OrderPlan(Plan):
    """A plan of orders: one line for each series, with the columns of `decide.order_plan` beside the common ones.

    - `contest`: how the policies did on the past; None where one was named, or too little of the past is known.
    - `curve`: what its winner costs by fractile, and its fill rate, see `decide.cost_curve`; None without a contest.
    - `policy`: the name of the policy, and `why` in a sentence.
    - `has_stock`: whether stock was given. Without it quantities are null: there are targets only.
    - `decisive`: the assumed term on which the money ordered depends most, and by what share it changes where the
      term is a quarter higher; None where nothing that matters was assumed.
    - `limited`: what vendors and the budget made of the orders; None where nothing limits them together.
    - `asof`: a sentence that says until when sales are known.
    - `value`: what other units of some lines cost and gain.
    """

    contest: Contest | None
    curve: pl.DataFrame | None
    policy: str
    why: str
    has_stock: bool
    decisive: tuple[str, float] | None
    limited: LimitedOrders | None
    asof: str
    value: Callable[[pl.DataFrame, np.ndarray], ValuedOrders] = field(repr=False, compare=False)

    @property
    def is_decided(self) -> bool:
        """Whether there is a target for any series."""
        return self.lines["target"].count() > 0

    def with_quantities(self, quantity: np.ndarray) -> OrderPlan:
        """The plan with other orders, whose value, gain and lost units are those of the same paths."""
        changed = np.flatnonzero(
            ~np.isnan(quantity) & (quantity != self.lines["quantity"].fill_null(np.nan).to_numpy())
        )
        if not len(changed):
            return self
        columns = {
            name: self.lines[name].fill_null(np.nan).to_numpy().copy() for name in ("value", "gain", "lost_units")
        }
        valued = self.value(self.lines[changed], quantity[changed])
        columns["value"][changed] = valued.value
        if self.has_stock:
            columns["gain"][changed], columns["lost_units"][changed] = valued.gain, valued.lost_units
        given = self.lines.with_columns(
            pl.Series("units", quantity).fill_nan(None),
            *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
        )
        return self.with_lines(given.with_columns(_ACTION, quantity="units", money="gain", cost="value"))

    def summarised(self) -> OrderPlan:
        """The plan whose headline counts the orders as they are now."""
        plan = super().summarised()
        return replace(plan, headline=(_summary(self.lines, self.has_stock, self.asof), *plan.headline[1:]))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The curve of cost against fill rate, where there was a contest."""
        return {} if self.curve is None else {"curve": self.curve}

    def details(self) -> dict[str, Any]:
        """The policy and the contest that it won."""
        return {
            "policy": self.policy,
            "why": self.why,
            "contest": self.contest.to_frame().to_dicts() if self.contest else None,
            "curve": None if self.curve is None else self.curve.to_dicts(),
            "decisive_assumption": self.decisive,
            "limits": None if self.limited is None else limits_as_data(self.limited),
        }


@dataclass(frozen=True)
class SingleOrders:
    """The orders of today before anything limits them together, and what they were decided from.

    `contest` and `why` are as in `OrderPlan`; `past` has the windows in which policies competed.
    """

    results: Results
    supply: Supply
    sampler: SamplePaths
    contest: Contest | None
    past: KeptPast
    paths: KeptPaths
    policy: Policy
    why: str
    orders: PlannedOrders

    def blocks(self) -> list[np.ndarray]:
        """All series, part by part."""
        return list(_blocks(self.results.panel.n_series))

    def situation(self, rows: np.ndarray) -> Situation:
        """What the orders of some series are decided from."""
        return _situation(self.supply, self.paths, rows)


def single_orders(project: ForecastProject, tables: OrderTables) -> SingleOrders:
    """The orders of single series. Raises as `plan`."""
    _check_policy(tables)
    _, sampler_for = path_sampler(project)
    results = project.results
    supply = Supply.read(results, tables)

    def tell(done: int, total: int, doing: str) -> None:
        project.watch(Progress("plan", done, total, doing))

    won, past = None, KeptPast(results, supply.terms, tell)
    if tables.policy is None:
        names = competing(supply.terms, has_stock=supply.has_stock)
        won = past.contest(names, tables.service, tables.least_fill)
    policy = won.winner if won else policy_of(tables.policy or COMPETING[0], tables.service)
    sampler = sampler_for(results.settings.seed)
    parts = list(_blocks(results.panel.n_series))
    paths = KeptPaths(results, sampler, 2 * len(parts) + 2)  # those of two lead times
    blocks = []
    for place, rows in enumerate(parts):
        tell(place, len(parts), f"orders of {len(rows):,} series")
        blocks.append(_planned(policy, supply, paths, rows))
    return SingleOrders(results, supply, sampler, won, past, paths, policy, _reason(tables, won), joined(blocks))


def plan(project: ForecastProject, tables: OrderTables) -> OrderPlan:
    """The orders of today by the forecasts of the project and `tables`.

    Raises SettingsError where a table does not fit the series, or the policy does not exist; UnreadableFile and
    FindingsStop where a table cannot be read.
    """
    single = single_orders(project, tables)
    results, supply, paths = single.results, single.supply, single.paths
    policy, won, orders, why = single.policy, single.contest, single.orders, single.why
    limits, limited = OrderLimits.read(results, tables, supply) if supply.has_stock else None, None
    if limits is not None:
        orders, limited = within_limits(orders, limits, single.situation, single.blocks())
        supply = limits.with_assumptions(supply)
    lines = _lines(orders, supply, results.panel, results.settings.horizon, policy.name, limited)
    decisive = _decisive(policy, supply, paths)
    asof = as_of(results.panel.cutoff, results.panel.frequency)
    sentences = limit_sentences(limited, limits) if limited is not None and limits is not None else ()
    curve = cost_curve(policy, CURVE, judging_of(single.past.labels), single.past.play) if won else None
    single.past.keep()
    price = [price_of_fill(curve, won.fill_rate())] if won and curve is not None else []
    return OrderPlan(
        kind="orders",
        lines=lines,
        headline=(
            _summary(lines, supply.has_stock, asof),
            *sentences,
            why,
            *price,
            *supply.lead_sentence(),
            *_assumptions(lines, decisive),
        ),
        findings=(*supply.findings, *orders.findings),
        shown=(*SHOWN, *_limits_shown(limited), "value", "gain") if supply.has_stock else SHOWN_WITHOUT_STOCK,
        contest=won,
        curve=curve,
        policy=policy.name,
        why=why,
        has_stock=supply.has_stock,
        decisive=decisive,
        limited=limited,
        asof=asof,
        value=partial(_valued, supply, paths, results.panel),
    )


SHOWN = ("units", "demand", "safety_stock", "on_hand", "on_order", "surplus", "rounding")
SHOWN_WITHOUT_STOCK = ("target", "demand", "safety_stock")


def _limits_shown(limited: LimitedOrders | None) -> list[str]:
    """The columns of limits that changed an order."""
    return [] if limited is None else [limit for limit in LIMITS if np.nansum(np.abs(limited.changes[limit])) > 0]


def _check_policy(tables: OrderTables) -> None:
    """Raises SettingsError for a policy that does not exist, or needs the stock where that is not known."""
    if tables.policy is not None and tables.policy not in ALL:
        raise SettingsError(f"'orders.policy' is '{tables.policy}'; expected one of {', '.join(ALL)}.")
    if tables.policy is not None and tables.least_fill is not None:
        raise SettingsError(
            f"'orders.policy' is '{tables.policy}' and 'orders.least_fill' {tables.least_fill:g}; expected one of "
            "them, because a fill rate chooses among policies. Leave one of them out."
        )
    if not tables.stock and tables.policy is not None and tables.policy not in WITHOUT_STOCK:
        raise SettingsError(
            f"The target of the policy {tables.policy} depends on the stock on hand, which is not known. Give the "
            f"stock, or one of the policies {', '.join(WITHOUT_STOCK)}."
        )


def _summary(lines: pl.DataFrame, has_stock: bool, asof: str) -> str:
    if not has_stock:
        return (
            f"{asof} Targets for {many(lines.height, 'series', 'series')}. There are no orders, because the stock on "
            "hand is not known. Give it with --stock, or as 'orders.stock' in the settings."
        )
    ordered = lines.filter(pl.col("quantity") > 0)
    units, cost, gain = (number(float(ordered[name].sum())) for name in ("quantity", "cost", "money"))
    return (
        f"{asof} {ordered.height:,} of {many(lines.height, 'series', 'series')} to order: {units} units for {cost}, "
        f"which lower the expected cost by {gain}."
    )


def _assumptions(lines: pl.DataFrame, decisive: tuple[str, float] | None) -> list[str]:
    """What was assumed, and which assumption matters most."""
    names = sorted({name for row in lines["assumed"].unique() for name in row.split(", ") if name})
    if not names:
        return []
    text = f"Assumed where not given: {', '.join(names)}."
    if decisive:
        term, share = decisive
        text += f" Of these {term} matters most: were it a quarter higher, targets would change by {share:.0%}."
    return [text]


def _reason(tables: OrderTables, won: Contest | None) -> str:
    if tables.policy is not None:
        return f"The policy is {tables.policy}, as the settings say."
    if won is None:
        unknown = f" Whether it fills {tables.least_fill:g} of the demand is not known." if tables.least_fill else ""
        return (
            f"The policy is normal safety stock, because too few windows can be played again with these terms.{unknown}"
        )
    return won.sentence()


def _blocks(n_series: int) -> Iterator[np.ndarray]:
    for start in range(0, n_series, BLOCK):
        yield np.arange(start, min(start + BLOCK, n_series))


def _valued(supply: Supply, paths: KeptPaths, panel: Panel, lines: pl.DataFrame, units: np.ndarray) -> ValuedOrders:
    """What `units` [line] of some lines of the plan cost and gain."""
    keys = lines.select(lines.columns[: len(panel.keys)]).rename(dict(zip(lines.columns, panel.keys, strict=False)))
    index = panel.series.select(panel.keys).with_row_index("series")
    rows = keys.join(index, on=list(panel.keys), how="left", maintain_order="left", nulls_equal=True)[
        "series"
    ].to_numpy()
    parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    amounts = [units[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    valued = [
        valued_orders(_situation(supply, paths, part), amount) for part, amount in zip(parts, amounts, strict=True)
    ]
    return ValuedOrders.joined(valued)


def _situation(supply: Supply, paths: KeptPaths, rows: np.ndarray) -> Situation:
    """What the orders of some series are decided from."""
    sampler = paths.sampler
    horizon = sampler.mean.shape[1]
    steps = steps_of(supply.terms.part(rows), horizon)
    drawn = paths.draw(PATHS, rows, steps if supply.lead_times is None else horizon)  # arrivals may come later
    drawn = supply.by_arrival(drawn, rows, DAYS_A_YEAR / sampler.frequency.year, sampler.seed)
    return supply.situation(drawn[:, :, :steps], rows)


def _planned(policy: Policy, supply: Supply, paths: KeptPaths, rows: np.ndarray) -> PlannedOrders:
    """The orders of a block of series."""
    return planned_orders(policy, _situation(supply, paths, rows))


_ACTION = (
    pl.when(pl.col("units") > 0)
    .then(pl.lit("order"))
    .when(pl.col("units") == 0)
    .then(pl.lit("none"))
    .otherwise(pl.lit("undecided"))
    .alias("action")
)


def _lines(
    orders: PlannedOrders, supply: Supply, panel: Panel, horizon: int, policy: str, limited: LimitedOrders | None
) -> pl.DataFrame:
    """The lines of the plan, see `OrderPlan`."""
    terms = supply.terms
    dates = panel.ahead(horizon)
    columns = to_frame(orders).with_columns(
        pl.lit(panel.cutoff).alias("decided"),
        day_of_step("arrives", terms.lead_periods, dates),
        day_of_step("covered_until", cover_periods(terms) - 1, dates),
        pl.lit(policy).alias("policy"),
        pl.Series("assumed", [", ".join(terms.assumed_of(row)) for row in range(panel.n_series)]),
        *_binds(orders, terms, limited),
        pl.Series("lost_margin", terms.costs.lost_margin),
        pl.Series("holding_cost", terms.costs.holding * terms.review_periods),
        *supply.lead_columns(),
    )
    if not supply.has_stock:
        columns = columns.with_columns([pl.lit(None, pl.Float64).alias(name) for name in _OF_STOCK])
    if supply.vendor is not None and VENDOR not in panel.keys:
        columns = columns.with_columns(pl.Series(VENDOR, supply.vendor.tolist(), pl.String))
    ordered = pl.col("units") > 0
    columns = columns.with_columns(
        date="decided",
        action=_ACTION,
        quantity="units",
        unconstrained=pl.col("units") - pl.sum_horizontal("rounding", *LIMITS, ignore_nulls=False),
        money="gain",
        cost="value",
        reason=sum_of(_WORDS),
        binds=pl.when(ordered | (pl.col("rounding") != 0) | pl.col("binds").is_in(["", "pack", "minimum"]).not_())
        .then("binds").otherwise(pl.lit("")),
    )  # fmt: skip
    return common_form(panel.series.select(panel.keys), columns, then_by=["target"])


_WORDS = [(name.replace("_", " "), pl.col(name) * (-1 if name in ("on_hand", "on_order") else 1)) for name in REASONS]
"""The reasons with their words; stock and orders are taken off."""


def _binds(orders: PlannedOrders, terms: Terms, limited: LimitedOrders | None) -> list[pl.Series]:
    """What moves the order of each series away from what is needed, and its shadow price.

    That is a limit of its vendor or the budget, else its own minimum, its pack, or nothing.
    """
    rounding = orders.columns["rounding"]
    needed = orders.columns["units"] - rounding - sum(orders.columns[limit] for limit in LIMITS)
    moved = np.abs(np.nan_to_num(rounding)) >= 1
    by_minimum = moved & (terms.minimum > needed)
    binds = np.where(by_minimum, "minimum", np.where(moved & (terms.pack > 1), "pack", "")).astype(object)
    price = np.full(len(binds), np.nan)
    if limited is not None:
        binds, price = np.where(limited.limit != "", limited.limit, binds), limited.shadow_price
    return [pl.Series("binds", binds, pl.String), pl.Series("shadow_price", price).fill_nan(None)]


def day_of_step(name: str, step: np.ndarray, dates: np.ndarray) -> pl.Series:
    """The day of each step from 0 [series]; null where it lies beyond the forecast."""
    inside = (step >= 0) & (step < len(dates))
    days = pl.Series(name, dates[np.where(inside, step, 0)])
    return pl.select(pl.when(pl.Series(inside)).then(days).alias(name))[name]


_OF_STOCK = ("units", "on_hand", "on_order", "surplus", "rounding", *LIMITS, "value", "gain", "lost_units")
"""The columns that mean nothing where the stock is not known."""


def _decisive(policy: Policy, supply: Supply, kept: KeptPaths) -> tuple[str, float] | None:
    """The assumed term that moves the money ordered most, see `OrderPlan`, by some of the series."""
    raised_terms, horizon = _raised(supply.terms), kept.sampler.mean.shape[1]
    # A longer lead time must fit into the forecast too, or the money of fewer series would be compared.
    rows = some_series(kept.sampler, can_order(raised_terms["lead_days"], horizon))
    if not len(rows):
        return None
    paths = kept.draw(PATHS_OF_CONTEST, rows, horizon)
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
    lead = terms.lead_periods
    # A lead time that cannot be stays one.
    longer = np.where(lead < 0, lead, np.maximum(np.ceil(lead * RAISED), lead + 1)).astype(np.int64)
    return {
        "holding_share_year": replace(terms, costs=replace(costs, holding=costs.holding * RAISED)),
        "lost_margin": replace(terms, costs=replace(costs, lost_margin=costs.lost_margin * RAISED)),
        "lead_days": replace(terms, lead_periods=longer),
    }
