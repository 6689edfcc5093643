"""Which figures lie outside what is usual, with false alarms no more often than the settings allow.

All figures are judged together, in two families, each with its part of the rate of false alarms: the few judgements of
the whole (of the total and of the single series), and all those of its parts (levels, groups, segments), however many.
Within each family, Holm's procedure corrects for how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.monitor.accuracy import GROUP, LEVEL, NODE, added_up
from foresell.monitor.bounds import Usual, chance, holm, limit, usual
from foresell.monitor.checks.figure import Figure, blocks, with_figures

WHOLE, PARTS = "whole", "parts"
"""The families of judgements."""

FAR = 2.0  # times the limit: far outside

Node = tuple[str, str, str]
Accepted = Mapping[tuple[str, str, str, str], float]
"""Figures of a baseline, by figure and node."""


@dataclass(frozen=True)
class Judgement:
    """One figure of one node held against what is usual; logs as in `bounds`.

    `low` and `high` are the bounds (None on a side that is not judged), round `expected`; `chance` is how likely a
    figure so far off is when nothing has changed, `below` what it must be below to be an alarm, `spread` the standard
    error.
    """

    figure: str
    part: str
    of: str
    name: str
    family: str
    value: float
    expected: float
    low: float | None
    high: float | None
    score: float
    freedom: float
    chance: float
    below: float
    spread: float
    alarm: bool
    far: bool
    days: int
    units: float
    forecast: float
    baseline: float | None = None

    @property
    def node(self) -> Node:
        return self.part, self.of, self.name

    def to_dict(self) -> dict[str, Any]:
        """The judgement as plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Reference:
    """What is usual, by figure and node, learnt from the day sums of a backtest; `size` is that of a block."""

    usual: Mapping[tuple[str, str, str, str], Usual]
    size: int
    windows: float


def learn_reference(
    daily: pl.DataFrame, figures: Sequence[Figure], size: int, windows: float, nominal: float | None = None
) -> Reference:
    """Learns what is usual from the day sums of a backtest.

    `windows` is how many of its windows do not overlap, `nominal` the share that ranges promise to hold.
    """
    seen = blocks(daily, size, figures)
    learnt: dict[tuple[str, str, str, str], Usual] = {}
    for (part, of), rows in seen.partition_by("part", "of", as_dict=True, maintain_order=True).items():
        for figure in figures:
            if figure.judged_at(str(part), str(of), str(of)):
                learnt |= _learn(figure, rows.filter(pl.col(figure.name).is_not_null()), windows, nominal)
    return Reference(learnt, size, windows)


def _learn(
    figure: Figure, rows: pl.DataFrame, windows: float, nominal: float | None
) -> dict[tuple[str, str, str, str], Usual]:
    """What is usual of one figure of the nodes of a kind; of those that were there in half of the windows at least."""
    often = pl.col("cutoff").n_unique().over(NODE) * 2 >= rows["cutoff"].n_unique()
    rows = rows.filter(often & (pl.col("forecast") > 0))
    names = rows.select(NODE).unique(maintain_order=True)
    numbered = rows.join(names.with_row_index("node"), on=list(NODE), how="left", maintain_order="left")
    size = pl.col("forecast") if figure.varies_with_size else pl.lit(1.0)
    values = numbered.select(pl.col("node").cast(pl.Int64), "cutoff", "block", value=figure.name, size=size)
    lend = bool(rows.height) and rows["part"][0] == GROUP
    by_node = usual(values, windows, _least_variance(figure, numbered, names.height, nominal), lend)
    return {
        (figure.name, *node): known for node, known in zip(names.iter_rows(), by_node, strict=True) if known is not None
    }


def _least_variance(figure: Figure, rows: pl.DataFrame, count: int, nominal: float | None) -> np.ndarray:
    """The variance that no block can have less of: float64 [node], 0 where the figure has no such limit."""
    least = np.zeros(count)
    if figure.least_variance is not None:
        by_node = rows.group_by("node").agg(least=figure.least_variance(nominal))
        least[by_node["node"].to_numpy()] = by_node["least"].to_numpy()
    return least


def judge(
    daily: pl.DataFrame,
    figures: Sequence[Figure],
    reference: Reference,
    bottom: str,
    rates: Mapping[str, float],
    baseline: Accepted | None = None,
) -> list[Judgement]:
    """Every figure of one forecast, by its day sums, beside what is usual.

    `bottom` names the level of the single series; `rates` has the rate of false alarms of each family. Where there is a
    `baseline`, what lies within the bounds round its figure is no alarm either. Nothing is judged before a whole block
    has come in.
    """
    sums = added_up(daily, NODE)
    if sums.is_empty() or int(sums["days"].max()) < reference.size:  # type: ignore[operator, arg-type]
        return []
    named = {figure.name: figure for figure in figures}
    unbounded = list(_unbounded(with_figures(sums, [], figures), figures, reference, bottom, baseline or {}))
    judgements = []
    for family in (WHOLE, PARTS):
        members = [judgement for judgement in unbounded if judgement.family == family]
        limits = holm([judgement.chance for judgement in members], rates[family])
        judgements += [_bounded(one, named[one.figure], below) for one, below in zip(members, limits, strict=True)]
    return judgements


def _unbounded(
    sums: pl.DataFrame, figures: Sequence[Figure], reference: Reference, bottom: str, baseline: Accepted
) -> Iterator[Judgement]:
    """The judgements without their bounds, which depend on the other judgements of their family."""
    for row in sums.iter_rows(named=True):
        node = (row["part"], row["of"], row["name"])
        for figure in figures:
            known, value = reference.usual.get((figure.name, *node)), row[figure.name]
            if known is None or value is None or not figure.judged_at(row["part"], row["of"], bottom):
                continue
            now = known.at(row["forecast"] * reference.size / row["days"]) if figure.varies_with_size else known
            yield _judgement(figure, node, row, now, reference.size, bottom, baseline.get((figure.name, *node)))


def _judgement(
    figure: Figure, node: Node, row: dict[str, Any], known: Usual, size: int, bottom: str, accepted: float | None
) -> Judgement:
    value = row[figure.name]
    centres = [known.mean] if accepted is None else [known.mean, accepted]
    centre = min(centres, key=lambda mean: abs(value - mean))
    score = known.moved(centre).score(value, row["days"] / size)
    whole = node[0] == LEVEL and node[1] in ("total", bottom)
    return Judgement(
        figure.name,
        *node,
        family=WHOLE if whole else PARTS,
        value=value,
        expected=centre,
        low=None,
        high=None,
        score=score,
        freedom=known.freedom,
        chance=chance(score, known.freedom, figure.sides),
        below=0.0,
        spread=known.spread(row["days"] / size),
        alarm=False,
        far=False,
        days=row["days"],
        units=row["units"],
        forecast=row["forecast"],
        baseline=accepted,
    )


def _bounded(judgement: Judgement, figure: Figure, below: float) -> Judgement:
    """The judgement with its bounds and its verdict."""
    most = limit(below, judgement.freedom, figure.sides)
    reach = most * judgement.spread
    harmless = figure.harmless is not None and judgement.value <= figure.harmless
    beyond = judgement.chance < below and not harmless
    return replace(
        judgement,
        low=judgement.expected - reach if figure.sides == 2 else None,
        high=judgement.expected + reach,
        below=below,
        alarm=beyond,
        far=beyond and abs(judgement.score) > FAR * most,
    )
