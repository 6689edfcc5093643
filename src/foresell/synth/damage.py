"""Plants known faults into a clean file of daily sales, to test whether validation finds them and says where."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO, cast

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.words import many
from foresell.synth.random_streams import Stream, stream

NEEDED = ("date", "store", "item", "units", "price")
MISSING_DAYS, GAP_DAYS = 10, 2
YEARS_AHEAD = 50
LONG_RUN = 4 * MISSING_DAYS  # a series must have so many rows to lose some from its middle

Row = dict[str, str]


@dataclass(frozen=True)
class PlantedFault:
    """The faults of one kind. `code` is the code of the finding that validation should report.

    `lines` are line numbers of the damaged file, where the header is line 1; of a duplicate, the number of the second
    copy. `rows` are the texts of these lines. Where rows were taken out, `lines` is empty and `rows` holds them.
    """

    code: str
    lines: tuple[int, ...]
    rows: tuple[str, ...]


def _bad_date(row: Row, turn: int) -> Row:
    year = row["date"][:4]
    return {**row, "date": (f"{year}-13-05", f"{year}-02-30", "yesterday")[turn % 3]}


def _bad_number(row: Row, turn: int) -> Row:
    return {**row, "units": ("twelve", "3..5", "1O")[turn % 3]}


def _negative(row: Row, turn: int) -> Row:
    return {**row, "units": str(-1 - turn)}


def _future(row: Row, turn: int) -> Row:
    year, month, _ = row["date"].split("-")
    return {**row, "date": f"{int(year) + YEARS_AHEAD}-{month}-{turn % 28 + 1:02d}"}


def _unknown_item(row: Row, turn: int) -> Row:
    return {**row, "item": f"misspelt-{turn + 1:02d}"}


def _zero_price(row: Row, turn: int) -> Row:
    return {**row, "price": "0"}


def _copy(row: Row, turn: int) -> Row:
    """A copy of the row; every second copy has one unit more."""
    return dict(row) if turn % 2 == 0 else {**row, "units": str(int(row["units"]) + 1)}


FAULTS: dict[str, Callable[[Row, int], Row]] = {
    "duplicate-keys": _copy,
    "unparsable-dates": _bad_date,
    "unparsable-numbers": _bad_number,
    "negative-sales": _negative,
    "future-dates": _future,
    "unknown-items": _unknown_item,
    "zero-prices": _zero_price,
}


@dataclass
class _Run:
    """Consecutive rows of one series: the first (0 is the row after the header), and how many."""

    first: int
    count: int = 0


@dataclass
class _Survey:
    """The header, the number of rows, the runs of series, and the first and last date of a file."""

    header: list[str]
    rows: int = 0
    runs: list[_Run] = field(default_factory=list)
    first: str = "9999"
    last: str = ""


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[TextIO]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, mode, encoding="utf-8", newline="") as handle:
        yield cast(TextIO, handle)


def _survey(source: Path) -> _Survey:
    with _opened(source, "rt") as handle:
        survey = _Survey(handle.readline().rstrip("\r\n").split(","))
        missing = [name for name in NEEDED if name not in survey.header]
        if missing:
            raise UsageError(
                f"{source} has no column {first_five(missing)}. Faults can be planted only into daily sales as "
                "make_retailer writes them."
            )
        date_at, store_at, item_at = (survey.header.index(name) for name in ("date", "store", "item"))
        key: tuple[str, str] | None = None
        for number, line in enumerate(handle):
            fields = line.split(",")
            survey.first, survey.last = min(survey.first, fields[date_at]), max(survey.last, fields[date_at])
            if (row_key := (fields[store_at], fields[item_at])) != key:
                key = row_key
                survey.runs.append(_Run(number))
            survey.runs[-1].count += 1
            survey.rows = number + 1
    return survey


def damage(source: Path | str, target: Path | str, *, seed: int = 1, per_code: int = 5) -> tuple[PlantedFault, ...]:
    """Copies the daily sales of `source` to `target` (CSV, or CSV.gz by its name) with known faults.

    Of each kind in `FAULTS`, `per_code` faults are planted, at most one in a row. One series loses ten days from its
    middle (``missing-days``), and all series lose two days (``gaps``). The same seed plants the same faults. The file
    is read twice, line by line. Raises UsageError for a file that is too small or lacks a column.
    """
    source, target = Path(source), Path(target)
    if source == target:
        raise UsageError(f"{source} cannot be changed in place. Name another file to write to.")
    survey = _survey(source)
    rng = stream(seed, Stream.DAMAGE)
    long_runs = [run for run in survey.runs if run.count >= LONG_RUN]
    n_faults = len(FAULTS) * per_code
    room = survey.rows - 2 * n_faults - MISSING_DAYS - GAP_DAYS * len(survey.runs)
    if not long_runs or room < n_faults:
        raise UsageError(
            f"{source} is too small: {n_faults} faults need a series with {LONG_RUN} rows, and enough rows of others. "
            f"It has {many(survey.rows, 'row')} of {len(survey.runs)} series. Take a larger file."
        )
    run = long_runs[int(rng.integers(len(long_runs)))]
    begin = run.first + run.count // 2 - MISSING_DAYS // 2
    first, last = date.fromisoformat(survey.first), date.fromisoformat(survey.last)
    # The gap is at two thirds of the dates. The ten missing days of one series are at its middle, well before it.
    middle = first + (last - first) * 2 // 3
    gap = {(middle + timedelta(days=day)).isoformat() for day in range(GAP_DAYS)}
    places = np.sort(rng.choice(room, n_faults, replace=False))
    codes = rng.permutation(np.repeat(list(FAULTS), per_code))
    return _copy_with_faults(
        source, target, survey, range(begin, begin + MISSING_DAYS), gap, list(zip(places, codes, strict=True))
    )


def _copy_with_faults(
    source: Path, target: Path, survey: _Survey, missing: range, gap: set[str], faults: list[tuple[int, str]]
) -> tuple[PlantedFault, ...]:
    """Writes `target`. A fault whose row was taken out goes to the next row that is left."""
    lines: dict[str, list[int]] = {code: [] for code in (*FAULTS, "missing-days", "gaps")}
    rows: dict[str, list[str]] = {code: [] for code in lines}
    due = iter([*faults, (survey.rows, "")])
    place, code = next(due)
    with _opened(source, "rt") as clean, _opened(target, "wt") as damaged:
        damaged.write(clean.readline())
        written = 1
        for number, line in enumerate(clean):
            text = line.rstrip("\r\n")
            row = dict(zip(survey.header, text.split(","), strict=True))
            lost = "missing-days" if number in missing else "gaps" if row["date"] in gap else ""
            if lost:
                rows[lost].append(text)
                continue
            if number >= place:
                if code == "duplicate-keys":
                    damaged.write(line)
                    written += 1
                text = ",".join(FAULTS[code](row, len(lines[code])).values())
                lines[code].append(written + 1)
                rows[code].append(text)
                place, code = next(due)
            damaged.write(text + "\n")
            written += 1
    return tuple(PlantedFault(code, tuple(lines[code]), tuple(rows[code])) for code in lines)
