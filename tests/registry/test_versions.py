"""Registered models: versions, the champion, its history, and their files."""

from __future__ import annotations

import os
import shutil
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import StoreError, UnreadableFile, UsageError
from foresell.core.settings import Tracking as Settings
from foresell.registry.portable_model import PortableModel, SchemaColumn
from foresell.registry.tracking import Run, Tracking
from foresell.registry.tracking_store import Where
from foresell.registry.versions import Registry


@pytest.fixture
def registry(make_registry) -> Registry:
    return make_registry()


def add(registry: Registry, folder: Path, content: str, **tags: str):
    """Registers a model of one file."""
    bundle = folder / f"bundle-{content}"
    bundle.mkdir(exist_ok=True)
    (bundle / "model.txt").write_text(content)
    inputs = [SchemaColumn("store", "string"), SchemaColumn("date", "datetime"), SchemaColumn("price", "double", False)]
    example = pl.DataFrame({"store": ["A"], "date": [date(2026, 1, 1)], "price": [1.5]})
    model = PortableModel(
        bundle, "foresell.serving.pyfunc", inputs, [SchemaColumn("assumed", "strings")], example, ("foresell",)
    )
    with registry.tracking.recording(Run("training", content, "a training")) as run:
        return registry.register(run, model, tags)


def test_versions_are_counted_up_and_listed_from_the_newest(registry, tmp_path):
    assert registry.versions() == []
    assert registry.champion() is None
    for content in "abc":
        add(registry, tmp_path, content, what=content)
    assert [(each.number, each.tags["what"], each.champion) for each in registry.versions()] == [
        ("3", "c", False), ("2", "b", False), ("1", "a", False),
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"no version 7 of 'shop'.*there are 3, 2, 1"):
        registry.version("7")


def test_the_same_training_is_one_version(registry, tmp_path):
    first = add(registry, tmp_path, "a", **{"foresell.fingerprint": "f1"})
    assert add(registry, tmp_path, "a", **{"foresell.fingerprint": "f1"}).number == first.number
    assert add(registry, tmp_path, "a", **{"foresell.fingerprint": "f2"}).number == "2"


def test_a_model_is_kept_with_its_signature_and_example(registry, tmp_path):
    import mlflow

    add(registry, tmp_path, "a")
    folder = registry.fetch("1")
    assert (folder / "model.txt").read_text() == "a"
    about = mlflow.models.Model.load(str(folder.parent.parent))
    assert [(each.name, str(each.type), each.required) for each in about.signature.inputs] == [
        ("store", "DataType.string", True), ("date", "DataType.datetime", True), ("price", "DataType.double", False),
    ]  # fmt: skip
    example = about.load_input_example(str(folder.parent.parent))
    assert example.to_dict("records")[0]["price"] == 1.5


def test_promotions_are_remembered_and_rolled_back_one_by_one(registry, tmp_path):
    for content in "abcd":
        add(registry, tmp_path, content)
    registry.promote("1", "the first", before=None)
    registry.promote("3", "better", before="1")
    registry.refuse("4", "worse", before="3")
    registry.promote("2", "by hand", before="3", verdict="forced")
    assert registry.champion().number == "2"
    assert [(each.verdict, each.version, each.before, each.reason) for each in registry.history()] == [
        ("promoted", "1", None, "the first"),
        ("promoted", "3", "1", "better"),
        ("refused", "4", "3", "worse"),
        ("forced", "2", "3", "by hand"),
    ]
    assert registry.rollback("it orders too much").version == "3"
    assert registry.champion().number == "3"
    assert registry.rollback().version == "1"
    with pytest.raises(UsageError, match="no champion before version 1"):
        registry.rollback()
    assert registry.champion().number == "1"
    # After going back, the way forward begins anew.
    registry.promote("4", "better now", before="1")
    assert registry.rollback().version == "1"


def test_a_rollback_passes_over_versions_that_are_gone(registry, tmp_path):
    for content in "abc":
        add(registry, tmp_path, content)
    for number, before in (("1", None), ("2", "1"), ("3", "2")):
        registry.promote(number, "", before=before)
    registry.tracking.client.delete_model_version(registry.name, "2")
    assert registry.rollback().version == "1"


def test_a_champion_set_by_hand_goes_back_to_the_last_that_was_promoted(registry, tmp_path):
    for content in "ab":
        add(registry, tmp_path, content)
    with pytest.raises(UsageError, match="has no champion"):
        registry.rollback()
    registry.promote("1", "", before=None)
    registry.tracking.client.set_registered_model_alias(registry.name, "champion", "2")
    assert registry.rollback().version == "1"


