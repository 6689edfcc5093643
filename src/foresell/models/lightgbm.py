"""A global gradient-boosted model (LightGBM): one model for all series and steps, learnt from question rows.

The model learns how many times its recent level a series will sell: the level (a weighted mean of recent means) is the
offset of a log-linear model, and the trees multiply it. Small and large series then share what they have in common,
and trees are not spent on telling them apart.

Single series are noisy, and a model of them misses what moves all of them a little: the season, a trend. So a second
booster, made the same way, learns the sums of a middle level (the anchor), and the series are scaled to add up to what
it says: the middle-out approach of FPP3, section 11.2, with forecast proportions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, Level
from foresell.core.panel import Panel
from foresell.features.catalogue import ENOUGH, catalogue, choose, matrix, steady_level
from foresell.features.question import Context, Feature, unknown
from foresell.features.questions import BLOCK, Grid, Questions, Rows, everything
from foresell.features.spans import SPANS
from foresell.models.closing import closed_days

if TYPE_CHECKING:
    import lightgbm

CATEGORIES = ("event", "second_event", "next_event", "last_event", "holiday")
BOOSTER, RECIPE, SUMS = "lightgbm.txt", "model.json", "sums"
TRIED = 2  # horizons before the cutoff over which the anchor has to show that it pays
REACH = 2.0  # how far the anchor may scale the series of a group
GRIDS = {  # where the rows come from; `share` is the most that is drawn, for rows of one series say much the same
    Frequency.DAY: Grid(days=1456, every=7, share=0.06),
    Frequency.WEEK: Grid(days=260, every=1, share=1.0),
    Frequency.MONTH: Grid(days=120, every=1, share=1.0),
}
ROWS = 2_000_000  # more made training longer and forecasts no better


@dataclass(frozen=True)
class LightGBM:
    """How to learn a LightGBM on question rows.

    `use` and `drop` choose from the catalogue (`foresell features` prints it), `levels` are those whose trends
    are features. A cutoff every `every` days over the last `days` days, each with a random `share` of the questions
    (about two million in all where not given), makes the rows. `power` is the variance power of the Tweedie loss,
    between 1 (Poisson) and 2 (gamma).
    `anchor` is the level whose sums the forecasts add up to: ``auto`` tries the finest of `levels` whose groups are
    large enough to be steady, and keeps it if it pays on the last two horizons before the cutoff; None does without.
    """

    use: tuple[str, ...] = ("default",)
    drop: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    anchor: Level | Literal["auto"] | None = "auto"
    trees: int = 120
    leaves: int = 64
    learning_rate: float = 0.1
    power: float = 1.1
    days: int | None = None
    every: int | None = None
    share: float | None = None
    seed: int = 1
    threads: int = 0
    name: str = "lightgbm"

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> Prepared:
        """Draws the rows of all windows, whose features are then made once. `panel` ends at the last of `cutoffs`."""
        level = self._anchor(panel, horizon)  # the last window's: an earlier one may be too short for an anchor
        # The first window looks back to where it tries its anchor.
        windows = [min(cutoffs) - (0 if level is None else TRIED * horizon), *cutoffs]
        keep = len(cutoffs) > 1 or level is not None
        single = self._questions(panel, horizon, windows, keep)
        if level is None:
            return Prepared(single, None)
        return Prepared(single, self._of_sums(panel)._questions(panel.aggregate(level), horizon, windows, keep))

    def fit(self, panel: Panel, horizon: int, prepared: Prepared | None = None) -> FittedLightGBM:
        """Learns from the questions that `panel` can answer. Raises UsageError where it can answer none."""
        prepared = prepared or self.prepare(panel, horizon, [panel.n_days - 1])
        level = self._anchor(panel, horizon)
        if level is None or (self.anchor == "auto" and not self._pays(panel, horizon, prepared, level)):
            return self._fit(panel, horizon, prepared.single)
        return self._fit(panel, horizon, prepared.single, self._fit_sums(panel, horizon, prepared, level))

    def _fit(
        self, panel: Panel, horizon: int, questions: Questions, sums: FittedLightGBM | None = None
    ) -> FittedLightGBM:
        rows = questions.until(panel.n_days - 1)
        if not len(rows.units) or not (rows.units > 0).any():
            raise UsageError(
                f"The history of {panel.n_days} {panel.frequency.noun}s has no sales to learn a horizon of {horizon} "
                "from. Give a longer history or a shorter horizon."
            )
        names, codes = tuple(questions.features), dict(questions.context.codes)
        anchor = sums.level if sums else None
        recipe = Recipe(horizon, names, self.levels, codes, anchor, panel.keys, panel.n_series)
        return FittedLightGBM(recipe, self._train(rows, names, level_weights(panel)), sums)

    def _fit_sums(self, panel: Panel, horizon: int, prepared: Prepared, level: Level) -> FittedLightGBM:
        assert prepared.sums is not None
        return self._of_sums(panel)._fit(panel.aggregate(level), horizon, prepared.sums)

    def _pays(self, panel: Panel, horizon: int, prepared: Prepared, level: Level) -> bool:
        """Whether the anchor brought the sums of its level nearer to what was sold over the last few horizons.

        Both boosters are fitted at the beginning of that time, the one of the single series with half of its trees,
        and asked at each horizon's beginning.
        """
        begin = panel.n_days - 1 - TRIED * horizon
        past = panel.until(begin)
        sums = self._fit_sums(past, horizon, prepared, level)
        single = replace(self, trees=max(self.trees // 2, 1))._fit(past, horizon, prepared.single, sums)
        groups = Hierarchy.of(panel.keys).groups(panel.series, level)
        wrong = np.zeros(2)  # the squared errors without the anchor, and with it
        for cutoff in range(begin, begin + TRIED * horizon, horizon):
            then = panel.until(cutoff)
            actual = panel.units[:, cutoff + 1 : cutoff + 1 + horizon]
            known = ~np.isnan(actual)
            truth = groups.sum(np.nan_to_num(actual))
            alone = single.alone(then)
            for place, mean in enumerate((alone, single.anchored(then, alone))):
                wrong[place] += np.sum((groups.sum(mean * known) - truth) ** 2)
        return bool(wrong[1] < wrong[0])

    def _anchor(self, panel: Panel, horizon: int) -> Level | None:
        """The level to hold the sums to; with ``auto`` none for a short history or where no group is large enough."""
        if self.anchor != "auto":
            return self.anchor
        spans = SPANS[panel.frequency]
        long_enough = panel.n_days >= spans.year + spans.middle + (TRIED + 2) * horizon
        return steady_level(panel, self.levels) if long_enough and panel.n_series >= ENOUGH else None

    def _of_sums(self, panel: Panel) -> LightGBM:
        """How to learn the sums of the anchor: few steady series, which bear longer training on a longer history."""
        grid = GRIDS[panel.frequency]
        return replace(
            self,
            anchor=None,
            levels=(),
            trees=500,
            leaves=63,
            learning_rate=0.08,
            power=1.5,
            days=grid.days * 5 // 4,
            share=max(grid.share, 0.7),
        )

    @staticmethod
    def load(folder: Path) -> FittedLightGBM:
        """The model that was saved in `folder`. Raises UnreadableFile where a file is missing, damaged or foreign."""
        lightgbm = _lightgbm()
        try:
            recipe = msgspec.convert(
                {
                    key: value
                    for key, value in json.loads((folder / RECIPE).read_text("utf-8")).items()
                    if key != "kind"
                },
                Recipe,
            )
            booster = lightgbm.Booster(model_file=folder / BOOSTER)
        except (OSError, ValueError, msgspec.ValidationError, lightgbm.basic.LightGBMError) as error:
            raise UnreadableFile(
                f"The model in {folder} cannot be read: {error}. Train it again: foresell train"
            ) from error
        if tuple(booster.feature_name()) != recipe.features:
            raise UnreadableFile(
                f"{folder / BOOSTER} does not belong to {folder / RECIPE}: its features are others. "
                "Train the model again: foresell train"
            )
        return FittedLightGBM(recipe, booster, None if recipe.anchor is None else LightGBM.load(folder / SUMS))

    def _questions(self, panel: Panel, horizon: int, cutoffs: Sequence[int], keep: bool) -> Questions:
        blind = unknown_ahead(panel, horizon)
        features = {name: each for name, each in catalogue(panel, self.levels).items() if each.reads not in blind}
        chosen = choose(features, self.use, self.drop)
        needed = {name: features[name] for name in level_weights(panel)}
        grid = GRIDS[panel.frequency]
        there = panel.n_series * horizon * (self.days or grid.days) / (self.every or grid.every)
        grid = replace(grid, share=min(grid.share, ROWS / there))
        given = {name: getattr(self, name) for name in ("days", "every", "share") if getattr(self, name) is not None}
        grid = replace(grid, seed=self.seed, **given)
        return Questions(panel, horizon, {**chosen, **needed}, grid, cutoffs, keep=keep)

    def _train(self, rows: Rows, names: tuple[str, ...], weights: Mapping[str, float]) -> lightgbm.Booster:
        """Fills LightGBM's histograms chunk by chunk, so that the features never stand in memory all at once."""
        lightgbm = _lightgbm()
        parameters = self._parameters()
        values, units = rows.sample()
        categories = [name for name in names if name in CATEGORIES]
        shared: dict[str, Any] = {"feature_name": list(names), "params": parameters}
        bins = lightgbm.Dataset(values, label=units, categorical_feature=categories, **shared).construct()
        chunks, offsets = rows.chunks(), []

        def next_chunk() -> np.ndarray:
            chunk = next(chunks)
            offsets.append(offset(chunk, names, weights))
            return chunk

        parts = [_chunk(next_chunk, length) for length in rows.lengths if length]
        data = lightgbm.Dataset(parts, reference=bins, **shared).construct()
        data.set_label(rows.units)
        data.set_init_score(np.concatenate(offsets))
        return lightgbm.train(parameters, data, self.trees)

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "tweedie",
            "tweedie_variance_power": self.power,
            "boost_from_average": False,  # the offset is where it starts from
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": 100,
            "feature_fraction": 0.5,
            "max_bin": 127,
            "num_threads": self.threads,
            "force_col_wise": True,
            "deterministic": True,
            "seed": self.seed,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class Prepared:
    """The questions of several windows: those of the single series, and those of the anchor's sums."""

    single: Questions
    sums: Questions | None


