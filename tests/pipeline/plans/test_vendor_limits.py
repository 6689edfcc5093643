"""Orders of a project within the terms of its vendors and a budget."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace

from foresell.core.errors import SettingsError
from foresell.core.settings import OrderTables
from foresell.decide.order_plan import REASONS
from foresell.pipeline.plans import orders
from foresell.pipeline.plans.orders import OrderPlan
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose series have a stock, a vendor and a price."""
    folder = tmp_path_factory.mktemp("limits")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    project = Project(folder / "shop")
    keys = project.panel.series.select(project.panel.keys)
    keys.with_columns(on_hand=pl.lit(2)).write_csv(project.folder / "stock.csv")
    number = pl.int_range(pl.len()) % 3
    keys.with_columns(
        vendor=pl.when(number == 0).then(pl.lit("A")).when(number == 1).then(pl.lit("B")).otherwise(pl.lit("")),
        price=pl.lit(10.0), unit_cost=pl.lit(5.0), lead_days=pl.lit(2), review_days=pl.lit(3), pack=pl.lit(2),
        unit_weight=pl.lit(0.5),
    ).write_csv(project.folder / "terms.csv")  # fmt: skip
    return project


def planned(project: Project, vendors: str = "", **changes: Any) -> OrderPlan:
    tables = OrderTables(stock="stock.csv", terms="terms.csv", policy="lost_sales")
    if vendors:
        (project.folder / "vendors.csv").write_text(vendors)
        tables = replace(tables, vendors="vendors.csv")
    return orders.plan(project, replace(tables, **changes))


def of_vendor(project: Project, plan: OrderPlan, name: str) -> pl.DataFrame:
    terms = pl.read_csv(project.folder / "terms.csv", infer_schema=False)
    keys = list(project.panel.keys)
    lines = plan.lines.with_columns(pl.col(key).cast(pl.String) for key in keys)
    return lines.join(terms.filter(pl.col("vendor") == name).select(keys), on=keys)


def check_reasons(plan: OrderPlan) -> None:
    decided = plan.lines.drop_nulls("units")
    total = sum(decided[name].to_numpy() * (-1 if name in ("on_hand", "on_order") else 1) for name in REASONS)
    np.testing.assert_allclose(total, decided["units"], atol=1e-2)


def test_a_minimum_raises_the_order_of_its_vendor_and_says_so(project: Project) -> None:
    usual = planned(project)
    money = float(of_vendor(project, usual, "A")["cost"].sum())
    plan = planned(project, f"vendor,minimum_money\nA,{money + 100}\nB,\n")
    raised = of_vendor(project, plan, "A")
    assert money + 100 <= raised["cost"].sum() <= money + 110
    assert (raised["vendor_minimum"] >= 0).all()
    assert raised["binds"].str.contains("vendor_minimum").any()
    assert (raised.filter(pl.col("binds") == "vendor_minimum")["shadow_price"] > 0).all()
    assert raised.filter(pl.col("vendor_minimum") > 0)["reason"].str.contains("vendor minimum").all()
    assert any("from A is raised to reach its minimum" in sentence for sentence in plan.headline)
    check_reasons(plan)
    same = of_vendor(project, plan, "B").sort(project.panel.keys)["units"]
    assert same.equals(of_vendor(project, usual, "B").sort(project.panel.keys)["units"])


def test_a_budget_is_kept_and_has_a_price(project: Project) -> None:
    usual = planned(project)
    money = float(usual.lines["cost"].sum())
    plan = planned(project, budget=money / 2)
    assert money / 2 - 10 <= plan.lines["cost"].sum() <= money / 2
    assert (plan.lines["budget"] <= 0).all()
    assert plan.lines["money"].sum() > usual.lines["money"].sum() / 2
    assert plan.limited is not None
    assert plan.limited.joint.price > 0
    assert plan.details()["limits"]["price_of_money"] > 0
    assert plan.shown[-3:] == ("budget", "value", "gain")
    assert any("binds" in sentence and "one more unit of money would gain" in sentence for sentence in plan.headline)
    check_reasons(plan)
    ample = planned(project, budget=10 * money)
    assert ample.lines.drop("binds").equals(usual.lines.drop("binds"))


def test_trucks_by_weight_are_filled_and_what_is_assumed_is_named(project: Project) -> None:
    plan = planned(project, "vendor,truck_weight\nA,40\nB,\n")
    lines = of_vendor(project, plan, "A")
    load = float(lines["units"].sum()) / 2
    trucks = np.ceil(load / 40)
    assert load >= (trucks - 0.1) * 40
    assert lines["assumed"].str.contains("truck_fill").all()
    assert not of_vendor(project, plan, "B")["assumed"].str.contains("truck_fill").any()
    check_reasons(plan)


