"""Tables as Parquet files, at a local path or in a bucket (``s3://bucket/key.parquet``).

Buckets are reached with what the environment says: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_REGION``, and ``AWS_ENDPOINT_URL`` for any other S3-compatible store than Amazon's.
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


def is_remote(path: str | Path) -> bool:
    """Whether `path` is the address of an object in a bucket.

    >>> is_remote("s3://sales/2024.parquet"), is_remote("results/forecasts.parquet")
    (True, False)
    """
    return "://" in str(path)


def write_table(frame: pl.DataFrame, path: str | Path) -> None:
    """Writes `frame` as one Parquet file, whole or not at all; folders on the way are made.

    Locally the file is written under another name beside its place and then renamed, so that a run that is
    killed leaves the old file or the new one. A bucket shows an object only once all of it has arrived.

    Raises StoreError when the place cannot be written, UsageError for an address that is not ``s3://``.
    """
    address = _address(path)
    with _explained("written", address):
        if is_remote(address):
            frame.write_parquet(address, storage_options=_options(address))
            return
        with beside(Path(address)) as temporary:
            frame.write_parquet(temporary)


def read_table(path: str | Path, columns: list[str] | None = None) -> pl.DataFrame:
    """The table at `path`, or those of its `columns` only.

    Raises StoreError when it is not there or cannot be reached, UnreadableFile when it is not whole Parquet,
    UsageError when it lacks one of the columns.
    """
    address = _address(path)
    with _explained("read", address):
        return pl.read_parquet(address, columns=columns, glob=False, storage_options=_options(address))


def scan_table(path: str | Path) -> pl.LazyFrame:
    """The table at `path`, read only as far as a query needs it. Errors come when the query is collected."""
    address = _address(path)
    return pl.scan_parquet(address, glob=False, storage_options=_options(address))


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name in the same folder to write to; at the end of the block it becomes `path` in one step.

    When the block raises, what was written is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())  # a rename must not reach the disk before the content does
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _options(address: str) -> dict[str, Any] | None:
    """How to reach the bucket; None for a local path."""
    return s3_options() if is_remote(address) else None


def _address(path: str | Path) -> str:
    """The address as Polars takes it. `Path` folds ``s3://`` to ``s3:/``, which is mended."""
    address = str(path)
    if address.startswith("s3:/") and not address.startswith("s3://"):
        address = "s3://" + address.removeprefix("s3:/")
    if is_remote(address) and not address.startswith("s3://"):
        raise UsageError(f"Found the address {address}; expected a local path or s3://bucket/key.")
    return address


@contextmanager
def _explained(verb: str, path: str) -> Iterator[None]:
    """Turns what Polars and the operating system raise into one clear paragraph."""
    try:
        yield
    except FileNotFoundError as error:
        place = "its bucket and key" if is_remote(path) else "the path"
        raise StoreError(f"{path} could not be {verb}: it is not there. Check {place}.") from error
    except PermissionError as error:
        who = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" if is_remote(path) else "its permissions"
        raise StoreError(f"{path} could not be {verb}: access was refused. Check {who}.") from error
    except pl.exceptions.ColumnNotFoundError as error:
        raise UsageError(f"{path} lacks a column: {_first_line(error)}.") from error
    except pl.exceptions.ComputeError as error:
        raise UnreadableFile(f"{path} is not a whole Parquet file: {_first_line(error)}. Make it again.") from error
    except OSError as error:
        where = " Check AWS_ENDPOINT_URL, AWS_REGION and the network." if is_remote(path) else ""
        raise StoreError(f"{path} could not be {verb}: {_first_line(error)}.{where}") from error


def _first_line(error: Exception) -> str:
    """The first line of a library's message, without its full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