@dataclass(frozen=True)
class Recipe:
    """What a booster has to be shown: its features in order, the levels they look at, the numbers of categories; and
    the level to whose sums its forecasts are scaled."""

    horizon: int
    features: tuple[str, ...]
    levels: tuple[Level, ...]
    codes: Mapping[str, tuple[str, ...]]
    anchor: Level | None
    keys: Level
    n_series: int


class FittedLightGBM:
    """A booster, the recipe of the features that it was shown, and the model of the anchor's sums."""

    name = "lightgbm"

    def __init__(self, recipe: Recipe, booster: lightgbm.Booster, sums: FittedLightGBM | None = None):
        self.recipe = recipe
        self.booster = booster
        self.sums = sums

    @property
    def horizon(self) -> int:
        return self.recipe.horizon

    @property
    def level(self) -> Level:
        """The level whose series it was fitted on: the keys, or none for the total."""
        return () if self.recipe.keys == ("total",) else self.recipe.keys

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series and step after the panel's cutoff, scaled to the anchor where there is one.

        A panel of less than half as many series as the model was fitted on is not scaled: it has no whole groups.
        """
        mean = self.anchored(panel, self.alone(panel))
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def anchored(self, panel: Panel, mean: np.ndarray) -> np.ndarray:
        """`mean` [series, step] scaled to the anchor, where there is one and whole groups are asked about."""
        if self.sums is None or 2 * panel.n_series <= self.recipe.n_series:
            return mean
        wanted = self.sums.alone(panel.aggregate(self.sums.level))
        return scaled(mean, Hierarchy.of(panel.keys).groups(panel.series, self.sums.level), wanted)

    def alone(self, panel: Panel) -> np.ndarray:
        """The mean before it is scaled, float32 [series, step], block by block."""
        mean = np.empty((panel.n_series, self.horizon), np.float32)
        context = Context(panel, self.horizon, self.recipe.codes)
        features = self._features(panel)
        weights = level_weights(panel)
        for start in range(0, panel.n_series, BLOCK):
            block = context.block(slice(start, start + BLOCK))
            values = matrix(everything(block, panel.n_days - 1, self.horizon), features)
            score = self.booster.predict(values, raw_score=True) + offset(values, self.recipe.features, weights)
            mean[start : start + BLOCK] = np.exp(score).reshape(-1, self.horizon)
        mean[closed_days(panel, self.horizon)] = 0
        return mean

    def _features(self, panel: Panel) -> dict[str, Feature]:
        """The features of the recipe; those that this panel's data do not give are unknown."""
        there = catalogue(panel, self.recipe.levels)
        return {name: there.get(name) or unknown(name) for name in self.recipe.features}

    def drivers(self) -> pl.DataFrame:
        """Each feature's share of the gain in loss that its splits brought, largest first."""
        gain = self.booster.feature_importance("gain")
        share = gain / gain.sum() if gain.sum() else gain
        frame = pl.DataFrame({"feature": self.recipe.features, "share": share})
        return frame.filter(pl.col("share") > 0).sort("share", "feature", descending=[True, False])

    def save(self, folder: Path) -> None:
        """Writes LightGBM's own text format and the recipe as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        self.booster.save_model(folder / BOOSTER)
        text = json.dumps({"kind": self.name, **asdict(self.recipe)}, indent=1)
        (folder / RECIPE).write_text(text, encoding="utf-8")
        if self.sums is not None:
            self.sums.save(folder / SUMS)


def scaled(mean: np.ndarray, groups: Groups, wanted: np.ndarray) -> np.ndarray:
    """`mean` [series, step] scaled so that each group adds up to `wanted` [group, step], at most by `REACH` either way.

    A factor beyond that says that the two models see different things, and neither is then to be trusted alone.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.nan_to_num(wanted / groups.sum(mean), nan=1.0, posinf=1.0)
    return mean * np.clip(factor, 1 / REACH, REACH).astype(np.float32)[groups.rows]


