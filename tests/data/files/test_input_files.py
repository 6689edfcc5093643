"""Files that cannot be read get one clear paragraph; buckets are read from a real S3-compatible server."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import FindingsStop, UnreadableFile
from foresell.core.settings import parse_settings
from foresell.data.files.input_files import find_files
from foresell.data.sales_reader import ValidatedSales, read_sales

LONG = "store,item,date,units\nA,x,2024-01-01,1\nÄ,x,2024-01-02,3\n"
MANY = "store,item,date,units\n" + "".join(f"S{row % 97},x,2024-01-{row % 28 + 1:02d},{row}\n" for row in range(2700))


def load(folder: Path, sales: str = "sales.csv", **data) -> ValidatedSales:
    tree = {"sales": sales, "keys": ["store", "item"], **data}
    return read_sales(parse_settings({"data": tree, "horizon": 1}), folder, today=date(2024, 6, 1))


def parquet(folder: Path) -> bytes:
    frame = pl.DataFrame({"store": ["A"] * 500, "item": "x", "date": date(2024, 1, 1), "units": range(500)})
    frame.write_parquet(folder / "whole.parquet")
    return (folder / "whole.parquet").read_bytes()


BROKEN = {
    "empty": ("sales.csv", b"", "is empty"),
    "blank": ("sales.csv", b"\n \n\n", "is empty"),
    "header only": ("sales.csv", b"store,item,date,units\n", "a header and no rows"),
    "gzip cut off": ("sales.csv.gz", gzip.compress(MANY.encode())[:-50], "ends too early or is damaged"),
    "gzip cut in its header": ("sales.csv.gz", gzip.compress(MANY.encode())[:8], "ends too early or is damaged"),
    "gzip damaged": ("sales.csv.gz", gzip.compress(MANY.encode())[:100] + b"oops" * 99, "ends too early or is damaged"),
    "gzip of nothing": ("sales.csv.gz", gzip.compress(b""), "is empty"),
    "zip": ("sales.csv", b"PK\x03\x04" + bytes(60), "zip archive"),
    "parquet by another name": ("sales.csv", b"PAR1" + bytes(60), "Give it the ending .parquet"),
    "binary": ("sales.csv", bytes(range(256)) * 9, "binary data"),
    "zero byte further down": (
        "sales.csv",
        MANY.encode() + b"A,x,\0,1\n" + b"A,x,2024-01-01,1\n" * 9,
        "line 2702 holds a zero byte",
    ),
    "latin-1": ("sales.csv", LONG.encode("latin-1"), "line 3 has a byte that UTF-8 does not allow, near 'Ä,x,2024-0'"),
    "utf-16 without a mark": ("sales.csv", LONG.encode("utf-16-le"), "Set 'encoding: utf-16'"),
    "open quote": (
        "sales.csv",
        (MANY + 'A,"x,2024-01-01,1\n' + "A,x,2024-01-02,1\n" * 9).encode(),
        "a quote in line 2702 that is never closed",
    ),
    "quotes inside fields": (
        "sales.csv",
        (MANY + '"5" pipe, long",x,2024-01-01,1\n' * 300).encode(),
        "cannot be separated: line 2702",
    ),
}


@pytest.mark.parametrize(
    ("encoding", "other"),
    [("utf-8", "cp1252"), ("cp1252", "utf-8"), ("utf-16", "cp1252"), ("utf-16", "utf-8"), ("utf-8", "utf-16-be")],
)
def test_each_file_of_a_folder_has_its_own_encoding(tmp_path, encoding, other):
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales" / "a.csv").write_bytes(LONG.encode(encoding))
    (tmp_path / "sales" / "b.csv").write_bytes(LONG.replace("2024", "2023").encode(other))
    expected = "cp1252" if "cp1252" in (encoding, other) else other.removesuffix("-be")
    assert load(tmp_path, "sales", encoding=expected).panel.series["store"].to_list() == ["A", "Ä"]


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_text_files(tmp_path, kind):
    name, content, message = BROKEN[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile) as error:
        load(tmp_path, name)
    assert message in str(error.value)
    assert name in str(error.value)


@pytest.mark.parametrize("cut", [0, 3, 600, -4])
def test_cut_off_parquet(tmp_path, cut):
    (tmp_path / "s.parquet").write_bytes(parquet(tmp_path)[:cut])
    with pytest.raises(UnreadableFile, match=r"s\.parquet is not a whole Parquet file"):
        load(tmp_path, "s.parquet")


def test_a_damaged_page_of_parquet(tmp_path):
    whole = bytearray(parquet(tmp_path))
    whole[4:200] = bytes(196)
    (tmp_path / "s.parquet").write_bytes(whole)
    with pytest.raises(UnreadableFile, match=r"s\.parquet"):
        load(tmp_path, "s.parquet")


def test_the_wrong_encoding_is_set_right_by_the_setting(tmp_path):
    (tmp_path / "sales.csv").write_bytes(LONG.encode("cp1252"))
    assert load(tmp_path, encoding="cp1252").panel.series["store"].to_list() == ["A", "Ä"]


def test_a_wrong_encoding_setting_is_named(tmp_path):
    (tmp_path / "sales.csv").write_bytes(LONG.encode("utf-8"))
    with pytest.raises(UnreadableFile, match="not text in the encoding that was expected"):
        load(tmp_path, encoding="utf-32")


def test_a_plain_file_cut_off_in_its_last_row_loses_that_row_only(tmp_path):
    (tmp_path / "sales.csv").write_bytes(LONG.encode()[:-4])
    loaded = load(tmp_path, max_bad_share=0.5)
    assert loaded.quarantine.rows() == [("sales.csv", 3, "ragged-rows", "Ä,x,2024-01-0")]


def test_missing_files(tmp_path):
    (tmp_path / "sale.csv").write_text(LONG)
    with pytest.raises(UnreadableFile, match=r"There is no file sales\.csv; its folder holds sale\.csv"):
        load(tmp_path)
    with pytest.raises(UnreadableFile, match=r"No file matches \*\.parquet"):
        load(tmp_path, "*.parquet")
    with pytest.raises(UnreadableFile, match="does not exist"):
        load(tmp_path, "deep/sales.csv")
    (tmp_path / "none").mkdir()
    with pytest.raises(UnreadableFile, match="The folder none holds no tables"):
        load(tmp_path, "none")


def test_the_order_of_files_is_that_of_their_names(tmp_path):
    for name in ("b.csv", "a.csv", "c.parquet", "note.md"):
        (tmp_path / name).write_text(LONG)
    assert [file.name for file in find_files(".", tmp_path)] == ["a.csv", "b.csv", "c.parquet"]
    assert [file.name for file in find_files("[ab].csv", tmp_path)] == ["a.csv", "b.csv"]


# ------------------------------------------------------------------------------------------------------------ buckets


def put(address: str, frame: pl.DataFrame, endpoint: str, **options) -> None:
    where = {"aws_endpoint_url": endpoint, "aws_access_key_id": "tester", "aws_secret_access_key": "a-real-secret"}
    where |= {"aws_region": "us-east-1", "aws_allow_http": "true"}
    if address.endswith(".parquet"):
        frame.write_parquet(address, storage_options=where)
    else:
        frame.lazy().sink_csv(address, storage_options=where, **options)


@pytest.fixture
def bucket(s3_endpoint) -> str:
    """A bucket with the same sales three times over, and cut into parts."""
    days = pl.date_range(date(2024, 1, 1), date(2024, 1, 5), eager=True)
    frame = pl.DataFrame({"store": "A", "item": "x", "date": days, "units": [1, 2, 3, 4, 5]})
    put("s3://reading/sales.csv", frame, s3_endpoint)
    put("s3://reading/sales.csv.gz", frame, s3_endpoint, compression="gzip")
    put("s3://reading/sales.parquet", frame, s3_endpoint)
    put("s3://reading/parts/1.csv", frame[:2], s3_endpoint)
    put("s3://reading/parts/deep/2.csv.gz", frame[2:4], s3_endpoint, compression="gzip")
    put("s3://reading/parts/3.parquet", frame[4:], s3_endpoint)
    put("s3://reading/bad.csv", frame.with_columns(pl.Series("units", ["1", "2", "x", "4", "5"])), s3_endpoint)
    return "s3://reading"


@pytest.mark.parametrize(
    "path", ["sales.csv", "sales.csv.gz", "sales.parquet", "parts", "parts/", "sal*.parquet", "parts/**/*"]
)
def test_buckets_are_read_like_folders(bucket, tmp_path, path):
    loaded = load(tmp_path, f"{bucket}/{path}")
    np.testing.assert_array_equal(loaded.panel.units, [[1, 2, 3, 4, 5]])


def test_bad_rows_in_a_bucket_are_named_by_line(bucket, tmp_path):
    loaded = load(tmp_path, f"{bucket}/bad.csv", max_bad_share=0.5)
    assert loaded.quarantine.rows() == [(f"{bucket}/bad.csv", 4, "unparsable-numbers", "A,x,2024-01-03,x")]


@pytest.mark.parametrize("path", ["sales.csv", "sales.csv.gz", "sales.parquet", "parts", "*.csv"])
def test_a_wrong_secret_is_refused_and_named(bucket, tmp_path, monkeypatch, path):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    with pytest.raises(UnreadableFile, match="the store refused the credentials") as error:
        load(tmp_path, f"{bucket}/{path}")
    assert "AWS_SECRET_ACCESS_KEY" in str(error.value)
    assert "a-wrong-secret" not in str(error.value)


@pytest.mark.parametrize("path", ["none.csv", "none.parquet", "none/*.csv", "none"])
def test_nothing_there_in_the_bucket(bucket, tmp_path, path):
    with pytest.raises(UnreadableFile, match=r"There is no s3://|No file matches s3://"):
        load(tmp_path, f"{bucket}/{path}")


def test_a_store_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    with pytest.raises(UnreadableFile, match=r"the store does not answer.*127\.0\.0\.1:9"):
        load(tmp_path, "s3://reading/sales.csv")


def test_a_missing_column_in_a_bucket(bucket, tmp_path):
    with pytest.raises(FindingsStop, match="has no column 'sold'"):
        load(tmp_path, f"{bucket}/sales.csv", quantity="sold")
