"""Drift: do the newest sales, prices, assortments and forecasts look like those that the model learnt from?

Errors of forecasts are no matter of drift, `accuracy` measures those. What is compared has had season and trend taken
out (`deseasoned`). A column has drifted where its values lie further from those before than earlier windows lay from
each other, by more than chance allows (`distances.thresholds`): all columns and segments together raise an alarm,
though nothing has changed, no more often than `false_alarms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.monitor.drift import distances
from foresell.monitor.drift.evidently_report import distances_of, evidently_report, plain, write_page
from foresell.monitor.drift.samples import WINDOW, Column, Compared
from foresell.monitor.drift.series_cycles import SEGMENT, SERIES, attributes

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

ALL = "all"
FEWEST_ROWS = 10
"""What has fewer rows in the newest window is not looked at."""

PAGE, DATA = "drift.html", "drift.json"


@dataclass(frozen=True)
class Drifted:
    """How far each column has drifted.

    `table` has one row for each column that was compared over all series (``segment`` is ``all``) and for each number
    by segment: ``column``, ``meaning``, ``by`` and ``segment``, ``series`` (of the newest window), ``distance`` and the
    ``threshold`` from which on it counts, ``drifted``, and its figure ``before`` and ``now`` (of a mix: the share of
    the ``kind`` that changed most).

    `columns` are those that were compared. `share` is the share of them that drifted over all series, `allowed` that
    from which on it is an error; `removed` is what was taken out before comparing, `spans` the days that were looked
    at, `snapshot` Evidently's report.
    """

    columns: tuple[Column, ...]
    table: pl.DataFrame
    share: float
    allowed: float
    removed: str
    spans: dict[str, tuple[str, str]]
    snapshot: Snapshot | None

    def to_dict(self, findings: Iterable[Finding]) -> dict[str, Any]:
        """All of it as plain data, with its `findings` and with what Evidently says of the columns."""
        return {
            "share": self.share,
            "removed": self.removed,
            "days": self.spans,
            "findings": [finding.to_dict() for finding in findings],
            "columns": self.table.to_dicts(),
            "evidently": None if self.snapshot is None else plain(self.snapshot),
        }

    def write(self, folder: Path, findings: Iterable[Finding]) -> None:
        """Writes ``drift.html`` (by Evidently, where there was something to compare) and ``drift.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DATA).write_bytes(msgspec.json.format(msgspec.json.encode(self.to_dict(findings)), indent=1) + b"\n")
        (folder / PAGE).unlink(missing_ok=True)
        if self.snapshot is not None:
            write_page(self.snapshot, folder / PAGE)


def drift(compared: Compared, *, share: float, false_alarms: float, sample: int, seed: int) -> Drifted:
    """Looks for drift of each column, over all series and by segment.

    `share` is that of drifted columns from which on the whole is called drifted; `sample` rows of each side at most are
    shown to Evidently. Raises UsageError where Evidently is not installed.
    """
    spans = dict(compared.spans)
    tried = list(_trials(compared))
    if not tried or compared.reference.is_empty():
        return Drifted((), _table([]), 0.0, share, compared.removed, spans, None)
    limits = _limits(tried, false_alarms)
    whole = {each.column: limit for each, limit in zip(tried, limits, strict=True) if each.segment == ALL}
    drawn = _sample(compared.reference, sample, seed), _sample(compared.current, sample, seed)
    snapshot = evidently_report(*drawn, whole, share)
    measured = distances_of(snapshot)
    rows = [
        each.row(compared, limit, measured[each.column.name] if each.segment == ALL else each.now)
        for each, limit in zip(tried, limits, strict=True)
    ]
    table = _table(rows)
    overall = table.filter(pl.col("segment") == ALL)
    part = float(overall["drifted"].sum() / overall.height)
    return Drifted(compared.columns, table, part, share, compared.removed, spans, snapshot)


@dataclass(frozen=True)
class _Trial:
    """One column over all series or in one segment: how far the newest window lies from those before, and how far each
    of those from the others, `usual` [window]; `norm` is what a distance of 1 is in the column's own units, the same
    for all segments: one that never varied before has not drifted by leaps when it does a little."""

    column: Column
    by: str
    segment: str
    series: int
    now: float
    usual: np.ndarray
    norm: float

    @property
    def least(self) -> float:
        """The distance below which a change does not matter to anybody."""
        if self.column.categorical:
            return 0.0
        return max(self.column.least, self.column.churn / np.sqrt(self.series)) / self.norm

    def row(self, compared: Compared, limit: float, distance: float) -> dict[str, Any]:
        """The trial as a row of the table."""
        needed = [name for name in (self.column.of, self.column.to) if name]
        sides = [
            side.select(needed) if self.segment == ALL else side.filter(pl.col(self.by) == self.segment).select(needed)
            for side in (
                each.select(*needed, *([self.by] if self.by else [])) for each in (compared.reference, compared.current)
            )
        ]
        kind, before, now = figures(self.column, *sides)
        return {
            "column": self.column.name,
            "meaning": self.column.meaning,
            "by": self.by.removeprefix(SEGMENT),
            "segment": self.segment,
            "series": self.series,
            "distance": distance,
            "threshold": limit,
            "drifted": bool(distance >= limit),
            "kind": kind,
            "before": before,
            "now": now,
        }


