"""Fills the page of accuracy with the results of monitoring; `report` draws it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.core.version import VERSION
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, NODE, SEGMENT, added_up
from foresell.monitor.check_results import CheckResults
from foresell.monitor.checks import bias, cusum, error, input_drift, slow_drift
from foresell.monitor.checks.catalogue import CHECKS, FIGURES
from foresell.monitor.checks.check import Topic
from foresell.monitor.checks.figure import Figure, with_figures
from foresell.monitor.checks.judging import Judgement
from foresell.monitor.drift.detection import PAGE as DRIFT_PAGE
from foresell.monitor.drift.detection import DriftResult
from foresell.monitor.weekly import BANDED, OUTSIDE, in_use
from foresell.pipeline.graph import HISTORY, MONITOR
from foresell.pipeline.matured_forecasts import history_of, nominal_of
from foresell.pipeline.monitoring.accuracy_table import STEP
from foresell.pipeline.monitoring.snapshot import Snapshot
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import CheckSummary
from foresell.registry.champion_changes import REFUSED
from foresell.report import monitor_contents
from foresell.report.monitor_contents import MonitorPage
from foresell.store.history import KeptForecast

DECISIONS = 8
"""How many decisions about the champion are shown."""

DAYS = 182
"""How many of the newest periods are drawn one by one: half a year of days, like the half a year of weeks."""


def snapshot_page(
    project: str, snapshot: Snapshot, checks: CheckResults, accuracy: Sequence[Finding], data: Sequence[Finding]
) -> MonitorPage:
    """The page of a snapshot; `accuracy` and `data` are the findings about these two, worst first."""
    waiting = [finding.message for finding in accuracy if finding.code == "nothing-matured"]
    promotions = history_of(snapshot.results).table("promotions")
    slow = checks.of(slow_drift.CHECK)
    return MonitorPage(
        title=_title(project),
        version=VERSION,
        as_of=snapshot.panel.cutoff,
        frequency=snapshot.panel.frequency,
        accuracy=tuple(accuracy),
        inputs_found=tuple(checks.about(Topic.INPUTS)),
        data=tuple(data),
        waiting=waiting[0] if waiting else "",
        judged=_judged(snapshot),
        newest=_newest(snapshot),
        levels=tuple(_levels(snapshot, checks)),
        nominal=nominal_of(snapshot.settings.output.quantiles),
        divisions=tuple(_divisions(snapshot, checks)),
        steps=tuple(_steps(snapshot)),
        days=_days(snapshot.daily, snapshot.panel.dates[: snapshot.panel.n_days]),
        marks=tuple(_marks(snapshot.daily, promotions)),
        weeks=_courses(snapshot.weeks),
        block=_block(snapshot.panel.frequency, snapshot.size),
        within=1 - OUTSIDE,
        slow=_slow(slow),
        slow_since=None if slow is None else slow.since,
        inputs=_inputs(checks.of(input_drift.CHECK)),
        arrived=_arrived(snapshot),
        asked=tuple(_api_accuracy(snapshot)),
        left_out=snapshot.predictions.left_out,
        decided=tuple(_decisions(promotions)),
        false_alarms=snapshot.settings.monitoring.false_alarms,
        checks=_check_lines(checks),
        places=_places(),
    )


def stopped_page(project: Project, why: str, data: Sequence[Finding]) -> MonitorPage:
    """The page where the data stop the work: the findings about the data, and what was known before."""
    daily = history_of(project.results).table("accuracy")
    promotions = history_of(project.results).table("promotions")
    used = None if daily is None or daily.is_empty() else in_use(daily)
    return MonitorPage(
        title=_title(project.folder.resolve().name),
        version=VERSION,
        as_of=None,
        frequency=Frequency(project.settings.data.frequency),
        data=tuple(data),
        stopped=why,
        days=None if used is None or daily is None else _days(daily, used["date"].to_numpy()),
        marks=() if daily is None else tuple(_marks(daily, promotions)),
        decided=tuple(_decisions(promotions)),
        places=_places(),
    )


def _check_lines(checks: CheckResults) -> tuple[monitor_contents.CheckLine, ...]:
    """Every check: its question and the number of its findings."""
    return tuple(
        monitor_contents.CheckLine(check.question, len(checks.findings[name])) for name, check in CHECKS.items()
    )


def _title(project: str) -> str:
    return f"Accuracy of forecasts: {project}"


def _judged(snapshot: Snapshot) -> monitor_contents.EvaluatedForecast | None:
    if snapshot.judged is None:
        return None
    kept = snapshot.judged.kept
    first, last, days = snapshot.judged_days()
    return monitor_contents.EvaluatedForecast(
        version=snapshot.versions.name(kept.model),
        cutoff=kept.cutoff,
        first=first,
        last=last,
        days=days,
        windows=None if snapshot.reference is None else snapshot.reference.windows,
        baseline=None if snapshot.baseline is None else snapshot.baseline.as_of,
    )


def _newest(snapshot: Snapshot) -> monitor_contents.WaitingForecast | None:
    """The newest forecast, where it waits for its sales while an older one is judged."""
    newest: KeptForecast | None = snapshot.kept[-1] if snapshot.kept else None
    if newest is None or snapshot.judged is None or newest == snapshot.judged.kept:
        return None
    when = snapshot.due(newest)
    if when <= snapshot.panel.cutoff:
        return None
    return monitor_contents.WaitingForecast(snapshot.versions.name(newest.model), newest.cutoff, when)


def _rows(snapshot: Snapshot, part: str) -> list[dict[str, Any]]:
    """The rows of the table ``accuracy`` about the judged forecast."""
    if snapshot.judged is None:
        return []
    kept = snapshot.judged.kept
    own = (pl.col("model") == kept.model) & (pl.col("cutoff") == kept.cutoff) & (pl.col("part") == part)
    return snapshot.accuracy.filter(own & (pl.col("source") == "batch")).to_dicts()


Judgements = Mapping[tuple[str, str, str, str], Judgement]
"""Judgements by figure and node."""


def _measured(
    value: float | None, usual: float | None, figure: Figure, judgement: Judgement | None
) -> monitor_contents.MeasuredFigure:
    """A figure with its usual value: that of its judgement, or without one that of the backtest."""
    if judgement is None:
        return monitor_contents.MeasuredFigure(value, usual)
    shown, expected, low, high = figure.scaled(judgement)
    return monitor_contents.MeasuredFigure(
        value if judgement.beside is None else shown,
        expected,
        low,
        high,
        judged=True,
        outside=judgement.alarm,
        far=judgement.far,
        blind=judgement.blind,
        explained_by=judgement.explained_by,
    )


def _judgements(checks: CheckResults) -> Judgements:
    return {(judgement.figure, *judgement.node): judgement for judgement in checks.data.judgements}


def _levels(snapshot: Snapshot, checks: CheckResults) -> Iterable[monitor_contents.FigureRow]:
    judgements = _judgements(checks)
    for row in _rows(snapshot, LEVEL):
        node = (LEVEL, row["of"], ALL)
        figures = {
            figure.column: _measured(
                row[figure.column], row[f"{figure.column}_backtest"], figure, judgements.get((figure.name, *node))
            )
            for figure in FIGURES
        }
        yield monitor_contents.FigureRow(row["of"], row["units"], row["forecast"], figures)


def _divisions(snapshot: Snapshot, checks: CheckResults) -> Iterable[monitor_contents.Division]:
    """Groups by level, then segments by division; within each the worst first."""
    if snapshot.judged is None:
        return
    judgements = _judgements(checks)
    sums = with_figures(added_up(snapshot.own, NODE), [], (bias.FIGURE,))
    relative_bias = {row[:3]: row[3] for row in sums.select(*NODE, bias.FIGURE.name).iter_rows()}
    for part in (GROUP, SEGMENT):
        rows = _rows(snapshot, part)
        for of in dict.fromkeys(row["of"] for row in rows):
            ranked = [_place(row, relative_bias[part, of, row["name"]], judgements) for row in rows if row["of"] == of]
            title = f"By {of}" if part == GROUP else f"Single series by {of}"
            places = [place for _, place in sorted(ranked, key=lambda pair: pair[0])]
            yield monitor_contents.Division(title, of, tuple(places))


def _place(
    row: dict[str, Any], relative_bias: float, judgements: Judgements
) -> tuple[tuple[Any, ...], monitor_contents.FigureRow]:
    """A group or segment, and its key for sorting: the largest deviation first, then the largest sales."""
    node = (row["part"], row["of"], row["name"])
    of_bias, of_error = (judgements.get((figure.name, *node)) for figure in (bias.FIGURE, error.FIGURE))
    figures = {
        "bias": _measured(bias.FIGURE.read(relative_bias), None, bias.FIGURE, of_bias),
        "wape": _measured(row["wape"], row["wape_backtest"], error.FIGURE, of_error),
    }
    judged = [judgement for judgement in (of_bias, of_error) if judgement is not None]
    order = (
        not any(judgement.alarm for judgement in judged),
        not any(judgement.explained_by for judgement in judged),
        -max((abs(judgement.score) for judgement in judged), default=0.0),
        -row["units"],
    )
    return order, monitor_contents.FigureRow(row["name"], row["units"], row["forecast"], figures)


def _steps(snapshot: Snapshot) -> Iterable[monitor_contents.StepErrors]:
    """Error by step of the total and of the single series, where there is more than one step."""
    rows = _rows(snapshot, STEP)
    for of in ("total", snapshot.bottom):
        known = sorted(
            (row for row in rows if row["of"] == of and None not in (row["wape"], row["wape_backtest"])),
            key=lambda row: row[STEP],
        )
        if len(known) > 1:
            now, before = ([100 * row[name] for row in known] for name in ("wape", "wape_backtest"))
            yield monitor_contents.StepErrors(of, tuple(row[STEP] for row in known), tuple(now), tuple(before))


def _days(daily: pl.DataFrame, dates: np.ndarray) -> monitor_contents.DailySales | None:
    """Sales and the forecast in use on each of `dates`, from the first that has one; only the newest `DAYS`."""
    used = in_use(daily) if not daily.is_empty() else daily
    if used.is_empty():
        return None
    days = dates[dates >= used["date"].to_numpy()[0]][-DAYS:]
    table = pl.DataFrame({"date": days}).join(used, on="date", how="left", maintain_order="left")
    units, forecast = (table[name].fill_null(np.nan).to_numpy() for name in ("units", "forecast"))
    return monitor_contents.DailySales(days, units, forecast)


def _marks(daily: pl.DataFrame, promotions: pl.DataFrame | None) -> Iterable[monitor_contents.Mark]:
    """The days on which forecasts of a new champion begin to be in use."""
    if promotions is None or daily.is_empty():
        return
    champions = set(promotions.filter(pl.col("verdict") != REFUSED)["version"])
    rows = in_use(daily).select("date", "version")
    for (_, before), (day, version) in zip(rows.iter_rows(), rows[1:].iter_rows(), strict=False):
        if version != before and version in champions:
            yield monitor_contents.Mark(day, f"version {version}")


def _courses(weeks: pl.DataFrame) -> dict[tuple[str, str], monitor_contents.ControlSeries]:
    """The weekly figures of the total and of the single series: error of both, bias of the total."""
    courses = {}
    for of in weeks["of"].unique(maintain_order=True):
        rows = weeks.filter(pl.col("of") == of)
        for name in (figure.column for figure in BANDED):
            if name == bias.FIGURE.column and of != "total":
                continue
            values, usual, low, high = (
                rows[f"{name}{side}"].fill_null(np.nan).to_numpy() for side in ("", "_usual", "_low", "_high")
            )
            outside = rows[f"{name}_outside"].fill_null(False).to_numpy()
            versions = tuple(rows["version"])
            courses[of, name] = monitor_contents.ControlSeries(
                rows["last"].to_numpy(), values, usual, low, high, outside, versions
            )
    return courses


def _block(frequency: Frequency, size: int) -> str:
    """The name of a block of periods, in the singular.

    >>> [_block(Frequency.DAY, size) for size in (7, 5, 1)], _block(Frequency.WEEK, 4), _block(Frequency.MONTH, 1)
    (['week', '5-day block', 'day'], 'four-week block', 'month')
    """
    names = {(Frequency.HOUR, 24): "day", (Frequency.DAY, 7): "week", (Frequency.WEEK, 4): "four-week block"}
    return names.get((frequency, size), f"{size}-{frequency.noun} block" if size > 1 else frequency.noun)


def _slow(chart: cusum.CusumChart | None) -> monitor_contents.ControlSeries | None:
    """The cumulative sum by week, with the sign of a bias: above 0 too much was forecast."""
    if chart is None:
        return None
    sums, limits = -np.array(chart.sums), np.array(chart.limits)
    days = pl.Series([week.last for week in chart.weeks]).to_numpy()
    return monitor_contents.ControlSeries(days, sums, np.zeros(len(sums)), -limits, limits, np.abs(sums) > limits)


def _inputs(inputs: DriftResult | str) -> monitor_contents.InputDrift:
    if isinstance(inputs, str):
        return monitor_contents.InputDrift(why=inputs)
    table = inputs.table
    whole = table.filter(pl.col("segment") == ALL).to_dicts()
    parts = table.filter((pl.col("segment") != ALL) & pl.col("drifted")).to_dicts()
    columns = [
        monitor_contents.InputColumn(
            meaning=row["meaning"],
            drifted=row["drifted"],
            before=row["before"],
            now=row["now"],
            reach=row["distance"] / row["threshold"] if row["threshold"] else 0.0,
            kind=row["kind"] or "",
            segments=tuple(f"{part['by']} {part['segment']}" for part in parts if part["column"] == row["column"]),
        )
        for row in whole
    ]
    return monitor_contents.InputDrift(
        share=inputs.share,
        allowed=inputs.allowed,
        removed=inputs.removed,
        columns=tuple(sorted(columns, key=lambda column: (-column.reach, column.meaning))),
        page=DRIFT_PAGE if inputs.snapshot is not None else "",
    )


def _arrived(snapshot: Snapshot) -> monitor_contents.NewData:
    checked = snapshot.results.summary(CheckSummary)
    return monitor_contents.NewData(checked.rows, checked.quarantined, checked.series, snapshot.panel.cutoff)


def _api_accuracy(snapshot: Snapshot) -> Iterable[monitor_contents.ApiAccuracy]:
    """The accuracy of the API's predictions, by version."""
    for row in snapshot.accuracy.filter((pl.col("source") == "asked") & (pl.col("part") == LEVEL)).to_dicts():
        yield monitor_contents.ApiAccuracy(
            version=row["version"],
            answers=int(row["points"]),
            days=row["days"],
            wape=row["wape"],
            bias=row["bias"],
            coverage=row["coverage"],
            nominal=row["nominal"],
            naive=row["wape_naive"],
        )


def _decisions(promotions: pl.DataFrame | None) -> Iterable[monitor_contents.PromotionDecision]:
    """The newest decisions about the champion, newest first."""
    if promotions is None:
        return
    for row in promotions.sort("when", descending=True).head(DECISIONS).to_dicts():
        yield monitor_contents.PromotionDecision(
            row["when"].date(), row["version"], row["verdict"], row["reason"] or ""
        )


def _places() -> dict[str, str]:
    """The paths of the tables, by what they contain."""
    folders = {"monitor": Path("results") / MONITOR, "history": Path("results") / HISTORY}
    names = {
        "Figures": folders["monitor"] / "accuracy.parquet",
        "By week": folders["monitor"] / "by_week.parquet",
        "Every check": folders["monitor"] / "summary.json",
        "Findings": folders["monitor"] / "findings.json",
        "By day, all that was kept": folders["history"] / "accuracy.parquet",
    }
    return {what: place.as_posix() for what, place in names.items()}
