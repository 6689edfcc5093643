"""Statistics in a folder: what is short as JSON, the sums by group as Parquet."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from foresell.core.dates.records import PeriodDate, record_of
from foresell.core.errors import UnreadableFile
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Level
from foresell.core.statistics import LevelStatistics, Statistics

ABOUT, GROUPS = "statistics.json", "statistics.parquet"
_UNITS = ""  # the name of the units among the covariates
_SCHEMA: dict[str, pl.DataType] = {
    "number": pl.Int32(),
    "level": pl.List(pl.String),
    "of": pl.String(),
    "labels": pl.List(pl.String),
    "series": pl.Int64(),
    "total": pl.List(pl.Float64),
    "count": pl.List(pl.Int32),
}


class _About(msgspec.Struct):
    """`known_days` has a 1 for each day on which a covariate is known, else a 0."""

    n_series: int
    days: tuple[PeriodDate, PeriodDate] | None
    codes: dict[str, tuple[str, ...]]
    known_days: dict[str, str]


def save_statistics(statistics: Statistics, folder: Path) -> None:
    """Writes ``statistics.json``, and ``statistics.parquet``, which has one row for each group and sum.

    Its columns: ``number`` and ``level``, the level and its columns; ``labels``, their values in a group; ``series``,
    how many the group has; ``of``, the covariate, empty for units; ``total`` and ``count`` by day.
    """
    known = {name: "".join("01"[day] for day in days.tolist()) for name, days in statistics.known_days.items()}
    about = _About(statistics.n_series, statistics.days, dict(statistics.codes), known)
    (folder / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for number, (level, sums) in enumerate(statistics.levels.items()):
        units = {_UNITS: sums.units} if sums.units else {}
        for name, part in {**units, **sums.known}.items():
            same = [number, list(level), name]
            rows = [
                [*same, list(labels), n_series, total, count]
                for labels, n_series, total, count in zip(
                    sums.groups.rows(), sums.n_series.tolist(), part.total, part.count, strict=True
                )
            ]
            frames.append(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))
    pl.concat(frames).write_parquet(folder / GROUPS)


def load_statistics(folder: Path) -> Statistics | None:
    """What `save_statistics` wrote; None where there is nothing. Raises UnreadableFile where it is damaged."""
    if not (folder / ABOUT).exists():
        return None
    try:
        about = record_of(msgspec.json.decode((folder / ABOUT).read_bytes()), _About)
        groups = pl.read_parquet(folder / GROUPS, glob=False)
        levels = {
            tuple(rows["level"][0]): _level(tuple(rows["level"][0]), rows)
            for rows in groups.partition_by("number", maintain_order=True)
        }
    except (OSError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(
            f"The statistics in {folder} cannot be read: {error}. Train the model again: foresell train"
        ) from error
    known = {name: np.array([day == "1" for day in days], bool) for name, days in about.known_days.items()}
    return Statistics(about.n_series, about.days, about.codes, known, levels)


def _level(level: Level, rows: pl.DataFrame) -> LevelStatistics:
    by_name = {part["of"][0]: part for part in rows.partition_by("of", maintain_order=True)}
    sums = {
        name: GroupSums(np.stack(part["total"].to_list()), np.stack(part["count"].to_list()).astype(np.int32))
        for name, part in by_name.items()
    }
    first = next(iter(by_name.values()))
    columns = level or ("",)
    labels = pl.DataFrame(first["labels"].to_list(), schema=dict.fromkeys(columns, pl.String), orient="row")
    units = sums.pop(_UNITS, None)
    return LevelStatistics(labels, first["series"].to_numpy(), units, sums)
