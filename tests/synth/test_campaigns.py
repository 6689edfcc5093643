"""What promotions do in a sample retailer, and that the truth says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.synth import SampleFiles, make_retailer
from foresell.synth.assortment import RetailerPlan, make_items, make_stores
from foresell.synth.demand import Block, blocks
from foresell.synth.item_roles import TURNS, UNMOVED, relations_of
from foresell.synth.market import CATEGORIES

KEYS = ["store", "item"]


def block_of(item_roles: bool, items: int = 40) -> Block:
    plan = RetailerPlan(2, items, 400, date(2025, 12, 28), item_roles=item_roles)
    return next(blocks(plan, make_stores(plan), 10**8))


def test_the_uplift_of_a_campaign_is_that_of_its_cut_and_its_display(retailer: SampleFiles, series: pl.DataFrame):
    truth = pl.read_parquet(retailer.truth["campaigns"]).join(series, on=KEYS)
    one_week = (pl.col("last_date") - pl.col("first_date")).dt.total_days() < 7  # no list price changes within
    truth = truth.filter(one_week)
    uplift = (1 - truth["cut"]) ** -truth["elasticity"] * (1 + truth["promotion_uplift"]) - 1
    assert (uplift - truth["uplift"]).abs().max() < 0.002  # the cut is rounded
    assert (truth["gained"] - truth["uplift"] * truth["baseline"]).abs().max() < 1e-6


def test_a_campaign_is_a_run_of_days_on_promotion(retailer: SampleFiles, sales: pl.DataFrame):
    truth = pl.read_parquet(retailer.truth["campaigns"])
    days = truth.select(((pl.col("last_date") - pl.col("first_date")).dt.total_days() + 1).sum()).item()
    assert days == sales["promotion"].sum()


def test_pull_forward_is_the_dip_until_the_next_campaign(retailer: SampleFiles, series: pl.DataFrame):
    truth = pl.read_parquet(retailer.truth["campaigns"]).join(series, on=KEYS)
    assert truth["pulled_forward"].min() >= 0
    with_dip = truth.filter(pl.col("last_date") < date(2025, 12, 1))
    assert (with_dip["pulled_forward"] > 0).mean() > 0.95


def test_without_roles_nothing_changes_and_no_relation_is_written(tmp_path: Path, retailer: SampleFiles):
    assert "relations" not in retailer.truth
    plain, roles = block_of(False), block_of(True)
    changed = (plain.demand != roles.demand).any(axis=1)
    role = plain.item // len(CATEGORIES) % TURNS
    assert not changed[np.isin(role, (0, 2))].any()
    assert changed[role == UNMOVED].any()


def test_items_that_do_not_answer_have_no_uplift(tmp_path: Path):
    files = make_retailer(tmp_path, stores=1, items=40, days=200, item_roles=True, format="parquet")
    series = pl.read_parquet(files.truth["series"])
    unmoved = series.filter(pl.col("elasticity") == 0)
    assert unmoved.height == 8
    truth = pl.read_parquet(files.truth["campaigns"]).join(unmoved, on=KEYS, how="semi")
    assert truth.height
    assert truth["uplift"].abs().max() < 1e-6


def test_a_related_item_moves_while_the_other_one_is_promoted():
    plain, roles = block_of(False), block_of(True)
    relations = relations_of(roles.plan, roles.items.numbers)
    assert len(relations.item)
    assert {*np.sign(relations.effect)} == {-1, 1}
    for item, other, effect in zip(relations.item, relations.other, relations.effect, strict=True):
        rows, of_other = np.flatnonzero(plain.item == item), np.flatnonzero(plain.item == other)[0]
        listed = plain.on_sale[of_other] if plain.items.begin[other] or plain.stores.begin[0] == 0 else True
        ratio = roles.expected[rows[0]] / plain.expected[rows[0]]
        active = roles.promotion[of_other] & listed
        assert ratio[active] == pytest.approx(1 + effect, rel=1e-5)
        assert ratio[~active] == pytest.approx(1.0, rel=1e-5)


def test_relations_do_not_depend_on_the_size_or_the_blocks(tmp_path: Path):
    few = make_retailer(tmp_path / "few", stores=1, items=24, days=120, item_roles=True, format="parquet")
    many = make_retailer(
        tmp_path / "many", stores=1, items=40, days=120, item_roles=True, format="parquet", block_rows=2000
    )
    both = [pl.read_parquet(files.sales) for files in (few, many)]
    assert_frame_equal(both[0], both[1].join(both[0].select(KEYS).unique(), on=KEYS, how="semi"))
    relations = [pl.read_parquet(files.truth["relations"]) for files in (few, many)]
    assert_frame_equal(relations[0], relations[1].head(relations[0].height))


def test_the_plan_has_the_same_items_with_roles_in_every_range():
    plan = RetailerPlan(1, 60, 120, date(2025, 12, 28), item_roles=True)
    assert (make_items(plan, 10, 20).level == make_items(plan, 0, 60).level[10:20]).all()
