"""JSON lines and arrays of objects."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from foresell.core.errors import UnreadableFile
from foresell.data.files.json_text import json_blocks
from foresell.onboarding.roles import infer

ROWS = [{"date": f"2024-01-{day:02d}", "item": item, "qty": day + 0.5, "tags": ["a"]} for day in range(1, 31)
        for item in ("Müsli", "Tee, grün")]  # fmt: skip
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"


def text_of(content: str, decimal: str = ".", size: int = 500) -> str:
    return b"".join(json_blocks(io.BytesIO(content.encode()), "sales.jsonl", ";", decimal, size)).decode()


def test_objects_are_rows_whatever_the_size_of_the_blocks():
    assert text_of(LINES) == text_of(LINES, size=10**6) == text_of(json.dumps(ROWS))
    assert text_of(LINES).splitlines()[:3] == [
        "date;item;qty;tags", '2024-01-01;Müsli;1.5;"[""a""]"', '2024-01-01;Tee, grün;1.5;"[""a""]"',
    ]  # fmt: skip
    assert "2024-01-01;Müsli;1,5;" in text_of(LINES, decimal=",")


def test_a_key_that_only_later_objects_have_is_refused():
    with pytest.raises(UnreadableFile, match="has the keys promo only in objects further down"):
        text_of(LINES + '{"date": "2024-02-01", "promo": 1}\n')


def test_what_only_begins_like_json_is_refused():
    with pytest.raises(UnreadableFile, match="Write one object in each line"):
        text_of('{"date": "2024-01-01",\n "qty": 3}\n')


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sales.jsonl", LINES.encode()),
        ("sales.ndjson.gz", gzip.compress(LINES.encode())),
        ("sales.json", json.dumps(ROWS).encode()),
        ("sales.txt", LINES.encode()),
    ],
)
def test_init_reads_them(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    data = infer(name, tmp_path).settings["data"]
    assert (data["date"], data["quantity"], data["keys"]) == ("date", "qty", ["item"])
