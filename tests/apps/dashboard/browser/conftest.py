"""A shop whose store S002 has fallen, its dashboard as a process, and the Chromium of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from fixtures.dashboard_visits import FALLEN, HOSTILE, Visit, dashboard
from fixtures.projects import CUTOFF

from foresell.pipeline.project import Project
from foresell.serving.keys import new_key

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")


@pytest.fixture(scope="session")
def _fallen_shop(_shop: Path, share_folder: Callable[..., Path], change_settings: Callable[..., None]) -> Path:
    """The shop has forecast, then a week of sales came in, which in one store were 40 %; it has planned again."""

    def fill(folder: Path) -> None:
        shutil.copytree(_shop, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("results"))
        shop, data = folder / "shop", folder / "data"
        item = pl.read_csv(data / "sales.csv")["item"][0]
        for table in data.glob("*.csv"):
            table.write_text(table.read_text(encoding="utf-8").replace(item, HOSTILE), encoding="utf-8")
        model = {"name": "lightgbm", "options": {"trees": 20, "share": 0.5}}
        change_settings(shop, models=[model], data={"until": CUTOFF.isoformat()}, backtest={"windows": 10})
        Project(shop).run("forecast")
        _fall(data / "sales.csv")
        change_settings(shop, data={"until": (CUTOFF + timedelta(days=7)).isoformat()})
        panel = Project(shop).run("check") and Project(shop).panel
        panel.series.select(panel.keys).with_columns(on_hand=pl.lit(2)).write_csv(shop / "stock.csv")
        (shop / "terms.csv").write_text("lead_days,review_days\n1,3\n")
        change_settings(shop, orders={"stock": "stock.csv", "terms": "terms.csv", "policy": "normal"})
        project = Project(shop)
        project.run("forecast")
        project.issue_plan(project.plan("orders"))

    return share_folder("fallen", fill)


def _fall(path: Path) -> None:
    sales = pl.read_csv(path, try_parse_dates=True)
    fallen = (pl.col("date") > CUTOFF) & (pl.col("store") == FALLEN)
    units = pl.when(fallen).then((pl.col("units") * 0.4).floor().cast(pl.Int64)).otherwise(pl.col("units"))
    sales.with_columns(units=units).write_csv(path)


@pytest.fixture(scope="module")
def fallen_shop(_fallen_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shop for the tests of a file, which write into it one after the other."""
    folder = tmp_path_factory.mktemp("fallen")
    shutil.copytree(_fallen_shop, folder, dirs_exist_ok=True)
    return folder / "shop"


@pytest.fixture(scope="module")
def keys(fallen_shop: Path) -> dict[str, str]:
    """A key of each role, by its name; the file with their lines lies beside the project."""
    texts, lines = {}, []
    for role, name in (("read", "rita"), ("predict", "paul"), ("predict", "pia"), ("admin", "adam")):
        text, key = new_key(role, name)
        texts[name] = text
        lines.append(key.line())
    (fallen_shop.parent / "keys").write_text("\n".join(lines))
    return texts


@pytest.fixture(scope="module")
def served(fallen_shop: Path, keys: dict[str, str]) -> Iterator[str]:
    """The address of the dashboard, which needs a key."""
    with dashboard(fallen_shop, "--keys", str(fallen_shop.parent / "keys")) as (address, _):
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A browser without a window."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: object, served: str, keys: dict[str, str]) -> Callable[..., Visit]:
    """Opens the dashboard as one of the people of `keys`."""
    return lambda name, **more: Visit(chromium, served, keys[name], **more)
