"""Who forecasts, as plain data: what `forecaster` decides and steps are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Choice:
    """Who forecasts: a registered `version`, with the fingerprint of its `training` and its files in `bundle`; the
    newest training where `version` is None.

    - `bundle` is None where the files are not on this machine; `lost` then says why they cannot be fetched.
    - `unfit`: why the champion does not forecast; `unsure`: why it is not known who is champion. Both are empty else.
    """

    version: str | None = None
    training: str | None = None
    bundle: Path | None = None
    lost: str = ""
    unfit: str = ""
    unsure: str = ""

    @property
    def warnings(self) -> list[str]:
        """What whoever runs the forecast should know."""
        return [text for text in (self.unfit, self.unsure) if text]


NEWEST = Choice()
"""The newest training, as nothing speaks for another."""
