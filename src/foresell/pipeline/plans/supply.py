"""What is known of the supply of a project's series: stock, open orders, costs and terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import period_index
from foresell.core.keyed_random import key_hashes, random_bits
from foresell.core.panel import Panel
from foresell.core.settings import Data, OrderTables
from foresell.core.words import many
from foresell.data.cube.cells import key_texts
from foresell.data.supply.distinct_rows import IMPOSSIBLE
from foresell.data.supply.lots import LotRows, read_lots
from foresell.data.supply.receipts import read_receipts
from foresell.data.supply.stock import OpenOrderRows, read_open_orders, read_stock
from foresell.data.supply.table_form import TableForm
from foresell.data.supply.terms_table import TERMS, VENDOR, read_terms
from foresell.decide.codes import finding
from foresell.decide.lead_times import PRIOR_RECEIPTS, LeadTimes, by_arrival
from foresell.decide.stock.contract import Situation
from foresell.decide.stock.faults import OpenOrders, undecidable
from foresell.decide.stock.own_history import cover_dispersion
from foresell.decide.terms import Terms, terms_of
from foresell.pipeline.results import Results


@dataclass(frozen=True)
class Supply:
    """What is known of the supply of the panel's series: terms, stock [series], what arrives [series, step].

    `vendor` is the name of each series' vendor, [series] of str or None, where the terms have it. `unit_loads` are the
    weight and the volume of a unit, float64 [series] each, where they have them.
    `dispersion` [series] and `lots` [series, life] are those of `Situation`. `lead_times` are those of the receipts,
    where there are some, and `shuffle_keys` uint64 [series] what is drawn of them depends on.
    """

    terms: Terms
    on_hand: np.ndarray
    on_order: np.ndarray
    has_stock: bool
    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    vendor: np.ndarray | None
    unit_loads: dict[str, np.ndarray]
    dispersion: np.ndarray
    lots: np.ndarray | None = None
    lead_times: LeadTimes | None = None
    shuffle_keys: np.ndarray | None = None

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
        lead_times, of_receipts = _lead_times(tables, base, data, panel, vendor)
        findings += [*of_table, *of_receipts, *_learnt(tables, given, lead_times, panel)]
        terms, of_terms = _terms(results, tables, given)
        findings += of_terms
        on_hand, on_order = np.zeros(panel.n_series), np.zeros((panel.n_series, horizon))
        if tables.stock:
            on_hand, of_stock = read_stock(tables.stock, base, data, panel, TableForm.of(tables, "stock"))
            findings += of_stock
        if tables.open_orders:
            form = TableForm.of(tables, "open_orders")
            rows, of_orders = read_open_orders(tables.open_orders, base, data, panel, form)
            on_order, of_steps = _by_step(rows, panel, horizon, names)
            findings += [*of_orders, *of_steps]
        lots = None
        if tables.lots:
            rows_of_lots, of_lots = _lots(tables, base, data, panel)
            on_hand, lots, of_stock = _stock_by_lot(rows_of_lots, on_hand, terms, panel, horizon, names)
            findings += [*of_lots, *of_stock]
        dispersion = cover_dispersion(panel.units, cover_periods(terms))
        return cls(
            terms, on_hand, on_order, bool(tables.stock), names, tuple(findings), vendor, unit_loads, dispersion, lots,
            lead_times, None if lead_times is None else key_hashes(panel.series, panel.keys),
        )  # fmt: skip

    def by_arrival(self, paths: np.ndarray, rows: np.ndarray, period_days: float, seed: int) -> np.ndarray:
        """The `paths` [path, series, step] of some series with lead times drawn as the receipts spread, see
        `decide.lead_times.by_arrival`; as they are where there are no receipts."""
        if self.lead_times is None or self.shuffle_keys is None:
            return paths
        bits = random_bits(seed, self.shuffle_keys[rows][None, :], np.arange(len(paths))[:, None])
        lead, review = self.terms.lead_periods[rows], self.terms.review_periods[rows]
        days = self.lead_times.drawn(rows, lead * period_days, bits.argsort(axis=0))
        # Half a period is added, because the lead time of the terms is rounded up to whole periods, and is kept.
        drawn = np.floor(days / period_days + 0.5).astype(np.int64)
        sound = (lead >= 0) & (lead + review <= paths.shape[2])
        return np.where(sound[None, :, None], by_arrival(paths, np.maximum(lead, 0), review, drawn), paths)

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
            shelf_periods=None if terms.shelf_periods is None else terms.shelf_periods[rows],
            lots=None if self.lots is None else self.lots[rows],
            dispersion=self.dispersion[rows],
        )

    def lead_columns(self) -> list[pl.Series]:
        """What the receipts say of each series' lead time, as columns of a plan; none where there are none."""
        times = self.lead_times
        if times is None:
            return []
        return [
            pl.Series("lead_mean", times.mean),
            pl.Series("lead_deviation", times.deviation),
            pl.Series("receipts", times.receipts),
        ]

    def lead_sentence(self) -> list[str]:
        """What the receipts say, in a sentence; none where there are none."""
        times = self.lead_times
        if times is None:
            return []
        none = int((times.receipts == 0).sum())
        others = f" For {many(none, 'series', 'series')} without a receipt those of all are taken." if none else ""
        return [
            f"Lead times are drawn as the receipts spread: {times.mean.mean():.1f} days on average, with a standard "
            f"deviation of {times.deviation.mean():.1f}.{others}"
        ]


