"""Models of the upper levels, whose forecasts are averaged.

All groups of all levels are the series of one panel, from which each model learns. So it learns from the stores, for
example, what it needs for the states.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Known, Panel
from foresell.core.statistics import Statistics, aggregate
from foresell.engine.local import LOCAL
from foresell.engine.protocol import Engine
from foresell.features.catalogue import ENOUGH
from foresell.features.spans import spans_of
from foresell.models import load, prepare
from foresell.models.contract import FittedModelOfSums, ModelOfSums, Progress
from foresell.models.upper_levels.parents import LEVEL

TOTALS = "totals.json"

BLOCK = 4096  # series that are added up at a time


def steady_levels(panel: Panel, hierarchy: Hierarchy, horizon: int) -> tuple[Level, ...]:
    """The levels that are worth a model of their own, from the top down.

    These are the levels whose groups have at least `ENOUGH` series on average. There are none where the history is
    shorter than a year and four horizons.
    """
    spans = spans_of(panel.frequency)
    if panel.n_days < spans.year + spans.middle + 4 * horizon:
        return ()
    groups = hierarchy.all_groups(panel.series)[:-1]
    return tuple(level.level for level in groups if panel.n_series >= ENOUGH * len(level))


def panel_of_sums(panel: Panel, levels: Sequence[Level], engine: Engine = LOCAL) -> Panel:
    """One panel of the groups of all `levels`, level by level; the column ``level`` names their level.

    Its series have the columns of all levels, and the attributes that all series of a group share; they are null where
    a level does not have them. `engine` adds up blocks of the series, whose sums are merged.
    """
    work = partial(Statistics.of, units_of=tuple(levels), covariates_of=tuple(levels))
    statistics = engine.merge(work, panel.blocks(BLOCK), Statistics.merge)
    parts = [aggregate(panel, level, statistics) for level in levels]
    series = pl.concat([_named(part, level) for part, level in zip(parts, levels, strict=True)], how="diagonal")
    known = {name: _joined([part.known[name] for part in parts]) for name in parts[0].known}
    keys = tuple(dict.fromkeys((LEVEL, *(column for level in levels for column in level))))
    series = series.select(*keys, pl.exclude(keys))
    return replace(panel, series=series, keys=keys, units=np.concatenate([part.units for part in parts]), known=known)


def _named(part: Panel, level: Level) -> pl.DataFrame:
    """The series of one level with its name; the total has no columns of its own."""
    return part.series.drop("total", strict=False).with_columns(pl.lit(level_name(level)).alias(LEVEL))


def _joined(parts: Sequence[Known]) -> Known:
    """One covariate for the series of all parts, one after another."""

    def join(first: Known, second: Known) -> Known:
        return Known(
            np.concatenate([first.values, second.values]),
            np.concatenate([first.rows, second.rows + len(first.values)]).astype(np.int32),
        )

    return reduce(join, parts)


@dataclass(frozen=True)
class Totals:
    """The models of the sums of `levels` before their fit.

    The forecasts of all `models` are averaged; a model that is not among `weights` has the weight 1.
    """

    levels: tuple[Level, ...]
    models: Mapping[str, ModelOfSums]
    weights: Mapping[str, float] = field(default_factory=dict)

    def sums(self, panel: Panel) -> Panel:
        """The panel to learn from, see `panel_of_sums`. Its part until a cutoff is that of `panel` until the cutoff."""
        return panel_of_sums(panel, self.levels)

    def prepare(self, sums: Panel, horizon: int, cutoffs: Sequence[int]) -> Any:
        """The data that the windows at `cutoffs` share; see `Model.prepare`."""
        return prepare(self.models, sums, horizon, cutoffs)

    def fit(self, sums: Panel, horizon: int, prepared: Any = None, progress: Progress | None = None) -> FittedTotals:
        """Learns from `sums`, which end at the cutoff."""
        shared = prepared or dict.fromkeys(self.models)
        fitted = {
            name: model.fit(sums, horizon, shared[name], self._part_of(progress, number))
            for number, (name, model) in enumerate(self.models.items())
        }
        return FittedTotals(self.levels, fitted, self.weights)

    def _part_of(self, progress: Progress | None, before: int) -> Progress | None:
        """The progress of one model as a part of that of all, where `before` models are done; in thousandths of one."""
        if progress is None:
            return None
        return lambda done, total: progress(before * 1000 + 1000 * done // max(total, 1), 1000 * len(self.models))


@dataclass(frozen=True)
class FittedTotals:
    """The fitted models of the sums of `levels`. Their forecasts are averaged by their weights, see `Totals`."""

    levels: tuple[Level, ...]
    models: Mapping[str, FittedModelOfSums]
    weights: Mapping[str, float] = field(default_factory=dict)

    def forecast(self, sums: Panel) -> Forecast:
        """The forecast of the sums of all levels after the cutoff of `sums`; `by_level` separates the levels."""
        forecasts = [model.forecast(sums) for model in self.models.values()]
        means = [forecast.mean for forecast in forecasts]
        weights = [self.weights.get(name, 1.0) for name in self.models]
        if len(set(weights)) == 1:
            return replace(forecasts[0], mean=np.stack(means).mean(axis=0, dtype=np.float32))
        return replace(forecasts[0], mean=np.average(means, axis=0, weights=weights).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Writes ``totals.json``, the levels, and each model into a folder of its name."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"levels": self.levels, "models": list(self.models), "weights": dict(self.weights)}
        (folder / TOTALS).write_text(json.dumps(content, indent=1), encoding="utf-8")
        for name, model in self.models.items():
            model.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> FittedTotals:
        """The models that `save` wrote. Raises UnreadableFile where they are missing or damaged."""
        try:
            content = json.loads((folder / TOTALS).read_text(encoding="utf-8"))
            levels, names = tuple(tuple(level) for level in content["levels"]), list(content["models"])
            weights = {str(name): float(weight) for name, weight in content.get("weights", {}).items()}
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise UnreadableFile(f"{folder / TOTALS} does not describe models of totals: {error}.") from error
        return cls(levels, {name: load(folder / name) for name in names}, weights)


def by_level(mean: np.ndarray, groups: Sequence[Groups]) -> dict[Level, np.ndarray]:
    """`mean` [series of the panel of sums, step] for each of its levels, whose `groups` are given: [group, step]."""
    ends = np.cumsum([len(level) for level in groups])[:-1]
    return {level.level: part for level, part in zip(groups, np.split(mean, ends), strict=True)}