def _trials(compared: Compared) -> Iterator[_Trial]:
    """Every column over all series; and each number of each segment."""
    for column in compared.columns:
        needed = [column.name, SERIES, *compared.segments]
        before = compared.reference.select(*needed, WINDOW).filter(pl.col(column.name).is_not_null())
        now = compared.current.select(needed).filter(pl.col(column.name).is_not_null())
        norm = np.nan if column.categorical else distances.norm_of(before[column.name].to_numpy())
        yield from _tried(column, norm, before, now, "", [ALL])
        for by in () if column.categorical else compared.segments:
            yield from _tried(column, norm, before, now, by, now[by].drop_nulls().unique().sort().to_list())


def _tried(
    column: Column, norm: float, before: pl.DataFrame, now: pl.DataFrame, by: str, segments: Sequence[str]
) -> Iterator[_Trial]:
    columns = [column.name, SERIES, WINDOW, *([by] if by else [])]
    known = before[WINDOW].unique().sort()
    numbered = before.select(columns).with_columns(pl.col(WINDOW).replace_strict(known, range(len(known))))
    newest = now.select(column.name, SERIES, *([by] if by else [])).with_columns(pl.lit(len(known)).alias(WINDOW))
    rows = pl.concat([numbered, newest.select(columns)], how="vertical_relaxed")
    parts = {(ALL,): rows} if not by else rows.partition_by(by, as_dict=True)
    for segment in segments:
        part = parts[(segment,)]
        window = part[WINDOW].to_numpy()
        count = len(known) + 1
        n_now = int((window == count - 1).sum())
        if n_now < FEWEST_ROWS or n_now == len(window):
            continue
        if column.categorical:
            codes_of = part[column.name].rank("dense").to_numpy().astype(np.int64) - 1
            found = distances.jensen_shannon(codes_of, window, count)
        else:
            values = part[column.name].to_numpy().astype(np.float64)
            found = distances.wasserstein(values, window, count, norm)
        n_series = part.filter(pl.col(WINDOW) == count - 1)[SERIES].n_unique()
        yield _Trial(column, by, segment, n_series, float(found[-1]), found[:-1], norm)


def _limits(tried: Sequence[_Trial], false_alarms: float) -> list[float]:
    """From which distance on each trial has drifted. Half of the chance of a false alarm goes to the columns over all
    series, half to the segments."""
    whole = np.array([each.segment == ALL for each in tried])
    chance = false_alarms / (1 + bool((~whole).any())) / np.where(whole, whole.sum(), (~whole).sum())
    usual = np.full((max(len(each.usual) for each in tried), len(tried)), np.nan)
    for place, each in enumerate(tried):
        usual[: len(each.usual), place] = each.usual
    found = distances.thresholds(usual, chance, np.array([each.series for each in tried]))
    return [max(float(limit), each.least) for limit, each in zip(found, tried, strict=True)]


def figures(column: Column, before: pl.DataFrame, now: pl.DataFrame) -> tuple[str | None, float | None, float | None]:
    """What a planner reads of a column before and now; of a mix the share of the kind that changed most.

    >>> column = Column("units", "", "ratio", "sold", "usual")
    >>> figures(column, pl.DataFrame({"sold": [9, 11], "usual": [10, 10]}), pl.DataFrame({"sold": [5], "usual": [10]}))
    (None, 1.0, 0.5)
    """
    if column.figure == "mix":
        shares = [
            side[column.of].drop_nulls().value_counts(normalize=True).rename({column.of: "kind"})
            for side in (before, now)
        ]
        both = shares[0].join(shares[1], on="kind", how="full", coalesce=True, suffix="_now").fill_null(0.0)
        changed = (pl.col("proportion") - pl.col("proportion_now")).abs()
        most = both.sort(changed, "kind", descending=[True, False]).row(0)
        return str(most[0]), float(most[1]), float(most[2])
    found = [_figure(column, side) for side in (before, now)]
    return None, found[0], found[1]


def _figure(column: Column, side: pl.DataFrame) -> float | None:
    if column.figure == "ratio":
        both = side.select(column.of, column.to).drop_nulls()
        to = float(both[column.to].sum())
        return float(both[column.of].sum()) / to if to > 0 else None
    mean = side[column.of].mean()
    if mean is None:
        return None
    return float(np.exp(mean)) if column.figure == "factor" else float(mean)  # type: ignore[arg-type]


@dataclass(frozen=True)
class NewValues:
    """Values of a column that the model has not learnt from, and how many series have one of them."""

    column: str
    values: tuple[str, ...]
    series: int


def new_values(learnt: Panel, current: Panel) -> list[NewValues]:
    """Values of attributes that series of `current` have and none of `learnt` had, for each column that has some.

    Columns that name series (an item) are left out, as new items come every day.
    """
    columns = []
    for name in attributes(learnt.series):
        if name not in current.series.columns or learnt.series[name].dtype.is_float():
            continue
        texts = current.series[name].cast(pl.String)
        new = texts.filter(~texts.is_in(learnt.series[name].cast(pl.String).implode())).drop_nulls()
        if len(new):
            columns.append(NewValues(name, tuple(new.unique().sort().to_list()), len(new)))
    return columns


def _sample(frame: pl.DataFrame, rows: int, seed: int) -> pl.DataFrame:
    return frame if frame.height <= rows else frame.sample(rows, seed=seed)


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    texts, numbers = ("column", "meaning", "by", "segment"), ("distance", "threshold")
    schema = {
        **dict.fromkeys(texts, pl.String),
        "series": pl.Int64,
        **dict.fromkeys(numbers, pl.Float64),
        "drifted": pl.Boolean,
        "kind": pl.String,
        "before": pl.Float64,
        "now": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)
