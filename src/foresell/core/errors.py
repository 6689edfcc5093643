"""The errors that foresell raises on purpose.

ForesellError
├── UsageError             the caller asked for something that cannot be done     exit code 2
│   ├── SettingsError      foresell.yaml is wrong: an unknown key, a bad value
│   └── NotInstalled       the packages of an extra are missing; carries the name of the extra
├── StoreError             a bucket, database or folder failed to write or read   exit code 1
└── DataError              the data stop the work                                 exit code 1
    ├── UnreadableFile     empty, truncated, binary or mis-encoded
    └── FindingsStop       findings severe enough to stop; carries them

ForesellWarning says what stops nothing and would be wrong if it were not noticed.

A message says what was found, what was expected, how many and the first five, and what to do next.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from foresell.core.finding import Finding


class ForesellError(Exception):
    """The root of the tree: catch it to catch every error that foresell raises on purpose."""

    exit_code = 1


class UsageError(ForesellError):
    """The caller asked for something that cannot be done."""

    exit_code = 2


class SettingsError(UsageError):
    """The settings file is wrong."""


class NotInstalled(UsageError):
    """A package that only this part of foresell needs is missing; `extra` is the name of the extra that installs it."""

    def __init__(self, message: str, extra: str):
        super().__init__(message)
        self.extra = extra


class StoreError(ForesellError):
    """A bucket, database or folder failed to write or to read."""


class DataError(ForesellError):
    """The data stop the work."""


class UnreadableFile(DataError):
    """A file that is empty, truncated, binary or in an encoding that cannot be read."""


class FindingsStop(DataError):
    """Findings severe enough to stop the work; `findings` holds all of them, the mild ones too.

    `quarantine` is the table of bad rows so far, where there is one, so that it can be written in spite of the error.
    """

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), quarantine: pl.DataFrame | None = None):
        super().__init__(message)
        self.findings = findings
        self.quarantine = quarantine


class ForesellWarning(UserWarning):
    """Something in the arguments of a function that stops nothing and would be wrong if it were not noticed."""


def warn(message: str) -> None:
    """Gives a ForesellWarning at the line outside foresell that called it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] == __name__.split(".")[0]:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ForesellWarning, stacklevel=level)


def first_five(values: object) -> str:
    """The first five of `values` for a message, and how many more there are.

    >>> first_five(["a", "b"])
    'a, b'
    >>> first_five(range(7))
    '0, 1, 2, 3, 4 and 2 more'
    """
    listed = [str(value) for value in values]  # type: ignore[attr-defined]
    rest = len(listed) - 5
    return ", ".join(listed[:5]) + (f" and {rest} more" if rest > 0 else "")


def suggestion(name: str, names: Iterable[str]) -> str:
    """A sentence that names the one of `names` that `name` may have meant, with a space before it; else nothing.

    >>> suggestion("stroe", ["store", "item"]), suggestion("Date", ["date"]), suggestion("day", ["store"])
    (" Did you mean 'store'?", " Did you mean 'date'?", '')
    """
    plain = {str(known).casefold(): str(known) for known in names}
    near = difflib.get_close_matches(name.casefold(), plain, n=1)
    return f" Did you mean '{plain[near[0]]}'?" if near else ""


def suggestions(name: str, names: Iterable[str]) -> str:
    """The same with up to three names, for lists in which several are alike.

    >>> suggestions("lag_0", ["lag_1", "lag_2", "price"]), suggestions("moon", ["price"])
    (' Did you mean lag_2 or lag_1?', '')
    """
    near = difflib.get_close_matches(name, list(names), n=3)
    return f" Did you mean {' or '.join(near)}?" if near else ""
