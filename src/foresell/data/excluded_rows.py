"""Rows that a column marks as no sale, such as cancelled orders, and rows that are returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from foresell.core.finding import Finding
from foresell.core.settings import Data
from foresell.core.words import many
from foresell.data.finding_codes import finding


@dataclass
class MarkedRows:
    """The rows that the values of columns mark, by column: `excluded` ones are left out, `returned` ones subtracted.

    Columns of keys and attributes are no part of it: their values leave out whole series.
    """

    excluded: Mapping[str, Sequence[str]]
    returned: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=lambda: {"excluded-rows": 0, "return-rows": 0})
    units: dict[str, float] = field(default_factory=lambda: {"excluded-rows": 0.0, "return-rows": 0.0})

    @classmethod
    def of(cls, data: Data, names: set[str]) -> MarkedRows:
        """Those that the settings list among the columns `names` of the sales."""
        of_series = {*data.keys, *data.attributes}
        excluded = {name: values for name, values in data.exclude.items() if name in names - of_series}
        return cls(excluded, data.return_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that mark rows."""
        return tuple(dict.fromkeys((*self.excluded, *self.returned)))

    def applied(self, rows: pl.DataFrame, quantity: Sequence[str]) -> pl.DataFrame:
        """The rows without excluded ones; the units of returns, in the columns `quantity`, are below zero."""
        if not self.columns:
            return rows
        returned, excluded = _marked(rows, self.returned), _marked(rows, self.excluded)
        for code, mask in (("excluded-rows", excluded), ("return-rows", returned & ~excluded)):
            sums = rows.filter(mask).select(pl.sum_horizontal(pl.col(quantity).cast(pl.Float64).abs().sum()))
            self.rows[code] += int(mask.sum())
            self.units[code] += float(sums.item()) if len(sums) else 0.0
        if returned.any():
            rows = rows.with_columns(
                pl.when(returned).then(-pl.col(name).abs()).otherwise(pl.col(name)).alias(name) for name in quantity
            )
        return rows.filter(~excluded) if excluded.any() else rows

    def findings(self, where: str) -> list[Finding]:
        """How many rows were left out or subtracted; of a setting that no row fits, too."""
        findings = []
        listed = {"excluded-rows": self.excluded, "return-rows": self.returned}
        done = {"excluded-rows": "left out", "return-rows": "subtracted"}
        for code, names in listed.items():
            if names:
                units = f"{self.units[code]:,.6g} {'unit' if self.units[code] == 1 else 'units'}"
                verb = "is" if self.rows[code] == 1 else "are"
                message = f"{many(self.rows[code], 'row')} ({units}) {verb} {done[code]} because of {', '.join(names)}"
                findings.append(finding(code, where, self.rows[code], message))
        return findings


def _marked(rows: pl.DataFrame, names: Mapping[str, Sequence[str]]) -> pl.Series:
    """Which rows have one of the values listed for a column, without the blanks around them: bool [row]."""
    listed = [
        pl.col(name).cast(pl.String).str.strip_chars().is_in([str(value).strip() for value in values])
        for name, values in names.items()
    ]
    if not listed:
        return pl.repeat(False, rows.height, eager=True)
    return rows.select(pl.any_horizontal(listed).fill_null(False)).to_series()
