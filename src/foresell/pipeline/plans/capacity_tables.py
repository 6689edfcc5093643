"""The tables of manufacturers of a project: who can make what, how much, and how well they delivered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.frequency import period_index
from foresell.core.panel import Panel
from foresell.core.settings import CapacityTables
from foresell.core.words import many, many_do
from foresell.data.cube.cells import key_texts
from foresell.data.supply.keyed_table import Columns, KeyedTable, read_keyed
from foresell.data.supply.table_form import TableForm
from foresell.decide.capacity.delivery_record import shrunk_rate
from foresell.decide.capacity.problem import Lanes
from foresell.decide.codes import finding
from foresell.pipeline.results import Results

HOLDING_SHARE_YEAR = 0.25
"""The assumed cost of holding a unit for a year, as a share of what it costs."""

CAPABILITIES = Columns(
    numbers=("cost", "use", "minimum_lot"), texts=("manufacturer",), required=("manufacturer", "cost"),
    not_negative=("cost", "use", "minimum_lot"),
)  # fmt: skip
CAPACITIES = Columns(
    numbers=("capacity",), texts=("manufacturer",), dates=("date",), required=("manufacturer", "capacity"),
    not_negative=("capacity",),
)  # fmt: skip
PARTS = Columns(numbers=("penalty", "holding", "stock"), not_negative=("penalty", "holding", "stock"), whole=True)
DELIVERIES = Columns(
    numbers=("quantity", "rejected"), texts=("manufacturer",), dates=("due", "delivered"),
    required=("manufacturer", "due", "delivered", "quantity"), not_negative=("quantity", "rejected"),
)  # fmt: skip


@dataclass(frozen=True)
class Manufacturing:
    """What is known of the manufacturers of a project's parts.

    - `parts`: the table of parts; `manufacturers`: their names.
    - `lanes`, `capacity` [manufacturer, period], `penalty`, `holding`, `stock` [part]: see `decide.capacity.problem`.
    - `assumed`: by the name of an input, whether it was assumed for each lane: bool [lane].
    """

    parts: pl.DataFrame
    manufacturers: list[str]
    lanes: Lanes
    capacity: np.ndarray
    penalty: np.ndarray
    holding: np.ndarray
    stock: np.ndarray
    assumed: dict[str, np.ndarray]
    findings: tuple[Finding, ...]

    def assumed_of(self, lane: int) -> str:
        """The inputs that were assumed for a lane, joined by commas."""
        return ", ".join(name for name, of_lanes in self.assumed.items() if of_lanes[lane])


def read_manufacturing(results: Results, tables: CapacityTables) -> Manufacturing:
    """Reads the tables.

    Raises SettingsError where the tables of capabilities or capacities are not given or do not fit, UnreadableFile
    where one cannot be read.
    """
    if not tables.capabilities or not tables.capacities:
        missing = "capabilities" if not tables.capabilities else "capacities"
        raise SettingsError(
            f"'capacity.{missing}' is not given, so nothing can be ordered. Give a table of the manufacturers: who "
            "can make "
            "which part at what cost ('capabilities'), and the capacity of each ('capacities')."
        )
    panel, part = results.panel, _part(results.panel, tables.part)
    parts = results.hierarchy.groups(panel.series, (part,)).frame
    base, data = Path(results.base), results.settings.data

    form, doubts = TableForm(decimal=tables.decimal, date_format=tables.date_format), list[Finding]()

    def read(path: str, columns: Columns) -> KeyedTable:
        table = read_keyed(path, base, data, [part], columns, form)
        doubts.extend(table.doubts)
        return table

    able = read(tables.capabilities, CAPABILITIES)
    if not able.keys:
        raise SettingsError(
            f"{able.where} has no column {part}, which says what is made. Add it, or set 'capacity.part'."
        )
    able.require_distinct("manufacturer")
    findings = able.unmatched(parts)
    able = able.only(_parts_of(able, parts) >= 0)
    part_of = _parts_of(able, parts)
    if not len(part_of):
        raise SettingsError(f"No row of {able.where} is about a part that is forecast. Write {part} as in the sales.")
    names = able.texts("manufacturer")
    manufacturers = sorted(set(names))
    of_lane = np.array([manufacturers.index(name) for name in names])
    without = np.setdiff1d(np.arange(parts.height), part_of)
    if len(without):
        message = f"{many(len(without), 'part')} that nobody can make; their demand stays unmet"
        findings.append(finding("capability-missing", able.where, len(without), message, key_texts(parts[without])))
    capacity, of_capacity = _capacity(
        read(tables.capacities, CAPACITIES), manufacturers, panel, results.settings.horizon
    )
    on_time, good = np.full(len(names), np.nan), np.full(len(names), np.nan)
    if tables.deliveries:
        record = read(tables.deliveries, DELIVERIES)
        findings += _strangers(record, manufacturers)
        on_time, good = _record(record, manufacturers, panel)[:, of_lane]
    cost, use = able.numbers("cost"), able.numbers("use", 1.0)
    unknown = np.flatnonzero(np.isnan(cost) | (use <= 0))
    if len(unknown):
        pairs = [
            f"{names[row]} {part_name}"
            for row, part_name in zip(unknown, key_texts(parts[part_of[unknown]]), strict=True)
        ]
        raise SettingsError(
            f"{able.where} has no cost, or a use of 0, for {first_five(pairs)}. Give the cost of a unit, and a use of "
            "the capacity above 0, or leave 'use' out."
        )
    assumed = {"on_time": np.isnan(on_time), "good": np.isnan(good)}
    assumed["use"] = np.isnan(able.numbers("use"))
    lanes = Lanes.of(
        part_of, of_lane, cost, use=use, minimum_lot=able.numbers("minimum_lot", 0.0),
        good=np.where(assumed["good"], 1.0, good), on_time=np.where(assumed["on_time"], 1.0, on_time),
    )  # fmt: skip
    of_parts = _of_parts(read(tables.parts, PARTS) if tables.parts else None, parts, lanes, panel, tables, findings)
    assumed |= {name: np.isnan(values)[part_of] for name, (values, _) in of_parts.items()}
    penalty, holding, stock = (np.where(np.isnan(values), usual, values) for values, usual in of_parts.values())
    return Manufacturing(
        parts, manufacturers, lanes, capacity, penalty, holding, stock, assumed, (*doubts, *findings, *of_capacity)
    )


def _part(panel: Panel, name: str | None) -> str:
    """The column of the series that says what is made."""
    part = name or panel.keys[-1]
    if part not in panel.series.columns:
        raise SettingsError(
            f"'capacity.part' is '{part}'; the series have {', '.join(panel.series.columns)}. Take one of these."
        )
    return part


def _parts_of(table: KeyedTable, parts: pl.DataFrame) -> np.ndarray:
    """The part of each row, -1 where it is none of `parts`."""
    return KeyedTable("", table.keys, parts).rows_of(table.frame)


def _capacity(
    table: KeyedTable, manufacturers: list[str], panel: Panel, horizon: int
) -> tuple[np.ndarray, list[Finding]]:
    """The capacity [manufacturer, period], 0 with a finding where it is not given. Rows of one period add up; a row
    without a date is about each period."""
    capacity = np.full((len(manufacturers), horizon), np.nan)
    dated = "date" in table.frame.columns
    if not dated:
        table.require_distinct("manufacturer")
    names, findings = table.texts("manufacturer"), _strangers(table, manufacturers)
    share = np.ones((table.frame.height, horizon))
    if dated:
        dates = table.frame["date"].to_numpy().astype("datetime64[D]")
        share = _share_of_periods(dates, panel, horizon)
        if _by_month(dates, panel):
            message = "capacities of months are spread evenly over their days"
            findings.append(finding("capacity-spread", table.where, len(dates), message))
    for name, units, of_periods in zip(names, table.numbers("capacity"), share, strict=True):
        if name in manufacturers and not np.isnan(units):
            own, cells = manufacturers.index(name), of_periods > 0
            capacity[own, cells] = np.nan_to_num(capacity[own, cells]) + units * of_periods[cells]
    missing = np.argwhere(np.isnan(capacity))
    if not len(missing):
        return capacity, findings
    dates = panel.ahead(horizon)
    examples = [f"{manufacturers[row]} {str(dates[column])[:10]}" for row, column in missing[:5]]
    message = f"{many(len(missing), 'period')} of manufacturers have no capacity given; nothing is ordered in them"
    findings.append(finding("capacity-missing", table.where, len(missing), message, examples))
    return np.nan_to_num(capacity), findings


def _strangers(table: KeyedTable, manufacturers: list[str]) -> list[Finding]:
    """A finding of the manufacturers of a table that can make nothing of what is forecast."""
    names = [name for name in table.texts("manufacturer") if name not in manufacturers]
    if not names:
        return []
    message = f"{many_do(len(names), 'row', 'be')} about manufacturers without a capability, and left out"
    return [finding("manufacturer-unknown", table.where, len(names), message, dict.fromkeys(names))]


def _by_month(dates: np.ndarray, panel: Panel) -> bool:
    """Whether dates are those of months, in a panel of shorter periods: all are the first day of one."""
    return panel.frequency.days < 28 and bool((dates == dates.astype("datetime64[M]").astype(dates.dtype)).all())


def _share_of_periods(dates: np.ndarray, panel: Panel, horizon: int) -> np.ndarray:
    """The share of the capacity of each row that each period has, float64 [row, period]: 1 of the period that it is in,
    or of a month by how many of its hours the period has."""
    starts = panel.ahead(horizon + 1).astype("datetime64[h]").astype(np.int64)
    if not _by_month(dates, panel):
        period = period_index(dates, panel.ahead(1)[0], panel.frequency)
        return np.asarray((period[:, None] == np.arange(horizon)).astype(np.float64))
    month = dates.astype("datetime64[M]")
    first, stop = (edge.astype("datetime64[h]").astype(np.int64)[:, None] for edge in (month, month + 1))
    hours = np.minimum(stop, starts[1:]) - np.maximum(first, starts[:-1])
    return np.asarray(np.maximum(hours, 0) / (stop - first))


def _record(table: KeyedTable, manufacturers: list[str], panel: Panel) -> np.ndarray:
    """The share of deliveries that came in the period in which they were due, and the share of good units: float64
    [2, manufacturer], drawn towards those of all manufacturers."""
    names = table.texts("manufacturer")
    of_row = np.array([manufacturers.index(name) if name in manufacturers else -1 for name in names])
    first = panel.ahead(1)[0]
    due, delivered = (
        period_index(table.frame[name].to_numpy().astype("datetime64[D]"), first, panel.frequency)
        for name in ("due", "delivered")
    )
    quantity, rejected = table.numbers("quantity"), table.numbers("rejected", 0.0)
    wrong = np.flatnonzero(~(quantity > 0) | (rejected > quantity))
    if len(wrong):
        raise SettingsError(
            f"{table.where} has {many(len(wrong), 'delivery', 'deliveries')} without a quantity above 0, or of which "
            "more "
            f"was rejected: rows {first_five(wrong + 1)}. Correct them."
        )
    known = of_row >= 0
    counts = np.bincount(of_row[known], minlength=len(manufacturers))
    shares = [delivered <= due, 1 - rejected / quantity]
    sums = [np.bincount(of_row[known], share[known].astype(float), len(manufacturers)) for share in shares]
    return np.stack([shrunk_rate(total, counts) for total in sums])


def _of_parts(
    table: KeyedTable | None,
    parts: pl.DataFrame,
    lanes: Lanes,
    panel: Panel,
    tables: CapacityTables,
    findings: list[Finding],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Penalty, holding and stock of the parts as given, NaN where not, each with what is assumed: [part]."""
    dearest = np.full(parts.height, float(lanes.cost.max(initial=0.0)))
    dearest[lanes.part] = 0.0
    np.maximum.at(dearest, lanes.part, lanes.cost)
    usual = {
        "penalty": tables.unmet_penalty * dearest,
        "holding": HOLDING_SHARE_YEAR * dearest / panel.frequency.year,
        "stock": np.zeros(parts.height),
    }
    given = {name: np.full(parts.height, np.nan) for name in usual}
    if table is not None:
        if not table.keys:
            raise SettingsError(
                f"{table.where} has no column {parts.columns[0]}, which says what its rows are about. Add it."
            )
        table.require_distinct()
        findings += table.unmatched(parts)
        row = table.rows_of(parts)
        given = {name: np.where(row >= 0, table.numbers(name)[row], np.nan) for name in usual}
    return {name: (given[name], usual[name]) for name in usual}
