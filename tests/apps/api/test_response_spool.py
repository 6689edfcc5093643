"""What waits to be fetched: in order, whole, and in bounded memory."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from foresell.apps.api.response_spool import Spool

PARTS = st.lists(st.one_of(st.binary(min_size=1, max_size=30), st.none()), max_size=40)


@given(PARTS, st.integers(1, 60))
def test_all_that_is_put_is_fetched_in_its_order(steps, memory) -> None:
    """A None in the steps is a fetch in between."""

    async def run() -> tuple[bytes, int]:
        spool, fetched, most = Spool(memory), b"", 0
        put = 0
        for step in steps:
            if step is not None:
                spool.put(step)
                put += len(step)
            elif len(fetched) < put:
                fetched += await anext(spool)
            most = max(most, sum(map(len, spool._parts)))
        spool.end()
        async for part in spool:
            fetched += part
        return fetched, most

    fetched, most = asyncio.run(run())
    assert fetched == b"".join(step for step in steps if step is not None)
    assert most <= memory


def test_who_waits_is_woken() -> None:
    async def run() -> list[bytes]:
        spool = Spool()

        async def fetch() -> list[bytes]:
            return [part async for part in spool]

        fetching = asyncio.create_task(fetch())
        await asyncio.sleep(0)
        spool.put(b"one")
        await asyncio.sleep(0)
        spool.put(b"two")
        spool.end()
        return await fetching

    assert b"".join(asyncio.run(run())) == b"onetwo"


def test_room_on_disk_is_given_back_when_all_is_fetched() -> None:
    async def run() -> None:
        spool = Spool(memory=1)
        for _ in range(3):
            spool.put(b"x" * 1000)
            assert await anext(spool) == b"x" * 1000
            assert spool._file is not None
            assert spool._file.seek(0, 2) == 0
        spool.close()

    asyncio.run(run())
