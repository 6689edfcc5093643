"""A baseline: figures that a user accepted as good. Later figures are compared with it and with the backtest.

It is one JSON file: ``as_of`` (the last day of the sales when it was accepted), ``version``, and ``figures`` (figure,
part, of, name, value; logarithms and shares, see `bounds`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from foresell.core.errors import UnreadableFile
from foresell.core.frequency import date_of_text

FigureKey = tuple[str, str, str, str]
"""A figure of a node: figure, part, of, name."""


@dataclass(frozen=True)
class Baseline:
    """The accepted figures: `known` has their values by figure and node; the sales ended with `as_of`."""

    as_of: date
    version: str
    known: Mapping[FigureKey, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The baseline as plain data, for JSON."""
        names = ("figure", "part", "of", "name")
        rows = [dict(zip(names, key, strict=True)) | {"value": value} for key, value in self.known.items()]
        return {"as_of": self.as_of.isoformat(), "version": self.version, "figures": rows}


def read_baseline(path: Path) -> Baseline | None:
    """The baseline in a file; None where there is no file. Raises UnreadableFile where the file holds no baseline."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        known = {(row["figure"], row["part"], row["of"], row["name"]): float(row["value"]) for row in plain["figures"]}
        return Baseline(date_of_text(plain["as_of"]), str(plain["version"]), known)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnreadableFile(
            f"{path} holds no baseline ({error!r}). Remove it, or write it again with: foresell monitor --baseline"
        ) from error
