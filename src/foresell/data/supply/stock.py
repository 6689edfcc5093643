"""The stock on hand, and what is on order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.column_conversion import ColumnKind
from foresell.data.supply.matching import read_rows, repeated, row_of_series, undated_series
from foresell.data.supply.table_form import TableForm


def read_stock(
    path: str, base: Path, data: Data, panel: Panel, form: TableForm | None = None
) -> tuple[np.ndarray, list[Finding]]:
    """The stock on hand of each series, float64 [series]: NaN where the table has none. Rows of one series add up.

    The table has the keys and the column ``on_hand``, or one that `form` or its own name says to be that. Raises
    UnreadableFile, FindingsStop where a column is missing, and SettingsError where several may be meant or no row is
    about any of the series.
    """
    rows = read_rows(path, base, data, panel, {"on_hand": ColumnKind.NUMBER}, "stock", form or TableForm())
    place, findings = row_of_series(rows, panel.keys, panel.series)
    units = rows.frame["on_hand"].cast(float).to_numpy()
    on_hand = np.full(panel.n_series, np.nan)
    known = place >= 0
    on_hand[place[known]] = 0
    np.add.at(on_hand, place[known], units[known])
    return on_hand, rows.findings + findings + repeated(rows, place, "they are added up")


@dataclass(frozen=True)
class OpenOrderRows:
    """What is on order, one order in each row: `series` int64, `due` datetime64[D], `units` float64, [order] each."""

    series: np.ndarray
    due: np.ndarray
    units: np.ndarray


def read_open_orders(
    path: str, base: Path, data: Data, panel: Panel, form: TableForm | None = None
) -> tuple[OpenOrderRows, list[Finding]]:
    """The open orders of the table at `path`: the keys, ``due`` and ``units``.

    Of a series with an order whose day cannot be read there is one more, of NaN units. Raises as `read_stock`, and
    SettingsError where it cannot be told which series a row is about.
    """
    kinds = {"due": ColumnKind.DATE, "units": ColumnKind.NUMBER}
    rows = read_rows(path, base, data, panel, kinds, "open_orders", form or TableForm())
    rows.require_keys(
        "Some rows of the open orders cannot be read, and their goods would be bought again",
        "Correct these rows, or take them out.",
    )
    place, findings = row_of_series(rows, panel.keys, panel.series)
    known, undated = place >= 0, undated_series(rows, panel.keys, panel.series)
    due = rows.frame["due"].to_numpy().astype("datetime64[D]")
    units = rows.frame["units"].cast(float).to_numpy()
    orders = OpenOrderRows(
        np.append(place[known], undated),
        np.append(due[known], np.full(len(undated), panel.ahead(1)[0]).astype("datetime64[D]")),
        np.append(units[known], np.full(len(undated), np.nan)),
    )
    return orders, rows.findings + findings
