"""Backtest and forecast in memory, from a panel to tables: what notebooks and services use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import BOTTOM_UP, Reconciliation, all_levels
from foresell.core.errors import UsageError
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Hierarchy, Level
from foresell.core.panel import Panel
from foresell.core.settings import Features
from foresell.core.settings import Model as ModelSettings
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import ENSEMBLE, fit
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import QUALITIES, TOTALS, make_models, make_totals
from foresell.evaluate.backtest import TABLES, Backtest
from foresell.evaluate.backtest import backtest as run_backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.models.totals import Totals

if TYPE_CHECKING:
    from foresell.models.contract import Model

Models = Iterable[str] | Mapping[str, "Model"]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAST = tuple(model.name for model in QUALITIES["fast"])


@dataclass(frozen=True)
class Tested(Backtest):
    """A backtest with the ensemble among the models, and what `forecast` needs to forecast as was tested."""

    models: Mapping[str, Model] = field(default_factory=dict)
    sums: Totals | None = None
    combination: Combination | None = None


def backtest(
    panel: Panel,
    models: Models = FAST,
    horizon: int = 28,
    *,
    windows: int = 3,
    every: int | None = None,
    levels: Iterable[Level] = (),
    totals: bool = True,
    seed: int = 1,
) -> Tested:
    """How well `models` would have forecast the last `windows` times `horizon` days of `panel`.

    `models` are names of the registry, or models by the names they shall have. `levels` are tuples of columns
    of the panel's series to score beside the total and the single series; with `totals`, those with large groups are
    forecast by themselves too, and single series brought into line with them. `result.leaderboard()` compares the
    models and their ensemble, `result.forecasts` are all forecasts beside what happened.

    Raises UsageError for an unknown model or level and for a history that is too short.
    """
    hierarchy = Hierarchy.of(panel.keys, tuple(tuple(level) for level in levels))
    made = _made(models, hierarchy, seed)
    sums = make_totals(TOTALS["fast"], None, panel, hierarchy, horizon, seed) if totals else None
    days = cutoffs(panel, horizon, windows, every)
    tested = run_backtest(panel, made, horizon, days, hierarchy, totals=sums)
    combined = ensemble(panel, hierarchy, tested, tested.forecasts_of)
    return Tested(
        **{name: getattr(combined.scores, name) for name in TABLES},
        forecasts=pl.concat([each for each in (tested.forecasts, combined.forecasts) if each is not None]),
        totals=tested.totals,
        models=made,
        sums=sums,
        combination=combined.combination,
    )


def forecast(
    panel: Panel,
    model: str | Model | None = None,
    horizon: int = 28,
    *,
    levels: Iterable[Level] = (),
    tested: Tested | None = None,
    quantiles: Sequence[float] = QUANTILES,
    name: str | None = None,
    seed: int = 1,
) -> Forecasts:
    """The `horizon` days after the panel's last one, for the total, `levels` and the single series.

    `model` is a name of the registry or a model; where it is not given, the ensemble of `tested`, or LightGBM. With
    `tested`, a backtest on this panel with the same levels, `quantiles` come from the errors in it of the model, which
    goes by `name` there (its own, where not given); without, the forecast has a mean only. `forecasts.to_frame()`
    gives one tidy table.

    Raises UsageError where `tested` holds no forecasts by the model, or other levels.
    """
    hierarchy = Hierarchy.of(panel.keys, tuple(tuple(level) for level in levels))
    if model is None and tested is not None and tested.combination is not None:
        name, made, sums, combination = ENSEMBLE, tested.models, tested.sums, tested.combination
    else:
        model = model or "lightgbm"
        name = name or (model if isinstance(model, str) else model.name)
        made = _made((model,) if isinstance(model, str) else {name: model}, hierarchy, seed)
        made, sums = dict(zip([name], made.values(), strict=True)), None
        combination = Combination(Blend.fixed({name: 1.0}), Reconciliation({BOTTOM_UP: 1.0}))
    bottom = fit(panel, horizon, made, sums, combination).forecast(panel)
    means = all_levels(bottom, panel.series, hierarchy)
    if tested is None:
        return Forecasts(means)
    kept = tested.forecasts.filter(model=name) if tested.forecasts is not None else None
    if kept is None or kept.is_empty():
        raise UsageError(f"The backtest holds no forecasts by '{name}'; test that model to get quantiles round it.")
    return Forecasts(Ranges.learn(kept, panel, hierarchy).apply(means, panel, hierarchy, tuple(quantiles)))


def _made(models: Models, hierarchy: Hierarchy, seed: int) -> dict[str, Model]:
    if isinstance(models, Mapping):
        return dict(models)
    wanted = [ModelSettings(name=name) for name in models]
    return make_models(wanted, Features(), hierarchy.levels[1:-1], seed)
