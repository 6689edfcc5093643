"""What `foresell init` proposes: settings as plain data, with a reason for each and the questions that remain open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from foresell.core.calendars.period_table import PeriodTable

NOT_USED = "(not used)"
"""Stands in a `Reason` in place of a setting, for a column or file that is left out."""


class Reason(NamedTuple):
    """One conclusion in words, such as ``data.date``, ``sold_on``, ``its values are dates like 2024-01-31``."""

    setting: str
    conclusion: str
    why: str


class Question(NamedTuple):
    """A doubt that an option settles: its name in `Overrides`, the doubt in words, and the values that it may have.

    Where `choices` is empty, the answer is free text.
    """

    option: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """Settings as `core.settings.parse_settings` takes them; local paths in them are absolute.

    `reasons` explains each conclusion, in the order of the settings. `doubts` says in sentences for the user what the
    data leave open; `questions` are those of them that an option settles. `preset` names the layout that was used, if
    any. `answers` has what was taken for options that are no settings of their own. `periods` is a table of periods
    that goes with the settings, to be written beside them.
    """

    settings: dict[str, Any]
    reasons: tuple[Reason, ...]
    doubts: tuple[str, ...] = ()
    preset: str | None = None
    questions: tuple[Question, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    periods: PeriodTable | None = None

    def taken(self, option: str) -> Any:
        """What was concluded for an option, such as ``decimal`` or ``horizon``; None where nothing was."""
        return (
            self.answers[option]
            if option in self.answers
            else self.settings["data"].get(option, self.settings.get(option))
        )


@dataclass
class Draft:
    """A proposal in the making: the settings of `data` and those of the `top`, and the columns that have a role."""

    data: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)  # of questions whose option is no setting of its own
    periods: PeriodTable | None = None  # the periods that the sales are cut into, where no frequency has them
    writes_periods: bool = False  # they are proposed, not given by the user
    dated_by: tuple[str, ...] = ()  # the columns that name periods, of which the first has their first days

    def set(self, setting: str, value: Any, why: str) -> None:
        """Sets a setting (``data.date``, ``horizon``) with its reason; an earlier conclusion about it is replaced."""
        section, _, name = setting.rpartition(".")
        (self.data if section == "data" else self.top)[name] = value
        reason = Reason(setting, in_words(value), why)
        place = next((place for place, known in enumerate(self.reasons) if known.setting == setting), None)
        if place is None:
            self.reasons.append(reason)
        else:
            self.reasons[place] = reason

    def withdraw(self, setting: str) -> Any:
        """Takes a setting of ``data`` back, with its reason, and returns its value."""
        self.reasons = [reason for reason in self.reasons if reason.setting != setting]
        return self.data.pop(setting.removeprefix("data."))

    def note(self, setting: str, conclusion: str, why: str) -> None:
        """Notes a conclusion that sets nothing, such as a default that is kept."""
        self.reasons.append(Reason(setting, conclusion, why))

    def assign(self, setting: str, column: str, why: str) -> None:
        """Gives a column its role; no later step gives it another."""
        self.set(setting, column, why)
        self.assigned.add(column)

    def leave_out(self, column: str, why: str) -> None:
        """Notes that a column is not used, and why."""
        self.note(NOT_USED, column, why)
        self.assigned.add(column)

    def add_doubt(self, sentence: str | None, option: str | None = None, choices: Sequence[str] = ()) -> None:
        """Adds what is in doubt, if anything is; `option` settles it, with one of the `choices` or with free text."""
        if sentence:
            self.doubts.append(sentence)
        if sentence and option:
            self.questions.append(Question(option, sentence, tuple(choices)))

    def finished(self, preset: str | None = None) -> Proposal:
        """The proposal as it stands."""
        settings = {"data": self.data, **self.top}
        periods = self.periods if self.writes_periods else None
        questions = tuple(self.questions)
        return Proposal(settings, tuple(self.reasons), tuple(self.doubts), preset, questions, self.answers, periods)


def in_words(value: Any) -> str:
    """A setting's value in words.

    >>> in_words(["store", "item"]), in_words([["state"], ["store", "item"]]), in_words(None)
    ('store, item', 'state; store x item', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], list | tuple):
            return "; ".join(" x ".join(level) for level in value)
        if value and isinstance(value[0], dict):
            return "; ".join(map(in_words, value))
        return ", ".join(map(str, value)) or "none"
    return str(value)
