"""Tables written chunk by chunk, in CSV, gzipped CSV or Parquet."""

from __future__ import annotations

import gzip
import shutil
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, cast, get_args

import polars as pl

from foresell.core.errors import UsageError

Format = Literal["csv", "csv.gz", "parquet"]


def check_format(name: str) -> Format:
    """The format, where it is one. Raises UsageError."""
    if name not in get_args(Format):
        raise UsageError(f"'{name}' is not a format for sample data; choose one of {', '.join(get_args(Format))}.")
    return cast(Format, name)


class TableWriter:
    """One table that arrives in chunks; no more than a chunk is ever in memory.

    CSV goes to ``NAME.csv`` or ``NAME.csv.gz``. Parquet goes to ``NAME.parquet`` where one chunk was all, and to
    a folder of parts ``NAME/part-00000.parquet`` else. Until `close` everything has a name ending in
    ``.partial``, so a run that broke off cannot be taken for a whole table. An earlier table of that name is
    replaced, whatever its format.
    """

    def __init__(self, folder: Path, name: str, table_format: Format = "csv"):
        folder.mkdir(parents=True, exist_ok=True)
        self.format = table_format
        self.rows = 0
        self._target = folder / name
        self._partial = folder / (f"{name}.partial" if table_format == "parquet" else f"{name}.{table_format}.partial")
        self._parts = 0
        self._handle: BinaryIO | None = None
        self._raw: BinaryIO | None = None
        if table_format == "parquet":
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir()
        else:
            self._raw = self._partial.open("wb")
            # No name and no time in the gzip header: the same table gives the same bytes.
            self._handle = (
                cast(BinaryIO, gzip.GzipFile("", "wb", compresslevel=4, fileobj=self._raw, mtime=0))
                if table_format == "csv.gz"
                else self._raw
            )

    def write(self, chunk: pl.DataFrame) -> None:
        """Adds the rows of `chunk`; the first one gives the columns and may be empty."""
        if self._parts and chunk.is_empty():
            return
        if self._handle is None:
            chunk.write_parquet(self._partial / f"part-{self._parts:05d}.parquet")
        else:
            text = BytesIO()  # Polars flushes what it writes to, which would leave each chunk's end in a gzip stream.
            chunk.write_csv(text, include_header=not self._parts, datetime_format="%Y-%m-%d %H:%M:%S")
            self._handle.write(text.getbuffer())
        self._parts += 1
        self.rows += chunk.height

    def close(self) -> Path:
        """Ends the table and returns where it lies: a file, or a folder of parts."""
        self._close_handles()
        self._remove_earlier()
        if self.format != "parquet":
            return self._partial.rename(Path(f"{self._target}.{self.format}"))
        if self._parts != 1:
            return self._partial.rename(self._target)
        single = (self._partial / "part-00000.parquet").rename(f"{self._target}.parquet")
        self._partial.rmdir()
        return single

    def _close_handles(self) -> None:
        for handle in (self._handle, self._raw):
            if handle is not None:
                handle.close()

    def _remove_earlier(self) -> None:
        for ending in get_args(Format):
            Path(f"{self._target}.{ending}").unlink(missing_ok=True)
        if self._target.is_dir():
            for part in self._target.glob("part-*.parquet"):
                part.unlink()
            # Raises where something else lies in there: it is not ours to remove.
            self._target.rmdir()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_handles()


def write_table(frame: pl.DataFrame, folder: Path, name: str, table_format: Format = "csv") -> Path:
    """A small table in one go; returns where it lies."""
    with TableWriter(folder, name, table_format) as writer:
        writer.write(frame)
        return writer.close()
