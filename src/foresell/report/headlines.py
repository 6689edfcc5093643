"""The first thing a planner reads: what comes, how far to trust it, what was found; sentences made from the numbers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from foresell.core.finding import Severity
from foresell.core.words import change, many, more_or_less, name, number, share, span
from foresell.report.contents import Report, Story

ALL = "all"  # what the backtest calls all levels together


@dataclass(frozen=True)
class Headline:
    """A label, the one number to remember, and a sentence that says it in full."""

    label: str
    value: str
    sentence: str


def headlines(report: Report) -> list[Headline]:
    """Those headlines that the report has the numbers for."""
    made = [outlook(report), accuracy(report), bottom(report), findings(report)]
    return [headline for headline in made if headline is not None]


def total(report: Report) -> Story | None:
    """The story of all sales together."""
    return next((story for story in report.stories if story.why == "total"), None)


def outlook(report: Report) -> Headline | None:
    """What is expected over the horizon, against the same days a year ago."""
    story = total(report)
    if story is None:
        return None
    noun = report.frequency.noun
    ahead, value = f"Next {many(len(story.ahead), noun)}", f"{number(float(story.mean.sum()))} units"
    when = f"The forecast for {span(story.ahead[0], story.ahead[-1])} is {value}"
    if story.change is None:
        return Headline(
            ahead, value, f"{when}. The same {noun}s a year ago are not in the data, so there is nothing to compare."
        )
    compared = more_or_less(story.change)
    than = "in the same" if compared == "as much" else "than in the same"
    compared = "about as much as" if compared == "as much" else compared
    return Headline(ahead, value, f"{when}, {compared} {than} {noun}s a year ago ({number(story.last_year)}).")


def windows_won(report: Report, model: str) -> tuple[int, int]:
    """In how many windows `model` has a lower WRMSSE than the benchmark, of how many where both have one."""
    if report.levels is None or model == report.benchmark:
        return 0, 0
    overall = report.levels.filter(pl.col("level") == ALL).select("model", "cutoff", "wrmsse").drop_nulls()
    mine = overall.filter(pl.col("model") == model)
    theirs = overall.filter(pl.col("model") == report.benchmark)
    both = mine.join(theirs, on="cutoff", suffix="_benchmark")
    return both.filter(pl.col("wrmsse") < pl.col("wrmsse_benchmark")).height, both.height


def row_of(table: pl.DataFrame | None, **where: object) -> dict[str, object] | None:
    """The first row of `table` with these values, or None."""
    if table is None:
        return None
    rows = table.filter(*(pl.col(column) == value for column, value in where.items()))
    return rows.row(0, named=True) if rows.height else None


def accuracy(report: Report) -> Headline | None:
    """The champion's error against the benchmark's."""
    board = row_of(report.leaderboard, model=report.champion)
    if board is None:
        return None
    model, benchmark = name(report.champion), name(report.benchmark)
    tested = f"Tested on {many(int(str(board['windows'])), 'window')} of the past"
    if report.champion == report.benchmark:
        return Headline(
            "Best model", benchmark, f"{tested}, no model did better than {benchmark}, which repeats the last season."
        )
    if board["improvement"] is None:
        return Headline(
            "Model", model, f"{tested}. {benchmark.capitalize()} was not among the models, so there is no comparison."
        )
    ratio = -float(str(board["improvement"])) / 100
    won, of = windows_won(report, report.champion)
    words = more_or_less(ratio, "above", "below")
    where = f"the same as that of {benchmark}" if words == "as much" else f"{words} that of {benchmark}"
    often = {0: "in none of them", of: "in all of them"}.get(won, f"in {won} of them")
    sentence = f"{tested}, the error of {model} is {where}; it is better {often}."
    return Headline(f"Error against {benchmark}", change(ratio), sentence)


def bottom(report: Report) -> Headline | None:
    """How far a single series' day is off, and to which side."""
    board = row_of(report.leaderboard, model=report.champion)
    if board is None or board["wape"] is None:
        return None
    wape = float(str(board["wape"]))
    level = ([*report.found.levels] or ["single series"])[-1]
    one = f"For one {report.frequency.noun} of one series ({name(level)})"
    off = f"{one}, the forecast is off by {share(wape)} of what is sold"
    if board["bias"] is None:
        return Headline("Error of one series", share(wape), off + ".")
    bias = float(str(board["bias"]))
    lean = (
        "it leans to neither side"
        if abs(bias) < 0.005
        else f"in sum it is {share(abs(bias))} too {'high' if bias > 0 else 'low'}"
    )
    return Headline("Error of one series", share(wape), f"{off}; {lean}.")


def findings(report: Report) -> Headline:
    """How many findings there are, and how bad."""
    counts = {severity: sum(one.severity == severity for one in report.findings) for severity in Severity}
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    if not errors and not warnings:
        return Headline(
            "Data",
            "nothing to mend",
            f"The checks of the data found no errors and no warnings ({many(counts[Severity.INFO], 'remark')}).",
        )
    parts = [many(errors, "error")] * bool(errors) + [many(warnings, "warning")] * bool(warnings)
    return Headline(
        "Data",
        " and ".join(parts),
        "The checks of the data found things that want a look; they are listed below, the gravest first.",
    )
