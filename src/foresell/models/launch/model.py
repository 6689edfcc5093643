"""New products: what a series without a history may be expected to sell, and how soon to believe what it does sell.

A forecast is a product: what is expected of a series by its attributes (`attribute_levels`), how it does compared with
that, how far it has come after its launch (`launch_curve`), and what the day makes of it (`day_profile`). How it does
is a gamma-Poisson mean: 1 for a series that has not begun, its own sales over what was expected once there are enough
of them. So an old series is forecast at its recent level with the rhythm of the week, and a new one moves there day by
day: Fader and Hardie, "Forecasting repeat sales at CDNOW", 2001, use the same model for single customers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions, Progress
from foresell.models.launch import attribute_levels as expected_levels
from foresell.models.launch import day_profile as rhythms
from foresell.models.launch import launch_curve as takeoffs
from foresell.models.launch.attribute_levels import Levels, Recent, attribute_levels
from foresell.models.launch.day_profile import WINDOW, Rhythm, labels_of
from foresell.models.launch.launch_curve import ENOUGH, Takeoff, begins, launched

HALF_LIFE = {Frequency.DAY: 28, Frequency.WEEK: 8, Frequency.MONTH: 4}
"""After how many periods a day counts half for the recent level."""


@dataclass(frozen=True)
class Launch:
    """How to learn from earlier launches.

    `levels` are groups by several columns that series may have in common, beside each column of text by itself.
    A day counts half for a series' recent level after `half_life` periods: 28 days, 8 weeks or 4 months where not
    given.
    """

    levels: tuple[Level, ...] = ()
    half_life: int | None = None
    name: str = "launch"

    def __post_init__(self) -> None:
        if self.half_life is not None and (not isinstance(self.half_life, int) or self.half_life < 1):
            raise UsageError(
                f"The option 'half_life' of the model 'launch' is {self.half_life!r}; expected a whole number from 1."
            )

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Nothing: what windows could share is learnt in little time."""

    def fit(self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None) -> FittedLaunch:
        """Learns rhythm, curve and levels from `panel`, which ends at the cutoff."""
        tell = progress or (lambda done, total: None)
        groups = attribute_levels(panel.series, tuple(level for level in self.levels if set(level) != set(panel.keys)))
        begin = begins(panel, horizon)
        rhythm = rhythms.learn(panel, _finest(panel.series, groups))
        tell(1, 3)
        new = launched(panel, begin) & (begin < panel.n_days)
        takeoff = takeoffs.learn(panel, rhythm, begin, _finest(panel.series.filter(pl.Series(new)), groups))
        tell(2, 3)
        half_life = self.half_life or HALF_LIFE[panel.frequency]
        unknown = Levels(0.0, {}, (), {}, 1.0)
        fitted = FittedLaunch(horizon, half_life, rhythm, takeoff, unknown)
        view = fitted.look(panel)
        levels = expected_levels.learn(panel, view.recent, groups, rhythm.daily)
        tell(3, 3)
        return replace(fitted, levels=levels)

    @staticmethod
    def load(folder: Path) -> FittedLaunch:
        """The model that was saved in `folder`. Raises UnreadableFile where it is not whole."""
        path = folder / "model.json"
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return FittedLaunch(
                plain["horizon"],
                plain["half_life"],
                Rhythm.of_plain(plain["rhythm"]),
                Takeoff.of_plain(plain["takeoff"]),
                Levels.of_plain(plain["levels"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableFile(f"{path} does not hold a launch model. Train it again.") from error


@dataclass(frozen=True)
class View:
    """How the series of a panel stand at its cutoff.

    In `recent` units and days fade with the half-life, and the classes of age are ``from the start``, ``settled`` and
    ``new``. `begin` [series] is the day on which each begins, `season` [series, place] its season.
    """

    recent: Recent
    begin: np.ndarray
    season: np.ndarray


@dataclass(frozen=True)
class FittedLaunch:
    """Rhythm, curve and levels; a series' own sales are those of the panel it is asked about."""

    horizon: int
    half_life: int
    rhythm: Rhythm
    takeoff: Takeoff
    levels: Levels
    name: str = "launch"
    findings: tuple[Finding, ...] = field(default=())

    def reads(self, panel: Panel) -> frozenset[str]:
        """The promotion, and the price: how high it is for its kind."""
        return frozenset({"price", "promotion"} & set(panel.known))

    def forecast(self, panel: Panel) -> Forecast:
        mean = np.ones((panel.n_series, self.horizon))
        for factor in self._factors(panel).values():
            mean = mean * factor
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean.astype(np.float32))

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The factors in turn, each with what it adds to the product of those before it; the base is an average series.

        ``own_sales`` is how the series does compared with what its attributes lead to expect, ``age`` the launch curve.
        """
        asked = panel if series is None else panel.part(np.array(series, np.int64))
        factors = self._factors(asked)
        shape = (asked.n_series, self.horizon)
        products = np.cumprod([np.broadcast_to(each, shape) for each in factors.values()], axis=0)
        return Contributions(tuple(factors)[1:], products[0], np.diff(products, axis=0))

    def drivers(self) -> pl.DataFrame:
        """How much each factor tells series apart: its share of the variance of the logarithms of all factors."""
        spread = {" x ".join(level): _spread(found.values()) for level, found in self.levels.factors.items()}
        spread["own_sales"] = 1 / self.levels.shape
        spread["weekday" if len(self.rhythm.season) == 7 else "season"] = _spread(self.rhythm.season)
        spread["age"] = _spread(self.takeoff.curve)
        spread["promotion"] = float(np.log(max(self.rhythm.promotion, 1e-9)) ** 2) / 4
        total = sum(spread.values())
        frame = pl.DataFrame(
            {"feature": list(spread), "share": [each / total if total else 0.0 for each in spread.values()]},
            schema={"feature": pl.String, "share": pl.Float64},
        )
        return frame.filter(pl.col("share") > 0).sort("share", "feature", descending=[True, False])

    def save(self, folder: Path) -> None:
        """Writes all that was learnt as one JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {"kind": self.name, "horizon": self.horizon, "half_life": self.half_life}
        parts = {"rhythm": self.rhythm.plain(), "takeoff": self.takeoff.plain(), "levels": self.levels.plain()}
        (folder / "model.json").write_text(json.dumps(plain | parts, ensure_ascii=False), encoding="utf-8")

    def look(self, panel: Panel) -> View:
        """How the series of `panel` stand at its cutoff."""
        begin = begins(panel, self.horizon)
        days = np.arange(max(panel.n_days - WINDOW[panel.frequency], 0), panel.n_days)
        season = self.rhythm.seasonal(panel)
        usual = self.rhythm.days(panel, days, season) * self._age(panel, begin, days)
        units = panel.units[:, days[0] :]
        known = ~np.isnan(units)
        # The weight fades from the last known day back: a series that is out of stock is not forgotten meanwhile.
        last = np.where(known.any(axis=1), known.shape[1] - 1 - known[:, ::-1].argmax(axis=1), 0)
        weight = known * 0.5 ** ((last[:, None] - np.arange(len(days))) / self.half_life)
        new = launched(panel, begin)
        young = new & (panel.n_days - begin < self.takeoff.settled)
        return View(
            recent=Recent(
                sold=np.sum(weight * np.nan_to_num(units), axis=1),
                exposure=np.sum(weight * usual, axis=1),
                price=_price(panel, self.horizon),
                age=np.where(young, "new", np.where(new, "settled", "from the start")),
            ),
            begin=begin,
            season=season,
        )

    def _factors(self, panel: Panel) -> Mapping[str, np.ndarray]:
        """The factors of the mean by name, in order, each float64 [series, 1 or step].

        The first is in units: what an average series sells, and nothing where it is closed.
        """
        view = self.look(panel)
        days = panel.n_days + np.arange(self.horizon)
        groups = self.levels.of_groups(panel, view.recent)
        expected = self.levels.base * np.prod([np.ones(panel.n_series), *groups.values()], axis=0)
        own = self.levels.posterior(expected, view.recent, self.rhythm.daily)
        places = rhythms.places(panel, days)
        return {
            "base": self.levels.base * ~closed_days(panel, self.horizon),
            **{name: factor[:, None] for name, factor in groups.items()},
            "own_sales": own[:, None],
            "age": self._age(panel, view.begin, days),
            "weekday" if view.season.shape[1] == 7 else "season": view.season[:, places],
            "promotion": self.rhythm.days(panel, days, np.ones_like(view.season)),
        }

    def _age(self, panel: Panel, begin: np.ndarray, days: np.ndarray) -> np.ndarray:
        """What the age of each series on `days` makes of its level: float64 [series, days]."""
        age = np.where(launched(panel, begin)[:, None], days - begin[:, None], self.takeoff.settled)
        return self.takeoff.at(panel, age)


def _finest(series: pl.DataFrame, levels: list[Level]) -> Level:
    """The finest of `levels` whose groups hold enough of `series` each on average; all together where none does."""
    for level in reversed(levels):
        if ENOUGH * len(set(labels_of(series, level))) <= series.height:
            return level
    return ()


def _price(panel: Panel, horizon: int) -> np.ndarray:
    """The median of the prices known round the cutoff, from four weeks before it to the horizon: [series]."""
    if "price" not in panel.known:
        return np.full(panel.n_series, np.nan)
    known = panel.known["price"]
    values = known.values[:, max(panel.n_days - 28, 0) : panel.n_days + horizon]
    told = ~np.isnan(values).all(axis=1)
    median = np.full(len(values), np.nan)
    median[told] = np.nanmedian(values[told], axis=1)
    return median[known.rows]


def _spread(values: Iterable[float]) -> float:
    """The variance of the logarithms of factors."""
    logs = np.log(np.maximum(np.array(list(values)), 1e-9))
    return float(logs.var()) if len(logs) else 0.0
