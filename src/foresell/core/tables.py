"""Tables of pandas, Polars or PyArrow that users give: they are read as Polars, and results have the same library.

pandas is imported only where a user gave a pandas table, and then needs no PyArrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five, suggestion

Table = Any
"""A pandas DataFrame, a Polars DataFrame or LazyFrame, a PyArrow Table, or another table that narwhals can read."""


class TableKind(StrEnum):
    """The library of a table. Tables of any other library get results in Polars."""

    POLARS = "polars"
    PANDAS = "pandas"
    PYARROW = "pyarrow"


@dataclass(frozen=True)
class GivenTable:
    """A table that a user gave, of which only the needed columns are read.

    The named levels of a pandas index count as columns. `name` is what messages call the table, and the variable in
    the code that they advise.
    """

    native: Any
    kind: TableKind
    columns: tuple[str, ...]
    name: str

    @classmethod
    def of(cls, table: Table, name: str) -> GivenTable:
        """The table as it was given. Raises UsageError for what is no table."""
        if isinstance(table, GivenTable):
            return table
        if nw.dependencies.is_pandas_dataframe(table):
            index = [level for level in table.index.names if level is not None and level not in table.columns]
            return cls(table, TableKind.PANDAS, (*index, *table.columns), name)
        try:
            frame = nw.from_native(table)
        except TypeError:
            raise UsageError(_no_table(table, name)) from None
        kind = TableKind.PYARROW if frame.implementation.is_pyarrow() else TableKind.POLARS
        return cls(frame, kind, tuple(frame.collect_schema().names()), name)

    def check_columns(self, names: Iterable[str], argument: str) -> None:
        """Raises UsageError where the table lacks one of the columns `names`, which `argument` asked for."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            hint = suggestion(missing[0], self.columns) or f" Name the column that holds it with '{argument}'."
            raise UsageError(
                f"The table '{self.name}' has no column {first_five(missing)}, which '{argument}' asks for; it has "
                f"{first_five(self.columns) or 'no columns'}.{hint}"
            )

    def read(self, names: Iterable[str] | None = None) -> pl.DataFrame:
        """The columns `names` as Polars; all columns where not given.

        Raises UsageError for columns of one name, a name that is no text, and values of mixed types.
        """
        wanted = list(dict.fromkeys(self.columns if names is None else names))
        odd = [name for name in wanted if not isinstance(name, str)]
        if odd:
            raise UsageError(
                f"The table '{self.name}' has columns whose names are not text: {first_five(odd)}. Rename them: "
                f"`{self.name}.columns = ['_'.join(map(str, name)) if isinstance(name, tuple) else str(name) "
                f"for name in {self.name}.columns]`."
            )
        if self.kind == TableKind.PANDAS:
            return self._read_pandas(wanted)
        frame = self.native.select(wanted)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect(backend="polars")
        return frame.to_polars()

    def _read_pandas(self, wanted: list[str]) -> pl.DataFrame:
        twice = [name for name in wanted if self.columns.count(name) > 1]
        if twice:
            raise UsageError(
                f"The table '{self.name}' has more than one column {first_five(twice)}. Keep one of them: "
                f"`{self.name} = {self.name}.loc[:, ~{self.name}.columns.duplicated()]`."
            )
        in_index = [name for name in wanted if name not in self.native.columns]
        index = self.native.index.to_frame(index=False) if in_index else self.native
        columns = {name: (index if name in in_index else self.native)[name] for name in wanted}
        return pl.DataFrame([self._series(name, column) for name, column in columns.items()])

    def _series(self, name: str, column: Any) -> pl.Series:
        """A pandas column as Polars, without PyArrow. A date and time with a zone becomes that of the clock there."""
        dtype = column.dtype
        if dtype.name == "category":
            codes = pl.Series(column.cat.codes.to_numpy())
            categories = self._series(name, column.cat.categories.to_series())
            return categories.gather(codes.set(codes < 0, None)).alias(name)
        if dtype.name.startswith("Sparse"):
            return self._series(name, column.sparse.to_dense())
        if dtype.name.startswith("interval"):
            return self._series(name, column.map(str, na_action="ignore").astype(object))
        if dtype.name.startswith("period"):
            column, dtype = column.dt.to_timestamp(), np.dtype("datetime64[ns]")
        if dtype.kind == "M" and not dtype.name.startswith(("date32", "date64")):  # dates of PyArrow are objects
            zoned = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
            clock = column.dt.tz_localize(None) if zoned else column
            return pl.Series(name, clock.to_numpy(dtype="datetime64[us]"))
        if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
            return pl.Series(name, column.to_numpy(), nan_to_null=True)
        missing = column.isna().to_numpy()
        if dtype.kind in "iufb":  # nullable
            values = pl.Series(name, column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.kind != "b" and 0))
            return values.set(pl.Series(missing), None) if missing.any() else values
        values = column.to_numpy(dtype=object)
        try:
            read = pl.Series(name, np.where(missing, np.array(None), values).tolist(), strict=True)
        except (TypeError, pl.exceptions.PolarsError):
            read = None
        if read is not None and read.dtype != pl.Object:
            return read
        kinds = sorted({type(value).__name__ for value in values[~missing]})
        what = f"values of {len(kinds)} types: {first_five(kinds)}. Make them alike"
        if len(kinds) == 1:
            what = f"values of the type {kinds[0]}; expected texts, numbers or dates. Make texts of them"
        column_code = f"{self.name}[{name!r}]"
        raise UsageError(
            f"The column '{name}' of the table '{self.name}' has {what}: `{column_code} = {column_code}.astype(str)`."
        )


