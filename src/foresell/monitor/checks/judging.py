"""Which figures lie outside what is usual, with false alarms no more often than was asked, over all checks together.

There are two families of checks, each with its share of the rate of false alarms (`shares`): the few checks of the
whole (bias of the total, error, skill and coverage of the total and of the single series), and all checks of its parts
(levels, groups, segments). Within each, Holm's procedure corrects for how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.monitor.accuracy import GROUP, LEVEL, NODE, SEGMENT, added_up
from foresell.monitor.bounds import (
    BIAS,
    COVERAGE,
    ERROR,
    FIGURES,
    SKILL,
    Usual,
    blocks,
    chance,
    holm,
    limit,
    usual,
    with_figures,
)
from foresell.monitor.false_alarms import PARTS, WHOLE, rate_of

SIDES = {BIAS: 2, ERROR: 1, SKILL: 1, COVERAGE: 2}
FAR = 2.0  # times the limit: far outside

Node = tuple[str, str, str]
Accepted = Mapping[tuple[str, str, str, str], float]
"""Figures of a baseline, by figure and node."""


@dataclass(frozen=True)
class Check:
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
        """The check as plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Reference:
    """What is usual, by figure and node, learnt from the day sums of a backtest; `size` is that of a block."""

    usual: Mapping[tuple[str, str, str, str], Usual]
    size: int
    windows: float

    @classmethod
    def of(cls, daily: pl.DataFrame, size: int, windows: float, nominal: float | None = None) -> Reference:
        """Learns from day sums; `windows` is how many of them do not overlap, `nominal` what the ranges promise."""
        seen = blocks(daily, size)
        found: dict[tuple[str, str, str, str], Usual] = {}
        for (part, of), rows in seen.partition_by("part", "of", as_dict=True, maintain_order=True).items():
            for figure in FIGURES:
                if _judged(figure, str(part), str(of), str(of)):
                    found |= _learn(figure, rows.filter(pl.col(figure).is_not_null()), windows, nominal)
        return cls(found, size, windows)


def _judged(figure: str, part: str, of: str, bottom: str) -> bool:
    """Whether a figure is judged at all there: the bias of a whole level is that of the total."""
    if figure == BIAS:
        return part in (GROUP, SEGMENT) or of == "total"
    if figure == ERROR:
        return part in (LEVEL, SEGMENT)
    if figure == COVERAGE:
        return part == LEVEL
    return part == LEVEL and of in ("total", bottom)


def _learn(
    figure: str, rows: pl.DataFrame, windows: float, nominal: float | None
) -> dict[tuple[str, str, str, str], Usual]:
    """What is usual of one figure of the nodes of a kind; of those that were there in half of the windows at least."""
    often = pl.col("cutoff").n_unique().over(NODE) * 2 >= rows["cutoff"].n_unique()
    rows = rows.filter(often & (pl.col("forecast") > 0))
    names = rows.select(NODE).unique(maintain_order=True)
    numbered = rows.join(names.with_row_index("node"), on=list(NODE), how="left", maintain_order="left")
    size = pl.lit(1.0) if figure == COVERAGE else pl.col("forecast")
    values = numbered.select(pl.col("node").cast(pl.Int64), "cutoff", "block", value=figure, size=size)
    lend = bool(rows.height) and rows["part"][0] == GROUP
    found = usual(values, windows, _floor(figure, numbered, names.height, nominal), lend)
    return {(figure, *node): each for node, each in zip(names.iter_rows(), found, strict=True) if each is not None}


def _floor(figure: str, rows: pl.DataFrame, count: int, nominal: float | None) -> np.ndarray:
    """A variance that no block can have less of: that of counting units, or actuals in a range.

    The second is the binomial's, of errors that are worth the square root of their number (as in `adjust.ranges`), and
    for ranges that hold at most what they promise: where all was inside so far, it need not stay so.
    """
    found = np.zeros(count)
    if figure == COVERAGE:
        share = (pl.col("inside").sum() + 1) / (pl.col("ranged").sum() + 2)
        share = pl.min_horizontal(share, pl.lit(1.0 if nominal is None else nominal))
        least = share * (1 - share) / pl.col("ranged").mean().sqrt()
    elif figure == BIAS:
        least = 1 / pl.max_horizontal(pl.col("forecast").mean(), pl.lit(1.0))
    else:
        return found
    by_node = rows.group_by("node").agg(least=least)
    found[by_node["node"].to_numpy()] = by_node["least"].to_numpy()
    return found


def judge(
    daily: pl.DataFrame, reference: Reference, bottom: str, rate: float, baseline: Accepted | None = None
) -> list[Check]:
    """The checks of one version by its day sums; `rate` is that of false alarms of a whole look (`shares`).

    `bottom` names the level of the single series. Where there is a `baseline`, what lies within the bounds round its
    figure is no alarm either. Nothing is judged before a whole block has come in.
    """
    sums = added_up(daily, NODE)
    if sums.is_empty() or int(sums["days"].max()) < reference.size:  # type: ignore[operator, arg-type]
        return []
    made = list(_checks(with_figures(sums, []), reference, bottom, baseline or {}))
    found = []
    for family in (WHOLE, PARTS):
        members = [each for each in made if each.family == family]
        limits = holm([each.chance for each in members], rate_of(family, rate))
        found += [_bounded(each, below) for each, below in zip(members, limits, strict=True)]
    return found


def _checks(sums: pl.DataFrame, reference: Reference, bottom: str, baseline: Accepted) -> Iterator[Check]:
    for row in sums.iter_rows(named=True):
        node = (row["part"], row["of"], row["name"])
        for figure in FIGURES:
            known, value = reference.usual.get((figure, *node)), row[figure]
            if known is None or value is None or not _judged(figure, row["part"], row["of"], bottom):
                continue
            now = known if figure == COVERAGE else known.at(row["forecast"] * reference.size / row["days"])
            yield _check(figure, node, row, now, reference.size, bottom, baseline.get((figure, *node)))


def _check(
    figure: str, node: Node, row: dict[str, Any], known: Usual, size: int, bottom: str, accepted: float | None
) -> Check:
    """One check, its bounds not yet known: they depend on the other checks."""
    centres = [known.mean] if accepted is None else [known.mean, accepted]
    centre = min(centres, key=lambda each: abs(row[figure] - each))
    score = known.moved(centre).score(row[figure], row["days"] / size)
    whole = node[0] == LEVEL and node[1] in ("total", bottom)
    return Check(
        figure,
        *node,
        family=WHOLE if whole else PARTS,
        value=row[figure],
        expected=centre,
        low=None,
        high=None,
        score=score,
        freedom=known.freedom,
        chance=chance(score, known.freedom, SIDES[figure]),
        below=0.0,
        spread=known.spread(row["days"] / size),
        alarm=False,
        far=False,
        days=row["days"],
        units=row["units"],
        forecast=row["forecast"],
        baseline=accepted,
    )


def _bounded(check: Check, below: float) -> Check:
    """The check with its bounds and its verdict."""
    sides = SIDES[check.figure]
    most = limit(below, check.freedom, sides)
    reach = most * check.spread
    beyond = check.chance < below and not (check.figure == SKILL and check.value <= 0)
    return replace(
        check,
        low=check.expected - reach if sides == 2 else None,
        high=check.expected + reach,
        below=below,
        alarm=beyond,
        far=beyond and abs(check.score) > FAR * most,
    )
