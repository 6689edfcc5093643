"""Checks of the options of models. Each raises a UsageError that names the option and the expected values."""

from __future__ import annotations

from foresell.core.errors import UsageError


def check_whole(model: str, option: str, value: object, least: int = 1) -> None:
    """Raises UsageError where the option is neither None nor a whole number from `least`."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise wrong_option(model, option, value, f"a whole number from {least}")


def check_share(model: str, option: str, value: object) -> None:
    """Raises UsageError where the option is no number above 0 and at most 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise wrong_option(model, option, value, "a number above 0, at most 1")


def wrong_option(model: str, option: str, value: object, expected: str) -> UsageError:
    """The error of an option that is not what is `expected`."""
    return UsageError(f"The option '{option}' of the model '{model}' is {value!r}; expected {expected}.")
