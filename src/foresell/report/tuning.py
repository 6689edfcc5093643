"""The search for better options in the report: sentences, the best error over the trials, and the importance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from foresell.core.words import change, listed, many, name, score, share
from foresell.report.contents import Tuning


def search_sentence(summary: Mapping[str, Any]) -> str:
    """One or two sentences: the number of trials, the model, the data and the best trial; `summary` is the search's."""
    part = many(summary["series"], "series", "series")
    if summary["series"] < summary["of_series"]:
        part = f"a sample of {summary['series']:,} of {summary['of_series']:,} series"
    early = [
        *([f"{summary['pruned']:,} stopped early"] if summary["pruned"] else []),
        *([f"{summary['failed']:,} failed"] if summary["failed"] else []),
    ]
    windows = ", ".join(summary["windows"])
    text = f"{many(summary['trials'], 'trial')} of {name(summary['model'])} on {part}, windows from {windows}"
    text += f"; {listed(early)}" if early else ""
    if not summary["start"] or not summary["best"]:
        return text
    before, after = summary["start"]["wrmsse"], summary["best"]["wrmsse"]
    if not summary["best"]["number"]:
        return f"{text}. None was better than the settings, WRMSSE {score(before)}"
    best = f"{score(after)} with trial {summary['best']['number']}, {change(after / before - 1)}"
    return f"{text}. WRMSSE {score(before)} with the settings, {best}"


def confirmation_sentence(summary: Mapping[str, Any]) -> str:
    """One or two sentences: whether the best trial is better in the backtest's windows too."""
    confirmed = summary["confirmed"]
    if not confirmed:
        return ""
    count = len(confirmed["windows"])
    figures = f"{score(confirmed['settings'])} with the settings, {score(confirmed['tuned'])} with the best trial"
    where = (
        f"In the backtest's windows, which the search did not see, on all {confirmed['series']:,} series: {figures}, "
        f"better in {confirmed['better_in']} of {count}."
    )
    return where if confirmed["holds"] else f"{where} It does not hold there, so the settings stay as they were."


def importance_sentence(summary: Mapping[str, Any], most: int) -> str:
    """One sentence: the options that are most important for a trial to be among the best."""
    parts = [f"{option} {share(part)}" for option, part in list(summary["importance"].items())[:most] if part > 0]
    return f"The most important options: {listed(parts)}." if parts else ""


def history(search: Tuning) -> dict[str, tuple[list[float], list[float]]]:
    """The smallest WRMSSE up to each trial, in per cent against the settings: one line. Empty for a single trial."""
    errors = search.trials["wrmsse"].to_list()
    if len(errors) < 2 or errors[0] is None:
        return {}
    best, line = math.inf, []
    for error in errors:
        best = min(best, math.inf if error is None else error)
        line.append(100 * (best / errors[0] - 1))
    return {"best so far": ([float(number) for number in range(len(line))], line)}


def importance(search: Tuning) -> list[dict[str, Any]]:
    """The importance of each option, the largest first, with the value of the best trial, None where it has none."""
    options = (search.summary["best"] or {}).get("options", {})
    rows = search.importance.filter(pl.col("importance") > 0).to_dicts()
    return [{**row, "best": _plain(options.get(row["option"]))} for row in rows]


def _plain(value: Any) -> str | None:
    return (", ".join(value) or "nothing") if isinstance(value, list) else None if value is None else str(value)
