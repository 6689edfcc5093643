"""Columns that few files have, or lack."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from foresell.core.errors import FindingsStop
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.roles import infer


@pytest.mark.parametrize("name", ["sales.csv", "sales.parquet"])
def test_a_date_and_a_value_are_one_series(daily, propose, tmp_path, name):
    frame = daily(stores=1, items=1).select("date", "units")
    proposal = propose(frame, tmp_path, name)
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.series.rows() == [("all",)]
    assert panel.units[0].tolist() == frame["units"].to_list()


def test_lines_without_a_name_of_a_series_are_added_up(daily, propose, tmp_path):
    frame = daily(stores=2, items=1).select("date", "units")
    proposal = propose(frame, tmp_path)
    assert proposal.settings["data"]["layout"] == "transactions"
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.units[0].sum() == frame["units"].sum()


ODD = [["a", "b"]], [{"a": 1}], [b"\x00\xff"], [timedelta(days=1)]


@pytest.mark.parametrize("values", ODD)
def test_lists_and_records_are_left_out(daily, propose, tmp_path, values):
    frame = daily().with_columns(pl.Series("tags", values * daily().height))
    proposal = propose(frame, tmp_path, "sales.parquet")
    assert [reason.conclusion for reason in proposal.reasons if "it holds lists, rec" in reason.why] == ["tags"]
    assert read_sales(parse_settings(proposal.settings), tmp_path).panel.n_series == 12


@pytest.mark.parametrize("values", ODD)
def test_lists_and_records_beside_the_sales_are_left_out(daily, propose, tmp_path, values):
    items = daily().select("item").unique(maintain_order=True)
    odd = items.with_columns(pl.Series("tags", values * items.height), size=pl.int_range(pl.len()) % 2)
    odd.write_parquet(tmp_path / "items.parquet")
    proposal = propose(daily(), tmp_path)
    assert proposal.settings["data"]["items"]["columns"] == ["size"]
    assert read_sales(parse_settings(proposal.settings), tmp_path).panel.n_series == 12


@pytest.mark.parametrize("values", ODD)
def test_lists_and_records_that_are_named_are_texts(daily, propose, tmp_path, values):
    items = daily().select("item").unique(maintain_order=True)
    items.with_columns(pl.Series("tags", values * items.height)).write_parquet(tmp_path / "items.parquet")
    proposal = propose(daily(), tmp_path)
    data = proposal.settings["data"] | {"items": {"path": "items.parquet", "keys": ["item"]}}
    panel = read_sales(parse_settings(proposal.settings | {"data": data}), tmp_path).panel
    assert panel.series["tags"].unique().to_list() == [str(values[0])]


def test_that_nothing_was_sold_is_said(daily, propose, tmp_path):
    proposal = propose(daily().with_columns(pl.lit(0).alias("units")), tmp_path)
    with pytest.raises(FindingsStop, match="nothing was ever sold"):
        read_sales(parse_settings(proposal.settings), tmp_path)


def test_closed_weekdays_are_no_gaps_where_they_are_unknown(daily, propose, tmp_path):
    proposal = propose(daily().filter(pl.col("date").dt.weekday() < 6), tmp_path)
    assert proposal.settings["data"]["absent"] == "unknown"
    findings = read_sales(parse_settings(proposal.settings), tmp_path).findings
    assert "gaps" not in [finding.code for finding in findings]


def test_a_name_that_comes_again_is_another_column(daily, propose, tmp_path):
    text = daily(stores=2, items=1).write_csv().replace("store,item,date,units", "name,item,date,item")
    (tmp_path / "sales.csv").write_text(text)
    proposal = infer(str(tmp_path / "sales.csv"), overrides={"quantity": "item_duplicated_0"})
    panel = read_sales(parse_settings(proposal.settings), tmp_path).panel
    assert panel.units.sum() == daily(stores=2, items=1)["units"].sum()


def test_a_note_on_a_few_rows_is_no_key(daily, propose, tmp_path):
    note = pl.when(pl.int_range(pl.len()) % 9 == 0).then(pl.lit("promoted"))
    proposal = propose(daily(stores=1, items=1).select("date", "units", note=note), tmp_path)
    assert proposal.settings["data"]["keys"] == ["series_id"]


def test_no_keys_are_one_series(daily, propose, tmp_path):
    proposal = propose(daily(stores=1, items=1).select("date", "units"), tmp_path)
    data = proposal.settings["data"] | {"keys": []}
    assert read_sales(parse_settings(proposal.settings | {"data": data}), tmp_path).panel.series.rows() == [("all",)]
