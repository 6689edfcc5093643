"""Lines of receipts that stand in several files, as where one export begins before the last one ended."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from foresell.core.finding import Finding, Severity
from foresell.core.settings import Data
from foresell.core.words import many
from foresell.data.finding_codes import finding


class RepeatedReceipts:
    """Compares the lines of each file with those of the files before it, and counts the repeated ones.

    A line is repeated where its receipt, keys, date, quantity and price are those of a line of an earlier file. Equal
    lines within one file are the same goods sold twice. Of each line a hash of 8 bytes is kept.
    """

    def __init__(self, data: Data, receipt: str):
        names = (receipt, *data.keys, data.date_name, data.quantity, data.price)
        self._columns = [name for name in names if name]
        self._receipt = receipt
        self._drops = data.repeated_receipts == "drop"
        self._quantity = data.quantity
        self._earlier = self._of_file = pl.Series(dtype=pl.UInt64)
        self._file: int | None = None
        self.lines, self.units = 0, 0.0

    def checked(self, lines: pl.DataFrame, file: int) -> pl.DataFrame:
        """The `lines` of a part of the file with that number, without the repeated ones where the settings say so."""
        if file != self._file:
            self._earlier = pl.concat([self._earlier, self._of_file])
            self._of_file, self._file = pl.Series(dtype=pl.UInt64), file
        texts = lines.select(pl.col(self._columns).cast(pl.String))
        hashes = texts.hash_rows()
        has_receipt = texts[self._receipt].is_not_null()
        self._of_file = pl.concat([self._of_file, hashes.filter(has_receipt).unique()])
        repeated = hashes.is_in(self._earlier.implode()) & has_receipt
        self.lines += int(repeated.sum())
        self.units += float(lines[self._quantity].filter(repeated).cast(pl.Float64).sum())
        return lines.filter(~repeated) if self._drops else lines

    def findings(self, where: str) -> list[Finding]:
        """What was found of all files."""
        if not self.lines:
            return []
        units = f"{self.units:,.6g} {'unit' if self.units == 1 else 'units'}"
        lines = f"{many(self.lines, 'line')} of receipts ({units}) stand in an earlier file too"
        if self._drops:
            message = f"{lines}, and are left out"
            entry = finding("repeated-receipts", where, self.lines, message, severity=Severity.INFO)
            return [replace(entry, advice="")]
        return [finding("repeated-receipts", where, self.lines, f"{lines}, and count twice")]
