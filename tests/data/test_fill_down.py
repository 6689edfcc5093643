"""Filling down through the parts of a file gives what filling the whole file gives."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from foresell.data.fill_down import FillDown

CELLS = st.sampled_from(["", " ", "A", "B"])


def slowly(rows: list[tuple[str, str]]) -> list[tuple[str | None, str | None]]:
    outer = inner = None
    filled = []
    for store, item in rows:
        if store.strip():
            outer, inner = store, None
        inner = item if item.strip() else inner
        filled.append((outer, inner))
    return filled


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), st.integers(1, 7))
def test_parts_are_filled_as_the_whole(rows: list[tuple[str, str]], size: int) -> None:
    frame = pl.DataFrame(rows, schema={"store": pl.String, "item": pl.String}, orient="row")
    fill = FillDown(["store", "item"])
    parts = [fill.filled(part) for part in frame.iter_slices(size)]
    assert pl.concat(parts).rows() == slowly(rows)
