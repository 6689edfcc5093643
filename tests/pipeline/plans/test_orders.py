"""The plan of orders of a project."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from foresell.core.errors import SettingsError
from foresell.core.settings import OrderTables
from foresell.decide import replay
from foresell.decide.cost_curve import CURVE
from foresell.decide.order_plan import REASONS
from foresell.decide.replay import LedgerSums, Window
from foresell.decide.stock.contract import Policy
from foresell.decide.terms import terms_of
from foresell.pipeline.plans import kept_past, order_contest, orders
from foresell.pipeline.plans.order_contest import COMPETING, past_windows
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose backtest has three windows, two of which can be played again."""
    folder = tmp_path_factory.mktemp("ordering")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    path = folder / "shop" / "foresell.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["backtest"] = {**tree["backtest"], "windows": 3}
    path.write_text(yaml.safe_dump(tree))
    return Project(folder / "shop")


@pytest.fixture
def tables(project: Project) -> OrderTables:
    """Ten units on hand of every series, five on order for the day after the cutoff, a lead time of two days."""
    keys = project.panel.series.select(project.panel.keys)
    keys.with_columns(on_hand=pl.lit(10)).write_csv(project.folder / "stock.csv")
    due = project.panel.ahead(2)[1]
    keys.with_columns(due=pl.lit(due), units=pl.lit(5)).write_csv(project.folder / "orders.csv")
    (project.folder / "terms.csv").write_text("lead_days,review_days,pack\n2,3,4\n")
    return OrderTables(stock="stock.csv", open_orders="orders.csv", terms="terms.csv")


def test_a_plan_has_a_line_for_each_series_whose_reasons_add_up(project: Project, tables: OrderTables) -> None:
    plan = orders.plan(project, tables)
    table = plan.lines
    assert table.height == project.panel.n_series
    assert plan.has_stock
    total = sum(table[name].to_numpy() * (-1 if name in ("on_hand", "on_order") else 1) for name in REASONS)
    np.testing.assert_allclose(total, table["units"], atol=1e-2)
    assert (table["on_hand"] == 10).all()
    assert (table["on_order"] == 5).all()
    assert (table["units"] % 4 == 0).all()
    assert (table["units"] > 0).any()
    assert table["gain"].is_sorted(descending=True)
    assert table["arrives"].unique().to_list() == [project.panel.ahead(3)[2].item()]


def test_the_policy_is_the_winner_of_the_past_or_normal_safety_stock(project: Project, tables: OrderTables) -> None:
    plan = orders.plan(project, tables)
    assert plan.contest is not None
    assert plan.policy == plan.contest.winner.name
    assert "normal safety stock" in plan.why
    curve = plan.tables()["curve"]
    assert curve["fractile"].is_sorted()
    assert any(line.startswith("In these windows it reached a fill rate of") for line in plan.headline)


def test_a_named_policy_needs_no_contest(project: Project, tables: OrderTables) -> None:
    from msgspec.structs import replace

    plan = orders.plan(project, replace(tables, policy="lost_sales"))
    assert plan.contest is None
    assert plan.tables() == {}
    assert plan.policy == "paths, lost sales, critical fractile"
    with pytest.raises(SettingsError, match="one of normal, own_history, fractile, lost_sales, projected_stock"):
        orders.plan(project, replace(tables, policy="magic"))
    with pytest.raises(SettingsError, match=r"'orders.least_fill' 0.9; expected one of them"):
        orders.plan(project, replace(tables, policy="lost_sales", least_fill=0.9))
    filled = orders.plan(project, replace(tables, least_fill=0.9))
    assert filled.contest is not None
    assert filled.contest.least_fill == 0.9


def test_without_stock_there_are_targets_and_no_orders(project: Project) -> None:
    (project.folder / "terms.csv").write_text("lead_days\n2\n")
    plan = orders.plan(project, OrderTables(terms="terms.csv", policy="fractile"))
    assert not plan.has_stock
    assert plan.lines["units"].null_count() == plan.lines.height
    assert (plan.lines["target"] > 0).any()


def test_what_was_not_given_is_marked_and_the_decisive_assumption_named(project: Project) -> None:
    (project.folder / "terms.csv").write_text("lead_days,pack,holding_share_year\n2,1,6000 %\n")
    plan = orders.plan(project, OrderTables(terms="terms.csv", policy="fractile"))
    marked = set(plan.lines["assumed"].unique().item().split(", "))
    assert marked >= {"unit_cost", "lost_margin", "review_days"}
    assert not marked & {"lead_days", "pack", "holding_share_year"}
    assert plan.decisive is not None
    term, change = plan.decisive
    assert term == "lost_margin"
    assert 0 < change < 0.25


