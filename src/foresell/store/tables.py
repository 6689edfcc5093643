"""Tables as Parquet files, at a local path or in a bucket (``s3://bucket/key.parquet``).

The credentials of a bucket come from the environment: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_REGION``, and ``AWS_ENDPOINT_URL`` for an S3-compatible store other than Amazon's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.errors import StoreError, UnreadableFile, UsageError
from foresell.core.spreadsheets import escape_formulas


def is_remote(path: str | Path) -> bool:
    """Whether `path` is the address of an object in a bucket.

    >>> is_remote("s3://sales/2024.parquet"), is_remote("results/forecasts.parquet")
    (True, False)
    """
    return "://" in str(path)


def write_table(frame: pl.DataFrame, path: str | Path) -> None:
    """Writes `frame` as one Parquet file, whole or not at all. Missing folders are made.

    A local file is written under another name in the same folder and then renamed, so that a run that is killed
    leaves the old file or the new one. A bucket shows an object only when all of it has arrived.

    Raises StoreError when the file cannot be written, UsageError for an address that is not ``s3://``.
    """
    address = _address(path)
    with _store_errors("written", address):
        if is_remote(address):
            frame.write_parquet(address, storage_options=_storage_options(address))
            return
        with atomic_path(Path(address)) as temporary:
            frame.write_parquet(temporary)


def read_table(path: str | Path, columns: list[str] | None = None) -> pl.DataFrame:
    """The table at `path`, or only its `columns`.

    Raises StoreError when it does not exist or cannot be reached, UnreadableFile when it is not a whole Parquet file,
    UsageError when it lacks one of the columns.
    """
    address = _address(path)
    with _store_errors("read", address):
        return pl.read_parquet(address, columns=columns, glob=False, storage_options=_storage_options(address))


def scan_table(path: str | Path) -> pl.LazyFrame:
    """The table at `path` as a lazy query, which reads only what it needs. Errors are raised when it is collected."""
    address = _address(path)
    return pl.scan_parquet(address, glob=False, storage_options=_storage_options(address))


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Writes a CSV file whole or not at all. Texts that a spreadsheet would take for formulas are escaped."""
    with atomic_path(path) as temporary:
        escape_formulas(frame).write_csv(temporary)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path to write to, in the folder of `path`. It is renamed to `path` when the block ends.

    When the block raises, the temporary file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # the content must reach the disk before the rename does
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _storage_options(address: str) -> dict[str, Any] | None:
    """The storage options of Polars for a bucket; None for a local path."""
    return s3_options() if is_remote(address) else None


def _address(path: str | Path) -> str:
    """The address for Polars. `Path` shortens ``s3://`` to ``s3:/``, which is put right here."""
    address = str(path)
    if address.startswith("s3:/") and not address.startswith("s3://"):
        address = "s3://" + address.removeprefix("s3:/")
    if is_remote(address) and not address.startswith("s3://"):
        raise UsageError(f"Found the address {address}; expected a local path or s3://bucket/key.")
    return address


@contextmanager
def _store_errors(verb: str, path: str) -> Iterator[None]:
    """Turns the errors of Polars and of the operating system into errors that say what to check."""
    try:
        yield
    except FileNotFoundError as error:
        place = "its bucket and key" if is_remote(path) else "the path"
        raise StoreError(f"{path} could not be {verb}: it does not exist. Check {place}.") from error
    except PermissionError as error:
        who = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" if is_remote(path) else "its permissions"
        raise StoreError(f"{path} could not be {verb}: access was refused. Check {who}.") from error
    except pl.exceptions.ColumnNotFoundError as error:
        raise UsageError(f"{path} lacks a column: {first_line(error)}.") from error
    except pl.exceptions.ComputeError as error:
        raise UnreadableFile(f"{path} is not a whole Parquet file: {first_line(error)}. Make it again.") from error
    except OSError as error:
        advice = " Check AWS_ENDPOINT_URL, AWS_REGION and the network." if is_remote(path) else ""
        raise StoreError(f"{path} could not be {verb}: {first_line(error)}.{advice}") from error


def first_line(error: Exception) -> str:
    """The first line of a library's message, without its full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
