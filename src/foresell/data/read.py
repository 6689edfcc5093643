"""Reading and validation, the steps in order: files in, a panel, findings and a quarantine of bad rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from foresell.core.errors import FindingsStop, SettingsError, UnreadableFile
from foresell.core.finding import Finding, worst_first
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import Data, Settings
from foresell.data import checks
from foresell.data.assemble import Assembled, assemble, attach
from foresell.data.codes import finding
from foresell.data.cube import Cube, as_text, cube_of
from foresell.data.files import File, find_files
from foresell.data.quarantine import bad_row_findings, quarantine
from foresell.data.rows import DATE, Membership, SalesRows, read_rows
from foresell.data.side_tables import Days, SideTable, read_attributes, read_calendar, typed
from foresell.data.tables import FILE, ROW, Dialect
from foresell.data.wide_table import read_wide

Progress = Callable[[float, str], None]  # the share that is done, from 0 to 1, and what is being done


@dataclass(frozen=True)
class Loaded:
    """What reading gives: the panel, all findings (worst first), the bad rows, how many rows were read, and stock-outs.

    `quarantine` has one row for each bad row and reason: ``file``, ``line`` (from 1, as an editor counts),
    ``reason`` (the code of a finding), ``text`` (the row as it stands in the file). `stockouts` has one row for each
    series and period within the panel's history in which the shelf ran empty: keys, ``date``, ``sold`` (what was sold
    before it did). The panel's units are not known there.
    """

    panel: Panel
    findings: tuple[Finding, ...]
    quarantine: pl.DataFrame
    rows: int
    stockouts: pl.DataFrame


def read(
    settings: Settings,
    base: Path,
    progress: Progress | None = None,
    *,
    today: date | None = None,
    used: Iterable[str] | None = None,
) -> Loaded:
    """The sales that the settings describe, validated and laid out as a panel.

    `base` is the folder that relative paths begin at. Sales after `today` are bad rows. `used` are the names of the
    covariates that features read, where they are known already; others are then reported as unused.

    Raises UnreadableFile (a file is missing, empty, cut off, binary or mis-encoded), SettingsError (the settings
    contradict each other or the files) and FindingsStop (a column is missing, nothing can be used, or more than
    `max_bad_share` of the rows is bad; it carries the findings and the quarantine).
    """
    data, base = settings.data, Path(base)
    tell = progress or (lambda share, doing: None)
    dialect = Dialect(data.separator, data.decimal, data.encoding, data.date_format)
    tell(0.0, "Reading side tables")
    aside = replace(dialect, date_format=None, prefer=data.date_format)  # side tables may write dates their own way
    sides, members = _side_tables(data, base, aside)
    days = read_calendar(data.calendar, base, aside) if data.calendar else None
    task = _Task(settings, base, dialect, today or date.today(), days, members, tell)
    files, rows, cube = _wide(task) if data.layout == "wide" else _long(task)
    bad = _all_bad(rows, cube)
    _stop_if_too_bad(task, files, bad, rows.count)
    kept = quarantine(files, bad, dialect)
    where = data.sales
    findings = bad_row_findings(bad, kept, where) + checks.tallies(rows.tally, where) + rows.findings
    findings += [each for table in (*sides.values(), days) if table for each in table.findings]
    tell(0.7, "Laying out the panel")
    for name, side in sides.items():
        cube.series = attach(cube.series, side.keys, side.frame, name)
    findings += checks.gaps(cube, Frequency(data.frequency), where) if data.layout != "wide" else []
    whole = assemble(cube, settings, base, aside, days)
    tell(0.9, "Validating")
    findings += whole.findings + _check(whole, settings, where, used)
    tell(1.0, "Read")
    return Loaded(whole.panel, tuple(worst_first(findings)), kept, rows.count, _stockouts(cube, whole.panel))


def _stockouts(cube: Cube, panel: Panel) -> pl.DataFrame:
    """The stock-outs of the cube that lie in the panel's history."""
    empty = panel.series.select(panel.keys).head(0)
    if cube.stockouts is None:
        return empty.with_columns(date=pl.lit(None, pl.Date), sold=pl.lit(None, pl.Float32))
    return cube.stockouts.select(*panel.keys, "date", "sold").filter(pl.col("date") <= panel.cutoff)


@dataclass(frozen=True)
class _Task:
    """What reading the sales needs to know."""

    settings: Settings
    base: Path
    dialect: Dialect
    today: date
    days: Days | None
    members: list[Membership]
    tell: Progress

    def watch(self, share: float) -> None:
        self.tell(0.7 * share, "Reading sales")


def _side_tables(data: Data, base: Path, dialect: Dialect) -> tuple[dict[str, SideTable], list[Membership]]:
    sides, members = {}, []
    for name, table in (("items", data.items), ("stores", data.stores)):
        if table is None:
            continue
        strange = [key for key in table.keys if key not in data.keys]
        if strange:
            raise SettingsError(
                f"The table of {name} is joined on {', '.join(table.keys)}, but the series have the keys "
                f"{', '.join(data.keys)}. Correct 'keys' of '{name}' in the settings."
            )
        sides[name] = read_attributes(table, base, dialect)
        members.append(Membership(tuple(table.keys), sides[name].frame.select(table.keys), f"unknown-{name}"))
    return sides, members


