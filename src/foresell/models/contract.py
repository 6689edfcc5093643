"""What every model promises. One suite of tests, `tests/contracts/test_models.py`, holds all of them to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.panel import Panel


class Fitted(Protocol):
    """A model that has learnt; it can be asked at any cutoff from the one it was fitted at on."""

    name: str
    horizon: int

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series of `panel` and each of the `horizon` days after the panel's cutoff.

        Never negative, never NaN, and a function of nothing but what the panel knows at its cutoff and what is
        known ahead. The panel may hold other series than the model was fitted on, one or many.
        """
        ...

    def drivers(self) -> pl.DataFrame:
        """What the model goes by: columns ``feature`` and ``share`` (shares sum to 1); empty when it has none."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the model into `folder`, in portable formats; `foresell.models.load` reads it back."""
        ...


class Model(Protocol):
    """How to learn: a name and options, no state."""

    name: str

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> Any:
        """What the windows at `cutoffs` (indices of days) can share, such as the features of their past questions.

        `panel` ends at the last of them. A model with nothing to share returns None.
        """
        ...

    def fit(self, panel: Panel, horizon: int, prepared: Any = None) -> Fitted:
        """Learns from `panel`, which ends at the cutoff, to forecast `horizon` days.

        `prepared` is what `prepare` gave for several windows, this one among them. It saves time and changes no
        result; whatever lies after the cutoff in it is not looked at.
        """
        ...
