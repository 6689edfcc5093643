"""The rows of the report's tables: scores of the backtest and drivers of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from foresell.core.words import name
from foresell.report.contents import Report
from foresell.report.headlines import ALL, windows_won

DRIVERS_SHOWN = 15
LINES_SHOWN = 5


@dataclass(frozen=True)
class LeaderboardRow:
    """One model of the leaderboard.

    `windows` are its WRMSSE by window, the earliest first. `won` is the number of windows in which it is better than
    the benchmark, and the number of windows in which both have a score.
    """

    model: str
    champion: bool
    wrmsse: float | None
    improvement: float | None  # as a share: 0.21 is 21 % below the benchmark
    wape: float | None
    bias: float | None
    rmsse: float | None
    seconds: float | None
    windows: tuple[float, ...]
    won: tuple[int, int]


@dataclass(frozen=True)
class ComparisonRow:
    """A level or a segment: the champion's scores, and the WRMSSE of the `benchmark`, None where it has none."""

    label: str
    series: int
    wrmsse: float | None
    benchmark: float | None
    wape: float | None
    bias: float | None

    @property
    def ratio(self) -> float | None:
        """The champion's error over the benchmark's, less 1."""
        if self.wrmsse is None or not self.benchmark:
            return None
        return self.wrmsse / self.benchmark - 1


def leaderboard(report: Report) -> list[LeaderboardRow]:
    """The rows of the leaderboard, the best model first."""
    if report.leaderboard is None:
        return []
    entries: list[LeaderboardRow] = []
    for row in report.leaderboard.sort("wrmsse", nulls_last=True, maintain_order=True).iter_rows(named=True):
        improvement = row["improvement"]
        entries.append(
            LeaderboardRow(
                model=name(row["model"]),
                champion=row["model"] == report.champion,
                wrmsse=row["wrmsse"],
                improvement=None if improvement is None or row["model"] == report.benchmark else improvement / 100,
                wape=row["wape"],
                bias=row["bias"],
                rmsse=row["rmsse"],
                seconds=row["seconds"],
                windows=_by_window(report, row["model"]),
                won=windows_won(report, row["model"]),
            )
        )
    return entries


def _by_window(report: Report, model: str) -> tuple[float, ...]:
    """The WRMSSE of `model` by window, the earliest first; NaN where it has none."""
    if report.levels is None:
        return ()
    rows = report.levels.filter(pl.col("model") == model, pl.col("level") == ALL).sort("cutoff")
    return tuple(math.nan if value is None else value for value in rows["wrmsse"])


def by_level(report: Report) -> list[ComparisonRow]:
    """The champion's scores at each level, from all levels together to the single series, as means over the windows."""
    if report.levels is None:
        return []
    compared = _compare(report, report.levels, ["level"])
    return [_comparison_row(row, "all levels together" if row["level"] == ALL else row["level"]) for row in compared]


def by_segment(report: Report) -> dict[str, list[ComparisonRow]]:
    """The champion's scores in each segment, by the division of the series; the largest error comes first."""
    if report.segments is None:
        return {}
    segments: dict[str, list[ComparisonRow]] = {}
    for row in _compare(report, report.segments, ["by", "segment"]):
        segments.setdefault(name(row["by"]), []).append(_comparison_row(row, row["segment"]))
    return {by: sorted(rows, key=lambda row: -(row.wrmsse or 0)) for by, rows in segments.items()}


def _compare(report: Report, table: pl.DataFrame, by: list[str]) -> list[dict]:
    """The champion's mean scores in `table` by the columns `by`, with the benchmark's WRMSSE as ``benchmark``."""
    scores = ["wrmsse", "wape", "bias"]
    means = table.group_by("model", *by, maintain_order=True).agg(pl.col("series").max(), pl.col(scores).mean())
    champion = means.filter(pl.col("model") == report.champion)
    other = "" if report.champion == report.benchmark else report.benchmark
    reference = means.filter(pl.col("model") == other).select(*by, benchmark="wrmsse")
    return champion.join(reference, on=by, how="left", maintain_order="left").to_dicts()


def _comparison_row(row: dict, label: str) -> ComparisonRow:
    return ComparisonRow(label, row["series"], row["wrmsse"], row["benchmark"], row["wape"], row["bias"])


def by_step(report: Report) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """WAPE in per cent by step for the total and the single series: for each level, (steps, errors) by model.

    The champion comes first, then the benchmark, then the others. A horizon of one step has no such table.
    """
    if report.steps is None or report.horizon < 2:
        return {}
    models = [*dict.fromkeys([report.champion, report.benchmark, *report.steps["model"].to_list()])][:LINES_SHOWN]
    levels = list(dict.fromkeys([*report.steps["level"].head(1), *report.steps["level"].tail(1)]))
    means = report.steps.group_by("model", "level", "step").agg(pl.col("wape").mean()).sort("step")
    by_level = {}
    for level in levels:
        curves = {}
        for model in models:
            rows = means.filter(pl.col("model") == model, pl.col("level") == level).drop_nulls("wape")
            if rows.height > 1:
                curves[name(model)] = ([float(step) for step in rows["step"]], [100 * value for value in rows["wape"]])
        if curves:
            by_level[level] = curves
    return by_level


@dataclass(frozen=True)
class Driver:
    """A feature and its share of the model's gain in accuracy; `feature` is None for the sum of the weak ones."""

    feature: str | None
    meaning: str
    share: float


def drivers(report: Report) -> list[Driver]:
    """The features of the model, the strongest first; the weak ones are summed in the last row."""
    if report.drivers is None or report.drivers.is_empty():
        return []
    table = report.drivers.sort("share", descending=True, maintain_order=True)
    meanings = table["meaning"].fill_null("").to_list() if "meaning" in table.columns else [""] * table.height
    all_drivers = [
        Driver(*row) for row in zip(table["feature"].to_list(), meanings, table["share"].to_list(), strict=True)
    ]
    rest = all_drivers[DRIVERS_SHOWN:]
    if len(rest) < 2:
        return all_drivers
    sum_of_rest = Driver(None, f"{len(rest)} others together", sum(driver.share for driver in rest))
    return [*all_drivers[:DRIVERS_SHOWN], sum_of_rest]
