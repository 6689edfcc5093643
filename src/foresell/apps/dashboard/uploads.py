"""Sales that somebody uploads: kept apart, checked in a trial project, and taken into use when they are accepted.

An upload is a folder ``uploads/ID/`` of the project: ``upload.json`` says whose it is and what it is for, ``sales/``
has the file (and, where it adds to the sales, copies of the present ones), ``trial/`` is a project with the settings as
they would be. Until it is accepted nothing of the project changes. Then only foresell.yaml does, and the old one is
kept beside it; files of sales are never written over.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import yaml

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings, read_settings
from foresell.onboarding import roles, settings_file
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.settings_file import flow_text
from foresell.pipeline.graph import STEPS
from foresell.store.settings_file import SETTINGS
from foresell.store.tables import atomic_path

FOLDER, RECORD, SALES, TRIAL = "uploads", "upload.json", "sales", "trial"
ENDINGS = (".csv", ".csv.gz", ".txt", ".tsv", ".parquet", ".xlsx", ".zip")
MEGABYTES = 300
"""The largest file that is uploaded; a larger one is put into the folder by hand."""

UNPACKED_BYTES, MOST_ENTRIES = 4 << 30, 1000
"""More than this is not unpacked from an archive."""

REPLACE, ADD, ANEW = "replace", "add", "anew"
_PATHS = frozenset(path.rpartition(".")[2] for path in STEPS["check"].reads.inputs)


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload: its `folder`'s name, the file's `name`, `how` it is used, `by` whom and when."""

    id: str
    name: str
    how: str
    by: str
    made: datetime
    accepted: bool = False

    def trial(self, project: Path) -> Path:
        """The folder of the trial project."""
        return project / FOLDER / self.id / TRIAL

    def file(self, project: Path) -> Path:
        """The uploaded file."""
        return project / FOLDER / self.id / SALES / self.name


def safe_name(name: str) -> str:
    """The name of a file without folders and without signs that mean something to a shell or a system.

    Raises UsageError for a kind of file that is not read.

    >>> safe_name("../../etc/Umsatz März;rm.csv"), safe_name(".csv")
    ('Umsatz März_rm.csv', 'sales.csv')
    """
    plain = re.sub(r"[^\w. -]", "_", Path(name.replace("\\", "/")).name).strip(" .")
    ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if name.lower().endswith(ending)), None)
    if ending is None:
        raise UsageError(f"{plain} is no file of sales that can be read; upload one of {', '.join(ENDINGS)}.")
    stem = plain[: -len(ending)].strip(" .") if plain.lower().endswith(ending) else ""
    return f"{stem[:100] or 'sales'}{ending}"


def stage(project: Path, name: str, content: BinaryIO, how: str, by: str) -> Upload:
    """Keeps an uploaded file and makes the trial project. Raises UsageError where it cannot be used."""
    upload = Upload(id=f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}", name=safe_name(name), how=how, by=by,
                    made=datetime.now(UTC))  # fmt: skip
    place = project / FOLDER / upload.id
    (place / SALES).mkdir(parents=True)
    try:
        with upload.file(project).open("xb") as target:
            shutil.copyfileobj(content, target)
        _check_archive(upload.file(project))
        if how == ADD:
            _copy_present(project, place / SALES)
        upload.trial(project).mkdir()
        _write_trial(project, upload)
        _write(project, upload)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return upload


def uploads(project: Path) -> list[Upload]:
    """The uploads that are kept, the newest first."""
    records = sorted((project / FOLDER).glob(f"*/{RECORD}"), reverse=True)
    return [msgspec.json.decode(record.read_bytes(), type=Upload) for record in records]


def proposal_of(project: Path, upload: Upload) -> Proposal:
    """What `foresell init` concludes of the file."""
    return roles.infer(str(upload.file(project)))


