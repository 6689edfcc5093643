"""The replay of a project's own past: its figures, its ledger, and that the return reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.apps.cli.replay import replay_text
from foresell.core.errors import UsageError
from foresell.decide.replay import BUCKETS
from foresell.pipeline.plans.order_replay import OrderReplay, write_replay
from foresell.pipeline.plans.return_on_orders import appraise
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def folder(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose backtest has three windows, two of which can be played again; goods keep for four days."""
    folder = tmp_path_factory.mktemp("replay")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    path = folder / "shop" / "foresell.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["backtest"] = {**tree["backtest"], "windows": 3}
    tree["orders"] = {"terms": "terms.csv"}
    path.write_text(yaml.safe_dump(tree))
    (folder / "shop" / "terms.csv").write_text("lead_days,review_days,order_cost,waste_cost,shelf_days\n2,2,0.5,1,4\n")
    return folder / "shop"


@pytest.fixture(scope="module")
def replay(folder: Path) -> OrderReplay:
    return Project(folder).replay()


def test_every_policy_is_played_on_the_same_cells(replay: OrderReplay, folder: Path) -> None:
    panel = Project(folder).panel
    names = set(replay.policies["policy"])
    assert {"normal", "own_history", "fractile", "lost_sales", "projected_stock", "fixed_cost", "perishable"} <= names
    cells = replay.ledger.group_by("policy").agg(pl.len())
    assert cells["len"].n_unique() == 1
    assert replay.ledger["window"].n_unique() == 2
    by_window = replay.ledger.filter(policy="normal").group_by("window").agg(pl.col("date").min(), pl.len())
    # Reviews of 0, 2 and so on whose cover of four days lies within the seven days; the first order arrives on day 3.
    for row in by_window.iter_rows(named=True):
        first = panel.dates[panel.day_of(np.datetime64(row["window"])) + 3]
        assert row["date"] == first.item()
        assert row["len"] == 4 * panel.n_series


def test_the_figures_are_those_of_the_ledger(replay: OrderReplay) -> None:
    judged = replay.ledger.filter(pl.col("window").is_in(list(replay.judging)))
    costs = {}
    for row in replay.policies.iter_rows(named=True):
        of = judged.filter(policy=row["policy"])
        for kind in (*BUCKETS, "fixed"):
            assert of[kind].sum() == pytest.approx(row[kind], abs=1e-6)
        costs[row["policy"]] = sum(of[kind].sum() for kind in (*BUCKETS, "fixed"))
        assert costs[row["policy"]] == pytest.approx(row["cost"])
        assert of["sold"].sum() / (of["sold"].sum() + of["lost_units"].sum()) == pytest.approx(row["fill_rate"])
    for row in replay.policies.iter_rows(named=True):
        assert row["saving"] == pytest.approx(costs["normal"] - costs[row["policy"]], abs=1e-6)
    assert replay.policies["cost"].is_sorted()
    assert replay.policies.filter(policy="normal")["waste"][0] > 0
    best = replay.policies.row(0, named=True)
    assert replay.curve["fractile"].is_sorted()
    assert (replay.curve["cost"] > 0).all()
    by_volume = replay.segments.filter(by="volume")
    assert by_volume["saving"].sum() == pytest.approx(best["saving"], abs=1e-6)


def test_the_page_and_the_files_from_which_a_return_is_made(replay: OrderReplay, folder: Path) -> None:
    project = Project(folder)
    written = write_replay(replay, Path(project.results.root))
    assert [path.name for path in written] == ["ledger.parquet", "policies.csv", "segments.csv", "curve.csv"]
    assert pl.read_csv(written[1])["policy"].to_list() == replay.policies["policy"].to_list()
    text = replay_text(replay, list(map(str, written)))
    assert "normal safety stock would have cost" in text
    assert "volume: high" in text
    appraisal = appraise(project)
    assert appraisal.compared is not None
    assert appraisal.compared.before == "normal"
    assert appraisal.compared.n_series == project.panel.n_series


def test_too_few_windows_are_refused(done_shop: Path) -> None:
    with pytest.raises(UsageError, match="expected 2 or more"):
        Project(done_shop).replay()
    shown = CliRunner().invoke(main, ["replay", str(done_shop)])
    assert shown.exit_code != 0
    assert "Set backtest.windows to 3 or more" in " ".join(shown.output.split())