def _wide(task: _Task) -> tuple[list[File], SalesRows, Cube]:
    """The files, rows and cube of a wide table, with the attributes that stand in it."""
    data = task.settings.data
    if data.future or data.promotion or data.price or data.known_ahead or data.open or data.stocked_out:
        raise SettingsError(
            "The wide layout has only units: 'price', 'promotion', 'known_ahead', 'open', 'stocked_out' and 'future' "
            "cannot be given with it. Use the calendar and the price table, or the long layout."
        )
    files = find_files(data.sales, task.base)
    labels = task.days.labels() if task.days else {}
    rows, cube = read_wide(files, data, task.dialect, labels, task.members, today=task.today, watch=task.watch)
    names = [name for name in data.attributes if name not in data.keys]
    cube.series = cube.series.with_columns(typed(cube.series[name]) for name in names)
    return files, rows, cube


def _long(task: _Task) -> tuple[list[File], SalesRows, Cube]:
    """The files, rows and cube of a long table or of transaction lines, and of what is known ahead of them."""
    data, dialect = task.settings.data, task.dialect
    files = find_files(data.sales, task.base)
    rows = read_rows(files, data, dialect, task.members, today=task.today, watch=task.watch)
    if not rows.count:
        raise UnreadableFile(f"{data.sales} has a header and no rows. Export it again, or name another file.")
    future = None
    if data.future:
        ahead = find_files(data.future, task.base)
        future = read_rows(ahead, data, dialect, today=task.today, quantity=False, place=len(files))
        files = [*files, *ahead]
        rows.bad = pl.concat([rows.bad, future.bad]) if future.count else rows.bad
        rows.count += future.count
        rows.tally += future.tally
        rows.findings += future.findings
    _stop_if_too_bad(task, files, rows.bad, rows.count)
    cube = cube_of(rows, future, data, task.settings.horizon, data.sales, task.members)
    if data.attributes:
        cube.series, found = _with_attributes(cube.series, rows.attributes, data)
        cube.findings += found
    return files, rows, cube


def _all_bad(rows: SalesRows, cube: Cube) -> pl.DataFrame:
    """The bad rows seen one by one and those seen only together, each with one entry for a reason."""
    return pl.concat([rows.bad, *(each.select(rows.bad.columns) for each in cube.bad)])


def _with_attributes(series: pl.DataFrame, seen: pl.DataFrame, data: Data) -> tuple[pl.DataFrame, list[Finding]]:
    """The series with the attributes that the sales table gives them: the latest, where they change."""
    findings = []
    names = [name for name in data.attributes if name not in data.keys]
    seen = as_text(seen)
    table = seen.select(data.keys).unique().sort(data.keys)
    for name in names:
        told = seen.filter(pl.col(name).is_not_null()).sort(*data.keys, DATE, name)
        of_series = told.group_by(data.keys, maintain_order=True)
        latest = of_series.agg(pl.col(name).last(), pl.col(name).n_unique().alias("__kinds"))
        if (varying := latest.filter(pl.col("__kinds") > 1)).height:
            message = f"'{name}' changes within {varying.height:,} series"
            shown = (" ".join(map(str, row)) for row in varying.select(data.keys).head(5).iter_rows())
            findings.append(finding("varying-attributes", f"column {name}", varying.height, message, shown))
        table = table.join(latest.drop("__kinds"), on=list(data.keys), how="left", maintain_order="left")
    table = table.with_columns(typed(table[name]) for name in names)
    return series.join(table, on=list(data.keys), how="left", maintain_order="left"), findings


def _check(whole: Assembled, settings: Settings, where: str, used: Iterable[str] | None) -> list[Finding]:
    panel = whole.panel
    found = checks.missing_days(whole.absent, panel, where) + checks.silent_series(panel, where)
    found += checks.short_history(panel, settings, where) + checks.ends_early(panel, whole.ends, settings.horizon)
    return found + (checks.unused_covariates(panel, used) if used is not None else [])


def _stop_if_too_bad(task: _Task, files: list[File], bad: pl.DataFrame, count: int) -> None:
    """Raises FindingsStop when more of the rows are bad than the settings allow."""
    data, rows = task.settings.data, bad.select(FILE, ROW).unique().height
    if rows <= data.max_bad_share * count:
        return
    kept = quarantine(files, bad, task.dialect)
    reasons = bad.group_by("reason").len().sort("len", "reason", descending=[True, False]).head(5)
    told = ", ".join(f"{reason} {number:,}" for reason, number in reasons.iter_rows())
    first = kept.row(0, named=True)
    message = (
        f"{rows:,} of {count:,} rows ({rows / count:.1%}) are bad, more than the {data.max_bad_share:.1%} that "
        f"'max_bad_share' allows: {told}. The first is line {first['line']} of {first['file']}: {first['text'][:80]}"
    )
    stop = finding("too-many-bad-rows", data.sales, rows, message)
    others = bad_row_findings(bad, kept, data.sales)
    raise FindingsStop(f"{data.sales}: {message}. {stop.advice}", tuple(worst_first([stop, *others])), kept)
