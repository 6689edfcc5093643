"""The verbs that ask about a forecast: what they print, as text and as JSON, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.apps.cli.explain import Pairs
from foresell.pipeline.project import Project


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def shop(trained_shop: Path) -> Path:
    return trained_shop


@pytest.fixture(scope="module")
def one(shop: Path) -> str:
    panel = Project(shop).panel
    return ",".join(
        f"{key}={value}" for key, value in zip(panel.keys, panel.series.select(panel.keys).row(0), strict=True)
    )


def numbers(lines: list[str]) -> list[float]:
    """The first number of each line that follows a label."""
    return [
        float(re.findall(r"  ([+−]?[\d,.]+)(?:  |$)", line)[0].replace("−", "-").replace(",", "")) for line in lines
    ]


def test_explain_prints_reasons_that_add_up(shop, one) -> None:
    shown = run("explain", shop, "--series", one)
    assert shown.exit_code == 0, shown.output
    head, table, days = shown.stdout.split("\n\n")
    assert head.endswith("units")
    lines = [line for line in table.splitlines() if re.match(r"  \w", line)]
    assert lines[-1].startswith("  forecast")
    *parts, total = numbers(lines)
    assert sum(parts) == pytest.approx(total)
    assert head.endswith(f" {total:,.{len(str(total).partition('.')[2])}f} units") or f"{total:g}" in head
    assert len(days.splitlines()) == 1 + 7
    for line in days.splitlines()[1:]:
        forecast, *moved = (float(cell.replace("−", "-").replace(",", "")) for cell in line.split()[2:])
        assert sum(moved) == pytest.approx(forecast)


def test_explain_as_json(shop, one) -> None:
    panel = Project(shop).panel
    first, last = panel.ahead(3)[[1, 2]]
    ended = run("explain", shop, "--series", one, "--from", first, "--to", last, "--json")
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert (content["first"], content["last"], content["count"]) == (str(first), str(last), 1)
    assert sum(reason["units"] for reason in content["reasons"]) == pytest.approx(content["forecast"])
    assert len(content["days"]) == 2
    assert content["sentences"][0].startswith("recent sales (")


def test_series_may_be_given_in_pieces_or_not_at_all(shop, one) -> None:
    pieces = [word for pair in one.split(",") for word in ("--series", pair)]
    together, apart = (
        json.loads(run("explain", shop, *words, "--json").stdout) for words in (["--series", one], pieces)
    )
    assert together == apart
    everything = json.loads(run("explain", "--project", shop, "--json").stdout)
    assert everything["series"] == "All sales"
    assert everything["count"] == Project(shop).panel.n_series


def test_whatif_prints_both_forecasts(shop, one) -> None:
    panel = Project(shop).panel
    day = panel.ahead(2)[1]
    words = ("whatif", shop, "--series", one, "--price", "-30%", "--promotion", "on", "--from", day, "--to", day)
    shown = run(*words)
    assert shown.exit_code == 0, shown.output
    output = " ".join(shown.stdout.split())
    assert output.startswith("With price -30 % and promotion 1 on ")
    assert "not set as an experiment" in output
    marked = [line for line in shown.stdout.splitlines() if line.endswith("changed")]
    assert [line.split()[1] for line in marked] == [str(day)]
    content = json.loads(run(*words, "--json").stdout)
    assert content["changes"] == ["price -30 %", "promotion 1"]
    assert content["after"] > content["before"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["whatif"], "There is no change; give"),
        (["whatif", "--price", "cheap"], "'cheap' is no value for 'price'"),
        (["whatif", "--price", "1", "--from", "2001-01-01"], "The forecast is for the 7 days"),
        (["explain", "--from", "soon"], "'soon' is no date"),
        (["explain", "--series", "S001"], "names no series"),
        (["explain", "--series", "store=S001", "--series", "store=S002"], "both S001 and S002"),
        (["explain", "--series", "shop=S001"], "The series have no column shop"),
    ],
)
def test_wrong_use_ends_with_2(shop, words, message) -> None:
    verb, *more = words
    ended = run(verb, shop, *more)
    assert ended.exit_code == 2
    assert message in " ".join(ended.output.split())


def test_values_may_hold_commas_and_equals_signs() -> None:
    pairs = Pairs().convert("item=a=b, c,store=1", None, None)
    assert pairs == {"item": "a=b, c", "store": "1"}
    with pytest.raises(click.BadParameter):
        Pairs().convert("=x", None, None)
