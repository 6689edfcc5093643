"""What a search for better options found: sentences, the history of the best, and what mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from foresell.core.words import change, listed, many, name, score, share
from foresell.report.contents import Tuning


def searched(of: Mapping[str, Any]) -> str:
    """One sentence: how many trials of which model, on what, and the best of them; `of` is the search's summary."""
    part = many(of["series"], "series", "series")
    if of["series"] < of["of_series"]:
        part = f"a sample of {of['series']:,} of {of['of_series']:,} series"
    early = [
        *([f"{of['pruned']:,} stopped early"] if of["pruned"] else []),
        *([f"{of['failed']:,} failed"] if of["failed"] else []),
    ]
    told = f"{many(of['trials'], 'trial')} of {name(of['model'])} on {part}, windows from {', '.join(of['windows'])}"
    told += f"; {listed(early)}" if early else ""
    if not of["start"] or not of["best"]:
        return told
    before, after = of["start"]["wrmsse"], of["best"]["wrmsse"]
    if not of["best"]["number"]:
        return f"{told}. None was better than the settings, WRMSSE {score(before)}"
    best = f"{score(after)} with trial {of['best']['number']}, {change(after / before - 1)}"
    return f"{told}. WRMSSE {score(before)} with the settings, {best}"


def concluded(of: Mapping[str, Any]) -> str:
    """One sentence: whether the best trial is better in windows that the search did not see, too."""
    seen = of["confirmed"]
    if not seen:
        return ""
    count = len(seen["windows"])
    figures = f"{score(seen['settings'])} with the settings, {score(seen['tuned'])} with the best trial"
    where = (
        f"In the backtest's windows, which the search did not see, on all {seen['series']:,} series: {figures}, better "
        f"in {seen['better_in']} of {count}."
    )
    return where if seen["holds"] else f"{where} It does not hold there, so the settings stay as they were."


def mattered(of: Mapping[str, Any], most: int) -> str:
    """One sentence: the options that mattered most for being among the best trials."""
    found = [f"{option} {share(part)}" for option, part in list(of["importance"].items())[:most] if part > 0]
    return f"What mattered most: {listed(found)}." if found else ""


def history(of: Tuning) -> dict[str, tuple[list[float], list[float]]]:
    """The least WRMSSE so far over the trials, in per cent against the settings: one line. Empty for a single trial."""
    errors = of.trials["wrmsse"].to_list()
    if len(errors) < 2 or errors[0] is None:
        return {}
    best, line = math.inf, []
    for error in errors:
        best = min(best, math.inf if error is None else error)
        line.append(100 * (best / errors[0] - 1))
    return {"best so far": ([float(place) for place in range(len(line))], line)}


def importance(of: Tuning) -> list[dict[str, Any]]:
    """How much each option matters, the most first, with the value of the best trial (None where it has none)."""
    options = (of.summary["best"] or {}).get("options", {})
    rows = of.importance.filter(pl.col("importance") > 0).to_dicts()
    return [{**row, "best": _plain(options.get(row["option"]))} for row in rows]


def _plain(value: Any) -> str | None:
    return (", ".join(value) or "nothing") if isinstance(value, list) else None if value is None else str(value)
