"""Reads and validates the sales that the settings describe, and returns them as a panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from foresell.core.dates.formats import has_time
from foresell.core.errors import FindingsStop, SettingsError, UnreadableFile, first_five
from foresell.core.finding import Finding, worst_first
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import Data, Settings
from foresell.data import panel_checks
from foresell.data.column_conversion import FILE, ROW, Dialect
from foresell.data.cube.assembly import build_cube
from foresell.data.cube.cells import Cube, as_text, key_texts
from foresell.data.exclusion.non_goods import non_goods_findings, without_excluded
from foresell.data.exclusion.total_series import without_totals
from foresell.data.files.input_files import InputFile, find_files
from foresell.data.finding_codes import finding
from foresell.data.panel_assembly import AssembledPanel, assemble, join_attributes
from foresell.data.quarantine import bad_row_findings, quarantine
from foresell.data.sales_rows import DATE, KnownKeys, SalesRows, read_rows
from foresell.data.side_tables import (
    CalendarDays,
    SideTable,
    parse_attribute,
    read_attributes,
    read_calendar,
    read_periods,
)
from foresell.data.wide_table import read_wide_table

MOST_NOTES = 0.1  # with more rows that are no sales, dates and numbers are probably misread
Progress = Callable[[float, str], None]  # takes the share that is done, from 0 to 1, and the name of the work


@dataclass(frozen=True)
class ValidatedSales:
    """The sales as a panel, with everything that validation reports about them.

    - `findings`: worst first.
    - `quarantine`: one row for each bad row and reason: ``file``, ``line`` (from 1, as an editor counts), ``reason``
      (the code of a finding), ``text`` (the row as the file has it).
    - `rows`: the number of rows that were read.
    - `stockouts`: one row for each series and period of the panel's history with a stock-out: keys, ``date``, ``sold``
      (units sold before the stock-out). The panel's units are unknown there.
    """

    panel: Panel
    findings: tuple[Finding, ...]
    quarantine: pl.DataFrame
    rows: int
    stockouts: pl.DataFrame


def read_sales(
    settings: Settings,
    base: Path,
    progress: Progress | None = None,
    *,
    today: date | None = None,
    used: Iterable[str] | None = None,
) -> ValidatedSales:
    """The sales that the settings describe, validated and laid out as a panel.

    Relative paths begin at the folder `base`. Sales after `today` are bad rows. `used` has the names of the covariates
    that features read; where it is given, all other covariates are reported as unused.

    Raises UnreadableFile (a file is missing, empty, cut off, binary or mis-encoded), SettingsError (the settings
    contradict each other or the files) and FindingsStop (a column is missing, nothing can be used, or more than
    `max_bad_share` of the rows is bad; it carries the findings and the quarantine).
    """
    data, base = settings.data, Path(base)
    report_progress = progress or (lambda share, work: None)
    _check_fill_down(data)
    _check_hours(data)
    dialect = Dialect(
        data.separator,
        data.decimal,
        data.encoding,
        data.date_format,
        fill_down=tuple(data.fill_down),
        hourly=data.frequency == Frequency.HOUR,
    )
    report_progress(0.0, "Reading side tables")
    frequency = Frequency(data.frequency)
    # Side tables may write their dates in another format than the sales table.
    side_dialect = replace(
        dialect, date_format=None, preferred_date_format=data.date_format, fill_down=(), hourly=False
    )
    if data.periods:
        periods = read_periods(data.periods, base, side_dialect)
        if periods.letter != frequency:
            raise SettingsError(
                f"The periods of {data.periods} have {periods.mean_days:.0f} days on average, and 'frequency' is "
                f"{frequency}. Set 'frequency: {periods.letter}' under 'data'."
            )
        frequency = frequency.with_table(periods)
        dialect, side_dialect = (
            replace(each, period_names=periods.names_to_days()) for each in (dialect, side_dialect)
        )
    side_tables, known_keys = _read_side_tables(data, base, side_dialect)
    days = read_calendar(data.calendar, base, side_dialect) if data.calendar else None
    job = _ReadingJob(settings, frequency, base, dialect, today or date.today(), days, known_keys, report_progress)
    files, rows, cube = _read_wide_layout(job) if data.layout == "wide" else _read_long_layout(job)
    bad = _all_bad_rows(rows, cube)
    _require_few_bad_rows(job, files, bad, rows.count)
    quarantined, where = quarantine(files, bad, dialect), data.sales
    findings = bad_row_findings(bad, quarantined, where) + panel_checks.tally_findings(rows.tally, where)
    findings += rows.findings
    findings += [entry for table in (*side_tables.values(), days) if table for entry in table.findings]
    report_progress(0.7, "Laying out the panel")
    for name, table in side_tables.items():
        cube.series = join_attributes(cube.series, table.keys, table.frame, name)
    of_series = {name: values for name, values in data.exclude.items() if name not in rows.marking_columns}
    cube = without_totals(without_excluded(cube, of_series, where), data.keys, where, data.goods)
    findings += non_goods_findings(cube.series, data.keys, where, data.goods)
    findings += panel_checks.similar_key_findings(cube.series, data.keys, where)
    if data.layout != "wide":
        findings += panel_checks.empty_period_findings(cube, frequency, data.absent, where)
    assembled = assemble(cube, settings, frequency, base, side_dialect, days)
    report_progress(0.9, "Validating")
    findings += assembled.findings + _panel_findings(assembled, settings, where, used)
    report_progress(1.0, "Read")
    stockouts = _stockouts(cube, assembled.panel)
    return ValidatedSales(assembled.panel, tuple(worst_first(findings)), quarantined, rows.count, stockouts)


def _check_fill_down(data: Data) -> None:
    """Raises SettingsError where a column cannot be filled down, because it names neither series nor dates."""
    dates = (data.date,) if isinstance(data.date, str) else data.date
    if data.layout == "wide":
        dates = (data.year,) if data.year else ()
    wrong = [name for name in data.fill_down if name not in (*data.keys, *data.attributes, *dates)]
    if wrong:
        raise SettingsError(
            f"'fill_down' names {first_five(wrong)}, but only keys, attributes and the date are filled down: "
            f"{', '.join(dict.fromkeys((*data.keys, *data.attributes, *dates)))}. Correct 'fill_down' in the settings."
        )


def _check_hours(data: Data) -> None:
    """Raises SettingsError where hours are asked of dates that have none."""
    if data.frequency != Frequency.HOUR:
        return
    if data.layout == "wide":
        raise SettingsError(
            "The layout 'wide' has a column for each day, and 'frequency' is H, hours. Give a table with a row for "
            "each series and hour, or the frequency D."
        )
    if data.date_format is not None and not has_time(data.date_format):
        raise SettingsError(
            f"'frequency' is H, hours, but the dates are written as {data.date_format}, without a time of day. "
            "Name the column that has the time in 'date', or set the frequency D."
        )


def _stockouts(cube: Cube, panel: Panel) -> pl.DataFrame:
    """The stock-outs of the cube in the history of the panel, as `ValidatedSales.stockouts` has them."""
    empty = panel.series.select(panel.keys).head(0)
    if cube.stockouts is None:
        return empty.with_columns(date=pl.lit(None, panel.frequency.date_type), sold=pl.lit(None, pl.Float32))
    return cube.stockouts.select(*panel.keys, "date", "sold").filter(pl.col("date") <= panel.cutoff)


@dataclass(frozen=True)
class _ReadingJob:
    """What reading the sales table needs to know."""

    settings: Settings
    frequency: Frequency
    base: Path
    dialect: Dialect
    today: date
    days: CalendarDays | None
    known_keys: list[KnownKeys]
    report_progress: Progress

    def report_share(self, share: float) -> None:
        """Reports progress when `share` of the sales table has been read."""
        self.report_progress(0.7 * share, "Reading sales")


def _read_side_tables(data: Data, base: Path, dialect: Dialect) -> tuple[dict[str, SideTable], list[KnownKeys]]:
    """The tables of items and stores by name, and the keys that they list."""
    side_tables, known_keys = {}, []
    for name, table in (("items", data.items), ("stores", data.stores)):
        if table is None:
            continue
        if any(key not in data.keys for key in table.keys):
            raise SettingsError(
                f"The table of {name} is joined on {', '.join(table.keys)}, but the series have the keys "
                f"{', '.join(data.keys)}. Correct 'keys' of '{name}' in the settings."
            )
        side_tables[name] = read_attributes(table, base, dialect)
        known_keys.append(KnownKeys(tuple(table.keys), side_tables[name].frame.select(table.keys), f"unknown-{name}"))
    return side_tables, known_keys


def _read_wide_layout(job: _ReadingJob) -> tuple[list[InputFile], SalesRows, Cube]:
    """The files, rows and cube of a wide table, with the attributes of its series."""
    data = job.settings.data
    _require_units_only(data)
    files = find_files(data.sales, job.base)
    labels = job.days.labels() if job.days else {}
    rows, cube = read_wide_table(
        files,
        job.settings,
        job.frequency,
        job.dialect,
        labels,
        job.known_keys,
        today=job.today,
        report_share=job.report_share,
    )
    names = [name for name in data.attributes if name not in data.keys]
    cube.series = cube.series.with_columns(parse_attribute(cube.series[name]) for name in names)
    return files, rows, cube


def _read_long_layout(job: _ReadingJob) -> tuple[list[InputFile], SalesRows, Cube]:
    """The files, rows and cube of a long table or of transaction lines, the `future` file included."""
    data, dialect = job.settings.data, job.dialect
    if data.layout == "columns":
        _require_plain_columns(data)
    files = find_files(data.sales, job.base)
    rows = read_rows(files, data, dialect, job.known_keys, today=job.today, report_share=job.report_share)
    if not rows.count:
        raise UnreadableFile(f"{data.sales} has a header and no rows. Export it again, or name another file.")
    future = None
    if data.future:
        ahead = find_files(data.future, job.base)
        future = read_rows(ahead, data, dialect, today=job.today, quantity=False, first_file=len(files))
        files = [*files, *ahead]
        rows.bad = pl.concat([rows.bad, future.bad]) if future.count else rows.bad
        rows.count += future.count
        rows.tally += future.tally
        rows.findings += future.findings
    _require_few_bad_rows(job, files, rows.bad, rows.count)
    cube = build_cube(rows, future, data, job.frequency, job.settings.horizon, data.sales, job.known_keys)
    if data.attributes:
        cube.series, findings = _with_attributes(cube.series, rows.attributes, data)
        cube.findings += findings
    return files, rows, cube


def _require_units_only(data: Data) -> None:
    """Raises SettingsError where the settings ask more than units of a layout that has nothing else."""
    if data.future or data.promotion or data.price or data.known_ahead or data.open or data.stocked_out:
        raise SettingsError(
            f"The layout '{data.layout}' has only units: 'price', 'promotion', 'known_ahead', 'open', 'stocked_out' "
            "and 'future' cannot be given with it. Use the calendar and the price table, or the long layout."
        )


def _require_plain_columns(data: Data) -> None:
    """Raises SettingsError where the settings ask more of a table with a column for each series than units by date."""
    _require_units_only(data)
    if len(data.keys) != 1 or data.attributes:
        raise SettingsError(
            "The layout 'columns' has one key, the name of a series' column, and no attributes. Give one name for it "
            "in 'keys', such as [item], and attributes in the table of 'items'."
        )


def _all_bad_rows(rows: SalesRows, cube: Cube) -> pl.DataFrame:
    """The bad rows that were found one by one and those found by comparing rows; one entry for each reason."""
    return pl.concat([rows.bad, *(entries.select(rows.bad.columns) for entries in cube.bad)])


def _with_attributes(series: pl.DataFrame, attributes: pl.DataFrame, data: Data) -> tuple[pl.DataFrame, list[Finding]]:
    """The series with the attributes that the sales table has for them; where an attribute changes, with the latest."""
    findings = []
    names = [name for name in data.attributes if name not in data.keys]
    attributes = as_text(attributes)
    table = attributes.select(data.keys).unique().sort(data.keys)
    for name in names:
        known = attributes.filter(pl.col(name).is_not_null()).sort(*data.keys, DATE, name)
        of_series = known.group_by(data.keys, maintain_order=True)
        latest = of_series.agg(pl.col(name).last(), pl.col(name).n_unique().alias("__values"))
        if (varying := latest.filter(pl.col("__values") > 1)).height:
            message = f"'{name}' changes within {varying.height:,} series"
            examples = key_texts(varying.select(data.keys))
            findings.append(finding("varying-attributes", f"column {name}", varying.height, message, examples))
        table = table.join(latest.drop("__values"), on=list(data.keys), how="left", maintain_order="left")
    table = table.with_columns(parse_attribute(table[name]) for name in names)
    return series.join(table, on=list(data.keys), how="left", maintain_order="left"), findings


def _panel_findings(
    assembled: AssembledPanel, settings: Settings, where: str, used: Iterable[str] | None
) -> list[Finding]:
    panel = assembled.panel
    findings = panel_checks.missing_day_findings(assembled.absent, panel, where)
    findings += panel_checks.silent_series_findings(panel, where)
    findings += panel_checks.short_history_findings(panel, settings, where)
    findings += panel_checks.early_end_findings(panel, assembled.ends, settings.horizon)
    return findings + (panel_checks.unused_covariate_findings(panel, used) if used is not None else [])


def _require_few_bad_rows(job: _ReadingJob, files: list[InputFile], bad: pl.DataFrame, count: int) -> None:
    """Raises FindingsStop when more of the rows are bad than the settings allow."""
    bad = bad.filter(pl.col("reason") != "total-rows")  # they are no rows of sales
    if bad.filter(pl.col("reason") == "note-rows").height <= MOST_NOTES * count:
        bad = bad.filter(pl.col("reason") != "note-rows")
    data, rows = job.settings.data, bad.select(FILE, ROW).unique().height
    if rows <= data.max_bad_share * count:
        return
    quarantined = quarantine(files, bad, job.dialect)
    reasons = bad.group_by("reason").len().sort("len", "reason", descending=[True, False]).head(5)
    counts = ", ".join(f"{reason} {number:,}" for reason, number in reasons.iter_rows())
    first = quarantined.row(0, named=True)
    message = (
        f"{rows:,} of {count:,} rows ({rows / count:.1%}) are bad, more than the {data.max_bad_share:.1%} that "
        f"'max_bad_share' allows: {counts}. The first is line {first['line']} of {first['file']}: {first['text'][:80]}"
    )
    stop = finding("too-many-bad-rows", data.sales, rows, message)
    others = bad_row_findings(bad, quarantined, data.sales)
    raise FindingsStop(f"{data.sales}: {message}. {stop.advice}", tuple(worst_first([stop, *others])), quarantined)
