"""Markdown that the generators share: tables, values and descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown.

    >>> print(table(["name", "value"], [["a", "x | y"]]))
    | name | value |
    |---|---|
    | a | x \\| y |
    """
    lines = [heads, ["---"] * len(heads), *([_cell(text) for text in row] for row in rows)]
    first, rule, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([first, rule.replace(" ", ""), *rest])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def value(plain: object) -> str:
    """A value as it is written in YAML, as code; empty for None.

    >>> value([["store"], ["item"]]), value(0.05), value(None), value("a, b")
    ('`[[store], [item]]`', '`0.05`', '', '`a, b`')
    """
    return "" if plain is None else f"`{_flow(plain)}`"


def _flow(plain: object) -> str:
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in plain.items()) + "}"
    if isinstance(plain, list | tuple):
        return "[" + ", ".join(map(_flow, plain)) + "]"
    if isinstance(plain, str):
        return plain if plain.strip() == plain and plain not in ("", ",", ".") else json.dumps(plain)
    return json.dumps(plain)


def sentence(text: str) -> str:
    """The text with a capital and a full stop; angle brackets are kept from being read as HTML.

    >>> sentence("the levels, <b> or s3://bucket")
    'The levels, &lt;b> or s3://bucket.'
    """
    text = text.strip().replace("<", "&lt;")
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?]" else ".")
