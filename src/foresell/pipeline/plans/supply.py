"""What is known of the supply of a project's series: stock, open orders, costs and terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import period_index
from foresell.core.panel import Panel
from foresell.core.settings import OrderTables
from foresell.core.words import many
from foresell.data.cube.cells import key_texts
from foresell.data.supply.stock import OpenOrderRows, read_open_orders, read_stock
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.terms_table import TERMS, VENDOR, read_terms
from foresell.decide.codes import finding
from foresell.decide.stock.contract import Situation
from foresell.decide.stock.faults import OpenOrders, undecidable
from foresell.decide.terms import Terms, terms_of
from foresell.pipeline.results import Results


@dataclass(frozen=True)
class Supply:
    """What is known of the supply of the panel's series: terms, stock [series], what arrives [series, step].

    `vendor` is the name of each series' vendor, [series] of str or None, where the terms have it. `unit_loads` are the
    weight and the volume of a unit, float64 [series] each, where they have them.
    """

    terms: Terms
    on_hand: np.ndarray
    on_order: np.ndarray
    has_stock: bool
    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    vendor: np.ndarray | None
    unit_loads: dict[str, np.ndarray]

    @classmethod
    def read(cls, results: Results, tables: OrderTables) -> Supply:
        """Reads the tables."""
        panel, data, base = results.panel, results.settings.data, Path(results.base)
        horizon, findings = results.settings.horizon, list[Finding]()
        names = tuple(" ".join(map(str, row)) for row in panel.series.select(panel.keys).iter_rows())
        given, of_table = dict[str, np.ndarray](), list[Finding]()
        if tables.terms:
            given, of_table = read_terms(tables.terms, base, data, panel, TableForm.of(tables, "terms"))
        vendor = given.pop(VENDOR, None)
        unit_loads = {name: given.pop(f"unit_{name}") for name in ("weight", "volume") if f"unit_{name}" in given}
        terms, of_terms = _terms(results, tables, given)
        findings += [*of_table, *of_terms]
        on_hand, on_order = np.zeros(panel.n_series), np.zeros((panel.n_series, horizon))
        if tables.stock:
            on_hand, of_stock = read_stock(tables.stock, base, data, panel, TableForm.of(tables, "stock"))
            findings += of_stock
        if tables.open_orders:
            form = TableForm.of(tables, "open_orders")
            rows, of_orders = read_open_orders(tables.open_orders, base, data, panel, form)
            on_order, of_steps = _by_step(rows, panel, horizon, names)
            findings += [*of_orders, *of_steps]
        return cls(terms, on_hand, on_order, bool(tables.stock), names, tuple(findings), vendor, unit_loads)

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


def _terms(results: Results, tables: OrderTables, given: dict[str, np.ndarray]) -> tuple[Terms, list[Finding]]:
    """The terms of all series by those `given`, and the lead time of the settings.

    Without a price all cost is counted in prices of a unit.
    """
    panel, path, findings = results.panel, tables.terms, list[Finding]()
    if tables.lead_days is not None:
        given["lead_days"] = np.full(panel.n_series, tables.lead_days)
    price = given.pop("price", np.full(panel.n_series, np.nan))
    if (price <= 0).any():
        raise SettingsError(
            f"{path} has a price that is not above 0 for {many(int((price <= 0).sum()), 'series', 'series')}. Leave it "
            "blank where it is not known."
        )
    price = np.where(price > 0, price, usual_price(panel))
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


def usual_price(panel: Panel) -> np.ndarray:
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


def cover_periods(terms: Terms) -> np.ndarray:
    """For how many periods an order, with what is there before it, must last: int [series]."""
    return terms.lead_periods + terms.review_periods


def can_order(terms: Terms, horizon: int) -> np.ndarray:
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
    return ~undecidable(case)
