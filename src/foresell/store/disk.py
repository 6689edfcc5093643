"""Errors of a disk: too little free space before a step writes, and what the system refuses while it writes."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foresell.core.errors import ForesellError, StoreError

DISK_ERRORS = {
    errno.ENOSPC: "no space is left there",
    errno.EDQUOT: "the quota of its owner is used up",
    errno.EFBIG: "a file would be larger than the system allows",
    errno.EROFS: "that disk can only be read",
    errno.EACCES: "its permissions forbid it",
    errno.EPERM: "its permissions forbid it",
}
"""The errors of the operating system that a user can do something about, in words."""

UNCHANGED = "The results from before are unchanged."
ADVICE = (
    "Delete what is not needed on that disk, or move the folder of the project to another one that may be written to; "
    "then run the same command again."
)


def require(place: Path, needed: int, what: str) -> None:
    """Raises StoreError where the disk of the folder `place` has less than `needed` bytes free.

    `what` names the work that needs them, in the message.
    """
    free = shutil.disk_usage(_existing(place)).free
    if free < needed:
        raise StoreError(
            f"{what} needs about {size(needed)} in {place.resolve()}, and {size(free)} are free on that disk. "
            f"{UNCHANGED} {ADVICE}"
        )


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turns an error of the disk, met while the block writes to `place`, into a StoreError. Other errors pass."""
    try:
        yield
    except Exception as error:  # libraries raise errors of their own for what the system refuses
        reason = None if isinstance(error, ForesellError) else _reason(error)
        if reason is None:
            raise
        where = getattr(error, "filename", None) or place.resolve()
        raise StoreError(f"Writing to {where} failed: {reason} ({error}). {UNCHANGED} {ADVICE}") from error


def _reason(error: Exception) -> str | None:
    """What is wrong with the disk, in words; None for an error of another kind."""
    number = getattr(error, "errno", None)
    if number is None:  # Polars gives the number in the text only, NumPy only how much it wrote
        code = re.search(r"os error (\d+)", str(error))
        cut = isinstance(error, OSError) and re.search(r"\d+ requested and \d+ written", str(error))
        number = int(code[1]) if code else errno.ENOSPC if cut else None
    return None if number is None else DISK_ERRORS.get(number)


def size(count: int) -> str:
    """A number of bytes with its unit.

    >>> size(512), size(2_500_000), size(3_200_000_000)
    ('1 kB', '2.5 MB', '3.2 GB')
    """
    for limit, unit in ((10**9, "GB"), (10**6, "MB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{max(round(count / 1000), 1 if count else 0)} kB"


def _existing(place: Path) -> Path:
    """`place`, or the nearest folder above it that exists."""
    return next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
