"""The bad rows in a form in which a planner can look them up: file, line, reason and the text of the row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.words import many
from foresell.data.column_conversion import FILE, ROW, Dialect
from foresell.data.files.input_files import InputFile, reading
from foresell.data.files.text_records import chunks, records_of, split_header
from foresell.data.finding_codes import CODES, finding
from foresell.data.typed_tables import scan_options

MAX_QUARANTINE_ROWS = 100_000  # more rows than this are not written out
SCHEMA = {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
MAX_TEXT_LENGTH = 2_000  # characters of a row that are kept; a wide row may have thousands of cells


def quarantine(files: Sequence[InputFile], bad: pl.DataFrame, dialect: Dialect) -> pl.DataFrame:
    """The bad rows with columns ``file``, ``line``, ``reason``, ``text``; at most the first 100,000.

    `bad` has the columns FILE (position in `files`), ROW, ``reason``, ``column``. Lines count from 1, as in an editor;
    in a Parquet file, the line is the number of the row. Files with bad rows are read a second time.
    """
    bad = bad.sort(FILE, ROW, "reason").head(MAX_QUARANTINE_ROWS)
    parts = [pl.DataFrame(schema=SCHEMA)]
    for (position,), rows in bad.group_by(FILE, maintain_order=True):
        file = files[int(position)]  # type: ignore[call-overload]
        wanted = rows[ROW].unique().sort().to_numpy().astype(np.int64)
        lines = _parquet_rows(file, wanted) if file.is_parquet else _text_rows(file, wanted, dialect)
        located = rows.join(lines, on=ROW, how="left", maintain_order="left")
        parts.append(located.select(pl.lit(file.name).alias("file"), "line", "reason", "text").cast(SCHEMA))  # type: ignore[arg-type]
    return pl.concat(parts)


def _text_rows(file: InputFile, wanted: np.ndarray, dialect: Dialect) -> pl.DataFrame:
    """The line and the text of the rows with the numbers `wanted` (sorted): ROW, ``line``, ``text``."""
    rows, lines, texts = [], [], []
    first, line = 0, 1
    parts = chunks(file, dialect.encoding, separator=dialect.separator, decimal=dialect.decimal)
    for number, chunk in enumerate(parts):
        data, line = chunk.data, chunk.line
        if not number:
            _, separator, size = split_header(data, dialect.separator)
            line, data = line + data.count(b"\n", 0, size), data[size:]
        if not data:
            continue
        records = records_of(data, separator)
        in_chunk = wanted[(wanted >= first) & (wanted < first + len(records.starts))] - first
        for record in in_chunk:
            rows.append(first + int(record))
            lines.append(line + int(records.lines[record]))
            raw = data[records.starts[record] : records.ends[record]]
            texts.append(raw[: 4 * MAX_TEXT_LENGTH].decode("utf-8", "replace")[:MAX_TEXT_LENGTH])
        first += len(records.starts)
        if first > wanted[-1]:
            break
    return pl.DataFrame(
        {ROW: rows, "line": lines, "text": texts}, schema={ROW: pl.UInt32, "line": pl.UInt32, "text": pl.String}
    )


def _parquet_rows(file: InputFile, wanted: np.ndarray) -> pl.DataFrame:
    """As `_text_rows`, of a Parquet file; the cells are joined with commas."""
    with reading(file):
        table = pl.scan_parquet(file.disk_path, row_index_name=ROW, **scan_options(file))
        rows = table.filter(pl.col(ROW).is_in(wanted.tolist())).collect()
    texts = [
        ",".join("" if cell is None else str(cell) for cell in row[1:])[:MAX_TEXT_LENGTH] for row in rows.iter_rows()
    ]
    return pl.DataFrame({ROW: rows[ROW].cast(pl.UInt32), "line": rows[ROW].cast(pl.UInt32) + 1, "text": texts})


def side_table_findings(bad: pl.DataFrame, where: str) -> list[Finding]:
    """One finding for each reason and column among the bad rows of a side table; examples name row numbers."""
    findings = []
    for (reason, column), entries in bad.group_by("reason", "column", maintain_order=True):
        location = f"{where}, column {column}" if column else where
        examples = [f"row {row + 1}" for row in entries[ROW].head(5)]
        message = f"{many(entries.height, 'row')}: {CODES[str(reason)].meaning.rstrip('.')}"
        findings.append(finding(str(reason), location, entries.height, message, examples))
    return findings


def bad_row_findings(bad: pl.DataFrame, rows: pl.DataFrame, where: str) -> list[Finding]:
    """One finding for each reason and column among the bad rows; examples come from `rows`, the quarantine."""
    findings, several = [], rows["file"].n_unique() > 1
    for (reason, column), entries in bad.group_by("reason", "column", maintain_order=True):
        code, count = str(reason), entries.height
        quarantined = rows.filter(pl.col("reason") == code).head(5)
        examples = [
            f"{f'{file}, ' if several else ''}line {line}: {text[:80]}"
            for file, line, text in quarantined.select("file", "line", "text").iter_rows()
        ]
        location = f"{where}, column {column}" if column else where
        noun = "row has" if count == 1 else "rows have"
        findings.append(
            finding(code, location, count, f"{count:,} {noun} this fault: {CODES[code].meaning.rstrip('.')}", examples)
        )
    return findings
