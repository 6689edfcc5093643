"""Room on a disk: asked for before a step writes; and what went wrong while one wrote, in words."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foresell.core.errors import ForesellError, StoreError

TROUBLES = {
    errno.ENOSPC: "no space is left there",
    errno.EDQUOT: "the quota of its owner is used up",
    errno.EFBIG: "a file would be larger than the system allows",
    errno.EROFS: "that disk can only be read",
    errno.EACCES: "its permissions forbid it",
    errno.EPERM: "its permissions forbid it",
}
"""The errors of a system that a user can do something about."""

KEPT = "The results from before are whole."
ADVICE = (
    "Delete what is not needed on that disk, or move the folder of the project to another one that may be written to; "
    "then run the same command again."
)


def require(place: Path, needed: int, what: str) -> None:
    """Raises StoreError where the disk of `place` has less than `needed` bytes free; `what` is to be written there."""
    free = shutil.disk_usage(_existing(place)).free
    if free < needed:
        raise StoreError(
            f"{what} needs some {size(needed)} in {place.resolve()}, and {size(free)} are free on that disk. {KEPT} "
            f"{ADVICE}"
        )


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turns an error of the disk of `place` in the block into a StoreError of one paragraph; others pass."""
    try:
        yield
    except Exception as error:  # libraries have errors of their own for what the system refused
        trouble = None if isinstance(error, ForesellError) else trouble_of(error)
        if trouble is None:
            raise
        where = getattr(error, "filename", None) or place.resolve()
        raise StoreError(f"Writing to {where} failed: {trouble} ({error}). {KEPT} {ADVICE}") from error


def trouble_of(error: Exception) -> str | None:
    """What is wrong with the disk, in words; None for an error of another kind."""
    number = getattr(error, "errno", None)
    if number is None:  # Polars has it in the text alone
        code = re.search(r"os error (\d+)", str(error))
        number = int(code[1]) if code else None
    return None if number is None else TROUBLES.get(number)


def size(count: int) -> str:
    """Bytes as a reader counts them.

    >>> size(512), size(2_500_000), size(3_200_000_000)
    ('1 kB', '2.5 MB', '3.2 GB')
    """
    for limit, unit in ((10**9, "GB"), (10**6, "MB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{max(round(count / 1000), 1 if count else 0)} kB"


def _existing(place: Path) -> Path:
    """The place, or the nearest folder above it that there is."""
    return next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
