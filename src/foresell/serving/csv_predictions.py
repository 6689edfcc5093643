"""Predictions of the rows of a CSV file, beside the rows as they came.

Each row of the output is the input row, byte by byte, followed by the columns of the prediction. A row that cannot be
read or predicted keeps its place; its `error` says on which line it began and what is wrong with it.
"""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl

from foresell.core.errors import ForesellError, UsageError, first_five
from foresell.core.spreadsheets import escape_formula
from foresell.serving.csv_records import Reader, Record, encode, is_text

if TYPE_CHECKING:
    from foresell.serving.service import Service

LOG = logging.getLogger("foresell.api")
MOST_COLUMNS = 2000
CHUNK_ROWS = 1000  # of one call of the service, so that single predictions in between do not wait long
ERROR = "error"

UNITS: tuple[str, ...] = (
    "units",
    "units_low",
    "units_high",
    "revenue",
    "revenue_low",
    "revenue_high",
    "basis",
    "assumed",
)
VALUES: tuple[str, ...] = ("value", "low", "high", "assumed")
"""The columns of the prediction of a series and day, and of a single sale."""

Answer = Callable[[pl.DataFrame], pl.DataFrame]
ChunkListener = Callable[[pl.DataFrame, pl.DataFrame, Sequence[int], float], None]
"""Called for each predicted chunk with its inputs, the outputs, the line numbers of the rows, and the seconds."""


@dataclass(frozen=True)
class RowKind:
    """How rows are predicted: `answer` is the method of the service, which reads the columns `read`.

    The columns `needed` must be in the file. `columns` of the prediction are written to the output as `names`.
    """

    answer: Answer
    read: tuple[str, ...]
    needed: tuple[str, ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]


def row_kind(service: Service, kind: str) -> RowKind:
    """How rows of the kind ``series_day`` or ``transaction`` are predicted.

    Raises UsageError where there is no model of single sales.
    """
    if kind == "series_day":
        needed = (*service.manifest.keys, "date")
        return RowKind(service.predict, service.columns, needed, UNITS, tuple(map(output_column, UNITS)))
    if service.transactions is None:
        service.predict_transactions(pl.DataFrame())
        raise AssertionError("the service raises that it has no model of single sales")
    names = tuple(map(output_column, VALUES))
    return RowKind(service.predict_transactions, tuple(service.transactions.inputs), (), VALUES, names)


def output_column(column: str) -> str:
    """The name of a column of the prediction beside the columns of the file.

    >>> output_column("units"), output_column("assumed")
    ('predicted_units', 'assumed')
    """
    return column if column in ("basis", "assumed") else f"predicted_{column}"


