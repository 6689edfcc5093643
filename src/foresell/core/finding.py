"""Findings, which validation and monitoring report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

SHOWN = 5  # examples of a finding


class Severity(StrEnum):
    """The severity of a finding: an error stops the work, a warning needs attention, info is for the record."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One kind of fault or remarkable fact in one place.

    `code` does not change between versions, so that scripts may match on it, for example ``duplicate-keys``. `where`
    names the file, column or level. `count` is the number of rows, days or series concerned, and `examples` has at most
    five of them. `advice` says what to do next.
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
        shown = f" (for example {'; '.join(self.examples[:SHOWN])})" if self.examples else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"{self.severity} {self.code} in {self.where}: {self.message}{shown}.{advice}"


@dataclass(frozen=True)
class Code:
    """A kind of finding: its severity, its meaning, and advice.

    With `bad_row`, the rows that it names go to quarantine and count towards the share of bad rows.
    """

    severity: Severity
    meaning: str
    advice: str
    bad_row: bool = False


def finding_of(
    codes: Mapping[str, Code],
    code: str,
    where: str,
    count: int,
    message: str,
    examples: Iterable[object] = (),
    severity: Severity | None = None,
) -> Finding:
    """A finding of one of `codes`, with its advice, and with its severity where no other is given.

    >>> codes = {"gaps": Code(Severity.WARNING, "Days have no row.", "Look for them.")}
    >>> str(finding_of(codes, "gaps", "sales.csv", 2, "2 days have no row", ["2024-03-01", "2024-03-02"]))
    'warning gaps in sales.csv: 2 days have no row (for example 2024-03-01; 2024-03-02). Look for them.'
    """
    kind = codes[code]
    shown = tuple(str(example) for example in examples)[:SHOWN]
    return Finding(code, severity or kind.severity, where, int(count), message, shown, kind.advice)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity, the worst first; those of one severity by their counts, the largest first."""
    rank = {severity: place for place, severity in enumerate(Severity)}
    return sorted(findings, key=lambda finding: (rank[finding.severity], -finding.count, finding.code))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop the work."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]