def test_an_assumed_lead_time_beyond_the_forecast_orders_nothing_and_says_so(project: Project) -> None:
    plan = orders.plan(project, OrderTables(policy="fractile"))  # 7 days and one to the next order; 7 are forecast
    assert plan.lines["target"].null_count() == plan.lines.height
    assert [finding.code for finding in plan.findings] == ["lead-time-beyond-horizon"]
    assert "lead_days" in plan.lines["assumed"][0]


def test_series_without_stock_are_not_ordered(project: Project, tables: OrderTables) -> None:
    stock = pl.read_csv(project.folder / "stock.csv")
    stock.head(stock.height - 2).write_csv(project.folder / "stock.csv")
    plan = orders.plan(project, tables)
    assert plan.lines["units"].null_count() == 2
    assert [(finding.code, finding.count) for finding in plan.findings] == [("stock-unknown", 2)]


def test_a_review_time_of_nothing_is_a_finding_of_these_series_alone(project: Project, tables: OrderTables) -> None:
    rows = [f"{name},2,{0 if number == 0 else 3}" for number, name in enumerate(project.panel.series["item"].unique())]
    (project.folder / "terms.csv").write_text("\n".join(["item,lead_days,review_days", *rows]))
    plan = orders.plan(project, tables)
    assert [(finding.code, finding.count) for finding in plan.findings] == [("lead-time-invalid", 2)]  # in both stores
    assert plan.contest is not None


def test_terms_that_cannot_be_leave_out_their_series_alone(project: Project, tables: OrderTables) -> None:
    wrong = ["0.5,,,2", "5,0,,2", "5,,?,2", ",,,-1", "5,,,many"]
    rows = [
        f"{name},3,{wrong[number] if number < len(wrong) else '5,,,2'}"
        for number, name in enumerate(project.panel.series["item"].unique().sort())
    ]
    (project.folder / "terms.csv").write_text(
        "\n".join(["item,review_days,shelf_days,price,unit_cost,lead_days", *rows])
    )
    plan = orders.plan(project, tables)
    undecided = plan.lines.filter(pl.col("units").is_null())["item"].unique().sort()
    assert undecided.to_list() == project.panel.series["item"].unique().sort()[: len(wrong)].to_list()
    codes = {finding.code for finding in plan.findings}
    assert codes >= {"pack-invalid", "cost-invalid", "lead-time-invalid", "unparsable-numbers"}
    assert plan.contest is not None


def test_lead_times_are_learnt_from_receipts_and_their_spread_raises_safety_stock(
    project: Project, tables: OrderTables
) -> None:
    from msgspec.structs import replace

    items = project.panel.series["item"].unique().sort().to_list()
    days = [f"{item},2026-01-01,2026-01-{1 + lead:02d}" for item in items for lead in (1, 1, 2, 2, 2, 2, 3, 3)]
    (project.folder / "receipts.csv").write_text("\n".join(["item,ordered,received", *days]))
    (project.folder / "plain.csv").write_text("review_days,pack\n3,1\n")
    known = replace(tables, terms="plain.csv", policy="lost_sales")
    plan = orders.plan(project, replace(known, receipts="receipts.csv"))
    np.testing.assert_allclose(plan.lines["lead_mean"], 2.0)
    np.testing.assert_allclose(plan.lines["lead_deviation"], 0.5**0.5)
    assert (plan.lines["receipts"] >= 8).all()
    assert not plan.lines["assumed"].str.contains("lead_days").any()
    assert any("Lead times are drawn as the receipts spread" in sentence for sentence in plan.headline)
    (project.folder / "plain.csv").write_text("review_days,pack,lead_days\n3,1,2\n")
    without = orders.plan(project, known)
    assert plan.lines["safety_stock"].sum() > without.lines["safety_stock"].sum()


def test_goods_that_are_sold_at_a_loss_are_named(project: Project, tables: OrderTables) -> None:
    item = project.panel.series["item"][0]
    rows = [f"{name},2,3,{'1e6' if name == item else ''}" for name in project.panel.series["item"].unique()]
    (project.folder / "terms.csv").write_text("\n".join(["item,lead_days,review_days,unit_cost", *rows]))
    plan = orders.plan(project, tables)
    assert [(finding.code, finding.count) for finding in plan.findings] == [("margin-none", 2)]  # in both stores
    assert (plan.lines.filter(pl.col("item") == item)["units"] == 0).all()