def _lead_times(
    tables: OrderTables, base: Path, data: Data, panel: Panel, vendor: np.ndarray | None
) -> tuple[LeadTimes | None, tuple[Finding, ...]]:
    """What the receipts of the settings teach; None without them."""
    if not tables.receipts:
        return None, ()
    receipts = read_receipts(tables.receipts, base, data, panel, vendor, TableForm.of(tables, "receipts"))
    times = LeadTimes.learn(receipts.lead_days, receipts.group, receipts.n_groups, receipts.of_series)
    return times, receipts.findings


def _learnt(tables: OrderTables, given: dict[str, np.ndarray], times: LeadTimes | None, panel: Panel) -> list[Finding]:
    """Takes the lead times that are learnt where none is `given`; with a finding where one given differs much."""
    if times is None or tables.lead_days is not None:
        return []
    stated = given.get("lead_days", np.full(panel.n_series, np.nan))
    given["lead_days"] = np.where(np.isnan(stated), times.mean, stated)
    enough = times.receipts >= PRIOR_RECEIPTS
    differs = enough & (stated >= 0) & (np.abs(times.mean - stated) > np.maximum(DIFFERS * times.mean, 1.0))
    rows = np.flatnonzero(differs)
    if not len(rows):
        return []
    message = f"{many(len(rows), 'series', 'series')} have another lead time in the terms than their receipts had"
    names = key_texts(panel.series.select(panel.keys)[rows])
    return [finding("lead-time-differs", "terms", len(rows), message, names)]


DIFFERS = 0.25
"""A lead time of the terms that differs from that of the receipts by more than this share of it is named."""


def _terms(results: Results, tables: OrderTables, given: dict[str, np.ndarray]) -> tuple[Terms, list[Finding]]:
    """The terms of all series by those `given`, and the lead time of the settings.

    Without a price all cost is counted in prices of a unit.
    """
    panel, findings = results.panel, list[Finding]()
    if tables.lead_days is not None:
        given["lead_days"] = np.full(panel.n_series, tables.lead_days)
    price = given.pop("price", np.full(panel.n_series, np.nan))
    if (wrong := price <= 0).any():
        # What a lost sale costs cannot be told, so that nothing is decided for these series, see `stock.faults`.
        given["lost_margin"] = np.where(wrong, IMPOSSIBLE, given.get("lost_margin", np.full(len(price), np.nan)))
    price = np.where(price > 0, price, usual_price(panel))
    without = ~(price > 0)
    terms = terms_of(np.where(without, 1.0, price), panel.frequency, **given)
    none = np.flatnonzero(terms.costs.lost_margin == 0)
    if len(none):
        message = f"{many(len(none), 'series', 'series')}: a lost sale costs nothing, so nothing is ordered against it"
        names = key_texts(panel.series.select(panel.keys)[none])
        findings.append(finding("margin-none", "terms", len(none), message, names))
    assumed = {name: series for name, series in terms.assumed.items() if name in TERMS}
    del assumed["order_cost"]  # where nobody gives one, placing an order is not what an order costs
    perishes = np.zeros(panel.n_series, bool) if terms.shelf_periods is None else terms.shelf_periods > 0
    assumed["waste_cost"] &= perishes
    return replace(terms, assumed={"price": without, **assumed}), findings


