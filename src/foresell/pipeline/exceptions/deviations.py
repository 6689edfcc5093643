"""What lies outside of what is usual when forecasts are compared with the sales since: by monitoring, or without it.

Monitoring knows from the backtest what is usual. Where it was never run, the newest forecast with enough sales since is
compared by a rule of thumb: a group counts that sold a quarter more or less than was forecast beside all others, and
more than chance explains. Either way `monitor.checks.roll_up` names the group at whose level it shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from foresell.core.finding import Finding, worst_first
from foresell.core.frequency import date_of_text
from foresell.monitor.accuracy import LEVEL
from foresell.monitor.bounds import BIAS, block_of
from foresell.monitor.checks.catalogue import CHECKS
from foresell.monitor.checks.check import Topic
from foresell.monitor.checks.judging import Judgement
from foresell.pipeline.exceptions.group_search import named_groups, series_sums, spread
from foresell.pipeline.exceptions.outlook import read_forecast
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.results import Results, read_findings
from foresell.store.panels import days_of

LIMIT = 2.5
"""Without monitoring, the log of sales over forecast of a group may lie so many times `group_search.spread` off."""

_OF_ACCURACY = frozenset(code for check in CHECKS.values() if check.topic == Topic.ACCURACY for code in check.codes)
_OF_MODELS = frozenset(("challenger-promoted", "challenger-refused", "few-windows", "nothing-matured"))


def is_about_accuracy(finding: Finding) -> bool:
    """Whether a finding of monitoring is about how the forecasts did, such as their bias."""
    return finding.code in _OF_ACCURACY


def is_about_data(finding: Finding) -> bool:
    """Whether a finding of monitoring is about what came in."""
    return finding.code not in _OF_ACCURACY | _OF_MODELS


@dataclass(frozen=True, eq=False)
class Deviations:
    """How the sales since compare with a forecast.

    - `judgements`: figures of the total, groups and segments; `alarms` are those outside what is usual.
    - `findings`: what monitoring reported, worst first. `monitored`: whether it was monitoring that judged.
    - `as_of`: the last period of sales that were compared. `first`, `last`: the periods compared; None where no
      sales have come in yet for what was forecast, or `stopped` says why the data could not be used.
    """

    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    monitored: bool
    as_of: date | None
    first: date | None = None
    last: date | None = None
    stopped: str = ""

    @property
    def alarms(self) -> list[Judgement]:
        """The figures outside what is usual, the largest difference in units first."""
        alarms = [one for one in self.judgements if one.alarm]
        return sorted(alarms, key=lambda one: -abs(one.units - one.forecast))

    @property
    def total(self) -> Judgement | None:
        """The bias of all sales."""
        return next((one for one in self.judgements if one.figure == BIAS and one.part == LEVEL), None)


def deviations(results: Results) -> Deviations | None:
    """What monitoring reported; where it was never run, what the kept forecasts and the sales show.

    None where neither is known: no kept forecast has sales of a whole block since.
    """
    return monitored(results.folder(MONITOR)) or unmonitored(results)


def monitored(folder: Path) -> Deviations | None:
    """What stands in the folder of monitoring; None where it was not run, or left only part of its files."""
    try:
        summary = json.loads((folder / "summary.json").read_bytes())
        findings = tuple(worst_first(read_findings(folder)))
    except (FileNotFoundError, ValueError):
        return None
    judged = summary.get("judged") or {}
    checks = (_judgement(row) for row in summary.get("checks") or ())
    return Deviations(
        judgements=tuple(judgement for judgement in checks if judgement is not None),
        findings=findings,
        monitored=True,
        as_of=_date(summary.get("as_of")),
        first=_date(judged.get("first")),
        last=_date(judged.get("last")),
        stopped=summary.get("stopped", ""),
    )


def _judgement(row: dict[str, Any]) -> Judgement | None:
    """A judgement of the summary; None for one that an earlier foresell wrote without all of its figures."""
    known = {field.name: row[field.name] for field in fields(Judgement) if field.name in row}
    try:
        return Judgement(**{**known, "explained_by": tuple(known.get("explained_by", ()))})
    except TypeError:
        return None


def _date(text: str | None) -> date | None:
    return None if text is None else date_of_text(text)


def unmonitored(results: Results) -> Deviations | None:
    """The newest kept forecast with sales of a whole block since, compared by the rule of thumb; None without one."""
    panel = results.panel
    block = block_of(panel.frequency, results.settings.horizon)
    for kept in reversed(results.history.forecasts()):
        start = int(np.searchsorted(panel.dates, np.datetime64(kept.cutoff).astype(panel.dates.dtype))) + 1
        if start + block > panel.n_days:
            continue
        forecast = read_forecast(results, kept.path, kept.cutoff)
        if forecast is None:
            continue
        first = max(start, panel.n_days - panel.frequency.periods(results.settings.monitoring.days))
        wanted = np.isin(forecast.dates, panel.dates[first : panel.n_days])
        if wanted.sum() < block:
            return None  # older ones tell less of now
        days = np.searchsorted(panel.dates, forecast.dates[wanted])
        units = days_of(panel.units, slice(int(days[0]), int(days[-1]) + 1))
        expected = forecast.units[:, wanted]
        known = ~np.isnan(units) & ~np.isnan(expected)
        sums = series_sums(
            results, *(np.where(known, cells, 0).sum(axis=1, dtype=np.float64) for cells in (units, expected))
        )
        first_day, last_day = panel.dates[days[0]].astype(object), panel.dates[days[-1]].astype(object)
        return Deviations(named_groups(sums, len(days), _by_chance), (), False, panel.cutoff, first_day, last_day)
    return None


def _by_chance(level: str, units: float) -> float:
    return LIMIT * spread(units)
