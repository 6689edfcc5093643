"""An upload changes nothing until it is accepted, and then only the settings, whose old form is kept."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
import yaml

from foresell.apps.dashboard import uploads
from foresell.core.errors import UsageError
from foresell.core.settings import read_settings
from foresell.pipeline.project import Project
from foresell.pipeline.views import show


def tree_of(folder: Path) -> dict[str, bytes]:
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in folder.rglob("*")
        if f.is_file() and "uploads" not in f.parts and not f.name.startswith(".")
    }


def newer(shop: Path) -> io.BytesIO:
    """The sales of one day more, which are those of the last one, as a file of their own."""
    head, *rows = (shop.parent / "data" / "sales.csv").read_text().splitlines()
    last = [row.replace("2025-12-28", "2025-12-29") for row in rows if "2025-12-28" in row]
    return io.BytesIO("\n".join([head, *last]).encode())


def test_rejected_sales_leave_the_project_as_it_was(shop) -> None:
    before = tree_of(shop)
    upload = uploads.stage(shop, "new.csv", newer(shop), uploads.REPLACE, "ann")
    assert tree_of(shop) == before
    uploads.reject(shop, upload)
    assert tree_of(shop) == before
    assert not uploads.uploads(shop)


def test_newer_sales_stand_beside_the_present_ones(shop) -> None:
    before = (shop / "foresell.yaml").read_text()
    upload = uploads.stage(shop, "new.csv", newer(shop), uploads.ADD, "ann")
    trial = Project(upload.trial(shop))
    trial.run("check")
    found = show(trial, "findings")
    assert "to 2025-12-29" in found.sentence
    kept = uploads.accept(shop, upload)
    assert kept.read_text() == before
    settings = read_settings(shop / "foresell.yaml")
    assert settings.data.sales == f"uploads/{upload.id}/sales"
    assert sorted(file.name for file in (shop / settings.data.sales).iterdir()) == ["new.csv", "sales.csv"]
    old, new = yaml.safe_load(before), yaml.safe_load((shop / "foresell.yaml").read_text())
    assert new == {**old, "data": {**old["data"], "sales": settings.data.sales}}
    assert uploads.uploads(shop)[0].accepted
    with pytest.raises(UsageError, match="meanwhile"):
        uploads.accept(shop, upload)
    with pytest.raises(UsageError, match="in use"):
        uploads.reject(shop, upload)


def test_a_file_of_another_form_has_its_settings_worked_out(shop) -> None:
    rows = [f"{1 + day % 28:02}.{1 + day // 28:02}.2024;A{item};{day % 5}" for day in range(140) for item in range(3)]
    file = io.BytesIO("\n".join(["Datum;Artikel;Menge", *rows]).encode())
    upload = uploads.stage(shop, "Umsatz.csv", file, uploads.ANEW, "ann")
    concluded = {reason.setting: reason.conclusion for reason in uploads.proposal_of(shop, upload).reasons}
    assert concluded
    uploads.accept(shop, upload)
    assert read_settings(shop / "foresell.yaml").data.quantity == "Menge"


def test_a_name_that_the_sales_have_already_is_refused(shop) -> None:
    with pytest.raises(UsageError, match="Rename the new one"):
        uploads.stage(shop, "SALES.csv", newer(shop), uploads.ADD, "ann")
    assert not list((shop / "uploads").iterdir())


@pytest.mark.parametrize("name", ["a.exe", "foresell.yaml", "../../x", ""])
def test_other_kinds_of_files_are_refused(shop, name) -> None:
    with pytest.raises(UsageError, match="no file of sales"):
        uploads.stage(shop, name, io.BytesIO(b"x"), uploads.REPLACE, "ann")


@pytest.mark.parametrize("name", ["../../foresell.yaml/x.csv", "..\\..\\x.csv", "/etc/x.csv", "a/../x.csv"])
def test_no_name_leads_out_of_the_folder(name) -> None:
    assert uploads.safe_name(name) == "x.csv"


def test_archives_that_would_fill_the_disk_are_refused(shop, monkeypatch) -> None:
    monkeypatch.setattr(uploads, "UNPACKED_BYTES", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "0" * 5000)
    for name, content in (("a.zip", packed.getvalue()), ("a.csv.gz", gzip.compress(b"0" * 5000))):
        with pytest.raises(UsageError, match="not unpacked"):
            uploads.stage(shop, name, io.BytesIO(content), uploads.REPLACE, "ann")
    with pytest.raises(UsageError, match="damaged"):
        uploads.stage(shop, "a.zip", io.BytesIO(b"no archive"), uploads.REPLACE, "ann")
    assert not list((shop / "uploads").iterdir())
