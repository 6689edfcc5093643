"""A project that was made before there was `pipeline.graph` goes on working, and its champion goes on forecasting.

``data/earlier_project.tar.gz`` holds such a project: 12 series, 200 days, a model of LightGBM that was registered,
promoted and held against the sales of a week since. Beside it lies what the code of then forecast from all sales.
"""

from __future__ import annotations

import json
import tarfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from foresell.apps.cli import main
from foresell.pipeline.explanation import explain
from foresell.pipeline.graph import STEPS
from foresell.pipeline.lifecycle.promotion import models
from foresell.pipeline.project import BY_EARLIER, OUT_OF_DATE, Project
from foresell.pipeline.step import Step
from foresell.pipeline.steps.register import _same_as
from foresell.pipeline.summaries import RegisterSummary, Summary
from foresell.registry.versions import Version
from foresell.serving.source import RegistrySource

pytest.importorskip("mlflow", reason="no registry: mlflow is not installed")

ARCHIVE = Path(__file__).parent / "data" / "earlier_project.tar.gz"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "shop"


def call(*words: object) -> Result:
    ended = CliRunner().invoke(main, [*map(str, words)])
    assert ended.exit_code == 0, ended.output
    return ended


def says_it(ended: Result) -> bool:
    return BY_EARLIER in " ".join(ended.stderr.split())


def steps_of_then(project: Path) -> list[Step]:
    """Those of today's steps that the project has results of."""
    return [step for step in STEPS.values() if (project / "results" / step.name).is_dir()]


def test_every_summary_of_then_is_read(earlier: Path):
    results = Project(earlier).results
    assert len(steps_of_then(earlier)) == 10
    for step in steps_of_then(earlier):
        summary = results.summary(step.summary)
        assert isinstance(summary, Summary)
        assert summary.sentence()
        plain = json.loads((earlier / "results" / step.name / "summary.json").read_text(encoding="utf-8"))
        assert json.loads(json.dumps(summary.to_dict())) == plain  # the names of then are those of now


def test_status_says_that_it_was_made_by_an_earlier_foresell(earlier: Path):
    shown = call("status", earlier)
    assert says_it(shown)
    of_then = {step.name for step in steps_of_then(earlier)}
    assert {state.state for state in Project(earlier).status() if state.step in of_then} == {OUT_OF_DATE}


def test_the_champion_of_then_forecasts_the_same(earlier: Path):
    ended = call("forecast", earlier, "--quiet")
    assert says_it(ended)
    assert "by version 1, the champion, which learnt from sales up to 2025-12-21" in " ".join(ended.stdout.split())
    expected = pl.read_parquet(earlier.parent / "expected_forecasts.parquet")
    forecasts = Project(earlier).forecasts
    assert (
        forecasts.drop("mean")
        .drop(pl.selectors.starts_with("q"))
        .equals(expected.drop("mean").drop(pl.selectors.starts_with("q")))
    )
    assert forecasts["mean"].to_list() == pytest.approx(expected["mean"].to_list(), rel=1e-4)
    assert not says_it(call("forecast", earlier, "--quiet"))
    assert [kept.cutoff for kept in Project(earlier).results.history.forecasts()] == [
        date(2025, 12, 21),
        date(2025, 12, 28),
    ]


def test_a_champion_of_then_has_no_sample_paths_and_says_how_to_get_them(earlier: Path):
    ended = CliRunner().invoke(main, ["demand", str(earlier), "--quiet"])
    assert ended.exit_code == 2
    message = " ".join(ended.stderr.split())
    assert "There are no sample paths of version 1: an earlier foresell trained it" in message
    assert "--newest" in message


def test_its_reasons_are_those_of_the_champion(earlier: Path):
    shown = explain(Project(earlier), {})
    expected = pl.read_parquet(earlier.parent / "expected_forecasts.parquet").filter(level="total")["mean"].sum()
    assert sum(reason.units for reason in shown.reasons) == pytest.approx(expected, rel=1e-3)


def test_it_is_served(earlier: Path):
    source = RegistrySource(earlier)
    assert source.newest() == "1"
    service = source.load("1")
    series = Project(earlier).panel.series.select("store", "item").head(1)
    answer = service.predict(series.with_columns(date=pl.lit(date(2025, 12, 24))))
    assert answer["error"].to_list() == [None]
    assert answer["units"][0] >= 0


def test_mlflow_loads_it(earlier: Path):
    import mlflow.pyfunc
    import pandas as pd

    (file,) = (earlier / "results" / "mlflow" / "models").glob("*/artifacts/MLmodel")
    assert "foresell.flow.pyfunc" in file.read_text(encoding="utf-8")
    model = mlflow.pyfunc.load_model(str(file.parent))
    row = Project(earlier).panel.series.select("store", "item").row(0, named=True)
    answer = model.predict(pd.DataFrame([row | {"date": pd.Timestamp("2025-12-24")}]))
    assert answer["units"][0] >= 0


def test_a_run_trains_anew_and_leaves_the_champion(earlier: Path):
    assert says_it(call("run", earlier, "--quiet"))
    project = Project(earlier)
    assert [(version.version, version.champion) for version in models(project)] == [("2", False), ("1", True)]
    assert project.results.summary(RegisterSummary).version == "2"
    assert project.notice() == ""
    ended = call("monitor", earlier, "--quiet")
    assert "version 1, its forecast of 2025-12-21 held against the sales" in ended.stdout


def test_a_training_that_comes_to_the_same_as_an_earlier_version_is_called_that():
    tags = {"foresell.data": "a", "foresell.models": "naive", "foresell.wrmsse": "0.500000"}
    first = version("2", tags | {"foresell.wrmsse": "0.400000"})
    second = version("1", tags | {"foresell.fingerprint": "another"})
    assert _same_as([first, second], tags) == "1"
    assert _same_as([first], tags) is None
    summary = RegisterSummary(recorded=True, run="r", store="s", name="shop", version="3", same_as="1")
    assert summary.sentence() == (
        "the model is version 3 of shop in s; it comes to the same as version 1, from the same sales"
    )


def version(number: str, tags: dict[str, str]) -> Version:
    return Version(number, datetime(2026, 1, 1), "run", tags)
