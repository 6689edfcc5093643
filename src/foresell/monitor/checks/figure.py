"""A figure of day sums that is compared with its usual value: how it is computed, judged and shown.

Figures are judged as logarithms (`bounds`), which treat errors of either side alike. They are shown on the scale of the
table ``accuracy``:

| figure | is judged as | is shown as |
|---|---|---|
| bias | log of units sold over units forecast | forecast over sales, less 1: above 0 too much was forecast |
| error | log of WAPE | WAPE |
| skill | log of the error over that of seasonal naive | value added: the share by which the error is smaller |
| coverage | share in the range | the same, between 0 and 1 |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from foresell.monitor.accuracy import LEVEL, NODE, SUMS

_MOST = 50.0  # the largest logarithm that is shown: bounds of few windows go beyond it, where `exp` overflows


BLIND = math.log(2)
"""Where the bounds of a logarithm reach so far, the figure could halve or double unnoticed: it cannot be judged yet."""


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure, judged at the nodes (the total, levels, groups, segments) for which `judged_at` is true.

    - `name`: its name in ``summary.json``. `column`: its column in the table ``accuracy``.
    - `value`: the judged value, as an expression of the columns `accuracy.SUMS`.
    - `read`: converts a judged value to the scale on which it is shown; `falling` where that reverses the order.
    - `judged_at`: takes the part and the level of a node, and the level of the single series.
    - `code`, `sentence`, `short`: of a `Judgement`, the code of its alarm, the alarm as a sentence, the figure alone.
    - `sides`: 2 where a figure may be too low or too high, 1 where only too high.
    - `beside_total`: whether the figure of the total is taken out of those of groups and segments.
    - `varies_with_size`: whether blocks of fewer units vary more.
    - `least_variance`: takes the share that ranges promise, and gives the least variance of a node's blocks.
    - `harmless`: the value up to which there is no alarm.
    - `mild`: codes that are never an error.
    - `is_blind`: takes the expected value and how far the bounds reach from it, and says whether they exclude nothing
      that matters.
    """

    name: str
    column: str
    value: pl.Expr
    read: Callable[[float], float]
    judged_at: Callable[[str, str, str], bool]
    code: Callable[[Any], str]
    sentence: Callable[[Any], str]
    short: Callable[[Any], str]
    sides: int = 2
    falling: bool = False
    beside_total: bool = False
    varies_with_size: bool = True
    least_variance: Callable[[float | None], pl.Expr] | None = None
    harmless: float | None = None
    mild: frozenset[str] = field(default_factory=frozenset)
    is_blind: Callable[[float, float], bool] = lambda expected, reach: bool(reach >= BLIND)

    def read_as(self, value: float | None) -> float | None:
        """A judged value on the scale on which it is shown; None stays None."""
        return None if value is None else self.read(value)

    def scaled(self, judgement: Any) -> Scaled:
        """A judgement as it is shown. Where the scale reverses the order, its bounds change places."""
        low, high = self.read_as(judgement.low), self.read_as(judgement.high)
        if self.falling:
            low, high = high, low
        return Scaled(self.read(judgement.shown), self.read(judgement.expected), low, high)


class Scaled(NamedTuple):
    """A judgement as it is shown: its value, the usual value and the bounds; None on a side that is not judged."""

    value: float
    usual: float
    low: float | None
    high: float | None


def log_ratio(part: str, whole: str) -> pl.Expr:
    """The log of one sum over another. Half a unit added to both keeps it finite where nothing was sold."""
    return ((pl.col(part) + 0.5) / (pl.col(whole) + 0.5)).log()


def capped(logarithm: float) -> float:
    """The logarithm, limited to what `exp` can take.

    >>> capped(1e5)
    50.0
    """
    return min(logarithm, _MOST)


def with_figures(sums: pl.DataFrame, by: Sequence[str], figures: Sequence[Figure]) -> pl.DataFrame:
    """Sums with a column for each figure. Nothing is taken out of a figure where there is no total of the same `by`."""
    total = sums.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total"))
    total = total.select(*by, *(figure.value.alias(f"__{figure.name}") for figure in figures))
    whole = (pl.col("part") == LEVEL).cast(pl.Boolean)
    one = pl.lit(0).alias("__one")  # a key for the join, also where `by` is empty
    joined = sums.with_columns(one).join(total.with_columns(one), on=["__one", *by], how="left", maintain_order="left")
    columns = [
        pl.when(whole).then(figure.value).otherwise(figure.value - pl.col(f"__{figure.name}").fill_null(0.0))
        if figure.beside_total
        else figure.value
        for figure in figures
    ]
    named = [column.alias(figure.name) for column, figure in zip(columns, figures, strict=True)]
    return joined.with_columns(named).drop("__one", *(f"__{figure.name}" for figure in figures))


def blocks(daily: pl.DataFrame, size: int, figures: Sequence[Figure]) -> pl.DataFrame:
    """The figures of each complete block of `size` steps: the columns of `NODE`, ``cutoff``, ``block``, the figures."""
    number = ((pl.col("step") - 1) // size).alias("block")
    by = [*NODE, "cutoff", "block"]
    sums = daily.with_columns(number).group_by(by, maintain_order=True).agg(pl.col(SUMS).sum(), steps=pl.len())
    whole = sums.filter((pl.col("steps") == size) & (pl.col("points") > 0))
    return with_figures(whole, ["cutoff", "block"], figures)
