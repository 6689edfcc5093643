"""The summary of monitoring: what was judged and what came of it. It says nothing of when it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from foresell.monitor.accuracy import ALL, LEVEL
from foresell.monitor.check_results import CheckResults
from foresell.pipeline.monitoring.snapshot import Snapshot


@dataclass(frozen=True)
class JudgedSummary:
    """Which forecast was judged, by which days (`first` to `last`), and by how many `windows` of its backtest; `newest`
    says whether it is the newest of all."""

    version: str
    model: str
    cutoff: date
    first: date
    last: date
    newest: bool
    windows: float | None


@dataclass(frozen=True)
class LevelFigures:
    """The figures of the judged forecast at one level, over so many days, beside those of its backtest."""

    level: str
    days: int
    wape: float | None
    bias: float | None
    rmsse: float | None
    coverage: float | None
    value_added: float | None
    wape_backtest: float | None
    bias_backtest: float | None
    coverage_backtest: float | None
    value_added_backtest: float | None


@dataclass(frozen=True)
class MonitorSummary:
    """What ``summary.json`` holds. `checks` is what the checks have to say, by key."""

    as_of: date
    days: int
    false_alarms: float
    judged: JudgedSummary | None
    figures: tuple[LevelFigures, ...]
    checks: Mapping[str, Any]
    baseline: date | None
    answers: int
    answers_left_out: int
    forecasts_kept: int

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, for JSON."""
        judged = None if self.judged is None else asdict(self.judged) | {"cutoff": self.judged.cutoff.isoformat()}
        return {
            "as_of": self.as_of.isoformat(),
            "days": self.days,
            "false_alarms": self.false_alarms,
            "judged": judged,
            "figures": [asdict(level) for level in self.figures],
            **self.checks,
            "baseline": None if self.baseline is None else self.baseline.isoformat(),
            "asked": {"answers": self.answers, "left_out": self.answers_left_out},
            "forecasts_kept": self.forecasts_kept,
        }


@dataclass(frozen=True)
class StoppedSummary:
    """What ``summary.json`` holds where the data stop the work, and why they do."""

    why: str

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, for JSON."""
        nothing: dict[str, Any] = {"judged": None, "figures": [], "checks": [], "drift": None}
        return {"as_of": None, "stopped": self.why, **nothing}


def summarize(snapshot: Snapshot, checks: CheckResults) -> MonitorSummary:
    """The summary of a snapshot and its checks."""
    settings = snapshot.settings.monitoring
    return MonitorSummary(
        as_of=snapshot.panel.cutoff,
        days=settings.days,
        false_alarms=settings.false_alarms,
        judged=_judged(snapshot),
        figures=_level_figures(snapshot),
        checks=checks.summary(),
        baseline=None if snapshot.baseline is None else snapshot.baseline.as_of,
        answers=snapshot.answers.daily.height,
        answers_left_out=snapshot.answers.others,
        forecasts_kept=len(snapshot.kept),
    )


def _judged(snapshot: Snapshot) -> JudgedSummary | None:
    if snapshot.judged is None:
        return None
    kept, own = snapshot.judged.kept, snapshot.own.filter(pl.col("points") > 0)
    first, last = own["date"].min(), own["date"].max()
    assert isinstance(first, date)  # a whole block of it has come in
    assert isinstance(last, date)
    return JudgedSummary(
        version=snapshot.versions.name(kept.model),
        model=kept.model,
        cutoff=kept.cutoff,
        first=first,
        last=last,
        newest=kept == snapshot.kept[-1],
        windows=None if snapshot.reference is None else snapshot.reference.windows,
    )


def _level_figures(snapshot: Snapshot) -> tuple[LevelFigures, ...]:
    """The figures of the judged forecast by level."""
    if snapshot.judged is None:
        return ()
    kept = snapshot.judged.kept
    own = (pl.col("model") == kept.model) & (pl.col("cutoff") == kept.cutoff)
    rows = snapshot.accuracy.filter(own & (pl.col("part") == LEVEL) & (pl.col("name") == ALL))
    names = [name for name in LevelFigures.__dataclass_fields__ if name != "level"]
    return tuple(LevelFigures(**row) for row in rows.select(pl.col("of").alias("level"), *names).iter_rows(named=True))
