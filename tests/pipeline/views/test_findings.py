"""What was found, and the bad rows by page and search."""

from __future__ import annotations

import json

import polars as pl
import pytest
from fixtures.bad_rows import with_bad_rows

from foresell.core.errors import FindingsStop
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


def test_findings_come_worst_first_with_their_advice(done_shop) -> None:
    place = done_shop / "results" / "check" / "findings.json"
    kinds = [("a", "info", 9), ("b", "error", 1), ("c", "warning", 5), ("d", "error", 2)]
    common = {"where": "sales.csv", "message": "m", "examples": ["x", "y"], "advice": "do"}
    place.write_text(
        json.dumps([{"code": code, "severity": severity, "count": count, **common} for code, severity, count in kinds])
    )
    shown = show(Project(done_shop), "findings")
    from_check = shown.findings.filter(pl.col("found_by") == "check")
    assert from_check["finding"].to_list() == ["d", "b", "c", "a"]
    assert from_check.row(0, named=True)["examples"] == "x; y"
    assert (shown.quarantined, shown.quarantine) == (0, None)


def test_bad_rows_are_searched_and_paged(done_shop) -> None:
    project = Project(with_bad_rows(done_shop, 160))
    first = show(project, "findings")
    assert (first.quarantined, first.matching, first.pages) == (160, 160, 4)
    assert first.bad_rows["line"].to_list() == list(range(2, 52))
    last = show(project, "findings", page=4)
    assert last.bad_rows["line"].to_list() == list(range(152, 162))
    duplicates = show(project, "findings", search="DUPLICATE")
    assert (duplicates.matching, duplicates.pages) == (54, 2)  # 0, 3, ... 159
    assert show(project, "findings", search="s7,kä").bad_rows["line"].to_list() == [9]
    assert show(project, "findings", search="[").matching == 0


def test_a_project_that_was_not_checked_says_so(shop) -> None:
    shown = show(Project(shop), "findings")
    assert "foresell check" in shown.sentence
    assert shown.findings.is_empty()


def test_a_check_that_stopped_is_told(shop) -> None:
    sales = shop.parent / "data" / "sales.csv"
    lines = sales.read_text().splitlines()
    sales.write_text("\n".join([lines[0], *(line.replace("20", "x", 1) for line in lines[1:])]))
    project = Project(shop)
    with pytest.raises(FindingsStop):
        project.run("check")
    shown = show(project, "findings")
    assert "stopped the work" in shown.sentence
    assert shown.findings["severity"][0] == "error"
    assert shown.quarantined > 0
