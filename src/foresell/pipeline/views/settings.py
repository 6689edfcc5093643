"""The settings with their defaults, as they are in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from foresell.pipeline.demand import ForecastProject
from foresell.store.settings_file import SETTINGS, plain_settings


class SettingsQuery(msgspec.Struct, frozen=True):
    """Nothing can be asked."""


@dataclass(frozen=True)
class SettingsView:
    """The `file` with the settings, and the `text` of all of them with their defaults, without passwords."""

    file: Path
    text: str


def settings(project: ForecastProject, query: SettingsQuery) -> SettingsView:
    """The settings that the next run goes by."""
    text = yaml.safe_dump(plain_settings(project.settings), sort_keys=False, allow_unicode=True)
    return SettingsView(project.folder.resolve() / SETTINGS, text)
