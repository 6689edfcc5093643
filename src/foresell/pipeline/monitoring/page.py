"""What stands on the page of accuracy: what monitoring computed, as `report` draws it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.core.version import VERSION
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, NODE, SEGMENT, added_up
from foresell.monitor.bounds import BIAS, with_figures
from foresell.monitor.checks.judging import Check
from foresell.monitor.checks.scales import READ_AS, read_as, scaled
from foresell.monitor.drift.detection import PAGE as DRIFT_PAGE
from foresell.monitor.drift.detection import Drifted
from foresell.monitor.weekly import BANDED, OUTSIDE, in_use
from foresell.pipeline.graph import HISTORY, MONITOR
from foresell.pipeline.matured_forecasts import history_of, nominal_of
from foresell.pipeline.monitoring.snapshot import STEP, Watch
from foresell.pipeline.project import Project
from foresell.pipeline.summaries import CheckSummary
from foresell.registry.versions import REFUSED
from foresell.report import monitor_contents
from foresell.report.monitor_contents import Watched
from foresell.store.history import Kept

DECISIONS = 8
"""The newest decisions about the champion that are shown."""

DAYS = 182
"""The newest days (or weeks, months) that are drawn one by one: half a year of days, as many as weeks are."""

Found = Sequence[Finding]


def shown(watch: Watch, accuracy: Found, data: Found, inputs: Drifted | str) -> Watched:
    """The page of a look; `accuracy` and `data` are what was found there, the worst first."""
    waiting = [each.message for each in accuracy if each.code == "nothing-matured"]
    promotions = watch.history.table("promotions")
    return Watched(
        title=_title(watch.project),
        version=VERSION,
        as_of=watch.panel.cutoff,
        frequency=watch.panel.frequency,
        accuracy=tuple(accuracy),
        inputs_found=() if isinstance(inputs, str) else inputs.findings,
        data=tuple(data),
        waiting=waiting[0] if waiting else "",
        judged=_judged(watch),
        newest=_newest(watch),
        levels=tuple(_levels(watch)),
        nominal=nominal_of(watch.settings.output.quantiles),
        divisions=tuple(_divisions(watch)),
        steps=tuple(_steps(watch)),
        days=_days(watch.daily, watch.panel.dates[: watch.panel.n_days]),
        marks=tuple(_marks(watch.daily, promotions)),
        weeks=_courses(watch.weeks),
        block=_block(watch.panel.frequency, watch.size),
        within=1 - OUTSIDE,
        slow=_slow(watch),
        slow_since=None if watch.drift is None else watch.drift.since,
        inputs=_inputs(watch, inputs),
        arrived=_arrived(watch),
        asked=tuple(_asked(watch)),
        left_out=watch.answered.others,
        decided=tuple(_decided(promotions)),
        false_alarms=watch.settings.monitoring.false_alarms,
        places=_places(),
    )


def shown_stopped(project: Project, why: str, data: Found) -> Watched:
    """The page where the data stop the look: what was found in them, and what was known before."""
    daily = history_of(project.results).table("accuracy")
    promotions = history_of(project.results).table("promotions")
    used = None if daily is None or daily.is_empty() else in_use(daily)
    return Watched(
        title=_title(project),
        version=VERSION,
        as_of=None,
        frequency=Frequency(project.settings.data.frequency),
        data=tuple(data),
        stopped=why,
        days=None if used is None or daily is None else _days(daily, used["date"].to_numpy()),
        marks=() if daily is None else tuple(_marks(daily, promotions)),
        decided=tuple(_decided(promotions)),
        places=_places(),
    )


def _title(project: Project) -> str:
    return f"Accuracy of forecasts: {project.folder.resolve().name}"


def _judged(watch: Watch) -> monitor_contents.Judged | None:
    if watch.judged is None:
        return None
    kept, own = watch.judged.kept, watch.own(watch.judged).filter(pl.col("points") > 0)
    first, last = own["date"].min(), own["date"].max()
    assert isinstance(first, date)  # a whole block of it has come in
    assert isinstance(last, date)
    return monitor_contents.Judged(
        version=watch.called(kept.model),
        cutoff=kept.cutoff,
        first=first,
        last=last,
        days=own["date"].n_unique(),
        windows=None if watch.reference is None else watch.reference.windows,
        baseline=None if watch.baseline is None else watch.baseline.as_of,
    )


def _newest(watch: Watch) -> monitor_contents.Newest | None:
    """The newest forecast, where it waits for its sales while an older one is judged."""
    newest: Kept | None = watch.kept[-1] if watch.kept else None
    if newest is None or watch.judged is None or newest == watch.judged.kept:
        return None
    when = watch.due(newest)
    return (
        monitor_contents.Newest(watch.called(newest.model), newest.cutoff, when) if when > watch.panel.cutoff else None
    )


def _rows(watch: Watch, part: str) -> list[dict[str, Any]]:
    """The rows of the table ``accuracy`` about the judged forecast."""
    if watch.judged is None:
        return []
    kept = watch.judged.kept
    own = (pl.col("model") == kept.model) & (pl.col("cutoff") == kept.cutoff) & (pl.col("part") == part)
    return watch.figures.filter(own & (pl.col("source") == "batch")).to_dicts()


def _measured(value: float | None, usual: float | None, check: Check | None) -> monitor_contents.Measured:
    """A figure beside what is usual: by its check, and where there is none by its backtest."""
    if check is None:
        return monitor_contents.Measured(value, usual)
    _, expected, low, high = scaled(check)
    return monitor_contents.Measured(value, expected, low, high, judged=True, outside=check.alarm, far=check.far)


def _checks(watch: Watch) -> dict[tuple[str, str, str, str], Check]:
    return {(each.figure, *each.node): each for each in watch.checks}


def _levels(watch: Watch) -> Iterable[monitor_contents.Place]:
    checks = _checks(watch)
    for row in _rows(watch, LEVEL):
        node = (LEVEL, row["of"], ALL)
        found = {
            name: _measured(row[name], row[f"{name}_backtest"], checks.get((figure, *node)))
            for figure, name in READ_AS.items()
        }
        yield monitor_contents.Place(row["of"], row["units"], row["forecast"], found)


def _divisions(watch: Watch) -> Iterable[monitor_contents.Division]:
    """Groups by level, then segments by what divides the series; each the worst first."""
    if watch.judged is None:
        return
    checks = _checks(watch)
    sums = with_figures(added_up(watch.own(watch.judged), NODE), [])
    lean = {row[:3]: row[3] for row in sums.select(*NODE, BIAS).iter_rows()}
    for part in (GROUP, SEGMENT):
        rows = _rows(watch, part)
        for of in dict.fromkeys(row["of"] for row in rows):
            found = [_place(row, lean[part, of, row["name"]], checks) for row in rows if row["of"] == of]
            title = f"By {of}" if part == GROUP else f"Single series by {of}"
            places = [place for _, place in sorted(found, key=lambda each: each[0])]
            yield monitor_contents.Division(title, of, tuple(places))


def _place(
    row: dict[str, Any], lean: float, checks: dict[tuple[str, str, str, str], Check]
) -> tuple[tuple[Any, ...], monitor_contents.Place]:
    """A group or segment, with what it is sorted by: the furthest from what is usual first, then the largest."""
    node = (row["part"], row["of"], row["name"])
    own = {READ_AS[figure]: checks.get((figure, *node)) for figure in BANDED}
    bias = _measured(read_as(BIAS, lean), None, own["bias"])
    error = _measured(row["wape"], row["wape_backtest"], own["wape"])
    judged = [each for each in own.values() if each is not None]
    order = (
        not any(each.alarm for each in judged),
        -max((abs(each.score) for each in judged), default=0.0),
        -row["units"],
    )
    return order, monitor_contents.Place(row["name"], row["units"], row["forecast"], {"bias": bias, "wape": error})


def _steps(watch: Watch) -> Iterable[monitor_contents.Steps]:
    """Error by step of the total and of the single series; a single step makes no line."""
    rows = _rows(watch, STEP)
    for of in ("total", watch.bottom):
        known = sorted(
            (row for row in rows if row["of"] == of and None not in (row["wape"], row["wape_backtest"])),
            key=lambda row: row[STEP],
        )
        if len(known) > 1:
            now, before = ([100 * row[name] for row in known] for name in ("wape", "wape_backtest"))
            yield monitor_contents.Steps(of, tuple(row[STEP] for row in known), tuple(now), tuple(before))


def _days(daily: pl.DataFrame, dates: np.ndarray) -> monitor_contents.Days | None:
    """The forecast in use on each of `dates` from the first that has one; the newest `DAYS` only."""
    used = in_use(daily) if not daily.is_empty() else daily
    if used.is_empty():
        return None
    days = dates.astype("datetime64[D]")
    first = used["date"].to_numpy().astype("datetime64[D]")[0]
    days = days[days >= first][-DAYS:]
    table = pl.DataFrame({"date": days}).join(used, on="date", how="left", maintain_order="left")
    units, forecast = (table[name].fill_null(np.nan).to_numpy() for name in ("units", "forecast"))
    return monitor_contents.Days(days, units, forecast)


def _marks(daily: pl.DataFrame, promotions: pl.DataFrame | None) -> Iterable[monitor_contents.Mark]:
    """Where the forecasts in use begin to come from another version that became the champion."""
    if promotions is None or daily.is_empty():
        return
    champions = set(promotions.filter(pl.col("verdict") != REFUSED)["version"])
    rows = in_use(daily).select("date", "version")
    for (_, before), (day, version) in zip(rows.iter_rows(), rows[1:].iter_rows(), strict=False):
        if version != before and version in champions:
            yield monitor_contents.Mark(day, f"version {version}")


def _courses(weeks: pl.DataFrame) -> dict[tuple[str, str], monitor_contents.Course]:
    """The figures by week, of the total and the single series: error of both, bias of the total."""
    found = {}
    for of in weeks["of"].unique(maintain_order=True):
        rows = weeks.filter(pl.col("of") == of)
        for name in (READ_AS[figure] for figure in BANDED):
            if name == READ_AS[BIAS] and of != "total":
                continue
            values, usual, low, high = (
                rows[f"{name}{side}"].fill_null(np.nan).to_numpy() for side in ("", "_usual", "_low", "_high")
            )
            outside = rows[f"{name}_outside"].fill_null(False).to_numpy()
            made = tuple(rows["version"])
            found[of, name] = monitor_contents.Course(rows["last"].to_numpy(), values, usual, low, high, outside, made)
    return found


def _block(frequency: Frequency, size: int) -> str:
    """What a block of periods is called: something that takes an s.

    >>> [_block(Frequency.DAY, size) for size in (7, 5, 1)], _block(Frequency.WEEK, 4), _block(Frequency.MONTH, 1)
    (['week', '5-day block', 'day'], 'four-week block', 'month')
    """
    usual = {(Frequency.DAY, 7): "week", (Frequency.WEEK, 4): "four-week block"}
    return usual.get((frequency, size), f"{size}-{frequency.noun} block" if size > 1 else frequency.noun)


def _slow(watch: Watch) -> monitor_contents.Course | None:
    """The cumulative sum by week."""
    if watch.drift is None:
        return None
    found = watch.drift
    sums, limits = np.array(found.sums), np.array(found.limits)
    days = np.array([week.last for week in found.weeks], "datetime64[D]")
    return monitor_contents.Course(days, sums, np.zeros(len(sums)), -limits, limits, np.abs(sums) > limits)


def _inputs(watch: Watch, inputs: Drifted | str) -> monitor_contents.Inputs:
    if isinstance(inputs, str):
        return monitor_contents.Inputs(why=inputs)
    table = inputs.table
    whole = table.filter(pl.col("segment") == ALL).to_dicts()
    parts = table.filter((pl.col("segment") != ALL) & pl.col("drifted")).to_dicts()
    columns = [
        monitor_contents.Column(
            meaning=row["meaning"],
            drifted=row["drifted"],
            before=row["before"],
            now=row["now"],
            reach=row["distance"] / row["threshold"] if row["threshold"] else 0.0,
            kind=row["kind"] or "",
            segments=tuple(f"{each['by']} {each['segment']}" for each in parts if each["column"] == row["column"]),
        )
        for row in whole
    ]
    return monitor_contents.Inputs(
        share=inputs.share,
        allowed=watch.settings.monitoring.drifted_share,
        removed=inputs.removed,
        columns=tuple(sorted(columns, key=lambda each: (-each.reach, each.meaning))),
        page=DRIFT_PAGE if inputs.snapshot is not None else "",
    )


def _arrived(watch: Watch) -> monitor_contents.Arrived:
    checked = watch.results.summary(CheckSummary)
    return monitor_contents.Arrived(checked.rows, checked.quarantined, checked.series, watch.panel.cutoff)


def _asked(watch: Watch) -> Iterable[monitor_contents.Answers]:
    """What was asked over HTTP, by version."""
    for row in watch.figures.filter((pl.col("source") == "asked") & (pl.col("part") == LEVEL)).to_dicts():
        yield monitor_contents.Answers(
            version=row["version"],
            answers=int(row["points"]),
            days=row["days"],
            wape=row["wape"],
            bias=row["bias"],
            coverage=row["coverage"],
            nominal=row["nominal"],
            naive=row["wape_naive"],
        )


def _decided(promotions: pl.DataFrame | None) -> Iterable[monitor_contents.Decided]:
    """The newest decisions about the champion, the newest first."""
    if promotions is None:
        return
    for row in promotions.sort("when", descending=True).head(DECISIONS).to_dicts():
        yield monitor_contents.Decided(row["when"].date(), row["version"], row["verdict"], row["reason"] or "")


def _places() -> dict[str, str]:
    """Where the tables lie, by what they are."""
    folders = {"monitor": Path("results") / MONITOR, "history": Path("results") / HISTORY}
    names = {
        "Figures": folders["monitor"] / "accuracy.parquet",
        "By week": folders["monitor"] / "by_week.parquet",
        "Every check": folders["monitor"] / "summary.json",
        "Findings": folders["monitor"] / "findings.json",
        "By day, all that was kept": folders["history"] / "accuracy.parquet",
    }
    return {what: place.as_posix() for what, place in names.items()}
