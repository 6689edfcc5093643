"""The report, the accuracy page and the page of a plan, each as one HTML file that needs no network.

The report has one script, for the search of series. The page allows no other (its hash is in the policy). The script
writes what comes from the data as text only.
"""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from foresell.core import words
from foresell.core.errors import StoreError
from foresell.core.finding import worst_first
from foresell.report import canvas, charts, control_charts, monitor_verdict, reliability, series_finder, tables, tuning
from foresell.report.contents import Report, SeriesExample
from foresell.report.headlines import headlines, model_name, total
from foresell.report.monitor_contents import MonitorPage
from foresell.report.plan_page import COLUMNS, MOST_EXCEPTIONS, MOST_LINES, PlanPage

HEADINGS = {
    "level": ("Upper levels", "The largest groups of the levels between the total and the single series."),
    "largest": ("Largest series", "The series that sell the most units. An error costs the most here."),
    "typical": ("Typical series", "The series nearest to the median of units sold. Most series look like these."),
    "worst": ("Hardest series", "The series with the largest test error, among the half that sells more."),
}


def write(path: str | Path, content: Report) -> None:
    """Writes the page to `path`, completely or not at all. Raises StoreError where it cannot be written."""
    place = Path(path)
    page = render(content)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(place)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"The report could not be written to {place}: {error.strerror}. Choose another place."
        ) from error


def render(content: Report) -> str:
    """The report as HTML. All text from data and settings is escaped."""
    page = _environment().get_template("page.html.jinja")
    script = _part("series_finder.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return page.render(
        report=content,
        style=_style(),
        script=script,
        script_source=Markup(f"; script-src 'sha256-{digest}'") if content.series else "",
        finder_shown=series_finder.SHOWN,
        headlines=headlines(content),
        total=total(content),
        groups=_groups(content.examples),
        findings=worst_first(content.findings),
        leaderboard=tables.leaderboard(content),
        by_level=tables.by_level(content),
        by_segment=tables.by_segment(content),
        by_step=tables.by_step(content),
        drivers=tables.drivers(content),
        champion=model_name(content.champion),
        reliability=reliability,
        tuning=tuning,
    )


def render_monitor_page(content: MonitorPage) -> str:
    """The page of accuracy as text. Whatever comes from data or settings is escaped."""
    page = _environment().get_template("monitor.html.jinja")
    return page.render(look=content, style=_style(), verdict=monitor_verdict, control=control_charts)


def render_plan_page(content: PlanPage) -> str:
    """The page of a plan as text. Whatever comes from data or settings is escaped."""
    page = _environment().get_template("plan.html.jinja")
    return page.render(
        page=content,
        style=_style(),
        headings=list(COLUMNS.values()),
        findings=worst_first(content.plan.findings),
        most_exceptions=MOST_EXCEPTIONS,
        most_lines=MOST_LINES,
    )


def _style() -> Markup:
    return _part("page.css")


def _part(name: str) -> Markup:
    return Markup(files("foresell.report").joinpath(name).read_text(encoding="utf-8"))


def _groups(examples: tuple[SeriesExample, ...]) -> list[tuple[str, str, list[SeriesExample]]]:
    """The heading, the description and the examples of each reason that has examples."""
    groups = []
    for reason, (heading, description) in HEADINGS.items():
        of_reason = [example for example in examples if example.reason == reason]
        if of_reason:
            groups.append((heading, description, of_reason))
    return groups


def _unbroken_percent(value: object) -> object:
    """Text in which a percent sign stays on the line of its number."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if isinstance(value, str) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("foresell.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken_percent,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(canvas=canvas, charts=charts, words=words)
    environment.filters.update(
        number=words.number,
        score=words.score,
        share=words.share,
        change=words.change,
        duration=words.duration,
        plain=words.name,
        columns=words.columns,
        day=words.day,
    )
    return environment
