"""A baseline: figures that were found good, which later ones are held against beside the backtest's.

It is one JSON file: ``as_of`` (the last day of the sales then), ``version``, and ``figures`` (figure, part, of, name,
value; as logarithms and shares, see `bounds`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from foresell.core.errors import UnreadableFile

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Baseline:
    """What was found good: `known`, by figure and node, when the sales ended with `as_of`."""

    as_of: date
    version: str
    known: Mapping[Key, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The baseline as plain data, for JSON."""
        names = ("figure", "part", "of", "name")
        rows = [dict(zip(names, key, strict=True)) | {"value": value} for key, value in self.known.items()]
        return {"as_of": self.as_of.isoformat(), "version": self.version, "figures": rows}


def read_baseline(path: Path) -> Baseline | None:
    """The baseline in a file; None where there is no file. Raises UnreadableFile where it is none."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        known = {(row["figure"], row["part"], row["of"], row["name"]): float(row["value"]) for row in plain["figures"]}
        return Baseline(date.fromisoformat(plain["as_of"]), str(plain["version"]), known)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnreadableFile(
            f"{path} holds no baseline ({error!r}). Remove it, or write it again with: foresell monitor --baseline"
        ) from error
