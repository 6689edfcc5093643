"""Tables in zip archives, unpacked to a folder for temporary files that is removed when the process ends.

An archive is refused where it has a password, holds archives, is damaged, or unpacks to more than a limit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from foresell.core.errors import UnreadableFile, first_five

ARCHIVE_ENDINGS = (".zip",)
NESTED_ENDINGS = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
ZIP_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")  # the latter is an archive without members
MAX_UNPACKED_BYTES = 16 * 2**30  # of all tables of an archive
MAX_RATIO = 500  # of the size of a large table to its size in the archive; sales are packed to a tenth or so
LARGE_BYTES = 64 * 2**20
BLOCK_BYTES = 2**20
OTHER_DOCUMENTS = {"content.xml": "an OpenDocument file", "word/document.xml": "a Word document"}


def is_archive(path: str) -> bool:
    """Whether the file at `path` is a zip archive by its first bytes, as workbooks are too."""
    with open(path, "rb") as file:
        return file.read(4) in ZIP_BEGINS


def unpacked_tables(path: str, name: str, endings: tuple[str, ...]) -> dict[str, str]:
    """The members of an archive that end as tables do, in order of their names, with the path of each when unpacked.

    Hidden files and those that macOS adds are left out. Raises UnreadableFile; messages call the archive `name`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _tables(archive, name, endings)
            return {member.filename: _unpacked(archive, member, path, name) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UnreadableFile(
            f"{name} is not a whole zip archive ({str(error).rstrip('.')}): it was cut off or is damaged. Fetch it "
            "again."
        ) from error
    except NotImplementedError as error:
        raise UnreadableFile(
            f"{name} is packed in a way that cannot be read ({error}). Unpack it, and name the folder of its files."
        ) from error


def _tables(archive: zipfile.ZipFile, name: str, endings: tuple[str, ...]) -> list[zipfile.ZipInfo]:
    files = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry.filename)]
    names = [entry.filename for entry in files]
    for part, kind in OTHER_DOCUMENTS.items():
        if part in names:
            raise UnreadableFile(f"{name} is {kind}. Save its table as .xlsx or CSV.")
    if nested := [entry for entry in names if entry.lower().endswith(NESTED_ENDINGS)]:
        raise UnreadableFile(
            f"{name} holds other archives: {first_five(nested)}. Unpack it, and name the folder of its tables."
        )
    tables = [entry for entry in files if entry.filename.lower().endswith(endings)]
    if not tables:
        holds = f"it holds {first_five(names)}" if names else "it is empty"
        raise UnreadableFile(f"{name} has no tables (files ending in {', '.join(endings)}); {holds}.")
    if twice := [entry for entry, count in Counter(names).items() if count > 1]:
        raise UnreadableFile(f"{name} has several files called {first_five(twice)}. Unpack it, and name the right one.")
    if any(entry.flag_bits & 1 for entry in tables):
        raise UnreadableFile(f"{name} is protected by a password. Unpack it, and name the folder of its files.")
    _require_bounded(tables, name)
    return sorted(tables, key=lambda entry: entry.filename)


def _is_hidden(member: str) -> bool:
    """Whether a member is hidden, a lock of Excel, or was added by macOS.

    >>> _is_hidden("__MACOSX/._sales.csv"), _is_hidden("in/.tmp/a.csv"), _is_hidden("in/a.csv")
    (True, True, False)
    """
    return any(part == "__MACOSX" or part.startswith((".", "~$")) for part in PurePosixPath(member).parts)


def _require_bounded(tables: list[zipfile.ZipInfo], name: str) -> None:
    size = sum(entry.file_size for entry in tables)
    if size > MAX_UNPACKED_BYTES:
        raise UnreadableFile(
            f"{name} unpacks to {size / 2**30:,.1f} GB; at most {MAX_UNPACKED_BYTES / 2**30:.0f} GB are read of an "
            "archive. Unpack it, and name the folder of its files."
        )
    for entry in tables:
        if entry.file_size > LARGE_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            times = entry.file_size / max(entry.compress_size, 1)
            raise UnreadableFile(
                f"{entry.filename} of {name} unpacks to {times:,.0f} times its size, as no table of sales does. If it "
                "is one, unpack it yourself, and name the folder of the files."
            )


_unpacked_paths: dict[tuple, str] = {}
_folder: tempfile.TemporaryDirectory | None = None


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, name: str) -> str:
    """The path of the member on disk; what was unpacked before is not unpacked again."""
    global _folder
    state = os.stat(path)
    key = (os.path.abspath(path), state.st_size, state.st_mtime_ns, member.filename)
    if key in _unpacked_paths:
        return _unpacked_paths[key]
    _folder = _folder or tempfile.TemporaryDirectory(prefix="foresell-")
    free = shutil.disk_usage(_folder.name).free
    if free < member.file_size:
        raise UnreadableFile(
            f"{name} needs {member.file_size / 2**30:,.1f} GB to be unpacked in {tempfile.gettempdir()}, where "
            f"{free / 2**30:,.1f} GB are free. Name a folder with more by the environment variable TMPDIR."
        )
    # The member's own name could lead out of the folder.
    target = Path(_folder.name) / f"{len(_unpacked_paths)}-{PurePosixPath(member.filename).name[-100:]}"
    with archive.open(member) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file, BLOCK_BYTES)
    _unpacked_paths[key] = str(target)
    return str(target)
