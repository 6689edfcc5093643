"""The registered model in a process that knows nothing of its training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import polars as pl
import pytest

from foresell.core.errors import UnreadableFile
from foresell.pipeline.lifecycle.promotion import promote
from foresell.pipeline.project import Project
from foresell.serving.source import FolderSource, RegistrySource, registry_of

PREDICT = """
import json, sys
import pandas as pd
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/shop@champion")
frame = pd.DataFrame(json.loads(sys.argv[2]))
found = model.predict(frame)
print("ANSWER" + json.dumps({name: found[name].tolist() for name in found}))
"""


def ask(project: Project, rows: list[dict[str, object]], cwd) -> subprocess.CompletedProcess[str]:
    uri = registry_of(project.folder, project.settings).tracking.where.uri
    return subprocess.run(
        [sys.executable, "-c", PREDICT, uri, json.dumps(rows)],
        capture_output=True, text=True, cwd=cwd, env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )  # fmt: skip


def test_it_predicts_in_a_fresh_process_what_the_batch_forecast(tracked_shop, tmp_path):
    project = Project(tracked_shop)
    promote(project)
    forecasts = project.forecasts.filter(pl.col("level") == "store x item").head(10)
    rows = [
        {"store": row["store"], "item": row["item"], "date": row["date"].isoformat(), "price": None}
        for row in forecasts.to_dicts()
    ]
    rows.append({**rows[0], "item": "never seen", "price": 2.5})
    (tmp_path / "elsewhere").mkdir()
    ended = ask(project, rows, tmp_path / "elsewhere")
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout.partition("ANSWER")[2])
    assert answer["units"][:10] == pytest.approx(forecasts["mean"].to_list(), rel=1e-6)
    assert answer["basis"] == ["series"] * 10 + ["new"]
    for low, high in zip(answer["units_low"], answer["units_high"], strict=True):
        assert low <= high
    assert any("never seen" in text or "new" in text for text in answer["assumed"][10])
    assert list((tmp_path / "elsewhere").iterdir()) == []  # it leaves nothing behind


def test_a_damaged_model_is_refused(tracked_shop):
    import mlflow

    bundle = registry_of(tracked_shop, Project(tracked_shop).settings).fetch("1")
    path = bundle / "scatter.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UnreadableFile, match=r"damaged.*scatter\.parquet"):
        mlflow.pyfunc.load_model(str(bundle.parent.parent))


def test_the_example_that_is_kept_with_it_can_be_predicted(tracked_shop):
    import mlflow

    project = Project(tracked_shop)
    folder = registry_of(tracked_shop, project.settings).fetch("1").parent.parent
    model = mlflow.pyfunc.load_model(str(folder))
    example = model.input_example
    found = model.predict(example)
    assert len(found) == len(example) == 3
    assert found["error"].tolist() == [None] * 3
    names = {each.name: each.required for each in model.metadata.signature.inputs}
    assert {name for name, required in names.items() if required} == {"store", "item", "date"}
    assert {"price", "promotion", "category"} <= set(names)
    assert [each.name for each in model.metadata.signature.outputs] == list(found.columns)
    first = project.panel.cutoff + timedelta(days=1)
    assert {when.date() for when in example["date"]} == {first}


def test_the_champion_is_what_a_service_takes_up(tracked_shop, change_settings):
    source = RegistrySource(tracked_shop)
    assert source.newest() is None
    promote(Project(tracked_shop))
    assert source.newest() == "1"
    service = source.load("1")
    assert (service.version, service.manifest.name) == ("1", "shop")


@pytest.mark.slow
def test_the_champion_comes_from_a_bucket_as_well(tracked_shop, change_settings, s3_endpoint):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    change_settings(tracked_shop, tracking={"artifacts": "s3://models/retailer", "name": "toys"})
    project = Project(tracked_shop)
    project.run("register")
    decision = promote(project)
    assert decision.serves
    source = RegistrySource(tracked_shop)
    service = source.load(source.newest())
    rows = project.forecasts.filter(pl.col("level") == "store x item").head(3)
    found = service.predict(rows.select("store", "item", "date"))
    assert found["units"].to_list() == pytest.approx(rows["mean"].to_list(), rel=1e-6)
    assert (tracked_shop / "results" / "models" / "1").is_dir()


def test_a_folder_is_served_without_a_registry(tracked_shop):
    project = Project(tracked_shop)
    bundle = registry_of(tracked_shop, project.settings).fetch("1")
    source = FolderSource(bundle)
    version = source.newest()
    assert version.startswith("unregistered-")
    assert source.load(version).version == version
    assert source.newest() == version
    assert FolderSource(bundle.parent / "nothing").newest() is None
