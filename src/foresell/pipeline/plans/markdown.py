"""Markdown: stock that sells too slowly, and the lower prices at which it is worth most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Markdown as Section
from foresell.core.words import as_of, many, many_do, number, share
from foresell.data.cube.cells import key_texts
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.terms_table import read_terms
from foresell.decide.codes import finding
from foresell.decide.markdown.slow_movers import Markdown, Rules, Stocks, markdowns, slow_movers
from foresell.decide.plan import Plan, common_form
from foresell.decide.response.baseline import Baseline
from foresell.decide.response.price_response import FEWEST_CHANGES, PriceResponse, price_response
from foresell.pipeline.demand import ForecastProject, path_sampler
from foresell.pipeline.plans.sales_history import ItemHistory, cycle_of, prices
from foresell.pipeline.plans.supply import Supply, usual_price
from foresell.pipeline.results import Results

PATHS = 200
AFTER_DAYS = 14  # in which customers who stocked up in a promotion buy less
CLEARANCE = ("days_left", "salvage")
BLOCK = 1024
LONGEST = 260  # periods of a ladder


@dataclass(frozen=True, kw_only=True)
class MarkdownPlan(Plan):
    """One line for each slow mover, with the columns of `_columns` beside the common ones.

    `response`: the price response of each item, as a table.
    """

    response: pl.DataFrame

    @property
    def is_decided(self) -> bool:
        """Without slow movers there is nothing to decide."""
        return self.lines.is_empty() or super().is_decided

    def worth_showing(self) -> pl.DataFrame:
        """The prices to change; all slow movers where there is none."""
        changes = self.lines.filter(action="reprice")
        return self.lines if changes.is_empty() else changes

    def with_quantities(self, quantity: np.ndarray) -> Self:
        """The plan with other prices, NaN where there is none: float64 [line]. The money at risk stays."""
        new, now = pl.lit(pl.Series(quantity).fill_nan(None)), pl.col("price_now")
        is_same = new.eq_missing(pl.col("quantity"))
        sold = pl.min_horizontal("on_hand", "demand")
        action = pl.when(new == now).then(pl.lit("none")).otherwise(pl.lit("reprice"))
        lines = self.lines.with_columns(
            action=pl.when(is_same).then("action").otherwise(action),
            quantity=new,
            new_price=new,
            cost=pl.when(is_same).then("cost").otherwise((now - new) * sold),
        )
        return self.with_lines(lines)

    def tables(self) -> dict[str, pl.DataFrame]:
        """The price response of each item."""
        return {"response": self.response}


def plan(project: ForecastProject, section: Section) -> MarkdownPlan:
    """The prices of today for slow movers.

    Raises SettingsError where the stock or the prices are missing, or a table or column does not fit the series.
    """
    orders = project.settings.orders
    files = {"stock": section.stock or orders.stock, "terms": section.terms or orders.terms, "open_orders": None}
    tables = replace(orders, **files)
    if not tables.stock:
        raise SettingsError(
            "Which stock sells too slowly cannot be told without the stock on hand. Give it with --stock, or as "
            "'orders.stock' in the settings: a table of the keys and on_hand."
        )
    _, sampler_for = path_sampler(project)
    results = project.results
    panel = results.panel
    if prices(panel, slice(0, panel.n_days)) is None:
        raise SettingsError(
            "Whether a lower price sells more cannot be told without prices. Name the column of prices of the sales "
            "as 'data.price' in the settings, or a table of prices as 'data.prices'."
        )
    supply = Supply.read(results, tables)
    items = ItemHistory.of(panel, results.settings, section.item, section.group, AFTER_DAYS)
    response = price_response(Baseline.of(items.sales))
    case = _Case.of(results, supply, section, sampler_for(results.settings.seed), response, items.sales.item)
    decisions = list(markdowns(case.stocks, case.rules))
    lines = _lines(case, decisions, panel)
    return MarkdownPlan(
        kind="markdown",
        lines=lines,
        headline=tuple(_headline(lines, case, panel)),
        findings=(*supply.findings, *case.findings, *_unseen(decisions, panel)),
        shown=SHOWN,
        response=_response_table(items, response),
    )


SHOWN = (
    "price_now",
    "new_price",
    "on_hand",
    "weeks_of_stock",
    "left_if_kept",
    "money",
    "gain_low",
    "gain_high",
    "binds",
)


@dataclass(frozen=True)
class _Case:
    """What is decided from, by series, and what was assumed of it."""

    stocks: Stocks
    rules: Rules
    response: PriceResponse
    item: np.ndarray
    findings: tuple[Finding, ...]
    assumed: tuple[tuple[str, np.ndarray], ...]
    weeks: float  # in a period of the decision
    left_out: tuple[str, ...]  # why series are not looked at, a sentence each

    @classmethod
    def of(
        cls,
        results: Results,
        supply: Supply,
        section: Section,
        sampler: SamplePaths,
        response: PriceResponse,
        item: np.ndarray,
    ) -> _Case:
        """Gathers it. A period is a week, or a period of the panel where that is longer."""
        panel = results.panel
        cycle = cycle_of(panel.frequency)
        weeks = max(panel.frequency.days / 7, 1.0)
        most = max(math.ceil(section.weeks / weeks), 1)
        form = TableForm(decimal=results.settings.orders.decimal)
        given, findings = _clearance(section.clearance, results, form)
        periods = np.minimum(np.where(np.isnan(given["days_left"]), most, given["days_left"] / (7 * weeks)), LONGEST)
        demand = _demand(sampler.mean, cycle, max(int(np.ceil(periods.max())), 1))
        wrong = np.any([values < 0 for values in given.values()] + [supply.terms.costs.holding < 0], axis=0)
        given = {name: np.where(values < 0, np.nan, values) for name, values in given.items()}
        negative = np.flatnonzero(~(supply.on_hand >= 0))
        on_hand = np.where((supply.on_hand >= 0) & ~wrong, supply.on_hand, 0.0)
        price = np.nan_to_num(usual_price(panel))
        unseen = ~response.seen[item]
        stocks = Stocks(
            on_hand=on_hand,
            price=price,
            demand=demand,
            dispersion=np.full(panel.n_series, np.inf),
            elasticity=np.where(unseen, np.nan, response.elasticity[item]),
            deviation=np.where(unseen, np.nan, response.deviation[item]),
            periods=periods,
            salvage=np.nan_to_num(given["salvage"]),
            holding=supply.terms.costs.holding * cycle,
        )
        rules = Rules(section.slow_weeks / weeks, section.cuts, section.least_gain_share, section.change_cost)
        slow = slow_movers(stocks, rules)
        stocks.dispersion[slow] = _dispersion(sampler, slow, cycle)
        terms = supply.terms.assumed
        assumed = (
            *((name, terms[name]) for name in ("unit_cost", "holding_share_year") if name in terms),
            ("days_left", np.isnan(given["days_left"])),
            ("salvage", np.isnan(given["salvage"])),
            ("demand beyond the forecast", periods * cycle > sampler.mean.shape[1]),
            ("price response of the group", response.of_group[item] & ~unseen),
        )
        findings += _negative(negative, supply, panel)
        if wrong.any():
            message = f"{many(int(wrong.sum()), 'series', 'series')} have terms below 0 or that cannot be read"
            names = key_texts(panel.series.select(panel.keys).filter(wrong))
            findings.append(finding("markdown-terms-invalid", "clearance", int(wrong.sum()), message, names))
        return cls(stocks, rules, response, item, tuple(findings), assumed, weeks, _left_out(supply.on_hand, stocks))


def _left_out(on_hand: np.ndarray, stocks: Stocks) -> tuple[str, ...]:
    """Why series are not looked at, each with the first reason that holds: a sentence for each reason, with the count.

    `on_hand` [series] is the stock as it was given.
    """
    reasons = {
        "{} left out, because the table of stock has no row for them": np.isnan(on_hand),
        "{} left out, because their stock is below 0": on_hand < 0,
        "{} left out, because there is no stock of them": on_hand == 0,
        "{} left out, because the sales have no price of them": ~(stocks.price > 0),
        "{} left out, because there is no forecast for them": np.isnan(stocks.demand).any(axis=1),
    }
    sentences, before = [], np.zeros(len(on_hand), bool)
    for text, holds in reasons.items():
        count = int((holds & ~before).sum())
        before |= holds
        if count:
            sentences.append(text.format(f"{many(count, 'series', 'series')} {'is' if count == 1 else 'are'}") + ".")
    return tuple(sentences)


def _clearance(path: str | None, results: Results, form: TableForm) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The days left and the salvage of each series, NaN where not given."""
    nothing = {name: np.full(results.panel.n_series, np.nan) for name in CLEARANCE}
    if path is None:
        return nothing, []
    given, findings = read_terms(path, Path(results.base), results.settings.data, results.panel, form, CLEARANCE)
    return nothing | given, findings


