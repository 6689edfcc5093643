from __future__ import annotations

import time
from pathlib import Path

import pytest

from foresell.core.errors import StoreError
from foresell.store.objects import Bucket

pytest.importorskip("obstore", reason="no client of object stores: obstore is not installed")


@pytest.fixture
def place() -> str:
    """A prefix of a bucket that no other test writes to."""
    return f"s3://foresell-objects/test-{time.time_ns()}"


def test_an_object_comes_back_as_it_was_put(place: str, s3_endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    bucket = Bucket(place + "/")
    for name in ("b/date=1/x y.jsonl", "a.jsonl", "a.jsonl"):
        bucket.put(name, tmp_path / "a")
    assert bucket.names() == ["a.jsonl", "b/date=1/x y.jsonl"]
    assert bucket.names("b/date=1") == ["b/date=1/x y.jsonl"]
    assert bucket.get("b/date=1/x y.jsonl") == b"one"
    assert Bucket(place.rpartition("/")[0]).get(place.rpartition("/")[2] + "/a.jsonl") == b"one"


def test_a_bucket_explains_what_it_does_not_give(place: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="it does not exist"):
        Bucket(place).get("none.jsonl")
    with pytest.raises(FileNotFoundError):
        Bucket(place).put("a.jsonl", Path("none.jsonl"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="Check AWS_ENDPOINT_URL"):
        Bucket(place).names()
