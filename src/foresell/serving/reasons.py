"""Why a forecast is what it is, in a planner's words: the many features of a model as a few reasons that add up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.words import MINUS, name, number
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
    "season": "time of the year",
    "holiday": "holidays and events",
    "price": "price",
    "promotion": "promotion",
    "kind": "what kind of item it is",
    "ahead": "other things known ahead",
    "totals": "what the totals say",
    "other": "other inputs",
}
"""What a planner knows a forecast by, in the order in which it is told."""

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
    "usual": "recent",  # what trees say on average
    "own_sales": "recent",
    "age": "trend",
    "age_class": "trend",
    "weekday": "weekday",
    "season": "season",
    "price_band": "price",
    "promotion": "promotion",
    "totals": "totals",  # what brings the single series into line with the forecasts of upper levels
}
"""The contributions of models that are no feature of the catalogue."""


def reason_of(feature: Feature, frequency: Frequency) -> str:
    """Which of `REASONS` a feature belongs to.

    Most go by their group in the catalogue. What tells of weekdays or of the year goes there whatever it is made of:
    the weekday profile of a store, a lag of a year, the mean of the last same weekdays.
    """
    dated = re.match(r"(weekday|weekend|same_day|year_week|year_day|last_year|(?:target_)?lag)_?(\d*)", feature.name)
    if feature.group in ("calendar", "season", "group", "lag") and dated:
        what, days = dated.groups()
        if what in ("weekday", "weekend") or (what == "same_day" and frequency == Frequency.DAY):
            return "weekday"
        if "year" in what or what == "same_day" or days == str(frequency.year):
            return "season"
    return _OF_GROUP.get(feature.group, "other")


def reasons_of(features: Mapping[str, Feature], frequency: Frequency) -> dict[str, str]:
    """The reason of every feature of the catalogue."""
    return {feature: reason_of(each, frequency) for feature, each in features.items()}


def _reason(contribution: str, reasons: Mapping[str, str]) -> str:
    """The reason of a contribution: of the feature that it is called after, or of what a model adds of its own.

    >>> [_reason(name, {"price": "price"}) for name in ("price", "year_sin_1", "store x category", "usual", "moon")]
    ['price', 'season', 'kind', 'recent', 'other']
    """
    if found := reasons.get(contribution) or _OF_NO_FEATURE.get(contribution):
        return found
    if re.fullmatch(r"year_(sin|cos)_\d+", contribution):
        return "season"
    return "kind" if " x " in contribution else "other"


def by_reason(contributions: Contributions, reasons: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The contributions [series, step] of each reason that has one, in the order of `REASONS`; float64, in units.

    They add up to the mean. The base is the recent sales; what `reasons` does not name is an other input, unless a
    model is known to add it of its own.
    """
    found = {"level": contributions.base.astype(np.float64)}
    for feature, units in zip(contributions.features, contributions.units, strict=True):
        reason = _reason(feature, reasons)
        found[reason] = found.get(reason, 0) + units.astype(np.float64)
    return {reason: found[reason] for reason in REASONS if reason in found}


def rounded(parts: Sequence[float], digits: int) -> list[float]:
    """The parts, rounded so that they add up to their rounded sum: those that lost most by rounding down go up.

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
class Reason:
    """One reason: `units` as they are, `shown` rounded so that all reasons add up, and the `fact` it goes by."""

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
    """Why the forecast of some series from one day to another is what it is.

    - `series`: how they are called; `count`: how many there are; `dates` datetime64[D] [day].
    - `units`: their forecast over these days, and `shown` the same, rounded to `digits`.
    - `reasons` add up to `units`, and as they are shown to `shown`; those that do nothing are left out.
    - `days`: one row for each date: ``date``, ``forecast``, and the units of each reason by its code.
    """

    series: str
    count: int
    dates: np.ndarray
    units: float
    shown: float
    digits: int
    reasons: tuple[Reason, ...]
    days: pl.DataFrame

    def sentences(self) -> list[str]:
        """One sentence for each reason that shows, the recent sales first.

        For example ``promotion on 3 of 7 days: +12.4 units``.
        """
        told = []
        for reason in self.reasons:
            if reason.shown or reason.code == "level":
                units = signed(reason.shown, self.digits, sign=reason.code != "level")
                told.append(f"{reason}: {units} units")
        return told

    def to_dict(self) -> dict[str, object]:
        """The explanation as plain data, for JSON."""
        return {
            "series": self.series,
            "count": self.count,
            "first": str(self.dates[0]),
            "last": str(self.dates[-1]),
            "forecast": self.units,
            "reasons": [
                {"reason": each.code, "label": each.label, "units": each.units, "shown": each.shown, "fact": each.fact}
                for each in self.reasons
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

    `contributions` are those of these series only, in their order; `reasons` as `reasons_of` gives them, `called` how
    the series are called together, `levels` those whose groups features may look at.
    """
    parts = {code: units[:, steps].sum(axis=0) for code, units in by_reason(contributions, reasons).items()}  # [day]
    dates = panel.ahead(contributions.base.shape[1])[steps]
    sums = {code: float(units.sum()) for code, units in parts.items() if code == "level" or np.any(units)}
    total = sum(sums.values())
    digits = 0 if abs(total) >= 100 else 1 if abs(total) >= 10 else 2
    shown = rounded(list(sums.values()), digits)
    told = [each for each in contributions.features if reasons.get(each) == "around"]
    seen = [level for level in levels if any(each.endswith(f"_of_{level_suffix(level)}") for each in told)]
    known = facts(panel, rows, steps, seen)
    weighed = f"{number(float(parts['level'].mean()))} a {panel.frequency.noun} as the model weighs the past"
    known["level"] = f"{weighed}; {known['level']}"
    all_of_them = tuple(
        Reason(code, REASONS[code], units, near, known.get(code, ""))
        for (code, units), near in zip(sums.items(), shown, strict=True)
    )
    columns = {code: pl.Series(parts[code], dtype=pl.Float64) for code in sums}
    days = pl.DataFrame({"date": pl.Series(dates), "forecast": sum(parts[code] for code in sums), **columns})
    return Explanation(called, len(rows), dates, total, round(total, digits), digits, all_of_them, days)


def importance(drivers: pl.DataFrame, reasons: Mapping[str, str]) -> pl.DataFrame:
    """What a model goes by, by reason: ``reason``, ``label`` and ``share`` (shares sum to 1), the largest first.

    `drivers` is what `Fitted.drivers` gives: ``feature`` and ``share``.
    """
    found = [_reason(feature, reasons) for feature in drivers["feature"]]
    named = drivers.select("share", reason=pl.Series(found, dtype=pl.String))
    table = named.group_by("reason").agg(pl.col("share").sum()).sort("share", "reason", descending=[True, False])
    return table.select("reason", label=pl.col("reason").replace_strict(REASONS), share="share")


def signed(value: float, digits: int, sign: bool = True) -> str:
    """A number with so many digits, and with its sign.

    >>> signed(-1234.5, 1), signed(3, 0), signed(3.25, 2, sign=False)
    ('−1,234.5', '+3', '3.25')
    """
    mark = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return f"{mark}{abs(value):,.{digits}f}"


def named(panel: Panel, where: Mapping[str, object], rows: np.ndarray) -> str:
    """How the series `rows` that `where` chose are called: their keys, or what they have in common."""
    if len(rows) == 1:
        return " · ".join("(none)" if key is None else str(key) for key in panel.series.select(panel.keys).row(rows[0]))
    return " · ".join(f"{name(column)} {value}" for column, value in where.items()) or "All sales"
