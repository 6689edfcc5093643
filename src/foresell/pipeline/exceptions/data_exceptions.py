"""Findings about the data, as exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from foresell.core.finding import Finding, Severity, worst_first
from foresell.pipeline.exceptions.deviations import Deviations, is_about_data
from foresell.pipeline.exceptions.planning_exception import DATA, PlanningException
from foresell.pipeline.results import Results, read_findings


def data_findings(results: Results, seen: Deviations | None) -> list[Finding]:
    """The errors and warnings about the data, worst first: of reading them, and of monitoring what came in since."""
    findings = []
    for step in ("check", "features"):
        if (results.folder(step) / "findings.json").exists():
            findings += read_findings(results.folder(step))
    if seen is not None:
        read = {(finding.code, finding.where) for finding in findings}
        findings += [one for one in seen.findings if (one.code, one.where) not in read and is_about_data(one)]
    return worst_first(finding for finding in findings if finding.severity != Severity.INFO)


def data_exceptions(results: Results, seen: Deviations | None) -> Iterator[PlanningException]:
    """An exception for each error and warning about the data."""
    for finding in data_findings(results, seen):
        examples = f" (for example {'; '.join(finding.examples[:2])})" if finding.examples else ""
        yield PlanningException(
            kind="data",
            level=DATA,
            group=finding.where,
            where={},
            sentence=f"In {finding.where}: {finding.message}{examples}. {finding.advice}".strip(),
            subject=finding.code,
            count=finding.count,
            grave=finding.severity == Severity.ERROR,
        )
