"""The rows of long tables and of transaction lines, checked one by one; lines are netted to series and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from foresell.core.finding import Finding
from foresell.core.settings import Data
from foresell.data.codes import finding
from foresell.data.files import File
from foresell.data.tables import FILE, ROW, Dialect, Field, Kind, Part, bad_rows, read_parts
from foresell.data.values import YES

DATE = "__date"
UNITS = "__units"
GIVEN = "__given"  # whether the row had a quantity, before closed days and stock-outs hid it
SOLD = "__sold_out"  # what was sold on a day when the shelf ran empty, and UNITS is null; there if that is told
KNOWN = "__known "  # begins the names of covariates, which may be named like a key

Watch = Callable[[float], None]


@dataclass(frozen=True)
class Membership:
    """The keys that a side table has: a row of the sales whose `keys` are not in `frame` is bad for `reason`."""

    keys: tuple[str, ...]
    frame: pl.DataFrame
    reason: str


@dataclass
class SalesRows:
    """Rows of sales: keys, DATE, UNITS, GIVEN, covariates (named KNOWN + name), FILE and ROW.

    UNITS is null where it is not known; SOLD is there where stock-outs are told. `attributes` has keys, DATE and the
    attribute columns as they were found. `bad` has FILE, ROW, ``reason`` and ``column``. `tally` counts what is worth
    a finding but is not a bad row.
    """

    frame: pl.DataFrame
    attributes: pl.DataFrame
    bad: pl.DataFrame
    count: int
    tally: Counter = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def covariates(data: Data) -> dict[str, str]:
    """The covariates that stand in the sales table: their name in the panel -> their column."""
    named = {"price": data.price, "promotion": data.promotion}
    given = {name: column for name, column in named.items() if column}
    return given | {column: column for column in data.known_ahead if column not in given.values()}


def fields_of(data: Data, quantity: bool) -> list[Field]:
    """The columns to read of a long table; of a future file (no `quantity`) only keys, date and covariates."""
    fields = [Field(name, Kind.KEY) for name in data.keys] + [Field(data.date, Kind.DATE)]
    if quantity:
        fields.append(Field(data.quantity, Kind.NUMBER))
    for name, column in covariates(data).items():
        fields.append(Field(column, Kind.NUMBER if name == "price" else Kind.TEXT))
    if quantity:
        texts = [*data.attributes, *(each for each in (data.open, data.stocked_out) if each)]
        fields += [Field(name, Kind.TEXT) for name in texts]
    return list({each.name: each for each in reversed(fields)}.values())[::-1]


def read_rows(
    files: Sequence[File],
    data: Data,
    dialect: Dialect,
    members: Sequence[Membership] = (),
    *,
    today: date,
    quantity: bool = True,
    place: int = 0,
    watch: Watch = lambda share: None,
) -> SalesRows:
    """All rows of `files`. Transaction lines are netted chunk by chunk, so that they never lie in memory all at once.

    Without `quantity` the files hold what is known ahead only. `place` is the number of the first file, for FILE.
    Raises UnreadableFile, and FindingsStop where a column is missing.
    """
    frames, attributes, bad, count = [], [], [], 0
    tally: Counter = Counter()
    ambiguous: list[Finding] = []
    fields = fields_of(data, quantity)
    for number, file in enumerate(files, place):
        for part in read_parts(file, fields, dialect):
            frame, faults = _checked(part, data, members, today, quantity, tally)
            if quantity and data.attributes:
                attributes.append(_attributes(frame, data))
            frame = _narrow(frame, data, quantity).with_columns(pl.lit(number, pl.UInt16).alias(FILE))
            frames.append(net(frame, data.keys) if quantity and data.layout == "transactions" else frame)
            bad.append(faults.with_columns(pl.lit(number, pl.UInt16).alias(FILE)))
            count += part.rows
            if part.dialect.rival and not ambiguous:
                message = f"they were read as {part.dialect.date_format}, and {part.dialect.rival} fits as well"
                ambiguous.append(finding("ambiguous-dates", file.name, 1, message))
            watch((number - place + part.share) / len(files))
    frame = pl.concat(alike(frames)) if frames else pl.DataFrame()
    if quantity and data.layout == "transactions" and frames:
        frame = settle_net(net(frame, data.keys), tally)
    seen = pl.concat(alike(attributes)) if attributes else pl.DataFrame()
    return SalesRows(frame, seen, pl.concat(bad) if bad else pl.DataFrame(), count, tally, ambiguous)


def alike(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames with the same types: a column that is a number in one file and text in another becomes text."""
    kinds = {name: {frame.schema[name] for frame in frames} for name in frames[0].columns}
    mixed = [name for name, found in kinds.items() if len(found) > 1]
    text = [pl.col(name).cast(pl.String).cast(pl.Categorical) for name in mixed]
    return [frame.with_columns(text) for frame in frames] if mixed else list(frames)


