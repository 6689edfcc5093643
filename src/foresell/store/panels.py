"""A panel in a folder: its cubes as NumPy arrays that are mapped rather than read, its tables as Parquet."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel

ABOUT = "panel.json"
_BLOCK = 2048  # series whose cells are hashed at a time


def save_panel(panel: Panel, folder: Path) -> str:
    """Writes `panel` into `folder` and returns its digest, which names its content.

    - ``panel.json``: keys, frequency, country, the names of the known-ahead covariates, the digest.
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
    about = {
        "keys": list(panel.keys),
        "frequency": str(panel.frequency),
        "country": panel.country,
        "known": list(panel.known),
        "digest": digest(panel),
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(about["digest"])


def load_panel(folder: Path) -> Panel:
    """The panel that `save_panel` wrote. Its cubes stay on disk and are read as they are used; they cannot be
    written to.

    Raises UnreadableFile where there is none, or not all of it.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        known = {
            name: Known(_mapped(folder / f"known_{number}.npy"), np.load(folder / f"known_{number}_rows.npy"))
            for number, name in enumerate(about["known"])
        }
        return Panel(
            series=pl.read_parquet(folder / "series.parquet"),
            keys=tuple(about["keys"]),
            dates=np.load(folder / "dates.npy"),
            units=_mapped(folder / "units.npy"),
            known=known,
            events=pl.read_parquet(folder / "events.parquet"),
            frequency=Frequency(about["frequency"]),
            country=about["country"],
        )
    except (OSError, ValueError, KeyError, EOFError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(f"{folder} does not hold a whole panel. Make it again with: foresell check --again") from (
            error
        )


def digest(panel: Panel) -> str:
    """16 characters that name the content of a panel: the same panel has the same, another has another."""
    content = hashlib.blake2b(digest_size=8)
    about = (panel.keys, str(panel.frequency), panel.country, panel.series.schema, panel.units.shape, list(panel.known))
    content.update(repr(about).encode())
    for table in (panel.series, panel.events):
        content.update(table.write_csv(quote_style="non_numeric").encode())
    content.update(np.ascontiguousarray(panel.dates).view(np.uint8).data)
    for cube in (panel.units, *(part for known in panel.known.values() for part in (known.values, known.rows))):
        for start in range(0, len(cube), _BLOCK):
            content.update(np.ascontiguousarray(cube[start : start + _BLOCK]).view(np.uint8).data)
    return content.hexdigest()


def _mapped(path: Path) -> np.ndarray:
    """The array in `path`, left on disk; a file without a cell cannot be mapped and is read."""
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except ValueError:
        return np.load(path)
