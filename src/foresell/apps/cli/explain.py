"""The verbs that ask about a forecast: `explain` says why it is what it is, `whatif` how it would move."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import (
    EXIT_CODES,
    Verb,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.progress import Meter

if TYPE_CHECKING:
    from datetime import date

    import numpy as np

    from foresell.pipeline.explanation import WhatIf
    from foresell.pipeline.project import Project
    from foresell.serving.reasons import Explanation

DAYS_SHOWN = 62  # more are in the JSON
REASONS_SHOWN = 4  # columns of the table by day


class Pairs(click.ParamType):
    """``store=CA_1,item=FOODS_1`` as a dict; a comma that no ``name=`` follows belongs to the value before it.

    >>> Pairs().convert("item=nuts, salted,store=CA_1", None, None)
    {'item': 'nuts, salted', 'store': 'CA_1'}
    """

    name = "COLUMN=VALUE,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        found: dict[str, str] = {}
        for part in value.split(","):
            column, mark, text = part.partition("=")
            if mark:
                found[column.strip()] = text.strip()
            elif found:
                found[list(found)[-1]] += f",{part}"
        if not found or "" in found:
            self.fail(f"'{value}' names no series; expected such as store=CA_1,item=FOODS_1.", param, ctx)
        return found


def _asking(function: Any) -> Any:
    """The options that choose series and days."""
    for decorate in (
        click.option("--to", "last", metavar="DATE", help="The last day, as YYYY-MM-DD. [default: the last one ahead]"),
        click.option(
            "--from", "first", metavar="DATE", help="The first day, as YYYY-MM-DD. [default: the first one ahead]"
        ),
        click.option(
            "--series",
            type=Pairs(),
            multiple=True,
            help="Which series, by keys or attributes; all that fit, taken together. May be given several times. "
            "[default: all]",
        ),
    ):
        function = decorate(function)
    return function


def _verb(name: str, example: str, *more: Callable[[Any], Any]) -> Callable[[Any], click.Command]:
    def add(function: Any) -> click.Command:
        for decorate in (options(), *more, _asking, project_options):
            function = decorate(function)
        return click.command(name, cls=Verb, epilog=f"Example: foresell {name} shop {example}\n\n{EXIT_CODES}")(
            function
        )

    return add


@_verb("explain", "--series item=FOODS_1,store=CA_1 --from 2016-05-23 --to 2016-05-29")
def explain(**flags: Any) -> None:
    """Say why the forecast of some series is what it is: reasons in units that add up to it.

    The reasons are recent sales, trend, weekday, season, holidays, price, promotion and the like, each with what it
    goes by; where several days are asked for, also day by day. Reads what `check` and `train` left (and does first
    what is out of date). Writes nothing.
    """
    from foresell.pipeline import explanation

    project, chosen, meter = _asked(flags)
    found = explanation.explain(project, chosen, _date(flags["first"]), _date(flags["last"]))
    meter.close()
    if flags["as_json"]:
        print_json(found.to_dict())
    else:
        click.echo(explained(found))


@_verb(
    "whatif",
    "--series item=FOODS_1,store=CA_1 --price -10% --promotion on",
    click.option("--promotion", metavar="on|off|NUMBER", help="The promotion on these days."),
    click.option("--price", metavar="PRICE|-10%", help="The price on these days, or by how many per cent it changes."),
)
def whatif(price: str | None, promotion: str | None, **flags: Any) -> None:
    """Say how the forecast would move with another price or promotion ahead.

    Prints the forecast as it is and as it would be, by day, and what becomes of all other series. Reads what `check`
    and `train` left (and does first what is out of date). Writes nothing: the data and the forecasts of the project
    stay as they are.
    """
    from foresell.pipeline import explanation

    changes: dict[str, str | float] = {}
    changes |= {"price": price} if price is not None else {}
    changes |= {"promotion": promotion} if promotion is not None else {}
    if not changes:
        raise click.UsageError("Give what is to change: --price or --promotion.")
    project, chosen, meter = _asked(flags)
    found = explanation.what_if(project, chosen, changes, _date(flags["first"]), _date(flags["last"]))
    meter.close()
    if flags["as_json"]:
        print_json(found.to_dict())
    else:
        click.echo(compared(found))


def _asked(flags: dict[str, Any]) -> tuple[Project, dict[str, str], Meter]:
    """The project, which series are meant, and the meter that watches. Raises click.UsageError for a column twice."""
    chosen: dict[str, str] = {}
    for pairs in flags["series"]:
        for column, value in pairs.items():
            if chosen.setdefault(column, value) != value:
                raise click.UsageError(
                    f"--series gives '{column}' both {chosen[column]} and {value}; give one of them."
                )
    meter = Meter(quiet=flags["quiet"])
    return open_project(flags, meter), chosen, meter


def _date(text: str | None) -> str | None:
    """The date, if it is one. Raises click.UsageError where it is not."""
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise click.UsageError(f"'{text}' is no date; expected one such as 2016-05-23.") from error


def explained(found: Explanation) -> str:
    """The reasons as a table that adds up, and day by day."""
    from foresell.apps.cli.text import columns, hanging
    from foresell.core.words import many, span
    from foresell.serving.reasons import signed

    whole = f"{found.shown:,.{found.digits}f}"
    group = f" ({many(found.count, 'series', 'series')})" if found.count > 1 else ""
    title = f"{found.series}{group}, {span(found.dates[0], found.dates[-1])}: {whole} units"
    rows = [(each.label, signed(each.shown, found.digits, each.code != "level"), each.fact) for each in found.reasons]
    first, second = (max(len(row[place]) for row in [*rows, ("forecast", whole)]) for place in (0, 1))
    lines = []
    for label, units, fact in rows:
        head = f"  {label:<{first}}  {units:>{second}}  "
        lines.append(hanging(head, fact, len(head)) if fact else head.rstrip())
    total = f"  {'forecast':<{first}}  {whole:>{second}}  as shown, the reasons add up to it"
    by_day = columns(_by_day(found), right=range(1, 9), indent=2) if 1 < len(found.dates) <= DAYS_SHOWN else ""
    return "\n".join([title, "", *lines, total, *(["", by_day] if by_day else [])])


def _by_day(found: Explanation) -> list[tuple[str, ...]]:
    """A row for each day: the forecast and the reasons that move it most, the others together."""
    from foresell.serving.reasons import rounded, signed

    codes = sorted((each.code for each in found.reasons), key=lambda code: -float(found.days[code].abs().sum()))
    shown, rest = codes[:REASONS_SHOWN], codes[REASONS_SHOWN:]
    labels = {each.code: each.label for each in found.reasons}
    heads = [*(labels[code] for code in shown), *(["all others"] if rest else [])]
    rows: list[tuple[str, ...]] = [("date", "forecast", *heads)]
    digits = max(found.digits, 1)
    for day in found.days.iter_rows(named=True):
        parts = [*(day[code] for code in shown), *([sum(day[code] for code in rest)] if rest else [])]
        near = rounded(parts, digits)
        marks = [code != "level" for code in [*shown, *(["rest"] if rest else [])]]
        cells = [signed(part, digits, mark) for part, mark in zip(near, marks, strict=True)]
        rows.append((_when(day["date"], found.dates), f"{sum(near):,.{digits}f}", *cells))
    return rows


def _when(day: date, among: np.ndarray) -> str:
    """The date; of days, not of weeks or months, with the weekday."""
    daily = len(among) < 2 or int((among[1] - among[0]).astype(int)) == 1
    return f"{day:%a} {day}" if daily else str(day)


def compared(found: WhatIf) -> str:
    """What a change would do, and the forecast before and after by day."""
    from foresell.apps.cli.command import paragraph
    from foresell.apps.cli.text import columns
    from foresell.serving.reasons import signed

    told = "\n".join(paragraph(sentence) for sentence in found.sentences())
    if (found.before == found.after).all() or len(found.dates) > DAYS_SHOWN:
        return told
    digits = 0 if max(found.before.max(), found.after.max()) >= 100 else 1 if found.before.sum() >= 10 else 2
    rows = [("date", "as it is", "as it would be", "change", "")]
    for when, before, after in zip(found.dates, found.before, found.after, strict=True):
        changed = "changed" if found.first <= when.astype(object) <= found.last else ""
        change = signed(after - before, digits)
        rows.append(
            (_when(when.astype(object), found.dates), f"{before:,.{digits}f}", f"{after:,.{digits}f}", change, changed)
        )
    return f"{told}\n\n{columns(rows, right=[1, 2, 3], indent=2)}"
