"""A bundle of the trained shop, and what answers from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.service import Service


@pytest.fixture(scope="session")
def project(trained_shop: Path) -> Project:
    return Project(trained_shop)


@pytest.fixture(scope="session")
def bundle(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only."""
    folder = tmp_path_factory.mktemp("bundle") / "served"
    write_bundle(project.folder, project.settings, project.steps, folder)
    return folder


@pytest.fixture(scope="session")
def service(bundle: Path) -> Service:
    return Service.load(bundle, "3")
