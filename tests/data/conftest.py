"""Reading as most tests of this room do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales

TODAY = date(2024, 6, 1)


@pytest.fixture
def load() -> Callable[..., ValidatedSales]:
    return _load


def _load(folder: Path, tables: dict[str, str | bytes | pl.DataFrame], horizon: int = 2, **data) -> ValidatedSales:
    """Writes the tables into `folder` and reads them with settings that allow any share of bad rows."""
    for name, content in tables.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    tree = {"sales": "sales.csv", "keys": ["store", "item"], "max_bad_share": 1.0} | data
    return read_sales(parse_settings({"data": tree, "horizon": horizon}), folder, today=TODAY)
