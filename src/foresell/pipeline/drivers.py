"""The drivers of a model: the features that it relies on most, with their meanings."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from foresell.ensemble.champion import Champion
from foresell.features.question import Feature


def drivers_of(champion: Champion, features: Mapping[str, Feature]) -> pl.DataFrame:
    """The table of drivers: ``feature``, ``share`` of the importance, ``meaning``; the largest share first."""
    meanings = pl.DataFrame(
        [(name, feature.meaning) for name, feature in features.items()],
        schema={"feature": pl.String, "meaning": pl.String},
        orient="row",
    )
    return champion.drivers().join(meanings, on="feature", how="left", maintain_order="left")
