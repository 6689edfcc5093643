"""What lies outside of what is usual when forecasts are compared with the sales since: by monitoring, or without it.

Monitoring knows from the backtest what is usual. Where it was never run, the newest forecast with enough sales since is
compared by a rule of thumb: a group counts that sold a quarter more or less than was forecast beside all others, and
more than chance explains. Either way `monitor.checks.roll_up` names the group at whose level it shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from foresell.core.finding import Finding, worst_first
from foresell.core.frequency import date_of_text
from foresell.core.hierarchy import level_name
from foresell.monitor.accuracy import ALL, GROUP, LEVEL, SeriesSums, group_names
from foresell.monitor.bounds import BIAS, block_of
from foresell.monitor.checks.catalogue import CHECKS
from foresell.monitor.checks.check import Topic
from foresell.monitor.checks.judging import PARTS, WHOLE, Judgement
from foresell.monitor.checks.roll_up import roll_up
from foresell.pipeline.exceptions.outlook import read_forecast
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.results import Results, read_findings
from foresell.store.panels import days_of

USUAL_SPREAD = 0.1
LIMIT = 2.5
"""Without monitoring, the log of sales over forecast of a group may differ from that of all by `LIMIT` times the root
of `USUAL_SPREAD` squared plus that of a Poisson count of its units."""


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
        sums = _sums(results, units, forecast.units[:, wanted])
        first_day, last_day = panel.dates[days[0]].astype(object), panel.dates[days[-1]].astype(object)
        return Deviations(
            tuple(roll_up(_rule_of_thumb(sums, len(days)), sums)), (), False, panel.cutoff, first_day, last_day
        )
    return None


def _sums(results: Results, units: np.ndarray, forecast: np.ndarray) -> SeriesSums:
    """The sums of each series over the cells [series, day] where both are known."""
    known = ~np.isnan(units) & ~np.isnan(forecast)
    sold, expected = (np.where(known, cells, 0).sum(axis=1, dtype=np.float64) for cells in (units, forecast))
    groups = results.hierarchy.all_groups(results.panel.series)
    names = group_names(groups)
    rows = {level_name(one.level): one.rows.astype(np.int64) for one in groups}
    return SeriesSums(sold, expected, {(GROUP, level): (names[level], rows[level]) for level in names})


def _rule_of_thumb(sums: SeriesSums, days: int) -> Sequence[Judgement]:
    whole = _compared(LEVEL, "total", ALL, float(sums.units.sum()), float(sums.forecast.sum()), 0.0, days)
    judgements = [whole]
    for (part, of), (names, rows) in sums.places.items():
        units, forecast = (np.bincount(rows, series, len(names)) for series in (sums.units, sums.forecast))
        judgements += [
            _compared(part, of, name, units[number], forecast[number], whole.value, days)
            for number, name in enumerate(names)
            if units[number] or forecast[number]
        ]
    return judgements


def _compared(part: str, of: str, name: str, units: float, forecast: float, total: float, days: int) -> Judgement:
    value = float(np.log((units + 0.5) / (forecast + 0.5))) - total
    spread = float(np.sqrt(USUAL_SPREAD**2 + 1 / max(forecast, 1.0)))
    return Judgement(
        figure=BIAS,
        part=part,
        of=of,
        name=name,
        family=WHOLE if part == LEVEL else PARTS,
        value=value,
        expected=0.0,
        low=-LIMIT * spread,
        high=LIMIT * spread,
        score=value / spread,
        freedom=float("inf"),
        chance=float("nan"),
        below=float("nan"),
        spread=spread,
        alarm=abs(value) > LIMIT * spread,
        far=abs(value) > 2 * LIMIT * spread,
        days=days,
        units=float(units),
        forecast=float(forecast),
    )
