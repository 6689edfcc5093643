"""Known faults planted into a clean file of daily sales, to see whether validation finds them and says where."""

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
from foresell.synth.random_streams import Stream, stream

NEEDED = ("date", "store", "item", "units", "price")
MISSING_DAYS, GAP_DAYS = 10, 2
YEARS_AHEAD = 50
LONG_RUN = 4 * MISSING_DAYS  # a series must have so many rows to lose some from its middle

Row = dict[str, str]


@dataclass(frozen=True)
class Planted:
    """What was planted of one kind. `code` is the code of the finding that should come of it.

    `lines` are lines of the damaged file, the header being line 1; of a duplicate it is the second copy. `rows` are
    those lines as they stand, without the line's end. Where rows were taken out, `lines` is empty and `rows` holds
    what was taken.
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
    """Every second copy agrees with its row, the others say one unit more."""
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
    """Consecutive rows of one series: where they begin (0 is the first row after the header), and how many."""

    first: int
    count: int = 0


@dataclass
class _Survey:
    """What a first look at the file found."""

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
                f"{source} has no column {first_five(missing)}, so it cannot be damaged; expected daily sales as "
                "make_retailer writes them."
            )
        date_at, store_at, item_at = (survey.header.index(name) for name in ("date", "store", "item"))
        key: tuple[str, str] | None = None
        for number, line in enumerate(handle):
            fields = line.split(",")
            survey.first, survey.last = min(survey.first, fields[date_at]), max(survey.last, fields[date_at])
            if (found := (fields[store_at], fields[item_at])) != key:
                key = found
                survey.runs.append(_Run(number))
            survey.runs[-1].count += 1
            survey.rows = number + 1
    return survey


def damage(source: Path | str, target: Path | str, *, seed: int = 1, each: int = 5) -> tuple[Planted, ...]:
    """Copies the daily sales of `source` to `target` (CSV, or CSV.gz by its name) with known faults.

    Of each kind in `FAULTS`, `each` rows are planted, no two in one row; one series loses ten days from its middle
    (``missing-days``) and all series lose two (``gaps``). The same seed plants the same. The file is read twice,
    line by line. Raises UsageError for a file that is too small or has other columns.
    """
    source, target = Path(source), Path(target)
    if source == target:
        raise UsageError(f"{source} cannot be damaged in place; name another file to write to.")
    survey = _survey(source)
    rng = stream(seed, Stream.DAMAGE)
    long_runs = [run for run in survey.runs if run.count >= LONG_RUN]
    wanted = len(FAULTS) * each
    room = survey.rows - 2 * wanted - MISSING_DAYS - GAP_DAYS * len(survey.runs)
    if not long_runs or room < wanted:
        raise UsageError(
            f"{source} is too small to be damaged: expected a series with {LONG_RUN} rows and enough others for "
            f"{wanted} faults, found {survey.rows} rows of {len(survey.runs)} series."
        )
    run = long_runs[int(rng.integers(len(long_runs)))]
    begin = run.first + run.count // 2 - MISSING_DAYS // 2
    first, last = date.fromisoformat(survey.first), date.fromisoformat(survey.last)
    # At two thirds, so that it lies clear of the ten days, which lie at a half of a series of full length.
    middle = first + (last - first) * 2 // 3
    gap = {(middle + timedelta(days=day)).isoformat() for day in range(GAP_DAYS)}
    places = np.sort(rng.choice(room, wanted, replace=False))
    codes = rng.permutation(np.repeat(list(FAULTS), each))
    return _copy_with_faults(
        source, target, survey, range(begin, begin + MISSING_DAYS), gap, list(zip(places, codes, strict=True))
    )


def _copy_with_faults(
    source: Path, target: Path, survey: _Survey, missing: range, gap: set[str], faults: list[tuple[int, str]]
) -> tuple[Planted, ...]:
    """Writes `target`. A fault whose place was taken out goes to the next row that is left."""
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
    return tuple(Planted(code, tuple(lines[code]), tuple(rows[code])) for code in lines)
