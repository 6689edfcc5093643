"""The report: one self-contained page that a planner reads."""

from foresell.report.contents import Band, Found, Report, Story
from foresell.report.page import render, write
from foresell.report.series_examples import found, pick, stories

__all__ = ["Band", "Found", "Report", "Story", "found", "pick", "render", "stories", "write"]
