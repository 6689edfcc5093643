"""How a table of supply is written: its columns, its encoding, its decimal mark and the order of its dates.

Such tables often come from another system than the sales, so each is looked at for itself. What it leaves open is read
as the sales are, and named in a finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.settings import Data, OrderTables
from foresell.core.words import many
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.files.column_names import plain
from foresell.data.files.input_files import InputFile, reading, unzipped
from foresell.data.finding_codes import finding
from foresell.data.number_formats import decimal_mark
from foresell.data.supply.column_roles import role_columns
from foresell.data.typed_tables import read_parts

HEAD_BYTES = 1_000_000
LATEST_DAYS = 400  # what is on order is due, and what is in stock expires, within so many days

DOUBTS = ("supply-numbers-doubtful", "ambiguous-dates")
"""Findings of what was read, and may mean something else."""

_REPEATED = re.compile(r"(.*)_duplicated_\d+")


@dataclass(frozen=True)
class TableForm:
    """What the user says of a table: its `columns` by what foresell calls them, its decimal mark and date format."""

    columns: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    date_format: str | None = None

    @classmethod
    def of(cls, tables: OrderTables, name: str) -> TableForm:
        """What the settings say of the table `name`, such as ``stock``."""
        return cls(tables.columns.get(name, {}), tables.decimal, tables.date_format)


def columns_of(
    names: Sequence[str], keys: Sequence[str], roles: Sequence[str], form: TableForm, where: str, table: str
) -> dict[str, str]:
    """The columns of a table by what foresell calls them: those of `keys` and `roles` that it has.

    A column has the name that `form` says, or that of foresell, or one that says outright what it is; a key is called
    as in the sales, in large or small letters. Raises SettingsError where several may be meant, or two columns have the
    same name.
    """
    found = {name: form.columns[name] for name in (*keys, *roles) if form.columns.get(name) in names}
    doubtful: dict[str, list[str]] = {}
    for key in keys:
        free = [name for name in names if name not in found.values()]
        alike = [name for name in free if name == key] or [name for name in free if plain(name) == plain(key)]
        if key not in found and len(alike) == 1:
            found[key] = alike[0]
        elif key not in found and alike:
            doubtful[key] = alike
    free = [name for name in names if name not in found.values()]
    named = role_columns(free, [role for role in roles if role not in found])
    found |= named.of
    doubtful |= named.doubtful
    if doubtful:
        role, several = next(iter(doubtful.items()))
        raise SettingsError(
            f"Several columns of {where} may be {role}: {first_five(several)}. Say which it is in the settings, as "
            f"orders: {{columns: {{{table}: {{{role}: {several[0]!r}}}}}}}."
        )
    _require_distinct(names, list(found.values()), where)
    return found


def _require_distinct(names: Sequence[str], used: Sequence[str], where: str) -> None:
    """Raises SettingsError where two columns have the name of one that is used."""
    repeated = {match[1] for name in names if (match := _REPEATED.fullmatch(name))}
    twice = [name for name in used if name in repeated]
    if twice:
        raise SettingsError(
            f"{where} has several columns that are called {first_five(twice)}. Give each a name of its own, or take "
            "out those that are not meant."
        )


def encoded(files: Sequence[InputFile], data: Data) -> Dialect:
    """The dialect of the sales with the encoding of these files, which is UTF-8 where their bytes are."""
    dialect = Dialect(data.separator, data.decimal, data.encoding, preferred_date_format=data.date_format)
    file = files[0]
    if file.remote or file.is_parquet or file.sheet is not None:
        return dialect
    with reading(file), open(file.disk_path, "rb") as raw:
        head = unzipped(raw).read(HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return replace(dialect, encoding="utf-16")
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return replace(dialect, encoding="cp1252" if data.encoding in ("utf-8", "utf-16") else data.encoding)
    return replace(dialect, encoding="utf-8")


def with_decimal(
    files: Sequence[InputFile], numbers: Sequence[str], dialect: Dialect, form: TableForm, where: str
) -> tuple[Dialect, list[Finding]]:
    """The dialect with the decimal mark of the columns `numbers`, and a finding where they leave it open."""
    if form.decimal or not numbers:
        return replace(dialect, decimal=form.decimal or dialect.decimal), []
    columns = [InputColumn(name, ColumnKind.TEXT) for name in numbers]
    frames = [part.frame.select(pl.col(numbers).cast(pl.String)) for file in files
              for part in read_parts(file, columns, dialect)]  # fmt: skip
    if not frames:
        return dialect, []
    texts = pl.concat(frames)
    mark, _, doubtful = decimal_mark([texts[name].drop_nulls().str.strip_chars().unique() for name in numbers])
    if not doubtful:
        return replace(dialect, decimal=mark), []
    example = texts.select(pl.col(doubtful[0]).filter(pl.col(doubtful[0]).str.contains(r"[.,]\d{3}$")).first()).item()
    message = (
        f"{example} in '{doubtful[0]}' may be thousands or decimals; it was read with the decimal mark of the sales"
    )
    return dialect, [finding("supply-numbers-doubtful", where, len(doubtful), message, list(doubtful))]


def plausible_share(dates: pl.Series, cutoff: np.datetime64) -> float:
    """The share of `dates` that lie after the sales, and not far."""
    days = (dates.to_numpy().astype("datetime64[D]") - cutoff.astype("datetime64[D]")).astype(np.int64)
    return float(((days > 0) & (days <= LATEST_DAYS)).mean()) if len(days) else 1.0


def doubtful_dates(used: str | None, alternative: str, where: str, count: int) -> Finding:
    """The finding that dates may be read in two ways."""
    message = (
        f"{many(count, 'date')} were read as {used}, and {alternative} fits as well; say which with 'date_format' "
        "beside the table in the settings"
    )
    return finding("ambiguous-dates", where, count, message)
