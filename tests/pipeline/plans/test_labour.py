"""The plan of labour of a project: people by interval, equipment and shifts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import ForesellError, NotInstalled, SettingsError, UsageError
from foresell.core.extras import missing
from foresell.core.settings import LabourTables
from foresell.pipeline.plans import labour
from foresell.pipeline.project import Project

FILES = {
    "drivers.csv": "category,units_an_hour,wage,short\n{0},2,15,60\n{1},4,18,50\n{2},5,18,50\n",
    "profile.csv": "hour,share\n9,1\n10,2\n11,2\n12,1\n13,1\n14,1\n",
    "equipment.csv": "equipment,units_an_hour,pieces\nforklift,3,1\nscanner,1000,1\n",
    "people.csv": "store,category,person,hours_week,days\n{s},{0},Ada,20,1 2 3 4 5\n{s},{0},Bo,12,\n",
}


@pytest.fixture(scope="module")
def project(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("labour")
    shutil.copytree(_shop, folder, dirs_exist_ok=True)
    project = Project(folder / "shop")
    series = project.panel.series
    names = [*series["category"].unique(maintain_order=True), "none", "neither"][:3]
    for file, text in FILES.items():
        (project.folder / file).write_text(text.format(*names, s=series["store"][0]))
    return project


def tables(**given: object) -> LabourTables:
    return LabourTables(**{"drivers": "drivers.csv", "by": ("store",), **given})


def test_days_have_people_whose_reasons_add_up_and_more_work_takes_more_of_them(project: Project) -> None:
    plan = labour.plan(project, tables())
    lines = plan.lines
    n_posts = lines.select("store", "category").unique().height
    assert lines.height == n_posts * 7
    assert lines.select(*plan.keys, "date", "action").is_unique().all()
    assert (lines["action"] == "staff").all()
    assert (lines["begins"] == "").all()
    assert (lines["quantity"] * 8 + lines["short_hours"] >= lines["work_hours"] - 1e-6).all()
    assert (lines["money"] >= -1e-9).all()
    assert (lines["work_high"] >= lines["work_hours"] * 0.9).all()
    assert lines["times_usual"].is_not_null().all()
    assert lines["money"].is_sorted(descending=True)
    assert "hours of work" in plan.headline[0]
    hard = labour.plan(project, tables(hours_a_day=4.0))
    assert hard.lines["quantity"].sum() > lines["quantity"].sum()


def test_the_work_of_a_day_is_that_of_its_hours(project: Project) -> None:
    days = labour.plan(project, tables()).lines
    hours = labour.plan(project, tables(profile="profile.csv")).lines
    assert sorted(hours["begins"].unique()) == [f"{hour:02d}:00" for hour in range(9, 15)]
    by = ["store", "category", "date"]
    both = days.join(hours.group_by(by).agg(pl.col("work_hours").sum().alias("of_hours")), on=by)
    np.testing.assert_allclose(both["work_hours"], both["of_hours"], rtol=1e-6)
    busy = hours.group_by("begins").agg(pl.col("work_hours").sum()).sort("work_hours", descending=True)
    assert set(busy["begins"][:2]) == {"10:00", "11:00"}


def test_fewer_people_than_would_be_best_bind_and_have_a_price(project: Project) -> None:
    (project.folder / "limited.csv").write_text("units_an_hour,wage,short,most\n1,15,60,1\n")
    lines = labour.plan(project, tables(drivers="limited.csv", profile="profile.csv")).lines
    assert lines["quantity"].max() == 1
    bound = lines.filter(pl.col("unconstrained") > 1)
    assert bound.height
    assert (bound["binds"] == "most").all()
    assert (bound["shadow_price"] > 0).all()
    assert "limit" in bound["reason"][0]


def test_a_desk_has_as_many_people_as_answer_in_time(project: Project) -> None:
    (project.folder / "desk.csv").write_text("task,handling_seconds,service_level\ndesk,240,0.9\n")
    lines = labour.plan(project, tables(drivers="desk.csv", profile="profile.csv", by=())).lines
    assert (lines["resource"] == "desk").all()
    assert (lines["service_level"] >= 0.9).all()
    assert (lines["quantity"] > lines["work_hours"]).all()
    with pytest.raises(SettingsError, match="service desk"):
        labour.plan(project, tables(drivers="desk.csv", by=()))


def test_equipment_that_is_short_is_added_and_reported(project: Project) -> None:
    plan = labour.plan(project, LabourTables(equipment="equipment.csv", by=("store",)))
    short = plan.lines.filter(pl.col("action") == "add")
    assert set(short["resource"]) == {"forklift"}
    assert (short["short_probability"] > 0.05).all()
    assert [(finding.code, finding.count) for finding in plan.findings] == [("equipment-short", short.height)]
    easy = labour.plan(project, LabourTables(equipment="equipment.csv", by=("store",), hours_a_day=4000.0))
    assert not easy.findings
    assert (easy.lines["quantity"] == 0).all()


def test_shifts_cover_the_work_of_those_who_are_known(project: Project) -> None:
    if missing("shifts"):
        with pytest.raises(NotInstalled):
            labour.plan(project, tables(profile="profile.csv", people="people.csv"))
        pytest.skip("OR-Tools is not installed.")
    given = tables(profile="profile.csv", people="people.csv", shift_lengths=(3.0, 4.0))
    plan = labour.plan(project, given)
    shifts = plan.lines.filter(pl.col("action") == "shift")
    assert set(shifts["resource"]) <= {"Ada", "Bo"}
    assert (shifts["date"].dt.weekday().filter(shifts["resource"] == "Ada") <= 5).all()
    assert (shifts["begins"] >= "09:00").all()
    assert (shifts["ends"] <= "15:00").all()
    (roster,) = plan.rosters
    assert plan.details()["rosters"][0]["gap"] == roster.gap
    assert any("Shifts of" in sentence for sentence in plan.headline)
    with pytest.raises(SettingsError, match=r"hours.*profile"):
        labour.plan(project, tables(people="people.csv"))


def test_a_department_without_a_driver_is_reported_and_others_are_planned(project: Project) -> None:
    first = project.panel.series["category"][0]
    (project.folder / "one.csv").write_text(f"category,units_an_hour\n{first},2\nnobody,3\n")
    plan = labour.plan(project, tables(drivers="one.csv"))
    assert plan.lines["category"].unique().to_list() == [first]
    assert {finding.code for finding in plan.findings} == {"supply-unmatched", "driver-missing"}
    assert set(plan.lines["assumed"]) == {"wage, short"}


def test_a_row_without_a_rate_leaves_out_its_places_alone(project: Project) -> None:
    first, second = project.panel.series["category"].unique(maintain_order=True)[:2]
    (project.folder / "one.csv").write_text(f"category,units_an_hour\n{first},2\n{second},0\n")
    plan = labour.plan(project, tables(drivers="one.csv"))
    assert plan.lines["category"].unique().to_list() == [first]
    assert {finding.code for finding in plan.findings} == {"driver-invalid", "driver-missing"}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("drivers", "category,units_an_hour\nx,-3\n", "units_an_hour below 0"),
        ("drivers", "category,wage\nx,3\n", "without units_an_hour above 0"),
        ("drivers", "catgory,units_an_hour\nx,3\n", "Did you mean 'category'"),
        ("drivers", "units_an_hour\n3\n4\n", "several rows"),
        ("drivers", "units_an_hour\n", "no rows"),
        ("drivers", "units_an_hour,least,most\n3,4,2\n", "at least 4 people where there are at most 2"),
        ("drivers", "units_an_hour,overtime,short\n3,50,40\n", "costs of labour"),
        ("profile", "hour,share\n25,1\n", "hour that is not 0 to 23"),
        ("profile", "hour,share\n9,0\n", "no share above 0"),
        ("profile", "hour,share\n9,-1\n", "share below 0"),
        ("equipment", "units_an_hour\n3\n", "no column equipment, pieces"),
    ],
)
def test_tables_that_cannot_be_are_refused_with_what_to_do(
    project: Project, file: str, text: str, message: str
) -> None:
    (project.folder / "bad.csv").write_text(text)
    with pytest.raises(ForesellError, match=message) as refused:
        labour.plan(project, tables(**{file: "bad.csv"}))
    assert isinstance(refused.value, UsageError)


def test_a_plan_without_tables_says_which_are_missing(project: Project) -> None:
    with pytest.raises(SettingsError, match=r"labour\.drivers"):
        labour.plan(project, LabourTables())
    with pytest.raises(SettingsError, match=r"labour\.by.*colour"):
        labour.plan(project, tables(by=("colour",)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("category,units_an_hour\nnowhere,3\n", "No row of .* is about series that are forecast"),
        ("units_an_hour,handling_seconds\n100,180\n", "disagree"),
        ("units_an_hour,wage\n3,0\n", "a wage of 0"),
        ("units_an_hour,wage,short\n3,20,10\n", "nobody would ever be worth"),
        ("units_an_hour,least\n3,1.5\n", "whole numbers"),
    ],
)
def test_rates_that_cannot_be_meant_are_refused(project: Project, text: str, message: str) -> None:
    (project.folder / "odd.csv").write_text(text)
    with pytest.raises(SettingsError, match=message):
        labour.plan(project, tables(drivers="odd.csv", profile="profile.csv"))


def test_a_low_cost_of_being_short_needs_no_cost_of_overtime(project: Project) -> None:
    (project.folder / "cheap.csv").write_text("units_an_hour,wage,short\n1,20,25\n")
    assert labour.plan(project, tables(drivers="cheap.csv")).lines["quantity"].sum() > 0


def test_people_without_hours_are_named(project: Project) -> None:
    store, category = project.panel.series.select("store", "category").row(0)
    (project.folder / "away.csv").write_text(f"store,category,person,hours_week\n{store},{category},Ada,\n")
    with pytest.raises(SettingsError, match="how many hours a week Ada"):
        labour.plan(project, tables(profile="profile.csv", people="away.csv"))
