"""Every setting with its description, default and example, read from where it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec

from foresell.core.settings.base import Strict


@dataclass(frozen=True)
class SettingDescription:
    """One setting in words.

    - `text`: what it means.
    - `default`: its default as plain data; None where it has none, and for a section.
    - `example`: a value as plain data that shows how the setting is written.
    - `settings`: the settings within it by name, where it is a section or a list of sections; else empty.
    - `is_list`: whether it is a list of sections.
    """

    text: str
    default: Any
    example: Any
    settings: Mapping[str, SettingDescription]
    is_list: bool = False


def describe(section: type[Strict]) -> dict[str, SettingDescription]:
    """The settings of a section by name, in the order of their declaration.

    >>> from foresell.core.settings import Backtest
    >>> windows = describe(Backtest)["windows"]
    >>> windows.text, windows.default, windows.example
    ('how many cutoffs, counted back from the last sale', 3, 3)
    """
    return {field.name: _describe(field) for field in msgspec.structs.fields(section)}


def _describe(field: msgspec.structs.FieldInfo) -> SettingDescription:
    meta = next(part for part in field.type.__metadata__ if isinstance(part, msgspec.Meta) and part.description)
    sections = _sections(field.type)
    settings = describe(sections[0]) if sections else {}
    default = None if sections else _default(field)
    is_list = bool(sections) and _is_list(field.type)
    inner = {name: setting.example for name, setting in settings.items()}
    example = meta.examples[0] if meta.examples else [inner] if is_list else inner if settings else default
    return SettingDescription(str(meta.description), default, example, settings, is_list)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a setting as plain data; None where it has none. An empty list or table has a factory."""
    if field.default is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default)
    factory = field.default_factory
    return None if factory is msgspec.NODEFAULT else msgspec.to_builtins(factory())  # type: ignore[operator]


def _is_list(annotation: Any) -> bool:
    """Whether an annotation such as ``Annotated[tuple[Model, ...] | None, ...]`` is of a list of sections."""
    return get_origin(annotation) is tuple or any(_is_list(part) for part in get_args(annotation))


def _sections(annotation: Any) -> list[type[Strict]]:
    """The sections that an annotation such as ``Annotated[tuple[Model, ...] | None, ...]`` mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
