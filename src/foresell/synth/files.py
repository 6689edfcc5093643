"""The files of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[float, str], None]  # the share that is done, from 0 to 1, and what is being done


@dataclass(frozen=True)
class SampleFiles:
    """The files of a sample in `folder`, and how many sales `rows` and `series` they hold.

    `tables` are the paths of master data and of data known ahead, by name; `truth` are those of the truth. `settings`
    is the content of a ``foresell.yaml`` that reads the sample, with paths relative to `folder`.
    """

    folder: Path
    sales: Path
    tables: dict[str, Path]
    truth: dict[str, Path]
    rows: int
    series: int
    settings: dict[str, object]
