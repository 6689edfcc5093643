"""The output of the verbs as plain text, as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foresell.apps.cli import transactions_text
from foresell.apps.cli.command import paragraph, width
from foresell.core.words import change, duration, many, score, share

if TYPE_CHECKING:
    import polars as pl

    from foresell.core.finding import Finding
    from foresell.evaluate.leakage import LeakageTrial
    from foresell.onboarding.proposal import Proposal
    from foresell.pipeline.progress import Outcome
    from foresell.pipeline.project import StepState
    from foresell.pipeline.results import Results
    from foresell.pipeline.summaries import TrainSummary
    from foresell.synth import SampleFiles

BENCHMARK = "seasonal_naive"
NO_BREAK = "\N{NO-BREAK SPACE}"

WIDEST_RANGE = 20  # times the mean; a wider one comes of means near zero


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = (), indent: int = 0) -> str:
    """Rows in aligned columns, the first row being the heading.

    >>> print(columns([("model", "error"), ("naive", "0.9"), ("a", "10.1")], right=[1]))
    model  error
    naive    0.9
    a       10.1
    """
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    right_aligned = set(right)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(widths[index]) if index in right_aligned else cell.ljust(widths[index])
            for index, cell in enumerate(row)
        ]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def hanging(head: str, text: str, indent: int) -> str:
    """`head`, and beside it `text`, wrapped and indented by `indent` characters."""
    return textwrap.fill(
        text,
        width(),
        initial_indent=f"{head:<{indent}}",
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def outcome_text(outcome: Outcome) -> str:
    """The outcome of a step as a paragraph, with its tables."""
    from foresell.pipeline.summaries import CombineSummary, TrainSummary

    summary = outcome.summary
    when = duration(outcome.seconds) if outcome.done else "up to date"
    when = when.replace(" ", NO_BREAK)
    text = hanging(f"{outcome.step}:", f"{summary.sentence()} ({when})", 11).replace(NO_BREAK, " ")
    if isinstance(summary, TrainSummary):
        text += _sales_models(summary)
    for warning in summary.warning_texts if outcome.done else ():
        text += "\n" + hanging("", f"warning: {warning}", 11)
    if isinstance(summary, CombineSummary):
        text += "\n\n" + leaderboard(summary.leaderboard) + "\n"
        if about := summary.about_leaderboard():
            text += textwrap.indent(paragraph(about), "  ") + "\n"
        if summary.ranges:
            text += "\n" + ranges(summary.ranges) + "\n"
        if summary.sums:
            text += "\n" + sums(summary.sums) + "\n"
    return text


def _sales_models(summary: TrainSummary) -> str:
    """The models of single sales and of daily revenue: a paragraph each, and a table of scores."""
    text = "".join("\n" + hanging("", paragraph, 11) for paragraph in transactions_text.paragraphs(summary))
    if summary.transactions is None:
        return text
    return f"{text}\n\n{columns(transactions_text.scores(summary.transactions), right=range(1, 5), indent=2)}\n"


def leaderboard(rows: list[dict[str, Any]]) -> str:
    """The scores of the models as a table, the best model first."""
    head = ("model", "WRMSSE", f"against {BENCHMARK}", "WAPE", "bias", "RMSSE", "a window takes")
    table = [head]
    for row in rows:
        better = None if row["improvement"] is None else -row["improvement"] / 100
        compared = "" if row["model"] == BENCHMARK else change(better) + _chance(row.get("improvement_error"))
        table.append(
            (
                row["model"],
                score(row["wrmsse"]),
                compared,
                share(row["wape"]),
                change(row["bias"]),
                score(row["rmsse"]),
                duration(row["seconds"]),
            )
        )
    return columns(table, right=range(1, len(head)), indent=2)


def _chance(error: float | None) -> str:
    """The standard error of a difference in per cent, as it follows the difference.

    >>> _chance(2.46), _chance(None)
    (' ± 2.5', '')
    """
    return "" if error is None else f" ± {error:.{0 if error >= 10 else 1}f}"


def ranges(rows: list[dict[str, Any]]) -> str:
    """The coverage of the ranges of each level and segment, and their width relative to the mean.

    >>> row = {"level": "total", "by": "all", "segment": "all", "nominal": 0.9, "coverage": 0.88, "relative_width": 0.3}
    >>> print(ranges([row]))
      of what was sold lay in the range of ...  90 %  (its width to the mean)
      total                                     88 %                     30 %
    >>> print(ranges([row | {"relative_width": None}]).splitlines()[1].strip())
    total                                     88 %
    """
    nominal = sorted({row["nominal"] for row in rows})
    names = {(row["level"], row["by"], row["segment"]): None for row in rows}
    by = {(row["level"], row["by"], row["segment"], row["nominal"]): row for row in rows}
    table = [("of what was sold lay in the range of ...", *map(share, nominal), "(its width to the mean)")]
    for name in names:
        by_nominal = [by.get((*name, probability)) for probability in nominal]
        label = name[0] if name[1] == "all" else f"  {name[1]} {name[2]}"
        cells = ["" if row is None else share(row["coverage"]) for row in by_nominal]
        table.append((label, *cells, _width_of_range(by_nominal[-1])))
    return columns(table, right=range(1, len(nominal) + 2), indent=2)


def sums(rows: list[dict[str, Any]]) -> str:
    """The coverage of the ranges of sums over several days (periods), with its standard error.

    >>> row = {"level": "total", "days": 7, "nominal": 0.9, "coverage": 0.88, "error": 0.031}
    >>> print(sums([row, row | {"days": 14, "error": 0.1}]))
      of sums over so many days lay in the range of 90 % ...         7         14
      total                                                   88 % ± 3  88 % ± 10
    """
    nominal = min((row["nominal"] for row in rows), key=lambda probability: abs(probability - 0.9))
    by = {(row["level"], row["days"]): row for row in rows if row["nominal"] == nominal}
    lengths = sorted({days for _, days in by})
    table = [(f"of sums over so many days lay in the range of {share(nominal)} ...", *map(str, lengths))]
    for level in dict.fromkeys(level for level, _ in by):
        cells = (by.get((level, days)) for days in lengths)
        held = ("" if row is None else f"{share(row['coverage'])} ± {100 * row['error']:.0f}" for row in cells)
        table.append((level, *held))
    return columns(table, right=range(1, len(lengths) + 1), indent=2)


def _width_of_range(row: dict[str, Any] | None) -> str:
    """The width of a range relative to the mean; left out where the mean is 0 or too small for that to say anything."""
    relative = None if row is None else row["relative_width"]
    return "" if relative is None or relative > WIDEST_RANGE else share(relative)


def findings_text(findings: Sequence[Finding], folder: Path | None = None) -> str:
    """What was found, worst first, and where it is kept."""
    if not findings:
        return "\nNothing was found that wants a look."
    parts = []
    for finding in findings:
        head = "ERROR" if finding.severity == "error" else str(finding.severity)
        lines = [
            hanging(f"  {head}", f"{finding.code} in {finding.where}", 11),
            hanging("", finding.message.rstrip(".") + ".", 11),
        ]
        lines += _examples(finding.examples)
        if finding.advice:
            lines.append(hanging("", finding.advice, 11))
        parts.append("\n".join(lines))
    if folder is None:
        return "\n" + "\n\n".join(parts)
    kept = f"All of it is in {folder / 'findings.json'}, bad rows are in {folder / 'quarantine.csv'}."
    return "\n" + "\n\n".join(parts) + "\n\n" + textwrap.fill(kept, width(), break_on_hyphens=False)


def _examples(examples: Sequence[str]) -> list[str]:
    """The examples of a finding: on one line where they fit, else one below the other."""
    together = f"Such as: {'; '.join(examples)}"
    if not examples or len(together) + 11 <= width():
        return [" " * 11 + together] if examples else []
    return [" " * 11 + "Such as:", *(hanging("", example, 13) for example in examples)]


def catalogue(table: pl.DataFrame) -> str:
    """The features as a table, with a mark for those in use."""
    rows = [("used", "name", "group", "reads", "sees back to", "meaning")]
    for row in table.iter_rows(named=True):
        rows.append(
            ("yes" if row["used"] else "", row["name"], row["group"], row["reads"], row["earliest"], row["meaning"])
        )
    return "\n" + columns(rows)


def leakage_text(trials: Sequence[LeakageTrial]) -> str:
    """The outcome of the leakage trial."""
    leaking = [trial for trial in trials if not trial.passed]
    kinds = [many(sum(trial.kind == kind for trial in trials), kind) for kind in ("feature", "model")]
    if not leaking:
        return f"\nLeakage: {' and '.join(kinds)} tried; all hold. Nothing after a cutoff changes what is made at it."
    rows = [("", "name", "changed", "cutoff", "first")]
    for trial in leaking:
        what = "wrote to the history" if trial.spoiled else f"{trial.leaks:,} of {trial.values:,}"
        rows.append((trial.kind, trial.name, what, trial.cutoff.isoformat(), trial.example))
    return (
        f"\nLeakage: {' and '.join(kinds)} tried; {len(leaking)} of them change with sales after the cutoff:\n\n"
        + columns(rows, right=[2], indent=2)
        + "\n\nTheir backtest is better than their forecasts will be. Drop them, or mend them."
    )


def proposal_text(proposal: Proposal, path: Path) -> str:
    """The conclusions of `init`, each with its reason."""
    rows = [(reason.setting.removeprefix("data."), reason.conclusion, reason.why) for reason in proposal.reasons]
    first = max(len(row[0]) for row in rows) + 4
    lines = [hanging(f"  {setting}", f"{value}  ({why.rstrip('.')})", first) for setting, value, why in rows]
    if proposal.doubts:
        lines += ["", "Please look at these, which the data leave open:"]
        lines += [hanging("  -", doubt, 4) for doubt in proposal.doubts]
    folder = path.parent
    lines += ["", f"Wrote {path}. Look it over, then: foresell run {folder}"]
    return "\n".join(lines)


def sample_text(files: SampleFiles) -> str:
    """The files that `sample` wrote."""
    paths = [path.relative_to(files.folder) for path in files.tables.values()]
    beside = ", ".join(sorted({path.name if len(path.parts) == 1 else f"{path.parts[0]}/" for path in paths}))
    return (
        f"Wrote {files.rows:,} rows of {files.series:,} series to {files.sales}; beside it {beside}, and truth/ with "
        f"what was planted.\nNext: foresell init PROJECT --data {files.folder}"
    )


def states(steps: Sequence[StepState]) -> str:
    """The state of each step as a table."""
    rows = [("step", "state", "done", "took")]
    for step in steps:
        when = f"{step.finished:%Y-%m-%d %H:%M:%S} UTC" if step.finished else ""
        rows.append((step.step, step.state, when, "" if step.seconds is None else duration(step.seconds)))
    return columns(rows, right=[3])


def places(results: Results) -> str:
    """The places of the main results, and a note where the newest training does not forecast."""
    from foresell.pipeline.summaries import DeliverySummary, ForecastSummary, RegisterSummary, ReportSummary

    forecast, delivery = results.summary(ForecastSummary), results.summary(DeliverySummary)
    by, newest = forecast.version, results.summary(RegisterSummary).version
    waits = (
        f"The newest training, version {newest}, does not forecast, for it was not promoted; version {by} did. Have it "
        "judged with: foresell promote, or let foresell retrain decide when to."
    )
    return ("" if by is None or newest in (None, by) else f"\n{hanging('', waits, 0)}\n") + (
        f"\nThe report: {results.summary(ReportSummary).page}"
        f"\nForecasts:  {forecast.table}"
        f"\nDatabase:   {delivery.place}, table {delivery.table}"
    )
