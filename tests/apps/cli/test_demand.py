"""The verb that says how much several days together will sell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.pipeline.demand import forecasts_with_paths
from foresell.pipeline.project import Project


def run(*words: object):
    return CliRunner().invoke(main, ["demand", *(str(word) for word in words)])


def test_it_prints_a_table_of_groups(done_shop: Path):
    shown = run(done_shop, "--days", 3, "--level", "store", "--paths", 50, "--quiet")
    assert shown.exit_code == 0, shown.output
    head, table = shown.stdout.strip().split("\n\n")
    assert head.startswith("Demand of 3 days, ")
    assert head.endswith(", from 50 sample paths")
    assert table.split()[:7] == ["store", "mean", "q050", "q250", "q500", "q750", "q950"]
    assert len(table.splitlines()) == 1 + 2


def test_the_file_the_json_and_python_say_the_same(done_shop: Path, tmp_path: Path):
    options = ("--level", "store x item", "--quantiles", "0.1,0.9", "--paths", 50, "--quiet")
    first = str(Project(done_shop).panel.ahead(2)[1])
    asked = (done_shop, "--from", first, "--where", "store=S001", *options)
    shown = run(*asked, "--json", "--out", tmp_path / "demand.parquet")
    assert shown.exit_code == 0, shown.output
    table = pl.read_parquet(tmp_path / "demand.parquet")
    assert table.columns == ["store", "item", "first", "last", "days", "mean", "q100", "q900"]
    assert [row["q900"] for row in json.loads(shown.stdout)["demand"]] == table["q900"].to_list()
    assert set(table["store"]) == {"S001"}
    assert set(table["days"]) == {6}
    forecasts = forecasts_with_paths(Project(done_shop))
    paths = forecasts.paths(50)[:, :, 1:].sum(axis=2)
    rows = (forecasts.bottom.series["store"] == "S001").arg_true().to_numpy()
    ordered = np.sort(paths[:, rows], axis=0)
    assert (table["q100"].to_numpy() >= ordered[3]).all()  # the 5.1th smallest of 50
    assert (table["q100"].to_numpy() <= ordered[6]).all()
    assert table["mean"].to_numpy() == pytest.approx(forecasts.bottom.mean[rows, 1:].sum(axis=1), rel=1e-5)


def test_a_csv_file_has_the_same_rows(done_shop: Path, tmp_path: Path):
    shown = run(done_shop, "--paths", 20, "--out", tmp_path / "demand.csv", "--quiet")
    assert shown.exit_code == 0, shown.output
    assert pl.read_csv(tmp_path / "demand.csv").columns[:3] == ["first", "last", "days"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--days", 8), "8 days from 2025-"),
        (("--days", 3, "--to", "2030-01-01"), "give one of the two"),
        (("--from", "2020-01-01"), "The forecast is for the 7 days from"),
        (("--level", "colour"), "needs the column colour"),
        (("--where", "store=S999"), "No series has 'store' S999"),
        (("--quantiles", "0.9,0.1"), "expected rising numbers between 0 and 1"),
        (("--out", "demand.xlsx"), "a file that ends in .csv or .parquet"),
        (("--paths", 0), "is not in the range"),
    ],
)
def test_what_is_refused(done_shop: Path, options, message: str):
    shown = run(done_shop, *options, "--quiet")
    assert shown.exit_code == 2, shown.output
    assert message in " ".join(shown.stderr.split())
