"""Micro-batching: single predictions that arrive while the service is busy are made together, in one call.

A call of the service costs about as much for fifty rows as for one. So the cost of a request falls as the load grows,
and a request that arrives alone does not wait.
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
class _Request:
    answer: Answer
    row: Row
    result: asyncio.Future[dict[str, Any]]


class MicroBatcher:
    """Calls methods of a service in a thread of `executor`, each with all the rows that wait for that method."""

    def __init__(self, executor: Executor):
        self._executor = executor
        self._waiting: deque[_Request] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, answer: Answer, row: Row) -> dict[str, Any]:
        """The row that `answer` returns for `row`, which has at least one column.

        Raises whatever `answer` raises, and the problem 503 where too many requests wait.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Problem(503, f"{MOST_WAITING:,} requests are waiting already.", headers={"Retry-After": "1"})
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(answer, row, result))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await result

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            requests = self._next()
            if not requests:
                continue
            try:
                answers = await loop.run_in_executor(self._executor, _answers, requests)
            except BaseException as error:  # such as of an executor that was shut down: no request may wait for ever
                answers = [error] * len(requests)
            for request, answer in zip(requests, answers, strict=True):
                if request.result.done():
                    continue
                if isinstance(answer, BaseException):
                    request.result.set_exception(answer)
                else:
                    request.result.set_result(answer)

    def _next(self) -> list[_Request]:
        """The next requests in the order of their arrival, as long as they are for the same method."""
        batch: list[_Request] = []
        while self._waiting and len(batch) < MOST_TOGETHER:
            request = self._waiting[0]
            if batch and request.answer != batch[0].answer:
                break
            self._waiting.popleft()
            if not request.result.done():  # the client may have gone
                batch.append(request)
        return batch


def _answers(requests: list[_Request]) -> list[dict[str, Any] | BaseException]:
    """The answers in order. Where the call fails for all rows, each row is tried alone, so that only bad rows fail."""
    try:
        answers = requests[0].answer(table([request.row for request in requests])).to_dicts()
        if len(answers) != len(requests):
            raise AssertionError(f"{len(answers)} answers to {len(requests)} requests")
        return list(answers)
    except Exception as error:
        if len(requests) == 1:
            return [error]
        return [answer for request in requests for answer in _answers([request])]


def table(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows with different columns as a table of texts, null where a row does not have the column.

    Values are texts, as in a CSV file, because a column of mixed numbers would change some of them: an item 5 would
    become 5.0 when another request has 2.5.

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
