"""Groups of series as pages choose them: the values of some columns, written as in an address."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Level, level_name
from foresell.core.scenario import series_where
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.store.tables import scan_table

ROW, SERIES, EXPECTED, TEXT = "__row", "__series", "__expected", "__text"
"""Columns beside those of the series, which may have any names: the row of a series, or the number of the series of a
group; the units forecast over the horizon; the text that is searched."""

MOST_LISTED = 200  # groups of a list


@dataclass(frozen=True)
class Group:
    """Some series: their values by column, none for all series, and their rows in the panel, int64 [series]."""

    where: Mapping[str, str]
    rows: np.ndarray

    @property
    def name(self) -> str:
        """The group in words."""
        return group_name(self.where)

    @property
    def level(self) -> Level:
        """The columns that name it."""
        return tuple(self.where)


def group_name(where: Mapping[str, object]) -> str:
    """The values of a group, one after the other.

    >>> group_name({"store": "S1", "item": "tea"}), group_name({})
    ('S1 · tea', 'All series')
    """
    return " · ".join(str(value) for value in where.values()) or "All series"


def read_where(text: str) -> dict[str, str]:
    """The values of a group that are written as in an address. Raises UsageError for other text.

    >>> read_where("store=S1&item=caf%C3%A9")
    {'store': 'S1', 'item': 'café'}
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError as error:
        raise UsageError(f"'{text}' names no group; expected such as store=S1&item=tea, or nothing.") from error
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"'{text}' names a column twice, and a series has one value. Leave one of them out.")
    return dict(pairs)


def where_text(where: Mapping[str, object]) -> str:
    """The group as `read_where` reads it.

    >>> where_text({"store": "S1", "item": "a&b"})
    'store=S1&item=a%26b'
    """
    return urlencode({name: str(value) for name, value in where.items()})


def group_of(results: Results, where: str) -> Group:
    """The group that is written in `where`. Raises UsageError for columns and values that no series has."""
    values = read_where(where)
    rows = series_where(results.panel.series, values)
    if not len(rows):
        raise UsageError(f"No series is {group_name(values)}: each value is there, and not all of them together.")
    return Group(values, rows)


def series_table(results: Results) -> pl.DataFrame:
    """The series as text, with their `ROW` and the units `EXPECTED` over the horizon. Raises UsageError where nothing
    is forecast."""
    results.summary(ForecastSummary)
    record = results.record("forecast")
    return _tables(Kept(results, str(results.root), record.fingerprint if record else "")).series


def group_table(results: Results) -> pl.DataFrame:
    """All groups that a page can show: ``level``, the columns of the series, `SERIES`, `EXPECTED` and `TEXT`."""
    results.summary(ForecastSummary)
    record = results.record("forecast")
    return _tables(Kept(results, str(results.root), record.fingerprint if record else "")).groups


@dataclass(frozen=True)
class Kept:
    """Which tables are kept: those of a forecast, whoever has read its results."""

    results: Results
    root: str
    forecast: str

    def __hash__(self) -> int:
        return hash((self.root, self.forecast))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept) and (self.root, self.forecast) == (other.root, other.forecast)


@dataclass(frozen=True)
class GroupTables:
    """The tables of `series_table` and `group_table`."""

    series: pl.DataFrame
    groups: pl.DataFrame


@lru_cache(maxsize=2)
def _tables(kept: Kept) -> GroupTables:
    series = _series(kept.results)
    return GroupTables(series, _groups(kept.results, series))


def forecast_file(results: Results) -> Path:
    """The table of forecasts of all levels."""
    return results.folder("forecast") / "forecasts.parquet"


def _series(results: Results) -> pl.DataFrame:
    panel = results.panel
    bottom = scan_table(forecast_file(results)).filter(pl.col("level") == level_name(panel.keys))
    expected = bottom.group_by(panel.keys).agg(pl.col("mean").cast(pl.Float64).sum().alias(EXPECTED))
    keyed = panel.series.with_row_index(ROW).lazy().join(expected, on=list(panel.keys), how="left", nulls_equal=True)
    text = pl.all().exclude(ROW, EXPECTED).cast(pl.String)
    return keyed.select(text, ROW, EXPECTED).sort(ROW).collect()


def _groups(results: Results, series: pl.DataFrame) -> pl.DataFrame:
    panel = results.panel
    columns = panel.series.columns
    single = [(name,) for name in named_columns(results) if series[name].n_unique() > 1]
    levels = list(dict.fromkeys([*results.hierarchy.levels[1:-1], *single]))
    levels = [level for level in levels if set(level) != set(panel.keys)]
    sums = pl.len().alias(SERIES), pl.col(EXPECTED).sum()
    parts = [
        series.drop_nulls(list(level))
        .group_by(level, maintain_order=True)
        .agg(*sums)
        .with_columns(pl.lit(level_name(level)).alias("level"), _searched(level))
        for level in levels
    ]
    of_keys = [pl.when(pl.lit(name in panel.keys)).then(pl.col(name)).alias(name) for name in columns]
    bottom = series.select(
        pl.lit(level_name(panel.keys)).alias("level"), *of_keys, pl.lit(1).alias(SERIES), EXPECTED, _searched(columns)
    )
    total = pl.DataFrame({"level": "total", SERIES: series.height, EXPECTED: series[EXPECTED].sum(), TEXT: ""})
    whole = pl.concat(
        [part.with_columns(pl.col(SERIES).cast(pl.Int64)) for part in (total, *parts, bottom)], how="diagonal"
    )
    plain = pl.Series(TEXT, [plain_text(text) for text in whole[TEXT]], dtype=pl.String)
    return whole.select("level", *columns, SERIES, EXPECTED, plain)


def named_columns(results: Results) -> list[str]:
    """The columns of the series that name groups: keys, columns of levels, and attributes that are words."""
    panel, levels = results.panel, {name for level in results.hierarchy.levels for name in level}
    words = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
    return [name for name, kind in panel.series.schema.items() if name in levels or isinstance(kind, words)]


def _searched(columns: Sequence[str]) -> pl.Expr:
    return pl.concat_str([pl.col(name) for name in columns], separator=" ", ignore_nulls=True).alias(TEXT)


def plain_text(text: str) -> str:
    """Text without accents and capital letters, as it is searched.

    >>> plain_text("CAFÉ Crème"), plain_text("Straße")
    ('cafe creme', 'strasse')
    """
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def finished(project: ForecastProject) -> Results:
    """The results of a project, read as they are. Raises UsageError where nothing is forecast."""
    results = project.results
    results.summary(ForecastSummary)
    return results
