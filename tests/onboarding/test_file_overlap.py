"""Files of one table that have rows of the same series and dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.data.sales_reader import ValidatedSales, read_sales
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer


def read(folder: Path, files: dict[str, pl.DataFrame]) -> tuple[Proposal, ValidatedSales]:
    folder = folder / "exports"
    folder.mkdir()
    for name, frame in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        frame.write_csv(folder / name)
    proposal = infer(str(folder))
    return proposal, read_sales(parse_settings(proposal.settings), folder)


@pytest.mark.parametrize("begin", [0, 300])
def test_rows_that_files_share_count_once(daily, tmp_path, begin):
    frame = daily(days=60).sort("date")
    proposal, sales = read(tmp_path, {"sales.csv": frame, "sales (1).csv": frame[begin:]})
    assert proposal.settings["data"]["layout"] == "long"
    assert sales.panel.units.sum() == frame["units"].sum()
    assert {f.code: f.count for f in sales.findings}["repeated-rows"] == frame.height - begin
    assert "'sales (1).csv', 'sales.csv' have" in " ".join(proposal.doubts)


def test_a_corrected_row_is_unknown_and_named_with_both_files(daily, tmp_path):
    frame = daily(days=60).sort("date")
    corrected = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(99).otherwise(pl.col("units")).alias("units")
    )
    _, sales = read(tmp_path, {"sales.csv": frame, "sales_new.csv": corrected})
    assert np.nansum(sales.panel.units) == frame["units"].sum() - frame["units"][7]
    assert [Path(name).name for name in sales.quarantine["file"]] == ["sales.csv", "sales_new.csv"]


def test_a_table_without_keys_counts_a_copied_file_once(daily, tmp_path):
    frame = daily(stores=1, items=1, days=60).select("date", "units")
    _, sales = read(tmp_path, {"a.csv": frame, "b.csv": frame})
    assert sales.panel.units.sum() == frame["units"].sum()


@pytest.mark.parametrize("names", [("berlin.csv", "hamburg.csv"), ("berlin/sales.csv", "hamburg/sales.csv")])
def test_files_of_stores_that_no_column_names_are_in_doubt(daily, tmp_path, names):
    frame = daily(stores=1, days=60).drop("store")
    other = frame.with_columns(pl.col("units") + 1)
    proposal, _ = read(tmp_path, dict(zip(names, (frame, other), strict=True)))
    assert proposal.settings["data"]["layout"] == "transactions"
    doubts = " ".join(proposal.doubts)
    assert f"'{names[0]}', '{names[1]}' have" in doubts
    assert "If each file stands for a store" in doubts


def test_copied_lines_are_in_doubt(daily, tmp_path):
    lines = pl.concat([daily(days=30), daily(days=30).with_columns(pl.col("units") + 1)])
    proposal, _ = read(tmp_path, {"a.csv": lines, "b.csv": lines})
    assert proposal.settings["data"]["layout"] == "transactions"
    assert "one is a copy" in " ".join(proposal.doubts)


def test_files_that_follow_each_other_are_no_doubt(daily, tmp_path):
    frame = daily(days=60).sort("date")
    proposal, _ = read(tmp_path, {"a.csv": frame[:360], "b.csv": frame[360:]})
    assert "in common" not in " ".join(proposal.doubts)


def test_few_rows_that_repeat_are_copies_or_in_doubt(daily, propose, tmp_path):
    frame = daily(stores=1, days=60)
    copies = propose(pl.concat([frame, frame.head(5)]), tmp_path)
    assert (copies.settings["data"]["layout"], len(copies.questions)) == ("long", 1)
    lines = propose(pl.concat([frame, frame.head(5).with_columns(pl.col("units") + 1)]), tmp_path)
    assert (lines.settings["data"]["layout"], "--layout long" in " ".join(lines.doubts)) == ("transactions", True)
