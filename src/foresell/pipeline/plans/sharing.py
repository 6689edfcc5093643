"""What vendors may expect: the orders of the weeks ahead, firm and tentative, with ranges, and peaks of the demand."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.panel import Panel
from foresell.core.settings import Sharing
from foresell.core.words import change, day, many, number
from foresell.decide.plan import Plan, common_form, sum_of
from foresell.decide.sharing.expected_orders import expected_orders
from foresell.decide.sharing.order_sums import OrderRanges, OrderSums, spans_of
from foresell.decide.sharing.prebuild import peaks
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.orders import single_orders
from foresell.pipeline.plans.vendor_limits import OrderLimits, within_limits

PATHS = 200


def plan(project: ForecastProject, settings: Sharing) -> Plan:
    """The orders ahead of each group of series, by the policy and the tables of the section ``orders``.

    Raises SettingsError where the stock is not given, or a column to add up by does not exist; and whatever the plan of
    orders raises.
    """
    tables = project.settings.orders
    if not tables.stock:
        raise SettingsError(
            "Orders ahead depend on the stock on hand, which is not known. Name its table as 'orders.stock'."
        )
    single = single_orders(project, tables)
    supply, sampler, panel, horizon = single.supply, single.sampler, single.results.panel, project.settings.horizon
    groups, group = _groups(panel, settings)
    limits = OrderLimits.read(single.results, tables, supply)
    today = within_limits(single.orders, limits, single.situation, single.blocks())[0] if limits else single.orders
    spans = list(spans_of(horizon, max(round(settings.days / (364 / panel.frequency.year)), 1)))
    sums = OrderSums(PATHS, groups.height, spans)
    for rows in single.blocks():
        situation = supply.situation(sampler.draw(PATHS, rows), rows)
        orders = expected_orders(single.policy, situation, today.columns["units"][rows])
        sums.add(orders, group[rows], supply.terms.review_periods[rows], supply.terms.costs.unit[rows])
    ranges = sums.ranges(settings.range)
    lines = _lines(groups, ranges, spans, panel, horizon, settings)
    demand = np.array([sampler.mean[:, span].sum() for span in spans])
    return Plan(
        kind="sharing",
        lines=lines,
        headline=(_summary(lines, settings), single.why, *_peaks(demand, spans, panel.ahead(horizon))),
        findings=(*supply.findings, *today.findings),
        shown=("date", "quantity", "low", "high", "status", "change", "reason"),
    )


def _groups(panel: Panel, settings: Sharing) -> tuple[pl.DataFrame, np.ndarray]:
    """The groups, one row each, and the row of the group that each series joins: int64 [series]."""
    by = list(settings.by or panel.keys)
    missing = [name for name in by if name not in panel.series.columns]
    if missing:
        raise SettingsError(
            f"'sharing.by' has {first_five(missing)}, which the series do not have; they have "
            f"{', '.join(panel.series.columns)}."
        )
    keys = panel.series.select(by)
    groups = keys.unique(maintain_order=True)
    numbered = groups.with_row_index("__group")
    rows = keys.join(numbered, on=by, how="left", maintain_order="left", nulls_equal=True)["__group"]
    return groups, rows.to_numpy().astype(np.int64)


def _lines(
    groups: pl.DataFrame, ranges: OrderRanges, spans: list[slice], panel: Panel, horizon: int, settings: Sharing
) -> pl.DataFrame:
    """One line for each group and span, with ``low``, ``high``, ``decided``, ``until`` and ``status``."""
    dates = panel.ahead(horizon)
    n_groups, n_spans = ranges.mean.shape
    first, last = dates[[span.start for span in spans]], dates[[span.stop - 1 for span in spans]]
    firm = (last - dates[0]) / np.timedelta64(1, "D") < settings.firm_days

    def told(values: np.ndarray) -> pl.Series:
        return pl.Series(np.where(ranges.told, values, np.nan).ravel()).fill_nan(None)

    columns = pl.DataFrame(
        {
            "date": np.tile(first, n_groups),
            "until": np.tile(last, n_groups),
            "quantity": told(ranges.mean),
            "low": told(ranges.low),
            "high": told(ranges.high),
            "cost": told(ranges.value),
            "decided": ranges.decided.ravel(),
            "status": np.where(np.tile(firm, n_groups), "firm", "tentative"),
        }
    ).with_columns(
        action=pl.when(pl.col("quantity").is_null()).then(pl.lit("undecided"))
        .when(pl.col("quantity") > 0).then(pl.lit("order")).otherwise(pl.lit("none")),
        unconstrained="quantity",
        reason=sum_of([("decided today", pl.col("decided")), ("expected", pl.col("quantity") - pl.col("decided"))]),
    )  # fmt: skip
    return common_form(groups[np.repeat(np.arange(n_groups), n_spans)], columns, then_by=["cost"])


def _summary(lines: pl.DataFrame, settings: Sharing) -> str:
    told = lines.drop_nulls("quantity")
    if told.is_empty():
        return (
            f"No orders of whole spans of {many(settings.days, 'day')} can be told: lead and review time reach beyond "
            "the forecast. Forecast further ahead, or set fewer 'days' below 'sharing'."
        )
    firm = told.filter(status="firm")["quantity"].sum()
    first, last = told.select(first=pl.col("date").min(), last=pl.col("until").max()).row(0)
    return (
        f"Orders from {day(first)} to {day(last)}: {number(float(told['quantity'].sum()))} "
        f"units for {number(float(told['cost'].sum()))} are expected, of which {number(float(firm))} units are firm."
    )


def _peaks(demand: np.ndarray, spans: list[slice], dates: np.ndarray) -> list[str]:
    """What is far above the usual demand of the spans ahead."""
    if len(demand) < 3:
        return []
    usual = np.median(demand)
    return [
        f"Peak: demand from {day(dates[span.start].item())} is {change(float(units / usual - 1))} on the usual."
        for span, units, is_peak in zip(spans, demand, peaks(demand), strict=True)
        if is_peak
    ]
