"""The models by name: `make` returns one to fit, `load` returns a fitted one.

A new model is one file with a class that keeps the contract of `models.contract.Model`, has a static method
`load(folder) -> Fitted`, and one line in `MODELS`. Its `save` writes a ``model.json`` whose ``kind`` is its name here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foresell.core.errors import UnreadableFile, UsageError, suggestion

if TYPE_CHECKING:
    from foresell.core.frequency import Frequency
    from foresell.core.panel import Panel
    from foresell.models.contract import FittedModel, Model, ModelOfSums

MODELS = {
    "seasonal_naive": "foresell.models.naive:SeasonalNaive",
    "moving_average": "foresell.models.naive:MovingAverage",
    "smoothing": "foresell.models.smoothing:Smoothing",
    "lightgbm": "foresell.models.global_models.lightgbm:LightGBM",
    "xgboost": "foresell.models.global_models.xgboost:XGBoost",
    "random_forest": "foresell.models.global_models.forest:RandomForest",
    "sklearn": "foresell.models.global_models.sklearn:Sklearn",
    "launch": "foresell.models.launch.model:Launch",
    "sarima": "foresell.models.statistical:Sarima",
    "sarimax": "foresell.models.statistical:Sarimax",
    "ets": "foresell.models.statistical:Ets",
    "theta": "foresell.models.statistical:Theta",
    "croston": "foresell.models.intermittent:Croston",
    "sba": "foresell.models.intermittent:SBA",
    "tsb": "foresell.models.intermittent:TSB",
    "adida": "foresell.models.intermittent:ADIDA",
    "lstm": "foresell.models.neural:Lstm",
}
"""The module and the class of each model, which is imported at its first use because some need heavy libraries."""

MODELS_OF_SUMS = {"gaussian_process": "foresell.models.upper_levels.gaussian_process:GaussianProcess"}
"""Models that only the sums of upper levels have, see `contract.ModelOfSums`."""


def make(name: str, **options: Any) -> Model:
    """The model of this name with its options. Raises UsageError for a name or an option that does not exist."""
    if name in MODELS_OF_SUMS:
        raise UsageError(
            f"The model '{name}' forecasts the sums of upper levels, not single series. Name it under 'totals.models'; "
            f"the models of single series are {', '.join(MODELS)}."
        )
    return _made(name, **options)


def _made(name: str, **options: Any) -> Any:
    """The model of this name among all. Raises UsageError for a name or an option that does not exist."""
    kind = _kind(name)
    try:
        return kind(**options)
    except TypeError as error:
        known = ", ".join(_options(kind)) or "none"
        raise UsageError(
            f"The model '{name}' cannot be made with the options {', '.join(options) or 'given'}: it has {known}."
        ) from error


def make_of_sums(name: str, frequency: Frequency, **options: Any) -> ModelOfSums:
    """The model for the sums of upper levels; options that are not given have defaults that suit sums.

    Raises UsageError for a name or an option that does not exist.
    """
    suited = getattr(_kind(name), "of_sums", None)
    model: ModelOfSums = suited(frequency, **options) if suited else _made(name, **options)
    return model


def options(name: str) -> list[str]:
    """The options that the model of this name takes. Raises UsageError for a name that does not exist."""
    return _options(_kind(name))


def load(folder: Path | str) -> FittedModel:
    """The fitted model that was saved in `folder`. Raises UnreadableFile where there is none."""
    path = Path(folder) / "model.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(
            f"{path} is not the description of a saved model. Train one with: foresell train"
        ) from error
    return _kind(kind).load(Path(folder))


def prepare(models: Mapping[str, ModelOfSums], panel: Panel, horizon: int, cutoffs: Sequence[int]) -> dict[str, Any]:
    """The data that each of `models` prepares for the windows at `cutoffs`, by name.

    Models of equal `rows` (see `contract.Sharing`) share one object, which is prepared once.
    """
    alike: dict[Any, list[str]] = {}
    for name, model in models.items():
        alike.setdefault(getattr(model, "rows", name), []).append(name)
    prepared: dict[str, Any] = {}
    for names in alike.values():
        first, *others = (models[name] for name in names)
        sharing = {"others": others} if others else {}
        prepared |= dict.fromkeys(names, first.prepare(panel, horizon, cutoffs, **sharing))
    return prepared


def _kind(name: str) -> Any:
    known = MODELS | MODELS_OF_SUMS
    if name not in known:
        raise UsageError(f"There is no model '{name}'; the models are {', '.join(MODELS)}.{suggestion(name, known)}")
    module, _, kind = known[name].partition(":")
    return getattr(import_module(module), kind)


def _options(kind: Any) -> list[str]:
    """The options that a model's class takes; `name` is not one."""
    from inspect import signature

    return [option for option in signature(kind).parameters if option != "name"]
