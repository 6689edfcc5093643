"""Values of each series in a window of days, with the series' own level and the season taken out.

A window lies after a cutoff, and is divided into cycles (weeks, where sales are daily). The values of a series and
cycle are:

- ``units``: the log of units sold over usual units. Usual units are the series' level in the eight weeks before the
  cutoff times the season. The season is that of the series' group: the same cycles a year before, relative to the
  eight weeks before *them*. A typical sale m is added to both, log((sold + m) / (usual + m)), so that an item with few
  sales does not jump from one extreme to the other.
- ``price``: the log of the price over the series' own mean price in those eight weeks, less the same a year before.
- ``days_known``: the share of days whose sales are known, for series that were on sale; less the same a year before.
- every other covariate, such as promotions: its mean, less that of the group in the same cycles a year before.

So Christmas is compared with last Christmas, and a growing shop with itself. Windows at earlier cutoffs have values of
the same kind. How much *they* differ shows what is left of season, trend and chance. With less than two years of
history there is no year before, and only level, trend and weekday are taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel

BASE = {
    Frequency.HOUR: 1344,
    Frequency.DAY: 56,
    Frequency.WEEK: 8,
    Frequency.MONTH: 6,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 3,
}
"""The periods before a cutoff that give the level of a series: whole weeks, so that no weekday weighs more."""

WINDOWS_A_YEAR, MOST_EARLIER = 13, 26
"""The largest number of earlier windows in a year, and altogether."""

ENOUGH = {2: 13, 1: 3, 0: 0}
"""The earlier windows that are needed to take the season from so many years, by number of years."""

UNITS, PRICE, DAYS_KNOWN = "units", "price", "days_known"
SOLD, USUAL = "sold", "usual"
RAW = "raw "
"""The prefix of the columns that hold a covariate before the season is taken out."""

Values = dict[str, np.ndarray]
"""Values by name: float32 [series, cycle], NaN where a value is not known."""


@dataclass(frozen=True)
class DriftWindow:
    """The days from `first` to before `stop`, seen from `cutoff`; all are indices of days of one panel."""

    cutoff: int
    first: int
    stop: int

    def back(self, days: int) -> DriftWindow:
        """The same window, so many days earlier."""
        return DriftWindow(self.cutoff - days, self.first - days, self.stop - days)

    def possible(self, frequency: Frequency) -> bool:
        """Whether there is enough history before the window to know its usual values."""
        return self.cutoff + 1 >= BASE[frequency]


def newest(cutoff: int, n_days: int, days: int, frequency: Frequency) -> DriftWindow:
    """The window of the newest `days` after `cutoff`, in a history of `n_days`; complete cycles where there is one.

    With less than one cycle after the cutoff, the window is the last `days` of the history, seen from the day before
    them. A window is at most a quarter of a year.

    >>> newest(99, 132, 28, Frequency.DAY)
    DriftWindow(cutoff=99, first=104, stop=132)
    >>> newest(99, 100, 28, Frequency.DAY)
    DriftWindow(cutoff=71, first=72, stop=100)
    """
    cycle, days = frequency.week, min(days, max(frequency.year // 4, 1))
    after = min(n_days - 1 - cutoff, days)
    if after >= cycle:
        return DriftWindow(cutoff, n_days - after // cycle * cycle, n_days)
    length = max(days // cycle * cycle, cycle)
    return DriftWindow(n_days - 1 - length, n_days - length, n_days)


def earlier(window: DriftWindow, frequency: Frequency) -> tuple[list[DriftWindow], int]:
    """Windows before the cutoff of `window`, latest first, and from how many years each can take its season.

    The windows do not overlap. They are as long as `window` and as far from their cutoffs, and lie a whole number of
    cycles before it. With 0 years the history is too short, and the season is not taken out (`ENOUGH`).
    """
    cycle, year = frequency.week, frequency.year
    length = window.stop - window.first
    start = _whole(window.stop - 1 - window.cutoff, cycle)
    every = max(_whole(length, cycle), _whole(-(-year // WINDOWS_A_YEAR), cycle))
    all_back = [window.back(start + number * every) for number in range(MOST_EARLIER)]
    most = max(ENOUGH) if window.stop - year <= window.cutoff + 1 else 0
    for years, enough in ENOUGH.items():
        if years > most:
            continue
        possible = [earlier for earlier in all_back if earlier.back(years * year).possible(frequency)]
        if len(possible) >= enough:
            return possible, years
    return [], 0


def _whole(days: int, cycle: int) -> int:
    """The number of days, rounded up to complete cycles."""
    return -(-days // cycle) * cycle


@dataclass(frozen=True)
class Base:
    """What is known of each series at a cutoff; all arrays are [series].

    - `level`: units a day. `typical`: units on a day with sales. `price`: the mean price.
    - `steady`: whether its sales were known on at least half of the days.
    """

    level: np.ndarray
    typical: np.ndarray
    price: np.ndarray
    steady: np.ndarray

    @classmethod
    def of(cls, panel: Panel, cutoff: int) -> Base:
        """The base of a panel at `cutoff`. Raises UsageError where the history is too short for one."""
        length = BASE[panel.frequency]
        first = cutoff + 1 - length
        if first < 0:
            raise UsageError(
                f"Found {cutoff + 1} {panel.frequency.noun}s of history; at least {length} are needed to know what is "
                "usual before drift can be looked for."
            )
        units = panel.units[:, first : cutoff + 1]
        n_known, n_sold = (~np.isnan(units)).sum(axis=1), (units > 0).sum(axis=1)
        total = np.asarray(np.nansum(units, axis=1, dtype=np.float64))
        price = panel.known[PRICE].on(slice(first, cutoff + 1)) if PRICE in panel.known else None
        return cls(
            level=_ratio(total, n_known),
            typical=_ratio(total, n_sold),
            price=np.full(panel.n_series, np.nan) if price is None else _mean(price, axis=1),
            steady=2 * n_known >= length,
        )

    def with_unknown(self, n_series: int) -> Base:
        """The same, followed by `n_series` series of which nothing is known."""
        unknown = np.full(n_series, np.nan)
        level, typical, price = (np.append(values, unknown) for values in (self.level, self.typical, self.price))
        return Base(level, typical, price, np.append(self.steady, np.zeros(n_series, bool)))


def cycle_values(units: np.ndarray, known: Mapping[str, np.ndarray], base: Base, cycle: int) -> Values:
    """The values of each cycle before the season is taken out: `units` and the `known` covariates are [series, day].

    They include ``sold`` and ``usual``, units by cycle. A series that was not steadily on sale has no usual units.
    """
    n_days = units.shape[1]
    cycle = min(cycle, n_days)
    shape = (len(units), n_days // cycle, cycle)

    def by_cycle(values: np.ndarray) -> np.ndarray:
        return values[:, n_days % cycle :].reshape(shape)

    n_known = (~np.isnan(by_cycle(units))).sum(axis=2)
    sold = np.nansum(by_cycle(units), axis=2, dtype=np.float64)
    values = {
        SOLD: np.where(n_known > 0, sold, np.nan),
        USUAL: np.where(base.steady[:, None] & (n_known > 0), base.level[:, None] * n_known, np.nan),
        DAYS_KNOWN: np.where(base.steady[:, None], n_known / cycle, np.nan),
    }
    for name, covariate in known.items():
        mean = _mean(by_cycle(covariate), axis=2)
        values[name] = _log_ratio(mean, base.price[:, None]) if name == PRICE else mean
    return {name: array.astype(np.float32) for name, array in values.items()}


def _values_in(panel: Panel, window: DriftWindow, base: Base) -> Values:
    """The values of a window of the panel's own history, before the season is taken out."""
    days = slice(window.first, window.stop)
    known = {name: covariate.on(days) for name, covariate in panel.known.items()}
    return cycle_values(panel.units[:, days], known, base, panel.frequency.week)


