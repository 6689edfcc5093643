"""Questions that wait are answered together, each with its own answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from foresell.apps.api.micro_batching import MOST_WAITING, MicroBatcher
from foresell.apps.api.problems import Problem
from foresell.core.errors import UsageError


def doubled(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(twice=pl.col("number").cast(pl.Int64) * 2)


def test_those_that_come_meanwhile_are_one_call() -> None:
    sizes, first = [], threading.Event()

    def answer(rows: pl.DataFrame) -> pl.DataFrame:
        sizes.append(rows.height)
        first.wait(60)
        return doubled(rows)

    async def run() -> list[dict]:
        with ThreadPoolExecutor(1) as pool:
            together = MicroBatcher(pool)
            asked = [asyncio.create_task(together.ask(answer, {"number": 0}))]
            while not sizes:
                await asyncio.sleep(0.001)
            asked += [asyncio.create_task(together.ask(answer, {"number": number})) for number in range(1, 40)]
            await asyncio.sleep(0)
            first.set()
            return await asyncio.gather(*asked)

    assert [each["twice"] for each in asyncio.run(run())] == [2 * number for number in range(40)]
    assert sizes == [1, 39]


def test_a_bad_question_spoils_none_of_the_others() -> None:
    def answer(rows: pl.DataFrame) -> pl.DataFrame:
        if (rows["number"] == "7").any():
            raise UsageError("7 cannot be doubled")
        return doubled(rows)

    async def run() -> list:
        with ThreadPoolExecutor(1) as pool:
            together = MicroBatcher(pool)
            asked = [together.ask(answer, {"number": number}) for number in range(10)]
            return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(run())
    assert isinstance(found.pop(7), UsageError)
    assert [each["twice"] for each in found] == [0, 2, 4, 6, 8, 10, 12, 16, 18]


def test_rows_with_different_columns_and_two_services_do_not_mix() -> None:
    def seen(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(given=pl.concat_list(pl.all().is_not_null()).list.sum(), width=pl.lit(rows.width))

    def other(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(other=pl.col("a"))

    async def run() -> list[dict]:
        with ThreadPoolExecutor(1) as pool:
            together = MicroBatcher(pool)
            asked = [(seen, {"a": 1}), (seen, {"b": "x", "c": True}), (other, {"a": 5}), (seen, {"a": 2.5})]
            return await asyncio.gather(*(together.ask(answer, row) for answer, row in asked))

    first, second, third, fourth = asyncio.run(run())
    assert (first["given"], second["given"], third, fourth) == (1, 2, {"other": "5"}, {"given": 1, "width": 1})


def test_too_many_are_told_so_and_who_left_is_not_asked_for() -> None:
    begun, held, sizes = threading.Event(), threading.Event(), []

    def answer(rows: pl.DataFrame) -> pl.DataFrame:
        begun.set()
        held.wait(60)
        sizes.append(rows.height)
        return doubled(rows)

    async def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            together = MicroBatcher(pool)
            asked = [asyncio.create_task(together.ask(answer, {"number": 0}))]
            await asyncio.to_thread(begun.wait, 60)
            asked += [asyncio.create_task(together.ask(answer, {"number": 1})) for _ in range(MOST_WAITING)]
            await asyncio.sleep(0)
            with pytest.raises(Problem, match="requests are waiting"):
                await together.ask(answer, {"number": 1})
            for each in asked[1:]:
                each.cancel()
            await asyncio.sleep(0)
            held.set()
            assert (await asked[0])["twice"] == 0

    asyncio.run(run())
    assert sizes == [1]
