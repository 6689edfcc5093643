"""A question is (cutoff, day asked for). Features answer many questions of one block of series at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from foresell.core.hierarchy import Groups, Hierarchy, Level
from foresell.core.panel import Known, Panel
from foresell.features.calendar import calendar_columns, holidays_of
from foresell.features.running_sums import Past


def category_codes(panel: Panel) -> dict[str, tuple[str, ...]]:
    """The values of every category, in order: text columns of the series, holidays and events.

    A value's number is its place here, so it stays the same for a fitted model whatever panel it is shown later.
    """
    text = [name for name, kind in panel.series.schema.items() if not kind.is_numeric()]
    codes = {name: tuple(panel.series[name].drop_nulls().cast(pl.String).unique().sort()) for name in text}
    codes["event"] = tuple(panel.events["event"].unique().sort())
    if panel.country:
        codes["holiday"] = tuple(holidays_of(panel.country, panel.dates)["event"].unique().sort())
    return codes


class Context:
    """What the features of all blocks of a panel share: the calendar by day, the sales and prices of groups.

    `horizon` is how far past the history questions may reach. `codes` give the values of each category their
    numbers (see `category_codes`); a model keeps those it was fitted with. Group sales are made on first use and kept.
    """

    def __init__(self, panel: Panel, horizon: int, codes: Mapping[str, tuple[str, ...]] | None = None):
        self.panel = panel
        self.horizon = horizon
        self.codes = category_codes(panel) if codes is None else codes
        self.dates = np.concatenate([panel.dates[: panel.n_days], panel.ahead(horizon)])  # [day + ahead]
        self._groups: dict[Level, Groups] = {}
        self._group_past: dict[Level, Past] = {}
        self._group_price: dict[Level, np.ndarray] = {}

    @cached_property
    def calendar(self) -> dict[str, np.ndarray]:
        """Calendar features by name, each float32 [day + ahead]."""
        return calendar_columns(self.dates, self.panel.frequency, self.panel.country, self.panel.events, self.codes)

    def groups(self, level: Level) -> Groups:
        """The groups of `level` and which of them each series belongs to."""
        if level not in self._groups:
            self._groups[level] = Hierarchy.of(self.panel.keys).groups(self.panel.series, level)
        return self._groups[level]

    def group_past(self, level: Level) -> Past:
        """The summed sales of the level's groups."""
        if level not in self._group_past:
            groups = self.groups(level)
            units = _sum_by_group(self.panel.units, groups.rows, len(groups))
            self._group_past[level] = Past(units, self.panel.frequency.season)
        return self._group_past[level]

    def group_price(self, level: Level) -> np.ndarray:
        """The mean price of the level's groups, float32 [group, day + ahead]."""
        if level not in self._group_price:
            price, groups = self.panel.known["price"], self.groups(level)
            self._group_price[level] = _mean_by_group(price.values[price.rows], groups.rows, len(groups))
        return self._group_price[level]

    def block(self, series: slice | np.ndarray) -> Block:
        """The questions' view of some of the series."""
        return Block(self, series)


class Block:
    """Some series with their past and what is known ahead of them; one series will do."""

    def __init__(self, context: Context, series: slice | np.ndarray):
        self.context = context
        self.members = np.arange(context.panel.n_series)[series]  # [series] rows of the whole panel
        self._series = series

    @cached_property
    def panel(self) -> Panel:
        """The panel of these series."""
        return self.context.panel.part(self._series)

    @cached_property
    def past(self) -> Past:
        """The sales, laid out for windows; made when a feature first asks, for drawing rows needs none."""
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
        rows = self.context.groups(level).rows[self.members[series]]
        return mean[rows, np.minimum(day, mean.shape[1] - 1)]

    def attribute(self, name: str) -> np.ndarray:
        """A column of the series as numbers, float32 [series]: itself when numeric, else the place in the codes."""
        column = self.panel.series[name]
        if name in self.context.codes:
            values = list(self.context.codes[name])
            column = column.cast(pl.String).replace_strict(values, range(len(values)), default=None)
        return column.cast(pl.Float32).to_numpy()

    @cached_property
    def price_past(self) -> Past:
        """Prices laid out like sales: since they are known ahead, they may be asked for at the target day."""
        known = self.panel.known["price"]
        return Past(known.values[known.rows], self.panel.frequency.season)

    @cached_property
    def promoted_past(self) -> Past:
        """The sales of promoted days only."""
        promoted = self.panel.known["promotion"].on(slice(0, self.panel.n_days)) > 0
        return Past(np.where(promoted, self.panel.units, np.float32(np.nan)), self.panel.frequency.season)

    @cached_property
    def promotion_past(self) -> Past:
        """The promotions laid out like sales."""
        known = self.panel.known["promotion"]
        return Past(known.values[known.rows], self.panel.frequency.season)


