"""The doubts of `foresell init`, put one after another on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from foresell.apps.cli.command import paragraph
from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.onboarding.proposal import Proposal, Question, in_words

Infer = Callable[[Mapping[str, Any]], Proposal]
Ask = Callable[[Question, Any], Any]  # takes a question and what was concluded; returns the answer


def require_terminal() -> None:
    """Raises UsageError where nobody can answer."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "--ask needs a terminal to put its questions on. Leave it out: what is in doubt is printed then, with the "
            "option that settles it."
        )


def settle(infer: Infer, given: Mapping[str, Any], ask: Ask) -> Proposal:
    """The proposal when every question of it has been answered; those that the `given` options settle are not asked.

    The table is looked at again after each answer, because one conclusion follows from another. An answer that does not
    fit the table is asked for again.
    """
    answers = {name: value for name, value in given.items() if value is not None}
    asked: set[str] = set()
    proposal = infer(answers)
    while question := next((q for q in _questions(proposal) if q.option not in asked | answers.keys()), None):
        answer = ask(question, proposal.taken(question.option))
        if answer in (None, ""):
            asked.add(question.option)
            continue
        try:
            proposal = infer(answers | {question.option: answer})
        except UsageError as error:
            click.echo(paragraph(str(error)))
        else:
            answers[question.option] = answer
    return proposal


def _questions(proposal: Proposal) -> list[Question]:
    """What the data leave open, and then what no data can say."""
    noun = Frequency(proposal.taken("frequency") or Frequency.DAY).noun
    questions = [*proposal.questions, Question("horizon", f"How many {noun}s ahead do you plan?")]
    if proposal.taken("country") is None:
        sentence = "Whose public holidays count? An ISO code such as US or DE; nothing where none count."
        questions.append(Question("country", sentence))
    return questions


def ask_on_terminal(question: Question, taken: Any) -> Any:
    """Puts one question; Enter keeps what was taken."""
    click.echo("\n" + paragraph(question.text))
    if question.option == "horizon":
        return click.prompt("horizon", type=click.IntRange(1), default=taken)
    if not question.choices:
        return click.prompt(question.option, default="" if taken is None else in_words(taken), show_default=bool(taken))
    for number, choice in enumerate(question.choices, 1):
        click.echo(f"  {number}  {choice}{'  (taken)' if choice == taken else ''}")
    default = question.choices.index(taken) + 1 if taken in question.choices else None
    number = click.prompt(question.option, type=click.IntRange(1, len(question.choices)), default=default)
    return question.choices[number - 1]
