"""The verb `plan`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.pipeline.project import Project


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def stock(done_shop: Path, tmp_path: Path) -> Path:
    panel = Project(done_shop).panel
    path = tmp_path / "counted.csv"
    panel.series.select(panel.keys).with_columns(on_hand=pl.lit(3)).write_csv(path)
    return path


def test_the_plan_is_printed_and_written(done_shop: Path, stock: Path) -> None:
    shown = run("plan", done_shop, "--stock", stock)
    assert shown.exit_code == 0, shown.output
    assert "to order" in shown.stdout
    assert "Assumed where not given" in shown.stdout
    written = pl.read_csv(done_shop / "results" / "plan" / "orders.csv")
    assert written.height == Project(done_shop).panel.n_series
    assert pl.read_parquet(done_shop / "results" / "plan" / "orders.parquet").height == written.height


def test_the_plan_as_json(done_shop: Path, stock: Path, tmp_path: Path) -> None:
    shown = run("plan", done_shop, "--stock", stock, "--policy", "fractile", "--out", tmp_path / "o.csv", "--json")
    assert shown.exit_code == 0, shown.output
    plan = json.loads(shown.stdout)
    assert plan["policy"] == "calibrated fractile, critical fractile"
    assert len(plan["orders"]) == Project(done_shop).panel.n_series
    assert (tmp_path / "o.csv").exists()
    assert not (done_shop / "results" / "plan").exists()


def test_without_stock_it_says_how_to_give_it(done_shop: Path) -> None:
    shown = run("plan", done_shop)
    assert shown.exit_code == 0, shown.output
    assert "--stock" in shown.stdout
    assert "Targets for" in shown.stdout


def test_the_tables_of_the_settings_are_used(done_shop: Path, stock: Path) -> None:
    text = (done_shop / "foresell.yaml").read_text()
    (done_shop / "foresell.yaml").write_text(text + f"\norders: {{stock: {stock}, policy: normal}}\n")
    shown = run("plan", done_shop)
    assert shown.exit_code == 0, shown.output
    assert "as the settings say" in shown.stdout


def test_a_missing_file_is_named(done_shop: Path) -> None:
    shown = run("plan", done_shop, "--stock", "nothing.csv")
    assert shown.exit_code != 0
    assert "nothing.csv" in shown.stderr
