"""Rows that a column marks as no sale."""

from __future__ import annotations

import polars as pl
import pytest


def marked(frame: pl.DataFrame, name: str, mark: str, other: str) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.col("units") % 9 == 0).then(pl.lit(mark)).otherwise(pl.lit(other)).alias(name))


@pytest.mark.parametrize(
    ("name", "mark", "sale", "setting"),
    [
        ("status", "cancelled", "completed", "exclude"),
        ("status", "Refunded", "paid", "exclude"),
        ("Zustand", "storniert", "geliefert", "exclude"),
        ("statut", "annulée", "livrée", "exclude"),
        ("Belegart", "Retoure", "Verkauf", "return_rows"),
        ("tipo", "devolución", "venta", "return_rows"),
        ("kind", "credit note", "invoice", "return_rows"),
        ("type", "Budget", "Actual", "exclude"),
        ("measure", "Revenue", "Units", "exclude"),
    ],
)
def test_rows_are_left_out_or_subtracted_by_what_they_are_called(daily, propose, tmp_path, name, mark, sale, setting):
    proposal = propose(marked(daily(), name, mark, sale), tmp_path)
    assert proposal.settings["data"][setting] == {name: [mark]}
    assert name not in proposal.settings["data"]["keys"]
    (question,) = [question for question in proposal.questions if question.option == "unsold_rows"]
    assert f"whose {name} is {mark} are" in question.text
    assert proposal.taken("unsold_rows") == {"exclude": "exclude", "return_rows": "subtract"}[setting]


def test_the_option_says_otherwise(daily, propose, tmp_path):
    sales = marked(daily(), "status", "cancelled", "completed")
    assert "exclude" not in propose(sales, tmp_path, overrides={"unsold_rows": "keep"}).settings["data"]
    proposal = propose(sales, tmp_path, overrides={"unsold_rows": "subtract"})
    assert proposal.settings["data"]["return_rows"] == {"status": ["cancelled"]}
    assert proposal.settings["data"]["layout"] == "transactions"
    assert "unsold_rows" not in [question.option for question in proposal.questions]


def test_units_that_are_below_zero_need_no_mark(daily, propose, tmp_path):
    sales = marked(daily(), "kind", "Retoure", "Verkauf").with_columns(
        pl.when(pl.col("kind") == "Retoure").then(-pl.col("units")).otherwise(pl.col("units")).alias("units")
    )
    assert "return_rows" not in propose(sales, tmp_path).settings["data"]


def test_what_is_pending_counts_and_is_asked_about(daily, propose, tmp_path):
    proposal = propose(marked(daily(), "status", "pending", "paid"), tmp_path)
    assert "exclude" not in proposal.settings["data"]
    assert "whose status is pending are counted as sold" in " ".join(proposal.doubts)


@pytest.mark.parametrize("frame_of", [lambda flag: flag.cast(pl.Int8), lambda flag: flag])
def test_a_flag_of_cancelled_rows_leaves_them_out(daily, propose, tmp_path, frame_of):
    proposal = propose(daily().with_columns(frame_of(pl.col("units") == 1).alias("cancelled")), tmp_path)
    assert list(proposal.settings["data"]["exclude"]) == ["cancelled"]
    assert proposal.settings["data"]["exclude"]["cancelled"] in (["1"], ["true"])


def test_other_measures_of_a_wide_table_are_left_out(propose, tmp_path):
    months = [f"2023-{month:02d}" for month in range(1, 13)]
    rows = [(item, measure) for item in ("A", "B", "C") for measure in ("Units", "Revenue")]
    frame = pl.DataFrame(rows, schema=["item", "measure"], orient="row")
    sales = frame.with_columns(pl.lit(number).alias(name) for number, name in enumerate(months, 1))
    data = propose(sales, tmp_path).settings["data"]
    assert (data["layout"], data["keys"], data["exclude"]) == ("wide", ["item"], {"measure": ["Revenue"]})
