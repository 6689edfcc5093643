"""Groups whose sales, errors or ranges lie outside what is usual, as exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from foresell.core.finding import Severity
from foresell.core.hierarchy import level_name
from foresell.core.words import change_of, columns, number, share, span
from foresell.monitor.accuracy import LEVEL, SEGMENT, group_names
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks import error
from foresell.monitor.checks.catalogue import CHECKS, FIGURES
from foresell.monitor.checks.judging import Judgement
from foresell.pipeline.exceptions.deviations import Deviations, is_about_accuracy
from foresell.pipeline.exceptions.outlook import Outlook
from foresell.pipeline.exceptions.planning_exception import PlanningException, value_text
from foresell.pipeline.results import Results

ALL_SALES = "all sales"
"""The name of the total."""

_FIGURE_CODES = frozenset(code for check in CHECKS.values() if check.figure is not None for code in check.codes)


def sales_exceptions(results: Results, seen: Deviations | None, outlook: Outlook | None) -> Iterator[PlanningException]:
    """An exception for each group outside what is usual, the largest difference in units first; then the findings of
    monitoring about accuracy that are about no group."""
    if seen is None:
        return
    places = _places(results, outlook)
    for judgement in one_a_group(seen.alarms):
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
    for finding in seen.findings:
        if is_about_accuracy(finding) and finding.code not in _FIGURE_CODES and finding.severity != Severity.INFO:
            text = f"{finding.message[:1].upper()}{finding.message[1:]}."
            yield PlanningException("sales", "total", ALL_SALES, {}, text, subject=finding.code, count=finding.count)


def one_a_group(alarms: Sequence[Judgement]) -> list[Judgement]:
    """One figure of each group: its bias where that lies outside, because it says which way to act.

    Levels as a whole are all sales seen more or less closely, and kinds of series overlap with groups; so of levels
    only the first is named, and kinds of series where neither all sales nor a group is.
    """
    by_place: dict[tuple[str, str], Judgement] = {}
    for judgement in sorted(alarms, key=lambda one: one.figure != BIAS):
        place = (LEVEL, "") if judgement.part == LEVEL else (judgement.of, judgement.name)
        by_place.setdefault(place, judgement)
    named = [one for one in by_place.values() if one.part != SEGMENT] or list(by_place.values())
    return sorted(named, key=lambda one: -abs(one.units - one.forecast))


def sentence(judgement: Judgement, seen: Deviations) -> str:
    """What happened, in words."""
    when = f" on {span(seen.first, seen.last)}" if seen.first is not None and seen.last is not None else ""
    name = _name(judgement)
    figure = next(figure for figure in FIGURES if figure.name == judgement.figure)
    if judgement.figure == BIAS:
        return (
            f"{name}: {number(judgement.units)} units were sold{when} where {number(judgement.forecast)} were forecast "
            f"({change_of(judgement.units, judgement.forecast)})."
        )
    if figure is error.FIGURE:
        value, usual, _, most = figure.scaled(judgement)
        return (
            f"{name}: forecast and sales{when} differ by {share(value)} of what was sold; usual is {share(usual)}, and "
            f"at most {share(most)}."
        )
    return f"{name}: {figure.sentence(judgement)}."


def _name(judgement: Judgement) -> str:
    if judgement.part == LEVEL:
        return "All sales" if judgement.of == "total" else f"All forecasts by {columns(judgement.of)}"
    return f"Series of {judgement.of} {judgement.name}" if judgement.part == SEGMENT else judgement.title


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
