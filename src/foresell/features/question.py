"""A question is a cutoff and a target day. Features answer many questions about one block of series at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
import polars as pl

from foresell.core.hierarchy import Level
from foresell.core.panel import Known, Panel
from foresell.core.statistics import Statistics
from foresell.features.calendar import calendar_columns, holidays_of
from foresell.features.running_sums import Past


def calendar_codes(panel: Panel) -> dict[str, tuple[str, ...]]:
    """The names of the panel's events, and of its country's holidays, in order."""
    codes = {"event": tuple(panel.events["event"].unique().sort())}
    if panel.country:
        codes["holiday"] = tuple(holidays_of(panel.country, panel.dates)["event"].unique().sort())
    return codes


class Context:
    """What the features of all blocks share: the calendar by day, and the sales and prices of groups.

    It can be pickled and handed to wherever blocks are worked on; what it lays out for windows is made there, on first
    use.

    `panel` may be any block, because only its days and its calendar are used. `statistics` are those of all series;
    sales after the last day of `panel` are ignored. Questions may reach `horizon` days past the history. The place of a
    value in `codes` is its number as a category. A model keeps the codes that it was fitted with, so that a value has
    the same number in every block; without them, the codes of `statistics` are used. Raises UsageError if the
    statistics end before the panel does.
    """

    def __init__(
        self,
        panel: Panel,
        horizon: int,
        statistics: Statistics,
        codes: Mapping[str, tuple[str, ...]] | None = None,
    ):
        statistics.check_days(panel)
        self.horizon = horizon
        self.statistics = statistics
        self.codes = {**statistics.codes, **calendar_codes(panel)} if codes is None else codes
        self.n_days = panel.n_days
        self.frequency = panel.frequency
        self.country = panel.country
        self.events = panel.events
        self.dates = np.concatenate([panel.dates[: panel.n_days], panel.ahead(horizon)])  # [day + ahead]
        self._lay_out()

    def _lay_out(self) -> None:
        """What is made on first use; nothing of it is made yet."""
        self._places: dict[str, dict[str | None, int]] = {}
        self._group_past: dict[Level, Past] = {}
        self._group_price: dict[Level, np.ndarray] = {}
        self._lock = RLock()

    def __getstate__(self) -> dict[str, Any]:
        made = {"_places", "_group_past", "_group_price", "_lock", "calendar"}
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lay_out()

    @classmethod
    def of(cls, panel: Panel, horizon: int, features: Mapping[str, Feature]) -> Context:
        """The context of a panel that holds all series, for these features."""
        return cls(panel, horizon, statistics_for(panel, features))

    @cached_property
    def calendar(self) -> dict[str, np.ndarray]:
        """Calendar features by name, each float32 [day + ahead]."""
        return calendar_columns(self.dates, self.frequency, self.country, self.events, self.codes)

    def places(self, name: str) -> Mapping[str | None, int]:
        """The number of each value of a category."""
        with self._lock:
            if name not in self._places:
                self._places[name] = {value: place for place, value in enumerate(self.codes[name])}
            return self._places[name]

    def group_past(self, level: Level) -> Past:
        """The summed sales of the level's groups, and a last group of unknown sales, for series in none of them."""
        with self._lock:
            if level not in self._group_past:
                sums = self.statistics.levels[level].units
                assert sums is not None, f"the statistics have no units of {level}"
                units = _with_none(sums.known_total()[:, : self.n_days].astype(np.float32))
                self._group_past[level] = Past(units, self.frequency.season)
            return self._group_past[level]

    def group_price(self, level: Level) -> np.ndarray:
        """The mean price of the level's groups, and a last group without prices: float32 [group + 1, day]."""
        with self._lock:
            if level not in self._group_price:
                sums = self.statistics.levels[level].known.get("price")
                assert sums is not None, f"the statistics have no prices of {level}"
                self._group_price[level] = _with_none(sums.mean())
            return self._group_price[level]

    def block(self, panel: Panel) -> Block:
        """The block of the series of `panel`, about which questions can be asked."""
        return Block(self, panel)


