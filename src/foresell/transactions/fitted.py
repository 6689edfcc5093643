"""What was learnt of single sales: asked, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct

from foresell.core.checksum import sha256_of
from foresell.core.errors import UnreadableFile
from foresell.transactions.columns import Encoder
from foresell.transactions.learners import LEARNERS, Booster
from foresell.transactions.ranges import Ranges

RECIPE = "transactions.json"

ANSWER: dict[str, Any] = {
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "assumed": pl.List(pl.String),
    "error": pl.String,
}
"""The columns of an answer."""


class Recipe(Struct, frozen=True, kw_only=True, tag="transactions", tag_field="kind"):
    """All but the trees: what is predicted, from which columns, how it is scaled, and how far errors reach.

    The trees learn the target divided by `unit`. `never_negative` says that no sale they learnt from was below 0; then
    no answer is. `file` and `sha256` name the file of the trees. `learnt` is what `about` tells beside.
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
    """A regression of a number of single sales, with a range; portable files, no pickle."""

    def __init__(self, recipe: Recipe, booster: Booster):
        self.recipe = recipe
        self.booster = booster

    @property
    def target(self) -> str:
        return self.recipe.target

    @property
    def inputs(self) -> list[str]:
        """The columns of a sale that are looked at."""
        return self.recipe.encoder.inputs

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One row for each of `rows`, in order: ``value``, ``low``, ``high``, ``assumed``, ``error``.

        `rows` has the columns `inputs`; a column that is not there, and a null, is not given, and is filled in:
        ``assumed`` says with what. Numbers may be text with a decimal point, dates ISO text. Where ``error`` says
        what is wrong with a row, it has no value. Other columns are not looked at.
        """
        made = self.recipe.encoder.encode(rows)
        value = self.means(made.matrix)
        low, high = self.recipe.ranges.of(value)
        if self.recipe.never_negative:
            low, high = np.maximum(low, 0), np.maximum(high, 0)
        wrong = list(made.errors)
        for numbers in (value, low, high):
            numbers[wrong] = np.nan
        assumed = [made.assumed.get(row, []) for row in range(rows.height)] if made.assumed else [[]] * rows.height
        columns = {
            "value": value,
            "low": np.minimum(low, value),
            "high": np.maximum(high, value),
            "assumed": assumed,
            "error": [made.errors.get(row) for row in range(rows.height)] if wrong else [None] * rows.height,
        }
        return pl.DataFrame(columns, schema=ANSWER, nan_to_null=True)

    def means(self, matrix: np.ndarray) -> np.ndarray:
        """What is expected of sales that are encoded already: float64 [row]."""
        value = self.booster.predict(matrix) * self.recipe.unit
        return np.maximum(value, 0) if self.recipe.never_negative else value

    def drivers(self) -> pl.DataFrame:
        """What it goes by: ``feature`` (an input) and ``share`` of the gain in loss that its splits brought."""
        gain = self.booster.gain()
        frame = pl.DataFrame({"feature": self.recipe.encoder.sources, "share": gain / (gain.sum() or 1.0)})
        summed = frame.group_by("feature").agg(pl.col("share").sum()).filter(pl.col("share") > 0)
        return summed.sort("share", "feature", descending=[True, False])

    def about(self) -> dict[str, Any]:
        """What it is: target, learner, inputs, how often the range is to hold, and what was learnt of it on the way."""
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
        """What was saved in `folder`.

        Raises UnreadableFile where a file is missing, damaged or foreign, and UsageError where the library that
        grew the trees is not installed.
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
