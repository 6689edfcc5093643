"""What an engine does: it works on blocks of series, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LostBlock:
    """What comes in the place of a result where the worker ended by itself, or took too long: then it is `late`."""

    reason: str
    late: bool = False


class Engine(Protocol):
    """Runs the same work on every block. A block is a panel of some series, or what the work makes one of.

    The work must depend on nothing but its block and on what is bound to it beforehand, such as the `Statistics` of all
    series; then the results do not depend on the engine, nor on how the panel was cut. Work, blocks and results may be
    pickled: work is a function of a module, or a `functools.partial` of one.
    """

    @abstractmethod
    def map(self, work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
        """The result of each block, in the order of the blocks. Only some results wait at a time to be taken.

        Forecasts and sampled rows are gathered in this way. An error of the work is raised where its result is taken.
        An engine that can lose a block, or gives up one that takes too long, gives a `LostBlock` in its place.
        """
        ...

    def merge(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], merge: Callable[[Result, Result], Result]
    ) -> Result:
        """The results of all blocks merged into one, for a `merge` that is associative; such as sums by group.

        Neighbours of equal size are merged, so that none is copied more than a few times. Raises ValueError where there
        is no block.
        """
        merged: list[tuple[int, Result]] = []  # how many blocks, and their result
        for result in self.map(work, blocks):
            size = 1
            while merged and merged[-1][0] == size:
                size, result = 2 * size, merge(merged.pop()[1], result)
            merged.append((size, result))
        if not merged:
            raise ValueError("There is no block to work on.")
        total = merged.pop()[1]
        while merged:
            total = merge(merged.pop()[1], total)
        return total
