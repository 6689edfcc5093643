"""The choice of the model that forecasts, which `forecaster` makes and steps are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Choice:
    """The model that forecasts: a registered version, or the newest training where `version` is None.

    - `training` is the fingerprint of the version's training, `bundle` the folder of its files. `bundle` is None where
      they are not on this machine; `lost` then says why they cannot be fetched.
    - `unfit` says why the champion does not forecast, `unsure` why the champion is not known. They are empty otherwise.
    """

    version: str | None = None
    training: str | None = None
    bundle: Path | None = None
    lost: str = ""
    unfit: str = ""
    unsure: str = ""

    @property
    def warnings(self) -> list[str]:
        """Warnings for the user of the forecast."""
        return [text for text in (self.unfit, self.unsure) if text]


NEWEST = Choice()
"""The newest training, without a warning."""
