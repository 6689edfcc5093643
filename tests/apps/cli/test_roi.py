"""The verb `roi`: the worked example, and the return by the ledger of a project."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_worked_example_is_printed() -> None:
    lines = [" ".join(line.split()) for line in run("roi", "--example").stdout.splitlines()]
    assert "total 6,500,000 5,256,000 1,244,000" in lines
    assert "first year, less all costs 978,000" in lines
    assert "net present value, 3 years at 10 % 2,827,644" in lines
    assert "payback in months 2.6" in lines


def test_the_worked_example_as_json() -> None:
    result = json.loads(run("roi", "--example", "--json").stdout)["return"]["expected"]
    assert (result["total_savings"], result["first_year"]) == (1_244_000, 978_000)
    assert result["net_present_value"] == pytest.approx(2.83e6, abs=5e3)
    assert result["payback_months"] == pytest.approx(2.6, abs=0.05)


@pytest.fixture
def ledger(done_shop: Path) -> Path:
    """84 days of one series, on which the better policy saves 2 a day, more in the later months."""
    path = done_shop / "results" / "replay" / "ledger.parquet"
    path.parent.mkdir()
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(84)]
    costs = {"lost_sales": 1.0, "waste": 0.0, "expedite": 0.0, "fixed": 0.5}
    saved = [1.5] * 28 + [2.0] * 28 + [2.5] * 28
    usual = pl.DataFrame({"item": "A", "date": days, "policy": "normal", "holding": 4.0}).with_columns(
        **{name: pl.lit(cost) for name, cost in costs.items()}
    )
    better = usual.with_columns(policy=pl.lit("lost_sales"), holding=4 - pl.Series(saved))
    pl.concat([usual, better]).write_parquet(path)
    return path


def test_the_return_by_a_ledger(done_shop: Path, ledger: Path) -> None:
    settings = done_shop / "foresell.yaml"
    settings.write_text(settings.read_text() + "\nroi: {one_time_cost: 500, stated: {labour: 100}}\n")
    shown = run("roi", done_shop, "--yearly-cost", 28, "--json")
    assert shown.exit_code == 0, shown.output
    content = json.loads(shown.stdout)
    expected = content["return"]["expected"]
    assert content["before"]["holding"] == pytest.approx(4 * 364)
    assert content["after"]["holding"] == pytest.approx(2 * 364)
    assert expected["savings"]["holding"] == pytest.approx(728)
    assert expected["savings"]["labour"] == pytest.approx(100)
    assert expected["first_year"] == pytest.approx(828 - 28 - 500)
    assert expected["payback_months"] == pytest.approx(12 * 500 / 800)
    assert content["return"]["low"]["total_savings"] < 828 < content["return"]["high"]["total_savings"]
    assert content["replay"] == {
        "before": "normal", "after": "lost_sales", "series": 1, "spans": 3, "days": 84, "chosen_on": 0,
    }  # fmt: skip
    text = run("roi", done_shop, "--one-time-cost", 0).stdout
    assert "lost_sales against normal, on 1 series over 84 days in 3 spans of the past." in text
    assert "stated" in text
    assert "No cost is given" in text


def test_without_a_ledger_it_says_how_to_make_one(done_shop: Path) -> None:
    shown = run("roi", done_shop)
    assert shown.exit_code == 2
    assert "foresell replay" in shown.stderr
