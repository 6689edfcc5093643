"""Single questions that come while others are being answered are answered together, in one call of the service.

A call costs about as much for fifty rows as for one. So the more is asked, the less one question costs, and one that
comes alone does not wait for others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import polars as pl

from foresell.apps.api.problems import Problem

Answer = Callable[[pl.DataFrame], pl.DataFrame]
Row = Mapping[str, object]

MOST_TOGETHER = 256
MOST_WAITING = 2000
EXACT = 2**53  # whole numbers up to here are exact as floats


@dataclass(frozen=True)
class _Question:
    answer: Answer
    row: Row
    told: asyncio.Future[dict[str, Any]]


class Together:
    """Hands rows to `answer`, a method of a service, in a thread of `executor`; those of one method at a time."""

    def __init__(self, executor: Executor):
        self._executor = executor
        self._waiting: deque[_Question] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, answer: Answer, row: Row) -> dict[str, Any]:
        """The row that `answer` gives for `row`, which has a column at least.

        Raises what it raises, and the problem 503 where too many wait.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Problem(503, f"{MOST_WAITING:,} questions are waiting already.", headers={"Retry-After": "1"})
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Question(answer, row, told))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await told

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            questions = self._next()
            if not questions:
                continue
            try:
                found = await loop.run_in_executor(self._executor, _answers, questions)
            except BaseException as error:  # the executor is gone: nobody is left waiting for ever
                found = [error] * len(questions)
            for question, each in zip(questions, found, strict=True):
                if question.told.done():
                    continue
                if isinstance(each, BaseException):
                    question.told.set_exception(each)
                else:
                    question.told.set_result(each)

    def _next(self) -> list[_Question]:
        """The questions that are answered next: in the order they came, as long as they are for one method."""
        taken: list[_Question] = []
        while self._waiting and len(taken) < MOST_TOGETHER:
            question = self._waiting[0]
            if taken and question.answer != taken[0].answer:
                break
            self._waiting.popleft()
            if not question.told.done():  # whoever asked has not gone away
                taken.append(question)
        return taken


def _answers(questions: list[_Question]) -> list[dict[str, Any] | BaseException]:
    """The answers in order. Where all together cannot be answered, each is asked alone, so that none spoils another."""
    try:
        found = questions[0].answer(table([question.row for question in questions])).to_dicts()
        if len(found) != len(questions):
            raise AssertionError(f"{len(found)} answers to {len(questions)} questions")
        return list(found)
    except Exception as error:
        if len(questions) == 1:
            return [error]
        return [found for question in questions for found in _answers([question])]


def table(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows with different columns as a table of texts, null where a row has not the column.

    Texts, as in a CSV file, because a column of numbers of several kinds would change the ones beside the others: an
    item 5 would be 5.0 when someone else asks for 2.5.

    >>> table([{"item": 5, "price": 2.0}, {"item": 2.5, "promotion": True}]).rows()
    [('5', '2', None), ('2.5', None, 'true')]
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: pl.Series([_text(row.get(name)) for row in rows], dtype=pl.String) for name in names})


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value)
