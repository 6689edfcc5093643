"""Approvals belong to the quantity that was seen, are only ever appended, and outlive a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.pipeline.plans.approval_log import ApprovalLog, with_decisions
from foresell.pipeline.plans.override_log import OverrideLog

DAY = date(2024, 5, 6)


def lines(quantities: list[float | None], **more: list[object]) -> pl.DataFrame:
    items = [f"item {place}" for place in range(len(quantities))]
    columns = {"item": items, "date": [DAY] * len(items), "action": ["order"] * len(items), "quantity": quantities}
    return pl.DataFrame(columns | more, schema_overrides={"quantity": pl.Float64})


def states(log: ApprovalLog, table: pl.DataFrame) -> list[str]:
    return with_decisions(table, log.decisions("orders"))["state"].to_list()


def test_an_approval_holds_for_the_quantity_that_was_seen(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    seen = lines([10.0, 20.0, 30.0])
    log.decide("orders", seen[:2], "approve", "Ann", "fine")
    log.decide("orders", seen[2:], "reject", "Bob")
    assert states(log, seen) == ["approved", "approved", "rejected"]
    # The plan is made again: one quantity and the action of another line are others, and the order of the lines.
    again = lines([31.0, 20.0, 12.0], item=["item 2", "item 1", "item 0"], action=["order", "as overridden", "order"])
    assert states(log, again) == ["changed since rejected", "approved", "changed since approved"]
    decided = with_decisions(again, log.decisions("orders"))
    assert decided["decided_by"].to_list() == ["Bob", "Ann", "Ann"]
    assert decided["decided_quantity"].to_list() == [30.0, 20.0, 10.0]
    assert decided["quantity"].to_list() == [31.0, 20.0, 12.0]
    log.decide("orders", again[2:], "approve", "Cyd")
    assert states(log, again)[2] == "approved"


def test_a_decision_can_be_taken_back_and_stays_in_the_file(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    approved = log.decide("orders", lines([1.0]), "approve", "Ann")
    log.take_back(approved.id, "Bob")
    with pytest.raises(UsageError, match="no decision 'x'"):
        log.take_back("x", "Bob")
    table = with_decisions(lines([1.0]), log.decisions("orders"))
    assert table["state"].to_list() == ["to decide"]
    assert table["decided_by"].to_list() == [None]
    assert [(entry.verdict, entry.who) for entry in log.decisions()] == [("approve", "Ann"), ("reopen", "Bob")]
    assert log.decisions("labour") == []


def test_a_key_with_the_name_of_a_decision_is_refused_and_not_overwritten() -> None:
    with pytest.raises(UsageError, match=r"keys called state.*state_name"):
        with_decisions(lines([1.0]).rename({"item": "state"}), [])


def test_to_take_a_decision_back_leaves_what_others_decided_since(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    approved = log.decide("orders", lines([1.0, 2.0]), "approve", "Ann")
    rejected = log.decide("orders", lines([5.0], action=["as overridden"]), "reject", "Bob")
    assert log.take_back(approved.id, "Ann").quantities == (2.0,)
    assert states(log, lines([5.0, 2.0])) == ["rejected", "to decide"]
    log.decide("orders", lines([5.0]), "approve", "Cyd")
    with pytest.raises(UsageError, match="decided about again since"):
        log.take_back(rejected.id, "Bob")


def test_lines_that_keys_and_date_do_not_tell_apart_are_told_apart_by_the_action(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    both = lines([8.0, 2.0], item=["a", "a"], action=["shift", "overtime"])
    log.decide("labour", both[1:], "approve", "Ann")
    assert with_decisions(both, log.decisions("labour"))["state"].to_list() == ["to decide", "approved"]


def test_hours_are_told_apart(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    hours = lines([8.0, 2.0], item=["a", "a"], date=[datetime(2024, 5, 6, 9), datetime(2024, 5, 6, 10)])
    log.decide("labour", hours[:1], "approve", "Ann")
    assert with_decisions(hours, log.decisions("labour"))["state"].to_list() == ["approved", "to decide"]


def test_lines_without_a_quantity_are_not_approved(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    with pytest.raises(UsageError, match="1 line of those chosen have no quantity"):
        log.decide("orders", lines([1.0, None]), "approve", "Ann")
    with pytest.raises(UsageError, match="No line is chosen"):
        log.decide("orders", lines([]), "approve", "Ann")
    assert not log.path.exists()
    assert states(log, lines([None])) == ["to decide"]


def test_a_line_that_is_no_approval_is_named(tmp_path: Path) -> None:
    log = ApprovalLog(tmp_path)
    log.path.write_text('{"id": 1}\n')
    with pytest.raises(UnreadableFile, match="no approval"):
        log.decisions()


_WRITER = """
import sys
from pathlib import Path
import polars as pl
from foresell.pipeline.plans.approval_log import ApprovalLog
from foresell.pipeline.plans.override_log import Change, OverrideLog
folder = Path(sys.argv[1])
lines = pl.read_parquet(folder / "results/plan/orders.parquet")
while True:
    put = OverrideLog(folder, folder / "results").add(Change({"item": "item 0"}, "add", 1.0, "event", "", "Ann"))
    seen = ApprovalLog(folder).decide("orders", lines, "approve", "Ann")
    print(put.id, seen.id, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_a_killed_process_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    plan = tmp_path / "results" / "plan" / "orders.parquet"
    plan.parent.mkdir(parents=True)
    lines([1.0]).write_parquet(plan)
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        written = [writer.stdout.readline().split() for _ in range(5)]
        os.kill(writer.pid, signal.SIGKILL)
        written += [line.split() for line in writer.stdout.read().splitlines() if len(line.split()) == 2]
    log = OverrideLog(tmp_path, plan.parent.parent)
    kept = {override.id for override in log.overrides()}, {entry.id for entry in ApprovalLog(tmp_path).decisions()}
    assert {put for put, _ in written} <= kept[0]
    assert {seen for _, seen in written} <= kept[1]
