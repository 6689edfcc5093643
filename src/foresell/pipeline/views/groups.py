"""The search for groups and single series, and the way up and down from one to others."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.words import many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.views.series_groups import (
    EXPECTED,
    MOST_LISTED,
    SERIES,
    TEXT,
    finished,
    group_name,
    group_of,
    group_table,
    named_columns,
    plain_text,
    series_table,
    where_text,
)


class GroupsQuery(msgspec.Struct, frozen=True):
    """What to search for: `text`, some words that are parts of values; `most` groups are listed."""

    text: str = ""
    most: int = 50


@dataclass(frozen=True)
class FoundGroups:
    """Groups that have all the words, those named exactly so first, then by the units forecast.

    `groups` has ``where``, ``name``, ``level``, ``series`` and ``units``, those of the whole horizon. `columns` are
    those of the series, the keys first.
    """

    headline: str
    columns: list[str]
    groups: pl.DataFrame


class HierarchyQuery(msgspec.Struct, frozen=True):
    """The group, such as ``where=store=S1``, and the column whose values its parts have: `by`."""

    where: str = ""
    by: str | None = None


@dataclass(frozen=True)
class GroupHierarchy:
    """What a group is part of, and its parts.

    `parents` and `children` have ``where``, ``name``, ``series`` and ``units``, and children ``share``, their part of
    the units of the group. The children have the largest units first; `splits` are the columns that `by` may be.
    """

    name: str
    series: int
    units: float
    splits: list[str]
    by: str | None
    parents: pl.DataFrame
    children: pl.DataFrame
    note: str


def groups(project: ForecastProject, query: GroupsQuery) -> FoundGroups:
    """The groups whose values have all the words of the query. Raises UsageError where nothing is forecast."""
    results = finished(project)
    table, columns = group_table(results), results.panel.series.columns
    words = plain_text(query.text).split()
    for word in words:
        table = table.filter(pl.col(TEXT).str.contains(word, literal=True))
    exact, begins = plain_text(query.text.strip()), words[0] if words else ""
    order = [pl.col(TEXT) == exact, pl.col(TEXT).str.starts_with(begins), pl.col(EXPECTED)]
    best = table.sort(order, descending=True, nulls_last=True, maintain_order=True) if words else table
    listed = best.head(query.most)
    rows = [{name: row[name] for name in columns if row[name] is not None} for row in listed.iter_rows(named=True)]
    frame = pl.DataFrame(
        {
            "where": pl.Series([where_text(row) for row in rows], dtype=pl.String),
            "name": pl.Series([group_name(row) for row in rows], dtype=pl.String),
            "level": listed["level"],
            "series": listed[SERIES],
            "units": listed[EXPECTED],
        }
    )
    count = many(table.height, "group or series", "groups and series")
    more = f"; the first {len(rows)} are listed" if table.height > len(rows) else ""
    return FoundGroups(f"{count} with these words{more}." if words else f"{count}{more}.", columns, frame)


def hierarchy(project: ForecastProject, query: HierarchyQuery) -> GroupHierarchy:
    """What a group is part of and its parts. Raises UsageError for a group or a column that is not there."""
    results = finished(project)
    group, table = group_of(results, query.where), series_table(results)
    columns = named_columns(results)
    part = table[group.rows]
    fixed = {name: part[name][0] for name in columns if part[name].n_unique() == 1 and part[name][0] is not None}
    splits = [name for name in columns if name not in group.where and part[name].n_unique() > 1]
    by = query.by or (splits[0] if splits else None)
    if by is not None and by not in splits:
        raise UsageError(f"The parts of {group.name} cannot be by '{by}'; they can be by {', '.join(splits) or '-'}.")
    units = float(part[EXPECTED].sum())
    above = [{name: value for name, value in group.where.items() if name != left} for left in group.where]
    above += [{name: value} for name, value in fixed.items()]
    wheres = {where_text(where): where for where in [{}, *above] if where != group.where}
    parents = []
    for text, where in wheres.items():
        inside = table.filter([pl.col(name) == value for name, value in where.items()]) if where else table
        if inside.height > len(group.rows):
            parents.append((text, group_name(where), inside.height, float(inside[EXPECTED].sum())))
    schema = {"where": pl.String, "name": pl.String, "series": pl.Int64, "units": pl.Float64}
    children, note = _children(part, dict(group.where), by, units)
    return GroupHierarchy(
        name=group.name,
        series=len(group.rows),
        units=units,
        splits=splits,
        by=by,
        parents=pl.DataFrame(parents, schema, orient="row").sort("series", descending=True, maintain_order=True),
        children=children,
        note=note,
    )


def _children(part: pl.DataFrame, where: dict[str, str], by: str | None, units: float) -> tuple[pl.DataFrame, str]:
    """The parts by a column, and a note where not all are listed."""
    if by is None:
        schema = {"where": pl.String, "name": pl.String, "series": pl.UInt32, "units": pl.Float64, "share": pl.Float64}
        return pl.DataFrame(schema=schema), "This is a single series."
    named = part.select(pl.col(by).alias("name"), EXPECTED).drop_nulls("name")
    parts = named.group_by("name").agg(pl.len().alias("series"), pl.col(EXPECTED).sum().alias("units"))
    listed = parts.sort("units", "name", descending=[True, False]).head(MOST_LISTED)
    texts = pl.Series("where", [where_text({**where, by: value}) for value in listed["name"]], dtype=pl.String)
    share = pl.col("units") / units if units > 0 else pl.lit(np.nan)
    children = listed.select(texts, "name", "series", "units", share.alias("share"))
    more = parts.height - listed.height
    return children, f"{many(more, 'smaller part')} are not listed; search finds them." if more else ""
