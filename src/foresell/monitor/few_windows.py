"""The finding that a backtest has too few windows to show what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from foresell.core.finding import Finding
from foresell.core.words import many
from foresell.monitor.bounds import limit
from foresell.monitor.checks import bias
from foresell.monitor.checks.judging import Judgement, Reference
from foresell.monitor.codes import finding

FEW = 6.0
"""With fewer windows than this, the bounds are so wide that hardly anything lies outside."""


def few_windows(reference: Reference, judgements: Sequence[Judgement], noun: str = "day") -> Iterator[Finding]:
    """The finding, where the backtest is too short for useful bounds. It says how far the total may lie off."""
    if reference.windows < FEW:
        several = f"{reference.windows:g} windows that do not overlap tell"
        subject = "1 window alone tells" if reference.windows == 1 else several
        yield finding("few-windows", "backtest", 1, f"{subject} what is usual{_left_open(reference, judgements, noun)}")


def _left_open(reference: Reference, judgements: Sequence[Judgement], noun: str) -> str:
    """How far the total may lie off without an alarm, as it is and if there were `FEW` windows."""
    total = next((judgement for judgement in judgements if (judgement.figure, *judgement.node) == bias.TOTAL), None)
    if total is None:
        return ""
    usual = reference.usual[bias.TOTAL].for_size(total.forecast * reference.size / total.days)
    now, with_more = (
        limit(total.below, figure.freedom, bias.FIGURE.sides) * figure.spread(total.days / reference.size)
        for figure in (usual, usual.with_windows(FEW / reference.windows))
    )
    return (
        f", so that of all sales a bias of {_within(total.expected, now)} over {many(total.days, noun)} stays "
        f"unnoticed; with {FEW:g} windows that vary as much, {_within(total.expected, with_more)}"
    )


def _within(centre: float, reach: float) -> str:
    """The biases of a range of logs of sales over forecast, in words.

    >>> _within(0.0, 0.2), _within(0.0, 3.0)
    ('−18 % to +22 %', 'almost any size')
    """
    if reach > np.log(10):
        return "almost any size"
    return f"{bias.in_words(centre + reach)} to {bias.in_words(centre - reach)}"
