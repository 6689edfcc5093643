"""Global models before their fit: the options that all of them share, the draw of training rows, and the fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, get_args

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level, level_name
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.core.words import many
from foresell.engine.local import LOCAL
from foresell.engine.protocol import Engine
from foresell.features.catalogue import catalogue, choose, group_levels
from foresell.features.question import Feature, group_levels_of
from foresell.features.row_draw import Grid
from foresell.features.training_rows import BLOCK, TrainingRows, WindowRows
from foresell.models.contract import Progress
from foresell.models.global_models.fitted import ALL, Booster, FittedGlobalModel, Group, Recipe, group_names
from foresell.models.global_models.training_data import BoosterTraining, Loss, LossName, level_weights
from foresell.models.option_checks import wrong_option

GRIDS = {  # the draw of rows; `share` is the largest share, because rows of one series are alike
    Frequency.HOUR: Grid(days=8736, every=24, share=0.06),
    Frequency.DAY: Grid(days=1456, every=7, share=0.06),
    Frequency.WEEK: Grid(days=260, every=1, share=1.0),
    Frequency.MONTH: Grid(days=120, every=1, share=1.0),
    Frequency.QUARTER: Grid(days=60, every=1, share=1.0),
    Frequency.YEAR: Grid(days=40, every=1, share=1.0),
}
MAX_ROWS = 2_000_000  # with the default trees, more rows took longer to train and made forecasts no better
PLACES = 6_000_000  # series x cutoffs to draw from; with few cutoffs, trees overfit panels of few series
POWER = {
    Frequency.HOUR: 1.1,
    Frequency.DAY: 1.1,
    Frequency.WEEK: 1.5,
    Frequency.MONTH: 1.5,
    Frequency.QUARTER: 1.5,
    Frequency.YEAR: 1.5,
}
"""The variance power of the Tweedie loss. Sums of longer periods vary more nearly in proportion to their mean, so that
small series should count by their relative errors (benchmarks/LOG.md)."""
ENOUGH = 10  # a group needs this many times `min_rows` for boosters of its own


@dataclass(frozen=True)
class Draw:
    """The draw of a model's training rows, where None stands for a value that suits the panel.

    Models with equal draws can share their rows.
    """

    days: int | None
    every: int | None
    share: float | None
    max_rows: int
    seed: int

    def grid(self, frequency: Frequency, n_series: int, horizon: int) -> Grid:
        """The grid of past questions for so many series; about `max_rows` are drawn where no share is given.

        Rows of one cutoff are much alike, so few rows of many cutoffs are drawn rather than many rows of few.
        """
        grid = GRIDS[frequency]
        days = self.days or grid.days
        every = self.every or min(max(n_series * days // PLACES, 1), grid.every)
        share = self.share or min(grid.share, self.max_rows * every / max(n_series * horizon * days, 1))
        return replace(grid, days=days, every=every, share=share, seed=self.seed)


@dataclass(frozen=True)
class GlobalModel(ABC):
    """A global model before its fit: the options that all learners share.

    - `use`, `drop`: features of the catalogue that are used and left out; `foresell features` prints it.
    - `levels`: the levels whose trends are features.
    - `days`, `every`, `share`, `max_rows`: the training rows. They have a cutoff every `every` days over the last
      `days` days, and a random `share` of the questions at each; about `max_rows` in all where it is not given.
    - `by`: the level whose groups have boosters of their own; () has one for all series. A group with fewer than ten
      times `min_rows` rows is forecast by a booster of all series, and is named in the findings.
    - `blocks`: the number of parts of the horizon that have a booster each.
    """

    use: tuple[str, ...] = ("default",)
    drop: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    by: Level = ()
    blocks: int = 1
    days: int | None = None
    every: int | None = None
    share: float | None = None
    max_rows: int = MAX_ROWS
    seed: int = 1
    min_rows: int = 100
    name: str = ""

    def __post_init__(self) -> None:
        """Turns the lists of settings into tuples. Raises UsageError for a value that an option cannot have."""
        for option in ("use", "drop", "by"):
            value: Any = getattr(self, option)
            object.__setattr__(self, option, (value,) if isinstance(value, str) else tuple(value))
        object.__setattr__(self, "levels", tuple(tuple(level) for level in self.levels))
        self._check()

    @property
    def rows(self) -> Draw:
        """The draw of the training rows. Models of equal `rows` can share their prepared data."""
        return Draw(self.days, self.every, self.share, self.max_rows, self.seed)

    @property
    def rounds(self) -> int:
        """The number up to which `learn` counts in its progress."""
        return 1

    def cost(self, frequency: Frequency) -> Loss:
        """The loss that the learner minimises."""
        return Loss("squared")

    def suited_to(self, frequency: Frequency) -> Self:
        """The model with values for the options whose default depends on the frequency."""
        return self

    @abstractmethod
    def learn(self, training: BoosterTraining, progress: Callable[[int], None]) -> Booster:
        """Trains one booster; `progress` is called with the number of `rounds` that are done."""

    def prepare(
        self,
        panel: Panel,
        horizon: int,
        cutoffs: Sequence[int],
        others: Sequence[GlobalModel] = (),
        engine: Engine = LOCAL,
    ) -> TrainingRows:
        """Draws the rows of all windows. Their features are computed once, at the first use.

        `panel` ends at the last of `cutoffs`. `others` are models of equal `rows` that share the rows, which have the
        features of all of them. Any model that uses only these features can share them, whatever its other options.
        """
        return self.gather(panel.blocks(BLOCK), horizon, cutoffs, others, engine)

    def gather(
        self,
        blocks: Sequence[Panel],
        horizon: int,
        cutoffs: Sequence[int] = (),
        others: Sequence[GlobalModel] = (),
        engine: Engine = LOCAL,
    ) -> TrainingRows:
        """The rows as in `prepare`, drawn by `engine` from `blocks` of all series and gathered here.

        A fit on these rows is the same as one on a panel of all series. Of the panel it needs only the calendar
        (`TrainingRows.calendar`).
        """
        models = (self, *others)
        levels = tuple(dict.fromkeys(level for model in models for level in group_levels(blocks[0], model.levels)))
        counts = engine.merge(partial(Statistics.of, levels=levels), blocks, Statistics.merge)
        features: dict[str, Feature] = {}
        for model in models:
            features |= model._features(blocks[0], horizon, counts)
        grid = self.rows.grid(blocks[0].frequency, counts.n_series, horizon)
        return TrainingRows(blocks, horizon, features, levels, grid, cutoffs, engine=engine)

    def fit(
        self,
        panel: Panel,
        horizon: int,
        prepared: TrainingRows | None = None,
        progress: Progress | None = None,
        engine: Engine = LOCAL,
    ) -> FittedGlobalModel:
        """Learns from the questions that `panel` can answer; `engine` makes the rows where none are `prepared`. Of a
        panel with `prepared` rows, nothing but its days is looked at.

        Raises UsageError where it can answer none, and where `prepared` are not the rows and features of this model.
        """
        questions = prepared or self.gather(panel.blocks(BLOCK), horizon, engine=engine)
        features = self._of(questions, horizon)
        steps = horizon_blocks(horizon, self.blocks)
        names = group_names(questions.series, self.by)
        rows = self._rows(questions, features, names, panel.n_days - 1)
        groups, small = self._groups(names, rows, steps)
        codes, loss = dict(questions.codes), self.cost(panel.frequency)
        coded = tuple(place for place, name in enumerate(features) if name in codes)
        recipe = Recipe(horizon, features, self.levels, codes, loss, self.by, groups, small, steps)
        boosters = {}
        for number, key in enumerate(recipe.keys):
            chosen = rows(groups[key[0]], steps[key[1]])
            _check_sales(chosen, panel, horizon)
            training = BoosterTraining(chosen, features, level_weights(panel.frequency), loss, coded)
            boosters[key] = self.learn(training, self._booster_progress(progress, number, len(recipe.keys)))
        return FittedGlobalModel(self.name, recipe, boosters, _learnt_statistics(questions, features, panel))

    def _rows(
        self, questions: TrainingRows, features: tuple[str, ...], names: list[Group], cutoff: int
    ) -> Callable[[Group, tuple[int, int]], WindowRows]:
        """How to get the rows of a group and a part of the horizon that are known at the cutoff; `names` [series] are
        those of the groups of the questions' series."""
        places = {name: place for place, name in enumerate(dict.fromkeys(names))}
        member = np.array([places[name] for name in names])  # [series]

        def rows(group: Group, steps: tuple[int, int]) -> WindowRows:
            series = None if group == ALL else member == places[group]
            return questions.until(cutoff, features, series=series, steps=None if self.blocks == 1 else steps)

        return rows

    def _groups(
        self,
        names: list[Group],
        rows: Callable[[Group, tuple[int, int]], WindowRows],
        steps: tuple[tuple[int, int], ...],
    ) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
        """The groups to have boosters, in order, and those too small for them, which are left to one of all series."""
        groups: list[Group] = []
        small: list[Group] = []
        for group in sorted(set(names), key=str) if self.by else ():
            enough = all(self._enough(rows(group, part)) for part in steps)
            (groups if enough else small).append(group)
        if small or not groups:
            groups.append(ALL)
        return tuple(groups), tuple(small)

    def _booster_progress(self, progress: Progress | None, before: int, boosters: int) -> Callable[[int], None]:
        """What a booster calls with its number of rounds, those of the boosters `before` it being done."""
        if progress is None:
            return lambda rounds: None
        return lambda rounds: progress(before * self.rounds + rounds, boosters * self.rounds)

    def _features(self, panel: Panel, horizon: int, statistics: Statistics) -> dict[str, Feature]:
        """The chosen features and those of the recent level, by a block `panel` and the `statistics` of all series."""
        blind = unknown_ahead(statistics, panel.n_days, horizon)
        available = catalogue(panel, self.levels, statistics)
        features = {name: feature for name, feature in available.items() if feature.reads not in blind}
        chosen = choose(features, self.use, self.drop)
        return {**chosen, **{name: features[name] for name in level_weights(panel.frequency)}}

    def _of(self, questions: TrainingRows, horizon: int) -> tuple[str, ...]:
        """The names of this model's features in `questions`."""
        calendar, statistics = questions.calendar, questions.statistics
        grid = self.rows.grid(calendar.frequency, statistics.n_series, horizon)
        if horizon != questions.horizon or grid != questions.grid:
            raise UsageError(
                f"The model '{self.name}' needs a horizon of {horizon} and rows of {grid}, but the prepared rows are "
                f"for {questions.horizon} and {questions.grid}. Share rows among models whose 'rows' are equal."
            )
        levels = [level for level in group_levels(calendar, self.levels) if level not in statistics.levels]
        features = () if levels else tuple(self._features(calendar, horizon, statistics))
        missing = [name for name in features if name not in questions.features] or [*map(level_name, levels)]
        if missing:
            raise UsageError(
                f"{len(missing)} features of the model '{self.name}' were not prepared: {first_five(missing)}. "
                "Give all models that share the rows to 'prepare'."
            )
        return features

    def _enough(self, rows: WindowRows) -> bool:
        """Whether a group has enough rows for a booster of its own."""
        return len(rows.units) >= ENOUGH * self.min_rows and bool((rows.units > 0).any())

    def _check(self) -> None:
        self._check_counts(dict.fromkeys(("blocks", "days", "every", "max_rows", "min_rows"), 1))
        self._check_fractions(("share",))

    def _check_counts(self, least_of: Mapping[str, int]) -> None:
        for option, least in least_of.items():
            value = getattr(self, option)
            left_open = value is None and option in ("days", "every")
            if not left_open and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise self._wrong(option, f"a whole number from {least}")

    def _check_fractions(self, options: Sequence[str]) -> None:
        for option in options:
            value = getattr(self, option)
            left_open = value is None and option == "share"
            if not left_open and not (isinstance(value, int | float) and 0 < value <= 1):
                raise self._wrong(option, "a number above 0 and at most 1")

    def _wrong(self, option: str, expected: str) -> UsageError:
        return wrong_option(self.name, option, getattr(self, option), expected)


