"""The forecasts of one group, read from the tables of all levels, and the ranges of their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.paths.sums import quantiles_of_sums
from foresell.adjust.ranges import round_quantiles
from foresell.core.errors import ForesellError
from foresell.core.forecast import Forecast, quantile_column
from foresell.core.hierarchy import Groups, level_name
from foresell.core.words import many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.results import Results
from foresell.pipeline.views.series_groups import Group, forecast_file
from foresell.store.tables import scan_table

MOST_SAMPLED = 400  # series whose sample paths are drawn while somebody waits
_DRAWS = 40_000  # of a series each, which take about half a second
_PATHS = (100, 400)  # the fewest and the most


@dataclass(frozen=True)
class SumRanges:
    """The lower and upper ends of the ranges of some sums, float64 [span], and why there are none: NaN then."""

    low: np.ndarray
    high: np.ndarray
    why: str = ""

    @classmethod
    def none(cls, count: int, why: str) -> SumRanges:
        return cls(np.full(count, np.nan), np.full(count, np.nan), why)


def shown_range(results: Results) -> tuple[float, float] | None:
    """The outer probabilities of the ranges on pages: of the quantiles that are made, the pair nearest to the range of
    the settings; None where there is no pair."""
    made = results.settings.output.quantiles
    pairs = [(p, q) for p in made for q in made if p < 0.5 and abs(p + q - 1) < 1e-9]
    wanted = results.settings.serving.range
    return min(pairs, key=lambda pair: abs(pair[1] - pair[0] - wanted), default=None)


def is_learnt(results: Results, group: Group) -> bool:
    """Whether the group is of a level that has forecasts, and ranges, of its own."""
    return any(set(level) == set(group.level) for level in results.hierarchy.levels)


def of_group(results: Results, group: Group, file: Path) -> pl.DataFrame:
    """The forecasts of a group in a table of forecasts: ``cutoff``, ``date``, ``mean``, ``low`` and ``high``, by date.

    `low` and `high` are null for a group that is of no level, whose means are sums of the single series.
    """
    table, none = scan_table(file), pl.lit(None, pl.Float64)
    columns = table.collect_schema().names()
    ends = [pl.col(quantile_column(p)) for p in shown_range(results) or ()]
    ends = [end for end in ends if end.meta.output_name() in columns]
    if is_learnt(results, group) and set(group.level) <= set(columns):
        level = next(level for level in results.hierarchy.levels if set(level) == set(group.level))
        here = [pl.col(name).cast(pl.String) == value for name, value in group.where.items()]
        low, high = ends if len(ends) == 2 else (none, none)
        rows = table.filter(pl.col("level") == level_name(level), *here)
        frame = rows.select("cutoff", "date", "mean", low.alias("low"), high.alias("high")).collect()
    else:
        means = _of_series(results, group.rows, table).group_by("cutoff", "date").agg(pl.col("mean").sum())
        frame = means.select("cutoff", "date", "mean", none.alias("low"), none.alias("high")).collect()
    return frame.with_columns(pl.col("mean", "low", "high").cast(pl.Float64)).sort("date")


def _of_series(results: Results, rows: np.ndarray, table: pl.LazyFrame) -> pl.LazyFrame:
    """The forecasts of single series, in the order of `rows`, with their place in it as ``__place``."""
    panel = results.panel
    keys = list(panel.keys)
    single = table.filter(pl.col("level") == level_name(panel.keys)) if "level" in table.collect_schema() else table
    wanted = panel.series[rows].select(keys).with_row_index("__place")
    kinds = single.collect_schema()
    typed = wanted.with_columns(pl.col(name).cast(pl.String).cast(kinds[name]) for name in keys)
    return single.join(typed.lazy(), on=keys, nulls_equal=True).sort("__place", "date")


def sum_ranges(project: ForecastProject, group: Group, spans: Sequence[slice]) -> SumRanges:
    """The ranges of the sums over spans of steps, from sample paths; none, and why, where these cannot be drawn."""
    ends = shown_range(project.results)
    if ends is None:
        return SumRanges.none(len(spans), "The settings make no quantiles that a range could have as its ends.")
    if len(group.rows) > MOST_SAMPLED:
        where = "".join(f" --where {name}={value}" for name, value in group.where.items())
        return SumRanges.none(
            len(spans),
            f"A range of sums of {many(len(group.rows), 'series', 'series')} takes too long to show here. "
            f"Compute it with: foresell demand --days N{where}",
        )
    try:
        paths = group_paths(project, group.rows)
    except ForesellError as error:
        return SumRanges.none(len(spans), f"There is no range of sums. {error}")
    one = Groups((), pl.DataFrame({"total": ["total"]}), np.zeros(len(group.rows), np.int32))
    (sums,) = paths.sums([one], spans, int(np.clip(_DRAWS // len(group.rows), *_PATHS)))
    whole = paths.ranges.whole
    low, high = round_quantiles(quantiles_of_sums(sums[0], ends, whole), whole).astype(np.float64)
    return SumRanges(low, high)


def group_paths(project: ForecastProject, rows: np.ndarray) -> SamplePaths:
    """What draws the sample paths of some series by the forecast as it stands; other series are not read.

    Raises UsageError or UnreadableFile where the model did not learn how days hang together.
    """
    results = project.results
    forecaster = Forecaster.of(results, project.choice())
    ranges, dependence = forecaster.ranges, forecaster.dependence
    part = results.panel.part(rows)
    means = _of_series(results, rows, scan_table(forecast_file(results))).select("date", "mean").collect()
    horizon = means.height // len(rows)
    mean = means["mean"].to_numpy().astype(np.float32).reshape(len(rows), horizon)
    dates = means["date"].head(horizon).to_numpy()
    forecast = Forecast(part.series.select(part.keys), part.keys, part.cutoff, dates, mean)
    return SamplePaths.of(forecast, part, results.hierarchy, ranges, dependence)


def earlier_forecasts(results: Results, group: Group, cutoff: object, most: int = 6) -> tuple[pl.DataFrame, str]:
    """The newest forecasts of the group before the one of `cutoff`, as `of_group`, and a sentence on what they are."""
    kept = [item for item in results.history.forecasts() if str(item.cutoff) < str(cutoff)][-most:]
    frames = [of_group(results, group, item.path) for item in kept]
    frames = [frame for frame in frames if frame.height]
    if frames:
        return pl.concat(frames).sort("cutoff", "date"), "Forecasts as they were made."
    files = sorted((results.folder("combine") / "forecasts").glob("[!.]*.parquet"))[-most:]
    if not files:
        return pl.DataFrame(schema={"cutoff": pl.Date, "date": pl.Date, "mean": pl.Float64}), (
            "No forecast is kept yet whose days have passed, and there is no backtest."
        )
    tests = []
    for file in files:
        means = _of_series(results, group.rows, scan_table(file)).group_by("cutoff", "date").agg(pl.col("mean").sum())
        tests.append(means.with_columns(pl.col("mean").cast(pl.Float64), low=None, high=None).collect())
    frame = pl.concat(tests).with_columns(pl.col("low", "high").cast(pl.Float64)).sort("cutoff", "date")
    return frame, (
        "No forecast is kept yet whose days have passed. These are the test forecasts of the backtest, made as if the "
        "later sales were not known."
    )
