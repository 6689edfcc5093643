"""What is wrong with a value for a field of a record, in a sentence: the value, what is allowed, and an example."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import inspect

MOST_TEXT = 60  # characters of a value that are shown


def mismatch(error: msgspec.ValidationError, record: type[msgspec.Struct], given: Mapping[str, Any]) -> str:
    """What `error` says of the values `given` for a record.

    >>> from foresell.core.settings import OrderTables
    >>> given = {"service": 1.5}
    >>> try:
    ...     msgspec.convert(given, OrderTables)
    ... except msgspec.ValidationError as error:
    ...     print(mismatch(error, OrderTables, given))
    'service' is 1.5; expected a number above 0 and below 1, or null, such as 0.98.
    """
    place = re.search(r"at `\$\.(\w+)", str(error)) or re.search(r"required field `(\w+)`", str(error))
    info = inspect.type_info(record)
    assert isinstance(info, inspect.StructType)
    fields = {field.encode_name: field for field in info.fields}
    if place is None or place[1] not in fields:
        return f"{error}."
    name = place[1]
    example = _example(fields[name])
    such_as = "" if example is None else f", such as {shown(example)}"
    is_given = f"is {shown(given[name])}" if name in given else "is missing"
    return f"'{name}' {is_given}; expected {allowed(fields[name].type)}{such_as}."


def shown(value: Any) -> str:
    """A value as JSON writes it, cut where it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]} ..."


def allowed(kind: inspect.Type) -> str:
    """The values of a type, in words.

    >>> allowed(inspect.type_info(int)), allowed(inspect.type_info(list[str] | None))
    ('a whole number', 'a list, each a text, or null')
    """
    match kind:
        case inspect.Metadata():
            return allowed(kind.type)
        case inspect.UnionType():
            return ", or ".join(allowed(part) for part in sorted(kind.types, key=lambda part: _is_null(part)))
        case inspect.LiteralType():
            return "one of " + ", ".join(shown(value) for value in kind.values)
        case inspect.EnumType():
            return "one of " + ", ".join(shown(value.value) for value in kind.cls)
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(kind, inspect.IntType) else "a number") + _bounds(kind)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            return f"a list, each {allowed(kind.item_type)}"
    return _WORDS.get(type(kind), "an object")


_WORDS: dict[type, str] = {
    inspect.NoneType: "null",
    inspect.BoolType: "true or false",
    inspect.StrType: "a text",
    inspect.DateType: "a date",
    inspect.DateTimeType: "a time",
}


def _is_null(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    limits = [(word, getattr(kind, name)) for name, word in words.items()]
    text = " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)
    return f" {text}" if text else ""


def _example(field: inspect.Field) -> Any:
    """The example of a field, else its default, else one of its type; None where there is none."""
    kind = field.type
    while isinstance(kind, inspect.Metadata):
        examples = (kind.extra_json_schema or {}).get("examples")
        if examples:
            return examples[0]
        kind = kind.type
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        return field.default
    parts = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return date(2026, 1, 31) if any(isinstance(part, inspect.DateType) for part in parts) else None
