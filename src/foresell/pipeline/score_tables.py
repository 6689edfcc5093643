"""Tables of scores and of test forecasts, as the steps `backtest` and `combine` write them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from foresell.evaluate.backtest import Backtest
from foresell.store.tables import write_table


def write_scores(scores: Backtest, folder: Path) -> None:
    """Writes the leaderboard as CSV and the other tables as Parquet."""
    for name, frame in scores.tables().items():
        if name == "leaderboard":
            frame.write_csv(folder / "leaderboard.csv")
        else:
            write_table(frame, folder / f"{name}.parquet")


def write_forecasts(frame: pl.DataFrame, folder: Path) -> None:
    """Writes the test forecasts of one model at one window to ``forecasts/MODEL-CUTOFF.parquet``."""
    write_table(frame, folder / "forecasts" / f"{frame['model'][0]}-{frame['cutoff'][0]}.parquet")
