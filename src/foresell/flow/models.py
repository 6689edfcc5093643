"""Models as the settings describe them, by the names they have in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from foresell import models
from foresell.core.hierarchy import Level
from foresell.core.settings import Features
from foresell.core.settings import Model as ModelSettings
from foresell.features.catalogue import choose
from foresell.features.question import Feature

if TYPE_CHECKING:
    from foresell.models.contract import Model


def make_models(
    wanted: Iterable[ModelSettings], features: Features, levels: tuple[Level, ...], seed: int
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
        made[name] = models.make(model.name, **options)
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
