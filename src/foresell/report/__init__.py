"""The report: one self-contained page that a planner reads."""

from foresell.report.contents import Band, DataSummary, Report, SeriesExample
from foresell.report.page import render, write
from foresell.report.series_examples import data_summary, pick, series_examples

__all__ = [
    "Band",
    "DataSummary",
    "Report",
    "SeriesExample",
    "data_summary",
    "pick",
    "render",
    "series_examples",
    "write",
]
