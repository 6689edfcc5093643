"""A project with prices and promotions enough to learn from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from foresell.pipeline.project import Project


@pytest.fixture(scope="session")
def _priced_shop(share_folder: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Two stores with 16 items over 500 days, with terms, in shop/, forecast by models that fit in no time."""
    from foresell.onboarding import roles, settings_file
    from foresell.synth import make_retailer

    def fill(folder: Path) -> None:
        make_retailer(folder / "data", stores=2, items=16, days=500, item_roles=True)
        proposal = roles.infer(str(folder / "data"), overrides={"horizon": 14, "country": "US"})
        proposal.settings["models"] = [{"name": "seasonal_naive"}, {"name": "moving_average"}]
        proposal.settings["backtest"] = {"windows": 2}
        proposal.settings["levels"] = [["department"], ["category"]]
        proposal.settings["tracking"] = {"enabled": False}
        proposal.settings["orders"] = {"terms": "../data/supply/terms.csv"}
        settings_file.write(proposal, folder / "shop", "data")
        Project(folder / "shop").run("forecast")

    return share_folder("priced_shop", fill)


@pytest.fixture(scope="module")
def priced(_priced_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy for the tests of a file."""
    folder = tmp_path_factory.mktemp("priced")
    shutil.copytree(_priced_shop, folder, dirs_exist_ok=True)
    return Project(folder / "shop")