MONTH = 28
"""The usual price of a series is the median of so many last periods, so that a promotion of today does not set it."""


def usual_price(panel: Panel) -> np.ndarray:
    """The median price of the last periods of each series, or of as many until its last known price where that is
    older: float64 [series], NaN where there is none."""
    if "price" not in panel.known:
        return np.full(panel.n_series, np.nan)
    known = panel.known["price"]
    values = known.values[:, : panel.n_days].astype(np.float64)
    there = ~np.isnan(values)
    last = values.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
    last[there[:, -MONTH:].any(axis=1)] = values.shape[1] - 1
    price = np.full(len(values), np.nan)
    for end in np.unique(last):
        rows = there.any(axis=1) & (last == end)
        price[rows] = np.nanmedian(values[rows, max(end + 1 - MONTH, 0) : end + 1], axis=1)
    return np.asarray(price[known.rows])


def _by_step(
    rows: OpenOrderRows, panel: Panel, horizon: int, names: tuple[str, ...]
) -> tuple[np.ndarray, list[Finding]]:
    """What arrives at the beginning of each step, float64 [series, step], and what is wrong with open orders."""
    first = panel.ahead(1)[0]
    step = period_index(rows.due, first, panel.frequency) + 1
    return OpenOrders(rows.series, step, rows.units).by_step(panel.n_series, horizon, names)


def _lots(tables: OrderTables, base: Path, data: Data, panel: Panel) -> tuple[LotRows, list[Finding]]:
    """The lots of the settings. Raises SettingsError without a table of stock, which has the other series too."""
    if not tables.stock:
        raise SettingsError(
            f"'orders.lots' is {tables.lots}, and the stock on hand of the other series is not known. Give it as "
            "'orders.stock' or with --stock; for series with lots it may be the sum of these."
        )
    return read_lots(str(tables.lots), base, data, panel, TableForm.of(tables, "lots"))


def _stock_by_lot(
    rows: LotRows, on_hand: np.ndarray, terms: Terms, panel: Panel, horizon: int, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray | None, list[Finding]]:
    """The stock on hand [series], that by the periods that it can still be sold [series, life], and what is wrong.

    What keeps, and stock that perishes without a table of its lots, is as fresh as it can be.
    """
    if terms.shelf_periods is None:
        raise SettingsError(
            "There are lots, and no shelf life: how long what is ordered can be sold is not known. Give shelf_days in "
            "the terms, blank for goods that keep, or take 'orders.lots' out."
        )
    life = period_index(rows.expires, panel.ahead(1)[0], panel.frequency)
    findings = []
    expired = np.unique(rows.series[(life < 0) & (rows.units > 0)])
    if len(expired):
        message = f"{many(len(expired), 'series', 'series')}: lots have expired by {panel.cutoff}"
        findings.append(finding("lots-expired", "lots", len(expired), message, [names[row] for row in expired[:5]]))
    keeps = np.where(terms.shelf_periods > 0, terms.shelf_periods, horizon + 1)
    longest = max(int(keeps.max()), horizon + 1)
    lots = np.zeros((panel.n_series, longest))
    good = life >= 0
    np.add.at(lots, (rows.series[good], np.minimum(life[good], longest - 1)), rows.units[good])
    below = np.unique(rows.series[rows.units < 0])
    lots[below] = 0
    lots[below, 0] = -1  # the stock of these series is below 0, whatever their other lots are
    with_lots = np.zeros(panel.n_series, bool)
    with_lots[rows.series] = True
    counted = np.bincount(rows.series, rows.units, panel.n_series)
    differ = np.flatnonzero(with_lots & ~np.isnan(on_hand) & (np.abs(counted - on_hand) > 1e-6))
    if len(differ):
        message = f"{many(len(differ), 'series', 'series')} have lots that do not add up to the stock on hand"
        findings.append(finding("lots-differ", "lots", len(differ), message, [names[row] for row in differ[:5]]))
    stock = np.where(with_lots, lots.sum(axis=1), on_hand)
    fresh = np.flatnonzero(~with_lots & (np.nan_to_num(on_hand) > 0))
    lots[fresh, keeps[fresh] - 1] = on_hand[fresh]
    return stock, lots, findings


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
        shelf_periods=terms.shelf_periods,
    )
    return ~undecidable(case)
