"""The errors of the lives of `benchmarks/year.py` beside each other, as medians over the years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
from markdown_table import table
from year_events import BEGIN, HORIZON, KEYS, Event
from year_records import Life, Year

AFTER = 56
"""Days after an event began in which it is looked at by itself."""

Row = tuple[str, pl.Expr]


def errors(years: Sequence[Year], events: Sequence[Event], weeks: int) -> str:
    """The tables, and in which rows the loop does not help."""
    names = list(years[0].lives)
    spans = [*_quarters(weeks), ("all of it", pl.lit(True)), *(_around(each) for each in events)]
    found = {  # [life, year, span, figure]
        name: np.array([_figures_of(year.lives[name], year.rows, spans) for year in years]) for name in names
    }
    parts = [
        f"All forecasts up to {HORIZON} days ahead, made at every look, against what was sold; days out of stock are "
        "not known and count on neither side. Around an event: what it touched, in the "
        f"{AFTER // 7} weeks since it began, by the forecasts that were made since. Medians over {len(years)} years; "
        f"beside a loop's, by how much it is more or less than {names[0]} in the same year: median (least to most)."
    ]
    titles = (
        "WAPE of single series and days",
        "WAPE of the daily total of what is looked at",
        "Bias, forecast over sold",
    )
    for figure, title in enumerate(titles):
        by = {name: each[:, :, figure] for name, each in found.items()}
        bias = figure == 2
        rows = [(span, *_cells(by, place, bias)) for place, (span, _) in enumerate(spans)]
        columns = ["days", names[0], *(cell for name in names[1:] for cell in (name, "change"))]
        parts += [f"**{title}**", table(columns, rows)]
    parts.append(_verdict({name: each[:, :, 0] for name, each in found.items()}, [span for span, _ in spans]))
    return "\n\n".join(parts)


def _quarters(weeks: int) -> list[Row]:
    spans = []
    for number, first in enumerate(range(0, weeks, 13)):
        begin = BEGIN + timedelta(days=1 + 7 * first)
        last = BEGIN + timedelta(days=7 * min(first + 13, weeks))
        spans.append((f"quarter {number + 1}, {begin} to {last}", pl.col("date").is_between(begin, last)))
    return spans


def _around(event: Event) -> Row:
    last = event.first + timedelta(days=AFTER - 1)
    inside = event.rows() & (pl.col("date") <= last) & (pl.col("cutoff") >= event.first)
    return f"around: {event.name}, {event.first} to {last}", inside


def _figures_of(life: Life, rows: pl.DataFrame, spans: Sequence[Row]) -> list[tuple[float, float, float]]:
    """WAPE of series, WAPE of the daily total, bias of each span."""
    last = life.looks[-1].last
    known = (pl.col("date") > BEGIN) & (pl.col("date") <= last) & (pl.col("stocked_out") == 0)
    sold = rows.filter(known & pl.col("units").is_not_null())
    beside = pl.concat(life.forecasts).join(sold, on=[*KEYS, "date"])
    return [_figures(beside.filter(inside)) for _, inside in spans]


def _figures(frame: pl.DataFrame) -> tuple[float, float, float]:
    units = float(frame["units"].sum())
    if units == 0:
        return np.nan, np.nan, np.nan
    error = float((frame["mean"] - frame["units"]).abs().sum())
    days = frame.group_by("cutoff", "date").agg(pl.col("mean").sum(), pl.col("units").sum())
    total = float((days["mean"] - days["units"]).abs().sum())
    return error / units, total / units, float(frame["mean"].sum()) / units - 1


def _cells(by: dict[str, np.ndarray], place: int, bias: bool) -> list[str]:
    """One row: the first life's figure, and of each other its own and the change; arrays are [year, span]."""
    first, *others = (each[:, place] for each in by.values())
    if np.isnan(first).all():
        return ["–"] * (1 + 2 * len(others))
    cells = [_figure(float(np.median(first)), bias)]
    for each in others:
        change = each - first if bias else each / first - 1
        unit = " points" if bias else "%"
        middle, least, most = (f"{100 * of:+.1f}" for of in (np.median(change), change.min(), change.max()))
        cells += [_figure(float(np.median(each)), bias), f"{middle}{unit} ({least} to {most})"]
    return cells


def _figure(value: float, bias: bool) -> str:
    return f"{value:+.1%}" if bias else f"{value:.3f}"


def _verdict(wape: dict[str, np.ndarray], spans: Sequence[str]) -> str:
    """In which rows of the first table a loop errs less, and in which more, in the median of the years."""
    first, *others = wape
    lines = []
    for name in others:
        change = np.median(wape[name] / wape[first] - 1, axis=0)
        less = [span.partition(",")[0] for span, each in zip(spans, change, strict=True) if each <= -0.005]
        more = [span.partition(",")[0] for span, each in zip(spans, change, strict=True) if each >= 0.005]
        lines.append(
            f"- {name}: errs less than {first} by half a per cent or more in {_listed(less)}; by as much more in "
            f"{_listed(more)}; about the same in the rest."
        )
    return "\n".join(["By the WAPE of single series:", "", *lines])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
