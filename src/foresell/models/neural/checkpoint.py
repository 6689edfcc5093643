"""Where a training that is stopped goes on: the state after its last epoch, in a file named after what it learns."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from foresell.models.neural.windows import Windows


@dataclass(frozen=True)
class Checkpoint:
    """The file of a training; without a `path` nothing is kept."""

    path: Path | None = None

    @classmethod
    def of(cls, folder: Path | None, *parts: object) -> Checkpoint:
        """The file in `folder` for a training of these `parts`: windows, arrays, and what has a text."""
        if folder is None:
            return cls()
        digest = hashlib.sha256()
        for part in parts:
            for values in _arrays(part):
                digest.update(np.ascontiguousarray(values).data)
        return cls(folder / f"{digest.hexdigest()[:24]}.pt")

    def read(self, torch: Any, device: Any) -> Mapping[str, Any] | None:
        """The state that was written last; None where there is none, or none that can be read."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            state: Mapping[str, Any] = torch.load(self.path, map_location=device, weights_only=True)
        except Exception:  # a file that another torch wrote, or that a full disk cut off, is made anew
            return None
        return state

    def write(self, torch: Any, state: Mapping[str, Any]) -> None:
        """Writes the state; a stop meanwhile leaves the one before."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        passing = self.path.with_suffix(f".{os.getpid()}")
        torch.save(dict(state), passing)
        passing.replace(self.path)


def _arrays(part: object) -> list[np.ndarray]:
    if isinstance(part, Windows):
        return [getattr(part, each.name) for each in fields(part)]
    return [part] if isinstance(part, np.ndarray) else [np.frombuffer(repr(part).encode(), np.uint8)]