def truth(values: pl.Series) -> pl.Series:
    """Whether each value says yes; null where it says nothing.

    >>> truth(pl.Series(["yes", "0", None])).to_list()
    [True, False, None]
    """
    if values.dtype == pl.Boolean:
        return values
    if values.dtype.is_numeric():
        return values != 0
    return values.cast(pl.String).str.strip_chars().str.to_lowercase().is_in(list(YES))


def _checked(
    part: Part, data: Data, members: Sequence[Membership], today: date, quantity: bool, tally: Counter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The part's rows that can be used, with UNITS unknown where it must be; and its bad rows."""
    frame, bad = part.frame.with_columns(pl.col(data.date).alias(DATE)), [part.bad]
    for member in members:
        strange = frame.join(like(member.frame, frame), on=list(member.keys), how="anti", maintain_order="left")[ROW]
        bad.append(bad_rows(strange, member.reason, " x ".join(member.keys)))
        frame = frame.filter(~pl.col(ROW).is_in(strange.implode())) if len(strange) else frame
    if quantity:
        frame = frame.with_columns(pl.col(data.quantity).alias(UNITS))
        tally["missing-quantities"] += int((frame[UNITS].is_null() & ~frame[ROW].is_in(part.bad[ROW].implode())).sum())
        late = (frame[DATE] > today) & frame[UNITS].is_not_null()
        bad.append(bad_rows(frame[ROW].filter(late), "future-dates", data.date))
        frame = frame.filter(~late).with_columns(pl.col(UNITS).is_not_null().alias(GIVEN))
        if data.layout == "long":
            negative = (frame[UNITS] < 0).fill_null(False)
            bad.append(bad_rows(frame[ROW].filter(negative), "negative-sales", data.quantity))
            frame = frame.with_columns(pl.when(negative).then(None).otherwise(pl.col(UNITS)).alias(UNITS))
        frame = _hide(frame, data, tally)
    if data.price:
        free = (frame[data.price] <= 0).fill_null(False)
        tally["zero-prices"] += int(free.sum())
        frame = frame.with_columns(pl.when(free).then(None).otherwise(pl.col(data.price)).alias(data.price))
    return frame, pl.concat(bad)


def _hide(frame: pl.DataFrame, data: Data, tally: Counter) -> pl.DataFrame:
    """UNITS made null on closed days and where the shelf was empty."""
    for column, code, hidden_when in ((data.open, "closed-days", False), (data.stocked_out, "stocked-out-days", True)):
        if column:
            hidden = (truth(frame[column]) == hidden_when).fill_null(False)
            tally[code] += int(hidden.sum())
            if column == data.stocked_out:
                frame = frame.with_columns(pl.when(hidden).then(pl.col(UNITS)).alias(SOLD))
            frame = frame.with_columns(pl.when(hidden).then(None).otherwise(pl.col(UNITS)).alias(UNITS))
    return frame


def like(table: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The keys of a small `table` in the types that they have in `frame`, without repetition."""
    return table.select(
        pl.col(name).cast(pl.String).cast(frame.schema[name], strict=False)
        if frame.schema[name] != pl.Categorical
        else pl.col(name).cast(pl.String).cast(pl.Categorical)
        for name in table.columns
    ).unique(maintain_order=True)


def _attributes(frame: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Which attributes the series were seen with, and when last."""
    by = list(dict.fromkeys((*data.keys, *data.attributes)))
    return frame.group_by(by).agg(pl.col(DATE).max())


def _narrow(frame: pl.DataFrame, data: Data, quantity: bool) -> pl.DataFrame:
    known = [pl.col(column).alias(KNOWN + name) for name, column in covariates(data).items()]
    told = (UNITS, GIVEN, *((SOLD,) if data.stocked_out else ())) if quantity else ()
    return frame.select(*data.keys, DATE, *told, *known, ROW)


def summed(names: Sequence[str], numbers: pl.DataType | type[pl.DataType] = pl.Float64) -> list[pl.Expr]:
    """UNITS, and SOLD where it is among the columns, added up over what makes one day or period.

    One row on which the shelf ran empty makes it all unknown: what the others sold is then less than was asked for.
    """
    known = pl.col(UNITS).is_not_null().any()
    total = pl.col(UNITS).cast(pl.Float64).sum()
    if SOLD not in names:
        return [pl.when(known).then(total).cast(numbers).alias(UNITS)]
    empty = pl.col(SOLD).is_not_null().any()
    sold = pl.when(empty).then(total + pl.col(SOLD).cast(pl.Float64).sum())
    return [pl.when(known & ~empty).then(total).cast(numbers).alias(UNITS), sold.cast(numbers).alias(SOLD)]


# ------------------------------------------------------------------------------------------------- transactions

_REVENUE, _SOLD, _PRICE, _PRICED = "__revenue", "__sold", "__price_sum", "__priced"


def net(lines: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Lines added up by series and day: units net of returns, and what the mean price needs. Can be added up again."""
    price = KNOWN + "price"
    if price in lines.columns:
        paid = pl.when((pl.col(UNITS) > 0) & pl.col(price).is_not_null()).then(pl.col(UNITS).cast(pl.Float64))
        lines = lines.with_columns(
            paid.alias(_SOLD),
            (paid * pl.col(price)).alias(_REVENUE),
            pl.col(price).cast(pl.Float64).alias(_PRICE),
            pl.col(price).is_not_null().cast(pl.UInt32).alias(_PRICED),
        ).drop(price)
    sums = [name for name in (_REVENUE, _SOLD, _PRICE, _PRICED) if name in lines.columns]
    known = [name for name in lines.columns if name.startswith(KNOWN)]
    return lines.group_by([*keys, DATE]).agg(
        *summed(lines.columns),
        pl.col(GIVEN).any(),
        pl.col(sums).sum(),
        *(
            pl.col(name).cast(pl.String).max().cast(lines.schema[name])
            if lines.schema[name] == pl.Categorical
            else pl.col(name).max()
            for name in known
        ),
        pl.col(ROW, FILE).first(),
    )


def settle_net(days: pl.DataFrame, tally: Counter) -> pl.DataFrame:
    """Netted days in the form of daily sales: no day below zero, the price weighted by what was sold at it."""
    tally["net-returns"] += int((days[UNITS] < 0).sum())
    counted = [name for name in (UNITS, SOLD) if name in days.columns]
    days = days.with_columns(pl.col(counted).clip(lower_bound=0).cast(pl.Float32))
    if _REVENUE in days.columns:
        plain = pl.when(pl.col(_PRICED) > 0).then(pl.col(_PRICE) / pl.col(_PRICED))
        mean = pl.when(pl.col(_SOLD) > 0).then(pl.col(_REVENUE) / pl.col(_SOLD)).otherwise(plain)
        days = days.with_columns(mean.cast(pl.Float32).alias(KNOWN + "price"))
        days = days.drop(_REVENUE, _SOLD, _PRICE, _PRICED)
    return days
