"""What validation and monitoring report: one finding for each kind of thing found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error stops the work, a warning wants a look, info is for the record."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found in one place.

    `code` is stable over versions (scripts may match on it), for example ``duplicate-keys``; `where` names
    the file, column or level; `count` says how many rows, days or series are concerned; `examples` shows
    at most five of them; `advice` says what to do next.
    """

    code: str
    severity: Severity
    where: str
    count: int
    message: str
    examples: tuple[str, ...] = ()
    advice: str = ""

    def to_dict(self) -> dict[str, object]:
        """The finding as plain data, for JSON."""
        return {**asdict(self), "severity": str(self.severity)}

    def __str__(self) -> str:
        shown = f" (for example {'; '.join(self.examples[:5])})" if self.examples else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"{self.severity} {self.code} in {self.where}: {self.message}{shown}.{advice}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors before warnings before information; within one severity the widest first."""
    rank = {severity: place for place, severity in enumerate(Severity)}
    return sorted(findings, key=lambda finding: (rank[finding.severity], -finding.count, finding.code))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those findings that stop the work."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]
