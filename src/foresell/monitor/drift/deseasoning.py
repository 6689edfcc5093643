"""What some days show of each series, against what its own level and the season would say.

Looked at are cycles (weeks, of daily sales) of a window of days after a cutoff. What is compared of a series and cycle:

- ``units``: the log of units sold over the usual ones. Usual is the series' level in the eight weeks before the cutoff
  times the season: how the same cycles a year before compared with the eight weeks before *them*, for the group that
  the series belongs to. Both sides are damped by one typical sale m, log((sold + m) / (usual + m)), so that an item
  which sells now and then does not jump from one extreme to the other.
- ``price``: the log of the price over the series' own mean price in those eight weeks, less the same a year before.
- ``days_known``: the share of days whose sales are known, of series that were on sale; less the same a year before.
- every other covariate, promotions among them: its mean, less that of the group in the same cycles a year before.

So Christmas is compared with last Christmas, and a growing shop with itself. Windows at earlier cutoffs are looked at
in the same way, and the ways in which *they* differ show what is left of season, trend and chance. With less than two
years of history there is no year before; then only level, trend and weekday are taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel

BASE = {Frequency.DAY: 56, Frequency.WEEK: 8, Frequency.MONTH: 6}
"""Over how many periods before a cutoff the level of a series is taken; whole weeks, so that no weekday weighs more."""

CYCLE = {Frequency.DAY: 7, Frequency.WEEK: 1, Frequency.MONTH: 1}
"""Periods that are looked at together; a part of a cycle is left out where there are whole ones."""

WINDOWS_A_YEAR, MOST_EARLIER = 13, 26
"""How many earlier windows there are in a year at most, and in all."""

ENOUGH = {2: 13, 1: 3, 0: 0}
"""How many earlier windows there must be for the season to be taken from so many years back."""

UNITS, PRICE, DAYS_KNOWN = "units", "price", "days_known"
SOLD, USUAL = "sold", "usual"
SEEN = "seen "
"""What the names of covariates begin with, before anything is taken off."""

Values = dict[str, np.ndarray]
"""What was looked at, by name: float32 [series, cycle], NaN where it cannot be told."""


@dataclass(frozen=True)
class Window:
    """The days from `first` to before `stop`, looked at from `cutoff`: indices of days of one panel."""

    cutoff: int
    first: int
    stop: int

    def back(self, days: int) -> Window:
        """The same window so many days before."""
        return Window(self.cutoff - days, self.first - days, self.stop - days)

    def possible(self, frequency: Frequency) -> bool:
        """Whether there is enough history before it to tell what is usual."""
        return self.cutoff + 1 >= BASE[frequency]


def newest(cutoff: int, n_days: int, days: int, frequency: Frequency) -> Window:
    """The newest `days` of a history of `n_days` that lie after `cutoff`; whole cycles where there is one.

    With less than one cycle after the cutoff, it is the last `days` of all, looked at from the day before them. A
    window is a quarter of a year at most.

    >>> newest(99, 132, 28, Frequency.DAY)
    Window(cutoff=99, first=104, stop=132)
    >>> newest(99, 100, 28, Frequency.DAY)
    Window(cutoff=71, first=72, stop=100)
    """
    cycle, days = CYCLE[frequency], min(days, frequency.year // 4)
    after = min(n_days - 1 - cutoff, days)
    if after >= cycle:
        return Window(cutoff, n_days - after // cycle * cycle, n_days)
    length = max(days // cycle * cycle, cycle)
    return Window(n_days - 1 - length, n_days - length, n_days)


def earlier(window: Window, frequency: Frequency) -> tuple[list[Window], int]:
    """Windows before `window`'s cutoff, the latest first, that do not overlap; and how many years the season can be
    taken from at each of them (0: the history is too short, and the season stays in; see `ENOUGH`).

    The windows are as long and as far from their cutoffs as `window`, a whole number of cycles before it.
    """
    cycle, year = CYCLE[frequency], frequency.year
    length = window.stop - window.first
    start = _whole(window.stop - 1 - window.cutoff, cycle)
    every = max(_whole(length, cycle), _whole(-(-year // WINDOWS_A_YEAR), cycle))
    all_back = [window.back(start + number * every) for number in range(MOST_EARLIER)]
    most = max(ENOUGH) if window.stop - year <= window.cutoff + 1 else 0
    for years, enough in ENOUGH.items():
        if years > most:
            continue
        found = [each for each in all_back if each.back(years * year).possible(frequency)]
        if len(found) >= enough:
            return found, years
    return [], 0


def _whole(days: int, cycle: int) -> int:
    """So many days, rounded up to whole cycles."""
    return -(-days // cycle) * cycle


@dataclass(frozen=True)
class Base:
    """What is known of each series at a cutoff: its `level` (units a day), `typical` sale (units of a day with sales),
    mean `price`, and whether it was `steady`ly on sale (known on half of the days): [series] each."""

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
                f"Found {cutoff + 1} {panel.frequency.noun}s of history; at least {length} are needed to tell what is "
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

    def joined(self, others: int) -> Base:
        """The same, with so many more series of which nothing is known."""
        unknown = np.full(others, np.nan)
        level, typical, price = (np.append(each, unknown) for each in (self.level, self.typical, self.price))
        return Base(level, typical, price, np.append(self.steady, np.zeros(others, bool)))


def look(units: np.ndarray, known: Mapping[str, np.ndarray], base: Base, cycle: int) -> Values:
    """What days show, before the season is taken out: `units` [series, day], `known` covariates likewise.

    Beside what is compared it holds ``sold`` and ``usual``, units by cycle; nothing is usual of a series that was not
    steadily on sale before.
    """
    n_days = units.shape[1]
    cycle = min(cycle, n_days)
    shape = (len(units), n_days // cycle, cycle)

    def by_cycle(values: np.ndarray) -> np.ndarray:
        return values[:, n_days % cycle :].reshape(shape)

    there = ~np.isnan(by_cycle(units))
    n_known = there.sum(axis=2)
    sold = np.nansum(by_cycle(units), axis=2, dtype=np.float64)
    values = {
        SOLD: np.where(n_known > 0, sold, np.nan),
        USUAL: np.where(base.steady[:, None] & (n_known > 0), base.level[:, None] * n_known, np.nan),
        DAYS_KNOWN: np.where(base.steady[:, None], n_known / cycle, np.nan),
    }
    for name, covariate in known.items():
        mean = _mean(by_cycle(covariate), axis=2)
        values[name] = _log_ratio(mean, base.price[:, None]) if name == PRICE else mean
    return {name: each.astype(np.float32) for name, each in values.items()}


def look_back(panel: Panel, window: Window, groups: np.ndarray, years: int) -> Values:
    """What a window of a panel's own history shows, season taken out; `groups` int [series] have a season each."""
    days = slice(window.first, window.stop)
    known = {name: each.on(days) for name, each in panel.known.items()}
    base = Base.of(panel, window.cutoff)
    seen = look(panel.units[:, days], known, base, CYCLE[panel.frequency])
    return deseason(seen, base, groups, season(panel, window, groups, years))


