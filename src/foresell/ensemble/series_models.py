"""Series whose model the user has set: it forecasts them in place of the blend of all others.

The blend of the other series is chosen and learnt as if there were no such series, so that setting the model of some
changes no other before reconciliation. Reconciliation comes after it, and moves all series as usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five, suggestion
from foresell.core.settings import SeriesModel
from foresell.core.words import listed, many
from foresell.ensemble.blending import MEAN, WEIGHTED, Blend

Where = Mapping[str, Sequence[str]]
"""Values by column of the series, as text. A series matches that has one of the values in each column."""


@dataclass(frozen=True)
class AssignedBlend:
    """The blend of the series that match `where` and match no earlier one.

    `model` is the name in the settings: a model, ``mean`` or ``weighted``. `blend` is what that was learnt to be, and
    `n_series` the number of its series among those that it was learnt from.
    """

    where: Where
    model: str
    blend: Blend
    n_series: int

    def to_dict(self) -> dict[str, Any]:
        """The assignment as plain data, see `of_dict`."""
        return {
            "where": {column: list(values) for column, values in self.where.items()},
            "model": self.model,
            "by": self.blend.by,
            "weights": self.blend.weights.to_dicts(),
            "n_series": self.n_series,
        }

    @classmethod
    def of_dict(cls, content: Mapping[str, Any]) -> AssignedBlend:
        """What `to_dict` gave. Raises KeyError, TypeError or ValueError for anything else."""
        where = {str(column): tuple(map(str, values)) for column, values in content["where"].items()}
        blend = Blend(pl.DataFrame(content["weights"]), content["by"])
        return cls(where, str(content["model"]), blend, int(content["n_series"]))


def assigned_rows(wheres: Sequence[Where], series: pl.DataFrame) -> np.ndarray:
    """The number of the first of `wheres` that each of `series` matches: int64 [series], -1 where it matches none.

    >>> series = pl.DataFrame({"store": ["N", "N", "S"], "size": [1.0, 2.0, 2.0]})
    >>> assigned_rows([{"store": ["N"], "size": ["2"]}, {"size": ["2"]}], series).tolist()
    [-1, 0, 1]
    """
    assigned = np.full(series.height, -1)
    for number, where in enumerate(wheres):
        matching = np.ones(series.height, bool)
        for column, values in where.items():
            matching &= _has_one_of(series[column], values) if column in series.columns else False
        assigned[matching & (assigned < 0)] = number
    return assigned


def _has_one_of(column: pl.Series, values: Sequence[str]) -> np.ndarray:
    """Whether each of the `column` is one of `values`: bool [series]; numbers are compared as numbers."""
    if column.dtype.is_numeric():
        numbers = pl.Series(list(values), dtype=pl.String).cast(pl.Float64, strict=False).drop_nulls()
        return column.cast(pl.Float64).is_in(numbers.implode()).fill_null(False).to_numpy()
    return column.cast(pl.String).is_in(list(values)).fill_null(False).to_numpy()


def assigned_blends(
    wanted: Sequence[SeriesModel], series: pl.DataFrame, candidates: Mapping[str, Blend]
) -> tuple[AssignedBlend, ...]:
    """The blends that the settings ask for, of `candidates` by name, for some of `series`.

    The first candidate stands for one that has not been learnt yet. Conditions that no series meets stay, for series
    to come.
    """
    wheres, default = wheres_of(wanted), next(iter(candidates.values()))
    assigned = assigned_rows(wheres, series)
    return tuple(
        AssignedBlend(where, entry.model, candidates.get(entry.model, default), int((assigned == number).sum()))
        for number, (entry, where) in enumerate(zip(wanted, wheres, strict=True))
    )


def apply_assigned(
    mean: np.ndarray,
    assigned: Sequence[AssignedBlend],
    means: Mapping[str, np.ndarray],
    series: pl.DataFrame,
    segments: pl.DataFrame,
) -> np.ndarray:
    """`mean` [series, step], and for the assigned series the blends of their own of the models' `means`.

    Both tables have one row for each series. Without `assigned`, `mean` itself is returned.
    """
    if not assigned:
        return mean
    result, number_of = mean.copy(), assigned_rows([entry.where for entry in assigned], series)
    for number, entry in enumerate(assigned):
        if len(rows := np.flatnonzero(number_of == number)):
            own = {model: means[model][rows] for model in entry.blend.models}
            result[rows] = entry.blend.apply(own, segments[rows])
    return result


def assigned_weights(
    weights: np.ndarray,
    models: Sequence[str],
    assigned: Sequence[AssignedBlend],
    series: pl.DataFrame,
    segments: pl.DataFrame,
) -> np.ndarray:
    """`weights` [series, model], and for the assigned series those of their own blends; columns are `models`."""
    result, number_of = weights.copy(), assigned_rows([entry.where for entry in assigned], series)
    for number, entry in enumerate(assigned):
        rows = np.flatnonzero(number_of == number)
        result[rows] = 0
        own = entry.blend.of_series(segments[rows])
        for column, model in enumerate(entry.blend.models):
            result[rows, models.index(model)] = own[:, column]
    return result


def wheres_of(wanted: Iterable[SeriesModel]) -> list[Where]:
    """The conditions of the settings, with all values as text."""
    return [{column: _texts(values) for column, values in entry.where.items()} for entry in wanted]


def _texts(values: object) -> tuple[str, ...]:
    listed_values = values if isinstance(values, tuple) else (values,)
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed_values)


def check_series_models(wanted: Sequence[SeriesModel], series: pl.DataFrame, models: Iterable[str]) -> None:
    """Raises SettingsError where the settings name a column that `series` lack, or a model that is neither among
    `models` nor a blend of them."""
    known = [*models, MEAN, WEIGHTED]
    for entry in wanted:
        if entry.model not in known:
            raise SettingsError(
                f"'series_models' names the model '{entry.model}', which is not among {', '.join(known)}."
                f"{suggestion(entry.model, known)} Add it to 'models', or name one of these."
            )
        if not entry.where:
            raise SettingsError(
                f"'series_models' names no series for {entry.model}: 'where' is empty. Give it columns and values, or "
                f"set 'champion: {entry.model}' for all series."
            )
        for column in entry.where:
            if column not in series.columns:
                raise SettingsError(
                    f"'series_models' names the column '{column}', but the series have {', '.join(series.columns)}."
                    f"{suggestion(column, series.columns)} Name one of these, or add it to 'attributes' under 'data'."
                )


def unmet_conditions(wanted: Sequence[SeriesModel], series: pl.DataFrame) -> list[str]:
    """A warning for each entry of the settings that sets the model of no series, or lists values that none has."""
    warnings, wheres = [], wheres_of(wanted)
    assigned = assigned_rows(wheres, series)
    for number, (entry, where) in enumerate(zip(wanted, wheres, strict=True)):
        count = int((assigned == number).sum())
        effect = f"it sets {entry.model} for {many(count, 'series', 'series')}"
        unknown = [text for column, values in where.items() if (text := _unknown_values(series[column], values))]
        if unknown:
            warnings.append(f"'series_models' lists {'; '.join(unknown)}; {effect}. Correct the values or remove them.")
        elif not count and (assigned_rows([where], series) == 0).any():
            warnings.append(
                f"'series_models' has an entry for {_where_text(where)}, whose series all match an earlier entry; "
                f"{effect}. Remove it, or move it up."
            )
        elif not count:
            warnings.append(
                f"'series_models' has an entry for {_where_text(where)}. Each value is there, but no series has all of "
                f"them together; {effect}. Correct it or remove it."
            )
    return warnings


def _unknown_values(column: pl.Series, values: Sequence[str]) -> str:
    """The `values` that no series has, and some that they have; empty where all are there."""
    unknown = [value for value in values if not _has_one_of(column, [value]).any()]
    known = first_five(column.drop_nulls().unique().sort())
    return f"'{column.name}' {first_five(unknown)}, which no series has (they have {known})" if unknown else ""


def _where_text(where: Where) -> str:
    return listed([f"{column} {' or '.join(values)}" for column, values in where.items()])
