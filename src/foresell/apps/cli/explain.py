"""The verbs about a forecast: `explain` gives its reasons, `whatif` forecasts with other prices or promotions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
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

MOST_DAYS = 62  # in the table by day; --json has all
MOST_REASONS = 4  # columns of the table by day


class Pairs(click.ParamType):
    """``store=CA_1,item=FOODS_1`` as a dict; a comma without a ``name=`` after it belongs to the value before it.

    >>> Pairs().convert("item=nuts, salted,store=CA_1", None, None)
    {'item': 'nuts, salted', 'store': 'CA_1'}
    """

    name = "COLUMN=VALUE,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        pairs: dict[str, str] = {}
        for part in value.split(","):
            column, mark, text = part.partition("=")
            if mark and column.strip() in pairs:
                self.fail(f"'{value}' names {column.strip()} twice, and a series has one value.", param, ctx)
            if mark:
                pairs[column.strip()] = text.strip()
            elif pairs:
                pairs[list(pairs)[-1]] += f",{part}"
        if not pairs or "" in pairs:
            self.fail(f"'{value}' names no series; expected such as store=CA_1,item=FOODS_1.", param, ctx)
        return pairs


def _question_options(function: Any) -> Any:
    """The options that choose series and days."""
    for decorate in (
        click.option(
            "--to",
            "last",
            metavar="DATE",
            help="The last day, as YYYY-MM-DD, or hour, as YYYY-MM-DDTHH:MM. [default: the end of the horizon]",
        ),
        click.option(
            "--from",
            "first",
            metavar="DATE",
            help="The first day, or hour, likewise. [default: the day after the sales]",
        ),
        click.option(
            "--series",
            type=Pairs(),
            multiple=True,
            help="The series, by keys or attributes; all that match, as one group. May be given several times. "
            "[default: all]",
        ),
    ):
        function = decorate(function)
    return function


def _verb(name: str, example: str, *more: Callable[[Any], Any]) -> Callable[[Any], click.Command]:
    def add(function: Any) -> click.Command:
        for decorate in (options(), *more, _question_options, project_options):
            function = decorate(function)
        return click.command(name, cls=Verb, epilog=f"Example: foresell {name} shop {example}\n\n{EXIT_CODES}")(
            function
        )

    return add


@_verb("explain", "--series item=FOODS_1,store=CA_1 --from 2016-05-23 --to 2016-05-29")
def explain(**flags: Any) -> None:
    """Explain the forecast of some series by reasons in units that add up to it.

    The reasons are recent sales, trend, weekday, season, holidays, price, promotion and the like, each with the fact
    behind it; for several days also day by day. Reads the results of `check` and `train` (and does first what is out
    of date). Writes nothing.
    """
    from foresell.pipeline import explanation

    project, chosen, meter = _open(flags)
    reasons = explanation.explain(project, chosen, as_date(flags["first"]), as_date(flags["last"]))
    meter.close()
    if flags["as_json"]:
        print_json(reasons.to_dict())
    else:
        click.echo(explanation_text(reasons))


@_verb(
    "whatif",
    "--series item=FOODS_1,store=CA_1 --price -10% --promotion on",
    click.option("--promotion", metavar="on|off|NUMBER", help="The promotion on these days."),
    click.option("--price", metavar="PRICE|-10%", help="The price on these days, or by how many per cent it changes."),
)
def whatif(price: str | None, promotion: str | None, **flags: Any) -> None:
    """Forecast some series with another price or promotion.

    Prints the forecast as it is and with the change, by day, and the effect on all other series. Reads the results of
    `check` and `train` (and does first what is out of date). Writes nothing: the data and the forecasts of the project
    stay as they are.
    """
    from foresell.pipeline import explanation

    changes: dict[str, str | float] = {}
    changes |= {"price": price} if price is not None else {}
    changes |= {"promotion": promotion} if promotion is not None else {}
    if not changes:
        raise click.UsageError("There is no change; give --price or --promotion.")
    project, chosen, meter = _open(flags)
    answer = explanation.what_if(project, chosen, changes, as_date(flags["first"]), as_date(flags["last"]))
    meter.close()
    if flags["as_json"]:
        print_json(answer.to_dict())
    else:
        click.echo(what_if_text(answer))


def _open(flags: dict[str, Any]) -> tuple[Project, dict[str, str], Meter]:
    """The project, the chosen series, and the meter. Raises click.UsageError for a column with two values."""
    chosen: dict[str, str] = {}
    for pairs in flags["series"]:
        for column, value in pairs.items():
            if chosen.setdefault(column, value) != value:
                raise click.UsageError(
                    f"--series gives '{column}' both {chosen[column]} and {value}; give one of them."
                )
    meter = Meter(quiet=flags["quiet"])
    return open_project(flags, meter), chosen, meter


def as_date(text: str | None) -> str | None:
    """The text, if it is a date, or a date with a time. Raises click.UsageError otherwise."""
    from foresell.core.frequency import date_of_text, date_text

    try:
        return None if text is None else date_text(date_of_text(text))
    except ValueError as error:
        raise click.UsageError(
            f"'{text}' is no date; expected one such as 2016-05-23, of hours such as 2016-05-23T09:00."
        ) from error


def explanation_text(explanation: Explanation) -> str:
    """The reasons as a table that adds up to the forecast, and a table by day."""
    from foresell.apps.cli.text import columns, hanging
    from foresell.core.words import many, span
    from foresell.serving.reasons import signed

    whole = f"{explanation.shown:,.{explanation.digits}f}"
    group = f" ({many(explanation.count, 'series', 'series')})" if explanation.count > 1 else ""
    title = f"{explanation.series}{group}, {span(explanation.dates[0], explanation.dates[-1])}: {whole} units"
    rows = [
        (reason.label, signed(reason.shown, explanation.digits, reason.code != "level"), reason.fact)
        for reason in explanation.reasons
    ]
    first, second = (max(len(row[place]) for row in [*rows, ("forecast", whole)]) for place in (0, 1))
    lines = []
    for label, units, fact in rows:
        head = f"  {label:<{first}}  {units:>{second}}  "
        lines.append(hanging(head, fact, len(head)) if fact else head.rstrip())
    total = f"  {'forecast':<{first}}  {whole:>{second}}  the sum of the reasons as shown"
    by_day = (
        columns(_by_day(explanation), right=range(1, 9), indent=2) if 1 < len(explanation.dates) <= MOST_DAYS else ""
    )
    return "\n".join([title, "", *lines, total, *(["", by_day] if by_day else [])])


def _by_day(explanation: Explanation) -> list[tuple[str, ...]]:
    """A row for each day: the forecast, the largest reasons, and the sum of the others."""
    from foresell.serving.reasons import rounded, signed

    codes = sorted(
        (reason.code for reason in explanation.reasons), key=lambda code: -float(explanation.days[code].abs().sum())
    )
    shown, rest = codes[:MOST_REASONS], codes[MOST_REASONS:]
    labels = {reason.code: reason.label for reason in explanation.reasons}
    heads = [*(labels[code] for code in shown), *(["all others"] if rest else [])]
    rows: list[tuple[str, ...]] = [("date", "forecast", *heads)]
    digits = max(explanation.digits, 1)
    for day in explanation.days.iter_rows(named=True):
        parts = [*(day[code] for code in shown), *([sum(day[code] for code in rest)] if rest else [])]
        rounded_parts = rounded(parts, digits)
        marks = [code != "level" for code in [*shown, *(["rest"] if rest else [])]]
        cells = [signed(part, digits, mark) for part, mark in zip(rounded_parts, marks, strict=True)]
        rows.append((_date_text(day["date"], explanation.dates), f"{sum(rounded_parts):,.{digits}f}", *cells))
    return rows


def _date_text(day: date, among: np.ndarray) -> str:
    """The date, with the weekday where the dates are days or hours."""
    if isinstance(day, datetime):
        return f"{day:%a} {day:%Y-%m-%d %H:%M}"
    daily = len(among) < 2 or int((among[1] - among[0]).astype(int)) == 1
    return f"{day:%a} {day}" if daily else str(day)


def what_if_text(answer: WhatIf) -> str:
    """The effect of the changes in sentences, and a table of the forecast before and after by day."""
    from foresell.apps.cli.command import paragraph
    from foresell.apps.cli.text import columns
    from foresell.serving.reasons import signed

    text = "\n".join(paragraph(sentence) for sentence in answer.sentences())
    if (answer.before == answer.after).all() or len(answer.dates) > MOST_DAYS:
        return text
    digits = 0 if max(answer.before.max(), answer.after.max()) >= 100 else 1 if answer.before.sum() >= 10 else 2
    rows = [("date", "as it is", "as it would be", "change", "")]
    for day, before, after in zip(answer.dates, answer.before, answer.after, strict=True):
        changed = "changed" if answer.first <= day.astype(object) <= answer.last else ""
        change = signed(after - before, digits)
        rows.append(
            (
                _date_text(day.astype(object), answer.dates),
                f"{before:,.{digits}f}",
                f"{after:,.{digits}f}",
                change,
                changed,
            )
        )
    return f"{text}\n\n{columns(rows, right=[1, 2, 3], indent=2)}"
