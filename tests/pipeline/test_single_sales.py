"""What `train` learns beside the series: single sales and daily revenue, from files to predictions."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from foresell.apps.cli.text import outcome_text
from foresell.core.errors import SettingsError, UsageError
from foresell.core.frequency import Frequency
from foresell.core.panel import Known
from foresell.core.settings import Transactions
from foresell.pipeline.project import Project
from foresell.pipeline.single_sales import REVENUE, TRANSACTIONS, of_daily, of_panel
from foresell.synth import make_retailer
from foresell.transactions.fitted import FittedTransactions
from foresell.transactions.revenue import DailyRevenue

DATA = {
    "sales": "../receipts/sales.csv", "layout": "transactions", "keys": ["store", "item"], "date": "time",
    "quantity": "quantity", "price": "price", "promotion": "promotion", "country": "US",
}  # fmt: skip


def settings(folder: Path, **transactions: object) -> Path:
    tree = {
        "data": DATA,
        "horizon": 7,
        "models": [{"name": "seasonal_naive"}],
        "backtest": {"windows": 2},
        "tracking": {"enabled": False},
        "transactions": {"target": "revenue", "models": ["forest"], **transactions},
    }
    folder.mkdir(exist_ok=True)
    (folder / "foresell.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def receipts(tmp_path_factory) -> Path:
    """A project over receipts, trained."""
    folder = tmp_path_factory.mktemp("tills")
    make_retailer(folder / "receipts", stores=2, items=8, days=240, transactions=True)
    Project(settings(folder / "shop")).run("train")
    return folder / "shop"


@pytest.fixture
def own(receipts, tmp_path) -> Path:
    """The same project, for one test to change."""
    shutil.copytree(receipts.parent, tmp_path / "tills")
    return tmp_path / "tills" / "shop"


def test_training_leaves_the_model_and_says_how_it_did(receipts):
    summary = json.loads((receipts / "results" / "train" / "summary.json").read_text())
    of = summary["transactions"]
    assert of["target"] == "revenue"
    assert of["inputs"] == ["time", "store", "item", "price", "promotion"]
    assert of["refused"] == {"line": "it identifies single sales", "quantity": "it is the quantity"}
    assert [row["model"] for row in of["scores"]] == ["forest", "mean by store x item", "median by store x item"]
    assert of["scores"][0]["r2"] > 0.3
    assert of["returned"] > 0
    fitted = FittedTransactions.load(receipts / "results" / "train" / TRANSACTIONS)
    sale = {"time": ["2026-01-05 10:00"], "store": ["S001"], "item": ["x"], "price": [2.0], "promotion": [0]}
    answer = fitted.predict(pl.DataFrame(sale))
    assert 2.0 <= answer["value"][0] <= 5.0  # one to two pieces of it, on average
    assert answer["assumed"].to_list() == [["item 'x' was not in the training sales: taken as any other"]]


def test_daily_revenue_goes_with_it(receipts):
    pytest.importorskip("statsforecast")
    revenue = DailyRevenue.load(receipts / "results" / "train" / REVENUE)
    assert revenue.cutoff == date(2025, 12, 28)
    forecast = revenue.forecast(revenue.first, revenue.first + timedelta(days=6), (0.05, 0.95))
    sales = pl.read_csv(receipts.parent / "receipts" / "sales.csv", try_parse_dates=True)
    by_day = sales.group_by(pl.col("time").dt.date()).agg((pl.col("quantity") * pl.col("price")).sum().alias("total"))
    lately = by_day.filter(pl.col("time") > date(2025, 11, 28))["total"]
    assert lately.quantile(0.1) < forecast["mean"].mean() < lately.quantile(0.9)


def test_the_printed_words_tell_what_was_learnt(receipts):
    outcome = Project(receipts).run("train")["train"]
    assert not outcome.done
    text = " ".join(outcome_text(outcome).split())
    assert "forest predicts revenue from time, store, item, price and promotion" in text
    assert "quantity (it is the quantity)" in text
    assert "mean by store x item" in text
    assert "daily revenue (the sum of revenue of all single sales)" in text


def test_training_is_done_again_when_what_is_asked_changes(own):
    project = Project(settings(own, inputs=["store", "item", "price"]))
    assert [name for name, outcome in project.run("train").items() if outcome.done] == ["train"]
    assert FittedTransactions.load(own / "results" / "train" / TRANSACTIONS).inputs == ["store", "item", "price"]


def test_the_units_sold_are_refused_unless_they_are_allowed(own):
    train = own / "results" / "train"
    without = FittedTransactions.load(train / TRANSACTIONS).about()["scores"][0]["r2"]
    kept = (train / "summary.json").read_text()
    with pytest.raises(SettingsError, match=r"'quantity' cannot be an input .* known only after the sale"):
        Project(settings(own, inputs=["item", "quantity"])).run("train")
    assert (train / "summary.json").read_text() == kept
    Project(settings(own, inputs=["price", "quantity"], allow=["quantity"])).run("train")
    about = FittedTransactions.load(train / TRANSACTIONS).about()
    assert about["inputs"] == ["price", "quantity"]
    assert about["scores"][0]["r2"] > without + 0.2  # it is price times quantity, after all


def test_a_project_without_single_sales_has_revenue_from_units_and_prices(done_shop):
    project = Project(done_shop)
    revenue = DailyRevenue.load(project.results.folder("train") / REVENUE)
    assert not (project.results.folder("train") / "transactions").exists()
    pytest.importorskip("statsforecast")
    assert revenue.of == "units times price of all series"
    assert revenue.first == project.panel.cutoff + timedelta(days=1)


def test_revenue_of_a_panel_worked_by_hand(make_panel, monkeypatch):
    panel = make_panel(n_days=60, gaps=False)
    price = np.full((8, 74), np.nan, np.float32)
    price[:, 10], price[0, 40] = 2.0, 5.0  # held on from then, and back to the beginning
    panel.known["price"] = Known.of_each(price)
    seen = {}
    monkeypatch.setattr("foresell.pipeline.single_sales.learn", lambda days, values, of, tell: seen.update(made=values))
    of_panel(panel)
    expected = panel.units.sum(axis=0) * 2.0 + np.where(np.arange(60) >= 40, panel.units[0] * 3.0, 0)
    assert seen["made"] == pytest.approx(expected)


def test_where_there_is_no_daily_revenue_it_is_said(make_panel):
    assert "by week" in of_panel(make_panel(n_days=60, frequency=Frequency.WEEK)).reason
    panel = make_panel(n_days=60)
    price = panel.known["price"].values.copy()
    price[0] = np.nan
    panel.known["price"] = Known.of_each(price)
    assert "of the units sold have a price" in of_panel(panel).reason
    del panel.known["price"]
    assert "no prices are known" in of_panel(panel).reason
    below = pl.DataFrame({"date": [date(2025, 1, day) for day in range(1, 31)], "total": [-1.0, 2.0] * 15})
    assert "below 0 on 15 of 30 days" in of_daily(below, Transactions(target="margin")).reason


def test_too_few_sales_stop_the_training(own):
    lines = (own.parent / "receipts" / "sales.csv").read_text().splitlines()[:50]
    (own / "few.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match="single sales on"):
        Project(settings(own, path="few.csv")).run("train")
