"""Small files whose columns a reader would know at a glance, and what is inferred of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer


@pytest.fixture(name="daily")
def daily_() -> Callable[..., pl.DataFrame]:
    return daily


@pytest.fixture(name="propose")
def propose_() -> Callable[..., Proposal]:
    return propose


def daily(
    stores: int = 3, items: int = 4, days: int = 200, first: date = date(2024, 1, 1), step: int = 1
) -> pl.DataFrame:
    """store, item, date, units: one row for each, none without sales; the units differ by all three."""
    return (
        pl.DataFrame({"store": [f"S{n}" for n in range(stores)]})
        .join(pl.DataFrame({"item": [f"I{n}" for n in range(items)]}), how="cross")
        .join(pl.DataFrame({"date": [first + timedelta(days=step * n) for n in range(days)]}), how="cross")
        .with_row_index("n")
        .with_columns((pl.col("n").cast(pl.Int64) * 7 % 23 + 1).alias("units"))
        .drop("n")
    )


def propose(frame: pl.DataFrame, tmp_path: Path, name: str = "sales.csv", **options) -> Proposal:
    """What is inferred of `frame`, written as a file of that name; the settings must be valid."""
    frame.write_parquet(tmp_path / name) if name.endswith("parquet") else frame.write_csv(tmp_path / name)
    proposal = infer(name, tmp_path, **options)
    parse_settings(proposal.settings)
    return proposal
