"""The section ``output``: what a forecast holds, and where it is delivered."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Quantile, Strict, about


class Output(Strict, frozen=True):
    """What a forecast holds, and where it is delivered besides the project's own folder."""

    quantiles: Annotated[tuple[Quantile, ...], about("the probabilities of the quantiles")] = (
        0.05,
        0.25,
        0.5,
        0.75,
        0.95,
    )
    database: Annotated[
        str | None,
        about(
            "a database for the table `forecasts`: sqlite:///, duckdb:/// or postgresql://; where not given, "
            "sqlite:///results/forecasts.sqlite",
            "duckdb:///sales.duckdb",
        ),
    ] = None
    escape_formulas: Annotated[
        bool,
        about("puts ' before text in CSV files for people that a spreadsheet would run as a formula (=1+1)"),
    ] = True
    folder: Annotated[
        str | None, about("a further copy of the forecasts: a path or s3://BUCKET/PREFIX", "s3://bucket/forecasts")
    ] = None
