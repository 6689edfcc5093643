"""What forecasts tonight: models that have learnt, and how their forecasts become one."""

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
from foresell.models.totals import FittedTotals, Totals, by_level, panel_of_sums

ENSEMBLE = "ensemble"
"""The name of the combination of models in tables, even where it is of one."""

MODELS, TOTALS, SIZE = "models", "totals", "champion.json"

LINE_UP = "totals"
"""The contribution of bringing the single series into line with the forecasts of the upper levels."""


@dataclass(frozen=True)
class Champion:
    """The models that have a weight, the models of upper levels where they have a say, and the combination of all.

    It keeps the promises of `models.contract.Fitted`. The upper levels are heard only when all `n_series` that they
    learnt from are asked about, for some of the series have no whole groups.
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
        """What went wrong for some of the series when the models were fitted."""
        return tuple(finding for model in self.models.values() for finding in model.findings)

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates that any of the models of single series reads."""
        return frozenset().union(*(model.reads(panel) for model in self.models.values()))

    def forecast(self, panel: Panel) -> Forecast:
        """The mean for each series and step after the panel's cutoff."""
        means = {name: model.forecast(panel).mean for name, model in self.models.items()}
        blended = self.combination.blend.apply(means, segments(panel))
        mean = self.lined_up(panel, blended)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def lined_up(self, panel: Panel, mean: np.ndarray) -> np.ndarray:
        """`mean` [series, step] in line with the upper levels, where all series that they are made of are there."""
        if self.totals is None or panel.n_series != self.n_series:
            return mean
        hierarchy = Hierarchy.of(panel.keys)
        groups = {level: hierarchy.groups(panel.series, level) for level in self.totals.levels}
        expected = self.totals.forecast(panel_of_sums(panel, self.totals.levels)).mean
        sums = by_level(expected, list(groups.values()))
        return self.combination.reconciliation.apply(mean, sums, groups)

    def among(self, learnt: pl.DataFrame, panel: Panel) -> Champion:
        """The same models for all series of `panel`, of which some may be new since they learnt from the table of
        series `learnt`; a new one's errors are taken to vary as much as those of the median series."""
        way = self.combination.reconciliation
        if way.variance is not None and way.variances is not None:
            groups = Hierarchy.of(panel.keys).groups
            variances = {
                level: _of_now(values, groups(learnt, level).frame, groups(panel.series, level).frame, level)
                for level, values in way.variances.items()
            }
            way = replace(way, variance=_of_now(way.variance, learnt, panel.series, panel.keys), variances=variances)
        return replace(self, combination=replace(self.combination, reconciliation=way), n_series=panel.n_series)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """What makes the forecast: the models' contributions by their weights, and what the upper levels add.

        Adds up to `forecast(panel).mean`.
        """
        rows = np.arange(panel.n_series) if series is None else np.asarray(series, np.int64)
        weights = self.combination.blend.of_series(segments(panel))[rows]  # [series, model]
        parts = {name: model.explain(panel, series) for name, model in self.models.items()}
        mean = None if self.totals is None else self.forecast(panel).mean[rows]
        return self.joined(parts, weights, mean)

    def joined(
        self, parts: Mapping[str, Contributions], weights: np.ndarray, mean: np.ndarray | None = None
    ) -> Contributions:
        """The models' contributions `parts` by their `weights` [series, model], and what is left to the `mean`.

        The last is what the upper levels add; where no `mean` [series, step] is given, there are none.
        """
        base = np.zeros(next(iter(parts.values())).base.shape)
        units: dict[str, np.ndarray] = {}
        for place, name in enumerate(self.combination.blend.models):
            part, weight = parts[name], weights[:, place, None]
            base += weight * part.base
            for feature, layer in zip(part.features, part.units, strict=True):
                units[feature] = units.get(feature, 0.0) + weight * layer
        if mean is not None:
            units[LINE_UP] = mean - base - sum(units.values(), np.zeros_like(base))
        layers = np.stack(list(units.values())) if units else np.zeros((0, *base.shape))
        return Contributions(tuple(units), base, layers)

    def drivers(self) -> pl.DataFrame:
        """Each feature's share in what the models go by, weighed as the models are; see `Fitted.drivers`."""
        weights = self.combination.blend.weights.select(pl.exclude("segment").mean()).row(0, named=True)
        parts = [model.drivers().with_columns(pl.col("share") * weights[name]) for name, model in self.models.items()]
        frame = pl.concat(parts).group_by("feature", maintain_order=True).agg(pl.col("share").sum())
        return frame.with_columns(pl.col("share") / pl.col("share").sum()).sort(
            "share", "feature", descending=[True, False]
        )

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
        models = {name: load(folder / MODELS / name) for name in combination.blend.models}
        totals = FittedTotals.load(folder / TOTALS) if combination.needs_totals else None
        try:
            n_series = int(json.loads((folder / SIZE).read_text(encoding="utf-8"))["n_series"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{folder / SIZE} does not say how many series were learnt from: {error}.") from error
        return cls(models, combination, totals, n_series)


def _of_now(values: np.ndarray, before: pl.DataFrame, now: pl.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """`values` of the rows of `before` for those of `now` that have the same `keys`; their median for the others.

    >>> shops = pl.DataFrame({"shop": ["a", "c"]}), pl.DataFrame({"shop": ["c", "b", "a"]})
    >>> _of_now(np.array([1.0, 3.0]), *shops, ["shop"]).tolist()
    [3.0, 2.0, 1.0]
    """
    names = [pl.col(key).cast(pl.String) for key in keys]  # categories of two tables differ
    if not names:
        return values
    known = before.select(names).with_columns(pl.Series("__value", values))
    found = now.select(names).join(known, on=list(keys), how="left", nulls_equal=True, maintain_order="left")
    return found["__value"].fill_null(float(np.median(values))).to_numpy()


def fit(
    panel: Panel,
    horizon: int,
    models: Mapping[str, Model],
    totals: Totals | None,
    combination: Combination,
    tell: Callable[[str], None] = lambda name: None,
) -> Champion:
    """Fits those of `models`, and `totals`, that the combination asks for; `tell` is told which one is next."""
    fitted = {}
    for name in combination.blend.models:
        tell(name)
        fitted[name] = models[name].fit(panel, horizon)
    above = None
    if totals is not None and combination.needs_totals:
        tell(TOTALS)
        above = totals.fit(totals.sums(panel), horizon)
    return Champion(fitted, combination, above, panel.n_series)
