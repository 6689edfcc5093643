"""The name of a project's settings file, and settings as plain data without secrets."""

from __future__ import annotations

from typing import Any

import msgspec

from foresell.core.settings import Settings
from foresell.store.address import mask, mask_webhook

SETTINGS = "foresell.yaml"


def plain_settings(settings: Settings) -> dict[str, Any]:
    """The settings with their defaults as plain data. Passwords in addresses and paths of webhooks are blotted out."""
    tree = _masked(msgspec.to_builtins(settings))
    alerts = tree["monitoring"]["alerts"]
    alerts["webhook"] = alerts["webhook"] and mask_webhook(alerts["webhook"])
    return tree


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return mask(value) if isinstance(value, str) and "://" in value else value
