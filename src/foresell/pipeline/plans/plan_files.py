"""The files of plans among the results of a project."""

from __future__ import annotations

from pathlib import Path

from foresell.core.errors import StoreError
from foresell.core.spreadsheets import escape_formulas
from foresell.decide.plan import Plan
from foresell.store.tables import atomic_path, write_table


def write_plan(plan: Plan, results: Path) -> list[Path]:
    """Writes ``plan/KIND.csv`` and ``.parquet`` in the folder of results, in place of those of the plan before.

    Raises StoreError where they cannot be written.
    """
    table, text = (results / "plan" / f"{plan.kind}.{ending}" for ending in ("parquet", "csv"))
    write_table(plan.lines, table)
    try:
        with atomic_path(text) as temporary:
            escape_formulas(plan.lines).write_csv(temporary)
    except OSError as error:
        raise StoreError(f"{text} could not be written: {error.strerror or error}. Give it room and rights.") from error
    return [text, table]
