"""How the false alarms that one look may raise are shared out: `monitoring.false_alarms` is their rate for all of it.

A look asks five questions. Whatever one has to do with another, none of them is answered wrongly more often than all
their rates added up (Bonferroni's inequality); so each is given a share, and the shares add up to one. Within its
share each corrects for how many things it looks at.
"""

from __future__ import annotations

WHOLE, PARTS, SLOW, INPUTS, EMPTY = "whole", "parts", "slow drift", "inputs", "empty shelves"

SHARES = {
    WHOLE: 0.4,  # the few checks of the total and of the single series (`judging`)
    PARTS: 0.2,  # the checks of levels, groups and segments, however many: they do not blunt the look at the whole
    SLOW: 0.2,  # a drift that no week shows alone (`cusum`)
    INPUTS: 0.15,  # drift of inputs and of predictions (`drift`)
    EMPTY: 0.05,  # more days out of stock than before (`shelves`)
}
"""Which share of false alarms is whose."""


def rate_of(part: str, false_alarms: float) -> float:
    """How often a part of a look may raise a false alarm, where a whole look may with the rate `false_alarms`.

    >>> round(rate_of(WHOLE, 0.01), 6)
    0.004
    """
    return SHARES[part] * false_alarms
