"""The extras, and the commands that install them."""

import importlib.metadata
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from foresell.core import extras
from foresell.core.errors import NotInstalled

CLONE = Path(extras.__file__).parents[3]


def test_each_extra_of_the_project_is_known_and_no_other():
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.EXTRAS) == set(project["optional-dependencies"])


def test_what_is_there_raises_nothing(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "plot", extras.Extra(("polars",), "charts"))
    extras.require("plot")
    with extras.importing("plot"):
        import polars  # noqa: F401
    assert extras.missing("plot") == []


def test_what_is_missing_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NotInstalled, match="package 'optuna' is not installed") as refused, extras.importing("tune"):
        import optuna  # noqa: F401
    assert refused.value.extra == "tune"
    assert str(refused.value).endswith(extras.install_command("tune"))
    with pytest.raises(NotInstalled) as required:
        extras.require("tune")
    assert str(required.value) == str(refused.value)


def test_a_package_that_is_there_and_broken_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "brokenpackage.py").write_text("from polars import nothing_of_this_name\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(extras.EXTRAS, "plot", extras.Extra(("brokenpackage",), "charts"))
    with pytest.raises(NotInstalled, match=r"cannot be imported: .*nothing_of_this_name"), extras.importing("plot"):
        import brokenpackage  # noqa: F401


def test_a_clone_is_installed_from_where_it_lies():
    words = shlex.split(extras.install_command("mlflow", "serve"))
    assert words[-2:] == ["-e", f"{CLONE}[mlflow,serve]"]


def test_outside_of_a_clone_the_packages_of_the_extra_are_named(monkeypatch, tmp_path):
    # As in site-packages: no pyproject.toml three folders up, and the metadata of the distribution at hand.
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site" / "foresell" / "core" / "extras.py"))
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["boto3>=1.34; extra == 'mlflow'", "click>=8.2"])
    assert shlex.split(extras.install_command("mlflow"))[-2:] == ["install", "boto3>=1.34"]


def test_the_command_is_for_the_interpreter_that_runs(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    words = shlex.split(extras.install_command("plot"))
    assert words[0] == sys.executable
    # All of the command but its last words can be run here: pip is there and takes it.
    assert subprocess.run([*words[:4], "--help"], capture_output=True).returncode == 0
    monkeypatch.setattr(shutil, "which", lambda name: sys.executable)
    assert shlex.split(extras.install_command("plot"))[0] == "python"
