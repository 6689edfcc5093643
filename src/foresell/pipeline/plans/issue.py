"""The issue of a plan: its files among the results, its place in the history, and its delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding
from foresell.core.frequency import date_text
from foresell.core.settings import Output
from foresell.core.version import VERSION
from foresell.decide.plan import Plan
from foresell.pipeline.demand import ForecastProject
from foresell.report.page import render_plan_page
from foresell.report.plan_page import PlanPage
from foresell.store import disk
from foresell.store.address import DEFAULT_DATABASE
from foresell.store.delivery import Delivery, deliver
from foresell.store.tables import atomic_path, is_remote, write_csv, write_table

FOLDER = "plan"
"""The folder of plans in the results of a project."""


@dataclass(frozen=True)
class IssuedPlan:
    """Where a plan was written: its `files`, the table of the database, and a further `copy`, None without one."""

    files: tuple[Path, ...]
    delivery: Delivery
    copy: str | None


class PlanWords(msgspec.Struct, frozen=True):
    """What an issued plan says beside its lines, in results/plan/KIND.json; see `decide.plan.Plan`.

    `made` is when it was issued, in UTC; None of a plan by an earlier foresell.
    """

    headline: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    shown: tuple[str, ...] = ()
    made: datetime | None = None

    @staticmethod
    def of(table: Path) -> PlanWords:
        """The words beside the table of an issued plan; empty where there are none. Raises UnreadableFile."""
        words = table.with_suffix(".json")
        try:
            return msgspec.json.decode(words.read_bytes(), type=PlanWords) if words.exists() else PlanWords()
        except msgspec.DecodeError as error:
            advice = f"Make the plan again with: foresell plan {table.stem}"
            raise UnreadableFile(f"{words} cannot be read: {error}. {advice}") from error

    def time(self, table: Path) -> datetime:
        """When the plan was issued: as it says, or else when its table was written."""
        return self.made or datetime.fromtimestamp(table.stat().st_mtime, UTC)


def issue(project: ForecastProject, plan: Plan) -> IssuedPlan:
    """Writes the plan to the results, keeps it in the history, and delivers it as forecasts are.

    Among the results are a page that a planner prints, and what the plan says as JSON. The database gets the table
    ``plan_KIND``, in which the plan replaces the one of the same day; the folder of the setting ``output.folder`` gets
    a file named by kind and day.
    Raises StoreError where something cannot be written; what was written before that stays.
    """
    results, output = project.results, project.settings.output
    cutoff = results.panel.cutoff
    files = _write(plan, results.root / FOLDER)
    words = results.root / FOLDER / f"{plan.kind}.json"
    page = words.with_suffix(".html")
    said = PlanWords(plan.headline, plan.findings, plan.shown, datetime.now(UTC))
    with disk.writing(page.parent), atomic_path(page) as temporary:
        content = PlanPage(plan, project.folder.resolve().name, cutoff, VERSION)
        temporary.write_text(render_plan_page(content), encoding="utf-8")
    with disk.writing(words.parent), atomic_path(words) as temporary:
        temporary.write_bytes(msgspec.json.encode(said))
    results.history.keep_plan(plan.lines.drop("reason"), plan.kind, cutoff)
    rows = plan.lines.with_columns(pl.lit(cutoff).alias("decided"))
    url = output.database or DEFAULT_DATABASE
    delivery = deliver(
        rows,
        url,
        f"plan_{plan.kind}",
        replaced_by=("decided",),
        replaced={"decided": cutoff},
        relative_to=project.folder,
    )
    return IssuedPlan((*files, page, words), delivery, _copy(plan, output, project.folder, date_text(cutoff)))


def _write(plan: Plan, folder: Path) -> list[Path]:
    """Writes the lines and the further tables as CSV and Parquet, in place of those of the plan before."""
    further = {f"{plan.kind}_{name}": frame for name, frame in plan.tables().items()}
    files = []
    for name, frame in {plan.kind: plan.lines, **further}.items():
        table, text = (folder / f"{name}.{ending}" for ending in ("parquet", "csv"))
        write_table(frame, table)
        with disk.writing(folder):
            write_csv(frame, text)
        files += [text, table]
    return files


def _copy(plan: Plan, output: Output, base: Path, day: str) -> str | None:
    if not output.folder:
        return None
    place = output.folder.rstrip("/") if is_remote(output.folder) else str(base / output.folder)
    copy = f"{place}/plan-{plan.kind}-{day}.parquet"
    write_table(plan.lines, copy)
    return copy
