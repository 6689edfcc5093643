"""Runs kept in MLflow: what is written and found again, moved projects, places that do not answer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.locked_database import locked_database

from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import install_command
from foresell.core.settings import Tracking as Settings
from foresell.registry.tracking import Run, Tracking
from foresell.registry.tracking_store import Where, holds


@pytest.fixture
def project(mlflow_database: Path, tmp_path: Path) -> Path:
    """A folder with an empty database of MLflow."""
    place = tmp_path / "shop"
    (place / "results").mkdir(parents=True)
    shutil.copy(mlflow_database, place / "results" / "mlflow.db")
    return place


def tracking(folder: Path, **settings: str) -> Tracking:
    return Tracking(Where.of(folder, Settings(**settings)))


def keep(at: Tracking, fingerprint: str, artifacts: Path | None = None, **more) -> str:
    with at.recording(Run("backtest", fingerprint, "a run", artifacts=artifacts, **more)) as made:
        pass
    return made


def test_a_run_is_found_again_with_what_was_kept(project, tmp_path):
    (tmp_path / "files" / "plots").mkdir(parents=True)
    (tmp_path / "files" / "plots" / "a.svg").write_text("<svg/>")
    params = {f"number {place}": place for place in range(150)} | {"long": "x" * 10_000}
    metrics = {f"wrmsse/level x {place}": place / 7 for place in range(120)} | {"größe": 0.5}
    made = keep(tracking(project), "abc", tmp_path / "files", tags={"foresell.data": "d1"}, params=params,
                metrics=metrics)  # fmt: skip
    again = tracking(project)
    found = again.find("backtest", "abc")
    assert found is not None
    assert found.id == made
    assert found.tags["foresell.data"] == "d1"
    data = again.client.get_run(made).data
    assert len(data.params) == 151
    assert data.params["number 149"] == "149"
    assert data.metrics["wrmsse/level x 119"] == 17.0
    assert data.metrics["gr__e"] == 0.5
    assert again.artifact(made, "plots/a.svg", tmp_path).read_text() == "<svg/>"
    assert again.find("training", "abc") is None
    assert again.find("backtest", "abd") is None


def test_a_database_that_another_process_has_locked_is_named_before_mlflow_waits(project, caplog):
    at = Tracking(Where.of(project, Settings(), lock_seconds=0.1))
    run = keep(at, "abc")
    database = project / "results" / "mlflow.db"
    with locked_database(database) as holder:
        expected = f"The tracking store .*mlflow.db was locked by {holder} for 0.1 s"
        for request in (
            lambda: at.find("backtest", "abc"),
            lambda: keep(at, "abd"),
            lambda: at.artifact(run, "", project),
            lambda: holds(at.where, run),
            lambda: Where.of(project, Settings(), lock_seconds=0.1),
        ):
            with pytest.raises(StoreError, match=expected):
                request()
    assert {record.name for record in caplog.records} == {"foresell.store.database_lock"}  # MLflow printed nothing
    assert at.find("backtest", "abc").id == run


def test_a_run_counts_only_once_it_is_whole(project):
    at = tracking(project)
    with pytest.raises(ZeroDivisionError), at.recording(Run("backtest", "abc", "broken off")):
        _ = 1 / 0
    assert at.find("backtest", "abc") is None
    made = keep(at, "abc")
    assert [each.id for each in at.runs("backtest")] == [made]


def test_a_project_that_is_moved_takes_its_runs_along(project, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    made = keep(tracking(project), "abc", tmp_path / "files")
    moved = tmp_path / "other" / "shop"
    moved.parent.mkdir()
    project.rename(moved)
    at = tracking(moved)
    assert at.find("backtest", "abc").id == made
    assert at.artifact(made, "a.txt", tmp_path).read_text() == "kept"
    second = keep(at, "abd", tmp_path / "files")
    assert (moved / "results" / "mlflow" / second / "artifacts" / "a.txt").exists()
    assert not project.exists()


def test_a_project_that_is_copied_to_another_name_keeps_the_name_of_its_runs(project, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    made = keep(tracking(project), "abc", tmp_path / "files")
    shutil.copytree(project, tmp_path / "store 2")
    shutil.rmtree(project)
    at = tracking(tmp_path / "store 2")
    assert at.where.name == "shop"
    assert at.find("backtest", "abc").id == made
    assert at.artifact(made, "a.txt", tmp_path).read_text() == "kept"
    assert tracking(tmp_path / "store 2", name="toys").find("backtest", "abc") is None


def test_which_name_the_runs_of_a_project_have(project, tmp_path):
    assert Where.of(project, Settings()).name == "shop"  # nothing is recorded: that of the folder
    assert Where.of(tmp_path / "nowhere", Settings()).name == "nowhere"
    keep(tracking(project, name="toys"), "abc")
    assert Where.of(project, Settings()).name == "toys"  # the only one there is
    keep(tracking(project, name="shop"), "abc")
    assert Where.of(project, Settings()).name == "shop"  # of two, that of the folder
    tracking(project).client.delete_experiment(tracking(project, name="toys").experiment)
    project = project.rename(tmp_path / "store")
    assert Where.of(project, Settings()).name == "shop"  # one that was deleted does not count
    keep(tracking(project, name="third"), "abc")
    assert Where.of(project, Settings()).name == "store"  # of two others neither is it
    assert Where.of(project, Settings(uri="sqlite:///results/mlflow.db")).name == "store"  # may be shared by projects
    (project / "results" / "mlflow.db").write_bytes(b"no database at all" * 100)
    assert Where.of(project, Settings()).name == "store"


def test_files_lie_where_the_settings_say_and_stay_there(project, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    made = keep(tracking(project, artifacts="elsewhere", name="toys"), "abc", tmp_path / "files")
    assert (project / "elsewhere" / made / "artifacts" / "a.txt").read_text() == "kept"
    with pytest.raises(UsageError, match=r"keeps its files in .*elsewhere.*tracking\.name"):
        tracking(project, artifacts="third", name="toys").find("backtest", "abc")


def test_the_database_may_lie_elsewhere(tmp_path, mlflow_database):
    shutil.copy(mlflow_database, tmp_path / "shared.db")
    made = keep(tracking(tmp_path / "shop", uri="sqlite:///../shared.db"), "abc")
    # A second project beside it, of another name, has runs of its own.
    assert tracking(tmp_path / "other", uri="sqlite:///../shared.db").find("backtest", "abc") is None
    assert tracking(tmp_path / "shop", uri=f"sqlite:///{tmp_path}/shared.db").find("backtest", "abc").id == made


def test_a_bucket_keeps_the_files(project, tmp_path, s3_endpoint):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    where = {"artifacts": "s3://tracking/shop", "name": "toys"}
    made = keep(tracking(project, **where), "abc", tmp_path / "files")
    assert tracking(project, **where).artifact(made, "a.txt", tmp_path).read_text() == "kept"
    assert not (project / "results" / "mlflow").exists()


def test_a_bucket_that_refuses_is_told_of(project, tmp_path, s3_endpoint, monkeypatch):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    import boto3
    from mlflow.store.artifact import s3_artifact_repo

    s3_artifact_repo._cached_get_s3_client.cache_clear()  # MLflow keeps a client for minutes, boto3 its credentials
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    at = tracking(project, artifacts="s3://tracking/shop", name="toys")
    with pytest.raises(StoreError, match=r"s3://tracking/shop"):
        keep(at, "abc", tmp_path / "files")
    assert at.find("backtest", "abc") is None
    s3_artifact_repo._cached_get_s3_client.cache_clear()


def test_a_server_that_is_down_is_told_of_at_once(tmp_path):
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9/.* does not answer.*tracking\.uri"):
        tracking(tmp_path, uri="http://127.0.0.1:9/").find("backtest", "abc")


@pytest.mark.parametrize("uri", ["postgresql://planner:secret@host/db", "mlflow.db", "file:///runs"])
def test_an_address_of_another_kind_is_refused_without_its_password(tmp_path, uri):
    with pytest.raises(UsageError, match=r"tracking\.uri") as error:
        Where.of(tmp_path, Settings(uri=uri))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(("name", "expected"), [("my/shop: 'x'", "my-shop- -x-"), ("Łódź", "Łódź"), (None, "toys")])
def test_the_name_is_one_that_the_registry_takes(tmp_path, name, expected):
    assert Where.of(tmp_path / "toys", Settings(name=name)).name == expected


def test_whether_a_run_is_still_there_is_asked_of_the_database_alone(project, tmp_path):
    made = keep(tracking(project), "abc")
    where = Where.of(project, Settings())
    assert holds(where, made)
    assert not holds(where, "another")
    assert holds(Where.of(project, Settings(uri="http://127.0.0.1:9")), made)  # a server is not asked
    where.database.unlink()
    assert not holds(where, made)
    where.database.write_bytes(b"no database at all" * 100)
    assert not holds(where, made)


def test_records_of_mlflow_go_where_those_of_foresell_go():
    code = """
