"""What was found in the data and in monitoring, worst first, and the bad rows that were left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import polars as pl

from foresell.core.finding import Finding, worst_first
from foresell.core.words import many
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.results import read_findings
from foresell.pipeline.summaries import CheckSummary

STEPS = ("check", "features", MONITOR)
"""The folders of results that may have findings."""

ROWS = 50
"""Bad rows on a page."""

_FINDINGS: dict[str, Any] = {
    **dict.fromkeys(("severity", "finding", "where"), pl.String),
    "count": pl.Int64,
    **dict.fromkeys(("message", "examples", "advice", "found_by"), pl.String),
}
_BAD_ROWS: dict[str, Any] = {"file": pl.String, "line": pl.Int64, "reason": pl.String, "text": pl.String}


class FindingsQuery(msgspec.Struct, frozen=True):
    """Bad rows whose file, reason or text contain `search`, upper or lower case; those on the `page`, from 1."""

    search: str = ""
    page: Annotated[int, msgspec.Meta(ge=1)] = 1


@dataclass(frozen=True)
class FindingsView:
    """What was found.

    `sentence` says it in short. `findings` has a row for each, the worst first; `bad_rows` those of the asked page,
    `matching` of `quarantined` rows on so many `pages`. `quarantine` is the file of all, None where there is none.
    """

    sentence: str
    findings: pl.DataFrame
    quarantined: int
    matching: int
    pages: int
    bad_rows: pl.DataFrame
    quarantine: Path | None


def findings(project: ForecastProject, query: FindingsQuery) -> FindingsView:
    """What the last check, the features and monitoring found; also where the check stopped the work."""
    results = project.results
    rows = [
        (finding, step) for step in STEPS if (results.folder(step) / "findings.json").exists()
        for finding in read_findings(results.folder(step))
    ]  # fmt: skip
    order = {id(finding): place for place, finding in enumerate(worst_first(finding for finding, _ in rows))}
    rows.sort(key=lambda row: order[id(row[0])])
    place = results.folder("check") / "quarantine.csv"
    bad = pl.scan_csv(place, infer_schema=False, glob=False) if place.exists() else pl.LazyFrame(schema=_BAD_ROWS)
    bad = bad.select(pl.col(name).cast(kind, strict=False) for name, kind in _BAD_ROWS.items()).collect().lazy()
    total = bad.select(pl.len()).collect().item()
    if query.search:
        contains = pl.concat_str("file", "reason", "text", separator="\n", ignore_nulls=True)
        bad = bad.filter(contains.str.to_lowercase().str.contains(query.search.lower(), literal=True))
    chosen = bad.collect()
    return FindingsView(
        sentence=_sentence(results.find_summary(CheckSummary), [finding for finding, _ in rows]),
        findings=pl.DataFrame([_row(*row) for row in rows], schema=_FINDINGS, orient="row"),
        quarantined=total,
        matching=chosen.height,
        pages=max(-(-chosen.height // ROWS), 1),
        bad_rows=chosen.slice((query.page - 1) * ROWS, ROWS),
        quarantine=place if total else None,
    )


def _sentence(checked: CheckSummary | None, found: list[Finding]) -> str:
    if checked is not None:
        return f"{checked.sentence()}."
    if not found:
        return "The data were not checked yet. Check them with: foresell check"
    errors = sum(finding.severity == "error" for finding in found)
    return f"The check stopped the work: {many(errors, 'error')} to be mended in the data or the settings."


def _row(finding: Finding, step: str) -> tuple[object, ...]:
    severity, examples = str(finding.severity), "; ".join(finding.examples)
    return severity, finding.code, finding.where, finding.count, finding.message, examples, finding.advice, step
