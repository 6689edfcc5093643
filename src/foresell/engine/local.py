"""Blocks are worked on here, by a few threads: numpy, polars and the tree libraries free the interpreter meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from foresell.engine.protocol import Block, Engine, Result


@dataclass(frozen=True)
class LocalEngine(Engine):
    """An engine of so many threads; with one, work is done where its result is taken.

    >>> list(LocalEngine(2).map(len, ["a", "bc", ""])), LocalEngine(1).merge(len, ["a", "bc", ""], max)
    ([1, 2, 0], 2)
    """

    threads: int = 2

    def map(self, work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
        """See `Engine.map`. Begins at most one block more than there are threads before a result is taken."""
        if self.threads == 1:
            yield from map(work, blocks)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            waiting: deque[Future[Result]] = deque()
            for block in blocks:
                waiting.append(pool.submit(work, block))
                if len(waiting) > self.threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


LOCAL = LocalEngine()
"""What makes training rows and sums."""

ONE_BY_ONE = LocalEngine(threads=1)
"""What forecasts: the tree libraries use all cores for a block, and only one block is in memory."""
