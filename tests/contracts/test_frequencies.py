"""Every table that is keyed by the frequency has all frequencies."""

from __future__ import annotations

import ast
from pathlib import Path

import foresell
from foresell.core.frequency import Frequency

SOURCES = Path(foresell.__file__).parent


def tables(tree: ast.AST) -> list[tuple[int, set[str]]]:
    """The dict literals keyed by members of `Frequency` or by their letters: the line, and the names of the members."""
    letters = {str(frequency): frequency.name for frequency in Frequency}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        members = {
            key.attr
            for key in node.keys
            if isinstance(key, ast.Attribute) and isinstance(key.value, ast.Name) and key.value.id == "Frequency"
        }
        constants = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        if constants and set(constants) <= set(letters):
            members |= {letters[letter] for letter in constants}
        if members:
            found.append((node.lineno, members))
    return found


def test_every_table_by_frequency_has_all_frequencies() -> None:
    names = {frequency.name for frequency in Frequency}
    lacking, count = [], 0
    for path in SOURCES.rglob("*.py"):
        for line, members in tables(ast.parse(path.read_text(encoding="utf-8"))):
            count += 1
            if members != names:
                lacking.append(f"{path.relative_to(SOURCES)}:{line} lacks {sorted(names - members)}")
    assert not lacking
    assert count > 20
