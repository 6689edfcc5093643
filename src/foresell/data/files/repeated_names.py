"""Names of columns that come again in the same header, and empty ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from foresell.core.errors import UnreadableFile, first_five

_REPEATED = re.compile(r"(.*)_duplicated_\d+")


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names of columns, each with a number where it comes again.

    >>> distinct_names(["a", "b", "a"])
    ['a', 'b', 'a_duplicated_0']
    """
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        distinct.append(f"{name}_duplicated_{seen[name] - 1}" if seen[name] else name)
        seen[name] += 1
    return distinct


def is_nameless(name: str) -> bool:
    """Whether a distinct name stands for an empty one.

    >>> is_nameless(""), is_nameless("_duplicated_1"), is_nameless("units")
    (True, True, False)
    """
    return re.fullmatch(r"(_duplicated_\d+)?", name) is not None


def require_distinct(names: Iterable[str], file: str) -> None:
    """Raises UnreadableFile where two of the distinct `names`, each of a series or a day of `file`, were the same."""
    names = list(names)
    matches = [match for name in names if (match := _REPEATED.fullmatch(name))]
    repeated = list(dict.fromkeys(match[1] for match in matches if match[1] in names))
    if repeated:
        raise UnreadableFile(
            f"{file} has {len(repeated)} names that several columns have: {first_five(repeated)}. Each column is read "
            f"as one series or date, so each needs a name of its own, such as 'S1 {repeated[0]}' and "
            f"'S2 {repeated[0]}': join the row above the names to them if it tells the columns apart."
        )
