"""Where the champion's errors lean, whether they last and whether its ranges hold: sentences first, then the charts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import polars as pl

from foresell.core.words import listed, name, number, share
from foresell.report.contents import Report

LEVELS_DRAWN = 4
_NOTHING = 0.01  # a bias below this is not worth a word


@dataclass(frozen=True)
class Columns:
    """A chart of columns, in per cent: `spread` is what noise may make, `across` the bias of the whole."""

    title: str
    names: list[str]
    values: list[float]
    spread: list[float]
    clear: list[bool]
    across: list[float]


def leaning(report: Report) -> list[Columns]:
    """The bias by weekday (or month) and by how far ahead."""
    if report.bias is None:
        return []
    noun = report.frequency.noun
    titles = {"weekday": "By weekday", "month": "By month", "step": f"By how many {noun}s ahead"}
    whole = [100 * row["bias"] for row in report.bias.filter(by="all").drop_nulls("bias").to_dicts()]
    made = []
    for by, title in titles.items():
        rows = report.bias.filter(pl.col("by") == by, pl.col("bias").is_not_null())
        if rows.height < 2:
            continue
        short = [part[:3] if by != "step" else part.replace(" to ", "–") for part in rows["part"]]
        bias, noise = ((100 * rows[column]).fill_null(math.nan).to_list() for column in ("bias", "noise"))
        made.append(Columns(title, short, bias, noise, rows["clear"].to_list(), whole))
    return made


def lean(report: Report) -> str:
    """One sentence: to which side the forecast leans in sum, and which parts stand out."""
    rows = [] if report.bias is None else report.bias.filter(by="all").drop_nulls("bias").to_dicts()
    if not rows or report.bias is None:
        return ""
    bias, clear = rows[0]["bias"], rows[0]["clear"]
    side = f"{share(abs(bias))} too {'high' if bias > 0 else 'low'}"
    told = f"In sum over all windows the forecast was {side}"
    told += "" if abs(bias) < _NOTHING else ", more than chance explains" if clear else ", which may well be chance"
    kinds = {"weekday": "day of the week", "month": "month", "step": "part of the horizon"}
    parts = report.bias.filter(pl.col("by").is_in(list(kinds)))
    some = parts.filter("clear").to_dicts()
    if parts.is_empty():
        return told + "."
    if not some:
        kinds = {by: kind for by, kind in kinds.items() if by in parts["by"]}
        return f"{told}; no {' and no '.join(kinds.values())} stands out beyond noise."
    named = [
        f"{row['part'] if row['by'] != 'step' else report.frequency.noun + 's ' + row['part']} "
        f"({share(abs(row['apart']))} too {'high' if row['apart'] > 0 else 'low'} against the rest)"
        for row in some
    ]
    return f"{told}. Beyond noise, {listed(named)} stand{'s' if len(named) == 1 else ''} out."


def groups(report: Report) -> list[dict[str, Any]]:
    """The largest groups of each level, with their bias and whether it is beyond noise."""
    if report.bias is None:
        return []
    return report.bias.filter(pl.col("by") == "group", pl.col("bias").is_not_null()).to_dicts()


def lasting(report: Report) -> dict[str, tuple[list[str], list[float], float]]:
    """For the total and the single series: lags, autocorrelations, and how large chance makes them."""
    if report.correlation is None or report.correlation.is_empty():
        return {}
    names = report.correlation["level"].unique(maintain_order=True)
    found = {}
    for level in dict.fromkeys((names[0], names[-1])):
        rows = report.correlation.filter(level=level)
        if rows.height > 1:
            bound = float(rows["bound"].mean())  # type: ignore[arg-type]
            found[level] = ([str(lag) for lag in rows["lag"]], rows["autocorrelation"].to_list(), bound)
    return found


def last(report: Report) -> str:
    """One sentence: whether the errors of the total come in runs, or come again a season later."""
    if report.correlation is None:
        return ""
    top = report.correlation.filter(pl.col("level") == pl.col("level").first())
    found = {row["lag"]: row for row in top.to_dicts()}
    if 1 not in found:
        return ""
    noun, season = report.frequency.noun, report.frequency.season
    alike = [lag for lag in (1, season) if lag in found and found[lag]["autocorrelation"] > found[lag]["bound"]]
    if not alike:
        return f"An error of one {noun} says little about that of the next: the errors look like noise."
    told = []
    if 1 in alike:
        told.append(
            f"When one {noun}'s forecast of all sales is too high, the next {noun}'s probably is too (correlation "
            f"{number(found[1]['autocorrelation'])}): errors add up over neighbouring {noun}s rather than cancel out."
        )
    if season in alike and season > 1:
        told.append(
            f"Errors come again {season} {noun}s later (correlation {number(found[season]['autocorrelation'])}): part "
            "of the season is not learnt."
        )
    return " ".join(told)


def calibrated(report: Report) -> dict[str, tuple[list[float], list[float]]]:
    """For some levels, from the total to the single series: shares that should lie below, and shares that do."""
    if report.calibration is None or report.calibration.is_empty():
        return {}
    names = report.calibration["level"].unique(maintain_order=True).to_list()
    spots = sorted({round(place * (len(names) - 1) / max(LEVELS_DRAWN - 1, 1)) for place in range(LEVELS_DRAWN)})
    found = {}
    for level in (names[spot] for spot in spots):
        rows = report.calibration.filter(level=level).sort("probability")
        found[level] = (rows["probability"].to_list(), rows["observed"].to_list())
    return found


def holds(report: Report) -> str:
    """One sentence: how far the quantiles are off, and where most."""
    if report.calibration is None or report.calibration.is_empty():
        return ""
    worst = report.calibration.sort(pl.col("off").abs(), descending=True).row(0, named=True)
    usual = float(report.calibration["off"].abs().mean())  # type: ignore[arg-type]
    return (
        f"On windows that they were not learnt from, the quantiles miss what they promise by {100 * usual:.1f} "
        f"percentage points on average. Furthest off is {share(worst['probability'])} at the level "
        f"{name(worst['level'])}: {share(worst['observed'])} of what was sold lay below it."
    )
