"""Runs every check on the data of a snapshot, and holds the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from foresell.core.finding import Finding, worst_first
from foresell.core.hierarchy import level_name
from foresell.monitor.checks import judging
from foresell.monitor.checks.catalogue import CHECKS, FIGURES
from foresell.monitor.checks.check import Check, CheckData, Result, Topic
from foresell.monitor.checks.judging import Accepted, Judgement, Reference
from foresell.monitor.checks.roll_up import roll_up
from foresell.monitor.false_alarms import rates


def learn_reference(daily: pl.DataFrame, size: int, windows: float, nominal: float | None = None) -> Reference:
    """The usual distribution of every figure, from the day sums of a backtest; see `judging.learn_reference`."""
    return judging.learn_reference(daily, FIGURES, size, windows, nominal)


def judge(
    daily: pl.DataFrame, reference: Reference, bottom: str, false_alarms: float, baseline: Accepted | None = None
) -> list[Judgement]:
    """Every figure of a forecast compared with its usual distribution; see `judging.judge`. `false_alarms` is the rate
    of all checks together."""
    by_name = {budget.name: rate for budget, rate in rates(false_alarms).items()}
    return judging.judge(daily, FIGURES, reference, bottom, by_name, baseline)


@dataclass(frozen=True)
class CheckResults:
    """The result and the findings of each check, by the name of the check."""

    data: CheckData
    results: Mapping[str, Any]
    findings: Mapping[str, tuple[Finding, ...]]

    def of(self, check: Check[Result]) -> Result:
        """The result of one check."""
        result: Result = self.results[check.name]
        return result

    def about(self, topic: Topic) -> list[Finding]:
        """The findings of the checks of a topic, worst first."""
        return worst_first(
            finding for name, findings in self.findings.items() if CHECKS[name].topic == topic for finding in findings
        )

    def summary(self) -> dict[str, Any]:
        """The part of ``summary.json`` that holds the results."""
        parts: dict[str, Any] = {"checks": [judgement.to_dict() for judgement in self.data.judgements]}
        for name, check in CHECKS.items():
            parts.update(check.summary(self.results[name]))
        return parts


def run_checks(data: CheckData) -> CheckResults:
    """Runs every check. The figures are judged together first, because one correction covers all of them."""
    false_alarms = data.settings.monitoring.false_alarms
    if data.judged is not None and data.reference is not None:
        bottom = level_name(data.hierarchy.bottom)
        accepted = None if data.baseline is None else data.baseline.known
        judgements = judge(data.judged.daily, data.reference, bottom, false_alarms, accepted)
        data = replace(data, judgements=tuple(roll_up(judgements, data.judged.series)))
    split = rates(false_alarms)
    results = {name: check.run(data, split) for name, check in CHECKS.items()}
    findings = {name: tuple(check.findings(data, results[name])) for name, check in CHECKS.items()}
    return CheckResults(data, results, findings)
