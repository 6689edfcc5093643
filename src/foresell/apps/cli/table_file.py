"""The file of ``--out``: a table as CSV or Parquet, in place of an earlier one of the same kind only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from foresell.core.errors import StoreError

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".csv", ".parquet")


def checked_path(out: str | None) -> Path | None:
    """The path of ``--out``. Raises click.UsageError for a file of another kind."""
    if out is None:
        return None
    path = Path(out)
    if path.suffix not in ENDINGS:
        raise click.UsageError(f"--out is '{out}'; expected a file that ends in .csv or .parquet.")
    return path


def write_table_file(table: pl.DataFrame, path: Path, earlier: frozenset[str] = frozenset()) -> None:
    """Writes the table. Raises click.UsageError where `path` is a file of other columns, which would be lost, and
    StoreError where nothing can be written there.

    Columns of which a file by an earlier foresell has all are `earlier`; such a file is replaced too.
    """
    from foresell.store.tables import write_csv, write_table

    try:
        columns = _columns(path) if path.exists() else table.columns
        if columns != table.columns and not (earlier and earlier <= set(columns)):
            raise click.UsageError(
                f"{path} exists, and is no table of this command. Give --out another name, or remove the file."
            )
        if path.suffix == ".parquet":
            write_table(table, path)
            return
        write_csv(table, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{path} could not be written: {reason}. Give --out a place that may be written.") from error


def _columns(path: Path) -> list[str]:
    """The columns of a file that exists; none where it cannot be read as a table."""
    import polars as pl

    try:
        scan = pl.scan_csv(path, glob=False) if path.suffix == ".csv" else pl.scan_parquet(path, glob=False)
        return scan.collect_schema().names()
    except pl.exceptions.PolarsError:
        return []
