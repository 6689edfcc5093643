"""A short description of an object: a title and a few facts, as text for a prompt and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Overview:
    """A title, and facts by their names; an empty fact is left out.

    >>> print(Overview("Panel of 2 series", {"units": "12 in all", "known ahead": "price"}).text())
    Panel of 2 series
      units        12 in all
      known ahead  price
    """

    title: str
    facts: Mapping[str, str]

    @property
    def stated(self) -> list[tuple[str, str]]:
        """The facts that are not empty, with their names."""
        return [(name, fact) for name, fact in self.facts.items() if fact]

    def text(self) -> str:
        width = max((len(name) for name, _ in self.stated), default=0) + 2
        return "\n".join([self.title, *(f"  {name:<{width}}{fact}" for name, fact in self.stated)])

    def html(self) -> str:
        cell = 'style="text-align:left;vertical-align:top"'
        facts = ((escape(name), escape(fact)) for name, fact in self.stated)
        rows = "".join(f"<tr><th {cell}>{name}</th><td {cell}>{fact}</td></tr>" for name, fact in facts)
        return f"<div><strong>{escape(self.title)}</strong><table>{rows}</table></div>"


class Described:
    """An object that a prompt and a notebook show by its overview; a dataclass of it takes ``repr=False``."""

    def overview(self) -> Overview:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.overview().text()

    def _repr_html_(self) -> str:
        return self.overview().html()
