"""What a sample consists of, and how large to make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[float, str], None]  # the share that is done, from 0 to 1, and what is being done


@dataclass(frozen=True)
class SampleFiles:
    """Where a sample lies, and what it holds.

    `tables` maps the name of each file of master or known-ahead data to its path, `truth` the name of each file
    of the truth to its path; `settings` is a tree for ``foresell.yaml`` that reads the sample, with paths
    relative to `folder`.
    """

    folder: Path
    sales: Path
    tables: dict[str, Path]
    truth: dict[str, Path]
    rows: int
    series: int
    settings: dict[str, object]
