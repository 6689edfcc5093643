"""Records of a CSV file that comes in pieces: the same whatever the cuts, and a fault costs one row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.serving import csv_records
from foresell.serving.csv_records import Reader, encode

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), max_size=8))


def written(rows: list[list[str]], end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def read(content: bytes, size: int) -> list[csv_records.Record]:
    reader = Reader()
    found = [each for at in range(0, len(content), size) for each in reader.feed(content[at : at + size])]
    return found + reader.end()


@given(TABLES, st.integers(1, 20), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_cuts_the_records_are_those_of_the_file(rows, size, end) -> None:
    text = written(rows, end)
    found = read(text.encode(), size)
    assert [each.fields for each in found] == rows
    assert not any(each.fault for each in found)
    assert "".join(each.text + end for each in found) == text


@given(TABLES, st.integers(1, 20))
def test_lines_are_those_on_which_records_begin(rows, size) -> None:
    text = written(rows)
    found = read(text.encode(), size)
    lines = text.split("\n")
    assert [lines[each.line - 1] for each in found] == [each.text.split("\n")[0] for each in found]


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_are_read_and_no_line_goes_lost(content, size) -> None:
    found = read(content, size)
    assert found == read(content, len(content) + 1)
    begun = content.removeprefix(b"\xef\xbb\xbf")
    for each in found:
        assert encode(each.text) in begun
        assert bool(each.fields) != bool(each.fault)


def test_a_bad_row_costs_itself_only() -> None:
    content = b'item,units\nnuts,1\n"salt"ed,2\nfigs,3\n"never closed,4\ndates,5\n'
    found = read(content, 1000)
    assert [(each.line, each.fields) for each in found if not each.fault] == [
        (1, ["item", "units"]), (2, ["nuts", "1"]), (4, ["figs", "3"]), (6, ["dates", "5"]),
    ]  # fmt: skip
    assert [(each.line, each.fault) for each in found if each.fault] == [
        (3, "',' expected after '\"'"), (5, "a quote is not closed"),
    ]  # fmt: skip


def test_a_mark_of_byte_order_and_empty_lines_are_no_content() -> None:
    assert [(each.line, each.fields) for each in read("\ufeffitem\n\n\r\nnuts\n".encode(), 3)] == [
        (1, ["item"]), (4, ["nuts"]),
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_does_not_swallow_the_file() -> None:
    content = b'a,b\n"open,1\n' + b"c,2\n" * 100_000
    found = read(content, 1 << 16)
    assert [(each.line, each.fault is None) for each in found[:3]] == [(1, True), (2, False), (3, True)]
    assert len(found) == 2 + 100_000
    assert "field larger than field limit" in str(found[1].fault)


@pytest.mark.parametrize("size", [1000, 1 << 16, 1 << 24])
def test_a_line_without_end_is_given_up_in_bounded_memory(size: int) -> None:
    reader = Reader()
    content = b"a,b\n1,2\n" + b"x" * (3 * csv_records.MOST_LINE) + b"\n3,4\n"
    found, held = [], 0
    for at in range(0, len(content), size):
        found += reader.feed(content[at : at + size])
        held = max(held, len(reader._rest) + sum(map(len, reader._lines)))
    assert held <= csv_records.MOST_LINE + size
    assert [(each.line, each.fields) for each in found if not each.fault] == [
        (1, ["a", "b"]), (2, ["1", "2"]), (4, ["3", "4"]),
    ]  # fmt: skip
    assert [each.line for each in found if each.fault] == [3]
