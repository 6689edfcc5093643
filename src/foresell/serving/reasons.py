"""Explains a forecast in a planner's words: the many features of a model become a few reasons that add up to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency, date_text
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.words import MINUS, a, name, number
from foresell.features.catalogue import FIXED
from foresell.features.groups import level_suffix
from foresell.features.question import Feature
from foresell.models.contract import Contributions
from foresell.serving.reason_facts import facts

REASONS = {
    "level": "recent sales",
    "recent": "the pattern of recent sales",
    "trend": "its own trend",
    "around": "the groups it belongs to",
    "weekday": "day of the week",
    "hour": "hour of the day and of the week",
    "season": "time of the year",
    "holiday": "holidays and events",
    "price": "price",
    "promotion": "promotion",
    "kind": "what kind of item it is",
    "ahead": "other things known ahead",
    "totals": "what the totals say",
    "other": "other inputs",
}
"""The labels of the reasons, in the order in which they are shown."""

_OF_GROUP = {
    "lag": "recent",
    "window": "recent",
    "intermittency": "recent",
    "trend": "trend",
    "age": "trend",
    "question": "trend",
    "group": "around",
    "calendar": "season",
    "season": "season",
    "event": "holiday",
    "holiday": "holiday",
    "price": "price",
    "promotion": "promotion",
    **dict(zip(FIXED, ("kind", "ahead"), strict=True)),
}


_OF_NO_FEATURE = {
    "usual": "recent",  # the average output of the trees
    "own_sales": "recent",
    "age": "trend",
    "age_class": "trend",
    "weekday": "weekday",
    "hour": "hour",
    "season": "season",
    "price_band": "price",
    "promotion": "promotion",
    "totals": "totals",  # the effect of reconciliation with the forecasts of upper levels
}
"""The reasons of contributions that are not features of the catalogue."""


def reason_of(feature: Feature, frequency: Frequency) -> str:
    """The reason in `REASONS` to which a feature belongs.

    For most features, their group in the catalogue decides. Features about weekdays or the time of the year belong to
    these reasons whatever their group: the weekday profile of a store, a lag of a year, the mean of the last same
    weekdays.
    """
    if feature.name in ("hour", "hour_of_week") or (
        feature.name.startswith("same_day_") and frequency == Frequency.HOUR
    ):
        return "hour"
    dated = re.match(r"(weekday|weekend|same_day|year_week|year_day|last_year|(?:target_)?lag)_?(\d*)", feature.name)
    if feature.group in ("calendar", "season", "group", "lag") and dated:
        what, days = dated.groups()
        if what in ("weekday", "weekend") or (what == "same_day" and frequency == Frequency.DAY):
            return "weekday"
        if "year" in what or what == "same_day" or (days == str(frequency.year) != "1"):
            return "season"
    return _OF_GROUP.get(feature.group, "other")


def reasons_of(features: Mapping[str, Feature], frequency: Frequency) -> dict[str, str]:
    """The reason of every feature of the catalogue."""
    return {name: reason_of(feature, frequency) for name, feature in features.items()}


def _reason(contribution: str, reasons: Mapping[str, str]) -> str:
    """The reason of a contribution, which is named after a feature or after a part of a model.

    >>> [_reason(name, {"price": "price"}) for name in ("price", "year_sin_1", "store x category", "usual", "moon")]
    ['price', 'season', 'kind', 'recent', 'other']
    """
    if reason := reasons.get(contribution) or _OF_NO_FEATURE.get(contribution):
        return reason
    if re.fullmatch(r"year_(sin|cos)_\d+", contribution):
        return "season"
    return "kind" if " x " in contribution else "other"


def by_reason(contributions: Contributions, reasons: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The contributions of each reason, float64 [series, step] in units, in the order of `REASONS`.

    They add up to the mean. The base is the recent sales. A contribution that is neither in `reasons` nor a known part
    of a model is an other input.
    """
    units_of = {"level": contributions.base.astype(np.float64)}
    for feature, units in zip(contributions.features, contributions.units, strict=True):
        reason = _reason(feature, reasons)
        units_of[reason] = units_of.get(reason, 0) + units.astype(np.float64)
    return {reason: units_of[reason] for reason in REASONS if reason in units_of}


def rounded(parts: Sequence[float], digits: int) -> list[float]:
    """The parts, rounded so that they add up to their rounded sum: the largest remainders are rounded up.

    The largest remainder method; Balinski and Young, "Fair Representation", 1982, as Hamilton's method.

    >>> rounded([1.4, 1.4, 1.4], 0), [round(part) for part in (1.4, 1.4, 1.4)]
    ([2.0, 1.0, 1.0], [1, 1, 1])
    """
    exact = np.asarray(parts, np.float64) * 10.0**digits
    down = np.floor(exact)
    spare = int(round(float(exact.sum())) - down.sum())
    up = np.argsort(down - exact, kind="stable")[:spare]
    down[up] += 1
    return [round(float(part) / 10.0**digits, digits) + 0.0 for part in down]


@dataclass(frozen=True)
class ForecastReason:
    """One reason: its exact `units`, the rounded units that are `shown` and add up, and the `fact` behind it."""

    code: str
    label: str
    units: float
    shown: float
    fact: str

    def __str__(self) -> str:
        if not self.fact:
            return self.label
        return f"{self.label} {self.fact}" if self.code in ("price", "promotion") else f"{self.label} ({self.fact})"