@dataclass(frozen=True)
class TreeModel(GlobalModel):
    """A global model of trees, with the options of `GlobalModel` and the following.

    `loss` is ``tweedie``, ``poisson`` or ``squared``. `power` is that of the variance of ``tweedie``, between 1
    (Poisson) and 2 (gamma): 1.1 for hours and days and 1.5 for longer periods where not given.
    A tree has at most `leaves` leaves of at least `min_rows` rows each, and sees a random part of the features
    (`feature_fraction`) and of the rows (`row_fraction`). `threads` is 0 for all cores.
    """

    loss: LossName = "tweedie"
    power: float | None = None
    threads: int = 0
    trees: int = 120
    leaves: int = 64
    feature_fraction: float = 0.5
    row_fraction: float = 1.0

    @property
    def rounds(self) -> int:
        """The number of trees."""
        return self.trees

    def cost(self, frequency: Frequency) -> Loss:
        """The loss, with its power."""
        return Loss(self.loss, POWER[frequency] if self.power is None else self.power)

    def suited_to(self, frequency: Frequency) -> Self:
        """See `GlobalModel.suited_to`."""
        return self if self.power is not None else replace(self, power=POWER[frequency])

    def _check(self) -> None:
        if self.loss not in get_args(LossName):
            raise self._wrong("loss", "one of " + ", ".join(get_args(LossName)))
        if self.power is not None and not (isinstance(self.power, int | float) and 1 < self.power < 2):
            raise self._wrong("power", "a number above 1 and below 2")
        super()._check()
        self._check_counts({"leaves": 2, "trees": 1})
        self._check_fractions(("feature_fraction", "row_fraction"))


