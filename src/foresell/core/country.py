"""Countries whose public holidays are known."""

from __future__ import annotations

from foresell.core.errors import UsageError, suggestion


def check_country(country: object, argument: str = "country") -> None:
    """Raises UsageError where `country` is no ISO code whose public holidays are known.

    >>> check_country("DE")
    """
    hint = ""
    if isinstance(country, str):
        import holidays

        try:
            holidays.country_holidays(country)
            return
        except NotImplementedError:
            hint = suggestion(country, (code for code in holidays.list_supported_countries() if len(code) == 2))
    raise UsageError(
        f"'{argument}' is {country!r}, whose public holidays are not known; expected an ISO code, such as US.{hint}"
    )