def test_price_breaks_lower_the_cost(project: Project) -> None:
    usual = of_vendor(project, planned(project), "A")
    money = float(usual["cost"].sum())
    (project.folder / "breaks.csv").write_text(
        f"vendor,from_money,discount\nA,{money * 0.9},0.1\nA,{money * 40},0.11\n"
    )
    plan = planned(project, price_breaks="breaks.csv")
    lines = of_vendor(project, plan, "A")
    assert lines["cost"].sum() == pytest.approx(0.9 * 5 * lines["units"].sum())
    # The next order has the discount too, so that nothing is bought before its time for it.
    assert lines.sort(project.panel.keys)["units"].equals(usual.sort(project.panel.keys)["units"])
    check_reasons(plan)


def test_a_break_within_reach_is_reached_and_no_more_is_bought(project: Project) -> None:
    money = float(of_vendor(project, planned(project), "A")["cost"].sum())
    (project.folder / "breaks.csv").write_text(f"vendor,from_money,discount\nA,{money * 1.2},0.1\n")
    plan = planned(project, price_breaks="breaks.csv")
    lines = of_vendor(project, plan, "A")
    assert money * 1.2 <= 5 * lines["units"].sum() <= money * 1.2 + 10
    assert any("from A is raised to reach a price break" in sentence for sentence in plan.headline)


def test_a_column_of_a_vendors_table_is_not_that_of_the_series(project: Project) -> None:
    """The stores have a column `kind` too."""
    assert "kind" in project.panel.series.columns
    (project.folder / "breaks.csv").write_text("vendor,from_money,discount,kind\nA,10,0.1,all_units\nC,9,0.1,\n")
    plan = planned(project, price_breaks="breaks.csv")
    lines = of_vendor(project, plan, "A")
    assert lines["cost"].sum() == pytest.approx(0.9 * 5 * lines["units"].sum())
    [finding] = [each for each in plan.findings if each.code == "supply-unmatched"]
    assert finding.examples == ("C",)


@pytest.mark.parametrize(
    ("vendors", "code", "vendor"),
    [
        ("vendor,minimum_money\nB,10\n", "vendor-unknown", "A"),
        ("vendor,minimum_money\nA,-10\nB,\n", "vendor-invalid", "A"),
        ("vendor,minimum_money\nA,5\nB,\nA,6\n", "vendor-invalid", "A"),
        ("vendor,minimum_money\nA,much\nB,\n", "vendor-invalid", "A"),
        ("vendor,truck_volume\nA,10\nB,\n", "unit-load-unknown", "A"),
    ],
)
def test_what_is_wrong_with_a_vendor_has_one_finding_and_no_orders(
    project: Project, vendors: str, code: str, vendor: str
) -> None:
    plan = planned(project, vendors)
    assert [finding.code for finding in plan.findings].count(code) == 1
    assert of_vendor(project, plan, vendor)["units"].null_count() == of_vendor(project, plan, vendor).height
    assert of_vendor(project, plan, "B")["units"].null_count() == 0
    assert (of_vendor(project, plan, vendor)["action"] == "undecided").all()


@pytest.mark.parametrize("budget", [-5.0, float("nan"), 0.5])
def test_a_budget_that_cannot_be_has_one_finding_and_no_orders(project: Project, budget: float) -> None:
    plan = planned(project, budget=budget)
    assert [finding.code for finding in plan.findings].count("budget-infeasible") == 1
    assert plan.lines["units"].sum() == 0


def test_a_minimum_that_does_not_pay_is_named(project: Project) -> None:
    plan = planned(project, "vendor,minimum_money\nA,1000000\nB,\n")
    assert of_vendor(project, plan, "A")["units"].sum() == 0
    [finding] = [each for each in plan.findings if each.code == "vendor-order-unprofitable"]
    assert finding.examples == ("A (vendor minimum)",)
    check_reasons(plan)


def test_terms_may_be_for_each_store(project: Project) -> None:
    key = next(name for name in project.panel.keys if name != "item")
    stores = project.panel.series[key].cast(pl.String).unique().sort().to_list()
    rows = "".join(
        f"{store},{vendor},{'1000000' if store == stores[0] else ''}\n" for store in stores for vendor in "AB"
    )
    plan = planned(project, f"{key},vendor,minimum_money\n{rows}")
    lines = of_vendor(project, plan, "A")
    assert lines.filter(pl.col(key) == stores[0])["units"].sum() == 0
    if len(stores) > 1:
        assert lines.filter(pl.col(key) != stores[0])["units"].sum() > 0


def test_tables_that_do_not_fit_are_refused(project: Project) -> None:
    with pytest.raises(SettingsError, match="no term of vendors"):
        planned(project, "vendor,minimal\nA,5\n")
    (project.folder / "plain.csv").write_text("lead_days\n2\n")
    with pytest.raises(SettingsError, match="the series have none"):
        planned(project, "vendor,minimum_money\nA,5\n", terms="plain.csv")
