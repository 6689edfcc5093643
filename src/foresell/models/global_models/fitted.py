"""Fitted global models: their forecasts, explanations and files, which do not depend on the learner."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding, Severity
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Level, check_columns, level_name
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.engine.local import ONE_BY_ONE
from foresell.engine.protocol import Engine
from foresell.features.catalogue import all_features, matrix
from foresell.features.question import Block, Context, Feature, statistics_for, unknown
from foresell.features.statistics_files import load_statistics, save_statistics
from foresell.features.training_rows import BLOCK, all_questions, merged_statistics
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions
from foresell.models.global_models.training_data import Loss, level_weights, recent_level, safe_names

RECIPE = "model.json"
USUAL = "usual"
"""The contribution that belongs to no feature: the mean difference of sales from the recent level."""

Group = tuple[str | None, ...]
"""The name of a group: its values in the columns of the level. The group of all series is ()."""

ALL: Group = ()


class Booster(Protocol):
    """Trees of some library. A score of 0 stands for sales at the recent level."""

    suffix: str
    """The end of the name of its file."""

    @property
    def names(self) -> list[str]:
        """The features that it was trained on (as `safe_names`)."""
        ...

    def score(self, values: np.ndarray) -> np.ndarray:
        """The scores of `values` float32 [row, feature]: float [row]."""
        ...

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """The contributions of the features to the score (TreeSHAP), then the mean score: [row, feature + 1]."""
        ...

    def gain(self) -> np.ndarray:
        """The reduction of the loss by the splits on each feature: float64 [feature]."""
        ...

    def write(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Recipe:
    """The description of the boosters: their features, and the series and steps that each of them forecasts.

    `features` are in order, `levels` are the levels that they need, and `codes` the values of each text attribute.
    There is one booster for each of `groups` of the level `by` and each of `blocks` (the first and the last step of a
    part of the horizon). `small` are the groups that had too few rows for boosters of their own; `ALL` is then among
    `groups`.
    """

    horizon: int
    features: tuple[str, ...]
    levels: tuple[Level, ...]
    codes: Mapping[str, tuple[str, ...]]
    loss: Loss
    by: Level
    groups: tuple[Group, ...]
    small: tuple[Group, ...]
    blocks: tuple[tuple[int, int], ...]

    @property
    def keys(self) -> list[tuple[int, int]]:
        """The positions of the group and the block of each booster."""
        return [(group, block) for group in range(len(self.groups)) for block in range(len(self.blocks))]

    def features_of(self, panel: Panel) -> dict[str, Feature]:
        """The features in order; a feature that the data of `panel` lack is unknown."""
        features = all_features(panel, self.levels)
        return {name: features.get(name) or unknown(name) for name in self.features}

    def groups_for(self, group: Group) -> list[int]:
        """The positions of the `groups` that forecast a group: its own, or that of all series, or the mean of all."""
        for name in (group, ALL):
            if name in self.groups:
                return [self.groups.index(name)]
        return list(range(len(self.groups)))


class FittedGlobalModel:
    """Boosters by (group, block), places in the recipe's `groups` and `blocks`, and the recipe.

    `learnt_statistics` are those of all series at the cutoff of the fit, None where they were not kept. With them, a
    block is forecast at that cutoff without the other series. They do not serve at a later cutoff, because they lack
    the later sales of the groups (see `merged_statistics`).
    """

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        boosters: Mapping[tuple[int, int], Booster],
        learnt_statistics: Statistics | None = None,
    ):
        self.name = name
        self.recipe = recipe
        self.boosters = boosters
        self.learnt_statistics = learnt_statistics

    @property
    def horizon(self) -> int:
        return self.recipe.horizon

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The groups that had too few rows for boosters of their own, if any."""
        recipe = self.recipe
        if not recipe.small:
            return ()
        return (
            Finding(
                "group-too-small",
                Severity.WARNING,
                level_name(recipe.by),
                len(recipe.small),
                f"{len(recipe.small)} of {len(recipe.small) + len(set(recipe.groups) - {ALL})} groups have too few "
                f"rows to learn from by themselves; the {self.name} of all series forecasts them",
                tuple(" ".join(map(str, name)) for name in recipe.small[:5]),
                "Learn by a coarser level, or give a larger 'share' or a smaller 'min_rows'.",
            ),
        )

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates that some feature of the boosters reads on days ahead."""
        shown = self.recipe.features_of(panel).values()
        return frozenset(feature.reads for feature in shown if feature.ahead)

    def statistics(self, block: Panel) -> Statistics:
        """The statistics of `block` that the forecasts of other blocks need, such as sums and prices of groups."""
        return statistics_for(block, self.recipe.features_of(block))

    def forecast(self, panel: Panel, statistics: Statistics | None = None, engine: Engine = ONE_BY_ONE) -> Forecast:
        """The mean for each series and step after the panel's cutoff, block by block on `engine`.

        Where `panel` is a block, `statistics` are those of all series.
        """
        blocks = panel.blocks(BLOCK)
        if statistics is None:
            statistics = merged_statistics(blocks, self.recipe.features_of(panel), engine=engine)
        context = Context(panel.part(slice(0, 0)), self.horizon, statistics, self.recipe.codes)
        mean = np.concatenate(list(engine.map(partial(forecast_block, self, context), blocks)))
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def means(self, shown: BoosterInput, values: np.ndarray, series: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The means of rows of features [row, feature] about these series and steps (from 1): [row]."""
        score = self._ask(shown, series, step, values, lambda booster, rows: booster.score(rows))
        return self.recipe.loss.mean(score, shown.level(values))

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The units that each feature adds to the recent level, which is the base, or takes from it.

        They are the library's TreeSHAP values (Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67), turned into
        units by `Loss.units_per_score`. The last contribution, ``usual``, belongs to no feature: it is the trees' mean
        score. On closed days all contributions are 0. It takes about a hundred times as long as a forecast.
        """
        members = np.arange(panel.n_series) if series is None else np.array(series, np.int64)
        shown = BoosterInput(self.recipe, panel)
        return self.reasons(shown, members, shown.blocks(members), closed_days(panel.part(members), self.horizon))

    def reasons(
        self, shown: BoosterInput, members: np.ndarray, blocks: Iterable[tuple[slice, np.ndarray]], closed: np.ndarray
    ) -> Contributions:
        """The contributions for the series `members`, whose features come in `blocks`; `closed` is [series, step]."""
        names = (*self.recipe.features, USUAL)
        base = np.empty((len(members), self.horizon), np.float32)
        units = np.empty((len(names), len(members), self.horizon), np.float32)
        for place, values in blocks:
            pairs = shown.pairs(members[place])
            parts = self._ask(shown, *pairs, values, lambda booster, rows: booster.contributions(rows))
            level = shown.level(values).astype(np.float64)
            parts = parts * self.recipe.loss.units_per_score(parts.sum(axis=1), level)[:, None]
            base[place] = level.reshape(-1, self.horizon)
            units[:, place] = parts.T.reshape(len(names), -1, self.horizon)
        base[closed] = 0
        units[:, closed] = 0
        return Contributions(names, base, units)

    def drivers(self) -> pl.DataFrame:
        """The share of each feature in the reduction of the loss by all splits, the largest first."""
        gain = np.sum([booster.gain() for booster in self.boosters.values()], axis=0)
        share = gain / gain.sum() if gain.sum() else gain
        frame = pl.DataFrame({"feature": self.recipe.features, "share": share})
        return frame.filter(pl.col("share") > 0).sort("share", "feature", descending=[True, False])

    def save(self, folder: Path) -> None:
        """Writes each booster in its library's own format, the recipe as JSON, and the statistics of the fit."""
        folder.mkdir(parents=True, exist_ok=True)
        for key, booster in self.boosters.items():
            booster.write(_file(folder, key, booster.suffix))
        text = json.dumps({"kind": self.name, **asdict(self.recipe)}, indent=1)
        (folder / RECIPE).write_text(text, encoding="utf-8")
        if self.learnt_statistics is not None:
            save_statistics(self.learnt_statistics, folder)

    def _ask(
        self,
        shown: BoosterInput,
        series: np.ndarray,
        step: np.ndarray,
        values: np.ndarray,
        ask: Callable[[Booster, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """The results of `ask` for rows of these series and steps, each by its own boosters: float64 [row, ...]."""
        block = np.searchsorted([last for _, last in self.recipe.blocks], step)
        booster_of_row = shown.groups[series] * len(self.recipe.blocks) + block  # [row]
        results: np.ndarray | None = None
        for number in np.unique(booster_of_row):
            group, part = divmod(int(number), len(self.recipe.blocks))
            boosters = [self.boosters[place, part] for place in self.recipe.groups_for(shown.names[group])]
            rows = np.flatnonzero(booster_of_row == number)
            some = values if len(rows) == len(values) else values[rows]
            scores = np.mean([ask(booster, some) for booster in boosters], axis=0)
            if results is None:
                results = np.empty((len(values), *scores.shape[1:]))
            results[rows] = scores
        assert results is not None
        return results


class BoosterInput:
    """The input of the boosters of `recipe` for a panel: its features, and the group that each series belongs to.

    `groups` [series] are positions in `names`. Where `panel` is a block, `context` has the statistics of all series;
    without a context, `panel` has all series. `features` are those of the recipe, made anew where not given. `view`
    makes the block of features from the context and a part of the panel.
    """

    def __init__(
        self,
        recipe: Recipe,
        panel: Panel,
        context: Context | None = None,
        view: Callable[[Context, Panel], Block] = Block,
        features: Mapping[str, Feature] | None = None,
    ):
        self.recipe = recipe
        self.panel = panel
        self.features = features or recipe.features_of(panel)
        if context is None:
            statistics = merged_statistics(panel.blocks(BLOCK), self.features)
            context = Context(panel, recipe.horizon, statistics, recipe.codes)
        self.context = context
        self.view = view
        names = group_names(panel.series, recipe.by)
        self.names: list[Group] = list(dict.fromkeys(names))
        places = {name: place for place, name in enumerate(self.names)}
        self.groups = np.array([places[name] for name in names], np.int64)

    def places(self, members: np.ndarray) -> list[slice]:
        """The slices of `members` [series] whose features are computed at a time."""
        return [slice(start, min(start + BLOCK, len(members))) for start in range(0, len(members), BLOCK)]

    def values(self, members: np.ndarray) -> np.ndarray:
        """The features of all steps of `members` [series], rows of the panel: float32 [row, feature]."""
        is_run = (np.diff(members) == 1).all()
        part = self.panel.part(slice(members[0], members[-1] + 1) if is_run else members)  # a slice copies nothing
        question = all_questions(self.view(self.context, part), self.panel.n_days - 1, self.recipe.horizon)
        return matrix(question, self.features)

    def blocks(self, members: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The `members` [series] slice by slice: the slice, and the features of all their steps [row, feature]."""
        for place in self.places(members):
            yield place, self.values(members[place])

    def pairs(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The series and the steps (from 1) of the rows of `values` for `members`: [row] each."""
        horizon = self.recipe.horizon
        return np.repeat(members, horizon), np.tile(np.arange(1, horizon + 1), len(members))

    def level(self, values: np.ndarray) -> np.ndarray:
        """The recent level of each row [row, feature], in units: float32 [row], above 0."""
        return recent_level(values, self.recipe.features, level_weights(self.panel.frequency))


def forecast_block(fitted: FittedGlobalModel, context: Context, block: Panel) -> np.ndarray:
    """The means of the series of a block, where `context` has the statistics of all: float32 [series, step]."""
    mean = np.zeros((block.n_series, fitted.horizon), np.float32)
    if block.n_series:
        shown, members = BoosterInput(fitted.recipe, block, context=context), np.arange(block.n_series)
        mean[:] = fitted.means(shown, shown.values(members), *shown.pairs(members)).reshape(mean.shape)
        mean[closed_days(block, fitted.horizon)] = 0
    return mean


def load(folder: Path, suffix: str, read: Callable[[Path], Booster]) -> FittedGlobalModel:
    """The model that was saved in `folder`; `read` reads one of its boosters, and raises ValueError where it cannot.

    Raises UnreadableFile where a file is missing, damaged or foreign.
    """
    try:
        described = json.loads((folder / RECIPE).read_text("utf-8"))
        name = described.pop("kind")
        recipe = msgspec.convert(described, Recipe)
        boosters = {key: read(_file(folder, key, suffix)) for key in recipe.keys}
        statistics = load_statistics(folder)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UnreadableFile(
            f"The model in {folder} cannot be read: {error}. Train it again: foresell train"
        ) from error
    expected = safe_names(recipe.features)
    for key, booster in boosters.items():
        if booster.names != expected:
            raise UnreadableFile(
                f"{_file(folder, key, suffix)} does not belong to {folder / RECIPE}: its features differ. "
                "Train the model again: foresell train"
            )
    return FittedGlobalModel(name, recipe, boosters, statistics)


def group_names(series: pl.DataFrame, level: Level) -> list[Group]:
    """The group of each of `series` at `level`. Raises UsageError for a column that the series do not have."""
    if not level:
        return [ALL] * series.height
    check_columns(series, level)
    return series.select(pl.col(level).cast(pl.String)).rows()


def _file(folder: Path, key: tuple[int, int], suffix: str) -> Path:
    return folder / f"booster_{key[0]}_{key[1]}{suffix}"
