"""The summary of monitoring: what was judged, with which results. It does not depend on the time of the run."""

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
    """The forecast that was judged: by the sales of the days `first` to `last`, and by the `windows` of its backtest.

    `newest` says whether it is the newest forecast.
    """

    version: str
    model: str
    cutoff: date
    first: date
    last: date
    newest: bool
    windows: float | None


@dataclass(frozen=True)
class LevelFigures:
    """The figures of the judged forecast at one level over `days` days, and those of its backtest."""

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
    """The content of ``summary.json``. `checks` has the summaries of the checks, by key."""

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
    """The content of ``summary.json`` where the data stop the work; `why` has the reason."""

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
        answers=snapshot.predictions.daily.height,
        answers_left_out=snapshot.predictions.left_out,
        forecasts_kept=len(snapshot.kept),
    )


def _judged(snapshot: Snapshot) -> JudgedSummary | None:
    if snapshot.judged is None:
        return None
    kept = snapshot.judged.kept
    first, last, _ = snapshot.judged_days()
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
