"""What people did about exceptions is kept, and an acknowledged one comes back when it grows."""

from __future__ import annotations

import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.pipeline.monitoring.exception_log import FILE, ExceptionLog, handling


def test_work_on_an_exception(tmp_path) -> None:
    log = ExceptionLog(tmp_path)
    log.add("e1", "assign", "ann", assignee=" bob ")
    log.add("e1", "comment", "bob", text="The store is closed.")
    log.add("e1", "acknowledge", "bob", size=100.0, sentence="store b: 140 units ...")
    events = ExceptionLog(tmp_path).events()["e1"]
    work = handling(events, 105.0)
    assert (work.state, work.assignee, [event.text for event in work.comments]) == (
        "acknowledged",
        "bob",
        ["The store is closed."],
    )
    assert handling(events, 111.0).state == "open again"
    log.add("e1", "acknowledge", "ann", size=111.0)
    assert handling(log.events()["e1"], 111.0).state == "acknowledged"
    log.add("e1", "reopen", "ann")
    assert handling(log.events()["e1"], 90.0).state == "open"


def test_what_cannot_be_written_or_read(tmp_path) -> None:
    log = ExceptionLog(tmp_path)
    with pytest.raises(UsageError, match="empty"):
        log.add("e1", "comment", "ann", text="  ")
    (tmp_path / FILE).write_text('{"id": 3}\n')
    with pytest.raises(UnreadableFile, match="tells of no exception"):
        log.events()
