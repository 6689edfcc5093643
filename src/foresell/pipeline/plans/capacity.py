"""Orders to manufacturers with limited capacity, for the parts that a project expects to sell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.core.settings import CapacityTables
from foresell.core.words import many, number, period, share
from foresell.decide.capacity.deliveries import Simulation, arrivals, followed, simulate
from foresell.decide.capacity.linear_programme import INTEGER_LOSS, CapacityPlan, capacity_plan
from foresell.decide.capacity.problem import CapacityProblem
from foresell.decide.capacity.sensitivity import sensitivity
from foresell.decide.codes import finding
from foresell.decide.plan import Plan, common_form, sum_of
from foresell.pipeline.demand import ForecastProject, path_sampler
from foresell.pipeline.plans.capacity_tables import Manufacturing, read_manufacturing

PATHS = 100

WORTH_A_LINE = 0.01
"""Unmet demand has a line where it is at least this share of the demand of its part and period."""


@dataclass(frozen=True, kw_only=True)
class ManufacturerPlan(Plan):
    """A plan of orders to manufacturers: a line for each order, and for each part and period that stays unmet.

    - `capacity_price`: what one more unit of capacity would save, a row for each manufacturer and period.
    - `simulation`: what is delivered on time, on paths of demand and with lots that come late at random.
    - `sweep`: what plans by wrong forecasts would cost; None where it was not asked for.
    """

    capacity_price: pl.DataFrame
    simulation: Simulation
    sweep: pl.DataFrame | None

    def details(self) -> dict[str, Any]:
        """Prices of capacity, the simulated deliveries, and the sweep."""
        mean, low, high = self.simulation.delivered_range()
        return {
            "delivered_on_time": {"mean": mean, "low": low, "high": high},
            "capacity": self.capacity_price.to_dicts(),
            "sweep": None if self.sweep is None else self.sweep.to_dicts(),
        }


def plan(project: ForecastProject, tables: CapacityTables) -> ManufacturerPlan:
    """The orders that cost least over sample paths of the demand of parts.

    Raises as `capacity_tables.read_manufacturing` and `pipeline.demand.path_sampler`.
    """
    _, sampler_for = path_sampler(project)
    results = project.results
    known = read_manufacturing(results, tables)
    sampler = sampler_for(results.settings.seed)
    horizon = sampler.mean.shape[1]
    groups = results.hierarchy.groups(results.panel.series, tuple(known.parts.columns))
    (sums,) = sampler.sums([groups], [slice(step, step + 1) for step in range(horizon)], PATHS)
    problem = CapacityProblem.of(
        sums.transpose(2, 0, 1), known.lanes, known.capacity,
        penalty=known.penalty, holding=known.holding, opening=known.stock,
    )  # fmt: skip
    best = capacity_plan(problem, seconds=tables.search_seconds)
    simulation = simulate(problem, best.quantity, results.settings.seed)
    sweep = sensitivity(problem, seed=results.settings.seed) if tables.sweep else None
    dates = results.panel.ahead(horizon)
    findings = list(known.findings)
    if best.gap > INTEGER_LOSS:
        message = f"the best plan with whole lots may cost up to {share(best.gap)} less"
        findings.append(finding("capacity-gap", "capacity", 1, message))
    lines = _lines(problem, best, known, dates)
    price = _prices(best, simulation, known, dates)
    return ManufacturerPlan(
        kind="capacity",
        lines=lines,
        headline=tuple(_headline(problem, best, simulation, price, sweep, results.panel.frequency)),
        findings=tuple(findings),
        shown=("date", "action", "quantity", "cost", "money", "reason", "binds"),
        capacity_price=price,
        simulation=simulation,
        sweep=sweep,
    )


def _lines(problem: CapacityProblem, best: CapacityPlan, known: Manufacturing, dates: np.ndarray) -> pl.DataFrame:
    """The lines of orders, and those of demand that stays unmet."""
    free = capacity_plan(_without_limits(problem)).quantity
    lanes, days = known.lanes, dates.astype("datetime64[D]")
    lane, step = np.nonzero((best.quantity > 1e-6) | (free > 1e-6))
    quantity = best.quantity[lane, step]
    price = best.capacity_price[lanes.manufacturer[lane], step]
    lot = lanes.minimum_lot[lane]
    at_lot = (lot > 0) & (np.abs(quantity - lot) < 1e-6)
    orders = known.parts[lanes.part[lane]].with_columns(
        manufacturer=pl.Series([known.manufacturers[m] for m in lanes.manufacturer[lane]], dtype=pl.String),
        date=pl.Series(days[step]),
        action=pl.Series(np.where(quantity > 1e-6, "order", "none")),
        quantity=pl.Series(quantity),
        unconstrained=pl.Series(free[lane, step]),
        money=pl.Series(_worth(problem, best.quantity)[lane, step]),
        cost=pl.Series(quantity * lanes.cost[lane]),
        binds=pl.Series(np.where(price > 1e-9, "capacity", np.where(at_lot, "minimum_lot", ""))),
        shadow_price=pl.Series(np.where(price > 1e-9, price, np.nan)).fill_nan(None),
        assumed=pl.Series([known.assumed_of(int(each)) for each in lane], dtype=pl.String),
        utilisation=pl.Series(problem.utilisation(best.quantity)[lanes.manufacturer[lane], step]),
        good=pl.Series(lanes.good[lane]),
        on_time=pl.Series(lanes.on_time[lane]),
    )
    moved = pl.col("quantity") - pl.col("unconstrained")
    orders = orders.with_columns(reason=sum_of([("without limits", pl.col("unconstrained")), ("by limits", moved)]))
    asked = problem.demand.mean(axis=0)
    # On all paths; the plan itself may have looked at fewer.
    _, missed = followed(problem, arrivals(problem, best.quantity))
    part, step = np.nonzero(missed.mean(axis=0) >= np.maximum(WORTH_A_LINE * asked, 1e-6))
    unmet = missed.mean(axis=0)[part, step]
    without = known.parts[part].with_columns(
        manufacturer=pl.lit(""),
        date=pl.Series(days[step]),
        action=pl.lit("unmet"),
        quantity=pl.Series(unmet),
        unconstrained=pl.Series(asked[part, step]),
        money=pl.Series(unmet * problem.penalty[part]),
        reason=pl.Series([f"of {number(units)} that are expected" for units in asked[part, step]], dtype=pl.String),
        binds=pl.Series(["" if (lanes.part == each).any() else "capability" for each in part], dtype=pl.String),
        demand_price=pl.Series(best.demand_price[part, step]),
    )
    table = pl.concat([orders, without], how="diagonal_relaxed")
    keys = [*known.parts.columns, "manufacturer"]
    return common_form(table.select(keys), table.drop(keys))


def _without_limits(problem: CapacityProblem) -> CapacityProblem:
    """The problem as if every manufacturer could make all of it in any lot."""
    enough = problem.lanes.use.max(initial=0) * (problem.demand.sum() + 1) / problem.lanes.good.min(initial=1)
    lanes = replace(problem.lanes, minimum_lot=np.zeros(len(problem.lanes)))
    return replace(problem, lanes=lanes, capacity=np.full(problem.capacity.shape, enough))


def _worth(problem: CapacityProblem, quantity: np.ndarray) -> np.ndarray:
    """By how much each order lowers the expected cost, against not placing it: float64 [lane, period]."""
    lanes, worth = problem.lanes, np.zeros(quantity.shape)
    for part in np.unique(lanes.part):
        own = np.flatnonzero(lanes.part == part)
        here = CapacityProblem(
            problem.demand[:, [part]], replace(lanes, **{name: getattr(lanes, name)[own] for name in vars(lanes)}),
            problem.capacity, problem.penalty[[part]], problem.holding[[part]], problem.opening[[part]],
        )  # fmt: skip
        here = replace(here, lanes=replace(here.lanes, part=np.zeros(len(own), np.int64)))
        usual = _running_cost(here, quantity[own])
        for row, step in np.argwhere(quantity[own] > 1e-6):
            less = quantity[own].copy()
            less[row, step] = 0
            worth[own[row], step] = _running_cost(here, less) - usual
    return worth


def _running_cost(problem: CapacityProblem, quantity: np.ndarray) -> float:
    """The expected cost of one part."""
    stock, unmet = followed(problem, arrivals(problem, quantity))
    ordered = float(problem.lanes.cost @ quantity.sum(axis=1))
    return ordered + float((stock.sum(axis=2) @ problem.holding + unmet.sum(axis=2) @ problem.penalty).mean())


def _prices(best: CapacityPlan, simulation: Simulation, known: Manufacturing, dates: np.ndarray) -> pl.DataFrame:
    """A row for each manufacturer and period."""
    n_manufacturers, n_periods = known.capacity.shape
    return pl.DataFrame(
        {
            "manufacturer": np.repeat(known.manufacturers, n_periods),
            "date": np.tile(dates.astype("datetime64[D]"), n_manufacturers),
            "capacity": known.capacity.ravel(),
            "utilisation": simulation.utilisation.ravel(),
            "shadow_price": best.capacity_price.ravel(),
        }
    )


def _headline(
    problem: CapacityProblem, best: CapacityPlan, simulation: Simulation, price: pl.DataFrame,
    sweep: pl.DataFrame | None, frequency: Any,
) -> list[str]:  # fmt: skip
    """What comes of the plan, in sentences."""
    mean, low, high = simulation.delivered_range()
    looked = f"over {best.n_paths} paths of demand" if best.n_paths > 1 else "for the mean demand"
    sentences = [
        f"Orders for {number(best.production)}; with {number(best.holding)} for stock and {number(best.unmet_cost)} "
        "for "
        f"demand that is not met, the plan is expected to cost {number(best.cost)}, {looked}.",
        f"Of the demand {share(mean, 1)} is delivered on time in the simulation, between {share(low, 1)} and "
        f"{share(high, 1)} in nine of ten cases. {share(float(simulation.utilisation.mean()))} of the capacity is "
        "used.",
    ]
    of_mean = simulate(problem, capacity_plan(problem.of_mean()).quantity).cost.mean()
    extra = float(of_mean / simulation.cost.mean() - 1) if simulation.cost.mean() > 0 else 0.0
    sentences.append(
        f"A plan for the mean demand alone would cost {share(abs(extra), 1)} {'more' if extra > 0 else 'less'}."
    )
    dear = price.filter(pl.col("shadow_price") > 1e-9).sort("shadow_price", descending=True, maintain_order=True)
    if dear.height:
        top = dear.row(0, named=True)
        sentences.append(
            f"Capacity binds in {many(dear.height, 'period')} of manufacturers. One more unit of it would save "
            f"{number(top['shadow_price'])} at {top['manufacturer']}, {period(top['date'], frequency)}."
        )
    if sweep is not None:
        worst = sweep.sort("extra_cost", descending=True, maintain_order=True).row(0, named=True)
        sentences.append(
            f"A forecast that is wrong by a bias of {worst['bias']:+.0%} and a noise of {worst['noise']:.0%} would "
            "cost "
            f"{share(worst['extra_cost'], 1)} more; the sweep is in the output of --json."
        )
    return sentences
