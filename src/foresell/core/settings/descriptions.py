"""Every setting with its description, default and example, read from where it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from foresell.core.settings.base import Strict


@dataclass(frozen=True)
class SettingDescription:
    """One setting in words.

    - `text`: what it means.
    - `default`: its default as plain data; None where it has none, and for a section.
    - `example`: a value as plain data that shows how the setting is written.
    - `settings`: the settings within it by name, where it is a section or a list of sections; else empty.
    """

    text: str
    default: Any
    example: Any
    settings: Mapping[str, SettingDescription]


def describe(section: type[Strict]) -> dict[str, SettingDescription]:
    """The settings of a section by name, in the order of their declaration.

    >>> from foresell.core.settings import Backtest
    >>> describe(Backtest)["windows"]
    SettingDescription(text='how many cutoffs, counted back from the last sale', default=3, example=3, settings={})
    """
    return {field.name: _describe(field) for field in msgspec.structs.fields(section)}


def _describe(field: msgspec.structs.FieldInfo) -> SettingDescription:
    meta = next(part for part in field.type.__metadata__ if isinstance(part, msgspec.Meta) and part.description)
    sections = _sections(field.type)
    settings = describe(sections[0]) if sections else {}
    default = None if sections or field.default is msgspec.NODEFAULT else msgspec.to_builtins(field.default)
    example = {name: setting.example for name, setting in settings.items()} if settings else default
    return SettingDescription(str(meta.description), default, meta.examples[0] if meta.examples else example, settings)


def _sections(annotation: Any) -> list[type[Strict]]:
    """The sections that an annotation such as ``Annotated[tuple[Model, ...] | None, ...]`` mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
