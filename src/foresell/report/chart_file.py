"""A chart as an SVG file of its own, with the styles of the page that it needs."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from markupsafe import Markup


def standalone(chart: Markup) -> str:
    """The text of an SVG file: a chart of `report.charts` with the light colours of the page and a white background.

    >>> from foresell.report.charts import columns
    >>> text = standalone(columns(["total"], [0.5], "WRMSSE", "errors by level"))
    >>> text[:47], "<style>" in text
    ('<svg xmlns="http://www.w3.org/2000/svg" class="', True)
    """
    begin, _, rest = str(chart).partition(">")
    begin = begin.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f"{begin}><style>{_style()}</style>{rest}\n"


@lru_cache(maxsize=1)
def _style() -> str:
    """The styles of the page for charts, and its light colours."""
    page = files("foresell.report").joinpath("page.css").read_text(encoding="utf-8")
    colours = re.search(r":root \{.*?\}", page, flags=re.DOTALL)
    assert colours is not None
    of_charts = [line for line in page.splitlines() if line.startswith("svg ")]
    light = colours.group(0).replace("light dark", "light")
    ground = "svg { background: var(--paper); font-family: system-ui, sans-serif; }"
    return "\n".join([light, ground, *of_charts])
