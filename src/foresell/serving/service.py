"""The champion in service: loaded once, it answers quickly, and what it says is what the batch forecast says.

A row is asked about by itself: what is given in other rows changes nothing about it. A price or promotion that is
given as it is known ahead anyway is no what-if, and the forecast that was made when the bundle was loaded serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from foresell.adjust.ranges import Around, Ranges
from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.hierarchy import Hierarchy, Level
from foresell.core.panel import Panel
from foresell.core.scenario import series_where, steps_between
from foresell.core.settings import Settings
from foresell.ensemble.champion import Champion
from foresell.features.catalogue import catalogue, group_levels
from foresell.models.closed_days import closed_days, without_history
from foresell.models.contract import ScenarioRows
from foresell.serving import bundle, reasons
from foresell.serving.answer import Answer
from foresell.serving.bundle import Manifest, read_bundle_settings, read_manifest
from foresell.serving.current_forecast import ChampionScenarioModel, ahead_of, as_written, last_known
from foresell.serving.levels import Levels
from foresell.serving.reasons import Explanation
from foresell.serving.request_rows import PRICE, PROMOTION, Asked, Reader
from foresell.serving.unknown_series import Strangers
from foresell.store.panels import load_panel

if TYPE_CHECKING:
    from foresell.transactions.fitted import FittedTransactions
    from foresell.transactions.revenue import DailyRevenue

ROOM = 1 << 29
"""How many bytes of features are kept; those of more series than that holds are made when they are asked about."""

BLOCK = 512  # new series that are forecast together


EXPLAINED = 500
"""How many series are explained at once, at most."""


class Service:
    """Answers from one bundle; see the methods. It may be asked from several threads at once.

    `manifest` says what it was trained on, `version` is its number in the registry.
    """

    def __init__(
        self,
        manifest: Manifest,
        version: str,
        settings: Settings,
        panel: Panel,
        champion: Champion,
        ranges: Ranges,
        room: int = ROOM,
    ):
        self.manifest = manifest
        self.version = version
        self.settings = settings
        self.panel = panel
        self.champion = ChampionScenarioModel(champion, panel, room, learnt_from=True)
        self.levels = Levels(self.champion, panel, Hierarchy.of(panel.keys, settings.levels), ranges)
        self.transactions: FittedTransactions | None = None
        self.revenue: DailyRevenue | None = None
        low = round((1 - settings.serving.range) / 2, 12)
        self.probabilities = (low, round(1 - low, 12))
        self._reader = Reader(panel, champion.horizon)
        self._strangers = Strangers(panel, champion.horizon)
        self._ahead = ahead_of(panel, champion.horizon)
        self._price = as_written(last_known(panel, self._ahead[PRICE])) if PRICE in panel.known else None
        bottom = self.levels.around(panel.keys)
        group, step = np.divmod(np.arange(self.champion.mean.size), champion.horizon)
        ends = bottom.quantiles(self.champion.mean.reshape(-1), group, step, self.probabilities)
        self._units = np.stack([self.champion.mean, *ends.reshape(2, *self.champion.mean.shape)])
        self._nobody = self._around_nobody(bottom)
        self._new = without_history(panel)

    @classmethod
    def load(cls, folder: Path, version: str = "unregistered", room: int = ROOM) -> Service:
        """The service of the bundle in `folder`, which takes about as long as forecasting all series.

        Its panel stays on disk and is read as it is used: leave the folder where it is. `room` is how many bytes of
        features may be kept in memory. Raises UnreadableFile where the bundle is missing, damaged or foreign.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        settings = read_bundle_settings(folder)
        panel = load_panel(folder / bundle.PANEL)
        try:
            champion = Champion.load(folder / bundle.MODEL)
        except UsageError as error:  # a model that this version, or this installation, does not have
            raise UnreadableFile(f"The model in {folder} cannot be used here: {error}") from error
        ranges = Ranges.load(folder / bundle.SCATTER)
        service = cls(manifest, version, settings, panel, champion, ranges, room)
        service._load_transactions(folder)
        return service

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that rows of `predict` may have; any other is an error of the rows that fill it in."""
        return self._reader.columns

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Units and revenue of one series and day each, with the range of `settings.serving.range`.

        `rows` have the key columns, ``date``, and optionally ``price``, ``promotion``, other covariates that are known
        ahead, and attributes of the series; null is not given, and texts are read as the data's are.

        As many rows in the same order: ``units``, ``units_low``, ``units_high``, ``revenue``, ``revenue_low``,
        ``revenue_high`` (null where not known), ``basis`` (``series``, or ``new`` for one without a history),
        ``assumed`` (what was filled in, in words) and ``error`` (why a row could not be answered, else null).
        """
        asked = self._reader.read(rows)
        answer = Answer.to(len(asked))
        good = asked.answerable()
        self._answer_series(asked, np.flatnonzero(good & (asked.series >= 0)), answer)
        unknown = np.flatnonzero(good & (asked.series < 0))
        for start in range(0, len(unknown), BLOCK):
            self._answer_new(asked, unknown[start : start + BLOCK], answer)
        return answer.frame(asked)

    def forecast(
        self,
        where: Mapping[str, object] | None = None,
        level: Level | None = None,
        horizon: int | None = None,
        quantiles: Sequence[float] = (),
        changes: Mapping[str, str | float] | None = None,
    ) -> pl.DataFrame:
        """The forecast as a table, as `Forecasts.to_frame` has it, of the first `horizon` days (all where not given).

        `where` chooses series by the values of columns, all of them where none is named. With a `level`, the groups
        that any of them belongs to are forecast, whole; else the series themselves. `quantiles` are rising
        probabilities.

        `changes` are by covariate, see `core.scenario.Change`, and hold for the chosen series on all of these days.
        What the totals add to a series is held as it was, groups move by the sum of their series, and series that were
        not chosen stay as they are.

        Raises UsageError for series, levels, days and covariates that are not there.
        """
        return self.levels.forecast(where or {}, level, horizon, quantiles, changes or {}).to_polars()

    def explain(
        self, where: Mapping[str, object], first: date | str | None = None, last: date | str | None = None
    ) -> Explanation:
        """Why the forecast of the chosen series from `first` to `last` is what it is: reasons that add up to it.

        Raises UsageError for series and days that the forecast does not have, and for too many series: reasons take
        some hundred times as long as a forecast.
        """
        rows = series_where(self.panel.series, where)
        if len(rows) > EXPLAINED:
            raise UsageError(f"That is {len(rows):,} series; at most {EXPLAINED} are explained at once. Choose fewer.")
        steps = steps_between(self.panel, self.manifest.horizon, first, last)
        return reasons.explain(
            self.champion.explain(rows),
            self._reasons,
            self.panel,
            rows,
            steps,
            reasons.named(self.panel, where, rows),
            group_levels(self.panel, self.settings.levels),
        )

    def predict_transactions(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What single sales are worth: ``value``, ``low``, ``high``, ``assumed``, ``error``, one row for each.

        Raises UsageError where the bundle has no model of them.
        """
        if self.transactions is None:
            raise UsageError(
                "This model knows nothing of single sales. Name a column to predict in the settings, such as "
                "'transactions: {target: revenue}', and train again."
            )
        return self.transactions.predict(rows)

    def forecast_revenue(self, first: date, last: date, quantiles: Sequence[float] = ()) -> pl.DataFrame:
        """The revenue of all sales on each day from `first` to `last`: ``date``, ``mean``, ``q050`` and so on.

        Raises UsageError where the bundle has no model of it, and for days that cannot be forecast.
        """
        if self.revenue is None:
            raise UsageError(
                "This model has no forecast of daily revenue: it was written before there was one. Train again, with "
                "'transactions: {target: revenue}' in the settings where single sales say what was earned."
            )
        return self.revenue.forecast(first, last, quantiles)

    def about(self) -> dict[str, object]:
        """What is loaded, as plain data: versions, days, counts, models, what is known ahead, memory that is kept."""
        panel, manifest = self.panel, self.manifest
        blend = self.champion.champion.combination.blend
        told: dict[str, object] = {
            "name": manifest.name,
            "version": self.version,
            "foresell": manifest.foresell,
            "data": manifest.data,
            "trained": manifest.trained.isoformat(),
            "cutoff": manifest.cutoff.isoformat(),
            "days_since_cutoff": (date.today() - manifest.cutoff).days,
            "days_since_training": (date.today() - manifest.trained.date()).days,
            "first": self._reader.first.isoformat(),
            "last": self._reader.last.isoformat(),
            "horizon": manifest.horizon,
            "period": panel.frequency.noun,
            "series": panel.n_series,
            "periods": panel.n_days,
            "keys": list(panel.keys),
            "attributes": list(self._reader.attributes),
            "levels": [list(level) for level in self.levels.hierarchy.levels],
            "known_ahead": [name for name, values in self._ahead.items() if not np.isnan(values).all()],
            "moves_with": sorted(self.champion.reads),
            "models": blend.weights.to_dicts(),
            "range": self.settings.serving.range,
            "memory_mb": round(self._memory() / 2**20, 1),
        }
        if self.transactions is not None:
            told["transactions"] = self.transactions.about()
        if self.revenue is not None:
            told["revenue"] = self.revenue.about()
        return told

    @cached_property
    def _reasons(self) -> dict[str, str]:
        return reasons.reasons_of(catalogue(self.panel, self.settings.levels), self.panel.frequency)

    def _answer_series(self, asked: Asked, rows: np.ndarray, answer: Answer) -> None:
        """Answers about series that the panel has."""
        series, step = asked.series[rows], asked.step[rows]
        answer.units[:, rows] = self._units[:, series, step]
        answer.new[rows] = self._new[series]
        self._price_of(asked, rows, answer)
        self._tell_unknown(asked, rows)
        self._tell_attributes(asked, rows)
        moved: dict[str, np.ndarray] = {}
        for name in self.champion.reads & asked.given.keys():
            told = asked.given[name][rows].astype(np.float32)
            moved[name] = np.where(told == self._ahead[name][series, step], np.float32(np.nan), told)
        differs = np.zeros(len(rows), bool)
        for values in moved.values():
            differs |= ~np.isnan(values)
        other = np.flatnonzero(differs)
        if len(other):
            self._answer_what_if(asked, rows[other], {name: told[other] for name, told in moved.items()}, answer)

    def _answer_what_if(self, asked: Asked, rows: np.ndarray, told: Mapping[str, np.ndarray], answer: Answer) -> None:
        """Answers rows of which something is `told` float32 [row] that is other than known ahead, NaN where not."""
        series, step = asked.series[rows], asked.step[rows]
        each = np.arange(len(rows))
        ahead = {}
        for name, values in told.items():
            if not np.isnan(values).all():
                ahead[name] = np.full((len(rows), self.manifest.horizon), np.nan, np.float32)
                ahead[name][each, step] = values
        mean = self.champion.answer_scenario(ScenarioRows(series, ahead, each, step))
        around = self.levels.around(self.panel.keys)
        is_open = around.is_open[series, step] | (mean > 0)  # a price may say that a new series begins earlier
        ends = around.quantiles(mean, series, step, self.probabilities, is_open=is_open)
        answer.units[:, rows] = [mean, *ends]

    def _answer_new(self, asked: Asked, rows: np.ndarray, answer: Answer) -> None:
        """Answers about series that the panel does not have."""
        panel, step = self._strangers.panel_of(asked, rows), asked.step[rows]
        mean = self.champion.new_series(panel, step)
        each, nobody = np.arange(len(rows)), np.zeros(len(rows), np.int64)
        is_open = ~closed_days(panel, self.manifest.horizon)[each, step]
        ends = self._nobody.quantiles(mean, nobody, step, self.probabilities, is_open=is_open)
        answer.units[:, rows] = [mean, *ends]
        answer.new[rows] = True
        if PRICE in panel.known:
            answer.price[rows] = as_written(panel.known[PRICE].values[each, panel.n_days + step])
        if PRICE in asked.given:
            told = asked.given[PRICE][rows]
            answer.price[rows] = np.where(np.isnan(told), answer.price[rows], told)

    def _price_of(self, asked: Asked, rows: np.ndarray, answer: Answer) -> None:
        """The price that revenue is made with: the one given, else that known ahead, else the last known one."""
        series, step = asked.series[rows], asked.step[rows]
        told = asked.given[PRICE][rows] if PRICE in asked.given else np.full(len(rows), np.nan)
        if self._price is None:
            answer.price[rows] = told
            asked.assume(rows[~np.isnan(told)], f"{PRICE}: for the revenue only, the data have none")
            return
        known = self._price[series, step]
        answer.price[rows] = np.where(np.isnan(told), known, told)
        guessed = np.flatnonzero(np.isnan(told) & np.isnan(self._ahead[PRICE][series, step]))
        what = [
            "not known" if np.isnan(each) else f"{each:.6g} for the revenue, the last known" for each in known[guessed]
        ]
        asked.assume(rows[guessed], [f"{PRICE}: {each}" for each in what])

    def _tell_unknown(self, asked: Asked, rows: np.ndarray) -> None:
        """Says which covariates that the models look at are neither given nor known for the day."""
        series, step = asked.series[rows], asked.step[rows]
        for name in sorted(self.champion.reads - {PRICE}):
            given = ~np.isnan(asked.given[name][rows]) if name in asked.given else np.zeros(len(rows), bool)
            missing = np.isnan(self._ahead[name][series, step]) & ~given
            asked.assume(rows[missing], f"{name}: not known for that {self.panel.frequency.noun}")
        if PROMOTION in asked.given and PROMOTION not in self.panel.known:
            unused = rows[~np.isnan(asked.given[PROMOTION][rows])]
            asked.assume(unused, f"{PROMOTION}: not used, the data have none")

    def _tell_attributes(self, asked: Asked, rows: np.ndarray) -> None:
        """Says where an attribute was given that is not the one which the series has."""
        for name in asked.attributes.columns:
            given, own = asked.attributes[name][rows], self.panel.series[name].gather(asked.series[rows])
            for place in np.flatnonzero((given.is_not_null() & given.ne_missing(own)).to_numpy()):
                asked.assume([int(rows[place])], f"{name}: {own[int(place)]}, as the series has it")

    def _around_nobody(self, bottom: Around) -> Around:
        """The ranges of series without a history, as the one group 0."""
        from foresell.adjust.spread import Habits

        units = np.full((1, 1), np.nan, np.float32)
        habits = Habits.of(units, self.panel.frequency, bottom.rows["grain"][0])
        return Around(bottom.rows, habits, np.ones((1, self.manifest.horizon), bool), bottom.near)

    def _memory(self) -> int:
        """Bytes that are kept beside the panel, which is read from disk, and the models."""
        kept = [self._units, *self._ahead.values(), *([] if self._price is None else [self._price])]
        return self.champion.memory() + sum(values.nbytes for values in kept)

    def _load_transactions(self, folder: Path) -> None:
        """Loads the models of single sales and of daily revenue where the bundle has them."""
        parts = {name.partition("/")[0] for name in self.manifest.files}
        if bundle.TRANSACTIONS in parts:
            from foresell.transactions.fitted import FittedTransactions

            self.transactions = FittedTransactions.load(folder / bundle.TRANSACTIONS)
        if bundle.REVENUE in parts:
            from foresell.transactions.revenue import DailyRevenue

            self.revenue = DailyRevenue.load(folder / bundle.REVENUE)
