"""The section ``sharing``: what vendors are told of the orders ahead."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Columns, NotNegative, Positive, Probability, Strict, about


class Sharing(Strict, frozen=True):
    """How the orders ahead are added up for vendors."""

    by: Annotated[
        Columns, about("columns of the series for which orders are added up; the keys where not given", ["item"])
    ] = ()
    days: Annotated[Positive, about("how many days a line has; periods of the sales that are longer have one each")] = 7
    firm_days: Annotated[
        NotNegative, about("orders of so many days from today are firm, and the later ones tentative")
    ] = 7
    range: Annotated[Probability, about("how likely orders lie in the range of a line")] = 0.8
