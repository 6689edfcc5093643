"""Arrays that were costly to compute, kept on disk by what they were computed from."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foresell.core.errors import StoreError
from foresell.store import disk
from foresell.store.tables import atomic_path


@dataclass(frozen=True)
class ArrayCache:
    """Files of arrays in a folder, by a name and a key: a fingerprint of all that the arrays depend on.

    What cannot be written or read is not kept: a cache saves time, and nothing else depends on it.
    """

    folder: Path

    def read(self, name: str, key: str) -> dict[str, np.ndarray] | None:
        """The arrays of that name and key; None where there are none."""
        try:
            with np.load(self._file(name, key), allow_pickle=False) as stored:
                return {of: stored[of] for of in stored.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, name: str, key: str, arrays: Mapping[str, np.ndarray], most: int) -> None:
        """Keeps the arrays, and of their name only the `most` newest files."""
        with suppress(StoreError, OSError), disk.writing(self.folder):
            with atomic_path(self._file(name, key)) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            for old in sorted(self.folder.glob(f"{name}-*.npz"), key=os.path.getmtime)[:-most]:
                old.unlink(missing_ok=True)

    def _file(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{key}.npz"


def smallest(units: np.ndarray) -> np.ndarray:
    """The same numbers, none below 0, in one or two bytes each where they are whole and small enough.

    >>> smallest(np.array([0, 3.0], np.float32)).dtype, smallest(np.array([0.5], np.float32)).dtype
    (dtype('uint8'), dtype('float32'))
    """
    for kind in (np.uint8, np.uint16):
        if units.max(initial=0) <= np.iinfo(kind).max:
            small = units.astype(kind)
            if (small == units).all():
                return small
    return units
