"""A registry for the tests of versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from foresell.core.settings import Tracking as Settings
from foresell.registry.tracking import Tracking
from foresell.registry.tracking_store import Where
from foresell.registry.versions import Registry


@pytest.fixture
def make_registry(mlflow_database: Path, tmp_path: Path):
    """A registry of a project in ``shop/``; `settings` are those of tracking."""
    place = tmp_path / "shop"
    (place / "results").mkdir(parents=True)
    shutil.copy(mlflow_database, place / "results" / "mlflow.db")

    def make(**settings: str) -> Registry:
        return Registry(Tracking(Where.of(place, Settings(**settings))), place / "results" / "models")

    return make
