"""Rows of long tables and of transaction lines, validated one by one; lines are summed by series and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.key_texts import unite_leading_zeros, unite_whole_numbers
from foresell.core.settings import Data
from foresell.core.settings.data import ALL, ONE_SERIES
from foresell.data.column_conversion import FILE, ROW, ColumnKind, Dialect, InputColumn, bad_rows
from foresell.data.excluded_rows import MarkedRows
from foresell.data.files.input_files import InputFile
from foresell.data.files.repeated_names import is_nameless, require_distinct
from foresell.data.finding_codes import finding
from foresell.data.number_formats import NumberMarks
from foresell.data.repeated_receipts import RepeatedReceipts
from foresell.data.returns import net_returns, return_findings
from foresell.data.typed_tables import TablePart, header_of, read_parts
from foresell.data.values import YES

DATE = "__date"
UNITS = "__units"  # null where it is not known
HAS_QUANTITY = "__has_quantity"  # whether the row had a quantity, before closed days and stock-outs hid it
SOLD_BEFORE_STOCKOUT = "__sold_before_stockout"  # units sold on a day with a stock-out, on which UNITS is null
COVARIATE = "__covariate "  # the prefix of covariates, whose names may equal that of a key

ShareReport = Callable[[float], None]  # takes the share of the files that has been read, from 0 to 1


@dataclass(frozen=True)
class KnownKeys:
    """The keys that a side table lists. A sales row whose `keys` are not in `frame` is bad; its code is `reason`."""

    keys: tuple[str, ...]
    frame: pl.DataFrame
    reason: str


@dataclass
class SalesRows:
    """Validated rows of the sales table.

    - `frame`: keys, DATE, UNITS, HAS_QUANTITY, covariates (named COVARIATE + name), FILE and ROW, and
      SOLD_BEFORE_STOCKOUT where the settings name a column of stock-outs.
    - `attributes`: keys, DATE and the attribute columns, as read.
    - `bad`: FILE, ROW, ``reason`` and ``column`` of each bad row.
    - `count`: the number of rows read, bad ones included.
    - `tally`: the number of rows for each finding that does not make a row bad.
    - `marking_columns`: the columns by whose values rows were left out or subtracted.
    """

    frame: pl.DataFrame
    attributes: pl.DataFrame
    bad: pl.DataFrame
    count: int
    tally: Counter = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    marking_columns: tuple[str, ...] = ()


def covariate_columns(data: Data) -> dict[str, str]:
    """The covariates of the sales table: name in the panel -> column."""
    roles = {"price": data.price, "promotion": data.promotion}
    columns = {name: column for name, column in roles.items() if column}
    return columns | {column: column for column in data.known_ahead if column not in columns.values()}


def _date_column(data: Data) -> InputColumn:
    parts = () if isinstance(data.date, str) else data.date
    return InputColumn(data.date_name, ColumnKind.DATE, parts)


def sales_columns(data: Data, quantity: bool) -> list[InputColumn]:
    """The columns to read from a long table; from a future file (no `quantity`) only keys, date and covariates."""
    columns = [InputColumn(name, ColumnKind.KEY) for name in data.keys] + [_date_column(data)]
    if quantity:
        columns.append(InputColumn(data.quantity, ColumnKind.NUMBER))
    for name, column in covariate_columns(data).items():
        columns.append(InputColumn(column, ColumnKind.NUMBER if name == "price" else ColumnKind.TEXT))
    if quantity:
        texts = [*data.attributes, *(name for name in (data.open, data.stocked_out, data.receipt) if name)]
        columns += [InputColumn(name, ColumnKind.TEXT) for name in texts]
    return list({column.name: column for column in reversed(columns)}.values())[::-1]


def read_rows(
    files: Sequence[InputFile],
    data: Data,
    dialect: Dialect,
    known_keys: Sequence[KnownKeys] = (),
    *,
    today: date,
    quantity: bool = True,
    first_file: int = 0,
    report_share: ShareReport = lambda share: None,
) -> SalesRows:
    """All rows of `files`. Transaction lines are summed chunk by chunk, so that they never are in memory all at once.

    Without `quantity`, the files have only what is known ahead. `first_file` is the value of FILE for the first file.
    Raises UnreadableFile, and FindingsStop where a column is missing.
    """
    frames, attributes, bad, count = [], [], [], 0
    tally: Counter = Counter()
    findings: list[Finding] = []
    columns = sales_columns(data, quantity)
    marked = marked_rows(files, data, dialect) if quantity and data.layout != "columns" else MarkedRows({})
    columns += [InputColumn(name, ColumnKind.TEXT) for name in marked.columns if name not in {c.name for c in columns}]
    marks: dict[str, NumberMarks] = {}
    absent_columns = _absent_columns(files, columns, data, dialect)
    receipts = RepeatedReceipts(data, data.receipt) if quantity and data.receipt and len(files) > 1 else None
    for number, file in enumerate(files, first_file):
        added = absent_columns[file]
        wanted = [column for column in columns if column.name not in added]
        parts = read_parts(file, wanted, dialect) if data.layout != "columns" else _unpivoted_parts(file, data, dialect)
        for part in parts:
            part = replace(part, frame=part.frame.with_columns(values.alias(name) for name, values in added.items()))
            part = replace(part, frame=marked.applied(part.frame, [data.quantity]))
            frame, faults = _validate(part, data, known_keys, today, quantity, tally)
            frame = receipts.checked(frame, number) if receipts else frame
            if quantity and data.attributes:
                attributes.append(_attributes(frame, data))
            frame = _select_columns(frame, data, quantity).with_columns(pl.lit(number, pl.UInt16).alias(FILE))
            frames.append(sum_lines(frame, data.keys) if quantity and data.layout == "transactions" else frame)
            bad.append(faults.with_columns(pl.lit(number, pl.UInt16).alias(FILE)))
            count += part.rows
            tally["untidy-keys"] += part.untidy_keys
            marks |= {name: marks.get(name, NumberMarks()) + more for name, more in part.marks.items()}
            if part.dialect.alternative_date_format and not findings:
                used, alternative = part.dialect.date_format, part.dialect.alternative_date_format
                message = f"they were read as {used}, and {alternative} fits as well"
                findings.append(finding("ambiguous-dates", file.name, 1, message))
            report_share((number - first_file + part.share) / len(files))
    findings += _thousands_findings(marks, dialect.decimal)
    findings += (receipts.findings(data.sales) if receipts else []) + marked.findings(data.sales)
    frame = pl.concat(with_same_types(frames)) if frames else pl.DataFrame()
    attribute_rows = pl.concat(with_same_types(attributes)) if attributes else pl.DataFrame()
    if frames:
        frame, attribute_rows, more = _with_united_keys(frame, attribute_rows, data)
        findings += more
    if quantity and data.layout == "transactions" and frames:
        frame, return_remarks = _daily_sales(sum_lines(frame, data.keys), data)
        findings += return_remarks
    return SalesRows(
        frame, attribute_rows, pl.concat(bad) if bad else pl.DataFrame(), count, tally, findings, marked.columns
    )


def marked_rows(files: Sequence[InputFile], data: Data, dialect: Dialect) -> MarkedRows:
    """The rows of the sales that the settings leave out or take for returns.

    Raises SettingsError where they take rows for returns that are not added up with others.
    """
    if data.return_rows and data.layout != "transactions":
        raise SettingsError(
            f"'return_rows' needs the layout transactions, whose rows are added up; the layout is '{data.layout}'. Set "
            "'layout: transactions', or leave the rows out with 'exclude'."
        )
    if not data.exclude and not data.return_rows:
        return MarkedRows({})
    return MarkedRows.of(data, set().union(*(header_of(file, dialect) for file in files)))


def _unpivoted_parts(file: InputFile, data: Data, dialect: Dialect) -> Iterator[TablePart]:
    """The rows of a table with a column for each series, as rows of a long table; an empty cell has none."""
    dates = _date_column(data)
    others = {*dates.in_file, *data.ignored_columns}
    series = [name for name in header_of(file, dialect) if name not in others and not is_nameless(name)]
    require_distinct(series, file.name)
    columns = [dates, *(InputColumn(name, ColumnKind.NUMBER) for name in series)]
    (key,) = data.keys
    for part in read_parts(file, columns, dialect):
        rows = part.frame.unpivot(series, index=[dates.name, ROW], variable_name=key, value_name=data.quantity)
        known = rows.filter(pl.col(data.quantity).is_not_null()).with_columns(pl.col(key).cast(pl.Categorical))
        yield replace(part, frame=known)


def _absent_columns(
    files: Sequence[InputFile], columns: Sequence[InputColumn], data: Data, dialect: Dialect
) -> dict[InputFile, dict[str, pl.Expr]]:
    """The columns that each file may lack, with what stands in their place.

    A table without a key is one series. Of several files, some may lack a covariate or an attribute, which is null.
    """
    one_series = list(data.keys) == [ONE_SERIES] and data.layout != "columns"
    if (not one_series and len(files) < 2) or data.layout == "columns":
        return {file: {} for file in files}
    headers = {file: set(header_of(file, dialect)) for file in files}
    anywhere = set().union(*headers.values())
    types = {ColumnKind.NUMBER: pl.Float32, ColumnKind.TEXT: pl.Categorical}
    needed = {*data.keys, data.date_name, data.quantity}
    optional = [column for column in columns if column.name in anywhere - needed]
    absent = {}
    for file, header in headers.items():
        lacking = {c.name: pl.lit(None, types[c.kind]) for c in optional if c.name not in header}
        name = pl.lit(ALL).cast(pl.Categorical)
        absent[file] = lacking | ({ONE_SERIES: name} if one_series and ONE_SERIES not in header else {})
    return absent


def _thousands_findings(marks: Mapping[str, NumberMarks], decimal: str) -> list[Finding]:
    """A finding for each column whose numbers look as if the decimal mark of the settings separated thousands."""
    findings, other = [], "," if decimal == "." else "."
    for name, counts in marks.items():
        if counts.means_thousands or counts.likely_thousands:
            message = (
                f"numbers such as 1{decimal}070 were read as 1.07 and stand beside whole ones; they look like 1070"
            )
            advice = f"If they are thousands, set 'decimal: \"{other}\"'."
            entry = finding("thousands-as-decimals", f"column {name}", counts.grouped + counts.thousands, message)
            findings.append(replace(entry, advice=advice))
    return findings


def _with_united_keys(
    frame: pl.DataFrame, attributes: pl.DataFrame, data: Data
) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """The rows and the attributes with one text for keys that are one, such as 100.0 and 100; and what was united."""
    ways: list[tuple[Callable, str]] = [
        (unite_whole_numbers, "100.0 stand beside the same number without places, and are taken for it")
    ]
    if data.leading_zeros == "ignore":
        ways.append((unite_leading_zeros, "123 also stand there with zeros before them, and are taken for it"))
    findings = []
    for unite, how in ways:
        frame, united = unite(frame, data.keys)
        attributes = unite(attributes, data.keys)[0] if attributes.width else attributes
        if united:
            message = f"{len(united):,} keys such as {how}"
            findings.append(finding("untidy-keys", "the keys", len(united), message, united))
    return frame, attributes, findings


def with_same_types(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames with equal types. A column that is a number in one file and text in another becomes text."""
    types = {name: {frame.schema[name] for frame in frames} for name in frames[0].columns}
    mixed = [name for name, column_types in types.items() if len(column_types) > 1]
    text = [pl.col(name).cast(pl.String).cast(pl.Categorical) for name in mixed]
    return [frame.with_columns(text) for frame in frames] if mixed else list(frames)


