"""The search for better options in the report: sentences, the best error over the trials, and the importance."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from foresell.core.words import change, listed, many, name, score, share
from foresell.evaluate.search_record import SearchRecord
from foresell.report.contents import Tuning


def search_sentence(search: SearchRecord) -> str:
    """One or two sentences: the number of trials, the model, the data and the best trial."""
    part = many(search.series, "series", "series")
    if search.series < search.of_series:
        part = f"a sample of {search.series:,} of {search.of_series:,} series"
    early = [
        *([f"{search.pruned:,} stopped early"] if search.pruned else []),
        *([f"{search.failed:,} failed"] if search.failed else []),
    ]
    windows = ", ".join(search.windows)
    text = f"{many(search.trials, 'trial')} of {name(search.model)} on {part}, windows from {windows}"
    text += f"; {listed(early)}" if early else ""
    if search.start is None or search.best is None:
        return text
    before, after = search.start.wrmsse, search.best.wrmsse
    if search.best.number == 0:
        return f"{text}. None was better than the settings, WRMSSE {score(before)}"
    best = f"{score(after)} with trial {search.best.number}, {change(after / before - 1)}"
    return f"{text}. WRMSSE {score(before)} with the settings, {best}"


def confirmation_sentence(search: SearchRecord) -> str:
    """One or two sentences: whether the best trial is better in the backtest's windows too."""
    confirmed = search.confirmed
    if confirmed is None:
        return ""
    count = len(confirmed.windows)
    figures = f"{score(confirmed.settings)} with the settings, {score(confirmed.tuned)} with the best trial"
    where = (
        f"In the backtest's windows, which the search did not see, on all {confirmed.series:,} series: {figures}, "
        f"better in {confirmed.better_in} of {count}."
    )
    return where if confirmed.holds else f"{where} It does not hold there, so the settings stay as they were."


def importance_sentence(search: SearchRecord, most: int) -> str:
    """One sentence: the options that are most important for a trial to be among the best."""
    parts = [f"{option} {share(part)}" for option, part in list(search.importance.items())[:most] if part > 0]
    return f"The most important options: {listed(parts)}." if parts else ""


def history(tuning: Tuning) -> dict[str, tuple[list[float], list[float]]]:
    """The smallest WRMSSE up to each trial, in per cent against the settings: one line. Empty for a single trial."""
    errors = tuning.trials["wrmsse"].to_list()
    if len(errors) < 2 or errors[0] is None:
        return {}
    best, line = math.inf, []
    for error in errors:
        best = min(best, math.inf if error is None else error)
        line.append(100 * (best / errors[0] - 1))
    return {"best so far": ([float(number) for number in range(len(line))], line)}


def importance(tuning: Tuning) -> list[dict[str, Any]]:
    """The importance of each option, the largest first, with the value of the best trial, None where it has none."""
    options = {} if tuning.record.best is None else tuning.record.best.options
    rows = tuning.importance.filter(pl.col("importance") > 0).to_dicts()
    return [{**row, "best": _plain(options.get(row["option"]))} for row in rows]


def _plain(value: Any) -> str | None:
    return (", ".join(value) or "nothing") if isinstance(value, list) else None if value is None else str(value)
