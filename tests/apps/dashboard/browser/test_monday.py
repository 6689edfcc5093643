"""A planner's Monday, from the fallen store to the exported orders, in a real browser."""

from __future__ import annotations

import csv
import os
import re
import signal
from pathlib import Path

import pytest
from fixtures.dashboard_visits import FALLEN, Visit, dashboard

from foresell.apps.dashboard.pages import PAGES
from foresell.pipeline.project import Project

pytestmark = pytest.mark.slow

DECIDE = re.compile(r"(Approve|Reject) (all|\d)")
"""The names of the buttons that decide about lines of a plan."""


def test_from_a_fallen_store_to_the_orders(visit, fallen_shop: Path, tmp_path: Path) -> None:
    paul = visit("paul")
    page = paul.page

    paul.turn_to("Today")
    assert (
        FALLEN
        in page.locator('[data-testid="stVerticalBlockBorderWrapper"], [data-testid="stMain"]').first.inner_text()
    )
    page.get_by_role("link", name=f"Show {FALLEN}").first.click()
    page.get_by_role("heading", name="Forecast", exact=True, level=1).wait_for()
    paul.settle()
    assert FALLEN in page.get_by_role("heading", level=2).first.inner_text()

    paul.turn_to("Why")  # of the same store
    assert "units are forecast" in paul.text()

    paul.turn_to("What if")
    page.get_by_label("Price", exact=True).fill("-10%")
    paul.press("Forecast with this")
    assert "As it would be" in paul.text()

    paul.turn_to("Plan")
    before = Project(fallen_shop).results.root.joinpath("plan", "orders.csv").read_bytes()
    paul.choose_line()
    paul.unfold("Change quantities")
    page.get_by_label("Amount").fill("77")
    page.get_by_label("Amount").press("Tab")
    page.get_by_label("Reason", exact=True).click()
    page.get_by_role("option").filter(has_text="event").first.click()
    page.get_by_label("Why, in a few words").fill("street fair")
    page.get_by_label("Why, in a few words").press("Tab")
    paul.press("Change 1 line")
    assert "1 line changed" in paul.text()
    [override] = Project(fallen_shop).overrides.overrides()
    assert (override.who, override.value, override.reason, override.why) == ("paul", 77, "event", "street fair")

    paul.press("Approve all")
    assert "approved" in paul.text()
    paul.unfold("Export, and who decided what")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").first.click()
    file = tmp_path / "orders.csv"
    download.value.save_as(file)
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig")))
    assert rows
    assert {row["decided_by"] for row in rows} == {"paul"}
    assert "77" in {row["quantity"].removesuffix(".0") for row in rows}

    paul.press("Undo the last decision")
    assert "can be decided again" in paul.text()
    assert Project(fallen_shop).results.root.joinpath("plan", "orders.csv").read_bytes() == before
    assert not paul.elsewhere
    assert page.evaluate("window.hit") is None


def test_who_may_do_what(visit, chromium, served: str, keys) -> None:
    stranger = Visit(chromium, served)
    stranger.sign_in("fs_wrong")
    assert "no such key" in stranger.text()

    rita = visit("rita")
    rita.turn_to("Plan")
    assert "with a key of the role predict" in rita.text()
    assert rita.page.get_by_role("button", name=DECIDE).count() == 0
    assert rita.page.get_by_text("Change quantities").count() == 0

    pia = visit("pia")
    pia.turn_to("Plan")
    assert pia.page.get_by_role("button", name=DECIDE).count() == 2
    pia.turn_to("Data and runs")
    assert pia.page.get_by_role("button", name="Run all that is out of date").count() == 0


def test_two_planners_at_once_lose_nothing(visit, fallen_shop: Path) -> None:
    people = [visit("paul"), visit("pia")]
    for person in people:
        person.turn_to("Plan")
    for place, person in enumerate(people):
        person.choose_line(place)
        person.press("Reject 1 chosen line")
    lines = (fallen_shop / "approvals.jsonl").read_text(encoding="utf-8")
    assert '"paul"' in lines
    assert '"pia"' in lines


def test_a_killed_server_loses_no_override(chromium, fallen_shop: Path, keys) -> None:
    options = ("--keys", str(fallen_shop.parent / "keys"))
    count = len(Project(fallen_shop).overrides.overrides())
    with dashboard(fallen_shop, *options) as (address, process):
        pia = Visit(chromium, address, keys["pia"])
        pia.turn_to("Plan")
        pia.choose_line(1)
        pia.unfold("Change quantities")
        pia.page.get_by_label("Amount").fill("5")
        pia.page.get_by_label("Amount").press("Tab")
        pia.page.get_by_label("Reason", exact=True).click()
        pia.page.get_by_role("option").first.click()
        pia.press("Change 1 line")
        os.kill(process.pid, signal.SIGKILL)
    assert len(Project(fallen_shop).overrides.overrides()) == count + 1
    with dashboard(fallen_shop, *options) as (address, _):
        pia = Visit(chromium, address, keys["pia"])
        pia.turn_to("Overrides")
        assert "pia" in Project(fallen_shop).overrides.overrides()[-1].who
        assert "No override holds now" not in pia.text()


def test_no_page_reaches_over_the_side_of_a_phone(visit, served: str) -> None:
    adam = visit("adam", width=390)
    page = adam.page
    for entry in PAGES.values():
        if not page.get_by_test_id("stSidebarNav").is_visible():
            page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=entry.title, exact=True).click()
        page.get_by_role("heading", name=entry.title, exact=True, level=1).wait_for()
        adam.settle()
        over = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollWidth - window.innerWidth")
        assert over <= 0, entry.title
        assert page.get_by_test_id("stException").count() == 0, entry.title
    assert page.evaluate("window.hit") is None
    assert not adam.elsewhere
