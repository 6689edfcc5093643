"""Judges which figures lie outside their usual bounds, with false alarms no more often than the settings allow.

All figures are judged together, in two families, each with its share of the false-alarm rate: the few judgements of
the whole (the total and the single series), and the judgements of the parts (levels, groups, segments). Within each
family, Holm's procedure corrects for their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.monitor.accuracy import LEVEL, NODE, added_up
from foresell.monitor.baseline import FigureKey
from foresell.monitor.bounds import UsualFigure, chance, holm, limit, usual_figures
from foresell.monitor.checks.figure import Figure, blocks, with_figures

WHOLE, PARTS = "whole", "parts"
"""The families of judgements."""

FAR = 2.0  # a score of so many times the limit is far outside

Node = tuple[str, str, str]
Accepted = Mapping[FigureKey, float]
"""The figures of a baseline, by figure and node."""


@dataclass(frozen=True)
class Judgement:
    """One figure of one node compared with its usual distribution; logarithms as in `bounds`.

    - `low` and `high`: the bounds round `expected`; None on a side that is not judged.
    - `score`: the deviation in standard errors (`spread`). `freedom`: its degrees of freedom.
    - `chance`: its p-value. `below`: the limit that the p-value must be below for an `alarm`. `far`: far outside.
    - `days`, `units`, `forecast`: the days judged, the units sold in them, the units forecast.
    - `baseline`: the value that was accepted as good, where there is one.
    - `blind`: whether the bounds exclude nothing that matters (`figure.is_blind`), so that it cannot be judged yet.
    - `beside`: the value beside all that is as usual, where some groups are not; `explained_by`: the groups that
      explain why the figure lies outside, so that it is no alarm itself. See `roll_up`.
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
    blind: bool = False
    beside: float | None = None
    explained_by: tuple[str, ...] = ()

    @property
    def shown(self) -> float:
        """The value that is shown: ``beside``, where there is one."""
        return self.value if self.beside is None else self.beside

    @property
    def title(self) -> str:
        """The group or segment in words, such as ``store S1``."""
        return f"{self.of} {self.name}"

    @property
    def node(self) -> Node:
        return self.part, self.of, self.name

    def to_dict(self) -> dict[str, Any]:
        """The judgement as plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Reference:
    """The usual distribution of each figure and node in a backtest; `size` is the number of periods of a block."""

    usual: Mapping[FigureKey, UsualFigure]
    size: int
    windows: float


def learn_reference(
    daily: pl.DataFrame, figures: Sequence[Figure], size: int, windows: float, nominal: float | None = None
) -> Reference:
    """Learns the usual distributions from the day sums of a backtest.

    `windows` is how many of its windows do not overlap. `nominal` is the share that ranges promise to contain.
    """
    usual: dict[FigureKey, UsualFigure] = {}
    pool = pl.when(pl.col("part") == LEVEL).then("of").otherwise(pl.lit("")).alias("__pool")
    block_figures = blocks(daily, size, figures).with_columns(pool)
    for rows in block_figures.partition_by("part", "__pool", maintain_order=True):
        part, of = rows.row(0, named=True)["part"], rows.row(0, named=True)["of"]
        for figure in figures:
            if figure.judged_at(part, of, of):
                usual |= _learn(figure, rows.filter(pl.col(figure.name).is_not_null()), windows, nominal)
    return Reference(usual, size, windows)


def _learn(figure: Figure, rows: pl.DataFrame, windows: float, nominal: float | None) -> dict[FigureKey, UsualFigure]:
    """The usual distribution of one figure, for those nodes of `rows` that occur in at least half of the windows: a
    level as a whole, the groups of all levels, or all segments."""
    often = pl.col("cutoff").n_unique().over(NODE) * 2 >= rows["cutoff"].n_unique()
    rows = rows.filter(often & (pl.col("forecast") > 0))
    names = rows.select(NODE).unique(maintain_order=True)
    numbered = rows.join(names.with_row_index("node"), on=list(NODE), how="left", maintain_order="left")
    size = pl.col("forecast") if figure.varies_with_size else pl.lit(1.0)
    values = numbered.select(pl.col("node").cast(pl.Int64), "cutoff", "block", value=figure.name, size=size)
    borrow = bool(rows.height) and rows["part"][0] != LEVEL
    by_node = usual_figures(values, windows, _least_variance(figure, numbered, names.height, nominal), borrow)
    return {
        (figure.name, *node): usual for node, usual in zip(names.iter_rows(), by_node, strict=True) if usual is not None
    }


def _least_variance(figure: Figure, rows: pl.DataFrame, count: int, nominal: float | None) -> np.ndarray:
    """The least variance of a block, float64 [node]; 0 where the figure has no such limit."""
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
    """Every figure of one forecast, from its day sums, compared with its usual distribution.

    `bottom` names the level of the single series. `rates` has the false-alarm rate of each family. A figure within the
    bounds round its value in the `baseline` is no alarm either. Nothing is judged before a whole block has come in.
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
        judgements += [
            _bounded(judgement, named[judgement.figure], below)
            for judgement, below in zip(members, limits, strict=True)
        ]
    return judgements


def _unbounded(
    sums: pl.DataFrame, figures: Sequence[Figure], reference: Reference, bottom: str, baseline: Accepted
) -> Iterator[Judgement]:
    """The judgements without their bounds, which depend on the other judgements of their family."""
    for row in sums.iter_rows(named=True):
        node = (row["part"], row["of"], row["name"])
        for figure in figures:
            usual = reference.usual.get((figure.name, *node))
            if usual is None or row[figure.name] is None or not figure.judged_at(row["part"], row["of"], bottom):
                continue
            if figure.varies_with_size:
                usual = usual.for_size(row["forecast"] * reference.size / row["days"])
            yield _judgement(figure, node, row, usual, reference.size, bottom, baseline.get((figure.name, *node)))


def _judgement(
    figure: Figure, node: Node, row: dict[str, Any], usual: UsualFigure, size: int, bottom: str, accepted: float | None
) -> Judgement:
    """The judgement of one row of sums. Of the usual and the accepted value, the nearer is the expected one."""
    value = row[figure.name]
    centres = [usual.mean] if accepted is None else [usual.mean, accepted]
    centre = min(centres, key=lambda mean: abs(value - mean))
    score = usual.centred_on(centre).score(value, row["days"] / size)
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
        freedom=usual.freedom,
        chance=chance(score, usual.freedom, figure.sides),
        below=0.0,
        spread=usual.spread(row["days"] / size),
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
        blind=not beyond and figure.is_blind(judgement.expected, reach),
        far=beyond and abs(judgement.score) > FAR * most,
    )
