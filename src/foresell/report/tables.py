"""The backtest's tables of scores and the model's drivers, as rows ready to be shown."""

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
class Entry:
    """One model of the leaderboard; `windows` are its WRMSSE by window, the earliest first."""

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
class Compared:
    """A level or segment: the champion's scores, and the benchmark's WRMSSE beside them (None where there is none)."""

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


def leaderboard(report: Report) -> list[Entry]:
    """The models, the best first."""
    if report.leaderboard is None:
        return []
    entries = []
    for row in report.leaderboard.sort("wrmsse", nulls_last=True, maintain_order=True).iter_rows(named=True):
        improvement = row["improvement"]
        entries.append(
            Entry(
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
    if report.levels is None:
        return ()
    rows = report.levels.filter(pl.col("model") == model, pl.col("level") == ALL).sort("cutoff")
    return tuple(math.nan if value is None else value for value in rows["wrmsse"])


def by_level(report: Report) -> list[Compared]:
    """The champion at each level, from all together down to the single series; means over the windows."""
    if report.levels is None:
        return []
    compared = _compare(report, report.levels, ["level"])
    return [_compared(row, "all levels together" if row["level"] == ALL else row["level"]) for row in compared]


def by_segment(report: Report) -> dict[str, list[Compared]]:
    """The champion in each segment, by what divides the series; within one, the largest error first."""
    if report.segments is None:
        return {}
    found: dict[str, list[Compared]] = {}
    for row in _compare(report, report.segments, ["by", "segment"]):
        found.setdefault(name(row["by"]), []).append(_compared(row, row["segment"]))
    return {by: sorted(rows, key=lambda row: -(row.wrmsse or 0)) for by, rows in found.items()}


def _compare(report: Report, table: pl.DataFrame, by: list[str]) -> list[dict]:
    scores = ["wrmsse", "wape", "bias"]
    means = table.group_by("model", *by, maintain_order=True).agg(pl.col("series").max(), pl.col(scores).mean())
    champion = means.filter(pl.col("model") == report.champion)
    other = "" if report.champion == report.benchmark else report.benchmark
    reference = means.filter(pl.col("model") == other).select(*by, benchmark="wrmsse")
    return champion.join(reference, on=by, how="left", maintain_order="left").to_dicts()


def _compared(row: dict, label: str) -> Compared:
    return Compared(label, row["series"], row["wrmsse"], row["benchmark"], row["wape"], row["bias"])


def by_step(report: Report) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """WAPE in per cent by step for the total and the single series: for each level, (steps, errors) by model.

    The champion comes first, then the benchmark, then the rest. A horizon of one step makes no line.
    """
    if report.steps is None or report.horizon < 2:
        return {}
    models = [*dict.fromkeys([report.champion, report.benchmark, *report.steps["model"].to_list()])][:LINES_SHOWN]
    levels = list(dict.fromkeys([*report.steps["level"].head(1), *report.steps["level"].tail(1)]))
    means = report.steps.group_by("model", "level", "step").agg(pl.col("wape").mean()).sort("step")
    found = {}
    for level in levels:
        curves = {}
        for model in models:
            rows = means.filter(pl.col("model") == model, pl.col("level") == level).drop_nulls("wape")
            if rows.height > 1:
                curves[name(model)] = ([float(step) for step in rows["step"]], [100 * value for value in rows["wape"]])
        if curves:
            found[level] = curves
    return found


@dataclass(frozen=True)
class Driver:
    """A feature and its share of what the model gained; `feature` is None for the weak ones taken together."""

    feature: str | None
    meaning: str
    share: float


def drivers(report: Report) -> list[Driver]:
    """What the model goes by, the strongest first; the weak ones together at the end."""
    if report.drivers is None or report.drivers.is_empty():
        return []
    table = report.drivers.sort("share", descending=True, maintain_order=True)
    meanings = table["meaning"].fill_null("").to_list() if "meaning" in table.columns else [""] * table.height
    found = [Driver(*row) for row in zip(table["feature"].to_list(), meanings, table["share"].to_list(), strict=True)]
    rest = found[DRIVERS_SHOWN:]
    if len(rest) < 2:
        return found
    return [*found[:DRIVERS_SHOWN], Driver(None, f"{len(rest)} others together", sum(one.share for one in rest))]
