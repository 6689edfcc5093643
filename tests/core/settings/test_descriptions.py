"""Every setting is declared with a description, and with an example where its default is none."""

from __future__ import annotations

import msgspec
import pytest

from foresell.core.settings import Settings, Strict, parse_settings
from foresell.core.settings.descriptions import SettingDescription, describe


@pytest.mark.parametrize("section", Strict.__subclasses__(), ids=lambda section: section.__name__)
def test_every_setting_has_a_description_and_an_example(section):
    for name, setting in describe(section).items():
        assert len(setting.text) > 5, name
        assert setting.example not in (None, (), []), name


def test_the_examples_together_are_valid_settings():
    def tree(settings: dict[str, SettingDescription]) -> dict[str, object]:
        return {name: setting.example for name, setting in settings.items()}

    settings = parse_settings(tree(describe(Settings)))
    assert settings.data.stores.columns == ("region", "format")
    assert settings.data.calendar.flags["payday"].by == "state"
    assert settings.monitoring.alerts.format == "slack"


def test_defaults_are_those_of_the_sections():
    least = parse_settings({"data": {"sales": "sales.csv", "keys": ["item"]}})
    plain = msgspec.to_builtins(least)
    for name, setting in describe(Settings).items():
        if not setting.settings:
            assert setting.default == plain[name]
        for inner, described in setting.settings.items():
            if plain[name] and name != "data" and not described.settings:
                assert described.default == plain[name][inner]
