"""The combination of several models' forecasts into one: a blend, then its reconciliation with the totals.

Series whose model the user has set have a blend of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import BOTTOM_UP, Reconciliation
from foresell.core.errors import UnreadableFile
from foresell.ensemble.blending import Blend
from foresell.ensemble.series_models import AssignedBlend, apply_assigned, assigned_weights

COMBINATION, VARIANCES = "combination.json", "variances.parquet"


@dataclass(frozen=True)
class Combination:
    """The weights of the models, and the reconciliation of their blend with the forecasts of the upper levels.

    `assigned` are the blends of the series whose model was set.
    """

    blend: Blend
    reconciliation: Reconciliation
    assigned: tuple[AssignedBlend, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a weight for any series."""
        own = (model for entry in self.assigned for model in entry.blend.models)
        return tuple(dict.fromkeys((*self.blend.models, *own)))

    @property
    def series_by_model(self) -> dict[str, int]:
        """The number of series whose model was set, by its name in the settings."""
        names = dict.fromkeys(entry.model for entry in self.assigned)
        return {name: sum(entry.n_series for entry in self.assigned if entry.model == name) for name in names}

    def weights_of(self, series: pl.DataFrame, segments: pl.DataFrame) -> np.ndarray:
        """The weights of each series: [series, model], in the order of `models`; both tables have one row a series."""
        weights = np.zeros((series.height, len(self.models)))
        weights[:, : len(self.blend.models)] = self.blend.of_series(segments)
        return assigned_weights(weights, self.models, self.assigned, series, segments)

    def apply(self, means: Mapping[str, np.ndarray], series: pl.DataFrame, segments: pl.DataFrame) -> np.ndarray:
        """The blends [series, step] of the models' `means`, before reconciliation."""
        return apply_assigned(self.blend.apply(means, segments), self.assigned, means, series, segments)

    @property
    def needs_totals(self) -> bool:
        """Whether the reconciliation needs forecasts of upper levels."""
        return set(self.reconciliation.shares) != {BOTTOM_UP}

    def save(self, folder: Path) -> None:
        """Writes ``combination.json``, and the error variances as Parquet where there are some."""
        method = self.reconciliation
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "by": self.blend.by,
            "weights": self.blend.weights.to_dicts(),
            "reconciliation": dict(method.shares),
            **({"assigned": [entry.to_dict() for entry in self.assigned]} if self.assigned else {}),
        }
        (folder / COMBINATION).write_text(json.dumps(content, indent=1), encoding="utf-8")
        if method.variance is not None and method.variances is not None:
            levels = [None, *(list(level) for level in method.variances)]  # None is that of the single series
            values = [method.variance, *method.variances.values()]
            kinds = {"level": pl.List(pl.String), "variance": pl.List(pl.Float64)}
            pl.DataFrame({"level": levels, "variance": values}, schema=kinds).write_parquet(folder / VARIANCES)

    @classmethod
    def load(cls, folder: Path) -> Combination:
        """What `save` wrote. Raises UnreadableFile where it is missing or damaged."""
        try:
            content = json.loads((folder / COMBINATION).read_text(encoding="utf-8"))
            blend = Blend(pl.DataFrame(content["weights"]), content["by"])
            shares = dict(content["reconciliation"])
            assigned = tuple(AssignedBlend.of_dict(entry) for entry in content.get("assigned", ()))
            if not (folder / VARIANCES).exists():
                return cls(blend, Reconciliation(shares), assigned)
            first, *others = pl.read_parquet(folder / VARIANCES, glob=False).iter_rows(named=True)
            variances = {tuple(row["level"]): np.array(row["variance"]) for row in others}
            return cls(blend, Reconciliation(shares, np.array(first["variance"]), variances), assigned)
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(
                f"{folder} holds no combination of models: {error}. Make it: foresell backtest"
            ) from error
