"""What an engine does: it works on blocks of series, wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs the same work on every block. A block is a panel of some series, or what the work makes one of.

    The work must depend on nothing but its block and on what is bound to it beforehand, such as the `Statistics` of all
    series; then the results do not depend on the engine, nor on how the panel was cut.
    """

    def map(self, work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
        """The result of each block, in the order of the blocks. Only a few results wait at a time to be taken.

        Forecasts and sampled rows are gathered in this way. An error of the work is raised where its result is taken.
        """
        ...

    def merge(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], merge: Callable[[Result, Result], Result]
    ) -> Result:
        """The results of all blocks merged into one, for a `merge` that is associative; such as sums by group.

        Raises ValueError where there is no block.
        """
        ...
