"""What a model goes by, with the meaning of each feature."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from foresell.ensemble.champion import Champion
from foresell.features.question import Feature


def drivers_of(champion: Champion, features: Mapping[str, Feature]) -> pl.DataFrame:
    """What the models go by: ``feature``, ``share``, ``meaning``, the greatest share first."""
    meanings = pl.DataFrame(
        [(name, feature.meaning) for name, feature in features.items()],
        schema={"feature": pl.String, "meaning": pl.String},
        orient="row",
    )
    return champion.drivers().join(meanings, on="feature", how="left", maintain_order="left")
