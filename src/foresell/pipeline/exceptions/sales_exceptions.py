"""Groups whose sales, errors or ranges lie outside what is usual, as exceptions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foresell.core.hierarchy import level_name
from foresell.core.words import change_of, number, span
from foresell.monitor.accuracy import LEVEL, group_names
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks.catalogue import FIGURES
from foresell.monitor.checks.judging import Judgement
from foresell.pipeline.exceptions.deviations import Deviations
from foresell.pipeline.exceptions.outlook import Outlook
from foresell.pipeline.exceptions.planning_exception import PlanningException, value_text
from foresell.pipeline.results import Results

ALL_SALES = "all sales"
"""The name of the total."""


def sales_exceptions(results: Results, seen: Deviations | None, outlook: Outlook | None) -> Iterator[PlanningException]:
    """An exception for each figure outside what is usual; several figures of one group are several exceptions."""
    if seen is None:
        return
    places = _places(results, outlook)
    for judgement in seen.alarms:
        where, price = places.get((judgement.of, judgement.name), ({}, np.nan))
        units = abs(judgement.units - judgement.forecast)
        yield PlanningException(
            kind="sales",
            level=judgement.of,
            group=ALL_SALES if judgement.part == LEVEL else judgement.name,
            where=where,
            sentence=sentence(judgement, seen),
            units=units,
            money=None if np.isnan(price) else float(units * price),
            subject=judgement.figure,
            grave=judgement.far,
        )


def sentence(judgement: Judgement, seen: Deviations) -> str:
    """What happened, in words."""
    figure = next(figure for figure in FIGURES if figure.name == judgement.figure)
    when = f" on {span(seen.first, seen.last)}" if seen.first is not None and seen.last is not None else ""
    name = "All sales" if judgement.part == LEVEL else judgement.title
    if judgement.figure != BIAS:
        return f"{name}: {figure.sentence(judgement)}."
    return (
        f"{name}: {number(judgement.units)} units were sold{when} where {number(judgement.forecast)} were forecast "
        f"({change_of(judgement.units, judgement.forecast)})."
    )


def _places(results: Results, outlook: Outlook | None) -> dict[tuple[str, str], tuple[dict[str, str], float]]:
    """The values of the columns of each group, and its mean price, by level and the name that monitoring gives it."""
    groups = results.hierarchy.all_groups(results.panel.series)
    names = group_names(groups)
    places: dict[tuple[str, str], tuple[dict[str, str], float]] = {}
    for of_level in groups:
        level = level_name(of_level.level)
        if of_level.level and level not in names:
            continue
        prices = np.full(len(of_level), np.nan) if outlook is None else outlook.money(of_level)
        rows = of_level.frame.rows(named=True) if of_level.level else [{}]
        for name, row, price in zip(names.get(level, ["all"]), rows, prices.tolist(), strict=True):
            places[level, name] = {column: value_text(value) for column, value in row.items()}, price
    return places
