"""Where the files are and how to open them: local or s3://, plain or gzipped, one, a folder or a glob.

Text comes out as UTF-8 in blocks, whatever it was; what cannot be read raises UnreadableFile with one paragraph.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.errors import UnreadableFile, first_five

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
PARQUET = (".parquet", ".pq")
BLOCK = 32 * 2**20  # bytes of text that are parsed at a time


@dataclass(frozen=True)
class File:
    """One file: `path` opens it (absolute, or an s3:// address), `name` is how messages call it."""

    path: str
    name: str

    @property
    def remote(self) -> bool:
        return self.path.startswith("s3://")

    @property
    def is_parquet(self) -> bool:
        return self.path.lower().endswith(PARQUET)


def find_files(path: str, base: Path) -> list[File]:
    """The files that `path` names: one file, a folder (all tables in it) or a glob, in order of their names.

    Relative paths begin at `base`. Raises UnreadableFile when there is none.
    """
    if path.startswith("s3://"):
        return _find_remote(path)
    whole = Path(path).expanduser() if Path(path).expanduser().is_absolute() else base / path
    if whole.is_file():
        return [File(str(whole), path)]
    if whole.is_dir():
        found = sorted(str(each) for each in whole.rglob("*") if each.name.lower().endswith(TEXT + PARQUET))
        if not found:
            raise UnreadableFile(
                f"The folder {path} holds no tables (files ending in {', '.join(TEXT + PARQUET)}). "
                "Put the sales files there, or name another folder in the settings."
            )
    else:
        found = sorted(each for each in glob.glob(str(whole), recursive=True) if Path(each).is_file())
        if not found:
            raise UnreadableFile(_nothing_there(path, whole))
    return [File(each, os.path.relpath(each, base) if not os.path.isabs(path) else each) for each in found]


def _nothing_there(path: str, whole: Path) -> str:
    if glob.has_magic(path):
        return f"No file matches {path} (seen from {whole.parent}). Correct the pattern in the settings."
    if not whole.parent.is_dir():
        return f"There is no file {path}: the folder {whole.parent} does not exist. Correct the path in the settings."
    beside = sorted(each.name for each in whole.parent.iterdir())
    holds = f"its folder holds {first_five(beside)}" if beside else "its folder is empty"
    return f"There is no file {path}; {holds}. Correct the path in the settings."


def _find_remote(path: str) -> list[File]:
    magic = any(sign in path for sign in "*?[")
    if not magic and path.lower().endswith(TEXT + PARQUET):
        return [File(path, path)]
    patterns = [path] if magic else [f"{path.rstrip('/')}/**/*{ending}" for ending in TEXT + PARQUET]
    found = sorted({name for pattern in patterns for name in _listed(pattern) if name.lower().endswith(TEXT + PARQUET)})
    if not found:
        raise UnreadableFile(f"No file matches {path}. Correct the address in the settings.")
    return [File(each, each) for each in found]


def _listed(pattern: str) -> list[str]:
    """The addresses that match a pattern in a bucket.

    Polars has no listing of its own: the names come from a scan. Of Parquet that reads a few bytes of each file;
    text has to be gone through for it.
    """
    scan = pl.scan_parquet if pattern.lower().endswith(PARQUET) else pl.scan_lines
    with reading(File(pattern, pattern)):
        try:
            rows = scan(pattern, include_file_paths="__path", storage_options=s3_options())
            return rows.select(pl.col("__path").unique()).collect()["__path"].drop_nulls().to_list()
        except pl.exceptions.PolarsError as error:
            if "expanded paths were empty" in str(error) or "__path" in str(error):
                return []
            raise


@contextmanager
def reading(file: File) -> Iterator[None]:
    """Turns whatever goes wrong while `file` is read into an UnreadableFile of one paragraph."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(_cut_off(file)) from error
    except UnicodeError as error:
        raise UnreadableFile(f"{file.name} is not text in the encoding that was expected: {error}.") from error
    except MemoryError:
        raise
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(_what_went_wrong(file, error)) from error


def _cut_off(file: File) -> str:
    return (
        f"{file.name} is a gzip file that ends too early or is damaged, so it was probably not copied whole. "
        "Fetch it again."
    )


def _what_went_wrong(file: File, error: Exception) -> str:
    text = str(error)
    if "unexpected end of file" in text or "corrupt deflate" in text:
        return _cut_off(file)
    if "utf8" in text or "utf-8" in text:
        return (
            f"{file.name} is not UTF-8 text. Files in a bucket must be UTF-8 or Parquet: convert it (for example "
            "with iconv -f latin1 -t utf-8), or fetch it to this machine and set 'encoding'."
        )
    if isinstance(error, FileNotFoundError):
        return f"There is no {file.name}. Check the address and the settings."
    if "403" in text or isinstance(error, PermissionError):
        why = "the store refused the credentials" if file.remote else "this user may not read it"
        then = (
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, and that they may list and read it."
        )
        return f"{file.name} cannot be read: {why}. {then if file.remote else 'Change the rights of the file.'}"
    if isinstance(error, ConnectionError) or "error sending request" in text:
        return (
            f"{file.name} cannot be reached: the store does not answer. Check the network and AWS_ENDPOINT_URL "
            f"(now {os.environ.get('AWS_ENDPOINT_URL') or 'not set'})."
        )
    if file.is_parquet:
        return (
            f"{file.name} is not a whole Parquet file ({text.splitlines()[0].strip()}): it was cut off, or is of "
            "another kind than its name says. Write or fetch it again."
        )
    return f"{file.name} cannot be read: {text.splitlines()[0].strip()}."


class Text:
    """A text file, read in blocks of UTF-8. `share` says how much of the file has been read, from 0 to 1."""

    def __init__(self, file: File, encoding: str = "utf-8"):
        self.file = file
        self.encoding = codecs.lookup(encoding).name
        self.share = 0.0

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """The text in UTF-8, in blocks of about `size` bytes, without a byte order mark."""
        with reading(self.file):
            source = self._remote(size) if self.file.remote else self._local(size)
            first = next(source, b"")
            self._look(first[:4096])
            only_returns = b"\n" not in first and b"\r" in first  # the line ends of a very old spreadsheet
            for place, block in enumerate(self._decoded(first, source)):
                text = block.removeprefix(codecs.BOM_UTF8) if not place else block
                yield text.replace(b"\r", b"\n") if only_returns else text

    def _local(self, size: int) -> Iterator[bytes]:
        total = max(os.path.getsize(self.file.path), 1)
        with open(self.file.path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if zipped else raw
            while block := stream.read(size):
                self.share = raw.tell() / total
                yield block

    def _remote(self, size: int) -> Iterator[bytes]:
        lines = pl.scan_lines(self.file.path, storage_options=s3_options())
        for batch in lines.collect_batches(maintain_order=True, chunk_size=max(size // 128, 1)):
            yield (batch["line"].str.join("\n")[0] + "\n").encode()
        self.share = 1.0

    def _decoded(self, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        if self.encoding in ("utf-8", "utf-8-sig", "ascii") or self.file.remote:
            yield first
            yield from rest
            return
        decoder = codecs.getincrementaldecoder(self.encoding)()
        yield decoder.decode(first).encode()
        for block in rest:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()

    def _look(self, head: bytes) -> None:
        """Raises UnreadableFile when the first bytes are not those of a text table."""
        if not head.strip():
            raise UnreadableFile(f"{self.file.name} is empty. Export it again, or take it out of the settings.")
        if self.encoding.startswith(("utf-16", "utf-32")):
            return
        kinds = {
            b"PAR1": "a Parquet file",
            b"PK\x03\x04": "a zip archive or an Excel file",
            b"\xd0\xcf\x11\xe0": "an old Excel file",
        }
        kind = kinds.get(head[:4])
        if not kind and (head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or _every_other_is_zero(head)):
            raise UnreadableFile(
                f"{self.file.name} is UTF-16 text where {self.encoding} was expected. Set 'encoding: utf-16'."
            )
        if kind or b"\0" in head:
            then = "Give it the ending .parquet." if head[:4] == b"PAR1" else "Export the table as CSV or Parquet."
            raise UnreadableFile(f"{self.file.name} holds {kind or 'binary data'}, not a text table. {then}")


def _every_other_is_zero(head: bytes) -> bool:
    """Whether the bytes look like UTF-16 text of a European language."""
    fewer, more = sorted((head[0:64:2].count(0), head[1:64:2].count(0)))
    return more > 16 and fewer < 8