@dataclass(frozen=True)
class Question:
    """Many questions to one block: row r asks, at `cutoffs[place[r]]`, for `series[r]`, `step[r]` days ahead.

    `cutoffs` [cutoff] are indices of last known days; `place`, `series`, `step` are int32 [row].
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
        """The day each row asks for: [row]."""
        return self.cutoff + self.step

    @cached_property
    def season_day(self) -> np.ndarray:
        """The last day at or before the cutoff of the target's phase in the season (the last same weekday): [row]."""
        season = self.block.panel.frequency.season
        return self.day - season * -(-self.step // season)

    @cached_property
    def year_day(self) -> np.ndarray:
        """The day a year (in whole seasons) before the target, or the latest such day not after the cutoff: [row]."""
        year = self.block.panel.frequency.year
        return self.day - year * -(-self.step // year)

    def each(self, values: np.ndarray) -> np.ndarray:
        """Values by [cutoff, series] handed out to the rows."""
        return values[self.place, self.series]

    def group_rows(self, level: Level) -> np.ndarray:
        """The group of each row's series: [row]."""
        return self.block.context.groups(level).rows[self.block.members[self.series]]


@dataclass(frozen=True)
class Feature:
    """One feature: `of` gives float32 [row] for a question.

    `sees` says, in days before the cutoff, how far back it looks (None: all of the history); `reads` says what.
    `default` says whether it belongs to the default set, `ahead` whether it moves with what is known of the days after
    the cutoff: another price there is another value of it.
    """

    name: str
    group: str
    meaning: str
    reads: str
    sees: int | None
    of: Callable[[Question], np.ndarray]
    default: bool = False
    ahead: bool = False

    @property
    def earliest(self) -> str:
        """The earliest day it can see, in words."""
        if self.reads in ("calendar", "attributes"):
            return "target day"
        return "first day of the history" if self.sees is None else f"{self.sees} before the cutoff"


def known_on(known: Known, series: np.ndarray, day: np.ndarray) -> np.ndarray:
    """A covariate for pairs of series (its own) and day, float32 of their shape; NaN past its end."""
    last = known.values.shape[1] - 1
    values = known.values[known.rows[series], np.clip(day, 0, last)].astype(np.float32)
    return np.where((day > last) | (day < 0), np.float32(np.nan), values)


def unknown(name: str) -> Feature:
    """A feature that is known for no row, in the place of one that a panel's data do not give."""
    return Feature(name, "unknown", "not known for these data", "nothing", 0, lambda q: np.full(len(q), np.nan))


def _sum_by_group(values: np.ndarray, rows: np.ndarray, n_groups: int, chunk: int = 128) -> np.ndarray:
    """Values added up by group, float32 [group, day], NaN where no member is known; `chunk` days at a time."""
    from scipy.sparse import csr_matrix

    n_series, n_days = values.shape
    adding = csr_matrix((np.ones(n_series, np.float32), (rows, np.arange(n_series))), (n_groups, n_series))
    out = np.empty((n_groups, n_days), np.float32)
    for start in range(0, n_days, chunk):
        part = values[:, start : start + chunk]
        total = adding @ np.nan_to_num(part)
        known = adding @ (~np.isnan(part)).astype(np.float32)
        out[:, start : start + chunk] = np.where(known > 0, total, np.nan)
    return out


def _mean_by_group(values: np.ndarray, rows: np.ndarray, n_groups: int, chunk: int = 128) -> np.ndarray:
    """The mean of the known values by group: float32 [group, day], NaN where no member is known."""
    out = np.empty((n_groups, values.shape[1]), np.float32)
    for start in range(0, values.shape[1], chunk):
        part = values[:, start : start + chunk]
        count = _sum_by_group((~np.isnan(part)).astype(np.float32), rows, n_groups)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:, start : start + chunk] = _sum_by_group(part, rows, n_groups) / count
    return out
