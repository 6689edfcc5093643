"""The rows of every series on the report: sums by hand, what may stand in a page, and a size that stays small."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.report import series_finder as finder
from foresell.report.series_finder import series_finder

SERIES, HORIZON = 30_490, 28


def test_rows_by_hand(panel: Panel, hierarchy: Hierarchy, forecasts: dict[tuple[str, ...], Forecast]) -> None:
    made = series_finder(panel, hierarchy, forecasts)
    assert [rows.columns for rows in made.levels] == [("total",), ("store",), ("item", "store")]
    assert (made.week, made.n_rows, made.with_days, made.left_out) == ("7 days", 9, 9, 0)
    stores = made.levels[1]
    assert stores.names == [("B",), ("A",)]
    assert stores.weeks.tolist() == [[7 * 24.0], [7 * 12.0]]
    assert stores.last.tolist() == [7 * 24.0, 7 * 12.0]
    # A year ago item 2 was not yet on sale, in either store.
    assert stores.year.tolist() == [7 * 22.0, 7 * 11.0]
    single = made.levels[2]
    year = dict(zip(single.names, single.year.tolist(), strict=True))
    assert year["hammer", "B"] == 140
    assert np.isnan(year["<script>", "B"])
    assert single.days.shape == (6, HORIZON // 4)


def test_no_text_ends_the_script_element(
    panel: Panel, hierarchy: Hierarchy, forecasts: dict[tuple[str, ...], Forecast]
) -> None:
    made = series_finder(panel, hierarchy, forecasts)
    odd = "</script><b>5 % & more\u2028"
    rows = replace(made.levels[2], names=[(odd, store) for _, store in made.levels[2].names])
    text = replace(made, levels=(*made.levels[:2], rows)).to_json()
    assert not {"<", ">", "&", "\u2028"} & set(text)
    assert " %" not in text  # the page would put another space before the sign
    read = json.loads(text)
    assert read["levels"][2]["texts"][0] == [odd]
    assert read["levels"][1]["weeks"] == [[168], [84]]


def test_the_rows_of_many_series_stay_small() -> None:
    random = np.random.default_rng(0)
    series = pl.DataFrame({"item_id": [f"FOODS_{n % 3049:04}" for n in range(SERIES)]}).with_columns(
        store_id=pl.Series([f"CA_{n // 3049}" for n in range(SERIES)])
    )
    dates = np.datetime64("2023-01-02") + np.arange(35 + HORIZON)
    panel = Panel(series, ("item_id", "store_id"), dates, random.gamma(1, 3, (SERIES, 35)).astype(np.float32))
    hierarchy = Hierarchy.of(panel.keys, ())
    mean = random.gamma(1, 3, (SERIES, HORIZON)).astype(np.float32)
    forecasts = {
        (): Forecast(pl.DataFrame({"total": ["total"]}), ("total",), panel.cutoff, panel.ahead(HORIZON), mean[:1]),
        panel.keys: Forecast(series, panel.keys, panel.cutoff, panel.ahead(HORIZON), mean),
    }
    made = series_finder(panel, hierarchy, forecasts)
    assert made.n_rows == SERIES + 1
    assert made.with_days * HORIZON <= finder.MOST_VALUES
    assert len(made.to_json().encode()) < 4_000_000
    few = finder.MOST_ROWS
    assert few > SERIES
