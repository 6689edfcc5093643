"""Which files are looked at, and how far."""

from __future__ import annotations

import gzip

import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.roles import infer


def data_of(proposal: Proposal) -> dict:
    return proposal.settings["data"]


def test_gzip_glob_and_folder(daily, tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    frame = daily()
    for number, store in enumerate(("S0", "S1", "S2")):
        part = frame.filter(pl.col("store") == store)
        (parts / f"sales_{number}.csv.gz").write_bytes(gzip.compress(part.write_csv().encode()))
    for path in ("parts", "parts/sales_*.csv.gz"):
        proposal = infer(path, tmp_path)
        assert data_of(proposal)["keys"] == ["store", "item"]
        assert data_of(proposal)["sales"] == str(tmp_path / path)


def test_a_folder_with_one_sales_file_among_others(daily, tmp_path):
    daily().write_csv(tmp_path / "sales.csv")
    pl.DataFrame({"item": ["I0", "I1"], "category": ["food", "toys"]}).write_csv(tmp_path / "items.csv")
    data = data_of(infer(str(tmp_path)))
    assert data["sales"] == str(tmp_path / "sales.csv")
    assert data["items"]["path"] == str(tmp_path / "items.csv")


def test_of_two_kinds_what_is_called_sales_is_taken(daily, tmp_path):
    (tmp_path / "sales").mkdir()
    (tmp_path / "truth").mkdir()
    frame = daily()
    for number, store in enumerate(("S0", "S1", "S2")):
        frame.filter(pl.col("store") == store).write_parquet(tmp_path / "sales" / f"part-{number}.parquet")
    frame.rename({"units": "demand"}).write_parquet(tmp_path / "truth" / "demand.parquet")
    pl.DataFrame({"item": ["I0", "I1", "I2", "I3"], "kind": list("xxyy")}).write_parquet(tmp_path / "items.parquet")
    (tmp_path / "future").mkdir()
    data = data_of(infer(str(tmp_path)))
    assert data["sales"] == str(tmp_path / "sales")
    assert data["items"]["path"] == str(tmp_path / "items.parquet")


def test_a_folder_with_two_kinds_of_sales_is_not_guessed(daily, tmp_path):
    daily().write_csv(tmp_path / "a.csv")
    daily().rename({"units": "qty"}).write_csv(tmp_path / "b.csv")
    with pytest.raises(UsageError, match="more than one kind of file looks like the sales"):
        infer(str(tmp_path))


def test_a_file_sorted_by_store_is_looked_at_to_its_end(daily, propose, tmp_path, monkeypatch):
    # The first rows show one store only, and the file goes on past them.
    monkeypatch.setattr("foresell.onboarding.table_sample.HEAD_ROWS", 300)
    monkeypatch.setattr("foresell.onboarding.table_sample.sample_table.__defaults__", (300,))
    frame = daily(stores=4, items=3, days=250).with_columns(pl.col("store").replace({"S0": "A"}).alias("region"))
    for name in ("sales.csv", "sales.parquet"):
        data = data_of(propose(frame, tmp_path, name))
        assert data["keys"] == ["store", "item"]
        assert data["frequency"] == "D"


def test_a_file_sorted_by_date_is_looked_at_to_its_end(daily, propose, tmp_path, monkeypatch):
    monkeypatch.setattr("foresell.onboarding.table_sample.sample_table.__defaults__", (30,))
    frame = daily(stores=4, items=3, days=250, step=7).sort("date")
    proposal = propose(frame, tmp_path)
    assert data_of(proposal)["frequency"] == "W"
    assert proposal.settings["horizon"] == 13


def test_empty_and_binary_files(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        infer("empty.csv", tmp_path)
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04" + bytes(range(1, 256)))
    with pytest.raises(UnreadableFile, match="zip archive"):
        infer("book.csv", tmp_path)
    with pytest.raises(UnreadableFile, match=r"no file nowhere\.csv"):
        infer("nowhere.csv", tmp_path)


def test_a_file_in_a_bucket(daily, s3_endpoint):
    from foresell.core.bucket import s3_options

    daily().write_parquet("s3://roles/sales.parquet", storage_options=s3_options())
    daily().write_csv("s3://roles/sales.csv", storage_options=s3_options())
    for name in ("sales.parquet", "sales.csv"):
        data = data_of(infer(f"s3://roles/{name}"))
        assert data["sales"] == f"s3://roles/{name}"
        assert (data["date"], data["quantity"], data["keys"]) == ("date", "units", ["store", "item"])
