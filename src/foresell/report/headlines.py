"""The headlines of the report: the forecast, its accuracy and the findings, as sentences with numbers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from foresell.core.finding import Severity
from foresell.core.words import change, columns, many, more_or_less, name, number, share, span
from foresell.report.contents import Report, SeriesExample

ALL = "all"  # the name of all levels together in the tables of the backtest


@dataclass(frozen=True)
class Headline:
    """A label, the most important number, and a full sentence."""

    label: str
    value: str
    sentence: str


def headlines(report: Report) -> list[Headline]:
    """The headlines whose numbers the report has."""
    candidates = [outlook(report), accuracy(report), series_error(report), findings(report)]
    return [headline for headline in candidates if headline is not None]


def total(report: Report) -> SeriesExample | None:
    """The example of all sales together."""
    return next((example for example in report.examples if example.reason == "total"), None)


def outlook(report: Report) -> Headline | None:
    """The forecast of all sales over the horizon, compared with the same days a year ago."""
    example = total(report)
    if example is None:
        return None
    noun = report.frequency.noun
    label, value = f"Next {many(len(example.ahead), noun)}", f"{number(float(example.mean.sum()))} units"
    when = f"The forecast for {span(example.ahead[0], example.ahead[-1])} is {value}"
    if example.change is None:
        return Headline(
            label, value, f"{when}. The data do not have the same {noun}s a year ago, so there is no comparison."
        )
    compared = more_or_less(example.change)
    than = "in the same" if compared == "as much" else "than in the same"
    compared = "about as much as" if compared == "as much" else compared
    return Headline(label, value, f"{when}, {compared} {than} {noun}s a year ago ({number(example.last_year)}).")


def windows_won(report: Report, model: str) -> tuple[int, int]:
    """The number of windows in which `model` has a lower WRMSSE than the benchmark, and of windows in which both have
    one."""
    if report.levels is None or model == report.benchmark:
        return 0, 0
    overall = report.levels.filter(pl.col("level") == ALL).select("model", "cutoff", "wrmsse").drop_nulls()
    scores = overall.filter(pl.col("model") == model)
    reference = overall.filter(pl.col("model") == report.benchmark)
    both = scores.join(reference, on="cutoff", suffix="_benchmark")
    return both.filter(pl.col("wrmsse") < pl.col("wrmsse_benchmark")).height, both.height


def row_of(table: pl.DataFrame | None, **where: object) -> dict[str, object] | None:
    """The first row of `table` with these values, or None."""
    if table is None:
        return None
    rows = table.filter(*(pl.col(column) == value for column, value in where.items()))
    return rows.row(0, named=True) if rows.height else None


def model_name(model: str) -> str:
    """The name of a model inside a sentence.

    >>> model_name("ensemble"), model_name("moving_average")
    ('the ensemble', 'moving average')
    """
    return f"the {model}" if model == "ensemble" else name(model)


def accuracy(report: Report) -> Headline | None:
    """The champion's error against the benchmark's."""
    board = row_of(report.leaderboard, model=report.champion)
    if board is None:
        return None
    model, benchmark = model_name(report.champion), name(report.benchmark)
    tested = f"Tested on {many(int(str(board['windows'])), 'window')} of the past"
    if report.champion == report.benchmark:
        return Headline(
            "Best model", benchmark, f"{tested}, no model was better than {benchmark}, which repeats the last season."
        )
    if board["improvement"] is None:
        return Headline(
            "Model",
            name(report.champion),
            f"{tested}. {benchmark.capitalize()} was not among the models, so there is no comparison.",
        )
    ratio = -float(str(board["improvement"])) / 100
    won, of = windows_won(report, report.champion)
    words = more_or_less(ratio, "above", "below")
    where = f"the same as that of {benchmark}" if words == "as much" else f"{words} that of {benchmark}"
    often = {0: "in none of them", of: "in all of them"}.get(won, f"in {won} of them")
    sentence = f"{tested}, the error of {model} is {where}; it is better {often}."
    return Headline(f"Error against {benchmark}", change(ratio), sentence)


def series_error(report: Report) -> Headline | None:
    """The error of one day of a single series, and its bias."""
    board = row_of(report.leaderboard, model=report.champion)
    if board is None or board["wape"] is None:
        return None
    wape = float(str(board["wape"]))
    level = ([*report.data.levels] or ["single series"])[-1]
    one = f"For one {report.frequency.noun} of one series ({columns(level)})"
    error = f"{one}, the error of the forecast is {share(wape)} of the units sold"
    if board["bias"] is None:
        return Headline("Error of one series", share(wape), error + ".")
    bias = float(str(board["bias"]))
    side = (
        "in sum it is neither too high nor too low"
        if abs(bias) < 0.005
        else f"in sum it is {share(abs(bias))} too {'high' if bias > 0 else 'low'}"
    )
    return Headline("Error of one series", share(wape), f"{error}; {side}.")


def findings(report: Report) -> Headline:
    """The number of findings by severity."""
    counts = {severity: sum(finding.severity == severity for finding in report.findings) for severity in Severity}
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    if not errors and not warnings:
        return Headline(
            "Data",
            "no problems",
            f"The checks of the data found no errors and no warnings ({many(counts[Severity.INFO], 'remark')}).",
        )
    parts = [many(errors, "error")] * bool(errors) + [many(warnings, "warning")] * bool(warnings)
    return Headline(
        "Data",
        " and ".join(parts),
        "The checks of the data found problems. They are listed below, the most severe first.",
    )
