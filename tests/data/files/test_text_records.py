"""Records of text files against Python's csv module; where the blocks are cut makes no difference."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.errors import UnreadableFile
from foresell.core.settings import parse_settings
from foresell.data import quarantine, typed_tables
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.files.input_files import InputFile
from foresell.data.files.text_records import MAX_RECORD_BYTES, chunks, records_of, split_header
from foresell.data.sales_reader import read_sales
from foresell.data.typed_tables import infer_date_format, read_parts

CELLS = st.lists(st.text("ab,;\n\"'é ", max_size=5), min_size=2, max_size=4)
ROWS = st.lists(CELLS, min_size=1, max_size=12)


def written(rows: list[list[str]], quoting: int = csv.QUOTE_ALL) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows(rows)
    return out.getvalue()


@given(ROWS)
def test_records_are_those_of_the_csv_module(rows):
    text = written(rows)
    data = text.encode()
    records = records_of(data, ",")
    raw = [data[start:end].decode() for start, end in zip(records.starts, records.ends, strict=True)]
    assert [next(csv.reader(io.StringIO(each, newline=""))) for each in raw] == rows
    assert records.fields.tolist() == [len(row) for row in rows]
    # An independent count of lines: those of all the rows before.
    lengths = [written([row]).count("\n") for row in rows]
    assert records.lines.tolist() == [sum(lengths[:place]) for place in range(len(rows))]


@given(rows=ROWS, size=st.integers(1, 40), closed=st.booleans())
def test_chunks_hold_whole_records_whatever_the_block(tmp_path, rows, size, closed):
    data = written([["name", "a\nb"], *rows]).encode()
    data = data if closed else data[:-1]
    (tmp_path / "f.csv").write_bytes(data)
    parts = list(chunks(InputFile(str(tmp_path / "f.csv"), "f.csv"), size=size))
    assert b"".join(chunk.data for chunk in parts) == data
    assert [chunk.line for chunk in parts] == [
        1 + b"".join(chunk.data for chunk in parts[:place]).count(b"\n") for place in range(len(parts))
    ]
    assert all(chunk.data.count(b'"') % 2 == 0 for chunk in parts)


def test_split_header():
    assert split_header(b'"a\nb";c \r\n1;2\n', ",") == (["a\nb", "c"], ";", 10)
    assert split_header(b"a,b;c\n", ";") == (["a,b", "c"], ";", 6)
    assert split_header(b"alone", ",") == (["alone"], ",", 5)


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_small_blocks_change_nothing(tmp_path: Path, monkeypatch, size):
    rows = "".join(f"A,x,2024-01-{day:02d},{day}\n" for day in range(1, 29))
    spoilt = rows.replace("-07,7", '-07,"se\nven"').replace(",12\n", ",12\n\n").replace(",20\n", ",twenty\n")
    (tmp_path / "sales.csv").write_text("store,item,date,units\n" + spoilt)
    for module in (typed_tables, quarantine):
        monkeypatch.setattr(module, "chunks", partial(chunks, size=size))
    tree = {"sales": "sales.csv", "keys": ["store", "item"], "max_bad_share": 0.5}
    loaded = read_sales(parse_settings({"data": tree, "horizon": 1}), tmp_path)
    expected = np.arange(1, 29, dtype=np.float32)
    expected[[6, 19]] = np.nan
    np.testing.assert_array_equal(loaded.panel.units[0], expected)
    # One line more for the line end within quotes, and one for the blank line.
    assert loaded.quarantine.select("line", "text").rows() == [
        (8, 'A,x,2024-01-07,"se\nven"'),
        (23, "A,x,2024-01-20,twenty"),
    ]
    assert loaded.rows == 28


NUMBERS = ["1", "-2.5", "1e3", "NA", "", "0.1", '"7"']


@given(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=20))
@settings(max_examples=30)
def test_the_quick_and_the_careful_way_agree(tmp_path, cells):
    text = "key,date,number,text\n" + "".join(
        f"k{row},2024-02-{row + 1:02d},{cell},t{row % 2}\n" for row, cell in enumerate(cells)
    )
    fields = [
        InputColumn("key", ColumnKind.KEY),
        InputColumn("date", ColumnKind.DATE),
        InputColumn("number", ColumnKind.NUMBER),
        InputColumn("text", ColumnKind.TEXT),
    ]
    (tmp_path / "quick.csv").write_text(text)
    (tmp_path / "careful.csv").write_text(text + "ragged,row\n")
    quick, careful = (
        next(iter(read_parts(InputFile(str(tmp_path / name), name), fields, Dialect())))
        for name in ("quick.csv", "careful.csv")
    )
    assert quick.frame.equals(careful.frame)
    assert quick.bad.is_empty()
    assert careful.bad["reason"].to_list() == ["ragged-rows"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31", "2024-02-01"], "%Y-%m-%d"),
        (["31.01.2024", "01.02.2024"], "%d.%m.%Y"),
        (["01/31/2024", "02/01/2024"], "%m/%d/%Y"),
        (["01/02/2024", "02/02/2024", "03/02/2024", "04/02/2024"], "%d/%m/%Y"),
        (["02/01/2024", "02/02/2024", "02/03/2024", "02/04/2024"], "%m/%d/%Y"),
        (["20240131", "nonsense"], "%Y%m%d"),
        (["2024-01-31 12:30:00"], "%Y-%m-%d %H:%M:%S"),
        (["soon"], "%Y-%m-%d"),
    ],
)
def test_the_format_of_dates_is_found(texts, expected):
    assert infer_date_format(pl.Series(texts)) == expected


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"item,date,units\n")
        for _ in range(6):
            out.write(b"x" * 2**24)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile, match=r"bomb.csv.gz has a row, in line 2, of more than 67,108,864 bytes"):
            list(chunks(InputFile(str(path), path.name)))
        assert tracemalloc.get_traced_memory()[1] < 6 * MAX_RECORD_BYTES
    finally:
        tracemalloc.stop()
