"""Drift: do the newest sales, prices, assortment and forecasts look like those that the model was trained on?

Errors of forecasts are not part of drift; `accuracy` measures them. Season and trend are taken out of the values before
they are compared (`deseasoning`). A column has drifted where the newest values lie further from the earlier ones than
earlier windows lay from each other, by more than chance allows (`distances.thresholds`). Where nothing has changed, all
columns and segments together raise an alarm no more often than `false_alarms`.
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
from foresell.monitor.drift.samples import WINDOW, DriftColumn, DriftSamples
from foresell.monitor.drift.series_cycles import SEGMENT, SERIES, attributes

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

ALL = "all"
FEWEST_ROWS = 10
"""A column or segment with fewer rows in the newest window is not compared."""

PAGE, DATA = "drift.html", "drift.json"


@dataclass(frozen=True)
class DriftResult:
    """How far each column has drifted.

    - `columns`: the columns that were compared.
    - `table`: one row for each column over all series (``segment`` is ``all``), and one for each numeric column in each
      segment: ``column``, ``meaning``, ``by``, ``segment``, ``series`` (of the newest window), ``distance``, the
      ``threshold`` from which it counts as ``drifted``, and a figure ``before`` and ``now``. The figure of a mix is the
      share of the ``kind`` that changed most.
    - `share`: the share of columns that drifted over all series. `allowed`: above this share it is an error.
    - `removed`: what was taken out of the values before they were compared. `spans`: the days that were compared.
    - `snapshot`: Evidently's report; None where there was nothing to compare.
    """

    columns: tuple[DriftColumn, ...]
    table: pl.DataFrame
    share: float
    allowed: float
    removed: str
    spans: dict[str, tuple[str, str]]
    snapshot: Snapshot | None

    def to_dict(self, findings: Iterable[Finding]) -> dict[str, Any]:
        """The result as plain data, with its `findings` and with Evidently's report on the columns."""
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


def detect_drift(samples: DriftSamples, *, share: float, false_alarms: float, sample: int, seed: int) -> DriftResult:
    """Looks for drift of each column, over all series and by segment.

    `share` is the share of drifted columns above which the whole counts as drifted. Evidently is given at most `sample`
    rows of each side. Raises NotInstalled where Evidently is not installed.
    """
    spans = dict(samples.spans)
    comparisons = list(_comparisons(samples))
    if not comparisons or samples.reference.is_empty():
        return DriftResult((), _table([]), 0.0, share, samples.removed, spans, None)
    limits = _limits(comparisons, false_alarms)
    judged = list(zip(comparisons, limits, strict=True))
    whole = {comparison.column: limit for comparison, limit in judged if comparison.segment == ALL}
    drawn = _sample(samples.reference, sample, seed), _sample(samples.current, sample, seed)
    snapshot = evidently_report(*drawn, whole, share)
    measured = distances_of(snapshot)
    rows = [
        comparison.row(
            samples, limit, measured[comparison.column.name] if comparison.segment == ALL else comparison.now
        )
        for comparison, limit in judged
    ]
    table = _table(rows)
    overall = table.filter(pl.col("segment") == ALL)
    part = float(overall["drifted"].sum() / overall.height)
    return DriftResult(samples.columns, table, part, share, samples.removed, spans, snapshot)


@dataclass(frozen=True)
class _Comparison:
    """The comparison of one column, over all series or in one segment.

    `now` is the distance of the newest window from the earlier ones, `usual` [window] that of each earlier window from
    the others. `norm` is a distance of 1 in the column's own units. It is the same for all segments, so that a segment
    which never varied has not drifted far when it varies a little.
    """

    column: DriftColumn
    by: str
    segment: str
    series: int
    now: float
    usual: np.ndarray
    norm: float

    @property
    def least(self) -> float:
        """The distance below which a change does not matter to the business."""
        if self.column.categorical:
            return 0.0
        return max(self.column.least, self.column.churn / np.sqrt(self.series)) / self.norm

    def row(self, samples: DriftSamples, limit: float, distance: float) -> dict[str, Any]:
        """The comparison as a row of the table."""
        needed = [name for name in (self.column.of, self.column.to) if name]
        inside = pl.lit(True) if self.segment == ALL else pl.col(self.by) == self.segment
        kind, before, now = figures(
            self.column, *(side.filter(inside).select(needed) for side in (samples.reference, samples.current))
        )
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


def _comparisons(samples: DriftSamples) -> Iterator[_Comparison]:
    """Every column over all series, and every numeric column in each segment."""
    for column in samples.columns:
        needed = [column.name, SERIES, *samples.segments]
        before = samples.reference.select(*needed, WINDOW).filter(pl.col(column.name).is_not_null())
        now = samples.current.select(needed).filter(pl.col(column.name).is_not_null())
        norm = np.nan if column.categorical else distances.norm_of(before[column.name].to_numpy())
        yield from _compared(column, norm, before, now, "", [ALL])
        for by in () if column.categorical else samples.segments:
            yield from _compared(column, norm, before, now, by, now[by].drop_nulls().unique().sort().to_list())


def _compared(
    column: DriftColumn, norm: float, before: pl.DataFrame, now: pl.DataFrame, by: str, segments: Sequence[str]
) -> Iterator[_Comparison]:
    """The comparisons of one column in the `segments` of the column `by`; those with too few rows are left out."""
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
            category = part[column.name].rank("dense").to_numpy().astype(np.int64) - 1
            distance = distances.jensen_shannon(category, window, count)
        else:
            values = part[column.name].to_numpy().astype(np.float64)
            distance = distances.wasserstein(values, window, count, norm)
        n_series = part.filter(pl.col(WINDOW) == count - 1)[SERIES].n_unique()
        yield _Comparison(column, by, segment, n_series, float(distance[-1]), distance[:-1], norm)


def _limits(comparisons: Sequence[_Comparison], false_alarms: float) -> list[float]:
    """The distance from which each comparison shows drift. Half of the false-alarm rate goes to the columns over all
    series, half to the segments."""
    whole = np.array([comparison.segment == ALL for comparison in comparisons])
    chance = false_alarms / (1 + bool((~whole).any())) / np.where(whole, whole.sum(), (~whole).sum())
    usual = np.full((max(len(comparison.usual) for comparison in comparisons), len(comparisons)), np.nan)
    for place, comparison in enumerate(comparisons):
        usual[: len(comparison.usual), place] = comparison.usual
    limits = distances.thresholds(usual, chance, np.array([comparison.series for comparison in comparisons]))
    return [max(float(limit), comparison.least) for limit, comparison in zip(limits, comparisons, strict=True)]


def figures(
    column: DriftColumn, before: pl.DataFrame, now: pl.DataFrame
) -> tuple[str | None, float | None, float | None]:
    """What a planner reads of a column before and now; of a mix the share of the kind that changed most.

    >>> column = DriftColumn("units", "", "ratio", "sold", "usual")
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
    return None, _figure(column, before), _figure(column, now)


def _figure(column: DriftColumn, side: pl.DataFrame) -> float | None:
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
    """Values of a column that were not there in training, and the number of series that have one of them."""

    column: str
    values: tuple[str, ...]
    series: int


def new_values(learnt: Panel, current: Panel) -> list[NewValues]:
    """Values of attributes in `current` that no series of `learnt` had, for each column that has some.

    Columns that name series (an item) are left out, because new items are common.
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
