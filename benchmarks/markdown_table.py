"""A table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(columns)} |"]
    lines.append("|---" * lines[0].count(" | ") + "|---|")
    lines += [f"| {' | '.join(str(each).replace('|', '/') for each in row)} |" for row in rows]
    return "\n".join(lines)
