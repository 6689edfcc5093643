"""Backtest and forecast in memory, from a panel to tables: what notebooks and services use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import BOTTOM_UP, Reconciliation, all_levels
from foresell.core.arguments import column_names, levels_of, whole_number
from foresell.core.charts import Chart, timelines_chart
from foresell.core.errors import UsageError, first_five, warn
from foresell.core.forecast import Forecast, check_probabilities
from foresell.core.forecasts import Forecasts, check_names
from foresell.core.hierarchy import Hierarchy, check_columns, level_name
from foresell.core.overview import Described, Overview
from foresell.core.panel import Panel
from foresell.core.settings import Features, SeriesModel
from foresell.core.settings import Model as ModelSettings
from foresell.core.tables import to_kind
from foresell.core.timeline import ChosenGroups, ForecastLine, Timeline
from foresell.core.words import a, change, day, many, name, score
from foresell.ensemble.backtest_ensemble import ensemble
from foresell.ensemble.blending import Blend
from foresell.ensemble.champion import ENSEMBLE, fit
from foresell.ensemble.combination import Combination
from foresell.ensemble.configured_models import QUALITIES, make_models, make_totals, models_of_sums
from foresell.ensemble.series_models import check_series_models, unmet_conditions
from foresell.evaluate.backtest import BENCHMARK, Backtest
from foresell.evaluate.backtest import backtest as run_backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.models.global_models.regressors import is_regressor
from foresell.models.upper_levels.totals import Totals

if TYPE_CHECKING:
    from foresell.models.contract import Model

Models = Iterable[Any] | Mapping[str, Any]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAST = tuple(model.name for model in QUALITIES["fast"])


@dataclass(frozen=True, repr=False)
class BacktestResult(Described):
    """A backtest with the ensemble among the models, and what `forecast` needs to forecast as was tested.

    `scores` has the tables as Polars. The properties of the same names give them in the library of the table that the
    `panel` was made from.
    """

    scores: Backtest
    panel: Panel
    hierarchy: Hierarchy
    models: Mapping[str, Model]
    totals_model: Totals | None
    combination: Combination

    def leaderboard(self, benchmark: str = BENCHMARK) -> Any:
        """One row for each model, best WRMSSE first, see `Backtest.leaderboard`."""
        return self._given_back(self.scores.leaderboard(benchmark))

    @property
    def forecasts(self) -> Any:
        """All forecasts beside what happened: model, keys, cutoff, date, step, mean, actual."""
        return self._given_back(self.scores.forecasts)

    @property
    def levels(self) -> Any:
        """The scores of each model, cutoff and level, see `Backtest`."""
        return self._given_back(self.scores.levels)

    @property
    def segments(self) -> Any:
        """The scores of each model, cutoff and segment of the single series."""
        return self._given_back(self.scores.segments)

    @property
    def steps(self) -> Any:
        """The scores of each model, cutoff, level and step after the cutoff."""
        return self._given_back(self.scores.steps)

    @property
    def runs(self) -> Any:
        """The seconds that each model took at each cutoff."""
        return self._given_back(self.scores.runs)

    def overview(self) -> Overview:
        """The backtest at one glance: its windows, and the models, the best first."""
        board = self.scores.leaderboard()
        cutoffs = self.scores.weights["cutoff"].unique().sort()
        facts = {"cutoffs": first_five(map(day, cutoffs))}
        for row in board.iter_rows(named=True):
            better = row["improvement"]
            beside = (
                "" if better is None or row["model"] == BENCHMARK else f", {change(-better / 100)} against {BENCHMARK}"
            )
            facts[row["model"]] = f"WRMSSE {score(row['wrmsse'])}{beside}"
        title = f"Backtest of {many(board.height, 'model')} in {many(len(cutoffs), 'window')} of "
        return Overview(title + many(self.horizon, self.panel.frequency.noun), facts)

    @property
    def horizon(self) -> int:
        """How many days (periods) each window has."""
        return int(self.scores.steps["step"].max())  # type: ignore[arg-type]

    def plot(
        self,
        level: Sequence[str] | None = None,
        *,
        models: Sequence[str] = (ENSEMBLE,),
        last: int | None = None,
        most: int = 6,
        **where: object,
    ) -> Chart:
        """An Altair chart of what was sold in the windows and what `models` had forecast, as sums of single series.

        `tested.plot(store="north")` shows one store, `tested.plot(level=("store",))` each of the `most` largest ones.
        `last` is how many days (periods) to show; the windows and two horizons before them, where not given.

        Raises UsageError for a model, column or value that is not there, NotInstalled without the extra ``plot``.
        """
        if isinstance(models, str):
            raise UsageError(f"'models' is the plain text '{models}'; expected a list. Write `models=['{models}']`.")
        wanted = tuple(where) if level is None else tuple(dict.fromkeys([*column_names(level, "level"), *where]))
        panel, shape = self.panel, (self.panel.n_series, self.horizon)
        cutoffs = self.scores.weights["cutoff"].unique().sort().to_list()
        usual = panel.n_days - panel.day_of(cutoffs[0]) + 2 * self.horizon
        first = max(panel.n_days - (usual if last is None else whole_number(last, "last")), 0)
        units = panel.units[:, first:]
        chosen = ChosenGroups.of(panel.series, units, wanted, panel.keys, where, whole_number(most, "most"))
        rows = chosen.rows.tolist()
        lines: dict[int, list[ForecastLine]] = {row: [] for row in rows}
        for model in models:
            table = _forecasts_by(self, model)
            for cutoff in cutoffs:
                mean = table.filter(pl.col("cutoff") == cutoff)["mean"].to_numpy().reshape(shape)
                dates = panel.until(cutoff).ahead(self.horizon)
                for row in rows:
                    lines[row].append(ForecastLine(name(model), dates, chosen.units(mean, row)))
        dates, marks = panel.dates[first : panel.n_days], tuple(np.array(cutoffs, panel.dates.dtype))
        timelines = [
            Timeline(chosen.title(row), dates, chosen.units(units, row), tuple(lines[row]), marks) for row in rows
        ]
        title = timelines[0].title if len(rows) == 1 else f"Backtest by {level_name(wanted)}"
        return timelines_chart(timelines, title, chosen.note(), f"units {a(panel.frequency.noun)}")

    def _given_back(self, table: pl.DataFrame | None) -> Any:
        return None if table is None else to_kind(table, self.panel.table_kind)


def backtest(
    panel: Panel,
    models: Models = FAST,
    horizon: int = 28,
    *,
    windows: int = 3,
    every: int | None = None,
    levels: Iterable[Sequence[str]] = (),
    totals: bool = True,
    series_models: Iterable[Mapping[str, Any]] = (),
    seed: int = 1,
) -> BacktestResult:
    """How well `models` would have forecast the last `windows` times `horizon` days of `panel`.

    `models` are names of the registry and regressors with the interface of scikit-learn, which go by their class; or
    a dict of these, and of models, by the names they shall have. `levels` are tuples of columns of the panel's series
    to score beside the total and the single series; with `totals`, those with large groups are forecast by themselves
    too, and single series brought into line with them. `series_models` sets the model of some series in place of the
    ensemble of all, as in ``[{"where": {"item": ["tea", "cocoa"]}, "model": "seasonal_naive"}]``: `where` has values of
    columns of the series, `model` is the name of one of `models`, ``mean`` or ``weighted``; the first entry that means
    a series counts. `result.leaderboard()` compares the models and their ensemble,
    `result.forecasts` are all forecasts beside what happened.

    Raises UsageError for an unknown model, level or column and for a history that is too short.
    """
    _check_panel(panel)
    whole_number(horizon, "horizon")
    whole_number(windows, "windows")
    whole_number(horizon if every is None else every, "every")
    whole_number(seed, "seed", 0)
    hierarchy = _hierarchy(panel, levels)
    by_name = _models(models, hierarchy, seed)
    assigned = _series_models(series_models, panel, by_name)
    wanted = models_of_sums("fast", panel.frequency)
    sums = make_totals(wanted, None, panel, hierarchy, horizon, seed) if totals else None
    days = cutoffs(panel, horizon, windows, every)
    tested = run_backtest(panel, by_name, horizon, days, hierarchy, totals=sums)
    combined = ensemble(panel, hierarchy, tested, tested.forecasts_of, series_models=assigned)
    forecasts = pl.concat([table for table in (tested.forecasts, combined.forecasts) if table is not None])
    scores = replace(combined.scores, forecasts=forecasts, totals=tested.totals)
    return BacktestResult(scores, panel, hierarchy, by_name, sums, combined.combination)


def forecast(
    panel: Panel,
    model: Any = None,
    horizon: int = 28,
    *,
    levels: Iterable[Sequence[str]] = (),
    tested: BacktestResult | None = None,
    quantiles: Sequence[float] | None = None,
    name: str | None = None,
    seed: int = 1,
) -> Forecasts:
    """The `horizon` days after the panel's last one, for the total, `levels` and the single series.

    `model` is a name of the registry, a model, or a regressor with the interface of scikit-learn; where it is not
    given, the ensemble of `tested`, or LightGBM. With `tested`, a backtest of the same series, `quantiles` come from
    the errors in it of the model, which goes by `name` there (its own, where not given); without, the forecast has a
    mean only. `quantiles` are 5, 25, 50, 75 and 95 % where not given. A `name` alone takes the model that goes by it in
    `tested`. `forecasts.to_frame()` gives one tidy table; with `tested`, `forecasts.demand(9)` gives the demand of nine
    days together, and `forecasts.paths(200)` sample paths.

    Raises UsageError where `tested` holds no forecasts by the model, is of other series, or is not there to have a
    `name`.
    """
    _check_panel(panel)
    whole_number(horizon, "horizon")
    whole_number(seed, "seed", 0)
    hierarchy = _hierarchy(panel, levels)
    probabilities = _probabilities(QUANTILES if quantiles is None else quantiles)
    _check_tested(tested, panel)
    if quantiles is not None and tested is None:
        warn("'quantiles' come from the errors of a backtest, so without 'tested' the forecast has a mean only.")
    chosen = _chosen(model, name, tested, hierarchy, seed)
    errors = None if tested is None else _forecasts_by(tested, chosen.name)
    bottom = fit(panel, horizon, chosen.models, chosen.totals, chosen.combination).forecast(panel)
    by_level = all_levels(bottom, panel.series, hierarchy)
    sampler = None
    if errors is not None:
        ranges = Ranges.learn(errors, panel, hierarchy)
        by_level = ranges.apply(by_level, panel, hierarchy, probabilities)
        sampler = _sampler(bottom, panel, hierarchy, ranges, errors)
    given_back = {level: replace(of_level, table_kind=panel.table_kind) for level, of_level in by_level.items()}
    return Forecasts(given_back, panel, sampler)


def _sampler(
    bottom: Forecast, panel: Panel, hierarchy: Hierarchy, ranges: Ranges, errors: pl.DataFrame
) -> Callable[[int], SamplePaths]:
    """Sample paths for a seed. How errors depend on each other is learnt when paths are first asked for."""
    dependence = cache(partial(Dependence.learn, errors, panel, hierarchy, ranges))
    return lambda seed: SamplePaths.of(bottom, panel, hierarchy, ranges, dependence(), seed)


class _Chosen(NamedTuple):
    """What forecasts: the name that it has in a backtest, the models to fit, and how they are combined."""

    name: str
    models: Mapping[str, Model]
    totals: Totals | None
    combination: Combination


def _chosen(model: Any, name: str | None, tested: BacktestResult | None, hierarchy: Hierarchy, seed: int) -> _Chosen:
    """The model, the one of `tested` that goes by `name`, or the ensemble; parameters and errors as of `forecast`."""
    if name is not None and tested is None:
        raise UsageError(
            f"'name' is {name!r}, which says how a backtest calls the model; give the backtest, as in "
            "`tested=foresell.backtest(panel)`, or leave 'name' out."
        )
    if model is None and tested is not None:
        if name in (None, ENSEMBLE):
            return _Chosen(ENSEMBLE, tested.models, tested.totals_model, tested.combination)
        _forecasts_by(tested, str(name))
        model = tested.models[str(name)]
    model = "lightgbm" if model is None else model
    listed = isinstance(model, str) or is_regressor(model)
    if not listed and not callable(getattr(model, "fit", None)):
        raise UsageError(f"'model' is {model!r}, which is no model; expected its name, as in `model='lightgbm'`.")
    ((own_name, only),) = _models([model] if listed else {"model": model}, hierarchy, seed).items()
    name = name or (own_name if listed else model.name)
    alone = Combination(Blend.fixed({name: 1.0}), Reconciliation({BOTTOM_UP: 1.0}))
    return _Chosen(name, {name: only}, None, alone)


def _forecasts_by(tested: BacktestResult, name: str) -> pl.DataFrame:
    """The forecasts of the backtest by the model of this name. Raises UsageError where there are none."""
    table = tested.scores.forecasts
    errors = pl.DataFrame() if table is None else table.filter(model=name)
    if errors.is_empty():
        names = first_five([] if table is None else table["model"].unique(maintain_order=True))
        raise UsageError(
            f"The backtest holds no forecasts by '{name}'; test that model to get quantiles round it, or name one of "
            f"{names}."
        )
    return errors


def _models(models: Models, hierarchy: Hierarchy, seed: int) -> dict[str, Model]:
    """The models by name. Raises UsageError for what is no model."""
    if isinstance(models, str):
        raise UsageError(f"'models' is the plain text '{models}'; expected a list. Write `models=['{models}']`.")
    listed = list(models) if isinstance(models, Iterable) else []
    if not listed:
        raise UsageError(f"'models' is {models!r}; expected names of models, as in `models=['seasonal_naive']`.")
    if isinstance(models, Mapping):
        odd = [
            name
            for name, model in models.items()
            if not isinstance(name, str) or not (isinstance(model, str) or callable(getattr(model, "fit", None)))
        ]
        if odd:
            raise UsageError(
                f"What is given as {first_five(map(repr, odd))} in 'models' is no model; expected the name of one, or "
                "one with a method `fit`, by a name that is a text, as in `models={'mine': 'lightgbm'}`."
            )
        if ENSEMBLE in models:
            raise UsageError(f"'{ENSEMBLE}' is the name of the ensemble of all models; give your model another name.")
        return {name: _made(model, hierarchy, seed) for name, model in models.items()}
    odd = [model for model in listed if not isinstance(model, str) and not is_regressor(model)]
    if odd:
        raise UsageError(
            f"'models' lists {first_five(odd)}; expected names of models. Give models themselves by the names they "
            "shall have: `models={'mine': model}`."
        )
    wanted = [_described(model) for model in listed]
    return make_models(wanted, Features(), hierarchy.levels[1:-1], seed)


def _series_models(entries: object, panel: Panel, models: Iterable[str]) -> tuple[SeriesModel, ...]:
    """The models that are set for some series. Raises UsageError for what is none, warns of what means no series."""
    try:
        wanted = msgspec.convert(entries, tuple[SeriesModel, ...])
    except msgspec.ValidationError as error:
        raise UsageError(
            f"'series_models' cannot be used: {error}. Write it as in `series_models=[{{'where': {{'item': 'tea'}}, "
            "'model': 'seasonal_naive'}]`."
        ) from error
    check_series_models(wanted, panel.series, models)
    for text in unmet_conditions(wanted, panel.series):
        warn(text)
    return wanted


def _made(model: Any, hierarchy: Hierarchy, seed: int) -> Model:
    """The model of a name, or one that learns by a regressor of scikit-learn; any other model as it is."""
    if not isinstance(model, str) and not is_regressor(model):
        return model
    return next(iter(make_models([_described(model)], Features(), hierarchy.levels[1:-1], seed).values()))


def _described(model: Any) -> ModelSettings:
    """A name of the registry, or a regressor, as settings describe a model."""
    return (
        ModelSettings(name=model)
        if isinstance(model, str)
        else ModelSettings(name="sklearn", options={"regressor": model})
    )


def _hierarchy(panel: Panel, levels: object) -> Hierarchy:
    """The hierarchy with `levels` between. Raises UsageError for a column that the panel's series do not have."""
    between = levels_of(levels)
    check_names((*panel.keys, *(name for level in between for name in level)))
    for level in between:
        check_columns(panel.series, level)
    return Hierarchy.of(panel.keys, between)


