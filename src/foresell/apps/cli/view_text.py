"""A view of `pipeline.views` as text: its sentences, and each of its tables under its name."""

from __future__ import annotations

import dataclasses
from typing import Any

import polars as pl

from foresell.apps.cli.text import columns
from foresell.core.words import number

MOST_ROWS = 40  # of a table; --json has all


def view_text(view: Any) -> str:
    """The fields of the record in their order, a paragraph or table each; empty ones are left out."""
    parts = []
    for field in dataclasses.fields(view):
        value = getattr(view, field.name)
        text = _text(value)
        if text:
            parts.append(f"{field.name.replace('_', ' ')}: {text}" if "\n" not in text else f"{field.name}\n{text}")
    return "\n\n".join(parts)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, pl.DataFrame):
        return _table(value)
    if dataclasses.is_dataclass(value):
        return view_text(value)
    if isinstance(value, dict):
        return "\n".join(f"  {name}: {_text(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(f"  {_text(part)}" for part in value)
    return number(value) if isinstance(value, float) else str(value)


def _table(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return ""
    numeric = [place for place, kind in enumerate(frame.dtypes) if kind.is_numeric()]
    rows = [tuple(name.replace("_", " ") for name in frame.columns)]
    for row in frame.head(MOST_ROWS).iter_rows():
        rows.append(tuple(number(cell) if place in numeric else str(cell or "") for place, cell in enumerate(row)))
    more = frame.height - MOST_ROWS
    return columns(rows, right=numeric, indent=2) + (f"\n  and {more:,} more rows; --json has all" if more > 0 else "")
