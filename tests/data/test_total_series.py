"""Series that are totals of others."""

from __future__ import annotations

import polars as pl
import pytest


def sales(totals: list[tuple[str, list[str]]]) -> pl.DataFrame:
    """Two stores with two items each, and totals by the columns that are named; a total is called Total."""
    rows = [
        {"store": store, "item": item, "date": f"2024-01-{day:02d}", "units": (7 * day * (place + 1)) % 11 + place}
        for day in range(1, 29)
        for place, (store, item) in enumerate([("A", "x"), ("A", "y"), ("B", "x"), ("B", "y")])
    ]
    frame = pl.DataFrame(rows)
    extra = [
        frame.group_by([*by, "date"], maintain_order=True)
        .agg(pl.col("units").sum())
        .with_columns(pl.lit(name).alias(column) for column in ("store", "item") if column not in by)
        .select(frame.columns)
        for name, by in totals
    ]
    return pl.concat([frame, *extra])


@pytest.mark.parametrize(
    "totals",
    [
        [("Total", [])],
        [("Total", ["store"])],
        [("Total", ["item"])],
        [("Total", ["store"]), ("Total", [])],
        [("all", ["store"]), ("all", ["item"]), ("Grand total", [])],
    ],
)
def test_totals_of_any_kind_are_left_out(load, tmp_path, totals):
    loaded = load(tmp_path, {"sales.csv": sales(totals).write_csv()})
    assert loaded.panel.series.select("store", "item").rows() == [("A", "x"), ("A", "y"), ("B", "x"), ("B", "y")]
    assert "total-series" in [finding.code for finding in loaded.findings]


def test_series_that_are_no_totals_are_kept(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": sales([]).write_csv()})
    assert loaded.panel.n_series == 4
    assert "total-series" not in [finding.code for finding in loaded.findings]