@dataclass(frozen=True)
class Explanation:
    """The explanation of the forecast of some series on some days.

    - `series`: a name for the series. `count`: their number. `dates`: datetime64[D] [day].
    - `units`: their forecast over these days. `shown`: the same, rounded to `digits`.
    - `reasons`: they add up to `units`, and their shown units to `shown`. Reasons without an effect are left out.
    - `days`: one row for each date: ``date``, ``forecast``, and the units of each reason by its code.
    """

    series: str
    count: int
    dates: np.ndarray
    units: float
    shown: float
    digits: int
    reasons: tuple[ForecastReason, ...]
    days: pl.DataFrame

    def sentences(self) -> list[str]:
        """One sentence for each reason with an effect, the recent sales first.

        For example ``promotion on 3 of 7 days: +12.4 units``.
        """
        lines = []
        for reason in self.reasons:
            if reason.shown or reason.code == "level":
                units = signed(reason.shown, self.digits, sign=reason.code != "level")
                lines.append(f"{reason}: {units} units")
        return lines

    def to_dict(self) -> dict[str, object]:
        """The explanation as plain data, for JSON."""
        return {
            "series": self.series,
            "count": self.count,
            "first": date_text(self.dates[0]),
            "last": date_text(self.dates[-1]),
            "forecast": self.units,
            "reasons": [
                {
                    "reason": reason.code,
                    "label": reason.label,
                    "units": reason.units,
                    "shown": reason.shown,
                    "fact": reason.fact,
                }
                for reason in self.reasons
            ],
            "sentences": self.sentences(),
            "days": [{**row, "date": row["date"].isoformat()} for row in self.days.to_dicts()],
        }


def explain(
    contributions: Contributions,
    reasons: Mapping[str, str],
    panel: Panel,
    rows: np.ndarray,
    steps: slice,
    called: str,
    levels: Sequence[Level] = (),
) -> Explanation:
    """Why the forecast of the series `rows` of `panel` is what it is on `steps` (a slice of the horizon, from 0).

    `contributions` are those of these series only, in their order. `reasons` is the result of `reasons_of`, `called` a
    name for the series together, and `levels` has the levels of the features of groups.
    """
    parts = {code: units[:, steps].sum(axis=0) for code, units in by_reason(contributions, reasons).items()}  # [day]
    dates = panel.ahead(contributions.base.shape[1])[steps]
    sums = {code: float(units.sum()) for code, units in parts.items() if code == "level" or np.any(units)}
    total = sum(sums.values())
    digits = 0 if abs(total) >= 100 else 1 if abs(total) >= 10 else 2
    shown = rounded(list(sums.values()), digits)
    of_groups = [feature for feature in contributions.features if reasons.get(feature) == "around"]
    used = [level for level in levels if any(feature.endswith(f"_of_{level_suffix(level)}") for feature in of_groups)]
    fact_of = facts(panel, rows, steps, used)
    base = f"{number(float(parts['level'].mean()))} {a(panel.frequency.noun)} as the model weighs the past"
    fact_of["level"] = f"{base}; {fact_of['level']}"
    all_reasons = tuple(
        ForecastReason(code, REASONS[code], units, shown_units, fact_of.get(code, ""))
        for (code, units), shown_units in zip(sums.items(), shown, strict=True)
    )
    columns = {code: pl.Series(parts[code], dtype=pl.Float64) for code in sums}
    days = pl.DataFrame({"date": pl.Series(dates), "forecast": sum(parts[code] for code in sums), **columns})
    return Explanation(called, len(rows), dates, total, round(total, digits), digits, all_reasons, days)


def importance(drivers: pl.DataFrame, reasons: Mapping[str, str]) -> pl.DataFrame:
    """The importance of each reason to a model, largest first: ``reason``, ``label`` and ``share``; shares sum to 1.

    `drivers` is the table of `Fitted.drivers`: ``feature`` and ``share``.
    """
    of_feature = pl.Series([_reason(feature, reasons) for feature in drivers["feature"]], dtype=pl.String)
    table = (
        drivers.select("share", reason=of_feature)
        .group_by("reason")
        .agg(pl.col("share").sum())
        .sort("share", "reason", descending=[True, False])
    )
    return table.select("reason", label=pl.col("reason").replace_strict(REASONS), share="share")


def signed(value: float, digits: int, sign: bool = True) -> str:
    """A number with so many digits, and with its sign.

    >>> signed(-1234.5, 1), signed(3, 0), signed(3.25, 2, sign=False)
    ('−1,234.5', '+3', '3.25')
    """
    mark = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return f"{mark}{abs(value):,.{digits}f}"


def named(panel: Panel, where: Mapping[str, object], rows: np.ndarray) -> str:
    """A name for the series `rows` that `where` chose: the keys of a single one, else the values they share."""
    if len(rows) == 1:
        return " · ".join("(none)" if key is None else str(key) for key in panel.series.select(panel.keys).row(rows[0]))
    return " · ".join(f"{name(column)} {value}" for column, value in where.items()) or "All sales"