def parse_yes_no(values: pl.Series) -> pl.Series:
    """Whether each value means yes; null where the value is missing.

    >>> parse_yes_no(pl.Series(["yes", "0", None])).to_list()
    [True, False, None]
    """
    if values.dtype == pl.Boolean:
        return values
    if values.dtype.is_numeric():
        return values != 0
    return values.cast(pl.String).str.strip_chars().str.to_lowercase().is_in(list(YES))


def _validate(
    part: TablePart, data: Data, known_keys: Sequence[KnownKeys], today: date, quantity: bool, tally: Counter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The usable rows of the part, with null UNITS where they are unknown; and the bad rows of the part."""
    frame, bad = part.frame.with_columns(pl.col(data.date_name).alias(DATE)), [part.bad]
    frame, unknown = without_unknown_keys(frame, known_keys)
    bad += unknown
    if quantity:
        frame = frame.with_columns(pl.col(data.quantity).alias(UNITS))
        tally["missing-quantities"] += int((frame[UNITS].is_null() & ~frame[ROW].is_in(part.bad[ROW].implode())).sum())
        after_today = (frame[DATE].dt.date() > today) & frame[UNITS].is_not_null()
        bad.append(bad_rows(frame[ROW].filter(after_today), "future-dates", data.date_name))
        frame = frame.filter(~after_today).with_columns(pl.col(UNITS).is_not_null().alias(HAS_QUANTITY))
        if data.layout != "transactions":
            negative = (frame[UNITS] < 0).fill_null(False)
            bad.append(bad_rows(frame[ROW].filter(negative), "negative-sales", data.quantity))
            frame = frame.with_columns(pl.when(negative).then(None).otherwise(pl.col(UNITS)).alias(UNITS))
        frame = _hide_unknown_units(frame, data, tally)
    if data.price:
        not_positive = (frame[data.price] <= 0).fill_null(False)
        tally["zero-prices"] += int(not_positive.sum())
        frame = frame.with_columns(pl.when(not_positive).then(None).otherwise(pl.col(data.price)).alias(data.price))
    return frame, pl.concat(bad)


def without_unknown_keys(
    frame: pl.DataFrame, known_keys: Sequence[KnownKeys]
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The rows whose keys the side tables list; and the other rows as entries of `TablePart.bad`, by side table."""
    bad = []
    for table in known_keys:
        keys = distinct_keys_like(table.frame, frame)
        unknown = frame.join(keys, on=list(table.keys), how="anti", maintain_order="left")[ROW]
        bad.append(bad_rows(unknown, table.reason, " x ".join(table.keys)))
        frame = frame.filter(~pl.col(ROW).is_in(unknown.implode())) if len(unknown) else frame
    return frame, bad


def _hide_unknown_units(frame: pl.DataFrame, data: Data, tally: Counter) -> pl.DataFrame:
    """The rows with null UNITS on closed days and on days with a stock-out."""
    for column, code, hidden_when in ((data.open, "closed-days", False), (data.stocked_out, "stocked-out-days", True)):
        if column:
            hidden = (parse_yes_no(frame[column]) == hidden_when).fill_null(False)
            tally[code] += int(hidden.sum())
            if column == data.stocked_out:
                frame = frame.with_columns(pl.when(hidden).then(pl.col(UNITS)).alias(SOLD_BEFORE_STOCKOUT))
            frame = frame.with_columns(pl.when(hidden).then(None).otherwise(pl.col(UNITS)).alias(UNITS))
    return frame


def distinct_keys_like(table: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The distinct keys of a small `table`, in the types that they have in `frame`."""
    return table.select(
        pl.col(name).cast(pl.String).cast(frame.schema[name], strict=False)
        if frame.schema[name] != pl.Categorical
        else pl.col(name).cast(pl.String).cast(pl.Categorical)
        for name in table.columns
    ).unique(maintain_order=True)


def _attributes(frame: pl.DataFrame, data: Data) -> pl.DataFrame:
    """The combinations of keys and attributes in `frame`, with the last DATE of each."""
    by = list(dict.fromkeys((*data.keys, *data.attributes)))
    return frame.group_by(by).agg(pl.col(DATE).max())


def _select_columns(frame: pl.DataFrame, data: Data, quantity: bool) -> pl.DataFrame:
    covariates = [pl.col(column).alias(COVARIATE + name) for name, column in covariate_columns(data).items()]
    quantities = (UNITS, HAS_QUANTITY, *((SOLD_BEFORE_STOCKOUT,) if data.stocked_out else ())) if quantity else ()
    return frame.select(*data.keys, DATE, *quantities, *covariates, ROW)


def sum_expressions(names: Sequence[str], numbers: pl.DataType | type[pl.DataType] = pl.Float64) -> list[pl.Expr]:
    """Expressions that sum UNITS over the rows of a group, and SOLD_BEFORE_STOCKOUT where `names` has it.

    One row with a stock-out makes the UNITS of its group unknown, because the sum is then less than the demand. The
    group's SOLD_BEFORE_STOCKOUT is all that its rows sold.
    """
    known = pl.col(UNITS).is_not_null().any()
    total = pl.col(UNITS).cast(pl.Float64).sum()
    if SOLD_BEFORE_STOCKOUT not in names:
        return [pl.when(known).then(total).cast(numbers).alias(UNITS)]
    empty = pl.col(SOLD_BEFORE_STOCKOUT).is_not_null().any()
    sold = pl.when(empty).then(total + pl.col(SOLD_BEFORE_STOCKOUT).cast(pl.Float64).sum())
    return [
        pl.when(known & ~empty).then(total).cast(numbers).alias(UNITS),
        sold.cast(numbers).alias(SOLD_BEFORE_STOCKOUT),
    ]


_REVENUE, _SOLD = "__revenue", "__sold"  # of lines with a price and units above zero
_PRICE_SUM, _PRICED_LINES = "__price_sum", "__priced_lines"


def sum_lines(lines: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Transaction lines summed by series and day: units net of returns, and the sums that the mean price needs.

    The result can be summed again, so that chunks of a file can be summed one by one.
    """
    price = COVARIATE + "price"
    if price in lines.columns:
        paid = pl.when((pl.col(UNITS) > 0) & pl.col(price).is_not_null()).then(pl.col(UNITS).cast(pl.Float64))
        lines = lines.with_columns(
            paid.alias(_SOLD),
            (paid * pl.col(price)).alias(_REVENUE),
            pl.col(price).cast(pl.Float64).alias(_PRICE_SUM),
            pl.col(price).is_not_null().cast(pl.UInt32).alias(_PRICED_LINES),
        ).drop(price)
    sums = [name for name in (_REVENUE, _SOLD, _PRICE_SUM, _PRICED_LINES) if name in lines.columns]
    known = [name for name in lines.columns if name.startswith(COVARIATE)]
    return lines.group_by([*keys, DATE]).agg(
        *sum_expressions(lines.columns),
        pl.col(HAS_QUANTITY).any(),
        pl.col(sums).sum(),
        *(
            pl.col(name).cast(pl.String).max().cast(lines.schema[name])
            if lines.schema[name] == pl.Categorical
            else pl.col(name).max()
            for name in known
        ),
        pl.col(ROW, FILE).first(),
    )


def _daily_sales(lines: pl.DataFrame, data: Data) -> tuple[pl.DataFrame, list[Finding]]:
    """Daily sales from summed lines: no day is below zero, and the price is the mean weighted by units sold."""
    days = net_returns(lines, data.keys, DATE, UNITS, earlier=data.returns == "earlier_sales")
    findings = return_findings(lines, days, UNITS, f"column {data.quantity}")
    unit_columns = [name for name in (UNITS, SOLD_BEFORE_STOCKOUT) if name in days.columns]
    days = days.with_columns(pl.col(unit_columns).clip(lower_bound=0).cast(pl.Float32))
    if _REVENUE in days.columns:
        unweighted = pl.when(pl.col(_PRICED_LINES) > 0).then(pl.col(_PRICE_SUM) / pl.col(_PRICED_LINES))
        mean = pl.when(pl.col(_SOLD) > 0).then(pl.col(_REVENUE) / pl.col(_SOLD)).otherwise(unweighted)
        days = days.with_columns(mean.cast(pl.Float32).alias(COVARIATE + "price"))
        days = days.drop(_REVENUE, _SOLD, _PRICE_SUM, _PRICED_LINES)
    return days, findings
