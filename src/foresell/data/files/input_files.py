"""Finds input files and opens them: one file, a folder or a glob; local or in a bucket (s3://); plain or gzipped.

A workbook counts as a folder of its sheets, a zip archive as one of its files. Text is returned as blocks of UTF-8,
whatever its encoding was. A file that cannot be read raises UnreadableFile, whose message is one paragraph.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, cast

import polars as pl

from foresell.core.bucket import s3_options
from foresell.core.errors import UnreadableFile, first_five
from foresell.data.files.archives import ARCHIVE_ENDINGS
from foresell.data.files.containers import (
    CONTAINER_ENDINGS,
    PARQUET_ENDINGS,
    TABLE_ENDINGS,
    is_container,
    tables_within,
)
from foresell.data.files.json_text import is_json, json_blocks
from foresell.data.files.workbooks import WORKBOOK_ENDINGS, sheet_text

ALL_ENDINGS = TABLE_ENDINGS + CONTAINER_ENDINGS
ONE_BYTE_ENCODINGS = ("cp125", "cp437", "cp850", "cp852", "iso8859", "latin", "mac")
BLOCK_BYTES = 32 * 2**20  # bytes of text that are parsed at a time


@dataclass(frozen=True)
class InputFile:
    """One table: `path` is its address (absolute, or s3://), and messages call it `name`.

    A sheet of a workbook has the address ``FOLDER/sales.xlsx/Sheet1``, a file of an archive ``FOLDER/sales.zip/a.csv``;
    `sheet` is the name of the sheet, and `stored` the path of the file on disk.
    """

    path: str
    name: str
    sheet: str | None = None
    stored: str | None = None

    @property
    def disk_path(self) -> str:
        """The path that opens the file."""
        return self.stored or self.path

    @property
    def remote(self) -> bool:
        return self.path.startswith("s3://")

    @property
    def is_parquet(self) -> bool:
        return self.sheet is None and self.path.lower().endswith(PARQUET_ENDINGS)


def find_files(path: str, base: Path) -> list[InputFile]:
    """The tables that `path` names, in order of their names: of one file, a folder, a glob, or in a container.

    Relative paths begin at `base`. Of a folder, workbooks are taken only where it has no text or Parquet tables, and
    archives only where it has neither, because they may be copies. Raises UnreadableFile where `path` names no file.
    """
    if path.startswith("s3://"):
        return _find_in_bucket(path)
    full_path = Path(path).expanduser() if Path(path).expanduser().is_absolute() else base / path
    if full_path.is_file():
        return _tables_of(str(full_path), path)
    if full_path.is_dir():
        return [
            table for match in _files_below(full_path, path) for table in _tables_of(match, _shown(match, path, base))
        ]
    matches, inner = _matches(full_path), ""
    if not matches:
        matches, inner = _containers_of(full_path)
    if not matches:
        raise UnreadableFile(_missing_file_message(path, full_path))
    return [table for match in matches for table in _tables_of(match, _shown(match, path, base), inner)]


def _shown(match: str, path: str, base: Path) -> str:
    """The name of a file in messages: as the user wrote the path that found it."""
    return match if os.path.isabs(path) else os.path.relpath(match, base)


def _tables_of(path: str, name: str, inner: str = "") -> list[InputFile]:
    """The tables of a file on disk: itself, or those in it that `inner` names."""
    with reading(InputFile(path, name)):
        if not is_container(path):
            return [InputFile(path, name)]
        tables = tables_within(path, name, inner)
    return [InputFile(f"{path}/{t.inner}", f"{name}/{t.inner}", t.sheet, t.disk_path) for t in tables]


def _matches(pattern: Path) -> list[str]:
    names = glob.glob(str(pattern), recursive=True)
    return sorted(name for name in names if Path(name).is_file() and not _is_lock(name))


def _is_lock(path: str) -> bool:
    """Whether the file only says that Excel has a workbook open."""
    return Path(path).name.startswith("~$")


def _files_below(folder: Path, path: str) -> list[str]:
    entries = sorted(str(entry) for entry in folder.rglob("*") if not _is_lock(str(entry)))
    for endings in (TABLE_ENDINGS, WORKBOOK_ENDINGS, ARCHIVE_ENDINGS):
        if matches := [entry for entry in entries if entry.lower().endswith(endings)]:
            return matches
    raise UnreadableFile(
        f"The folder {path} holds no tables (files ending in {', '.join(ALL_ENDINGS)}). "
        "Put the sales files there, or name another folder."
    )


def _containers_of(address: Path) -> tuple[list[str], str]:
    """The containers in which `address` names tables, and what stands after them; none where it names no such table."""
    for parent in address.parents:
        if parent.suffix.lower() in CONTAINER_ENDINGS or parent.is_file():
            containers = [str(parent)] if parent.is_file() else _matches(parent)
            if containers and all(is_container(path) for path in containers):
                return containers, address.relative_to(parent).as_posix()
    return [], ""


def _missing_file_message(path: str, full_path: Path) -> str:
    if glob.has_magic(path):
        return f"No file matches {path} (seen from {full_path.parent}). Correct the pattern."
    if not full_path.parent.is_dir():
        return f"There is no file {path}: the folder {full_path.parent} does not exist. Correct the path."
    siblings = sorted(path.name for path in full_path.parent.iterdir())
    holds = f"its folder holds {first_five(siblings)}" if siblings else "its folder is empty"
    return f"There is no file {path}; {holds}. Correct the path."


def _find_in_bucket(path: str) -> list[InputFile]:
    if path.lower().endswith(CONTAINER_ENDINGS):
        raise UnreadableFile(
            f"{path} cannot be read from a bucket, only text and Parquet can. Fetch it to this machine first."
        )
    has_wildcard = any(sign in path for sign in "*?[")
    if not has_wildcard and path.lower().endswith(TABLE_ENDINGS):
        return [InputFile(path, path)]
    patterns = [path] if has_wildcard else [f"{path.rstrip('/')}/**/*{ending}" for ending in TABLE_ENDINGS]
    addresses = sorted(
        {name for pattern in patterns for name in _list_bucket(pattern) if name.lower().endswith(TABLE_ENDINGS)}
    )
    if not addresses:
        raise UnreadableFile(f"No file matches {path}. Correct the address.")
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
        raise UnreadableFile(
            f"{file.name} is not text in the encoding that was expected: {error}. Say which it has with --encoding "
            "('encoding' in the settings), such as cp850, cp1250, cp1251, shift_jis or gb18030."
        ) from error
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


def holds_json(file: InputFile) -> bool:
    """Whether a file on disk holds JSON objects, whatever its name says."""
    if file.remote or file.sheet is not None or file.is_parquet:
        return False
    with open(file.disk_path, "rb") as raw:
        return is_json(unzipped(raw).read(100))


def unzipped(raw: IO[bytes]) -> IO[bytes]:
    """The text of an open file, also where it is gzipped."""
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if zipped else raw


class TextFile:
    """A text file, read in blocks of UTF-8. `share` is the part of the file that has been read, from 0 to 1."""

    def __init__(self, file: InputFile, encoding: str = "utf-8", separator: str = ",", decimal: str = "."):
        self.file = file
        self.encoding = codecs.lookup("utf-8" if file.sheet is not None else encoding).name
        self.share = 0.0
        self.converted = False  # whether the text is not as the file has it, because it is a sheet or JSON
        self._separator, self._decimal = separator, decimal  # with which the text of a sheet is written

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """The text in UTF-8, in blocks of about `size` bytes, without a byte order mark."""
        with reading(self.file):
            source = self._remote(size) if self.file.remote else self._local(size)
            self.converted = self.file.sheet is not None or (not self.file.remote and holds_json(self.file))
            first = next(source, b"")
            self._require_text(first[:4096])
            # Some old spreadsheets end lines with a carriage return only.
            only_returns = b"\n" not in first and b"\r" in first
            for number, block in enumerate(self._decoded(first, source)):
                text = block.removeprefix(codecs.BOM_UTF8) if not number else block
                yield text.replace(b"\r", b"\n") if only_returns else text

    def _local(self, size: int) -> Iterator[bytes]:
        if self.file.sheet is not None:
            sheet = sheet_text(self.file.disk_path, self.file.name, self.file.sheet, self._separator, self._decimal)
            text: IO[bytes] = io.BytesIO(sheet.text)
            while block := text.read(size):
                self.share = text.tell() / len(sheet.text)
                yield block
            return
        total = max(os.path.getsize(self.file.disk_path), 1)
        with open(self.file.disk_path, "rb") as raw:
            stream = unzipped(raw)
            if holds_json(self.file):
                for block in json_blocks(stream, self.file.name, self._separator, self._decimal, size):
                    self.share = raw.tell() / total
                    yield block
                return
            while block := stream.read(size):
                self.share = raw.tell() / total
                yield block

    def _remote(self, size: int) -> Iterator[bytes]:
        lines = pl.scan_lines(self.file.path, storage_options=s3_options())
        for batch in lines.collect_batches(maintain_order=True, chunk_size=max(size // 128, 1)):
            yield (batch["line"].str.join("\n")[0] + "\n").encode()
        self.share = 1.0

    def _encoding_of(self, head: bytes) -> str:
        """The encoding of a file that begins with `head`: that of its byte order mark, else the one expected."""
        if self.file.remote or self.converted:
            return "utf-8" if self.converted else self.encoding
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and head[:4] != codecs.BOM_UTF32_LE:
            return "utf-16"
        if self.encoding == "utf-16":
            little = head[1:64:2].count(0) >= head[0:64:2].count(0)
            return ("utf-16-le" if little else "utf-16-be") if b"\0" in head[:64] else "utf-8"
        return self.encoding

    def _decoded(self, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        encoding = self._encoding_of(first)
        if encoding in ("utf-8", "utf-8-sig", "ascii") or self.file.remote:
            yield first
            yield from rest
            return
        blocks = chain([first], rest)
        if encoding.startswith(ONE_BYTE_ENCODINGS):
            # One file of a folder may be UTF-8 although others are not. The first letter beyond ASCII tells them apart.
            for block in blocks:
                if not block.isascii():
                    blocks = chain([block], blocks)
                    encoding = "utf-8" if _is_utf8(block) else encoding
                    break
                yield block
        if encoding == "utf-8":
            yield from blocks
            return
        decoder = codecs.getincrementaldecoder(encoding)()
        for block in blocks:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()

    def _require_text(self, head: bytes) -> None:
        """Raises UnreadableFile when the first bytes are not those of a text table."""
        if not head.strip():
            raise UnreadableFile(f"{self.file.name} is empty. Export it again, or take it out of the settings.")
        if self._encoding_of(head).startswith(("utf-16", "utf-32")):
            return
        kind = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a zip archive"}.get(head[:4])
        if not kind and _looks_like_utf16(head):
            raise UnreadableFile(
                f"{self.file.name} is UTF-16 text where {self.encoding} was expected. Set 'encoding: utf-16'."
            )
        if kind or b"\0" in head:
            then = "Give it the ending .parquet." if head[:4] == b"PAR1" else "Export the table as CSV or Parquet."
            raise UnreadableFile(f"{self.file.name} holds {kind or 'binary data'}, not a text table. {then}")
        if kind := _markup_in(head):
            raise UnreadableFile(
                f"{self.file.name} holds {kind}, as some systems export in place of a workbook, not a table. Open it "
                "in a spreadsheet program and save it as .xlsx or CSV."
            )


def _is_utf8(block: bytes) -> bool:
    """Whether the bytes are UTF-8 text, whose last letter may be cut in two."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block)
    except UnicodeDecodeError:
        return False
    return True


def _markup_in(head: bytes) -> str | None:
    """What kind of markup the text begins with, in words."""
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style", b"<div")):
        return "a web page (HTML)"
    if begin.startswith(b"<?xml"):
        return "a web page (HTML)" if b"<html" in begin else "XML"
    return None


def _looks_like_utf16(head: bytes) -> bool:
    """Whether the bytes look like UTF-16 text of a European language."""
    fewer_zeros, more_zeros = sorted((head[0:64:2].count(0), head[1:64:2].count(0)))
    return more_zeros > 16 and fewer_zeros < 8
