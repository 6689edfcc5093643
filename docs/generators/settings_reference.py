"""The reference of the settings, from `foresell.core.settings`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from foresell.core.settings import Settings
from foresell.core.settings.base import Strict
from foresell.core.settings.descriptions import SettingDescription, describe
from generators.markdown import sentence, table, value

BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}


def settings_reference() -> str:
    """A table of the settings of each section; the section that stands at the top of the file comes first."""
    descriptions = describe(Settings)
    parts = ["## At the top of the file\n", _table(Settings, descriptions, "")]
    for path, section, description in _sections(Settings, descriptions, ""):
        parts += [f"\n## `{path}`\n", sentence(description.text) + "\n", _table(section, description.settings, path)]
    return "\n".join(parts)


def _sections(
    section: type[Strict], descriptions: dict[str, SettingDescription], path: str
) -> Iterator[tuple[str, type[Strict], SettingDescription]]:
    for field in msgspec.structs.fields(section):
        description = descriptions[field.name]
        inner = _section_of(msgspec.inspect.type_info(field.type))
        if inner is not None:
            yield path + field.name, inner, description
            yield from _sections(inner, dict(description.settings), f"{path}{field.name}.")


def _table(section: type[Strict], descriptions: dict[str, SettingDescription] | object, path: str) -> str:
    rows = []
    for field in msgspec.structs.fields(section):
        description = descriptions[field.name]  # type: ignore[index]
        kind = msgspec.inspect.type_info(field.type)
        name = f"[`{field.name}`](#{_anchor(path, field.name)})" if _section_of(kind) else f"`{field.name}`"
        default = "required" if field.required else "" if description.settings else value(description.default)
        example = "" if description.settings or description.example == description.default else description.example
        rows.append([name, sentence(description.text), type_words(kind), default, value(example or None)])
    return table(["setting", "meaning", "type", "default", "example"], rows)


def _anchor(path: str, name: str) -> str:
    return f"{path}.{name}".strip(".").replace(".", "").lower()


def _section_of(kind: msgspec.inspect.Type) -> type[Strict] | None:
    """The section that a type holds, alone or in a list; None for a plain setting."""
    match kind:
        case msgspec.inspect.Metadata():
            return _section_of(kind.type)
        case msgspec.inspect.UnionType():
            return next((section for part in kind.types if (section := _section_of(part))), None)
        case msgspec.inspect.VarTupleType():
            return _section_of(kind.item_type)
        case msgspec.inspect.DictType():
            return _section_of(kind.value_type)
        case msgspec.inspect.StructType():
            return kind.cls
    return None


def type_words(kind: msgspec.inspect.Type) -> str:
    """A type in words.

    >>> from foresell.core.settings.base import Columns, Share
    >>> type_words(msgspec.inspect.type_info(Share)), type_words(msgspec.inspect.type_info(Columns | None))
    ('number from 0 to 1', 'list of text')
    """
    match kind:
        case msgspec.inspect.Metadata():
            return type_words(kind.type)
        case msgspec.inspect.UnionType():
            words = (type_words(part) for part in kind.types if not isinstance(part, msgspec.inspect.NoneType))
            return " or ".join(dict.fromkeys(words))
        case msgspec.inspect.LiteralType():
            return " or ".join(value(choice) for choice in kind.values)
        case msgspec.inspect.VarTupleType():
            return f"list of {type_words(kind.item_type)}"
        case msgspec.inspect.DictType():
            return f"{type_words(kind.value_type)} by name"
        case msgspec.inspect.StructType():
            return "section"
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            word = "whole number" if isinstance(kind, msgspec.inspect.IntType) else "number"
            bounds = [
                text.format(getattr(kind, name)) for name, text in BOUNDS.items() if getattr(kind, name) is not None
            ]
            return " ".join([word, *bounds])
        case msgspec.inspect.StrType():
            return "text"
        case msgspec.inspect.AnyType():
            return "any value"
    raise TypeError(f"A setting has a type without words: {kind}. Add words for it to type_words.")
