"""What `foresell init` concluded: settings as plain data, with a reason for each and what remains in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Reason(NamedTuple):
    """One conclusion in words, such as ``data.date``, ``sold_on``, ``its values are dates like 2024-01-31``."""

    setting: str
    conclusion: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """Settings as `core.settings.parse_settings` takes them; local paths in them are absolute.

    `reasons` explains each conclusion, in the order of the settings; `doubts` says what the data leave open, as
    sentences for the user; `preset` names the layout that was used, if any.
    """

    settings: dict[str, Any]
    reasons: tuple[Reason, ...]
    doubts: tuple[str, ...] = ()
    preset: str | None = None


@dataclass
class Draft:
    """A proposal in the making: `data` and `top` settings, and which columns already have a role."""

    data: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def conclude(self, setting: str, value: Any, why: str) -> None:
        """Sets a setting (``data.date``, ``horizon``) with its reason."""
        room, _, name = setting.rpartition(".")
        (self.data if room == "data" else self.top)[name] = value
        self.say(setting, shown(value), why)

    def say(self, setting: str, conclusion: str, why: str) -> None:
        """A conclusion that sets nothing, such as a column that is not used."""
        self.reasons.append(Reason(setting, conclusion, why))

    def take(self, setting: str, column: str, why: str) -> None:
        """Gives a column its role, which it then has for good."""
        self.conclude(setting, column, why)
        self.taken.add(column)

    def unused(self, column: str, why: str) -> None:
        """Says that a column is left out, and why."""
        self.say("(not used)", column, why)
        self.taken.add(column)

    def doubt(self, sentence: str | None) -> None:
        if sentence:
            self.doubts.append(sentence)

    def finished(self, preset: str | None = None) -> Proposal:
        """The proposal as it stands."""
        return Proposal({"data": self.data, **self.top}, tuple(self.reasons), tuple(self.doubts), preset)


def shown(value: Any) -> str:
    """A setting's value in words.

    >>> shown(["store", "item"]), shown([["state"], ["store", "item"]]), shown(None)
    ('store, item', 'state; store x item', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], list | tuple):
            return "; ".join(" x ".join(level) for level in value)
        return ", ".join(map(str, value)) or "none"
    return str(value)