import io, logging
from foresell.registry.tracking import import_mlflow
lines = io.StringIO()
logging.getLogger().addHandler(logging.StreamHandler(lines))
import_mlflow()
logging.getLogger("mlflow.tracking").warning("seen")
logging.getLogger("mlflow.store.db.utils").error("INSERT INTO ... is raised as well")
assert lines.getvalue().splitlines()[-1] == "seen", lines.getvalue()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_damaged_database_is_told_of(project):
    (project / "results" / "mlflow.db").write_bytes(b"no database at all" * 100)
    for ask in (lambda at: at.find("backtest", "abc"), lambda at: at.update_addresses()):
        with pytest.raises(StoreError, match=r"mlflow\.db"):
            ask(tracking(project))


@pytest.mark.parametrize("missing", ["mlflow", "sqlalchemy"])
def test_without_mlflow_it_says_what_to_install(tmp_path, missing):
    # A process of its own, in which the library cannot be imported.
    code = f"""
import sys
sys.modules[{missing!r}] = None
from pathlib import Path
from foresell.core.errors import UsageError
from foresell.core.settings import Tracking as Settings
from foresell.registry.tracking import Tracking
from foresell.registry.tracking_store import Where
try:
    Tracking(Where.of(Path({str(tmp_path)!r}), Settings())).find("backtest", "abc")
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert install_command("mlflow") in done.stdout, done.stderr


AWKWARD = [
    "what?",
    "50% off",
    "100%25",
    "#1",
    "Käse und Nüsse",
    "two\nlines",
    "[old]*",
    "a?b=c&uri=false",
    "x@y:z",
    "'\"",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_runs_lie_in_the_project_whatever_its_folder_is_called(mlflow_database, tmp_path, name):
    folder = tmp_path / "shops" / name
    (folder / "results").mkdir(parents=True)
    shutil.copy(mlflow_database, folder / "results" / "mlflow.db")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("kept")
    made = keep(tracking(folder), "abc", tmp_path / "files")
    again = tracking(folder)
    assert again.find("backtest", "abc").id == made
    assert holds(again.where, made)
    assert again.artifact(made, "a.txt", tmp_path).read_text() == "kept"
    assert (folder / "results" / "mlflow" / made / "artifacts" / "a.txt").exists()
    assert [entry.name for entry in (tmp_path / "shops").iterdir()] == [name]
