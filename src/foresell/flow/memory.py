"""Backtest and forecast in memory, from a panel to tables: what notebooks and services use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconcile import all_levels
from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy, Level
from foresell.core.panel import Panel
from foresell.core.settings import Features
from foresell.core.settings import Model as ModelSettings
from foresell.evaluate.backtest import Backtest
from foresell.evaluate.backtest import backtest as run_backtest
from foresell.evaluate.windows import cutoffs
from foresell.flow.forecasts import Forecasts
from foresell.flow.models import make_models

if TYPE_CHECKING:
    from foresell.models.contract import Model

Models = Iterable[str] | Mapping[str, "Model"]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def backtest(
    panel: Panel,
    models: Models = ("seasonal_naive", "moving_average", "lightgbm"),
    horizon: int = 28,
    *,
    windows: int = 3,
    every: int | None = None,
    levels: Iterable[Level] = (),
    seed: int = 1,
) -> Backtest:
    """How well `models` would have forecast the last `windows` times `horizon` days of `panel`.

    `models` are names of the registry, or models by the names they shall have. `levels` are tuples of columns
    of the panel's series to score beside the total and the single series. `result.leaderboard()` compares the models,
    `result.forecasts` are all forecasts beside what happened.

    Raises UsageError for an unknown model or level and for a history that is too short.
    """
    hierarchy = Hierarchy.of(panel.keys, tuple(tuple(level) for level in levels))
    made = _made(models, hierarchy, seed)
    return run_backtest(panel, made, horizon, cutoffs(panel, horizon, windows, every), hierarchy)


def forecast(
    panel: Panel,
    model: str | Model | None = None,
    horizon: int = 28,
    *,
    levels: Iterable[Level] = (),
    tested: Backtest | None = None,
    quantiles: Sequence[float] = QUANTILES,
    name: str | None = None,
    seed: int = 1,
) -> Forecasts:
    """The `horizon` days after the panel's last one, for the total, `levels` and the single series.

    `model` is a name of the registry or a model; where it is not given, the best of `tested`, or LightGBM. With
    `tested`, a backtest on this panel with the same levels, `quantiles` come from the model's errors in it, where it
    goes by `name` (its own, where not given); without, the forecast has a mean only. `forecasts.to_frame()` gives
    one tidy table.

    Raises UsageError where `tested` holds no forecasts by the model, or other levels.
    """
    hierarchy = Hierarchy.of(panel.keys, tuple(tuple(level) for level in levels))
    model = model or (tested.leaderboard()["model"][0] if tested else "lightgbm")
    made = _made((model,), hierarchy, seed)[model] if isinstance(model, str) else model
    bottom = made.fit(panel, horizon).forecast(panel)
    means = all_levels(bottom, panel.series, hierarchy)
    if tested is None:
        return Forecasts(means)
    name = name or (model if isinstance(model, str) else model.name)
    kept = tested.forecasts.filter(model=name) if tested.forecasts is not None else None
    if kept is None or kept.is_empty():
        raise UsageError(f"The backtest holds no forecasts by '{name}'; test that model to get quantiles round it.")
    return Forecasts(Ranges.learn(kept, panel, hierarchy).apply(means, panel, hierarchy, tuple(quantiles)))


def _made(models: Models, hierarchy: Hierarchy, seed: int) -> dict[str, Model]:
    if isinstance(models, Mapping):
        return dict(models)
    wanted = [ModelSettings(name=name) for name in models]
    return make_models(wanted, Features(), hierarchy.levels[1:-1], seed)