class CsvPredictions:
    """The rows of one file. `check` takes the header, and `output` the records after it, which `reader` has read.

    `listener` is called for each predicted chunk; `request_id` names the file in the log of the server.
    """

    def __init__(
        self,
        kind: RowKind,
        separator: str,
        listener: ChunkListener = lambda inputs, outputs, lines, seconds: None,
        request_id: str = "",
        escape_formulas: bool = False,
    ):
        self.kind, self.reader, self.header = kind, Reader(separator), list[str]()
        self._listener, self._request_id, self._escape_formulas = listener, request_id, escape_formulas

    @property
    def unused(self) -> list[str]:
        """The columns of the file that the prediction does not read."""
        return [name for name in self.header if name not in self.kind.read]

    def whole(self, content: bytes) -> bytes:
        """The output of a file that is all there. Raises UsageError where it is empty or its header is wrong."""
        records = self.reader.feed(content) + self.reader.end()
        if not records:
            raise UsageError(self.empty())
        self.check(records[0])
        return self.head() + self.output(records[1:])

    def empty(self) -> str:
        """What is wrong with a file without a header."""
        return f"The file is empty; expected a header with columns such as {first_five(self.kind.read)}."

    def check(self, head: Record) -> None:
        """Takes the header. Raises UsageError where it is wrong."""
        self.header = head.fields
        if len(self.header) > MOST_COLUMNS:
            raise UsageError(
                f"The file has {len(self.header):,} columns; at most {MOST_COLUMNS:,} are taken. Send only those that "
                f"a prediction reads, {first_five(self.kind.read)}, and what names your rows.",
            )
        wrong = None
        missing = [name for name in self.kind.needed if name not in self.header]
        twice = sorted(name for name, count in Counter(self.header).items() if count > 1)
        taken = [name for name in (*self.kind.names, ERROR) if name in self.header]
        if head.fault or not is_text(head.text):
            wrong = f"The header in line {head.line} cannot be read: {head.fault or 'it is not in UTF-8'}."
        elif not set(self.header) & set(self.kind.read):
            wrong = f"The file has none of the columns {first_five(self.kind.read)}; it has {first_five(self.header)}."
        elif missing:
            wrong = (
                f"The file has no column {first_five(missing)}; it has {first_five(self.header)}. Each row needs "
                f"{', '.join(self.kind.needed)}."
            )
        elif twice:
            wrong = f"The file has several columns called {first_five(twice)}; rename them."
        elif taken:
            wrong = f"The answer has columns of its own called {first_five(taken)}; rename those of the file."
        if wrong:
            raise UsageError(wrong)

    def head(self) -> bytes:
        """The header of the output."""
        return encode(self._text([*self.header, *self.kind.names, ERROR]) + "\n")

    def output(self, records: list[Record]) -> bytes:
        """The output rows of the records."""
        parts = (records[begin : begin + CHUNK_ROWS] for begin in range(0, len(records), CHUNK_ROWS))
        return b"".join(self._chunk(part) for part in parts)

    def _chunk(self, records: list[Record]) -> bytes:
        faults = [self._fault(record) for record in records]
        good = [record for record, fault in zip(records, faults, strict=True) if fault is None]
        tails = iter(self._predicted(good) if good else [])
        lines = [
            f"{self._input_text(record)}{self.reader.separator}{next(tails)}"
            if fault is None
            else self._row_of_fault(record, fault)
            for record, fault in zip(records, faults, strict=True)
        ]
        return encode("".join(f"{line}\n" for line in lines))

    def _fault(self, record: Record) -> str | None:
        if record.fault:
            return record.fault
        if len(record.fields) != len(self.header):
            return f"it has {len(record.fields)} fields; the header has {len(self.header)}"
        return None if is_text(record.text) else "it is not in UTF-8"

    def _predicted(self, records: list[Record]) -> Iterator[str]:
        """The predicted columns of each record as text."""
        begun = perf_counter()
        columns = zip(*(record.fields for record in records), strict=True)
        inputs = pl.DataFrame(
            [
                pl.Series(name, values, dtype=pl.String).replace("", None)
                for name, values in zip(self.header, columns, strict=True)
                if name in self.kind.read
            ]
        )
        try:
            outputs = self.kind.answer(inputs)
        except Exception as error:
            if not isinstance(error, ForesellError):
                LOG.error("fault %s in an upload, line %d on", self._request_id, records[0].line, exc_info=error)
            why = str(error) if isinstance(error, ForesellError) else f"a fault of the server, {self._request_id}"
            return (self._columns_of_error(record, why) for record in records)
        lines = [record.line for record in records]
        self._listener(inputs, outputs, lines, perf_counter() - begun)
        return iter(self._columns(outputs, lines))

    def _columns(self, outputs: pl.DataFrame, lines: Sequence[int]) -> list[str]:
        where = pl.concat_str(pl.lit("line "), pl.Series(lines).cast(pl.String), pl.lit(": "), pl.col(ERROR))
        texts = [pl.col(name).list.join("; ") if name == "assumed" else pl.col(name) for name in self.kind.columns]
        plain = pl.col(pl.String).str.replace_all(r"[\r\n]+", " ").replace("", None)
        shown = outputs.select(*texts, where.alias(ERROR)).with_columns(plain)
        return shown.write_csv(include_header=False, separator=self.reader.separator).split("\n")[:-1]

    def _columns_of_error(self, record: Record, why: str) -> str:
        return self._text([""] * len(self.kind.names) + [f"line {record.line}: {' '.join(why.split())}"])

    def _row_of_fault(self, record: Record, fault: str) -> str:
        """The output row of a record that does not fit the header: the fields it has, and the fault."""
        shown = f"line {record.line}: {fault}"
        if record.fault:
            shown += f": {record.text[:80]}" if record.text else ""
        width = len(self.header)
        fields = [*record.fields[:width], *[""] * (width - len(record.fields))]
        return self._text([*fields, *[""] * len(self.kind.names), " ".join(shown.split())])

    def _input_text(self, record: Record) -> str:
        """The row as it came, or with formulas escaped."""
        return self._text(record.fields) if self._escape_formulas else record.text

    def _text(self, fields: Sequence[str]) -> str:
        text = io.StringIO()
        cells = map(escape_formula, fields) if self._escape_formulas else fields
        csv.writer(text, delimiter=self.reader.separator, lineterminator="").writerow(cells)
        return text.getvalue()
