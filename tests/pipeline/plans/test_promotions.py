"""The plan of promotions of a project."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError, UsageError
from foresell.core.settings import Campaigns
from foresell.pipeline.plans import make_plan, promotions
from foresell.pipeline.plans.next_campaigns import _level, next_campaigns
from foresell.pipeline.plans.promotions import PromotionPlan
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def plan(priced: Project) -> PromotionPlan:
    return promotions.plan(priced, Campaigns())


def test_the_money_of_a_campaign_adds_up(plan: PromotionPlan) -> None:
    lines = plan.lines
    assert lines.columns[:3] == ["item", "date", "action"]
    own = lines["margin"] - lines["discount"] + lines["pulled_forward"]
    others = lines["money"] - own
    assert (others.abs() < 0.01 * lines["baseline"] * 100).all()
    assert ((lines["action"] == "promote") == (lines["money"] > 0)).all()  # without a budget
    assert (lines.filter(action="none")["binds"] == "loses money").all()
    assert (lines["money_low"] <= lines["money"]).all()


def test_all_numbers_are_finite_or_null(plan: PromotionPlan) -> None:
    for frame in (plan.lines, *plan.tables().values()):
        numbers = frame.select(pl.selectors.float().is_finite().all())
        assert all(value is not False for value in numbers.row(0))


def test_candidates_ahead_are_those_that_the_data_name(plan: PromotionPlan, priced: Project) -> None:
    panel = priced.results.panel
    ahead = panel.known["promotion"].on(slice(panel.n_days, panel.n_days + 14)) > 0
    promoted = set(panel.series["item"].to_numpy()[ahead.any(axis=1)])
    assert set(plan.lines["item"]) == promoted
    assert plan.lines["date"].min() > panel.cutoff


def test_a_budget_limits_what_is_spent(priced: Project, plan: PromotionPlan) -> None:
    everything = float(plan.lines.filter(action="promote")["cost"].sum())
    limited = promotions.plan(priced, Campaigns(budget=0.0))
    spent = float(limited.lines.filter(action="promote")["cost"].sum())
    assert spent == 0
    assert everything >= spent
    left = limited.lines.filter(binds="budget")
    assert (left["shadow_price"] >= 0).all()


def test_tables_of_the_past_go_with_it(plan: PromotionPlan) -> None:
    tables = plan.tables()
    assert set(tables) == {"campaigns", "items", "pairs"}
    campaigns = tables["campaigns"]
    np.testing.assert_allclose(
        campaigns["uplift_units"].fill_null(0), (campaigns["units"] - campaigns["baseline"]).fill_null(0)
    )
    assert (campaigns["first_date"] <= campaigns["last_date"]).all()
    assert set(tables["items"]["verdict"]) <= {"responds", "does not respond", "cannot be told"}
    assert tables["items"]["campaigns"].min() >= 1


def test_where_nothing_is_planned_each_item_may_have_a_campaign_like_its_past_ones(
    priced: Project,
) -> None:
    panel = priced.results.panel
    short = replace(panel, dates=panel.dates[: panel.n_days], known={
        name: replace(known, values=known.values[:, : panel.n_days]) for name, known in panel.known.items()
    })  # fmt: skip
    items = promotions.ItemHistory.of(short, priced.settings, None, None, 14)
    past = promotions.evaluate(
        promotions.Baseline.of(items.sales), np.full(16, 1.0), np.full(16, 2.0), 0.0, 0.9
    )  # fmt: skip
    mean = np.ones((panel.n_series, 14), np.float32)
    ahead = next_campaigns(short, items.sales.item, mean, np.full(panel.n_series, 2.0), past, 14)
    assert not ahead.planned
    assert set(ahead.item) == set(past.campaigns.item)
    assert (ahead.stop - ahead.first == 7).all()
    assert ahead.baseline == pytest.approx(14.0)  # two stores, a week
    assert ahead.after == pytest.approx(28.0)  # beyond the forecast as its mean


def test_the_baseline_ahead_leaves_promotions_out() -> None:
    mean = np.array([[1.0, 2, 50, 60, 1, 2]])
    promotion = np.array([[False, False, True, True, False, False]])
    assert _level(mean, promotion, 2).tolist() == [[1, 2, 1, 2, 1, 2]]
    assert _level(mean, np.ones_like(promotion), 2)[0] == pytest.approx(mean.mean())


@pytest.mark.parametrize("missing", ["promotion", "price"])
def test_without_promotions_or_prices_the_message_says_how_to_give_them(priced: Project, missing: str) -> None:
    panel = priced.results.panel
    without = replace(panel, known={name: known for name, known in panel.known.items() if name != missing})
    with pytest.raises(SettingsError, match=rf"'data\.{missing}'"):
        promotions._require(without)


def test_a_past_too_short_to_measure_is_said_to_be_so(priced: Project) -> None:
    panel = priced.results.panel.until(20)
    items = promotions.ItemHistory.of(panel, priced.settings, None, None, 14)
    price, cost, usual = np.full(16, 2.0), np.full(16, 1.0), np.full(panel.n_series, 2.0)
    past = promotions.evaluate(promotions.Baseline.of(items.sales), cost, price, 0.0, 0.9)
    ahead = next_campaigns(panel, items.sales.item, np.ones((panel.n_series, 14)), usual, past, 14)
    returns, choice = promotions._chosen(ahead, past, price, cost, Campaigns())
    text = " ".join(promotions._headline(past, ahead, choice, items, panel, Campaigns()))
    assert "cannot be measured" in text
    assert "nan" not in text
    assert not choice.chosen.any()
    nothing = np.zeros(16, bool)
    lines = promotions._lines(ahead, past, returns, choice, items, panel, nothing, Campaigns())
    assert lines["money"].is_null().all()
    assert lines["quantity"].is_null().all()
    assert set(lines["action"]) == {"undecided"}


def test_the_verb_knows_both_kinds_and_their_settings(priced: Project) -> None:
    with pytest.raises(UsageError, match="has no setting stock"):
        make_plan(priced, "promotions", stock="stock.csv")