def _check_panel(panel: object) -> None:
    if not isinstance(panel, Panel):
        raise UsageError(
            f"'panel' is of the type {type(panel).__name__}; expected a Panel. Make one of a table of sales: "
            "`panel = foresell.Panel.from_frame(sales, keys=('store', 'item'))`."
        )


def _probabilities(quantiles: object) -> tuple[float, ...]:
    listed = list(quantiles) if isinstance(quantiles, Iterable) and not isinstance(quantiles, str) else None
    if not listed or not all(isinstance(value, int | float) and 0 < value < 1 for value in listed):
        raise UsageError(
            f"'quantiles' is {quantiles!r}; expected numbers between 0 and 1, as in `quantiles=(0.1, 0.9)`."
        )
    probabilities = tuple(sorted(set(listed)))
    check_probabilities(probabilities)
    return probabilities


def _check_tested(tested: object, panel: Panel) -> None:
    """Raises UsageError for what is no backtest, and for one of other series."""
    if tested is None:
        return
    if not isinstance(tested, BacktestResult):
        raise UsageError(
            f"'tested' is of the type {type(tested).__name__}; expected what `foresell.backtest(panel)` returns."
        )
    there = tested.panel
    if there.keys != panel.keys or not there.series.select(there.keys).equals(panel.series.select(panel.keys)):
        raise UsageError(
            f"The backtest is of other series ({there.n_series:,}, by {' x '.join(there.keys)}) than the panel "
            f"({panel.n_series:,}, by {' x '.join(panel.keys)}). Test on this panel: "
            "`tested = foresell.backtest(panel)`."
        )