def _negative(rows: np.ndarray, supply: Supply, panel: Panel) -> list[Finding]:
    """Series whose stock is below 0 or not known; nothing is decided about them."""
    below = rows[supply.on_hand[rows] < 0]
    if not len(below):
        return []
    message = f"{many(len(below), 'series', 'series')} have a stock below 0 and are left out"
    return [finding("stock-negative", "stock", len(below), message, key_texts(panel.series.select(panel.keys)[below]))]


def _demand(mean: np.ndarray, cycle: int, periods: int) -> np.ndarray:
    """The forecast [series, step] by period of `cycle` steps, float64 [series, period]; what lies beyond the forecast
    is as its last four periods on average."""
    whole = mean.shape[1] // cycle
    if not whole:
        weekly = mean.mean(axis=1, dtype=np.float64)[:, None] * cycle
        return np.repeat(weekly, periods, axis=1)
    known = mean[:, : whole * cycle].reshape(len(mean), whole, cycle).sum(axis=2, dtype=np.float64)[:, :periods]
    later = np.repeat(known[:, -4:].mean(axis=1, keepdims=True), max(periods - known.shape[1], 0), axis=1)
    return np.concatenate([known, later], axis=1)


def _dispersion(sampler: SamplePaths, rows: np.ndarray, cycle: int) -> np.ndarray:
    """r of the variance mean + mean**2 / r of the demand of a period, as the sample paths show it: float64 [row]."""
    dispersion = np.full(len(rows), np.inf)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        sums = sampler.draw(PATHS, rows[part])[:, :, :cycle].sum(axis=2, dtype=np.float64)
        mean, variance = sums.mean(axis=0), sums.var(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            r = mean**2 / (variance - mean)
        dispersion[part] = np.where((variance > mean) & (mean > 0), np.maximum(r, 0.05), np.inf)
    return dispersion


def _unseen(decisions: list[Markdown], panel: Panel) -> list[Finding]:
    """Slow movers without a price response."""
    rows = [decision.series for decision in decisions if decision.ladder is None]
    if not rows:
        return []
    message = f"no price response can be seen for {many(len(rows), 'slow mover')}"
    names = key_texts(panel.series.select(panel.keys)[rows])
    return [finding("price-response-unseen", "markdown", len(rows), message, names)]


def _lines(case: _Case, decisions: list[Markdown], panel: Panel) -> pl.DataFrame:
    rows = [decision.series for decision in decisions]
    records = [_columns(case, decision) for decision in decisions]
    columns = pl.DataFrame(records, schema=_SCHEMA).with_columns(pl.lit(panel.cutoff).cast(pl.Date).alias("date"))
    return common_form(panel.series.select(panel.keys)[rows], columns, then_by=["stock_value"])


_SCHEMA: dict[str, Any] = {
    "action": pl.String, "quantity": pl.Float64, "unit": pl.String, "unconstrained": pl.Float64, "money": pl.Float64,
    "cost": pl.Float64, "reason": pl.String, "binds": pl.String, "assumed": pl.String,
    "price_now": pl.Float64, "new_price": pl.Float64, "on_hand": pl.Float64, "demand": pl.Float64,
    "stock_value": pl.Float64,
    "weeks_of_stock": pl.Float64, "weeks_left": pl.Float64, "weeks_at_another_price": pl.Int64,
    "elasticity": pl.Float64, "elasticity_low": pl.Float64,
    "elasticity_high": pl.Float64, "gain_over_waiting": pl.Float64, "gain_low": pl.Float64, "gain_high": pl.Float64,
    "left": pl.Float64, "left_if_kept": pl.Float64, "ladder": pl.String,
}  # fmt: skip


def _columns(case: _Case, decision: Markdown) -> dict[str, Any]:
    """The columns of the line of one slow mover."""
    row, ladder, stocks = decision.series, decision.ladder, case.stocks
    item, price, on_hand = int(case.item[row]), float(stocks.price[row]), float(stocks.on_hand[row])
    lasts = float(stocks.periods_of_stock[row]) * case.weeks
    lowered = decision.price < price
    steps = price * (1 - np.array([0.0, *case.rules.cuts]))
    next_sales = min(on_hand, float(stocks.demand[row, 0]))
    kept = float(stocks.left()[row])
    return {
        "action": "undecided" if ladder is None else "reprice" if lowered else "none",
        "quantity": None if ladder is None else decision.price,
        "unit": "price",
        "unconstrained": None if ladder is None else float(steps[ladder.rung]),
        "money": None if ladder is None else decision.gain,
        "cost": (price - decision.price) * next_sales,
        "reason": _reason(case, decision, lasts, kept),
        "binds": decision.binds,
        "assumed": ", ".join(name for name, of_series in case.assumed if of_series[row]),
        "price_now": price,
        "new_price": None if ladder is None else decision.price,
        "on_hand": on_hand,
        "demand": float(stocks.demand[row, 0]),
        "stock_value": price * on_hand,
        "weeks_of_stock": _known(lasts),
        "weeks_left": float(stocks.periods[row]) * case.weeks,
        "weeks_at_another_price": int(case.response.changes[item]),
        "elasticity": _known(case.response.elasticity[item]),
        "elasticity_low": _known(case.response.low[item]),
        "elasticity_high": _known(case.response.high[item]),
        "gain_over_waiting": None if ladder is None else ladder.gain,
        "gain_low": _known(decision.gain_low),
        "gain_high": _known(decision.gain_high),
        "left": None if ladder is None else ladder.left,
        "left_if_kept": kept,
        "ladder": "" if ladder is None else " ".join(f"{steps[rung]:.2f}" for rung in ladder.path),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _reason(case: _Case, decision: Markdown, lasts: float, kept: float) -> str:
    """Why the price is what it is, in a sentence."""
    row = decision.series
    lasting = f" last {number(lasts)} weeks" if np.isfinite(lasts) else ", and no demand is forecast"
    stock = f"{number(float(case.stocks.on_hand[row]))} on hand{lasting}"
    if decision.ladder is None:
        changes = int(case.response.changes[case.item[row]])
        few = f" in {changes} weeks at another price" if changes < FEWEST_CHANGES else ""
        return f"{stock}; no price response can be seen here{few}"
    if decision.binds == "waiting is better":
        return f"{stock}; the price of now earns more in the next week than a lower one"
    left = f"{number(decision.ladder.left)} are left at the end rather than {number(kept)}"
    return f"{stock}; with the ladder {left}"


def _headline(lines: pl.DataFrame, case: _Case, panel: Panel) -> list[str]:
    asof = as_of(panel.cutoff, panel.frequency)
    if lines.is_empty():
        weeks = number(case.rules.slow_periods * case.weeks)
        return [f"{asof} No stock lasts longer than {weeks} weeks.", *case.left_out]
    changes = lines.filter(action="reprice")
    gain, value = (number(float(frame[name].sum())) for frame, name in ((changes, "money"), (lines, "stock_value")))
    worth = f"{changes.height:,} to reprice, which are expected to earn {gain} more than to keep their prices"
    if changes.is_empty():
        worth = "a lower price is worth more than to wait for none of them"
    text = [f"{asof} {many(lines.height, 'slow mover')} with a stock worth {value} at its prices; {worth}."]
    names = sorted({name for row in lines["assumed"].unique() for name in row.split(", ") if name})
    assumed = [f"Assumed where not given: {', '.join(names)}."] if names else []
    return [*text, *_kept_prices(lines, case), *case.left_out, *assumed]


def _kept_prices(lines: pl.DataFrame, case: _Case) -> Iterator[str]:
    """Why slow movers keep their price: a sentence for each reason, with the count."""
    unseen = lines.filter(action="undecided")
    few = unseen.filter(pl.col("weeks_at_another_price") < FEWEST_CHANGES).height
    reasons = {
        f"{{}} the price, because it was another in fewer than {FEWEST_CHANGES} weeks of the past": few,
        "{} the price, because sales did not answer to its changes in the past": unseen.height - few,
        "{} the price, because it earns more in the next week than a lower one":
            lines.filter(binds="waiting is better").height,
        f"{{}} the price, because a lower one gains less than {share(case.rules.least_gain)} of the stock's worth":
            lines.filter(binds="gain too small").height,
    }  # fmt: skip
    for text, count in reasons.items():
        if count:
            yield text.format(many_do(count, "slow mover", "keep")) + "."
    if none := lines["weeks_of_stock"].null_count():
        yield f"No sale is forecast of {many(none, 'slow mover')}."


def _response_table(items: ItemHistory, response: PriceResponse) -> pl.DataFrame:
    """One row for each item: its price elasticity, the interval, and where it is from."""
    seen, of_group = response.seen, response.of_group
    source = np.where(~seen, "none", np.where(of_group, "group", "item"))
    return items.items.with_columns(
        elasticity=pl.Series(response.elasticity),
        low=pl.Series(response.low),
        high=pl.Series(response.high),
        weeks_at_another_price=pl.Series(response.changes),
        seen_in=pl.Series(source),
    ).fill_nan(None)
