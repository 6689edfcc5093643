"""The models that the step `train` fits beside the forecasts of series: a regression of single sales, and a SARIMA
forecast of daily revenue.

Single sales are read where 'transactions' in foresell.yaml names a target. Their inputs are the columns of their own
table; attributes of items and stores in other tables are not joined. Daily revenue is then the sum of the target by
day; without a target it is units times price of the panel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import SettingsError
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import Settings, Transactions
from foresell.data.gap_filling import carry_forward
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import Revenue, SingleSales
from foresell.transactions.fitted import FittedTransactions
from foresell.transactions.late_columns import known_after
from foresell.transactions.learners import available
from foresell.transactions.revenue import DailyRevenue, learn
from foresell.transactions.table import SingleSalesTable, check_columns, read_single_sales
from foresell.transactions.trial import RegressionTask, Trial, try_learners

TRANSACTIONS, REVENUE = "transactions/", "revenue/"
"""Their folders in the results of `train`; the first exists only where the settings name a target."""

BLOCK = 2048  # series whose revenue is summed at a time
LEAST_PRICED = 0.95  # share of the units that must have a price
MOST_NEGATIVE = 0.05  # share of the days whose revenue may be negative
LEAST_ROWS = 50  # of a group whose mean counts

T = TypeVar("T")
Tell = Callable[[str], None]


def check_transactions(settings: Settings, base: Path) -> None:
    """Raises SettingsError where 'transactions' names what is not there: now, rather than when the backtest is done."""
    if settings.transactions is not None:
        available(settings.transactions.models)
        check_columns(settings.data, settings.transactions, base)


@dataclass(frozen=True)
class SalesModels:
    """The summaries of both models; `transactions` is None where the settings name no target."""

    revenue: Revenue
    transactions: SingleSales | None = None


def fit_sales_models(results: Results, folder: Path, tell: Tell) -> SalesModels:
    """Fits the regression of single sales, where the settings name a target, and daily revenue; writes both.

    Raises SettingsError for an input that is known only after the sale, and UsageError for too few sales.
    """
    settings, single_sales = results.settings, None
    if settings.transactions is None:
        revenue = of_panel(results.panel, tell)
    else:
        tell("reading single sales")
        singles = read_single_sales(settings.data, settings.transactions, results.base, settings.seed)
        fitted = of_singles(singles, settings, tell)
        fitted.save(folder / TRANSACTIONS)
        single_sales = _typed(fitted.about(), SingleSales)
        revenue = of_daily(singles.daily, settings.transactions, tell)
    revenue.save(folder / REVENUE)
    return SalesModels(_typed(revenue.about(), Revenue), single_sales)


def _typed(plain: object, kind: type[T]) -> T:
    """Plain data as a record; NaN becomes None, as in JSON."""
    return msgspec.json.decode(msgspec.json.encode(plain), type=kind)


# ------------------------------------------------------------------------------------------------- single sales


def of_singles(singles: SingleSalesTable, settings: Settings, tell: Tell = lambda doing: None) -> FittedTransactions:
    """Fits the regression of 'transactions', with its test scores in `about`. Raises SettingsError and UsageError."""
    wanted, data = settings.transactions, settings.data
    assert wanted is not None
    date = wanted.date or data.date_name
    inputs, refused = choose_inputs(singles, settings)
    learners, without = available(wanted.models)
    task = RegressionTask(
        sales=singles.frame,
        target=wanted.target,
        date=date,
        inputs=inputs,
        key=_key(singles.frame, wanted.target, inputs, data.keys),
        country=data.country,
        probability=settings.serving.range,
        seed=settings.seed,
    )
    trial = try_learners(task, learners, tell)
    trial.fitted.recipe = replace(trial.fitted.recipe, learnt=_learnt(trial, singles, date, refused, without))
    return trial.fitted


def choose_inputs(singles: SingleSalesTable, settings: Settings) -> tuple[tuple[str, ...], dict[str, str]]:
    """The inputs, and the columns that are not inputs, each with the reason.

    Raises SettingsError where the settings name an input that is known only after the sale and do not allow it.
    """
    wanted, data = settings.transactions, settings.data
    assert wanted is not None
    roles = {*data.keys, *data.attributes, *data.known_ahead, data.price, data.promotion, data.open}
    known = {name for name in roles if name and name != data.quantity} | {wanted.date or data.date_name}
    refused = known_after(singles.frame, wanted.target, data.quantity, known, wanted.allow, settings.seed)
    if data.stocked_out in singles.frame.columns and data.stocked_out not in wanted.allow:
        refused[data.stocked_out] = "it says how the day ended"  # type: ignore[index]
    bad = [name for name in wanted.inputs or () if name in refused]
    if bad:
        raise SettingsError(
            f"'{bad[0]}' cannot be an input of 'transactions': it is known only after the sale ({refused[bad[0]]}). "
            "Take it out of 'inputs'; or, if it is known beforehand, name it under 'allow' as well."
        )
    inputs = wanted.inputs or tuple(
        name for name in singles.frame.columns if name != wanted.target and name not in refused
    )
    if not inputs:
        raise SettingsError(
            f"No column is left to predict '{wanted.target}' from: {_reasons(refused)}. Name 'inputs' or 'allow' under "
            "'transactions'."
        )
    return inputs, {name: why for name, why in (singles.left_out | refused).items() if name not in inputs}


def _reasons(refused: dict[str, str]) -> str:
    return "; ".join(f"{name}, {why}" for name, why in refused.items())


def _key(sales: pl.DataFrame, target: str, inputs: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, ...]:
    """The inputs whose group means are the benchmark: the keys of the series, or else the best single column."""
    names = [name for name in inputs if sales.schema[name] == pl.String]
    if any(name in keys for name in names):
        return tuple(name for name in names if name in keys)

    def variance_within(name: str) -> float:
        """The variance within the groups of a column; small groups keep the overall mean."""
        mean = pl.when(pl.len().over(name) >= LEAST_ROWS).then(pl.col(target).mean().over(name))
        return float(sales.select(((pl.col(target) - mean.fill_null(pl.col(target).mean())) ** 2).mean()).item())

    return (min(names, key=variance_within),) if names else ()


def _learnt(
    trial: Trial, singles: SingleSalesTable, date: str, refused: dict[str, str], without: str
) -> dict[str, Any]:
    """What the fitted regression says of itself, as plain data."""
    dates = singles.frame[date]
    return {
        "rows": singles.usable,
        "learnt_from": singles.frame.height,
        "untold": singles.incomplete,
        "returned": singles.returned,
        "first": str(dates.min()),
        "last": str(dates.max()),
        "drivers": trial.fitted.drivers()["feature"].head(5).to_list(),
        "refused": refused,
        "outliers": trial.outliers.count,
        "far_out": trial.outliers.kept,
        "compared": trial.wape_by_learner,
        "scores": trial.scores.to_dicts(),
        "coverage": trial.coverage,
        "width": trial.width,
        "tested": {"first": str(trial.first), "last": str(trial.last), "rows": trial.rows},
        "without": without,
    }


# ------------------------------------------------------------------------------------------------ daily revenue


def of_daily(daily: pl.DataFrame, wanted: Transactions, tell: Tell = lambda doing: None) -> DailyRevenue:
    """Daily revenue from the sums of the target by day: ``date``, ``total``.

    A weekday that never has a sale is closed (NaN); any other day without a sale has a total of 0.
    """
    of = f"the sum of {wanted.target} of all single sales"
    days = daily["date"].to_numpy().astype("datetime64[D]")
    span = np.arange(days[0], days[-1] + 1)
    total = np.zeros(len(span))
    total[(days - days[0]).astype(np.int64)] = daily["total"].to_numpy()
    weekday, open_on = span.astype(np.int64) % 7, set((days.astype(np.int64) % 7).tolist())
    total[~np.isin(weekday, list(open_on))] = np.nan
    negative = int((total < 0).sum())
    if negative > MOST_NEGATIVE * len(days):
        return DailyRevenue(of=of, reason=f"{of} is below 0 on {negative:,} of {len(days):,} days.")
    return learn(span, np.maximum(total, 0), of, tell)


def of_panel(panel: Panel, tell: Tell = lambda doing: None) -> DailyRevenue:
    """Daily revenue as units times price of all series; a day on which no series has known units is NaN.

    Units of days with a stock-out are not known, so they are not counted. Where prices are known from sales only, the
    price of a horizon earlier is used.
    """
    of = "units times price of all series"
    if panel.frequency != Frequency.DAY:
        return DailyRevenue(of=of, reason=f"the sales are by {panel.frequency.noun}, not by day.")
    if "price" not in panel.known:
        return DailyRevenue(of=of, reason="no prices are known. Name 'price' or 'prices' under 'data'.")
    revenue, known = np.zeros(panel.n_days), np.zeros(panel.n_days, bool)
    sold = priced = 0.0
    for start in range(0, panel.n_series, BLOCK):
        units = panel.units[start : start + BLOCK].astype(np.float64)  # [series, day]
        price = _filled_prices(panel, slice(start, start + BLOCK))
        known |= ~np.isnan(units).all(axis=0)
        sold += float(np.nansum(units))
        priced += float(np.nansum(np.where(np.isnan(price), 0.0, units)))
        revenue += np.nansum(units * price, axis=0)
    if priced < LEAST_PRICED * sold:
        return DailyRevenue(of=of, reason=f"only {priced / sold:.0%} of the units sold have a price.")
    first = int(known.argmax()) if known.any() else 0
    return learn(panel.dates[first : panel.n_days], np.where(known, revenue, np.nan)[first:], of, tell)


def _filled_prices(panel: Panel, some: slice) -> np.ndarray:
    """The prices of some series [series, day]; a day without a price has the last one before it, or the next after."""
    price = np.array(panel.known["price"].part(some).on(slice(0, panel.n_days)), np.float64)
    price = np.pad(price, ((0, 0), (0, panel.n_days - price.shape[1])), constant_values=np.nan)
    carry_forward(price)
    reverse = price[:, ::-1].copy()
    carry_forward(reverse)
    return reverse[:, ::-1]
