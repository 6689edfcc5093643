"""A fitted regression of single sales: it predicts, and is saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct

from foresell.core.checksum import sha256_of
from foresell.core.errors import UnreadableFile
from foresell.transactions.encoder import Encoder
from foresell.transactions.learners import LEARNERS, Booster
from foresell.transactions.ranges import Ranges

RECIPE = "transactions.json"

NUMBERS = {name: pl.Float64() for name in ("value", "low", "high")}
ANSWER = pl.Schema({**NUMBERS, "assumed": pl.List(pl.String), "error": pl.String()})
"""The columns of an answer."""


class Recipe(Struct, frozen=True, kw_only=True, tag="transactions", tag_field="kind"):
    """The regression without its trees: target, encoder, learner, scale and ranges.

    The trees learn the target divided by `unit`. `never_negative` says that no training sale was below 0, and then no
    prediction is. `file` is the file of the trees, and `sha256` its checksum. `learnt` are further facts for `about`.
    """

    target: str
    encoder: Encoder
    learner: str
    unit: float
    never_negative: bool
    ranges: Ranges
    learnt: dict[str, Any]
    file: str = ""
    sha256: str = ""


class FittedTransactions:
    """A regression of a number of single sales, with a range. It is saved in portable files, without pickle."""

    def __init__(self, recipe: Recipe, booster: Booster):
        self.recipe = recipe
        self.booster = booster

    @property
    def target(self) -> str:
        return self.recipe.target

    @property
    def inputs(self) -> list[str]:
        """The columns of a sale that are read."""
        return self.recipe.encoder.inputs

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One row for each of `rows`, in order: ``value``, ``low``, ``high``, ``assumed``, ``error``.

        `rows` has the columns `inputs`; others are ignored. A null or a missing column is filled in, and ``assumed``
        says with what. Numbers may be text with a decimal point, dates may be ISO text. A row with an ``error`` has no
        value.
        """
        encoded = self.recipe.encoder.encode(rows)
        value = self.means(encoded.matrix)
        low, high = self.recipe.ranges.of(value)
        if self.recipe.never_negative:
            low, high = np.maximum(low, 0), np.maximum(high, 0)
        wrong = list(encoded.errors)
        for numbers in (value, low, high):
            numbers[wrong] = np.nan
        columns = {
            "value": value,
            "low": np.minimum(low, value),
            "high": np.maximum(high, value),
            "assumed": [encoded.assumed.get(row, []) for row in range(rows.height)],
            "error": [encoded.errors.get(row) for row in range(rows.height)],
        }
        return pl.DataFrame(columns, schema=ANSWER, nan_to_null=True)

    def means(self, matrix: np.ndarray) -> np.ndarray:
        """The expected target of encoded sales: float64 [row]."""
        value = self.booster.predict(matrix) * self.recipe.unit
        return np.maximum(value, 0) if self.recipe.never_negative else value

    def drivers(self) -> pl.DataFrame:
        """The inputs by their importance: ``feature``, and its ``share`` of the gain in loss by all splits."""
        gain = self.booster.gain()
        frame = pl.DataFrame({"feature": self.recipe.encoder.sources, "share": gain / (gain.sum() or 1.0)})
        summed = frame.group_by("feature").agg(pl.col("share").sum()).filter(pl.col("share") > 0)
        return summed.sort("share", "feature", descending=[True, False])

    def about(self) -> dict[str, Any]:
        """Target, learner, inputs, the probability of the range, and the facts of its training."""
        recipe = self.recipe
        return {
            "target": recipe.target,
            "model": recipe.learner,
            "inputs": self.inputs,
            "range": recipe.ranges.probability,
            **recipe.learnt,
        }

    def save(self, folder: Path) -> None:
        """Writes the trees in their library's own format, and the recipe as JSON with the checksum of that file."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"trees{self.booster.suffix}"
        self.booster.write(folder / name)
        recipe = msgspec.structs.replace(self.recipe, file=name, sha256=sha256_of(folder / name))
        (folder / RECIPE).write_bytes(msgspec.json.format(msgspec.json.encode(recipe), indent=1) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> FittedTransactions:
        """The regression that was saved in `folder`.

        Raises UnreadableFile where a file is missing, damaged or of another kind, and UsageError where the library of
        its learner is not installed.
        """
        try:
            recipe = msgspec.json.decode((folder / RECIPE).read_bytes(), type=Recipe)
            learner = LEARNERS[recipe.learner]
            if recipe.file != f"trees{learner.suffix}":
                raise ValueError(f"it names the file {recipe.file!r}; expected 'trees{learner.suffix}'")
            path = folder / recipe.file
            if sha256_of(path) != recipe.sha256:
                raise ValueError(f"{recipe.file} is not the file that {RECIPE} was written with")
            booster = learner.read(path, len(recipe.encoder.names))
        except (OSError, ValueError, KeyError) as error:  # msgspec's errors are ValueErrors
            raise UnreadableFile(
                f"The model of single sales in {folder} cannot be read: {error}. Train it again: foresell train"
            ) from error
        return cls(recipe, booster)
