"""Finds input files and opens them: one file, a folder or a glob; local or in a bucket (s3://); plain or gzipped.

Text is returned as blocks of UTF-8, whatever its encoding was. A file that cannot be read raises UnreadableFile, whose
message is one paragraph.
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

TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
PARQUET_ENDINGS = (".parquet", ".pq")
TABLE_ENDINGS = TEXT_ENDINGS + PARQUET_ENDINGS
BLOCK_BYTES = 32 * 2**20  # bytes of text that are parsed at a time


@dataclass(frozen=True)
class InputFile:
    """One file: `path` (absolute, or an s3:// address) opens it, and messages call it `name`."""

    path: str
    name: str

    @property
    def remote(self) -> bool:
        return self.path.startswith("s3://")

    @property
    def is_parquet(self) -> bool:
        return self.path.lower().endswith(PARQUET_ENDINGS)


def find_files(path: str, base: Path) -> list[InputFile]:
    """The files that `path` names, in order of their names: one file, all tables of a folder, or the matches of a glob.

    Relative paths begin at `base`. Raises UnreadableFile where `path` names no file.
    """
    if path.startswith("s3://"):
        return _find_in_bucket(path)
    full_path = Path(path).expanduser() if Path(path).expanduser().is_absolute() else base / path
    if full_path.is_file():
        return [InputFile(str(full_path), path)]
    if full_path.is_dir():
        matches = sorted(str(entry) for entry in full_path.rglob("*") if entry.name.lower().endswith(TABLE_ENDINGS))
        if not matches:
            raise UnreadableFile(
                f"The folder {path} holds no tables (files ending in {', '.join(TABLE_ENDINGS)}). "
                "Put the sales files there, or name another folder in the settings."
            )
    else:
        matches = sorted(match for match in glob.glob(str(full_path), recursive=True) if Path(match).is_file())
        if not matches:
            raise UnreadableFile(_missing_file_message(path, full_path))
    return [InputFile(match, match if os.path.isabs(path) else os.path.relpath(match, base)) for match in matches]


def _missing_file_message(path: str, full_path: Path) -> str:
    if glob.has_magic(path):
        return f"No file matches {path} (seen from {full_path.parent}). Correct the pattern in the settings."
    if not full_path.parent.is_dir():
        return (
            f"There is no file {path}: the folder {full_path.parent} does not exist. Correct the path in the settings."
        )
    siblings = sorted(path.name for path in full_path.parent.iterdir())
    holds = f"its folder holds {first_five(siblings)}" if siblings else "its folder is empty"
    return f"There is no file {path}; {holds}. Correct the path in the settings."


def _find_in_bucket(path: str) -> list[InputFile]:
    has_wildcard = any(sign in path for sign in "*?[")
    if not has_wildcard and path.lower().endswith(TABLE_ENDINGS):
        return [InputFile(path, path)]
    patterns = [path] if has_wildcard else [f"{path.rstrip('/')}/**/*{ending}" for ending in TABLE_ENDINGS]
    addresses = sorted(
        {name for pattern in patterns for name in _list_bucket(pattern) if name.lower().endswith(TABLE_ENDINGS)}
    )
    if not addresses:
        raise UnreadableFile(f"No file matches {path}. Correct the address in the settings.")
    return [InputFile(address, address) for address in addresses]


def _list_bucket(pattern: str) -> list[str]:
    """The addresses that match a pattern in a bucket.

    Polars cannot list a bucket, so the names come from a scan. A scan of Parquet reads a few bytes of each file; a scan
    of text reads all of it.
    """
    scan = pl.scan_parquet if pattern.lower().endswith(PARQUET_ENDINGS) else pl.scan_lines
    with reading(InputFile(pattern, pattern)):
        try:
            rows = scan(pattern, include_file_paths="__path", storage_options=s3_options())
            return rows.select(pl.col("__path").unique()).collect()["__path"].drop_nulls().to_list()
        except pl.exceptions.PolarsError as error:
            if "expanded paths were empty" in str(error) or "__path" in str(error):
                return []
            raise


@contextmanager
def reading(file: InputFile) -> Iterator[None]:
    """Turns any error that occurs while `file` is read into an UnreadableFile with a message of one paragraph."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(_truncated_message(file)) from error
    except UnicodeError as error:
        raise UnreadableFile(f"{file.name} is not text in the encoding that was expected: {error}.") from error
    except MemoryError:
        raise
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(_read_error_message(file, error)) from error


def _truncated_message(file: InputFile) -> str:
    return (
        f"{file.name} is a gzip file that ends too early or is damaged, so it was probably not copied whole. "
        "Fetch it again."
    )


def _read_error_message(file: InputFile, error: Exception) -> str:
    text = str(error)
    if "unexpected end of file" in text or "corrupt deflate" in text:
        return _truncated_message(file)
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


def unzipped(raw: IO[bytes]) -> IO[bytes]:
    """The text of an open file, also where it is gzipped."""
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if zipped else raw


class TextFile:
    """A text file, read in blocks of UTF-8. `share` is the part of the file that has been read, from 0 to 1."""

    def __init__(self, file: InputFile, encoding: str = "utf-8"):
        self.file = file
        self.encoding = codecs.lookup(encoding).name
        self.share = 0.0

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """The text in UTF-8, in blocks of about `size` bytes, without a byte order mark."""
        with reading(self.file):
            source = self._remote(size) if self.file.remote else self._local(size)
            first = next(source, b"")
            self._require_text(first[:4096])
            # Some old spreadsheets end lines with a carriage return only.
            only_returns = b"\n" not in first and b"\r" in first
            for number, block in enumerate(self._decoded(first, source)):
                text = block.removeprefix(codecs.BOM_UTF8) if not number else block
                yield text.replace(b"\r", b"\n") if only_returns else text

    def _local(self, size: int) -> Iterator[bytes]:
        total = max(os.path.getsize(self.file.path), 1)
        with open(self.file.path, "rb") as raw:
            stream = unzipped(raw)
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

    def _require_text(self, head: bytes) -> None:
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
        if not kind and (head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or _looks_like_utf16(head)):
            raise UnreadableFile(
                f"{self.file.name} is UTF-16 text where {self.encoding} was expected. Set 'encoding: utf-16'."
            )
        if kind or b"\0" in head:
            then = "Give it the ending .parquet." if head[:4] == b"PAR1" else "Export the table as CSV or Parquet."
            raise UnreadableFile(f"{self.file.name} holds {kind or 'binary data'}, not a text table. {then}")


def _looks_like_utf16(head: bytes) -> bool:
    """Whether the bytes look like UTF-16 text of a European language."""
    fewer_zeros, more_zeros = sorted((head[0:64:2].count(0), head[1:64:2].count(0)))
    return more_zeros > 16 and fewer_zeros < 8
