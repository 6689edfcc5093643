"""The history of a project as decisions about prices and campaigns read it: items, groups, promotions, prices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.decide.response.sales_history import SalesHistory

REACH_DAYS = 56
"""Days before and after a window from which its level is learnt."""

FEWEST_REACH = 4
"""Periods, where they are longer than a week."""


@dataclass(frozen=True)
class ItemHistory:
    """The sales of items, and their names.

    - `items`: a row for each item: the columns that name it. `group`: the column of its group, None for one of all.
    - `sales`: what `decide.response` reads.
    """

    items: pl.DataFrame
    group: str | None
    sales: SalesHistory

    @classmethod
    def of(
        cls, panel: Panel, settings: Settings, item: tuple[str, ...] | None, group: str | None, after_days: int
    ) -> ItemHistory:
        """The history of the panel; `item` and `group` are those of a section, None where not given.

        Raises SettingsError for columns that the series do not have, and a group that differs within an item.
        """
        columns = _item_columns(panel, settings, item)
        items = panel.series.select(columns).unique(maintain_order=True)
        row = panel.series.select(columns).join(
            items.with_row_index("item_row"), on=columns, nulls_equal=True, maintain_order="left"
        )["item_row"]
        of_series = row.to_numpy().astype(np.int64)
        column = _group_column(panel, settings, of_series, len(items), columns, group)
        codes = np.zeros(panel.n_series, np.int64)
        if column is not None:
            codes = panel.series[column].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
        of_item = np.zeros(len(items), np.int64)
        of_item[of_series] = codes
        days = panel.frequency.days
        history = SalesHistory(
            panel.units,
            promoted(panel, slice(0, panel.n_days)),
            prices(panel, slice(0, panel.n_days)),
            of_series,
            of_item,
            cycle=cycle_of(panel.frequency),
            reach=max(round(REACH_DAYS / days), FEWEST_REACH),
            after=math.ceil(after_days / days) if days <= 7 else 0,
        )
        return cls(items, column, history)


def cycle_of(frequency: Frequency) -> int:
    """The periods of a week, or 1 where a period is no shorter."""
    return max(round(7 / frequency.days), 1)


def promoted(panel: Panel, days: slice) -> np.ndarray:
    """Whether a series has a promotion: bool [series, day]; nowhere where the data have no promotions."""
    if "promotion" not in panel.known:
        return np.zeros((panel.n_series, len(panel.dates[days])), bool)
    return np.asarray(panel.known["promotion"].on(days) > 0)


def prices(panel: Panel, days: slice) -> np.ndarray | None:
    """The prices, float32 [series, day], NaN where not known; None where the data have none."""
    if "price" not in panel.known:
        return None
    values = panel.known["price"].on(days)
    return values if (values > 0).any() else None


def _item_columns(panel: Panel, settings: Settings, given: tuple[str, ...] | None) -> list[str]:
    """The columns that name an item: those given, else the keys of the table of items, else all keys."""
    if given is not None:
        missing = [name for name in given if name not in panel.keys]
        if missing or not given:
            raise SettingsError(
                f"'item' names {first_five(missing) or 'no column'}, which is no key of the series; they have "
                f"{', '.join(panel.keys)}."
            )
        return list(given)
    table = settings.data.items
    if table is not None and all(key in panel.keys for key in table.keys):
        return list(table.keys)
    return list(panel.keys)


def _group_column(
    panel: Panel, settings: Settings, item: np.ndarray, n_items: int, columns: list[str], given: str | None
) -> str | None:
    """The column of the groups: the one given, else the finest level that groups items; None without one."""
    if given is not None:
        if given not in panel.series.columns:
            raise SettingsError(f"'group' is '{given}'; the series have {', '.join(panel.series.columns)}.")
        if _values(panel, given, item) is None:
            raise SettingsError(f"'group' is '{given}', which has several values for an item; expected one each.")
        return given
    names = [level[0] for level in settings.levels if len(level) == 1 and level[0] not in columns]
    counts = {name: _values(panel, name, item) for name in names if name in panel.series.columns}
    usable = {name: count for name, count in counts.items() if count is not None and 1 < count <= n_items / 2}
    return max(usable, key=lambda name: usable[name], default=None)


def _values(panel: Panel, column: str, item: np.ndarray) -> int | None:
    """How many values a column has; None where an item has several."""
    pairs = pl.DataFrame({"item": item, "value": panel.series[column]}).unique()
    return int(pairs["value"].n_unique()) if pairs["item"].is_unique().all() else None
