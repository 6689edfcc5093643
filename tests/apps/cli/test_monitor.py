"""The verb `monitor`: its exit code, what it prints, its JSON."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from fixtures.log_lines import log_lines

from foresell.apps.cli import main
from foresell.pipeline.graph import BESIDE, HISTORY, MONITOR
from foresell.pipeline.project import Project

pytestmark = pytest.mark.usefixtures("drift_only_where_asked")

LAST = date(2025, 12, 28)
CUTOFF = LAST - timedelta(days=7)


@pytest.fixture(scope="module")
def _matured(_shop: Path, tmp_path_factory, change_settings) -> Path:
    """A shop that has forecast the last week of its sales, which have come in since."""
    folder = tmp_path_factory.mktemp("matured")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "shop" / "results")
    change_settings(folder / "shop", data={"until": CUTOFF.isoformat()}, backtest={"windows": 12})
    Project(folder / "shop").run("forecast")
    change_settings(folder / "shop", data={"until": LAST.isoformat()})
    return folder


@pytest.fixture
def project(_matured: Path, tmp_path: Path) -> Path:
    shutil.copytree(_matured, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


def shifted(project: Path) -> None:
    path = project.parent / "data" / "sales.csv"
    sales = pl.read_csv(path, try_parse_dates=True)
    units = pl.when(pl.col("date") > CUTOFF).then(pl.col("units") * 4).otherwise(pl.col("units"))
    sales.with_columns(units.alias("units")).write_csv(path)


def run(*words: str):
    return CliRunner().invoke(main, ["monitor", *words])


def test_a_quiet_week_ends_with_0_and_a_table(project):
    done = run(str(project))
    assert done.exit_code == 0, done.output
    assert "its forecast of 2025-12-21 held against the sales of 2025-12-22 to 2025-12-28" in " ".join(
        done.stdout.split()
    )
    for level in ("total", "store", "store x item"):
        assert f"\n  {level} " in done.stdout
    page = project / "results" / "monitor" / "monitor.html"
    assert page.exists()
    assert str(page).replace(" ", "") in "".join(done.stdout.split())


def test_a_severe_finding_ends_with_3(project):
    shifted(project)
    done = run(str(project), "--quiet")
    assert done.exit_code == 3
    assert "ERROR" in done.stdout
    assert "bias-shifted in total" in done.stdout
    as_json = run(str(project), "--json")
    assert as_json.exit_code == 3
    content = json.loads(as_json.stdout)
    assert content["judged"]["cutoff"] == "2025-12-21"
    assert {finding["code"] for finding in content["findings"]} >= {"bias-shifted"}
    assert content["checks"]


def test_json_lines_have_each_finding_and_where_the_page_is(project):
    shifted(project)
    ended = run(str(project), "--log", "json")
    assert ended.exit_code == 3
    assert ended.stdout == ""
    lines = log_lines(ended.stderr)
    findings = json.loads((project / "results" / "monitor" / "findings.json").read_text())
    assert [line["finding"] for line in lines if line["step"] == "monitor" and "finding" in line] == findings
    assert {line["level"] for line in lines if line.get("finding", {}).get("code") == "bias-shifted"} == {"error"}
    assert lines[-1]["message"].endswith(f"the page is {project / 'results' / 'monitor' / 'monitor.html'}")


def test_json_lines_have_what_became_of_a_trial_alert(project, change_settings, web_receiver):
    change_settings(project, monitoring={"alerts": {"webhook": f"{web_receiver.address}/hook"}})
    ended = run(str(project), "--test-alert", "--log", "json")
    assert (ended.exit_code, ended.stdout) == (0, "")
    (line,) = log_lines(ended.stderr)
    assert (line["level"], line["step"]) == ("info", "monitor")
    assert "was told" in line["message"]


def test_data_that_cannot_be_used_end_with_1(project):
    path = project.parent / "data" / "sales.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("units", "pieces", 1), encoding="utf-8")
    assert run(str(project), "--quiet").exit_code == 1


def test_a_baseline_is_written_when_it_is_asked_for(project):
    assert not (project / "results" / "monitor" / "baseline.json").exists()
    done = run(str(project), "--baseline")
    assert done.exit_code == 0
    assert "baseline.json" in done.stdout.replace("\n", "")
    assert json.loads((project / "results" / "monitor" / "baseline.json").read_text())["as_of"] == "2025-12-28"


def test_the_help_names_all_files(project):
    shown = run("--help").stdout
    for file in (*BESIDE[MONITOR], *BESIDE[HISTORY]):
        assert file in shown


def test_those_named_are_told_once(project, web_receiver, change_settings):
    shifted(project)
    change_settings(project, monitoring={"alerts": {"webhook": f"{web_receiver.address}/hook"}})
    done = run(str(project), "--quiet")
    assert done.exit_code == 3
    assert "was told" in done.stdout
    assert len(web_receiver.bodies) == 1
    assert "bias-shifted" in json.dumps(web_receiver.bodies)
    run(str(project), "--quiet")
    assert len(web_receiver.bodies) == 1


def test_a_trial_of_alerts_judges_nothing(project, web_receiver, change_settings):
    assert "nobody" in run(str(project), "--test-alert").stdout
    change_settings(project, monitoring={"alerts": {"webhook": f"{web_receiver.address}/hook"}})
    assert run(str(project), "--test-alert").exit_code == 0
    assert len(web_receiver.bodies) == 1
    assert not (project / "results" / "monitor").exists()
