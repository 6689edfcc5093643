"""The combination of several models' forecasts into one: a blend, then its reconciliation with the totals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.adjust.reconciliation import BOTTOM_UP, Reconciliation
from foresell.core.errors import UnreadableFile
from foresell.ensemble.blending import Blend

COMBINATION, VARIANCES = "combination.json", "variances.parquet"


@dataclass(frozen=True)
class Combination:
    """The weights of the models, and the reconciliation of their blend with the forecasts of the upper levels."""

    blend: Blend
    reconciliation: Reconciliation

    @property
    def needs_totals(self) -> bool:
        """Whether the reconciliation needs forecasts of upper levels."""
        return set(self.reconciliation.shares) != {BOTTOM_UP}

    def save(self, folder: Path) -> None:
        """Writes ``combination.json``, and the error variances as Parquet where there are some."""
        method = self.reconciliation
        folder.mkdir(parents=True, exist_ok=True)
        content = {"by": self.blend.by, "weights": self.blend.weights.to_dicts(), "reconciliation": dict(method.shares)}
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
            if not (folder / VARIANCES).exists():
                return cls(blend, Reconciliation(shares))
            first, *others = pl.read_parquet(folder / VARIANCES, glob=False).iter_rows(named=True)
            variances = {tuple(row["level"]): np.array(row["variance"]) for row in others}
            return cls(blend, Reconciliation(shares, np.array(first["variance"]), variances))
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise UnreadableFile(
                f"{folder} holds no combination of models: {error}. Make it: foresell backtest"
            ) from error