class Block:
    """One or more series, with their past and what is known ahead."""

    def __init__(self, context: Context, panel: Panel):
        self.context = context
        self._panel = panel
        self._rows: dict[Level, np.ndarray] = {}

    @property
    def panel(self) -> Panel:
        """The panel of these series."""
        return self._panel

    def group_rows(self, level: Level) -> np.ndarray:
        """The group of `level` that each series belongs to: int32 [series]; the number of groups if it is in none."""
        if level not in self._rows:
            self._rows[level] = self.context.statistics.levels[level].rows(self.panel.series)
        return self._rows[level]

    @cached_property
    def past(self) -> Past:
        """The sales, laid out for windows. They are laid out at the first use, as drawing rows does not need them."""
        return Past(self.panel.units, self.panel.frequency.season)

    def known(self, name: str, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The covariate for pairs of series and day, float32 of their shape; NaN past its end."""
        return known_on(self.panel.known[name], series, day)

    def price_mean(self, days: int, cutoff: np.ndarray, series: np.ndarray) -> np.ndarray:
        """The mean known price of the `days` days that end on `cutoff`, for pairs of series and cutoff: float32."""
        return self.price_past.mean(cutoff, days, series)

    def group_price(self, level: Level, series: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The mean price of the group of `level` that each series belongs to, on its day: float32 of their shape."""
        mean = self.context.group_price(level)
        return mean[self.group_rows(level)[series], np.minimum(day, mean.shape[1] - 1)]

    def attribute(self, name: str) -> np.ndarray:
        """A column of the series as float32 [series]: numbers as they are, other values as their place in the codes."""
        column = self.panel.series[name]
        if name not in self.context.codes:
            return column.cast(pl.Float32).to_numpy()
        places = self.context.places(name)
        return np.array([places.get(text, np.nan) for text in column.cast(pl.String)], np.float32)

    @cached_property
    def price_past(self) -> Past:
        """Prices laid out like sales; as they are known ahead, they reach past the cutoff."""
        return Past(self.panel.known["price"].on(slice(None)), self.panel.frequency.season)

    @cached_property
    def promoted_past(self) -> Past:
        """The sales of promoted days only."""
        promoted = self.panel.known["promotion"].on(slice(0, self.panel.n_days)) > 0
        return Past(np.where(promoted, self.panel.units, np.float32(np.nan)), self.panel.frequency.season)

    @cached_property
    def promotion_past(self) -> Past:
        """The promotions laid out like sales."""
        return Past(self.panel.known["promotion"].on(slice(None)), self.panel.frequency.season)


@dataclass(frozen=True)
class Question:
    """Many questions about one block: row r asks at `cutoffs[place[r]]` about `series[r]`, `step[r]` days ahead.

    `cutoffs` [cutoff] are the numbers of the last known days; `place`, `series` and `step` are int32 [row].
    """

    block: Block
    cutoffs: np.ndarray
    place: np.ndarray
    series: np.ndarray
    step: np.ndarray

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def cutoff(self) -> np.ndarray:
        """The cutoff of each row: [row]."""
        return self.cutoffs[self.place]

    @cached_property
    def day(self) -> np.ndarray:
        """The target day of each row: [row]."""
        return self.cutoff + self.step

    @cached_property
    def season_day(self) -> np.ndarray:
        """The last day up to the cutoff in the same phase of the season as the target (the same weekday): [row]."""
        season = self.block.panel.frequency.season
        return self.day - season * -(-self.step // season)

    @cached_property
    def year_day(self) -> np.ndarray:
        """The day a year (in whole seasons) before the target; as many years before as it takes to reach the cutoff:
        [row]."""
        year = self.block.panel.frequency.year
        return self.day - year * -(-self.step // year)

    def at_cutoff(self, values: np.ndarray) -> np.ndarray:
        """From `values` [cutoff, series], those of each row's cutoff and series: [row]."""
        return values[self.place, self.series]

    def group_rows(self, level: Level) -> np.ndarray:
        """The group of each row's series: [row]."""
        return self.block.group_rows(level)[self.series]


@dataclass(frozen=True)
class Feature:
    """One feature: `of` gives float32 [row] for a question.

    `reads` says which data it reads, and `sees` how many days before the cutoff it looks back (None: all). `default`
    features belong to the default set. `ahead` features depend on covariates after the cutoff, so that another price
    there changes them. `group_level` is the level of the groups whose units or prices it reads.
    """

    name: str
    group: str
    meaning: str
    reads: str
    sees: int | None
    of: Callable[[Question], np.ndarray]
    default: bool = False
    ahead: bool = False
    group_level: Level | None = None

    @property
    def earliest(self) -> str:
        """The earliest day it can see, in words."""
        if self.reads in ("calendar", "attributes"):
            return "target day"
        return "first day of the history" if self.sees is None else f"{self.sees} before the cutoff"


def known_on(known: Known, series: np.ndarray, day: np.ndarray) -> np.ndarray:
    """A covariate for pairs of series and day, float32 of their shape; NaN outside its days."""
    last = known.values.shape[1] - 1
    values = known.values[known.rows[series], np.clip(day, 0, last)].astype(np.float32)
    return np.where((day > last) | (day < 0), np.float32(np.nan), values)


def unknown(name: str) -> Feature:
    """A feature that is NaN for every row; it replaces one for which a panel has no data."""
    return Feature(name, "unknown", "not known for these data", "nothing", 0, lambda q: np.full(len(q), np.nan))


def statistics_for(block: Panel, features: Mapping[str, Feature], levels: Collection[Level] = ()) -> Statistics:
    """The statistics of a block that the features of all series need; the groups of `levels` are counted, too."""
    units, prices = group_levels_of(features)
    return Statistics.of(block, levels, units_of=units, prices_of=prices)


def group_levels_of(features: Mapping[str, Feature]) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """The levels of whose groups these features read the units, and those of which they read the prices."""
    units: dict[Level, None] = {}
    prices: dict[Level, None] = {}
    for feature in features.values():
        if feature.group_level is not None:
            (prices if feature.reads == "price" else units)[feature.group_level] = None
    return tuple(units), tuple(prices)


def _with_none(values: np.ndarray) -> np.ndarray:
    """Values of groups [group, day] with a last row of NaN."""
    return np.pad(values, ((0, 1), (0, 0)), constant_values=np.nan)
