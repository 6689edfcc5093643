"""Checks of the arguments of public functions; each raises a UsageError that says what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

from foresell.core.errors import UsageError, first_five


def column_names(value: object, argument: str) -> tuple[str, ...]:
    """The names of columns that `argument` lists. Raises UsageError for a plain text and for what lists no text.

    >>> column_names(["store", "item"], "keys")
    ('store', 'item')
    """
    if isinstance(value, str):
        raise UsageError(
            f"'{argument}' is the plain text '{value}'; expected names of columns. Write `{argument}=('{value}',)`."
        )
    names = tuple(value) if isinstance(value, Iterable) else ()
    odd = [name for name in names if not isinstance(name, str)]
    if odd or not isinstance(value, Iterable):
        raise UsageError(f"'{argument}' is {value!r}; expected names of columns, as in `{argument}=('store', 'item')`.")
    return names


def levels_of(value: object) -> tuple[tuple[str, ...], ...]:
    """The levels that ``levels`` lists, each a tuple of columns. Raises UsageError for plain texts.

    >>> levels_of([("store",), ("store", "category")])
    (('store',), ('store', 'category'))
    """
    example = "`levels=[('store',)]`"
    if isinstance(value, str):
        raise UsageError(
            f"'levels' is the plain text '{value}'; expected a list of levels, each a tuple of columns. "
            f"Write `levels=[('{value}',)]`."
        )
    if not isinstance(value, Iterable):
        raise UsageError(f"'levels' is {value!r}; expected a list of levels, each a tuple of columns, as in {example}.")
    levels = list(value)
    plain = [level for level in levels if isinstance(level, str)]
    if plain:
        tuples = ", ".join(f"('{level}',)" if isinstance(level, str) else repr(tuple(level)) for level in levels)
        raise UsageError(
            f"'levels' has the plain text {first_five(map(repr, plain))} where a tuple of columns is expected. Write "
            f"`levels=[{tuples}]`."
        )
    return tuple(column_names(level, "levels") for level in levels)


def whole_number(value: object, argument: str, least: int = 1) -> int:
    """The whole number that `argument` is. Raises UsageError for anything else, and for less than `least`.

    >>> whole_number(28, "horizon")
    28
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise UsageError(f"'{argument}' is {value!r}; expected a whole number from {least} on.")
    return int(value)


def one_of(value: object, argument: str, choices: Iterable[str], meanings: str = "") -> str:
    """The choice that `argument` is. Raises UsageError for what is none of the `choices`.

    >>> one_of("zero", "absent", ["zero", "unknown"])
    'zero'
    """
    allowed = [str(choice) for choice in choices]
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(
            f"'{argument}' is {value!r}; expected one of {first_five(map(repr, allowed))}{meanings}. Write "
            f"`{argument}='{allowed[0]}'`, for example."
        )
    return str(value)
