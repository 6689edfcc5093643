"""Series that the panel does not have: a new item, a new store, an old item in a store that never had it.

They are forecast as the champion forecasts series without a history. What was not said of them is taken from the
series that share the key it depends on: an item's department from the same item in other stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.core.panel import Known, Panel
from foresell.serving.request_rows import PRICE, PROMOTION, Asked

EVERYWHERE = ""
"""The key that something depends on that is the same for all series."""


@dataclass(frozen=True)
class Kin:
    """Which key something depends on, and its value for each value of the key."""

    key: str
    values: Mapping[Any, Any]

    def of(self, keys: Mapping[str, Any]) -> Any:
        """The value for a series with these keys; None where no series shares the key."""
        return self.values.get(EVERYWHERE if self.key == EVERYWHERE else keys[self.key])


class Strangers:
    """Makes panels of series that `panel` does not have, asked about `horizon` days."""

    def __init__(self, panel: Panel, horizon: int):
        self.panel = panel
        self.horizon = horizon
        self.attributes = [name for name in panel.series.columns if name not in panel.keys]
        self.kin = {name: found for name in self.attributes if (found := kin(panel.series, panel.keys, name))}
        rows = panel.series.select(panel.keys).with_columns(
            pl.Series(name, known.rows) for name, known in panel.known.items() if name not in panel.keys
        )
        self.shared = {name: found for name in panel.known if (found := kin(rows, panel.keys, name))}

    def panel_of(self, asked: Asked, rows: np.ndarray) -> Panel:
        """A panel with one series for each of `rows`; says in `asked` what was assumed.

        A price that is given holds for all days ahead, and whatever else is given on the day that is asked for.
        """
        panel = self.panel
        keys = asked.keys[rows]
        self._introduce(asked, rows, keys)
        series = keys.with_columns(self._attribute(name, asked, rows, keys) for name in self.attributes)
        units = np.full((len(rows), panel.n_days), np.nan, np.float32)
        known = {name: self._known(name, asked, rows, keys) for name in panel.known}
        for name in (PRICE, PROMOTION):
            if name not in panel.known and name in asked.given:
                told = asked.given[name][rows]
                only = "for the revenue only" if name == PRICE else "not used"
                asked.assume(rows[~np.isnan(told)], f"{name}: {only}, the data have none")
        return replace(panel, series=series.select(panel.series.columns), units=units, known=known)

    def _introduce(self, asked: Asked, rows: np.ndarray, keys: pl.DataFrame) -> None:
        first = self.panel.ahead(1)[0]
        told = []
        for values in keys.rows():
            named = ", ".join(f"{key} {value}" for key, value in zip(keys.columns, values, strict=True))
            told.append(f"history: none is known of {named}, so it is forecast as new, on sale from {first} on")
        asked.assume(rows, told)

    def _attribute(self, name: str, asked: Asked, rows: np.ndarray, keys: pl.DataFrame) -> pl.Series:
        """An attribute of the new series: as given, else as kin have it, else not known."""
        kind = self.panel.series.schema[name]
        given = asked.attributes[name][rows] if name in asked.attributes.columns else None
        values = [None] * len(rows) if given is None else given.to_list()
        found = self.kin.get(name)
        for place, row in enumerate(rows):
            if values[place] is not None:
                continue
            named = dict(zip(keys.columns, keys.row(place), strict=True))
            values[place] = found.of(named) if found else None
            asked.assume([int(row)], f"{name}: {_taken(values[place], found, named)}")
        return pl.Series(name, values, dtype=kind)

    def _known(self, name: str, asked: Asked, rows: np.ndarray, keys: pl.DataFrame) -> Known:
        """A covariate of the new series: float32 [series, day + ahead]."""
        panel, known = self.panel, self.panel.known[name]
        n_days = panel.n_days
        values = np.full((len(rows), max(known.values.shape[1], n_days + self.horizon)), np.nan, np.float32)
        found = self.shared.get(name)
        if found:
            for place, named in enumerate(keys.iter_rows(named=True)):
                source = found.of(named)
                if source is not None:
                    values[place, : known.values.shape[1]] = known.values[source]
        ahead, step = values[:, n_days : n_days + self.horizon], asked.step[rows]
        if name == PROMOTION:
            ahead[np.isnan(ahead)] = 0
        each = np.arange(len(rows))
        told = asked.given[name][rows] if name in asked.given else np.full(len(rows), np.nan)
        said = ~np.isnan(told)
        if name == PRICE:
            ahead[said] = told[said, None]
        else:
            ahead[each[said], step[said]] = told[said]
        self._tell(name, asked, rows[~said], ahead[each, step][~said])
        return Known.of_each(values)

    def _tell(self, name: str, asked: Asked, rows: np.ndarray, values: np.ndarray) -> None:
        """What was taken for a covariate that was not given."""
        if name == PROMOTION:
            asked.assume(rows[values == 0], f"{name}: none")
            return
        shown = ["not known" if np.isnan(value) else f"{value:.6g}, as of its like" for value in values]
        asked.assume(rows, [f"{name}: {text}" for text in shown])


def kin(series: pl.DataFrame, keys: tuple[str, ...], column: str) -> Kin | None:
    """The first key that tells `column` of series that share it; None where none does.

    >>> kin(pl.DataFrame({"item": [1, 1, 2], "store": [1, 2, 1], "kind": ["a", "a", "b"]}), ("item", "store"), "kind")
    Kin(key='item', values={1: 'a', 2: 'b'})
    """
    if series[column].n_unique() == 1:
        return Kin(EVERYWHERE, {EVERYWHERE: series[column][0]})
    for key in keys:
        pairs = series.select(key, column).unique(maintain_order=True)
        if pairs.height < series.height and pairs[key].n_unique() == pairs.height:
            return Kin(key, dict(pairs.rows()))
    return None


def _taken(value: object, found: Kin | None, keys: Mapping[str, Any]) -> str:
    if value is None or found is None:
        return "not known"
    return f"{value}, as of all series" if found.key == EVERYWHERE else f"{value}, as of {found.key} {keys[found.key]}"
