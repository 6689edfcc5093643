"""Models as the settings describe them, by the names they have in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from foresell import models
from foresell.adjust.reconciliation import BOTTOM_UP
from foresell.core.errors import SettingsError, first_five
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.settings import Features, Settings
from foresell.core.settings import Model as ModelSettings
from foresell.features.catalogue import choose
from foresell.features.question import Feature
from foresell.models.totals import Totals, steady_levels

if TYPE_CHECKING:
    from foresell.core.panel import Panel
    from foresell.models.contract import Model

PLAIN = ("seasonal_naive", "moving_average")
"""Models that others are measured by."""

SLOW: dict[str, Any] = {
    "trees": 304,
    "learning_rate": 0.037,
    "leaves": 216,
    "min_rows": 49,
    "feature_fraction": 0.7,
    "row_fraction": 0.85,
    "l2": 27.5,
    "power": 1.077,
    "max_rows": 4_000_000,
}
"""Larger trees that learn more slowly, from more rows: what `foresell tune` found on M5 (benchmarks/LOG.md)."""

QUALITIES: dict[str, tuple[ModelSettings, ...]] = {
    "fast": tuple(ModelSettings(name=name) for name in (*PLAIN, "launch", "lightgbm")),
    "best": (
        *(ModelSettings(name=name) for name in (*PLAIN, "launch")),
        ModelSettings(name="lightgbm", options=SLOW),
    ),
}
"""The models that are tried where the settings name none."""

TOTALS: dict[str, tuple[ModelSettings, ...]] = {
    "fast": (
        ModelSettings(name="lightgbm"),
        ModelSettings(name="lightgbm", options={"power": 1.2, "seed": 2}),
    ),
    "best": (
        ModelSettings(name="lightgbm"),
        ModelSettings(name="lightgbm", options={"power": 1.2, "feature_fraction": 0.5, "seed": 2}),
        ModelSettings(name="lightgbm", options={"feature_fraction": 0.5, "seed": 3}),
        ModelSettings(name="lightgbm", options={"loss": "squared", "seed": 4}),
    ),
}
"""The models of upper levels likewise; a few that differ err less on average than any of them (benchmarks/LOG.md)."""


def wanted_models(settings: Settings) -> tuple[ModelSettings, ...]:
    """The models that the settings name, or those of their quality."""
    return QUALITIES[settings.quality] if settings.models is None else settings.models


def models_of(settings: Settings) -> dict[str, Model]:
    """The models to try, by name."""
    return make_models(wanted_models(settings), settings.features, settings.levels, settings.seed)


def totals_of(settings: Settings, panel: Panel, hierarchy: Hierarchy) -> Totals | None:
    """The models of the upper levels; None where none is wanted, or no level is worth one.

    Raises SettingsError for a level that is not among the upper ones of `hierarchy`.
    """
    of, upper = settings.totals, hierarchy.levels[:-1]
    if of.reconciliation == BOTTOM_UP:
        return None
    strange = [level_name(level) for level in of.levels or () if level not in upper]
    if strange:
        raise SettingsError(
            f"'totals.levels' names {first_five(strange)}; the upper levels are {first_five(map(level_name, upper))}. "
            "Add it to 'levels'."
        )
    wanted = TOTALS[settings.quality] if of.models is None else of.models
    return make_totals(wanted, of.levels, panel, hierarchy, settings.horizon, settings.seed)


def make_totals(
    wanted: Iterable[ModelSettings],
    levels: tuple[Level, ...] | None,
    panel: Panel,
    hierarchy: Hierarchy,
    horizon: int,
    seed: int,
) -> Totals | None:
    """The models of `levels`, or where that is None of those worth one (`models.totals.steady_levels`)."""
    levels = steady_levels(panel, hierarchy, horizon) if levels is None else levels
    make = partial(models.make_of_sums, frequency=panel.frequency)
    return Totals(levels, make_models(wanted, Features(), (), seed, make)) if levels else None


def make_models(
    wanted: Iterable[ModelSettings],
    features: Features,
    levels: tuple[Level, ...],
    seed: int,
    make: Callable[..., Model] = models.make,
) -> dict[str, Model]:
    """The models by name. A name that comes twice, with other options, gets a number: ``lightgbm``, ``lightgbm_2``.

    The features, levels and seed of the settings go to every model that has such options, unless its own options
    say otherwise. Raises UsageError for a model or an option that does not exist.
    """
    shared: dict[str, Any] = {"use": features.use, "drop": features.drop, "levels": levels, "seed": seed}
    made: dict[str, Model] = {}
    seen: Counter[str] = Counter()
    for model in wanted:
        takes = models.options(model.name)
        options = {name: value for name, value in shared.items() if name in takes} | model.options
        seen[model.name] += 1
        name = model.name if seen[model.name] == 1 else f"{model.name}_{seen[model.name]}"
        made[name] = make(model.name, **options)
    return made


def features_in_use(
    wanted: Iterable[ModelSettings], features: Features, there: Mapping[str, Feature]
) -> dict[str, Feature]:
    """Those of the features that are `there` which any of the models uses; none where no model takes features.

    Raises UsageError for a feature, or a group of them, that is not there.
    """
    used: set[str] = set()
    for model in wanted:
        if "use" in models.options(model.name):
            use, drop = model.options.get("use", features.use), model.options.get("drop", features.drop)
            used |= set(choose(dict(there), tuple(use), tuple(drop)))
    return {name: feature for name, feature in there.items() if name in used}
