"""One window of a backtest: the actuals of every level after the cutoff, and the scores of a forecast of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.evaluate.metrics import METRICS, summary
from foresell.evaluate.weights import Weights

ALL_LEVELS = "all"
"""The name of all levels together in the tables, which have a WRMSSE only."""


@dataclass(frozen=True)
class EvaluationWindow:
    """The actuals of one window, with the weights that forecasts of it are scored with.

    - `known`: bool [series, step]: whether the single series' actual is known. Days that are not known are left out
      of the actuals and of the forecast before either is added up, so that both sums have the same days.
    - `actual`: float64 [series of the level, step] for each level; NaN where none of a group's series is known.
    - `segments`: one row a series, one column for each way to divide them.
    """

    cutoff: date
    groups: tuple[Groups, ...]
    known: np.ndarray
    actual: tuple[np.ndarray, ...]
    weights: Weights
    segments: pl.DataFrame

    @classmethod
    def of(
        cls, panel: Panel, cutoff: int, horizon: int, hierarchy: Hierarchy, weights: Weights, segments: pl.DataFrame
    ) -> EvaluationWindow:
        """The `horizon` days after day `cutoff` of `panel`, whose history reaches past them."""
        groups = tuple(hierarchy.all_groups(panel.series))
        units = panel.units[:, cutoff + 1 : cutoff + 1 + horizon]
        known = ~np.isnan(units)
        actual = tuple(_add_up(level, units, known) for level in groups)
        return cls(panel.until(cutoff).cutoff, groups, known, actual, weights, segments)

    def score(self, mean: np.ndarray) -> dict[str, pl.DataFrame]:
        """The tables ``levels``, ``segments`` and ``steps`` (see `backtest.Backtest`) of a forecast [series, step]."""
        levels, steps = [], []
        forecast = mean
        for number, level in enumerate(self.groups):
            forecast = _add_up(level, mean, self.known)
            values = (self.actual[number], forecast, self.weights.scale[number], self.weights.weight[number])
            points = np.sum(~np.isnan(self.actual[number]), axis=0)
            name = {"level": level_name(level.level), "series": len(level)}
            levels.append(name | {"points": int(points.sum())} | _plain(summary(*values)))
            steps.append(_steps(name, points, summary(*values, by_step=True)))
        return {
            "levels": self._with_overall(levels),
            "segments": self._segments(forecast),
            "steps": pl.concat(steps),
        }

    def _with_overall(self, rows: list[dict[str, object]]) -> pl.DataFrame:
        """The rows of the levels, after a row of all levels together: the mean of their WRMSSE by their weights."""
        frame = _table_of_scores(rows)
        share = np.array([weight.sum() for weight in self.weights.weight])
        wrmsse = frame["wrmsse"].to_numpy().astype(np.float64)
        share = np.where(np.isnan(wrmsse), 0, share)
        overall = float(np.nansum(wrmsse * share) / share.sum()) if share.sum() > 0 else None
        first = pl.DataFrame({"level": [ALL_LEVELS], "series": [int(frame["series"].sum())], "wrmsse": [overall]})
        frame = pl.concat([first.cast({"wrmsse": pl.Float64}), frame], how="diagonal").select(frame.columns)
        return frame.with_columns(weights=pl.lit(self.weights.source))

    def _segments(self, forecast: np.ndarray) -> pl.DataFrame:
        """Scores of the single series, by segment."""
        actual, scale, weight = self.actual[-1], self.weights.scale[-1], self.weights.weight[-1]
        rows = []
        for column in self.segments.columns:
            labels = self.segments[column].to_numpy()
            for label in sorted(set(labels)):
                part = labels == label
                scores = summary(actual[part], forecast[part], scale[part], weight[part])
                points = int(np.sum(~np.isnan(actual[part])))
                name = {"by": column, "segment": label, "series": int(part.sum()), "points": points}
                rows.append(name | _plain(scores))
        return _table_of_scores(rows)


def _table_of_scores(rows: list[dict[str, object]]) -> pl.DataFrame:
    """The rows as a table; a score that no row has, as of a window without sales, is a column of numbers, too."""
    return pl.DataFrame(rows, infer_schema_length=None, strict=False).with_columns(pl.col(pl.Null).cast(pl.Float64))


def _add_up(level: Groups, values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Sums over the known days of each group [group, step]; NaN where it has none."""
    if len(level) == len(known):
        order = np.argsort(level.rows, kind="stable")
        return np.where(known, values, np.nan).astype(np.float64)[order]
    total = level.sum(np.where(known, values, 0))
    if not known.all():
        total[level.sum(known.astype(np.float32)) == 0] = np.nan
    return total


def _plain(scores: dict[str, np.ndarray]) -> dict[str, object]:
    """The scores as numbers of Python, with None in place of NaN."""
    plain = {name: value.item() for name, value in scores.items()}
    return {name: None if value != value else value for name, value in plain.items()}


def _steps(name: dict[str, object], points: np.ndarray, scores: dict[str, np.ndarray]) -> pl.DataFrame:
    """The scores of one level, one row for each step."""
    columns = {"step": np.arange(1, len(points) + 1, dtype=np.int16), "points": points}
    frame = pl.DataFrame(columns | {metric: scores[metric] for metric in METRICS})
    return frame.select(*(pl.lit(value).alias(column) for column, value in name.items()), pl.all()).with_columns(
        pl.col(metric).fill_nan(None) for metric in METRICS if metric != "mape_left_out"
    )