def accept(project: Path, upload: Upload) -> Path:
    """Takes the upload into use; returns where the old settings are kept. Raises UsageError and SettingsError."""
    if upload not in uploads(project) or upload.accepted:
        raise UsageError("This upload was accepted or rejected meanwhile. Look at the page again.")
    path = project / SETTINGS
    if upload.how == ANEW:
        text = settings_file.text_of(proposal_of(project, upload), project, str(upload.file(project)))
    else:
        text = with_sales(path.read_text(encoding="utf-8"), _sales_address(upload))
    parse_settings(yaml.safe_load(text), str(path))
    kept = path.with_name(f"{SETTINGS}.{datetime.now(UTC):%Y%m%dT%H%M%S}")
    shutil.copy2(path, kept)
    part = path.with_name(f".{SETTINGS}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    shutil.rmtree(upload.trial(project), ignore_errors=True)
    _write(project, msgspec.structs.replace(upload, accepted=True))
    return kept


def reject(project: Path, upload: Upload) -> None:
    """Removes an upload that is not in use. Raises UsageError for one that was accepted."""
    current = next((other for other in uploads(project) if other.id == upload.id), None)
    if current is not None and current.accepted:
        raise UsageError("This upload is in use; it was accepted meanwhile.")
    shutil.rmtree(project / FOLDER / upload.id, ignore_errors=True)


def with_sales(text: str, sales: str) -> str:
    """The text of settings with another address of the sales; every other character stays.

    >>> with_sales("data:\\n  sales: a.csv  # ours\\n  date: day\\n", "b c.csv")
    'data:\\n  sales: b c.csv  # ours\\n  date: day\\n'
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    data = next(value for name, value in root.value if name.value == "data")
    node = next(value for name, value in data.value if name.value == "sales")
    return text[: node.start_mark.index] + flow_text(sales) + text[node.end_mark.index :]


def _sales_address(upload: Upload) -> str:
    folder = f"{FOLDER}/{upload.id}/{SALES}"
    return folder if upload.how == ADD else f"{folder}/{upload.name}"


def _write(project: Path, upload: Upload) -> None:
    with atomic_path(project / FOLDER / upload.id / RECORD) as temporary:
        temporary.write_bytes(msgspec.json.encode(upload))


def _write_trial(project: Path, upload: Upload) -> None:
    """The settings as they would be, with addresses that do not depend on their place."""
    trial = upload.trial(project)
    if upload.how == ANEW:
        settings_file.write(proposal_of(project, upload), trial, str(upload.file(project)), force=True)
        return
    tree = yaml.safe_load((project / SETTINGS).read_text(encoding="utf-8"))
    tree["data"] = _absolute(tree["data"], project.resolve())
    tree["data"]["sales"] = str((project / _sales_address(upload)).resolve())
    (trial / SETTINGS).write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _absolute(value: Any, base: Path) -> Any:
    if isinstance(value, list):
        return [_absolute(item, base) for item in value]
    if isinstance(value, dict):
        return {
            key: str(base / item) if key in _PATHS and isinstance(item, str) and "://" not in item
            else _absolute(item, base)
            for key, item in value.items()
        }  # fmt: skip
    return value


def _copy_present(project: Path, folder: Path) -> None:
    """Puts the present sales beside the new ones. Raises UsageError where they are no files of this machine."""
    sales = read_settings(project / SETTINGS).data.sales
    present = project / sales
    files = [present] if present.is_file() else sorted(f for f in present.rglob("*") if f.is_file()) or (
        [] if "://" in sales else sorted(f for f in project.glob(sales) if f.is_file()) if not Path(sales).is_absolute()
        else []
    )  # fmt: skip
    if not files:
        raise UsageError(
            f"The present sales, {sales}, are no files below or beside this project that could be put beside new ones. "
            "Put the new file there by hand, or replace the sales."
        )
    taken = {file.name.lower() for file in folder.iterdir()}
    for file in files:
        if file.name.lower() in taken:
            raise UsageError(f"The sales have a file called {file.name} already. Rename the new one, and upload it.")
        taken.add(file.name.lower())
        shutil.copy2(file, folder / file.name)


def _check_archive(file: Path) -> None:
    """Raises UsageError for an archive that is damaged, or would take too much when it is unpacked."""
    size = 0
    try:
        if file.suffix in (".zip", ".xlsx"):
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                size = sum(entry.file_size for entry in entries)
                if len(entries) > MOST_ENTRIES:
                    raise UsageError(f"{file.name} has {len(entries):,} files; at most {MOST_ENTRIES:,} are unpacked.")
        elif file.suffix == ".gz":
            with gzip.open(file) as stream:
                while size <= UNPACKED_BYTES and (part := stream.read(1 << 20)):
                    size += len(part)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{file.name} is damaged: {error}. Upload it again.") from error
    if size > UNPACKED_BYTES:
        raise UsageError(f"{file.name} has more than {UNPACKED_BYTES >> 30} GB in it, which is not unpacked.")
