"""The verb `plan`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.apps.cli.plan import EARLIER, _kind_and_folder
from foresell.apps.cli.table_file import write_table_file
from foresell.pipeline.project import Project


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    """A lead time that fits into the forecast of seven days."""
    path = tmp_path / "terms.csv"
    path.write_text("lead_days,review_days\n2,3\n")
    return path


@pytest.fixture
def stock(done_shop: Path, tmp_path: Path) -> Path:
    panel = Project(done_shop).panel
    path = tmp_path / "counted.csv"
    panel.series.select(panel.keys).with_columns(on_hand=pl.lit(3)).write_csv(path)
    return path


def test_the_plan_is_printed_and_written(done_shop: Path, stock: Path, terms: Path) -> None:
    shown = run("plan", done_shop, "--stock", stock, "--terms", terms)
    assert shown.exit_code == 0, shown.output
    assert "to order" in shown.stdout
    assert "Assumed where not given" in shown.stdout
    written = pl.read_csv(done_shop / "results" / "plan" / "orders.csv")
    assert written.height == Project(done_shop).panel.n_series
    assert pl.read_parquet(done_shop / "results" / "plan" / "orders.parquet").height == written.height


def test_the_plan_as_json(done_shop: Path, stock: Path, terms: Path, tmp_path: Path) -> None:
    tables = ("--stock", stock, "--terms", terms)
    shown = run("plan", done_shop, *tables, "--policy", "fractile", "--out", tmp_path / "new" / "o.csv", "--json")
    assert shown.exit_code == 0, shown.output
    plan = json.loads(shown.stdout)
    assert plan["policy"] == "calibrated fractile, critical fractile"
    assert len(plan["orders"]) == Project(done_shop).panel.n_series
    assert (tmp_path / "new" / "o.csv").exists()
    assert not (done_shop / "results" / "plan" / "orders.csv").exists()


def test_without_stock_it_says_how_to_give_it(done_shop: Path, terms: Path) -> None:
    shown = run("plan", done_shop, "--terms", terms)
    assert shown.exit_code == 0, shown.output
    assert "--stock" in shown.stdout
    assert "Targets for" in shown.stdout


def test_the_tables_of_the_settings_are_used(done_shop: Path, stock: Path, terms: Path) -> None:
    text = (done_shop / "foresell.yaml").read_text()
    (done_shop / "foresell.yaml").write_text(text + f"\norders: {{stock: {stock}, terms: {terms}, policy: normal}}\n")
    shown = run("plan", done_shop)
    assert shown.exit_code == 0, shown.output
    assert "as the settings say" in shown.stdout


def test_nothing_decided_is_no_success(done_shop: Path, stock: Path) -> None:
    shown = run("plan", done_shop, "--stock", stock)  # an assumed lead time of seven days, and seven are forecast
    assert shown.exit_code == 1
    assert "lead-time-beyond-horizon" in shown.stdout
    assert "could decide nothing" in shown.stderr


def test_a_file_of_other_columns_is_not_overwritten(done_shop: Path, stock: Path, terms: Path) -> None:
    before = stock.read_bytes()
    shown = run("plan", done_shop, "--stock", stock, "--terms", terms, "--out", stock)
    assert shown.exit_code == 2
    assert "exists, and is no table of this command" in shown.stderr
    assert stock.read_bytes() == before
    again = [run("plan", done_shop, "--terms", terms, "--out", stock.parent / "plan.csv") for _ in range(2)]
    assert [each.exit_code for each in again] == [0, 0]


def test_a_policy_whose_target_depends_on_the_stock_needs_it(done_shop: Path) -> None:
    shown = run("plan", done_shop, "--policy", "lost_sales")
    assert shown.exit_code == 2
    assert "depends on the stock on hand" in " ".join(shown.stderr.split())


def test_a_missing_file_is_named(done_shop: Path) -> None:
    shown = run("plan", done_shop, "--stock", "nothing.csv")
    assert shown.exit_code != 0
    assert "nothing.csv" in shown.stderr


def test_the_first_word_is_a_kind_where_it_names_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _kind_and_folder(None, None) == ("orders", None)
    assert _kind_and_folder("shop", None) == ("orders", "shop")
    assert _kind_and_folder("orders", None) == ("orders", None)
    assert _kind_and_folder("orders", "shop") == ("orders", "shop")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "foresell.yaml").touch()
    assert _kind_and_folder("orders", None) == ("orders", "orders")
    with pytest.raises(click.UsageError, match="no plan 'shop'"):
        _kind_and_folder("shop", "orders")


def test_a_plan_of_an_earlier_foresell_is_replaced_and_another_table_is_not(tmp_path: Path) -> None:
    lines = pl.DataFrame({"item": ["a"], "quantity": [1.0]})
    earlier, other = tmp_path / "earlier.csv", tmp_path / "other.csv"
    pl.DataFrame({name: [1] for name in ["item", *sorted(EARLIER)]}).write_csv(earlier)
    lines.rename({"quantity": "on_hand"}).write_csv(other)
    write_table_file(lines, earlier, EARLIER)
    assert pl.read_csv(earlier).columns == lines.columns
    with pytest.raises(click.UsageError, match="no table of this command"):
        write_table_file(lines, other, EARLIER)
