"""The section ``transactions``: the regression of single sales."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Columns, Strict, about


class Transactions(Strict, frozen=True):
    """A regression of a column of single sales on others of their columns, besides the forecasts of series."""

    target: Annotated[str, about("the number to predict; revenue may be quantity times price", "revenue")]
    inputs: Annotated[
        Columns | None,
        about("the columns to predict it from; where not given, all that are known before the sale", ["store", "item"]),
    ] = None
    allow: Annotated[Columns, about("inputs to take although they are known only after the sale", ["units"])] = ()
    path: Annotated[str | None, about("the table of single sales; data.sales where not given", "receipts.csv")] = None
    models: Annotated[Columns, about("the best of them is kept")] = ("xgboost", "forest")
    date: Annotated[str | None, about("the column with the date; data.date where not given", "date")] = None
