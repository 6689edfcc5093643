"""What is served as one folder: whole, portable, and refused where it is not what it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.pipeline.project import Project
from foresell.serving.bundle import read_bundle_settings, read_manifest, write_bundle
from foresell.serving.service import Service
from foresell.store.panels import digest, load_panel


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A bundle to be spoiled."""
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def test_the_manifest_says_what_is_served(bundle: Path, project: Project) -> None:
    manifest, panel = read_manifest(bundle), project.panel
    assert (manifest.cutoff, manifest.horizon) == (panel.cutoff, project.settings.horizon)
    assert (manifest.keys, manifest.levels) == (panel.keys, project.settings.levels)
    assert manifest.data == digest(panel) == digest(load_panel(bundle / "panel"))
    assert manifest.trained == project.results.record("train").finished
    assert manifest.name == "shop"
    there = {str(file.relative_to(bundle).as_posix()): file for file in bundle.rglob("*") if file.is_file()}
    there.pop("manifest.json")
    assert manifest.files == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in there.items()}
    assert read_bundle_settings(bundle) == project.settings
    assert {"scatter.parquet", "dependence.parquet"} <= set(manifest.files)  # ranges and sample paths go with it


def test_nothing_in_it_runs_when_it_is_read(bundle: Path) -> None:
    files = [file for file in bundle.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".txt", ".parquet", ".npy", ".csv"}
    assert not any(file.read_bytes().startswith(b"\x80") for file in files)  # as pickles begin


def _cut(folder: Path) -> None:
    path = next(folder.glob("model/models/*/booster*"))
    path.write_bytes(path.read_bytes()[:-10])


def _flip(folder: Path) -> None:
    path = folder / "panel" / "units.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _lose(folder: Path) -> None:
    (folder / "scatter.parquet").unlink()


def _add(folder: Path) -> None:
    (folder / "model" / "more.json").write_text("{}")


def _change(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def _forget(folder: Path) -> None:
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    del told["files"]["settings.json"]
    path.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_cut, r"1 file is damaged.*booster_0_0\.txt.*[Ff]etch it again"),
        (_flip, r"is damaged.*panel/units\.npy"),
        (_lose, r"is missing: scatter\.parquet"),
        (_add, r"1 file is not of it: model/more\.json"),
        (_forget, r"does not list settings\.json"),
        (_change(format=99, foresell="9.0"), r"written by foresell 9\.0 in format 99; .*Update foresell"),
        (_change(files=3), r"does not describe a model of foresell"),
        (_change(format="new"), r"does not describe a model of foresell"),
        (lambda folder: (folder / "manifest.json").write_text("["), r"does not describe a model of foresell"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), r"does not describe a model of foresell"),
        (lambda folder: (folder / "manifest.json").unlink(), r"holds no model to serve.*foresell train"),
    ],
)
def test_what_is_not_whole_is_refused(copy: Path, spoil: Callable[[Path], object], said: str) -> None:
    read_manifest(copy)
    spoil(copy)
    with pytest.raises(UnreadableFile, match=said):
        Service.load(copy)


def test_what_lies_beside_it_does_not_matter(copy: Path) -> None:
    (copy / "MLmodel").write_text("flavors: {}")
    assert read_manifest(copy).name == "shop"


def test_a_model_that_is_not_there_is_said(copy: Path) -> None:
    """Of a foresell with more models, or from a machine with more installed."""
    path = next(copy.glob("model/models/*/model.json"))
    path.write_text(path.read_text().replace('"kind": "lightgbm"', '"kind": "oracle"'))
    told = json.loads((copy / "manifest.json").read_text())
    told["files"][path.relative_to(copy).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(UnreadableFile, match=r"cannot be used here.*no model 'oracle'"):
        Service.load(copy)


def test_it_takes_the_place_of_the_one_before_or_leaves_it(copy: Path, project: Project, tmp_path: Path) -> None:
    (copy / "old.txt").write_text("old")
    write_bundle(project.folder, project.settings, project.steps, copy)
    assert not (copy / "old.txt").exists()
    broken = Path(shutil.copytree(project.folder, tmp_path / "broken"))
    (broken / "results" / "combine" / "scatter.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        write_bundle(Project(broken).folder, Project(broken).settings, Project(broken).steps, copy)
    assert read_manifest(copy).name == "shop"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "copy"]


def test_a_project_without_a_model_has_none_to_serve(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the steps check, combine, train are not done.*foresell train"):
        write_bundle(Project(shop).folder, Project(shop).settings, Project(shop).steps, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
