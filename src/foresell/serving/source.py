"""The source of the served model: the champion of a registry, or a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from foresell.core.settings import Settings, read_settings
from foresell.registry.tracking import Tracking
from foresell.registry.tracking_store import Where
from foresell.registry.versions import Registry
from foresell.serving.bundle import MANIFEST, read_manifest
from foresell.store.settings_file import SETTINGS

if TYPE_CHECKING:
    from foresell.serving.service import Service

CACHE = "results/models"


class Source(Protocol):
    """The source of the served model."""

    def newest(self) -> str | None:
        """The version to serve now; None where there is none. Raises StoreError where it cannot be read."""

    def load(self, version: str) -> Service:
        """The service of this version. Raises StoreError and UnreadableFile."""


class RegistrySource:
    """The champion of the project in a folder with a ``foresell.yaml``."""

    def __init__(self, folder: str | Path):
        self.registry = registry_of(folder, read_settings(Path(folder) / SETTINGS))

    def newest(self) -> str | None:
        champion = self.registry.champion()
        return None if champion is None else champion.number

    def load(self, version: str) -> Service:
        from foresell.serving.service import Service

        return Service.load(self.registry.fetch(version, read_manifest), version)


class FolderSource:
    """A bundle in a folder, without a registry. Its version is named after its content."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def newest(self) -> str | None:
        try:
            content = (self.folder / MANIFEST).read_bytes()
        except FileNotFoundError:
            return None
        return f"unregistered-{hashlib.sha256(content).hexdigest()[:8]}"

    def load(self, version: str) -> Service:
        from foresell.serving.service import Service

        return Service.load(self.folder, version)


def registry_of(folder: str | Path, settings: Settings) -> Registry:
    """The registry that the settings of the project in `folder` name."""
    return Registry(Tracking(Where.of(folder, settings.tracking)), Path(folder) / CACHE)
