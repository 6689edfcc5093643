"""Why the forecast of a group is what it is: reasons in words and units that add up to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import msgspec
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.words import many
from foresell.ensemble.champion import Champion
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.explanation import explanation_of
from foresell.pipeline.forecaster import Forecaster
from foresell.pipeline.views.series_groups import finished, group_of

MOST_EXPLAINED = 500  # series at once; an explanation takes some hundred times as long as a forecast


class WhyQuery(msgspec.Struct, frozen=True):
    """The group, such as ``where=store=S1&item=tea``, and the days from `first` to `last`; all where not given."""

    where: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Why:
    """The reasons of a forecast of some days, largest first after the recent sales.

    - `reasons`: ``reason``, ``fact`` and ``units``, rounded so that they add up to `units`.
    - `days`: ``date``, ``forecast`` and the units of each reason. `begins` and `ends`: the days that can be asked.
    """

    name: str
    series: int
    model: str
    begins: date
    ends: date
    first: date
    last: date
    units: float
    sentences: list[str]
    reasons: pl.DataFrame
    days: pl.DataFrame


def why(project: ForecastProject, query: WhyQuery) -> Why:
    """The reasons of the forecast. Raises UsageError for a group of too many series, and for days that the forecast
    does not have."""
    results = finished(project)
    group = group_of(results, query.where)
    if len(group.rows) > MOST_EXPLAINED:
        count = many(len(group.rows), "series", "series")
        raise UsageError(
            f"{group.name} has {count}; the reasons of at most {MOST_EXPLAINED} can be added up at once. Choose one of "
            "its parts."
        )
    fitted = kept_champion(project)
    shown = explanation_of(results, fitted, group.where, query.first, query.last)
    ahead = results.panel.ahead(fitted.horizon).astype("datetime64[D]").astype(object)
    asked = shown.dates.astype("datetime64[D]").astype(object)
    labels = {reason.code: reason.label for reason in shown.reasons}
    reasons = pl.DataFrame(
        [(reason.label, reason.fact, reason.shown) for reason in shown.reasons],
        {"reason": pl.String, "fact": pl.String, "units": pl.Float64},
        orient="row",
    )
    return Why(
        name=group.name,
        series=len(group.rows),
        model=fitted.name,
        begins=ahead[0],
        ends=ahead[-1],
        first=asked[0],
        last=asked[-1],
        units=shown.shown,
        sentences=shown.sentences(),
        reasons=reasons,
        days=shown.days.rename(labels),
    )


def kept_champion(project: ForecastProject) -> Champion:
    """The fitted models that forecast; those of the last project asked for stay in memory."""
    forecaster = Forecaster.of(project.results, project.choice())
    return _champion(_Asked(forecaster, str(project.results.root), forecaster.training))


@dataclass(frozen=True)
class _Asked:
    forecaster: Forecaster
    root: str
    training: str

    def __hash__(self) -> int:
        return hash((self.root, self.training))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and (self.root, self.training) == (other.root, other.training)


@lru_cache(maxsize=1)
def _champion(asked: _Asked) -> Champion:
    return asked.forecaster.champion
