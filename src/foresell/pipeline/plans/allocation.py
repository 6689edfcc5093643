"""What distribution centres give to which stores today, and what passes through them in the days ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.settings.allocation import AllocationTables
from foresell.core.words import as_of, day, many, number
from foresell.data.supply.centre_tables import CentreTables, read_centre_tables
from foresell.decide.allocation.dock_load import DockLoad, dock_load
from foresell.decide.allocation.shares import Allocation, allocation
from foresell.decide.codes import finding
from foresell.decide.order_plan import REASONS, ValuedOrders, valued_orders
from foresell.decide.plan import Plan, common_form, sum_of
from foresell.decide.stock.gain_curves import gain_curves, joined_curves
from foresell.decide.vendors.limited_orders import LIMITS
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.orders import PATHS, SingleOrders, day_of_step, single_orders
from foresell.pipeline.plans.supply import cover_periods

LIKELY = 0.1
"""The probability of an overload from which on it is a finding."""

SHOWN = ("centre", "quantity", "unconstrained", "short", "money", "shadow_price")


@dataclass(frozen=True, kw_only=True)
class AllocationPlan(Plan):
    """A plan of allocation: one line for each series that a centre supplies.

    `load` has one row for each centre and day: ``centre``, ``date``, ``mean``, ``median``, ``p90`` (units),
    ``capacity`` and ``overload`` (the probability that the load exceeds the capacity), null where it is not known.
    """

    load: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """The load of the centres, day by day."""
        return {"load": self.load}

    def details(self) -> dict[str, Any]:
        """The load of the centres."""
        return {"load": self.load.to_dicts()}


def plan(project: ForecastProject, tables: AllocationTables) -> AllocationPlan:
    """The allocation of today by the forecasts of the project and the tables.

    What the stores want is the plan of orders, with the stock, the open orders and the terms of the section ``orders``.
    Raises SettingsError where a table is missing or does not fit the series; UnreadableFile and FindingsStop where one
    cannot be read.
    """
    of_stores = replace(project.settings.orders, vendors=None, price_breaks=None, budget=None)
    if not of_stores.stock:
        raise SettingsError(
            "What the stores want depends on their stock on hand, which is not known. Give it as 'orders.stock' in the "
            "settings."
        )
    single = single_orders(project, of_stores)
    panel, data = single.results.panel, single.results.settings.data
    centres = read_centre_tables(tables, Path(single.results.base), data, panel)
    findings = [*single.supply.findings, *single.orders.findings, *centres.findings, *_faults(centres, single)]
    sound = ~np.isnan(centres.stock) & (centres.stock >= 0)
    source_of = np.where(np.append(sound, False)[centres.source_of], centres.source_of, -1)
    wanted = np.where(source_of >= 0, single.orders.columns["units"], np.nan)
    blocks = list(single.blocks())
    none = np.zeros(panel.n_series, bool)
    curves = joined_curves([gain_curves(single.situation(rows), wanted[rows], none[rows]) for rows in blocks])
    shares = allocation(curves, source_of, np.where(sound, centres.stock, 0.0), fairness=tables.fairness)
    units = np.where(np.isnan(wanted), np.nan, shares.units)
    load = _load(single, centres, units)
    lines = _lines(single, centres, shares, units, wanted)
    table = _load_table(load, centres, panel.ahead(load.paths.shape[2]))
    return AllocationPlan(
        kind="allocation",
        lines=lines,
        headline=(_summary(lines, shares, as_of(panel.cutoff, panel.frequency)), *_overloads(table), single.why),
        findings=(*findings, *_overload_findings(table)),
        shown=SHOWN,
        load=table,
    )


def _faults(centres: CentreTables, single: SingleOrders) -> Iterator[Finding]:
    """What is wrong with the stock of the centres."""
    lacking = (centres.centre_of >= 0) & (centres.source_of < 0)
    if lacking.any():
        names = [single.supply.names[row] for row in np.flatnonzero(lacking)[:5].tolist()]
        yield finding(
            "centre-stock-unknown", "allocation", int(lacking.sum()), "The centre has no row of stock for", names
        )
    wrong = np.flatnonzero(~(centres.stock >= 0))
    if len(wrong):
        names = [centres.sources[source] for source in wrong[:5].tolist()]
        yield finding(
            "centre-stock-invalid", "allocation", len(wrong), "The stock of a centre is missing or below 0", names
        )


def _lines(
    single: SingleOrders, centres: CentreTables, shares: Allocation, units: np.ndarray, wanted: np.ndarray
) -> pl.DataFrame:
    """The lines of the plan, those of series with a centre."""
    rows = np.flatnonzero(centres.centre_of >= 0)
    decided = rows[~np.isnan(units[rows])]
    gain = np.full(len(units), np.nan)
    if len(decided):
        parts = np.array_split(decided, len(decided) // 1024 + 1)
        gain[decided] = ValuedOrders.joined([valued_orders(single.situation(part), units[part]) for part in parts]).gain
    orders = single.orders.columns
    reasons = {name: orders[name][rows] for name in REASONS if name not in LIMITS}
    short = np.maximum(wanted - units, 0)
    source = centres.source_of[rows]
    price = np.append(shares.shadow_price, np.nan)[source]
    columns = pl.DataFrame(
        {
            "quantity": units[rows],
            "unconstrained": orders["units"][rows] - orders["rounding"][rows],
            "money": gain[rows],
            "shadow_price": np.where(short[rows] > 0, price, np.nan),
            "centre": np.array([*centres.centres, ""], dtype=object)[centres.centre_of[rows]].tolist(),
            "wanted": wanted[rows],
            "short": short[rows],
            **reasons,
            "centre_stock": np.append(centres.stock, np.nan)[source],
            "centre_left": np.append(shares.left, np.nan)[source],
        }
    ).fill_nan(None)
    panel, terms = single.results.panel, single.supply.terms
    dates, costs = panel.ahead(single.results.settings.horizon), terms.costs
    columns = columns.with_columns(
        pl.lit(panel.cutoff).alias("date"),
        day_of_step("arrives", terms.lead_periods[rows], dates),
        day_of_step("covered_until", cover_periods(terms)[rows] - 1, dates),
        pl.Series("lost_margin", costs.lost_margin[rows]),
        pl.Series("holding_cost", (costs.holding * terms.review_periods)[rows]),
        pl.when(pl.col("quantity") > 0).then(pl.lit("allocate")).when(pl.col("quantity") == 0).then(pl.lit("none"))
        .otherwise(pl.lit("undecided")).alias("action"),
        sum_of(_WORDS).alias("reason"),
        pl.when(pl.col("short") > 0).then(pl.lit("centre stock"))
        .when(pl.col("rounding").abs() >= 1).then(pl.lit("pack")).otherwise(pl.lit("")).alias("binds"),
        pl.Series("assumed", [", ".join(terms.assumed_of(row)) for row in rows.tolist()], pl.String),
    )  # fmt: skip
    return common_form(panel.series.select(panel.keys)[rows], columns, then_by=["short"])


_WORDS = [
    (name.replace("_", " "), pl.col(name) * (-1 if name in ("on_hand", "on_order", "short") else 1))
    for name in (*(reason for reason in REASONS if reason not in LIMITS), "short")
]
"""The reasons of a line; they add up to the quantity."""


def _load(single: SingleOrders, centres: CentreTables, units: np.ndarray) -> DockLoad:
    """The load of the centres on the paths of all stores together."""
    orders, terms = single.orders.columns, single.supply.terms
    below_target = orders["target"] - orders["on_hand"] - orders["on_order"]
    parts = [
        dock_load(
            single.sampler.draw(PATHS, rows),
            centres.centre_of[rows],
            len(centres.centres),
            allocated=units[rows],
            short=below_target[rows],
            pack=terms.pack[rows],
            review_periods=terms.review_periods[rows],
        )
        for rows in single.blocks()
    ]
    return DockLoad.joined(parts)


def _load_table(load: DockLoad, centres: CentreTables, dates: np.ndarray) -> pl.DataFrame:
    """The load by centre and day, see `AllocationPlan`."""
    n = len(centres.centres)
    values = {
        "mean": load.mean(),
        "median": load.quantile(0.5),
        "p90": load.quantile(0.9),
        "capacity": np.broadcast_to(centres.capacity[:, None], (n, len(dates))),
        "overload": load.overload(centres.capacity),
    }
    return pl.DataFrame(
        {
            "centre": np.repeat(np.array(centres.centres, dtype=object), len(dates)).tolist(),
            "date": pl.Series(np.tile(dates, n)),
            **{name: array.ravel() for name, array in values.items()},
        },
        schema_overrides={"centre": pl.String},
    ).fill_nan(None)


def _summary(lines: pl.DataFrame, shares: Allocation, asof: str) -> str:
    if not lines.height:
        return "No series has a centre."
    if not lines["quantity"].count():
        return f"{asof} Nothing can be shared, see the findings."
    given, short = (float(lines[name].sum()) for name in ("quantity", "short"))
    text = (
        f"{asof} {number(given)} units go to {many(lines.filter(pl.col('quantity') > 0).height, 'series', 'series')}."
    )
    if short <= 0:
        undecided = lines["quantity"].null_count()
        rest = f" Of {many(undecided, 'more series', 'more series')} that is not known." if undecided else ""
        return f"{text} The centres have all that these stores want.{rest}"
    price = float(shares.shadow_price.max())
    return f"{text} {number(short)} more are wanted and not there; one more unit would gain up to {price:.2f}."


def _overloads(load: pl.DataFrame) -> Iterator[str]:
    """A sentence for the day of each centre on which an overload is most likely."""
    worst = load.filter(pl.col("overload") > 0).sort("overload", descending=True, maintain_order=True)
    for row in worst.unique("centre", keep="first", maintain_order=True).iter_rows(named=True):
        yield (
            f"{row['centre']} has to handle {number(row['mean'])} units on {day(row['date'])}; the probability that it "
            f"is more than its capacity of {number(row['capacity'])} is {row['overload']:.0%}."
        )


def _overload_findings(load: pl.DataFrame) -> Iterator[Finding]:
    likely = load.filter(pl.col("overload") > LIKELY)
    if likely.height:
        examples = [f"{row['centre']} on {day(row['date'])}" for row in likely.head(5).iter_rows(named=True)]
        yield finding(
            "centre-overload", "allocation", likely.height, "A day on which a centre is likely overloaded", examples
        )
