"""Series that the panel does not have: a new item, a new store, or an old item in a store that never had it.

They are forecast like other series without a history. An attribute or covariate that the request does not give is taken
from series with the same key: the department of an item from the same item in other stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.core.panel import Known, Panel
from foresell.serving.request_rows import PRICE, PROMOTION, RequestRows

EVERYWHERE = ""
"""Stands for the key of a column that has the same value for all series."""


@dataclass(frozen=True)
class KeyLookup:
    """The values of a column that depends on one `key`, by the value of the key."""

    key: str
    values: Mapping[Any, Any]

    def of(self, keys: Mapping[str, Any]) -> Any:
        """The value for a series with these keys; None where no series shares the key."""
        return self.values.get(EVERYWHERE if self.key == EVERYWHERE else keys[self.key])


class UnknownSeries:
    """Makes panels of series that `panel` does not have, for requests up to `horizon` days ahead."""

    def __init__(self, panel: Panel, horizon: int):
        self.panel = panel
        self.horizon = horizon
        self.attributes = [name for name in panel.series.columns if name not in panel.keys]
        self.attribute_lookups = {
            name: lookup for name in self.attributes if (lookup := key_lookup(panel.series, panel.keys, name))
        }
        rows = panel.series.select(panel.keys).with_columns(
            pl.Series(name, known.rows) for name, known in panel.known.items() if name not in panel.keys
        )
        self.covariate_rows = {name: lookup for name in panel.known if (lookup := key_lookup(rows, panel.keys, name))}

    def panel_of(self, asked: RequestRows, rows: np.ndarray) -> Panel:
        """A panel with one series for each of `rows`. What was assumed is added to `asked`.

        A given price holds for all days ahead. Any other given value holds on the requested day only.
        """
        panel = self.panel
        keys = asked.keys[rows]
        self._assume_no_history(asked, rows, keys)
        series = keys.with_columns(self._attribute(name, asked, rows, keys) for name in self.attributes)
        units = np.full((len(rows), panel.n_days), np.nan, np.float32)
        known = {name: self._known(name, asked, rows, keys) for name in panel.known}
        for name in (PRICE, PROMOTION):
            if name not in panel.known and name in asked.given:
                given = asked.given[name][rows]
                use = "for the revenue only" if name == PRICE else "not used"
                asked.assume(rows[~np.isnan(given)], f"{name}: {use}, the data have none")
        return replace(panel, series=series.select(panel.series.columns), units=units, known=known)

    def _assume_no_history(self, asked: RequestRows, rows: np.ndarray, keys: pl.DataFrame) -> None:
        first = self.panel.ahead(1)[0]
        texts = []
        for values in keys.rows():
            series = ", ".join(f"{key} {value}" for key, value in zip(keys.columns, values, strict=True))
            texts.append(f"history: none is known of {series}, so it is forecast as new, on sale from {first} on")
        asked.assume(rows, texts)

    def _attribute(self, name: str, asked: RequestRows, rows: np.ndarray, keys: pl.DataFrame) -> pl.Series:
        """An attribute of the new series: as given, else that of series with the same key, else not known."""
        kind = self.panel.series.schema[name]
        given = asked.attributes[name][rows] if name in asked.attributes.columns else None
        values = [None] * len(rows) if given is None else given.to_list()
        lookup = self.attribute_lookups.get(name)
        for place, row in enumerate(rows):
            if values[place] is not None:
                continue
            series = dict(zip(keys.columns, keys.row(place), strict=True))
            values[place] = lookup.of(series) if lookup else None
            asked.assume([int(row)], f"{name}: {_assumed(values[place], lookup, series)}")
        return pl.Series(name, values, dtype=kind)

    def _known(self, name: str, asked: RequestRows, rows: np.ndarray, keys: pl.DataFrame) -> Known:
        """A covariate of the new series: float32 [series, day + ahead]."""
        panel, known = self.panel, self.panel.known[name]
        n_days = panel.n_days
        values = np.full((len(rows), max(known.values.shape[1], n_days + self.horizon)), np.nan, np.float32)
        lookup = self.covariate_rows.get(name)
        if lookup:
            for place, series in enumerate(keys.iter_rows(named=True)):
                source = lookup.of(series)
                if source is not None:
                    values[place, : known.values.shape[1]] = known.values[source]
        ahead, step = values[:, n_days : n_days + self.horizon], asked.step[rows]
        if name == PROMOTION:
            ahead[np.isnan(ahead)] = 0
        row_numbers = np.arange(len(rows))
        given = asked.given[name][rows] if name in asked.given else np.full(len(rows), np.nan)
        is_given = ~np.isnan(given)
        if name == PRICE:
            ahead[is_given] = given[is_given, None]
        else:
            ahead[row_numbers[is_given], step[is_given]] = given[is_given]
        self._assume_values(name, asked, rows[~is_given], ahead[row_numbers, step][~is_given])
        return Known.of_each(values)

    def _assume_values(self, name: str, asked: RequestRows, rows: np.ndarray, values: np.ndarray) -> None:
        """Adds to `asked` the values that are assumed of a covariate that was not given."""
        if name == PROMOTION:
            asked.assume(rows[values == 0], f"{name}: none")
            return
        texts = ["not known" if np.isnan(value) else f"{value:.6g}, as of similar series" for value in values]
        asked.assume(rows, [f"{name}: {text}" for text in texts])


def key_lookup(series: pl.DataFrame, keys: tuple[str, ...], column: str) -> KeyLookup | None:
    """The lookup by the first key that determines `column`; None where no key does.

    >>> series = pl.DataFrame({"item": [1, 1, 2], "store": [1, 2, 1], "kind": ["a", "a", "b"]})
    >>> key_lookup(series, ("item", "store"), "kind")
    KeyLookup(key='item', values={1: 'a', 2: 'b'})
    """
    if series[column].n_unique() == 1:
        return KeyLookup(EVERYWHERE, {EVERYWHERE: series[column][0]})
    for key in keys:
        pairs = series.select(key, column).unique(maintain_order=True)
        if pairs.height < series.height and pairs[key].n_unique() == pairs.height:
            return KeyLookup(key, dict(pairs.rows()))
    return None


def _assumed(value: object, lookup: KeyLookup | None, keys: Mapping[str, Any]) -> str:
    if value is None or lookup is None:
        return "not known"
    if lookup.key == EVERYWHERE:
        return f"{value}, as of all series"
    return f"{value}, as of {lookup.key} {keys[lookup.key]}"
