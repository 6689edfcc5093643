"""Tables written chunk by chunk, in CSV, gzipped CSV or Parquet."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, cast, get_args

import polars as pl

from foresell.core.errors import UsageError

Format = Literal["csv", "csv.gz", "parquet"]


def check_format(name: str) -> Format:
    """Returns `name` if it is a format; raises UsageError otherwise."""
    if name not in get_args(Format):
        raise UsageError(f"'{name}' is not a format for sample data; choose one of {', '.join(get_args(Format))}.")
    return cast(Format, name)


class TableWriter:
    """Writes one table chunk by chunk; at most one chunk is in memory.

    CSV goes to ``NAME.csv`` or ``NAME.csv.gz``. Parquet goes to ``NAME.parquet`` if there was one chunk, otherwise to
    a folder of parts such as ``NAME/part-00000.parquet``. Until `close` the name ends in ``.partial``, so that an
    interrupted run leaves nothing that looks like a whole table. An earlier table of that name is replaced, whatever
    its format.
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
        """Adds the rows of `chunk`. The first chunk sets the columns and may be empty."""
        if self._parts and chunk.is_empty():
            return
        if self._handle is None:
            chunk.write_parquet(self._partial / f"part-{self._parts:05d}.parquet")
        else:
            # Polars flushes what it writes to. In a gzip stream the bytes would then depend on the size of the chunks.
            text = BytesIO()
            chunk.write_csv(text, include_header=not self._parts, datetime_format="%Y-%m-%d %H:%M:%S")
            self._handle.write(text.getbuffer())
        self._parts += 1
        self.rows += chunk.height

    def close(self) -> Path:
        """Finishes the table and returns its path: a file, or a folder of parts."""
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
            # Raises where the folder holds other files, which are not removed.
            self._target.rmdir()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_handles()


@contextmanager
def open_writers(
    folder: Path, tables: tuple[str, ...], truth: tuple[str, ...], table_format: Format
) -> Iterator[dict[str, TableWriter]]:
    """Writers by name: of `tables` in `folder`, and of `truth` in the folder ``truth`` within it, as Parquet."""
    with ExitStack() as stack:
        writers = {name: stack.enter_context(TableWriter(folder, name, table_format)) for name in tables}
        for name in truth:
            writers[name] = stack.enter_context(TableWriter(folder / "truth", name, "parquet"))
        yield writers


def write_table(frame: pl.DataFrame, folder: Path, name: str, table_format: Format = "csv") -> Path:
    """Writes a small table at once and returns its path."""
    with TableWriter(folder, name, table_format) as writer:
        writer.write(frame)
        return writer.close()


def write_parameters(folder: Path, parameters: dict[str, object]) -> Path:
    """Writes ``truth/parameters.json`` within `folder` and returns its path."""
    path = folder / "truth" / "parameters.json"
    path.write_text(json.dumps(parameters, indent=1) + "\n", encoding="utf-8")
    return path
