import gzip

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.synth.writer import TableWriter, check_format, write_table

FIRST, SECOND = pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]})


def written(folder, table_format, *chunks):
    with TableWriter(folder, "t", table_format) as writer:
        for chunk in chunks:
            writer.write(chunk)
        return writer.close()


def test_csv_has_one_header(tmp_path):
    path = written(tmp_path, "csv", FIRST, SECOND)
    assert path == tmp_path / "t.csv"
    assert path.read_text() == "a\n1\n2\n3\n"


def test_gzipped_csv_is_the_same_text_and_the_same_bytes_each_time(tmp_path):
    path = written(tmp_path / "x", "csv.gz", FIRST, SECOND)
    again = written(tmp_path / "y", "csv.gz", pl.concat([FIRST, SECOND]))
    assert gzip.decompress(path.read_bytes()) == b"a\n1\n2\n3\n"
    assert path.read_bytes() == again.read_bytes()


def test_parquet_is_a_file_for_one_chunk_and_a_folder_of_parts_for_more(tmp_path):
    assert written(tmp_path, "parquet", FIRST) == tmp_path / "t.parquet"
    parts = written(tmp_path, "parquet", FIRST, FIRST.clear(), SECOND)
    assert sorted(path.name for path in parts.iterdir()) == ["part-00000.parquet", "part-00001.parquet"]
    assert pl.read_parquet(parts)["a"].to_list() == [1, 2, 3]


def test_an_empty_table_keeps_its_columns(tmp_path):
    assert written(tmp_path, "csv", FIRST.clear()).read_text() == "a\n"
    assert pl.read_parquet(written(tmp_path, "parquet", FIRST.clear())).schema == FIRST.schema


@pytest.mark.parametrize("before", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("after", ["csv", "csv.gz", "parquet"])
def test_an_earlier_table_is_replaced_whatever_its_format(tmp_path, before, after):
    written(tmp_path, before, FIRST, SECOND)
    path = written(tmp_path, after, SECOND)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_with_other_files_is_not_removed(tmp_path):
    parts = written(tmp_path, "parquet", FIRST, SECOND)
    (parts / "notes.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        written(tmp_path, "parquet", FIRST, SECOND)
    assert (parts / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("table_format", ["csv", "csv.gz", "parquet"])
def test_what_broke_off_does_not_look_whole(tmp_path, table_format):
    def breaks_off():
        with TableWriter(tmp_path, "t", table_format) as writer:
            writer.write(FIRST)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks_off()
    assert all(path.name.endswith(".partial") for path in tmp_path.iterdir())
    assert written(tmp_path, table_format, SECOND).exists()
    assert not list(tmp_path.glob("*.partial"))


def test_times_are_written_to_the_second(tmp_path):
    frame = pl.DataFrame({"time": ["2024-01-01T10:00:05"]}).select(pl.col("time").str.to_datetime())
    assert write_table(frame, tmp_path, "t").read_text() == "time\n2024-01-01 10:00:05\n"


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match=r"'xlsx'.*csv, csv.gz, parquet"):
        check_format("xlsx")
