"""The search space of a global model: the options that are searched, their bounds, and the model with such values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from foresell.core.errors import UsageError
from foresell.features.question import Feature
from foresell.models.global_models.forest import RandomForest
from foresell.models.global_models.model import Boosted, GlobalModel

DROP = "drop"
"""The option whose value is one group of features to leave out, or NOTHING."""

NOTHING = "nothing"

NEEDED = ("question",)
"""Groups of features that every model needs."""


@dataclass(frozen=True)
class Option:
    """An option to search: one of `choices`, or a number from `low` to `high`.

    With `log` the numbers are spread evenly by their logarithm. A number is whole with a `step` of 1, a multiple of a
    smaller `step`, and has three digits where there is no step. `when` is another option and its value without which
    this option has no meaning.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[str, ...] = ()
    when: tuple[str, str] | None = None

    @property
    def whole(self) -> bool:
        return self.step == 1

    def nearest(self, value: Any) -> Any:
        """The value of the option that is nearest to `value`.

        >>> Option("l2", 0.1, 200, log=True).nearest(0), Option("trees", 40, 400, step=1).nearest(1000)
        (0.1, 400)
        """
        if self.choices:
            return value if value in self.choices else self.choices[0]
        inside = min(max(value, self.low), self.high)
        return self.shown(
            inside if self.step is None else self.low + round((inside - self.low) / self.step) * self.step
        )

    def shown(self, value: Any) -> Any:
        """`value` rounded as it is used and written: to a whole number, a multiple of the step, or three digits.

        >>> Option("learning_rate", 0.03, 0.3, log=True).shown(0.0712345)
        0.0712
        """
        if self.choices:
            return value
        return int(value) if self.whole else round(value, 6) if self.step else float(f"{value:.3g}")


BOOSTED = (
    Option("trees", 40, 400, log=True, step=1),
    Option("learning_rate", 0.03, 0.3, log=True),
    Option("leaves", 15, 255, log=True, step=1),
    Option("min_rows", 20, 500, log=True, step=1),
    Option("feature_fraction", 0.2, 1.0, step=0.05),
    Option("row_fraction", 0.4, 1.0, step=0.05),
    Option("l2", 0.1, 200, log=True),
    Option("loss", choices=("tweedie", "poisson", "squared")),
    Option("power", 1.05, 1.7, when=("loss", "tweedie")),
)
FOREST = (
    Option("trees", 50, 200, log=True, step=1),
    Option("leaves", 64, 2048, log=True, step=1),
    Option("min_rows", 5, 200, log=True, step=1),
    Option("feature_fraction", 0.2, 1.0, step=0.05),
    Option("row_fraction", 0.3, 0.9, step=0.05),
)
SPACES: dict[type, tuple[Option, ...]] = {RandomForest: FOREST, Boosted: BOOSTED}
"""The options that are searched for each class of model, and for its subclasses."""


@dataclass(frozen=True)
class Space:
    """The options to search, and the `model` of the settings, from which the search starts."""

    model: GlobalModel
    options: tuple[Option, ...]

    @classmethod
    def of(cls, model: GlobalModel, features: Mapping[str, Feature]) -> Space:
        """The space for a model that could use `features`; one group of features at a time may be left out.

        Where the model's last name under ``drop`` is such a group, the search starts from that.
        Raises UsageError for a class of model that has no space.
        """
        groups = sorted({feature.group for feature in features.values()} - set(NEEDED) - set(model.drop[:-1]))
        return cls(model, (*options_of(model), Option(DROP, choices=(NOTHING, *groups))))

    @property
    def start(self) -> dict[str, Any]:
        """The values of the space that are nearest to the model of the settings."""
        dropped = self.model.drop[-1] if self.model.drop else NOTHING
        return {
            option.name: option.nearest(dropped if option.name == DROP else getattr(self.model, option.name))
            for option in self.options
            if option.when is None or getattr(self.model, option.when[0]) == option.when[1]
        }

    @property
    def fixed(self) -> GlobalModel:
        """The model with default values for all options that are searched, which shows what the search leaves alone."""
        known = {field.name: field.default for field in fields(self.model)}
        defaults: dict[str, Any] = {option.name: known[option.name] for option in self.options if option.name != DROP}
        return replace(self.model, **defaults, drop=self._left_out)

    @property
    def _left_out(self) -> tuple[str, ...]:
        """The features that the settings leave out, without the group that is searched."""
        drop = self.model.drop
        return drop[:-1] if drop and drop[-1] in self.options[-1].choices else drop

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The `values` of the space as options of the model."""
        options = {name: value for name, value in values.items() if name != DROP}
        dropped = values.get(DROP, NOTHING)
        return {**options, DROP: (*self._left_out, *(() if dropped == NOTHING else (dropped,)))}

    def make(self, values: Mapping[str, Any]) -> GlobalModel:
        """The model with these `values`."""
        return replace(self.model, **self.written(values))

    def changed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the model with these `values` that differ from the model of the settings."""
        return {
            name: value for name, value in self.written(values).items() if not _same(value, getattr(self.model, name))
        }


def options_of(model: object) -> tuple[Option, ...]:
    """The options to search for the class of `model`. Raises UsageError for a class that has none."""
    for kind, options in SPACES.items():
        if isinstance(model, kind):
            return options
    raise UsageError(f"{type(model).__name__} has no options to search; boosted trees and forests have.")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other)
    return bool(one == other)
