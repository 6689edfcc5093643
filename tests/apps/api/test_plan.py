"""POST /plan: the same plan as the command line and Python make, and what a question may not change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.pipeline.project import Project


@pytest.fixture(scope="module")
def planning(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with stock and terms."""
    place = tmp_path_factory.mktemp("planning")
    shutil.copytree(project.folder.parent, place, dirs_exist_ok=True)
    folder = place / project.folder.name
    project.panel.series.select(project.panel.keys).with_columns(on_hand=pl.lit(3)).write_csv(folder / "stock.csv")
    (folder / "terms.csv").write_text("lead_days,review_days\n2,3\n")
    tree = yaml.safe_load((folder / "foresell.yaml").read_text())
    tree["orders"] = {"stock": "stock.csv", "terms": "terms.csv"}
    (folder / "foresell.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.mark.parametrize("changes", [{}, {"policy": "fractile", "service": 0.98, "lead_days": 1}])
def test_api_python_and_command_line_make_the_same_plan(serve, planning: Path, changes: dict[str, object]) -> None:
    with serve(planning=planning) as client:
        answer = client.post("/plan", json={"changes": changes, "lines": 10_000})
    assert answer.status_code == 200, answer.text
    plan = Project(planning).plan("orders", **changes)
    assert answer.json()["lines"] == json.loads(msgspec.json.encode(plan.lines.to_dicts()))
    assert answer.json()["headline"] == list(plan.headline)
    assert answer.json()["details"]["policy"] == plan.details()["policy"]
    options = [word for name, value in changes.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    shown = CliRunner().invoke(main, ["plan", "orders", str(planning), *options, "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["orders"] == json.loads(msgspec.json.encode(plan.lines.to_dicts()))


def test_a_higher_service_level_and_a_longer_lead_time_order_more(serve, planning: Path) -> None:
    def units(**changes: object) -> float:
        body = {"changes": {"policy": "fractile", **changes}}
        return sum(line["quantity"] for line in client.post("/plan", json=body).json()["lines"])

    with serve(planning=planning) as client:
        assert units(service=0.5) < units(service=0.9) < units(service=0.99)
        assert units(lead_days=1) < units(lead_days=3)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"changes": {"stock": "/etc/passwd"}}, "may not change stock"),
        ({"changes": {"service": 2}}, "service"),
        ({"changes": {"service": "high"}}, "service"),
        ({"changes": {"lead_days": -1}}, "lead_days"),
        ({"changes": {"policy": "magic"}}, "expected one of"),
        ({"kind": "wishes"}, "no plan 'wishes'"),
    ],
)
def test_what_cannot_be_asked_is_said(serve, planning: Path, body: dict[str, object], detail: str) -> None:
    with serve(planning=planning) as client:
        answer = client.post("/plan", json=body)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_the_lines_are_as_many_as_were_asked_for(serve, planning: Path) -> None:
    with serve(planning=planning) as client:
        answer = client.post("/plan", json={"changes": {"policy": "normal"}, "lines": 2}).json()
    assert len(answer["lines"]) == 2
    assert answer["total"] == Project(planning).panel.n_series


def test_a_model_without_a_project_makes_no_plan(serve) -> None:
    with serve(planning=None) as client:
        answer = client.post("/plan", json={})
    assert answer.status_code == 422
    assert "no project" in answer.json()["detail"]


def test_nothing_is_trained_or_written_for_a_question(serve, planning: Path, tmp_path: Path) -> None:
    shutil.copytree(planning, tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop" / "results" / "forecast")
    with serve(planning=tmp_path / "shop") as client:
        answer = client.post("/plan", json={})
    assert answer.status_code == 422
    assert "not done" in answer.json()["detail"]
    assert not (tmp_path / "shop" / "results" / "forecast").exists()
