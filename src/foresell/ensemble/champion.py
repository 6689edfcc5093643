"""The champion: the fitted models that make the forecast, and the combination of their forecasts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.ensemble.combination import Combination
from foresell.evaluate.segments import segments
from foresell.models import load
from foresell.models.contract import Contributions, Fitted, Model
from foresell.models.upper_levels.totals import FittedTotals, Totals, by_level, panel_of_sums

ENSEMBLE = "ensemble"
"""The name of the combination of models in tables, also where it has only one model."""

MODELS, TOTALS, SIZE = "models", "totals", "champion.json"

RECONCILIATION = "totals"
"""The name of the contribution that the reconciliation with the upper levels adds to the forecast of a series."""


@dataclass(frozen=True)
class Champion:
    """The models that have a weight, the models of the upper levels where they are needed, and their combination.

    It follows the contract `models.contract.Fitted`. The upper levels take part only in a forecast of all `n_series`
    that they learnt from, because a part of the series does not add up to whole groups.
    """

    models: Mapping[str, Fitted]
    combination: Combination
    totals: FittedTotals | None = None
    n_series: int = 0

    name: ClassVar[str] = ENSEMBLE

    @property
    def horizon(self) -> int:
        return next(iter(self.models.values())).horizon

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all models about series that could not be fitted."""
        return tuple(finding for model in self.models.values() for finding in model.findings)

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates that at least one of the models of single series reads."""
        return frozenset().union(*(model.reads(panel) for model in self.models.values()))

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series and step after the panel's cutoff."""
        means = {name: model.forecast(panel).mean for name, model in self.models.items()}
        blended = self.combination.apply(means, panel.series, segments(panel))
        mean = self.reconcile(panel, blended)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def reconcile(self, panel: Panel, mean: np.ndarray) -> np.ndarray:
        """`mean` [series, step] reconciled with the upper levels, or unchanged where `panel` lacks some series."""
        if self.totals is None or panel.n_series != self.n_series:
            return mean
        hierarchy = Hierarchy.of(panel.keys)
        groups = {level: hierarchy.groups(panel.series, level) for level in self.totals.levels}
        totals = self.totals.forecast(panel_of_sums(panel, self.totals.levels)).mean
        return self.combination.reconciliation.apply(mean, by_level(totals, list(groups.values())), groups)

    def for_series(self, learnt: pl.DataFrame, panel: Panel) -> Champion:
        """The same models for all series of `panel`.

        `learnt` is the table of the series that the models learnt from; some series of `panel` may be newer. The error
        variance of a new series is taken to be that of the median series.
        """
        method = self.combination.reconciliation
        if method.variance is not None and method.variances is not None:
            groups = Hierarchy.of(panel.keys).groups
            variances = {
                level: _aligned(values, groups(learnt, level).frame, groups(panel.series, level).frame, level)
                for level, values in method.variances.items()
            }
            variance = _aligned(method.variance, learnt, panel.series, panel.keys)
            method = replace(method, variance=variance, variances=variances)
        return replace(self, combination=replace(self.combination, reconciliation=method), n_series=panel.n_series)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The contributions to the forecast: those of the models by their weights, and that of the upper levels.

        They add up to `forecast(panel).mean`. `series` are rows of `panel`; all where it is None.
        """
        rows = np.arange(panel.n_series) if series is None else np.asarray(series, np.int64)
        weights = self.combination.weights_of(panel.series, segments(panel))[rows]  # [series, model]
        parts = {name: model.explain(panel, series) for name, model in self.models.items()}
        mean = None if self.totals is None else self.forecast(panel).mean[rows]
        return self.combine_contributions(parts, weights, mean)

    def combine_contributions(
        self, parts: Mapping[str, Contributions], weights: np.ndarray, mean: np.ndarray | None = None
    ) -> Contributions:
        """The weighted contributions of the models, and what the upper levels add to them.

        `parts` are the contributions by model and `weights` is [series, model]. The upper levels add what the models'
        contributions lack to `mean` [series, step]; without a `mean` they add nothing.
        """
        base = np.zeros(next(iter(parts.values())).base.shape)
        units: dict[str, np.ndarray] = {}
        for column, name in enumerate(self.combination.models):
            part, weight = parts[name], weights[:, column, None]
            base += weight * part.base
            for feature, layer in zip(part.features, part.units, strict=True):
                units[feature] = units.get(feature, 0.0) + weight * layer
        if mean is not None:
            units[RECONCILIATION] = mean - base - sum(units.values(), np.zeros_like(base))
        layers = np.stack(list(units.values())) if units else np.zeros((0, *base.shape))
        return Contributions(tuple(units), base, layers)

    def drivers(self) -> pl.DataFrame:
        """The share of each feature in the models' forecasts, weighed by the models' weights; see `Fitted.drivers`."""
        weights = self._mean_weights()
        parts = [model.drivers().with_columns(pl.col("share") * weights[name]) for name, model in self.models.items()]
        frame = pl.concat(parts).group_by("feature", maintain_order=True).agg(pl.col("share").sum())
        return frame.with_columns(pl.col("share") / pl.col("share").sum()).sort(
            "share", "feature", descending=[True, False]
        )

    def _mean_weights(self) -> dict[str, float]:
        """The weights of the models as means over the rows of a blend, and over the numbers of assigned series."""
        assigned = self.combination.assigned
        rest = max(self.n_series - sum(entry.n_series for entry in assigned), 0)
        mean_weights = dict.fromkeys(self.models, 0.0)
        counted = [(self.combination.blend, rest if assigned else 1)]
        counted += [(entry.blend, entry.n_series) for entry in assigned]
        for blend, count in counted:
            of_blend = blend.weights.select(pl.exclude("segment").mean()).row(0, named=True)
            for name in blend.models:
                mean_weights[name] += count * of_blend[name]
        return mean_weights

    def save(self, folder: Path) -> None:
        """Writes each model into ``models/NAME/``, those of upper levels into ``totals/``, and the combination."""
        self.combination.save(folder)
        (folder / SIZE).write_text(json.dumps({"n_series": self.n_series}), encoding="utf-8")
        for name, model in self.models.items():
            model.save(folder / MODELS / name)
        if self.totals is not None:
            self.totals.save(folder / TOTALS)

    @classmethod
    def load(cls, folder: Path) -> Champion:
        """What `save` wrote. Raises UnreadableFile where it is missing or damaged."""
        combination = Combination.load(folder)
        models = {name: load(folder / MODELS / name) for name in combination.models}
        totals = FittedTotals.load(folder / TOTALS) if combination.needs_totals else None
        try:
            n_series = int(json.loads((folder / SIZE).read_text(encoding="utf-8"))["n_series"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{folder / SIZE} does not say how many series were learnt from: {error}.") from error
        return cls(models, combination, totals, n_series)


def _aligned(values: np.ndarray, before: pl.DataFrame, now: pl.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """`values` of the rows of `before`, for the rows of `now` with the same `keys`; the median for new rows.

    >>> shops = pl.DataFrame({"shop": ["a", "c"]}), pl.DataFrame({"shop": ["c", "b", "a"]})
    >>> _aligned(np.array([1.0, 3.0]), *shops, ["shop"]).tolist()
    [3.0, 2.0, 1.0]
    """
    names = [pl.col(key).cast(pl.String) for key in keys]  # categories of two tables differ
    if not names:
        return values
    known = before.select(names).with_columns(pl.Series("__value", values))
    joined = now.select(names).join(known, on=list(keys), how="left", nulls_equal=True, maintain_order="left")
    return joined["__value"].fill_null(float(np.median(values))).to_numpy()


def fit(
    panel: Panel,
    horizon: int,
    models: Mapping[str, Model],
    totals: Totals | None,
    combination: Combination,
    progress: Callable[[str], None] = lambda name: None,
) -> Champion:
    """Fits the models that the combination needs, of `models` and of the upper levels' `totals`.

    `progress` is called with the name of the model that is fitted next.
    """
    fitted = {}
    for name in combination.models:
        progress(name)
        fitted[name] = models[name].fit(panel, horizon)
    fitted_totals = None
    if totals is not None and combination.needs_totals:
        progress(TOTALS)
        fitted_totals = totals.fit(totals.sums(panel), horizon)
    return Champion(fitted, combination, fitted_totals, panel.n_series)