def test_blocks_of_series_make_the_same_plan(
    project: Project, tables: OrderTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    from msgspec.structs import replace

    named = replace(tables, policy="lost_sales")
    whole = orders.plan(project, named).lines
    monkeypatch.setattr(orders, "BLOCK", 5)
    assert orders.plan(project, named).lines.equals(whole)


def test_a_second_plan_replays_only_what_is_new(
    project: Project, tables: OrderTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    from msgspec.structs import replace

    shutil.rmtree(project.results.root / kept_past.FOLDER, ignore_errors=True)
    played = list[int]()

    def counted(policies: Sequence[Policy], window: Window) -> list[LedgerSums]:
        played.append(len(policies))
        return replay.played(policies, window)

    monkeypatch.setattr(kept_past, "played", counted)
    first = orders.plan(project, tables)
    assert sum(played) > 20
    played.clear()
    again, budget = orders.plan(project, tables), orders.plan(project, replace(tables, budget=100.0))
    assert played == []
    assert again.lines.equals(first.lines)
    assert again.details() == first.details()
    assert budget.contest is not None
    assert budget.contest.to_frame().equals(first.contest.to_frame())  # type: ignore[union-attr]
    service = replace(tables, service=0.9)
    of_service = orders.plan(project, service)
    assert 0 < sum(played) <= 2 * len(COMPETING) + len(CURVE)
    for file in (project.results.root / kept_past.FOLDER).iterdir():
        file.write_bytes(b"damaged")
    assert orders.plan(project, service).lines.equals(of_service.lines)


def test_past_windows_do_not_see_what_came_after_them(project: Project) -> None:
    project.run("forecast")
    results = project.results
    terms = terms_of(np.ones(results.panel.n_series), results.panel.frequency, lead_days=2, review_days=3)
    windows = list(past_windows(results, terms))
    assert len(windows) == 2
    for window in windows:
        cutoff = np.datetime64(window.label)
        first = results.panel.day_of(cutoff) + 1
        horizon = results.settings.horizon
        np.testing.assert_array_equal(window.demand, results.panel.units[:, first : first + horizon])
        assert window.paths(0).shape == (order_contest.PATHS_OF_CONTEST, results.panel.n_series, 5)


def test_the_newest_windows_are_played(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    results = project.results
    terms = terms_of(np.ones(results.panel.n_series), results.panel.frequency, lead_days=2, review_days=3)
    newest = [window.label for window in past_windows(results, terms)][-1:]
    monkeypatch.setattr(order_contest, "MOST_WINDOWS", 1)
    assert [window.label for window in past_windows(results, terms)] == newest


def test_fresh_goods_are_ordered_by_lots_and_shelf_life(project: Project, tables: OrderTables) -> None:
    """Ten units each, of which eight expire on the first day ahead; one lot of the first series has expired."""
    from msgspec.structs import replace

    ahead = project.panel.ahead(3)
    keys = project.panel.series.select(project.panel.keys)
    lots = [
        keys.with_columns(expires=pl.lit(day), units=pl.lit(units)) for day, units in ((ahead[0], 8), (ahead[2], 2))
    ]
    old = keys[:1].with_columns(expires=pl.lit(project.panel.cutoff), units=pl.lit(1))
    pl.concat([*lots, old]).write_csv(project.folder / "lots.csv")
    (project.folder / "terms.csv").write_text("lead_days,review_days,pack,shelf_days,waste_cost\n2,3,1,4,5\n")
    perishable = replace(tables, policy="perishable")
    keys.with_columns(expires=pl.lit(ahead[2]), units=pl.lit(10)).write_csv(project.folder / "fresh.csv")
    fresh, by_lot = (orders.plan(project, replace(perishable, lots=name)) for name in ("fresh.csv", "lots.csv"))
    assert by_lot.lines["on_hand"].unique().to_list() == [10]
    assert sorted(finding.code for finding in by_lot.findings) == ["lots-differ", "lots-expired"]
    assert by_lot.lines["quantity"].sum() > fresh.lines["quantity"].sum()  # what expires does not meet the demand
    assert "waste_cost" not in by_lot.lines["assumed"][0]
    with pytest.raises(SettingsError, match="stock on hand of the other series"):
        orders.plan(project, replace(perishable, lots="lots.csv", stock=None, policy=None))
    (project.folder / "terms.csv").write_text("lead_days,review_days\n2,3\n")
    with pytest.raises(SettingsError, match="no shelf life"):
        orders.plan(project, replace(perishable, lots="lots.csv"))


def test_a_fixed_cost_makes_orders_rarer_and_larger(project: Project, tables: OrderTables) -> None:
    from msgspec.structs import replace

    lines = {}
    for cost in (0, 3):
        (project.folder / "terms.csv").write_text(f"lead_days,review_days,order_cost\n2,1,{cost}\n")
        lines[cost] = orders.plan(project, replace(tables, policy="fixed_cost")).lines.filter(pl.col("quantity") > 0)
    assert 0 < lines[3].height <= lines[0].height
    assert lines[3]["quantity"].mean() > lines[0]["quantity"].mean()
