"""A panel as a folder of files: its cubes are NumPy arrays that are mapped into memory, its tables are Parquet."""

from __future__ import annotations

import hashlib
import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.errors import UnreadableFile
from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel

DESCRIPTION = "panel.json"
_BLOCK = 2048  # series whose cells are hashed at a time


def save_panel(panel: Panel, folder: Path) -> str:
    """Writes `panel` into `folder`. Returns its digest.

    - ``panel.json``: keys, frequency, country, `ended_after`, the names of the known-ahead covariates, the digest,
      and the table of periods where there is one.
    - ``series.parquet``, ``events.parquet``, ``dates.npy``, ``units.npy`` (float32 [series, day]).
    - ``known_0.npy`` (values [row, day + ahead]) and ``known_0_rows.npy`` ([series] -> row), and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    panel.series.write_parquet(folder / "series.parquet")
    panel.events.write_parquet(folder / "events.parquet")
    np.save(folder / "dates.npy", panel.dates)
    np.save(folder / "units.npy", panel.units)
    for number, known in enumerate(panel.known.values()):
        np.save(folder / f"known_{number}.npy", known.values)
        np.save(folder / f"known_{number}_rows.npy", known.rows)
    description: dict[str, Any] = {
        "keys": list(panel.keys),
        "frequency": str(panel.frequency),
        "country": panel.country,
        "ended_after": panel.ended_after,
        "known": list(panel.known),
        "digest": digest(panel),
    }
    if table := panel.frequency.table:
        description["periods"] = _table_as_text(table)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(description["digest"])


def load_panel(folder: Path) -> Panel:
    """The panel that `save_panel` wrote. Its cubes stay on disk, are read where they are used, and are read-only.

    Raises UnreadableFile where the folder has no panel or only part of one.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        known = {
            name: Known(_mapped(folder / f"known_{number}.npy"), np.load(folder / f"known_{number}_rows.npy"))
            for number, name in enumerate(description["known"])
        }
        return Panel(
            series=pl.read_parquet(folder / "series.parquet", glob=False),
            keys=tuple(description["keys"]),
            dates=np.load(folder / "dates.npy"),
            units=_mapped(folder / "units.npy"),
            known=known,
            events=pl.read_parquet(folder / "events.parquet", glob=False),
            frequency=_frequency(description),
            country=description["country"],
            ended_after=description.get("ended_after"),
        )
    except (OSError, ValueError, KeyError, EOFError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(f"{folder} does not hold a whole panel. Make it again with: foresell check --again") from (
            error
        )


def digest(panel: Panel) -> str:
    """A hash of the content of a panel, 16 characters long. Equal panels have equal digests."""
    hasher = hashlib.blake2b(digest_size=8)
    shape = (panel.keys, str(panel.frequency), panel.country, panel.series.schema, panel.units.shape, list(panel.known))
    hasher.update(repr(shape if panel.ended_after is None else (*shape, panel.ended_after)).encode())
    if periods := panel.frequency.table:
        hasher.update(repr(_table_as_text(periods)).encode())
    for table in (panel.series, panel.events):
        hasher.update(table.write_csv(quote_style="non_numeric").encode())
    hasher.update(np.ascontiguousarray(panel.dates).view(np.uint8).data)
    for cube in (panel.units, *(part for known in panel.known.values() for part in (known.values, known.rows))):
        for start in range(0, len(cube), _BLOCK):
            hasher.update(np.ascontiguousarray(cube[start : start + _BLOCK]).view(np.uint8).data)
    return hasher.hexdigest()


def _table_as_text(table: PeriodTable) -> dict[str, list]:
    """The table of periods as plain data."""
    places = [] if table.places is None else table.places.tolist()
    return {"begins": np.datetime_as_string(table.begins).tolist(), "names": list(table.names), "places": places}


def _frequency(description: dict[str, Any]) -> Frequency:
    """The frequency of a saved panel, with its table of periods where it has one."""
    frequency = Frequency(description["frequency"])
    if not (periods := description.get("periods")):
        return frequency
    places = np.array(periods["places"], np.int64) if periods["places"] else None
    table = PeriodTable(np.array(periods["begins"], "datetime64[D]"), tuple(periods["names"]), places)
    return frequency.with_table(table)


def days_of(values: np.ndarray, days: slice) -> np.ndarray:
    """A copy of some days of a cube [row, day], which on disk may be larger than the memory one has.

    A page of the disk has many days of a row; pages are given back once the days are copied.
    """
    columns = range(*days.indices(values.shape[1]))
    copy = np.empty((len(values), len(columns)), values.dtype)
    mapped = getattr(values.base, "_mmap", None)
    for start in range(0, len(values), _BLOCK):
        copy[start : start + _BLOCK] = values[start : start + _BLOCK, days]
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
    return copy


def _mapped(path: Path) -> np.ndarray:
    """The array in the file `path`, mapped into memory. An array without elements cannot be mapped and is read."""
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except ValueError:
        return np.load(path)