@dataclass(frozen=True)
class Boosted(TreeModel):
    """A global model of boosted trees, with the options of `TreeModel` and the following.

    `learning_rate` is the weight of each tree. `l2` draws a leaf towards the recent level, as if it had so many more
    rows that sold at that level.
    """

    learning_rate: float = 0.1
    l2: float = 0.0

    def _check(self) -> None:
        super()._check()
        if not (isinstance(self.learning_rate, int | float) and self.learning_rate > 0):
            raise self._wrong("learning_rate", "a number above 0")
        if not (isinstance(self.l2, int | float) and self.l2 >= 0):
            raise self._wrong("l2", "a number from 0")


def horizon_blocks(horizon: int, blocks: int) -> tuple[tuple[int, int], ...]:
    """The first and the last step of each of so many parts of the horizon, the longer ones first.

    >>> horizon_blocks(10, 3)
    ((1, 4), (5, 7), (8, 10))
    """
    parts = np.array_split(np.arange(1, horizon + 1), min(blocks, horizon))
    return tuple((int(part[0]), int(part[-1])) for part in parts)


def unknown_ahead(statistics: Statistics, n_days: int, horizon: int) -> set[str]:
    """The known-ahead covariates without any value after the cutoff, which no forecast at that cutoff can use."""
    return {name for name, days in statistics.known_days.items() if not days[n_days : n_days + horizon].any()}


def _learnt_statistics(questions: TrainingRows, features: tuple[str, ...], panel: Panel) -> Statistics | None:
    """The statistics of these features at the cutoff of `panel`; None where `questions` reach past the cutoff."""
    if panel.n_days != questions.calendar.n_days:
        return None
    return questions.statistics.part(*group_levels_of({name: questions.features[name] for name in features}))


def _check_sales(rows: WindowRows, panel: Panel, horizon: int) -> None:
    if not (rows.units > 0).any():
        raise UsageError(
            f"The history of {many(panel.n_days, panel.frequency.noun)} has no sales to learn a horizon of {horizon} "
            "from. Give a longer history or a shorter horizon."
        )
