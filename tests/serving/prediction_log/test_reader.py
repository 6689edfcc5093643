from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import StoreError, UnreadableFile
from foresell.serving.prediction_log.reader import hours_of_predictions, read_predictions
from foresell.serving.prediction_log.writer import PredictionLog


def put(place: Path, hour: str, *lines: str, name: str = "part-1.jsonl", end: str = "\n") -> None:
    folder = place / hour
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + end, encoding="utf-8")


def line(number: int, day: str = "2026-11-20", more: str = "") -> str:
    return f'{{"id":{number},"time":"{day}T09:30:00Z"{more}}}'


NINE, TEN = "date=2026-11-20/hour=09", "date=2026-11-20/hour=10"


def test_what_was_logged_is_a_table(tmp_path: Path) -> None:
    put(tmp_path, NINE, line(1, more=',"outputs":{"units":2.5}'), line(2, more=',"outputs":{"units":3}'))
    frame = read_predictions(tmp_path).frame
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert frame["time"].to_list() == [datetime(2026, 11, 20, 9, 30, tzinfo=UTC)] * 2
    assert frame["outputs"].struct.field("units").to_list() == [2.5, 3.0]


@pytest.mark.parametrize("torn", ['{"id":3,"ti', "{", '"', "\x00\x00", "3", '{"id":3}{"id":4}', "\udce4"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_torn_lines_are_skipped_and_counted(tmp_path: Path, torn: str, end: str) -> None:
    (tmp_path / NINE).mkdir(parents=True)
    text = f"{line(1)}\n{torn}{end}"
    (tmp_path / NINE / "part-1.jsonl").write_bytes(text.encode("utf-8", "surrogateescape"))
    put(tmp_path, NINE, line(2), name="part-2.jsonl")
    put(tmp_path, TEN, line(5))
    found = read_predictions(tmp_path)
    assert (found.frame["id"].to_list(), found.torn) == ([1, 2, 5], 1)


def test_a_whole_last_line_without_its_end_is_whole(tmp_path: Path) -> None:
    put(tmp_path, NINE, line(1), line(2), end="")
    put(tmp_path, NINE, line(3), name="part-2.jsonl")
    found = read_predictions(tmp_path)
    assert (found.frame["id"].to_list(), found.torn) == ([1, 2, 3], 0)


def test_only_the_days_asked_for_are_read_and_the_last_is_among_them(tmp_path: Path) -> None:
    for day in (19, 20, 21, 22):
        put(tmp_path, f"date=2026-11-{day}/hour=09", line(day, f"2026-11-{day}"))

    def days(first: date | None = None, last: date | None = None) -> list[int]:
        frame = read_predictions(tmp_path, first, last).frame
        return frame["id"].to_list() if frame.height else []

    assert days() == [19, 20, 21, 22]
    assert days(date(2026, 11, 20), date(2026, 11, 21)) == [20, 21]
    assert days(first=date(2026, 11, 21)) == [21, 22]
    assert days(last=date(2026, 11, 19)) == [19]
    assert days(date(2026, 11, 20), date(2026, 11, 20)) == [20]
    assert days(date(2026, 12, 1)) == []


def test_hours_come_one_after_another(tmp_path: Path) -> None:
    put(tmp_path, TEN, line(3))
    put(tmp_path, NINE, line(1), line(2))
    put(tmp_path, "date=2026-11-20/hour=11", "")
    assert [hour.frame.height for hour in hours_of_predictions(tmp_path)] == [2, 1, 0]


def test_records_are_in_the_order_of_their_time(tmp_path: Path) -> None:
    put(tmp_path, NINE, '{"id":2,"time":"2026-11-20T09:00:02Z"}', '{"id":4,"time":"2026-11-20T09:00:04.5Z"}')
    put(
        tmp_path,
        NINE,
        '{"id":1,"time":"2026-11-20T09:00:01Z"}',
        '{"id":3,"time":"2026-11-20T09:00:02Z"}',
        name="part-2.jsonl",
    )
    assert read_predictions(tmp_path).frame["id"].to_list() == [1, 2, 3, 4]


def test_records_of_several_kinds_fit_one_table(tmp_path: Path) -> None:
    put(tmp_path, NINE, line(1, more=',"inputs":{"item":7}'), line(2, more=',"inputs":{"shop":"north"},"latency_ms":2'))
    put(tmp_path, TEN, line(3, more=',"inputs":{"item":"A7"}'), line(4, more=',"inputs":null'))
    inputs = read_predictions(tmp_path).frame["inputs"].struct.unnest()
    assert inputs["item"].to_list() == ["7", None, "A7", None]
    assert inputs["shop"].to_list() == [None, "north", None, None]


def test_records_that_fit_no_table_are_explained(tmp_path: Path) -> None:
    put(tmp_path, NINE, line(1, more=',"inputs":{"item":[1]}'))
    put(tmp_path, TEN, line(2, more=',"inputs":{"item":"a"}'))
    with pytest.raises(UnreadableFile, match="Read fewer days"):
        read_predictions(tmp_path)
    put(tmp_path, NINE, line(2, more=',"inputs":3'), name="part-2.jsonl")
    with pytest.raises(UnreadableFile, match="hour=09 do not fit one table"):
        read_predictions(tmp_path)


def test_a_place_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it is not a folder"):
        read_predictions(tmp_path / "none")
    assert read_predictions(tmp_path).frame.height == 0


def test_days_of_a_bucket(s3_endpoint: str, tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    place = f"s3://foresell-predictions/read-{time.time_ns()}"
    with PredictionLog(place, 1000, 3600.0, spool=tmp_path) as log:
        for day in (19, 20, 21):
            log.write({"id": day, "time": datetime(2026, 11, day, 9, tzinfo=UTC)})
    for first, last, expected in [(19, 21, [19, 20, 21]), (20, 21, [20, 21]), (20, 20, [20])]:
        frame = read_predictions(place, date(2026, 11, first), date(2026, 11, last)).frame
        assert frame["id"].to_list() == expected