def deseasoned_window(panel: Panel, window: DriftWindow, groups: np.ndarray, years: int) -> Values:
    """The values of a window of the panel's own history, season taken out; `groups` int [series] share a season."""
    base = Base.of(panel, window.cutoff)
    return deseason(_values_in(panel, window, base), base, groups, season(panel, window, groups, years))


def season(panel: Panel, window: DriftWindow, groups: np.ndarray, years: int) -> Values:
    """The values of the same cycles in the `years` before, by group: float64 [group, cycle] each.

    ``units`` has units sold over usual units; each other name has the mean. Empty where `years` is 0.
    """
    by_year: dict[str, list[np.ndarray]] = {}
    count = int(groups.max(initial=-1)) + 1
    for back in range(1, years + 1):
        then = window.back(back * panel.frequency.year)
        raw = _values_in(panel, then, Base.of(panel, then.cutoff))
        sold, usual = raw.pop(SOLD), raw.pop(USUAL)
        sold = np.where(np.isnan(usual), np.nan, sold)
        ratio = _ratio(_group_sum(sold, groups, count), _group_sum(usual, groups, count), otherwise=np.nan)
        by_year.setdefault(UNITS, []).append(ratio)
        for name, values in raw.items():
            n_known = _group_sum(np.where(np.isnan(values), np.nan, 1), groups, count)
            by_year.setdefault(name, []).append(_ratio(_group_sum(values, groups, count), n_known, otherwise=np.nan))
    neutral = {UNITS: 1.0, DAYS_KNOWN: 1.0}
    means = {name: _mean(np.stack(years_of_name), axis=0) for name, years_of_name in by_year.items()}
    return {name: np.where(np.isnan(mean), neutral.get(name, 0.0), mean) for name, mean in means.items()}


def deseason(raw: Values, base: Base, groups: np.ndarray, of_groups: Values) -> Values:
    """The values `raw`, less the season of each series' group (`of_groups`, see `season`).

    ``sold`` and ``usual`` are kept, the latter with its season. Each covariate is kept as ``raw NAME``, too.
    """
    factor = of_groups[UNITS][groups] if UNITS in of_groups else 1.0
    usual = raw[USUAL] * factor
    typical = base.typical[:, None]
    values = {SOLD: raw[SOLD], USUAL: usual, UNITS: _log_ratio(raw[SOLD] + typical, usual + typical)}
    for name, covariate in raw.items():
        if name not in values:
            values[RAW + name] = covariate
            values[name] = covariate - of_groups[name][groups] if name in of_groups else covariate
    return {name: np.asarray(array, np.float32) for name, array in values.items()}


def _group_sum(values: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Sums of the known values: float64 [group, cycle]."""
    total = np.zeros((count, values.shape[1]))
    np.add.at(total, groups, np.nan_to_num(values, nan=0.0))
    return total


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of the known values; NaN where none is known."""
    n_known = (~np.isnan(values)).sum(axis=axis)
    return _ratio(np.asarray(np.nansum(values, axis=axis, dtype=np.float64)), n_known, otherwise=np.nan)


def _ratio(above: np.ndarray, below: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), otherwise)


def _log_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """log(above / below); NaN where one of them is not positive."""
    good = (above > 0) & (below > 0)
    return np.where(good, np.log(np.where(good, above, 1) / np.where(good, below, 1)), np.nan)
