"""The verb `override`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.pipeline.project import Project


def run(*words: object):
    return CliRunner().invoke(main, ["override", *map(str, words)])


@pytest.fixture
def planned(done_shop: Path) -> Path:
    """A project with a plan of orders in its results."""
    panel = Project(done_shop).panel
    lines = panel.series.select(panel.keys).with_columns(
        date=pl.lit(panel.cutoff), action=pl.lit("order"), quantity=5.0
    )
    (done_shop / "results" / "plan").mkdir()
    lines.write_parquet(done_shop / "results" / "plan" / "orders.parquet")
    return done_shop


def test_an_override_is_added_listed_and_withdrawn(planned: Path) -> None:
    item = Project(planned).panel.series["item"][0]
    reason = ("--reason", "event", "--why", "fair", "--who", "Ann")
    added = run("add", planned, "--where", f"item={item}", "--by", "-2", *reason, "--until", "2030-01-01", "--json")
    assert added.exit_code == 0, added.output
    override = json.loads(added.stdout)
    assert (override["how"], override["value"], override["replaces"], override["who"]) == ("add", -2, 10, "Ann")
    shown = run("list", planned)
    assert f"−2      10        {override['first']}  2030-01-01  event   fair  Ann" in shown.stdout
    withdrawn = run("withdraw", planned, "--id", override["id"], "--who", "Bob").stdout
    assert "withdrawn" in withdrawn
    assert f"foresell plan orders {planned}" in withdrawn
    assert "no overrides that hold" in run("list", planned).stdout
    assert "(withdrawn)" in run("list", planned, "--all").stdout
    events = [json.loads(line) for line in (planned / "overrides.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["add", "withdraw"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--where", "item=x", "--reason", "event"), "one of --by, --to and --percent"),
        (("--where", "item=x", "--reason", "event", "--by", "1", "--to", "2"), "one of --by, --to and --percent"),
        (("--reason", "event", "--by", "1"), "which lines"),
        (("--where", "item=x", "--by", "1"), "Say why"),
        (("--where", "item=x", "--by", "1", "--reason", "whim"), "the reasons are"),
    ],
)
def test_what_is_missing_is_said(planned: Path, words: tuple[str, ...], message: str) -> None:
    shown = run("add", planned, *words, "--who", "Ann")
    assert shown.exit_code == 2
    assert message in " ".join(shown.stderr.split())


def test_an_unknown_id_cannot_be_withdrawn(planned: Path) -> None:
    assert "no override 'x'" in run("withdraw", planned, "--id", "x").stderr
    assert "--id" in run("withdraw", planned).stderr
