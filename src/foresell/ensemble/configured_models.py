"""The models that the settings describe, by the names that they have in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from foresell import models
from foresell.adjust.reconciliation import BOTTOM_UP
from foresell.core.errors import SettingsError, first_five
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.core.settings import Features, Settings
from foresell.core.settings import Model as ModelSettings
from foresell.features.catalogue import choose
from foresell.features.question import Feature
from foresell.models.contract import Model, ModelOfSums
from foresell.models.upper_levels.totals import Totals, steady_levels

BASELINES = ("seasonal_naive", "moving_average")
"""Simple models that others have to beat."""

SLOW_LEARNING: dict[str, Any] = {
    "trees": 304,
    "learning_rate": 0.037,
    "leaves": 216,
    "min_rows": 49,
    "feature_fraction": 0.7,
    "row_fraction": 0.85,
    "l2": 27.5,
    "max_rows": 4_000_000,
}
"""Options of larger trees that learn more slowly, from more rows: the result of `foresell tune` on M5
(benchmarks/LOG.md). The variance power of the Tweedie loss is left to the model, because it suits the periods; on M5 it
was 1.077."""

QUALITIES: dict[str, tuple[ModelSettings, ...]] = {
    "fast": tuple(ModelSettings(name=name) for name in (*BASELINES, "launch", "smoothing", "lightgbm")),
    "best": (
        *(ModelSettings(name=name) for name in (*BASELINES, "launch", "smoothing")),
        ModelSettings(name="lightgbm", options=SLOW_LEARNING),
    ),
}
"""The models of single series for each quality, where the settings name none."""

TOTALS: dict[str, tuple[ModelSettings, ...]] = {
    "fast": (
        ModelSettings(name="gaussian_process"),
        ModelSettings(name="lightgbm"),
        ModelSettings(name="lightgbm", options={"power": 1.2, "seed": 2}),
    ),
    "best": (
        ModelSettings(name="gaussian_process"),
        ModelSettings(name="lightgbm"),
        ModelSettings(name="lightgbm", options={"power": 1.2, "feature_fraction": 0.5, "seed": 2}),
        ModelSettings(name="lightgbm", options={"feature_fraction": 0.5, "seed": 3}),
        ModelSettings(name="lightgbm", options={"loss": "squared", "seed": 4}),
    ),
}
"""The models of upper levels for each quality. The mean of a few different models has a smaller error than any one of
them (benchmarks/LOG.md)."""


SHARES_OF_SUMS = {"gaussian_process": 0.6}
"""The share of a kind of models in the forecast of upper levels; the others have the rest together
(benchmarks/LOG.md)."""

AnyModel = TypeVar("AnyModel", bound=ModelOfSums)


def wanted_models(settings: Settings) -> tuple[ModelSettings, ...]:
    """The models that the settings name, or those of their quality."""
    return QUALITIES[settings.quality] if settings.models is None else settings.models


def models_of(settings: Settings, checkpoints: Path | None = None) -> dict[str, Model]:
    """The models of single series by name; long trainings leave `checkpoints` in that folder, if one is given."""
    wanted = wanted_models(settings)
    return make_models(wanted, settings.features, settings.levels, settings.seed, checkpoints)


def totals_of(settings: Settings, panel: Panel, hierarchy: Hierarchy) -> Totals | None:
    """The models of the upper levels; None where the settings want none, or no level has groups large enough.

    Raises SettingsError for a level that is not among the upper ones of `hierarchy`.
    """
    totals, upper = settings.totals, hierarchy.levels[:-1]
    if totals.reconciliation == BOTTOM_UP:
        return None
    unknown = [level_name(level) for level in totals.levels or () if level not in upper]
    if unknown:
        raise SettingsError(
            f"'totals.levels' names {first_five(unknown)}; the upper levels are {first_five(map(level_name, upper))}. "
            "Add it to 'levels'."
        )
    wanted = models_of_sums(settings.quality, panel.frequency) if totals.models is None else totals.models
    return make_totals(wanted, totals.levels, panel, hierarchy, settings.horizon, settings.seed)


def models_of_sums(quality: str, frequency: Frequency) -> tuple[ModelSettings, ...]:
    """The models of upper levels of a quality; those of hours are boosters alone, because nothing else was tried."""
    of_quality = TOTALS[quality]
    return tuple(model for model in of_quality if frequency != Frequency.HOUR or model.name not in SHARES_OF_SUMS)


def make_totals(
    wanted: Iterable[ModelSettings],
    levels: tuple[Level, ...] | None,
    panel: Panel,
    hierarchy: Hierarchy,
    horizon: int,
    seed: int,
) -> Totals | None:
    """The models of `levels`; where that is None, of those that `upper_levels.totals.steady_levels` chooses."""
    levels = steady_levels(panel, hierarchy, horizon) if levels is None else levels
    if not levels:
        return None
    make: Callable[..., ModelOfSums] = partial(models.make_of_sums, frequency=panel.frequency)
    by_name = _configured(wanted, Features(), (), seed, make)
    return Totals(levels, by_name, weights_of_sums(by_name))


def weights_of_sums(by_name: Mapping[str, ModelOfSums]) -> dict[str, float]:
    """The weights of the models of upper levels: those of one name in `SHARES_OF_SUMS` have that share together, all
    others have the rest."""
    of_kind = {name: model.name if model.name in SHARES_OF_SUMS else "" for name, model in by_name.items()}
    count = Counter(of_kind.values())
    rest = 1 - sum(SHARES_OF_SUMS[kind] for kind in count if kind)
    return {name: (SHARES_OF_SUMS[kind] if kind else rest) / count[kind] for name, kind in of_kind.items()}


def make_models(
    wanted: Iterable[ModelSettings],
    features: Features,
    levels: tuple[Level, ...],
    seed: int,
    checkpoints: Path | None = None,
) -> dict[str, Model]:
    """The models of single series by name. The second model of one name gets a number: ``lightgbm``, ``lightgbm_2``.

    A model with a `label`, such as the class of a regressor of scikit-learn, has that as its name.

    `features`, `levels`, `seed` and `checkpoints` go to every model that has such options, unless its own options
    set them. Raises UsageError for a model or an option that does not exist.
    """
    return _configured(wanted, features, levels, seed, models.make, checkpoints)


def _configured(
    wanted: Iterable[ModelSettings],
    features: Features,
    levels: tuple[Level, ...],
    seed: int,
    make: Callable[..., AnyModel],
    checkpoints: Path | None = None,
) -> dict[str, AnyModel]:
    """The models that `make` makes by name, see `make_models`."""
    shared: dict[str, Any] = {"use": features.use, "drop": features.drop, "levels": levels, "seed": seed}
    shared["checkpoints"] = checkpoints
    by_name: dict[str, AnyModel] = {}
    count: Counter[str] = Counter()
    for model in wanted:
        known = models.options(model.name)
        options = {name: value for name, value in shared.items() if name in known} | model.options
        configured = make(model.name, **options)
        label = getattr(configured, "label", model.name)
        count[label] += 1
        by_name[label if count[label] == 1 else f"{label}_{count[label]}"] = configured
    return by_name


def features_in_use(
    wanted: Iterable[ModelSettings], features: Features, available: Mapping[str, Feature]
) -> dict[str, Feature]:
    """The `available` features that at least one of the models uses.

    Raises UsageError where a model names a feature, or a group of features, that is not available.
    """
    used: set[str] = set()
    for model in wanted:
        if "use" in models.options(model.name):
            use, drop = model.options.get("use", features.use), model.options.get("drop", features.drop)
            used |= set(choose(dict(available), tuple(use), tuple(drop)))
    return {name: feature for name, feature in available.items() if name in used}


def with_models_of(champion: Settings, challenger: Settings) -> Settings:
    """The challenger's settings (such as windows and levels) with those of the champion that say how to learn.

    Levels of the champion's totals that the challenger's settings do not have are left out.
    """
    totals = champion.totals
    if totals.levels is not None:
        levels = tuple(level for level in totals.levels if level in ((), *challenger.levels))
        totals = replace(totals, levels=levels)
    return replace(
        challenger,
        models=champion.models,
        quality=champion.quality,
        features=champion.features,
        totals=totals,
        champion=champion.champion,
        series_models=champion.series_models,
        seed=champion.seed,
    )
