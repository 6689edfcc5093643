"""Colours of the dashboard, light and dark. Those of charts are told apart by people who do not see all colours.

The colours of charts are from Okabe and Ito, Color Universal Design (2008), darkened or lightened for contrast with the
paper. No meaning rests on a colour alone: lines differ in their dashes too, and states have a word and a sign.
"""

from __future__ import annotations

from dataclasses import dataclass

SETTINGS = {
    "theme.light.primaryColor": "#0a6b74",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f2f4f6",
    "theme.light.textColor": "#1b242e",
    "theme.dark.primaryColor": "#1d8a88",
    "theme.dark.backgroundColor": "#12181f",
    "theme.dark.secondaryBackgroundColor": "#1e2731",
    "theme.dark.textColor": "#e7ebef",
    "theme.baseRadius": "small",
}
"""Settings of Streamlit."""


@dataclass(frozen=True)
class Palette:
    """The colours of a chart by what they draw."""

    ink: str
    muted: str
    rule: str
    history: str
    forecast: str
    band: str
    earlier: str
    last_year: str
    up: str
    down: str


LIGHT = Palette(
    ink="#1b242e",
    muted="#586471",
    rule="#d8dde3",
    history="#1b242e",
    forecast="#0072b2",
    band="#0072b2",
    earlier="#b35900",
    last_year="#7a7f87",
    up="#00734f",
    down="#b34700",
)
DARK = Palette(
    ink="#e7ebef",
    muted="#9aa6b2",
    rule="#333e4a",
    history="#e7ebef",
    forecast="#56b4e9",
    band="#56b4e9",
    earlier="#e69f00",
    last_year="#9aa6b2",
    up="#2fc89a",
    down="#ff8c4d",
)
