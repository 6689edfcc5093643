"""`sample` and `init`."""

from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.apps.cli.init import FREQUENCIES
from foresell.core.frequency import Frequency
from foresell.core.settings import read_settings


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str):
        return CliRunner().invoke(main, list(words))

    return invoke


@pytest.mark.parametrize("kind", ["retailer", "manufacturer"])
def test_a_sample_and_its_project(run, tmp_path, kind):
    sample = run("sample", "data", "--kind", kind, "--stores", "2", "--items", "4", "--days", "200", "--json")
    assert sample.exit_code == 0, sample.output
    content = json.loads(sample.stdout)
    assert pl.read_csv(content["sales"]).height == content["rows"]
    begun = run("init", "shop", "--data", "data", "--json")
    assert begun.exit_code == 0, begun.output
    concluded = json.loads(begun.stdout)
    settings = read_settings(concluded["settings"])
    assert settings.data.quantity == ("units" if kind == "retailer" else "quantity")
    assert all(one["why"] for one in concluded["concluded"])


def test_the_same_seed_gives_the_same_sample_and_rows_set_the_size(run, tmp_path):
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        sample = run("sample", folder, "--rows", "2000", "--days", "120", "--seed", seed, "--format", "csv.gz")
        assert sample.exit_code == 0, sample.output
    sales = {name: (tmp_path / name / "sales.csv.gz").read_bytes() for name in "abc"}
    assert sales["a"] == sales["b"] != sales["c"]
    assert pl.read_csv(tmp_path / "a" / "sales.csv.gz").height >= 2000


def test_init_says_what_it_concluded_and_why(run):
    run("sample", "data", "--stores", "2", "--items", "4", "--days", "200")
    begun = run("init", "shop", "--data", "data/sales.csv")
    assert begun.exit_code == 0, begun.output
    words = " ".join(begun.stdout.split())
    assert "keys store, item (" in words
    assert words.endswith("Wrote shop/foresell.yaml. Look it over, then: foresell run shop")
    again = run("init", "shop", "--data", "data/sales.csv")
    assert again.exit_code == 2
    assert "already there" in again.stderr
    assert run("init", "shop", "--data", "data/sales.csv", "--force").exit_code == 0


def test_what_is_said_by_hand_holds(run, tmp_path):
    lines = ["day;shop;thing;pieces;other"] + [
        f"{day:02d}.{month:02d}.2024;s{shop};t;{day * shop},5;{month}"
        for month in (1, 2, 3)
        for day in range(1, 29)
        for shop in (1, 2)
    ]
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    begun = run(
        "init", "p", "--data", "sales.csv", "--date", "day", "--quantity", "pieces", "--keys", "shop,thing",
        "--separator", ";", "--decimal", ",", "--horizon", "5", "--country", "DE", "--absent", "zero",
        "--date-format", "%d.%m.%Y", "--frequency", "D",
    )  # fmt: skip
    assert begun.exit_code == 0, begun.output
    settings = read_settings(tmp_path / "p" / "foresell.yaml")
    assert (settings.data.date, settings.data.quantity, settings.data.keys) == ("day", "pieces", ("shop", "thing"))
    assert (settings.data.decimal, settings.data.country, settings.horizon) == (",", "DE", 5)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("init", "p"), 2, "Missing option '--data'"),
        (("init", "p", "--data", "nothing.csv"), None, "nothing.csv"),
        (("init", "p", "--data", "x.csv", "--preset", "walmart"), 2, "walmart"),
        (("init", "p", "--data", "x.csv", "--colour", "red"), 2, "No such option"),
        (("sample", "d", "--rows", "10", "--stores", "2"), 2, "--rows sets the number of stores"),
        (("sample", "d", "--days", "3"), 2, "days of history"),
        (("sample", "d", "--kind", "bakery"), 2, "bakery"),
    ],
)
def test_wrong_use(run, tmp_path, words, code, message):
    (tmp_path / "x.csv").write_text("date,units\n2024-01-01,1\n")
    ended = run(*words)
    assert ended.exit_code == code if code else ended.exit_code in (1, 2)
    assert message in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.output


def test_an_override_that_does_not_fit_names_the_columns(run, tmp_path):
    (tmp_path / "x.csv").write_text("date,units,item\n" + "".join(f"2024-01-{day:02d},1,a\n" for day in range(1, 29)))
    ended = run("init", "p", "--data", "x.csv", "--quantity", "pieces")
    assert ended.exit_code == 2
    assert "has no column pieces" in ended.stderr
    assert not (tmp_path / "p").exists()


def test_every_frequency_can_be_chosen():
    assert list(FREQUENCIES) == list(Frequency)