def test_who_comes_second_is_told_and_changes_nothing(registry, make_registry, tmp_path):
    for content in "abc":
        add(registry, tmp_path, content)
    registry.promote("1", "", before=None)
    other = make_registry()
    other.promote("2", "was quicker", before="1")
    with pytest.raises(StoreError, match="judged against version 1, version 2 became champion"):
        registry.promote("3", "", before="1")
    assert registry.champion().number == "2"
    assert [each.version for each in registry.history()] == ["1", "2"]


def test_a_promotion_whose_process_died_after_the_alias_moved_joins_the_history(registry, tmp_path, monkeypatch):
    for content in "ab":
        add(registry, tmp_path, content)
    registry.promote("1", "first", before=None)
    registry.mend()
    assert [each.version for each in registry.history()] == ["1"]
    client = registry.tracking.client

    class Killed(BaseException):
        """What no one handles, as when the process is killed."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(client, "set_registered_model_alias", killed)  # dies before: nothing has changed
        patch.setattr(client, "set_terminated", killed)
        with pytest.raises(Killed):
            registry.promote("2", "too early", before="1")
    registry.mend()
    assert (registry.champion().number, len(registry.history())) == ("1", 1)
    with monkeypatch.context() as patch:
        patch.setattr(client, "set_terminated", killed)
        with pytest.raises(Killed):
            registry.promote("2", "better", before="1", asked=["age"])
    assert (registry.champion().number, len(registry.history())) == ("2", 1)
    for _ in range(2):
        registry.mend()
        told = [(each.version, each.reason, each.asked) for each in registry.history()]
        assert told == [("1", "first", ()), ("2", "better", ("age",))]
    assert registry.rollback().version == "1"
    registry.mend()
    assert [each.verdict for each in registry.history()] == ["promoted", "promoted", "rolled back"]


def test_evidence_is_kept_with_the_decision(registry, tmp_path):
    add(registry, tmp_path, "a")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "verdict.json").write_text("{}")
    made = registry.refuse("1", "worse", before=None, evidence=tmp_path / "evidence")
    assert registry.tracking.artifact(made.run, "verdict.json", tmp_path).read_text() == "{}"


def check(folder: Path) -> None:
    if (folder / "model.txt").read_text() not in "abcd":
        raise UnreadableFile("damaged")


def test_what_lies_on_this_machine_is_used_where_it_lies(registry, tmp_path):
    add(registry, tmp_path, "a")
    folder = registry.fetch("1", check)
    assert folder.is_relative_to(tmp_path / "shop" / "results" / "mlflow")
    (folder / "model.txt").write_text("spoiled")
    with pytest.raises(UnreadableFile):
        registry.fetch("1", check)
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match="holds no model of foresell"):
        registry.fetch("1", check)


def test_a_folder_that_has_two_names_is_read_by_both(registry, make_registry, tmp_path):
    add(registry, tmp_path, "a")
    (tmp_path / "mounted").mkdir()
    shutil.copytree(tmp_path / "shop", tmp_path / "mounted" / "shop")  # as a container sees it
    other = Registry(Tracking(Where.of(tmp_path / "mounted" / "shop", Settings())), tmp_path / "cache")
    assert other.fetch("1", check).is_relative_to(tmp_path / "mounted")
    shutil.copy(tmp_path / "mounted/shop/results/mlflow.db", tmp_path / "shop/results/mlflow.db")
    assert registry.fetch("1", check).is_relative_to(tmp_path / "shop")


def test_from_a_bucket_it_is_brought_once_and_again_where_the_copy_is_damaged(make_registry, tmp_path, s3_endpoint):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    registry = make_registry(artifacts="s3://models/shop", name="toys")
    add(registry, tmp_path, "a")
    cache = tmp_path / "shop" / "results" / "models"
    folder = registry.fetch("1", check)
    assert folder.is_relative_to(cache / "1")
    assert (folder / "model.txt").read_text() == "a"
    brought = folder.stat().st_ino
    assert registry.fetch("1", check).stat().st_ino == brought
    (folder / "model.txt").write_text("spoiled")
    assert (registry.fetch("1", check) / "model.txt").read_text() == "a"
    (folder / "more.txt").write_text("b")
    registry.add("1", folder / "more.txt")
    shutil.rmtree(cache)
    assert (registry.fetch("1", check) / "more.txt").read_text() == "b"


def test_the_cache_has_what_serves_what_a_rollback_takes_and_what_was_fetched_last(
    make_registry, tmp_path, s3_endpoint
):
    pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    registry = make_registry(artifacts="s3://models/cache", name="toys")
    for content in "abcdd":
        add(registry, tmp_path, content)
    cache = tmp_path / "shop" / "results" / "models"
    for number, before in (("1", None), ("2", "1"), ("3", "2")):
        registry.promote(number, "", before=before)
    (cache / ".9.left.part").mkdir(parents=True)
    (cache / ".9.begun.part").mkdir()
    yesterday = time.time() - 90_000
    os.utime(cache / ".9.left.part", (yesterday, yesterday))
    for number in "32145":
        registry.fetch(number, check)
    assert {each.name for each in cache.iterdir()} == {"2", "3", "5", ".9.begun.part"}
    assert (registry.fetch("1", check) / "model.txt").read_text() == "a"


def test_old_versions_make_room_and_never_what_serves_or_a_rollback_takes(registry, tmp_path):
    for content in "abcdab":
        add(registry, tmp_path, content, what=content)
    for number, before in (("1", None), ("2", "1"), ("4", "2")):
        registry.promote(number, "", before=before)
    registry.refuse("5", "worse", before="4")
    registry.tracking.client.set_registered_model_alias(registry.name, "staging", "3")
    # 6 is the newest, 4 serves, 2 was champion before, 3 has a name that somebody gave it.
    assert [each.number for each in registry.spare(1)] == ["1", "5"]
    assert [each.number for each in registry.spare(2)] == ["1"]
    assert registry.spare(9) == []
    folder = registry.fetch("1")
    freed = registry.remove("1")
    assert freed > 0
    assert not folder.exists()
    assert [each.number for each in registry.versions()] == ["6", "5", "4", "3", "2"]
    assert registry.fetch("2", check).exists()
    for number in "423":
        with pytest.raises(UsageError, match=f"Version {number} .*not removed"):
            registry.remove(number)
    with pytest.raises(UsageError, match="no version 1"):
        registry.remove("1")
    assert registry.rollback().version == "2"
    assert [each.number for each in registry.spare(1)] == ["4", "5"]  # and 2 had none before it that is still there
    assert add(registry, tmp_path, "d").number == "7"


def test_who_breaks_off_while_a_version_is_removed_can_do_it_again(registry, tmp_path, monkeypatch):
    for content in "ab":
        add(registry, tmp_path, content)
    registry.promote("2", "", before=None)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registry.tracking.client, "delete_model_version", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.remove("1")
    assert [each.number for each in registry.spare(1)] == ["1"]
    assert registry.remove("1") == 0  # its files are gone already
    assert [each.number for each in registry.versions()] == ["2"]


def test_what_a_registration_left_that_was_broken_off_goes_when_nobody_can_be_at_work_on_it(
    registry, tmp_path, monkeypatch
):
    add(registry, tmp_path, "a")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    def there() -> set[str]:
        client, experiment = registry.tracking.client, registry.tracking.experiment
        return {str(each.status) for each in client.search_logged_models([experiment])}

    with monkeypatch.context() as patch:
        patch.setattr(registry.tracking.client, "finalize_logged_model", killed)
        with pytest.raises(KeyboardInterrupt):
            add(registry, tmp_path, "b")
    files = list((tmp_path / "shop" / "results" / "mlflow").rglob("model.txt"))
    assert len(files) == 2
    registry.mend()
    assert there() == {"READY", "PENDING"}  # another process may be registering it now
    monkeypatch.setattr("foresell.registry.versions.DEAD", -1)  # as a day later
    registry.mend()
    assert there() == {"READY"}
    assert sum(each.exists() for each in files) == 1
    assert (registry.fetch("1", check) / "model.txt").read_text() == "a"
    assert add(registry, tmp_path, "b").number == "2"


def test_a_version_is_removed_from_a_bucket(make_registry, tmp_path, s3_endpoint):
    boto3 = pytest.importorskip("boto3", reason="no S3 client: boto3 is not installed")
    registry = make_registry(artifacts="s3://models/room", name="toys")
    for content in "ab":
        add(registry, tmp_path, content)
    registry.promote("2", "", before=None)
    registry.fetch("1", check)

    def kept() -> dict[str, int]:
        found = boto3.client("s3").list_objects_v2(Bucket="models", Prefix="room/models/")
        return {each["Key"]: each["Size"] for each in found["Contents"]}

    before = kept()
    freed = registry.remove("1")
    assert freed == sum(before.values()) - sum(kept().values()) > 0
    assert list((tmp_path / "shop" / "results" / "models").iterdir()) == []
    assert (registry.fetch("2", check) / "model.txt").read_text() == "b"
