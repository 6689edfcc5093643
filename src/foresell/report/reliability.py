"""Bias and autocorrelation of the champion's errors and calibration of its ranges, as sentences and charts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import polars as pl

from foresell.core.words import listed, name, number, share
from foresell.report.contents import Report

LEVELS_DRAWN = 4
SUMS_RANGE = 0.9
"""The range of sums over several days that is shown."""

_LEAST_BIAS = 0.01  # a smaller bias needs no explanation


@dataclass(frozen=True)
class ColumnChart:
    """A chart of columns in per cent.

    `spread` is how far noise may move a column either way, `clear` whether a column is beyond noise, and `across` the
    bias of all windows, empty or one value.
    """

    title: str
    names: list[str]
    values: list[float]
    spread: list[float]
    clear: list[bool]
    across: list[float]


def bias_charts(report: Report) -> list[ColumnChart]:
    """The bias by weekday (or month) and by step of the horizon."""
    if report.bias is None:
        return []
    noun = report.frequency.noun
    titles = {"hour": "By hour", "weekday": "By weekday", "month": "By month", "step": f"By {noun}s ahead"}
    whole = [100 * row["bias"] for row in report.bias.filter(by="all").drop_nulls("bias").to_dicts()]
    charts = []
    for by, title in titles.items():
        rows = report.bias.filter(pl.col("by") == by, pl.col("bias").is_not_null())
        if rows.height < 2:
            continue
        short = [
            part[: 2 if by == "hour" else 3] if by != "step" else part.replace(" to ", "–") for part in rows["part"]
        ]
        bias, noise = ((100 * rows[column]).fill_null(math.nan).to_list() for column in ("bias", "noise"))
        charts.append(ColumnChart(title, short, bias, noise, rows["clear"].to_list(), whole))
    return charts


def bias_sentence(report: Report) -> str:
    """One or two sentences: the bias over all windows, and the weekdays, months and steps that stand out."""
    rows = [] if report.bias is None else report.bias.filter(by="all").drop_nulls("bias").to_dicts()
    if not rows or report.bias is None:
        return ""
    bias, clear = rows[0]["bias"], rows[0]["clear"]
    side = f"{share(abs(bias))} too {'high' if bias > 0 else 'low'}"
    sentence = f"In sum over all windows the forecast was {side}"
    sentence += "" if abs(bias) < _LEAST_BIAS else ", more than chance explains" if clear else ", which may be chance"
    kinds = {"hour": "hour of the day", "weekday": "day of the week", "month": "month", "step": "part of the horizon"}
    parts = report.bias.filter(pl.col("by").is_in(list(kinds)))
    clear_parts = parts.filter("clear").to_dicts()
    if parts.is_empty():
        return sentence + "."
    if not clear_parts:
        kinds = {by: kind for by, kind in kinds.items() if by in parts["by"]}
        return f"{sentence}; no {' and no '.join(kinds.values())} stands out beyond noise."
    named = [
        f"{row['part'] if row['by'] != 'step' else report.frequency.noun + 's ' + row['part']} "
        f"({share(abs(row['apart']))} too {'high' if row['apart'] > 0 else 'low'} against the rest)"
        for row in clear_parts
    ]
    return f"{sentence}. Beyond noise, {listed(named)} stand{'s' if len(named) == 1 else ''} out."


def group_bias(report: Report) -> list[dict[str, Any]]:
    """The rows of the table ``bias`` for the largest groups of each level."""
    if report.bias is None:
        return []
    return report.bias.filter(pl.col("by") == "group", pl.col("bias").is_not_null()).to_dicts()


def autocorrelation_charts(report: Report) -> dict[str, tuple[list[str], list[float], float]]:
    """For the total and the single series: lags, autocorrelations, and the limit that chance stays within."""
    if report.correlation is None or report.correlation.is_empty():
        return {}
    names = report.correlation["level"].unique(maintain_order=True)
    charts = {}
    for level in dict.fromkeys((names[0], names[-1])):
        rows = report.correlation.filter(level=level)
        if rows.height > 1:
            bound = float(rows["bound"].mean())  # type: ignore[arg-type]
            charts[level] = ([str(lag) for lag in rows["lag"]], rows["autocorrelation"].to_list(), bound)
    return charts


def autocorrelation_sentence(report: Report) -> str:
    """One or two sentences: whether errors of the total continue on the next day, and repeat a season later."""
    if report.correlation is None:
        return ""
    top = report.correlation.filter(pl.col("level") == pl.col("level").first())
    by_lag = {row["lag"]: row for row in top.to_dicts()}
    if 1 not in by_lag:
        return ""
    noun, season = report.frequency.noun, report.frequency.season
    correlated = [lag for lag in (1, season) if lag in by_lag and by_lag[lag]["autocorrelation"] > by_lag[lag]["bound"]]
    if not correlated:
        return f"An error of one {noun} says little about that of the next: the errors look like noise."
    sentences = []
    if 1 in correlated:
        sentences.append(
            f"When one {noun}'s forecast of all sales is too high, the next {noun}'s probably is too (correlation "
            f"{number(by_lag[1]['autocorrelation'])}): errors add up over neighbouring {noun}s rather than cancel out."
        )
    if season in correlated and season > 1:
        sentences.append(
            f"Errors repeat {season} {noun}s later (correlation {number(by_lag[season]['autocorrelation'])}): part "
            "of the season is not learnt."
        )
    return " ".join(sentences)


def calibration_curves(report: Report) -> dict[str, tuple[list[float], list[float]]]:
    """For some levels, from the total to the single series: the expected and the observed shares below each
    quantile."""
    if report.calibration is None or report.calibration.is_empty():
        return {}
    names = report.calibration["level"].unique(maintain_order=True).to_list()
    positions = {round(number * (len(names) - 1) / max(LEVELS_DRAWN - 1, 1)) for number in range(LEVELS_DRAWN)}
    curves = {}
    for level in (names[position] for position in sorted(positions)):
        rows = report.calibration.filter(level=level).sort("probability")
        curves[level] = (rows["probability"].to_list(), rows["observed"].to_list())
    return curves


def calibration_sentence(report: Report) -> str:
    """Two sentences: the mean miss of the quantiles, and the largest one."""
    if report.calibration is None or report.calibration.is_empty():
        return ""
    worst = report.calibration.sort(pl.col("off").abs(), descending=True).row(0, named=True)
    mean_miss = float(report.calibration["off"].abs().mean())  # type: ignore[arg-type]
    return (
        f"In windows that the ranges were not learnt from, the share of sales below a quantile differs from the "
        f"expected share by {100 * mean_miss:.1f} percentage points on average. The largest difference is that of the "
        f"{share(worst['probability'])} quantile at the level {name(worst['level'])}: {share(worst['observed'])} of "
        "sales were below it."
    )


def sums_shown(report: Report) -> list[dict[str, Any]]:
    """How often the range of `SUMS_RANGE` of sums over several days held: one row for each level and number of days."""
    if report.sums is None or report.sums.is_empty():
        return []
    nearest = (pl.col("nominal") - SUMS_RANGE).abs()
    return report.sums.filter(nearest == nearest.min()).to_dicts()


def sums_sentence(report: Report) -> str:
    """Two sentences: how often the ranges of sums held on average, and where they did least as promised."""
    rows = sums_shown(report)
    if not rows:
        return ""
    nominal, noun = rows[0]["nominal"], report.frequency.noun
    mean = sum(row["coverage"] for row in rows) / len(rows)
    worst = max(rows, key=lambda row: abs(row["coverage"] - nominal))
    return (
        f"Of sums over several {noun}s, {share(mean)} lay in the {share(nominal)} range on average over levels and "
        f"lengths, in windows that the ranges were not learnt from. It was furthest off for sums over {worst['days']} "
        f"{noun}s at the level {name(worst['level'])}: {share(worst['coverage'])} in {worst['windows']} "
        f"window{'' if worst['windows'] == 1 else 's'}, with a standard error of {100 * worst['error']:.0f} points."
    )
