"""Bad rows as a planner can find them: the file, the line in an editor, the reason, and the row as it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.data.codes import CODES, finding
from foresell.data.files import File, reading
from foresell.data.tables import FILE, ROW, Dialect, storage
from foresell.data.text import chunks, records_of, split_header

MOST = 100_000  # rows that are written out; far more than anyone reads
SCHEMA = {"file": pl.String, "line": pl.UInt32, "reason": pl.String, "text": pl.String}
LONGEST_TEXT = 2_000  # characters of a row that are kept: a wide row may have thousands of cells


def quarantine(files: Sequence[File], bad: pl.DataFrame, dialect: Dialect) -> pl.DataFrame:
    """The bad rows with columns ``file``, ``line``, ``reason``, ``text``; the first 100,000 where there are more.

    `bad` has the columns FILE (place in `files`), ROW, ``reason``, ``column``. The line counts from 1 as an editor
    does; in a Parquet file it is the number of the row. Reads the files with bad rows once more.
    """
    bad = bad.sort(FILE, ROW, "reason").head(MOST)
    out = [pl.DataFrame(schema=SCHEMA)]
    for (place,), rows in bad.group_by(FILE, maintain_order=True):
        file = files[int(place)]  # type: ignore[call-overload]
        wanted = rows[ROW].unique().sort().to_numpy().astype(np.int64)
        found = _parquet_rows(file, wanted) if file.is_parquet else _text_rows(file, wanted, dialect)
        located = rows.join(found, on=ROW, how="left", maintain_order="left")
        out.append(located.select(pl.lit(file.name).alias("file"), "line", "reason", "text").cast(SCHEMA))  # type: ignore[arg-type]
    return pl.concat(out)


def _text_rows(file: File, wanted: np.ndarray, dialect: Dialect) -> pl.DataFrame:
    rows, lines, texts = [], [], []
    first, line = 0, 1
    for number, chunk in enumerate(chunks(file, dialect.encoding)):
        data, line = chunk.data, chunk.line
        if not number:
            _, separator, size = split_header(data, dialect.separator)
            line, data = line + data.count(b"\n", 0, size), data[size:]
        if not data:
            continue
        records = records_of(data, separator)
        here = wanted[(wanted >= first) & (wanted < first + len(records.starts))] - first
        for record in here:
            rows.append(first + int(record))
            lines.append(line + int(records.lines[record]))
            raw = data[records.starts[record] : records.ends[record]]
            texts.append(raw[: 4 * LONGEST_TEXT].decode("utf-8", "replace")[:LONGEST_TEXT])
        first += len(records.starts)
        if first > wanted[-1]:
            break
    return pl.DataFrame(
        {ROW: rows, "line": lines, "text": texts}, schema={ROW: pl.UInt32, "line": pl.UInt32, "text": pl.String}
    )


def _parquet_rows(file: File, wanted: np.ndarray) -> pl.DataFrame:
    with reading(file):
        table = pl.scan_parquet(file.path, row_index_name=ROW, **storage(file))
        found = table.filter(pl.col(ROW).is_in(wanted.tolist())).collect()
    texts = [
        ",".join("" if cell is None else str(cell) for cell in row[1:])[:LONGEST_TEXT] for row in found.iter_rows()
    ]
    return pl.DataFrame({ROW: found[ROW].cast(pl.UInt32), "line": found[ROW].cast(pl.UInt32) + 1, "text": texts})


def side_findings(bad: pl.DataFrame, where: str) -> list[Finding]:
    """Findings of the bad rows of a side table, which is small enough to be looked up by row number."""
    out = []
    for (reason, column), part in bad.group_by("reason", "column", maintain_order=True):
        place = f"{where}, column {column}" if column else where
        shown = [f"row {row + 1}" for row in part[ROW].head(5)]
        message = f"{part.height:,} rows: {CODES[str(reason)].meaning.rstrip('.')}"
        out.append(finding(str(reason), place, part.height, message, shown))
    return out


def bad_row_findings(bad: pl.DataFrame, rows: pl.DataFrame, where: str) -> list[Finding]:
    """One finding for each reason and column among the bad rows; examples come from `rows`, the quarantine."""
    out = []
    for (reason, column), part in bad.group_by("reason", "column", maintain_order=True):
        code, count = str(reason), part.height
        shown = rows.filter(pl.col("reason") == code).head(5)
        examples = [f"line {line}: {text[:80]}" for line, text in shown.select("line", "text").iter_rows()]
        place = f"{where}, column {column}" if column else where
        noun = "row has" if count == 1 else "rows have"
        out.append(
            finding(code, place, count, f"{count:,} {noun} this fault: {CODES[code].meaning.rstrip('.')}", examples)
        )
    return out