def unknown_ahead(panel: Panel, horizon: int) -> set[str]:
    """The known-ahead covariates of which nothing is known for the days after the cutoff, so that no forecast made
    there can use them."""
    days = slice(panel.n_days, panel.n_days + horizon)
    return {name for name, known in panel.known.items() if np.isnan(known.values[:, days]).all()}


def level_weights(panel: Panel) -> dict[str, float]:
    """The features whose weighted mean is a series' recent level: the near past counts most."""
    spans = SPANS[panel.frequency]
    return {f"smoothed_{spans.middle}": 0.7, f"mean_{spans.long}": 0.3}


def offset(values: np.ndarray, names: Sequence[str], weights: Mapping[str, float]) -> np.ndarray:
    """The logarithm of the recent level of each row: float64 [row]. A little is added so that 0 has one too."""
    level = sum(np.nan_to_num(values[:, names.index(name)]) * weight for name, weight in weights.items())
    return np.log(level + 0.02)


def _lightgbm() -> Any:
    """The library, its threads told to sleep while they wait for each other.

    By default they spin. When anything else runs on the machine, a thread that spins holds the core that the one it
    waits for needs; training was seen to take ten times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import lightgbm

    return lightgbm


def _chunk(make: Callable[[], np.ndarray], length: int) -> lightgbm.Sequence:
    """LightGBM's view of a chunk of rows that is made when it is asked for, once and whole."""
    kind: Any = _lightgbm().Sequence

    class Chunk(kind):
        batch_size = max(length, 1)

        def __len__(self) -> int:
            return length

        def __getitem__(self, rows: Any) -> np.ndarray:
            return make()

    return Chunk()