def season(panel: Panel, window: Window, groups: np.ndarray, years: int) -> Values:
    """What the same cycles of the `years` before were like, by group: float64 [group, cycle] each.

    For ``units`` how many times the usual was sold; for all else the mean. Empty where `years` is 0.
    """
    found: dict[str, list[np.ndarray]] = {}
    count = int(groups.max(initial=-1)) + 1
    for back in range(1, years + 1):
        then = window.back(back * panel.frequency.year)
        days = slice(then.first, then.stop)
        known = {name: each.on(days) for name, each in panel.known.items()}
        seen = look(panel.units[:, days], known, Base.of(panel, then.cutoff), CYCLE[panel.frequency])
        sold, usual = seen.pop(SOLD), seen.pop(USUAL)
        sold = np.where(np.isnan(usual), np.nan, sold)
        ratio = _ratio(_group_sum(sold, groups, count), _group_sum(usual, groups, count), otherwise=np.nan)
        found.setdefault(UNITS, []).append(ratio)
        for name, values in seen.items():
            n_known = _group_sum(np.where(np.isnan(values), np.nan, 1), groups, count)
            found.setdefault(name, []).append(_ratio(_group_sum(values, groups, count), n_known, otherwise=np.nan))
    neutral = {UNITS: 1.0, DAYS_KNOWN: 1.0}
    means = {name: _mean(np.stack(each), axis=0) for name, each in found.items()}
    return {name: np.where(np.isnan(each), neutral.get(name, 0.0), each) for name, each in means.items()}


def deseason(seen: Values, base: Base, groups: np.ndarray, of_groups: Values) -> Values:
    """What was seen, less the season of each series' group (`of_groups`, see `season`).

    ``sold`` and ``usual`` stay beside it, the usual with its season; so does what was seen of each covariate, before
    anything was taken off, as ``seen NAME``.
    """
    factor = of_groups[UNITS][groups] if UNITS in of_groups else 1.0
    usual = seen[USUAL] * factor
    typical = base.typical[:, None]
    values = {SOLD: seen[SOLD], USUAL: usual, UNITS: _log_ratio(seen[SOLD] + typical, usual + typical)}
    for name, each in seen.items():
        if name not in values:
            values[SEEN + name] = each
            values[name] = each - of_groups[name][groups] if name in of_groups else each
    return {name: np.asarray(each, np.float32) for name, each in values.items()}


def _group_sum(values: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Known values added up: float64 [group, cycle]."""
    total = np.zeros((count, values.shape[1]))
    np.add.at(total, groups, np.nan_to_num(values, nan=0.0))
    return total


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is known; NaN where nothing is."""
    n_known = (~np.isnan(values)).sum(axis=axis)
    return _ratio(np.asarray(np.nansum(values, axis=axis, dtype=np.float64)), n_known, otherwise=np.nan)


def _ratio(above: np.ndarray, below: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), otherwise)


def _log_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """log(above / below); NaN where one of them is not positive."""
    good = (above > 0) & (below > 0)
    return np.where(good, np.log(np.where(good, above, 1) / np.where(good, below, 1)), np.nan)
