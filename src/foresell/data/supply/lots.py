"""The stock on hand by lot: how long each of them can still be sold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import Data
from foresell.data.column_conversion import ColumnKind
from foresell.data.supply.matching import read_rows, row_of_series, undated_series
from foresell.data.supply.table_form import TableForm


@dataclass(frozen=True)
class LotRows:
    """Lots, one in each row: `series` int64, `expires` datetime64[D], the last day of sale, and `units` float64."""

    series: np.ndarray
    expires: np.ndarray
    units: np.ndarray


def read_lots(
    path: str, base: Path, data: Data, panel: Panel, form: TableForm | None = None
) -> tuple[LotRows, list[Finding]]:
    """The lots of the table at `path`: the keys, ``expires`` and ``units``.

    Of a series with a lot whose day cannot be read there is one more, of NaN units. Raises UnreadableFile, FindingsStop
    where a column is missing, and SettingsError where no row is about any of the series, or where it cannot be told
    which series a row is about.
    """
    kinds = {"expires": ColumnKind.DATE, "units": ColumnKind.NUMBER}
    rows = read_rows(path, base, data, panel, kinds, "lots", form or TableForm())
    rows.require_keys(
        "Some rows of the lots cannot be read, and the rest would pass for all stock",
        "Correct these rows, or take them out.",
    )
    place, findings = row_of_series(rows, panel.keys, panel.series)
    units = rows.frame["units"].cast(float).to_numpy()
    known, undated = place >= 0, undated_series(rows, panel.keys, panel.series)
    expires = rows.frame["expires"].to_numpy().astype("datetime64[D]")
    lots = LotRows(
        np.append(place[known], undated),
        np.append(expires[known], np.full(len(undated), panel.ahead(1)[0]).astype("datetime64[D]")),
        np.append(units[known], np.full(len(undated), np.nan)),
    )
    return lots, rows.findings + findings
