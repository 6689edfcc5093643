"""The plan of markdowns of a project."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError
from foresell.core.settings import Markdown
from foresell.decide.markdown.slow_movers import Stocks
from foresell.pipeline.plans import markdown
from foresell.pipeline.plans.markdown import MarkdownPlan
from foresell.pipeline.project import Project


def stock_of(project: Project, units: int) -> str:
    """A table with so many units on hand of every series."""
    keys = project.results.panel.series.select(project.results.panel.keys)
    keys.with_columns(on_hand=pl.lit(units)).write_csv(project.folder / f"stock_{units}.csv")
    return f"stock_{units}.csv"


@pytest.fixture(scope="module")
def plan(priced: Project) -> MarkdownPlan:
    return markdown.plan(priced, Markdown(stock=stock_of(priced, 900)))


def test_each_slow_mover_has_a_price_and_says_what_it_is_worth(plan: MarkdownPlan) -> None:
    lines = plan.lines
    assert lines.columns[:3] == ["store", "item", "date"]
    assert lines["weeks_of_stock"].fill_null(np.inf).min() > 12 or lines["left_if_kept"].min() >= 1
    lowered = lines.filter(action="reprice")
    assert lowered.height
    assert (lowered["new_price"] < lowered["price_now"]).all()
    assert (lowered["gain_low"] <= lowered["money"]).all()
    assert (lowered["elasticity_low"] > 0).all()
    assert lines["money"].drop_nulls().is_sorted(descending=True)
    assert plan.worth_showing().height == lowered.height


def test_all_numbers_are_finite_or_null_also_where_nothing_is_forecast(plan: MarkdownPlan) -> None:
    assert plan.lines["weeks_of_stock"].is_null().any()  # an item whose demand has ended
    for frame in (plan.lines, *plan.tables().values()):
        numbers = frame.select(pl.selectors.float().is_finite().all())
        assert all(value is not False for value in numbers.row(0))


def test_what_is_assumed_stands_in_every_line(plan: MarkdownPlan) -> None:
    assert plan.lines["assumed"].str.contains("salvage").all()
    assert plan.lines["assumed"].str.contains("days_left").all()
    assert not plan.lines["assumed"].str.contains("unit_cost").any()  # the table of terms has it


def test_where_no_response_is_seen_the_price_stays_and_the_finding_says_so(plan: MarkdownPlan) -> None:
    unseen = plan.lines.filter(binds="no price response")
    assert unseen["quantity"].is_null().all()
    assert (unseen["action"] == "undecided").all()
    counts = [finding.count for finding in plan.findings if finding.code == "price-response-unseen"]
    assert counts == ([unseen.height] if unseen.height else [])
    assert set(plan.tables()["response"]["seen_in"]) <= {"item", "group", "none"}


def test_days_left_and_salvage_are_read(priced: Project) -> None:
    (priced.folder / "clearance.csv").write_text("days_left,salvage\n28,0.5\n")
    plan = markdown.plan(priced, Markdown(stock=stock_of(priced, 900), clearance="clearance.csv"))
    assert (plan.lines["weeks_left"] == 4).all()
    assert not plan.lines["assumed"].str.contains("salvage").any()
    (priced.folder / "clearance.csv").write_text("days_left,salvage\n10,0.5\n")
    short = markdown.plan(priced, Markdown(stock=stock_of(priced, 900), clearance="clearance.csv")).lines
    np.testing.assert_allclose(short["weeks_left"], 10 / 7)
    both = short.join(plan.lines, on=["store", "item"], suffix="_28")
    assert (both["left_if_kept"] >= both["left_if_kept_28"]).all()
    np.testing.assert_allclose(both["demand"], both["demand_28"])
    (priced.folder / "clearance.csv").write_text("days_left,salvage\n-1,0.5\n")
    wrong = markdown.plan(priced, Markdown(stock=stock_of(priced, 900), clearance="clearance.csv"))
    assert wrong.lines.height == 0
    assert "markdown-terms-invalid" in {finding.code for finding in wrong.findings}


def test_little_stock_is_no_slow_mover(priced: Project) -> None:
    plan = markdown.plan(priced, Markdown(stock=stock_of(priced, 0)))
    assert plan.lines.is_empty()
    assert plan.is_decided
    assert "No stock lasts longer than 12 weeks" in plan.headline[0]


def test_a_person_may_set_another_price(plan: MarkdownPlan) -> None:
    changed = plan.with_quantities(plan.lines["price_now"].to_numpy() * 0.5).lines
    assert (changed["action"] == "reprice").all()
    sold = np.minimum(changed["on_hand"], changed["demand"])
    np.testing.assert_allclose(changed["cost"], changed["price_now"] * 0.5 * sold)
    kept = plan.with_quantities(plan.lines["price_now"].to_numpy()).lines
    assert (kept.filter(pl.col("binds") != "no price response")["cost"].abs() < 1e-9).all()


def test_without_stock_or_prices_the_message_says_what_is_missing(
    priced: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"'orders\.stock'"):
        markdown.plan(priced, Markdown())
    panel = priced.results.panel
    without = replace(panel, known={name: known for name, known in panel.known.items() if name != "price"})
    monkeypatch.setattr("foresell.pipeline.results.load_panel", lambda path: without)
    with pytest.raises(SettingsError, match=r"'data\.price'"):
        markdown.plan(Project(priced.folder), Markdown(stock=stock_of(priced, 5)))


@pytest.mark.parametrize(("item", "group", "message"), [(("colour",), None, "no key"), (None, "size", "'group'")])
def test_columns_that_do_not_fit_are_refused(
    priced: Project, item: tuple[str, ...] | None, group: str | None, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        markdown.plan(priced, Markdown(stock=stock_of(priced, 5), item=item, group=group))


def test_what_is_left_out_is_counted_by_its_reason() -> None:
    one = np.ones(6)
    on_hand = np.array([np.nan, -1, 0, 5, 5, 5])
    price, demand = np.array([1.0, 1, 1, 0, 1, 1]), np.ones((6, 2))
    demand[4] = np.nan
    stocks = Stocks(np.nan_to_num(on_hand), price, demand, one, one, one, one, one, one)
    sentences = markdown._left_out(on_hand, stocks)
    assert [sentence.split(" left out, because ")[1] for sentence in sentences] == [
        "the table of stock has no row for them.",
        "their stock is below 0.",
        "there is no stock of them.",
        "the sales have no price of them.",
        "there is no forecast for them.",
    ]
    assert all(sentence.startswith("1 series is") for sentence in sentences)


def test_each_slow_mover_that_keeps_its_price_is_counted_with_the_reason(plan: MarkdownPlan) -> None:
    kept = [sentence for sentence in plan.headline if " the price, because " in sentence]
    counts = [int(sentence.split(" ")[0].replace(",", "")) for sentence in kept]
    assert sum(counts) == plan.lines.filter(pl.col("action") != "reprice").height


def test_periods_longer_than_a_week_are_periods_of_the_decision() -> None:
    mean = np.arange(12.0).reshape(2, 6)
    assert markdown._demand(mean, 1, 8).tolist()[0] == [0, 1, 2, 3, 4, 5, 3.5, 3.5]
    assert markdown._demand(mean, 2, 3).tolist()[0] == [1, 5, 9]
    assert markdown._demand(mean, 7, 2).tolist()[0] == [17.5, 17.5]
