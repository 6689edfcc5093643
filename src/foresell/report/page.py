"""The report, and the page of accuracy, as one HTML page each that needs nothing else: no network, no script."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from foresell.core import words
from foresell.core.errors import StoreError
from foresell.core.finding import worst_first
from foresell.report import canvas, charts, control_charts, monitor_verdict, reliability, tables, tuning
from foresell.report.contents import Report, Story
from foresell.report.headlines import headlines, total
from foresell.report.monitor_contents import Watched

GROUPS = {
    "level": ("Upper levels", "The largest groups of the levels between the total and the single series."),
    "largest": ("Largest series", "What sells most; an error here costs most."),
    "typical": ("Typical series", "The middle of all series by what they sell: what most of them look like."),
    "worst": ("Hardest series", "Of the larger half of the series, those whose test forecasts were off the furthest."),
}


def write(path: str | Path, content: Report) -> None:
    """Writes the page to `path`, whole or not at all. Raises StoreError when the place cannot be written."""
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
    """The page as text. Whatever comes from data or settings is escaped."""
    page = _environment().get_template("page.html.jinja")
    return page.render(
        report=content,
        style=_style(),
        headlines=headlines(content),
        total=total(content),
        groups=_groups(content.stories),
        findings=worst_first(content.findings),
        leaderboard=tables.leaderboard(content),
        by_level=tables.by_level(content),
        by_segment=tables.by_segment(content),
        by_step=tables.by_step(content),
        drivers=tables.drivers(content),
        trust=reliability,
        tuning=tuning,
    )


def render_watched(content: Watched) -> str:
    """The page of accuracy as text. Whatever comes from data or settings is escaped."""
    page = _environment().get_template("monitor.html.jinja")
    return page.render(look=content, style=_style(), verdict=monitor_verdict, control=control_charts)


def _style() -> Markup:
    return Markup(files("foresell.report").joinpath("page.css").read_text(encoding="utf-8"))


def _groups(stories: tuple[Story, ...]) -> list[tuple[str, str, list[Story]]]:
    """(heading, what it is, stories) for each reason to show some."""
    told = [(*words_, [story for story in stories if story.why == why]) for why, words_ in GROUPS.items()]
    return [(heading, what, some) for heading, what, some in told if some]


def _unbroken(value: object) -> object:
    """Text whose percent signs stay on the line of their number."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if isinstance(value, str) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("foresell.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken,
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
        day=words.day,
    )
    return environment
