"""The demand of days together, in a project: the forecasts as they were made, with sample paths round them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.core.forecasts import Forecasts
from foresell.core.settings import Settings
from foresell.pipeline.choice import Choice
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.progress import Watch
from foresell.pipeline.results import Results


class ForecastProject(Protocol):
    """What is read of a `Project` where its forecasts are used; `Project` itself imports the files that do so."""

    folder: Path
    settings: Settings
    watch: Watch

    @property
    def results(self) -> Results:
        """The results of the steps as they are now."""
        ...

    def run(self, *wanted: str) -> Any:
        """Does the steps that are out of date."""
        ...

    def choice(self) -> Choice:
        """The model that forecasts."""
        ...


def forecasts_with_paths(project: ForecastProject) -> Forecasts:
    """The forecasts of the step `forecast`, whose methods `demand` and `paths` draw from what the backtest of the
    model that made them showed. Raises as `path_sampler`.
    """
    forecasts, sampler = path_sampler(project)
    return replace(forecasts, panel=project.results.panel, sampler=sampler)


def path_sampler(project: ForecastProject) -> tuple[Forecasts, Callable[[int], SamplePaths]]:
    """The forecasts of the step `forecast`, and what draws the sample paths of the single series for a seed.

    Nothing is fitted; steps that are out of date are done first. Raises UsageError where a version forecasts that an
    earlier foresell trained, which did not learn how days hang together.
    """
    project.run("forecast")
    results = project.results
    panel, hierarchy = results.panel, results.hierarchy
    forecaster = Forecaster.of(results, project.choice())
    forecasts = Forecasts.from_frame(results.forecasts, panel, hierarchy, results.settings.output.quantiles)
    ranges, dependence = forecaster.ranges, forecaster.dependence
    return forecasts, lambda seed: SamplePaths.of(forecasts.bottom, panel, hierarchy, ranges, dependence, seed)
