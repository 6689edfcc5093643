"""JSON lines, and an array of JSON objects, as text with separators: a row for each object."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO

import polars as pl

from foresell.core.errors import UnreadableFile, first_five

JSON_ENDINGS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
LARGEST_ARRAY = 2**28  # bytes of an array, which is parsed as a whole


def is_json(head: bytes) -> bool:
    """Whether a text that begins with `head` is an object, or an array of objects.

    >>> is_json(b'{"date": "2024-01-01"}'), is_json(b'\\n[ {"a": 1}]'), is_json(b"date,item")
    (True, True, False)
    """
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return begin.startswith(b"{") or (begin.startswith(b"[") and begin[1:].lstrip().startswith(b"{"))


def json_blocks(source: IO[bytes], name: str, separator: str, decimal: str, size: int) -> Iterator[bytes]:
    """The objects of an open file as text with separators, in blocks of about `size` bytes, names of columns first.

    Raises UnreadableFile, which calls the file `name`, for what is no JSON, is too large, or has other columns later.
    """
    columns: list[str] = []
    for block in _whole_lines(source, name, size):
        frame = _parsed(block, name)
        if columns and (more := [column for column in frame.columns if column not in columns]):
            raise UnreadableFile(
                f"{name} has the keys {first_five(more)} only in objects further down, which would be lost. Write the "
                "same keys in each object, or save the file as CSV or Parquet."
            )
        first = not columns
        columns = columns or frame.columns
        absent = [pl.lit(None, pl.String).alias(column) for column in columns if column not in frame.columns]
        text = frame.with_columns(absent).select(columns)
        yield text.write_csv(separator=separator, include_header=first, decimal_comma=decimal == ",").encode()


def _whole_lines(source: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    """The text in blocks that end with a line; an array as one block."""
    rest = source.read(size).removeprefix(b"\xef\xbb\xbf")
    if rest.lstrip().startswith(b"["):
        rest += source.read(LARGEST_ARRAY)
        if len(rest) > LARGEST_ARRAY:
            raise UnreadableFile(f"{name} is a JSON array of more than {LARGEST_ARRAY:,} bytes. Save it as JSON lines.")
        yield rest
        return
    while block := source.read(size):
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
        rest = rest[cut:] + block
    if rest.strip():
        yield rest


def _parsed(block: bytes, name: str) -> pl.DataFrame:
    read = pl.read_json if block.lstrip().startswith(b"[") else pl.read_ndjson
    try:
        frame = read(io.BytesIO(block), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"{name} begins like JSON, and cannot be read as such: {str(error).splitlines()[0].strip()}. Write one "
            "object in each line, with the same keys, or save the file as CSV or Parquet."
        ) from error
    nested = [column for column, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(pl.Series(column, map(json.dumps, frame[column].to_list())) for column in nested)