def with_plain_values(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with texts in place of lists, records, bytes and durations, which are no values of a cell.

    >>> with_plain_values(pl.DataFrame({"tags": [["a", "b"], None], "units": [1, 2]}))["tags"].to_list()
    ["['a', 'b']", None]
    """
    odd = [frame[name] for name, dtype in frame.schema.items() if not is_plain(dtype)]
    texts = [[None if value is None else str(value) for value in column.to_list()] for column in odd]
    return frame.with_columns(pl.Series(column.name, of, pl.String) for column, of in zip(odd, texts, strict=True))


def is_plain(dtype: pl.DataType) -> bool:
    """Whether a column of this type has one text, number, truth value or date in each cell."""
    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Duration, pl.Object))


def to_kind(frame: pl.DataFrame, kind: TableKind) -> Any:
    """The table in the library of `kind`. pandas dates are ``datetime64[ns]``, whole numbers with gaps ``Int64``."""
    if kind == TableKind.PYARROW:
        return frame.to_arrow()
    if kind == TableKind.PANDAS:
        import pandas as pd

        return pd.DataFrame({column.name: _to_pandas(column) for column in frame})
    return frame


def _to_pandas(column: pl.Series) -> Any:
    import pandas as pd

    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        names = column.cast(pl.String)
        categories = names.unique(maintain_order=True).drop_nulls()
        codes = names.cast(pl.Enum(categories)).to_physical().cast(pl.Int32).fill_null(-1)
        return pd.Categorical.from_codes(codes.to_numpy(), categories.to_list())
    if dtype.is_temporal():
        return column.cast(pl.Datetime("ns")).to_numpy() if dtype == pl.Date else column.to_numpy()
    if dtype.is_integer() and column.null_count():
        return pd.array(column.to_list(), dtype="Int64")
    return (
        column.to_numpy() if dtype.is_numeric() else pd.Series(column.to_list(), dtype=None if len(column) else object)
    )


def _no_table(table: object, name: str) -> str:
    expected = f"'{name}' is of the type {type(table).__name__}; expected a table of pandas, Polars or PyArrow."
    if isinstance(table, str) or hasattr(table, "__fspath__"):
        return f"{expected} Read the file first: `{name} = pl.read_csv({str(table)!r}, try_parse_dates=True)`."
    if isinstance(table, dict | list):
        return f"{expected} Make a table of it first: `{name} = pl.DataFrame({name})`."
    return f"{expected} Give the table itself."
