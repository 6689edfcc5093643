"""The service of a champion: it is loaded once, answers quickly, and gives the same numbers as the batch forecast.

Each row of a request is answered by itself, whatever the other rows give. A price or promotion that is the same as the
known one is not a what-if, and is answered with the forecast that was computed when the bundle was loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from foresell.adjust.ranges import LevelRanges, Ranges
from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.frequency import calendar_day
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
from foresell.serving.request_rows import PRICE, PROMOTION, RequestReader, RequestRows
from foresell.serving.unknown_series import UnknownSeries
from foresell.store.panels import load_panel

if TYPE_CHECKING:
    from foresell.transactions.fitted import FittedTransactions
    from foresell.transactions.revenue import DailyRevenue

ROOM = 1 << 29
"""The number of bytes of features that are kept. Features beyond it are computed on request."""

BLOCK = 512  # new series that are forecast together

MOST_EXPLAINED = 500
"""The largest number of series that are explained at once."""


class Service:
    """Answers from one bundle. It is safe to use from several threads.

    `manifest` describes the bundle, `version` is its number in the registry.
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
        self._reader = RequestReader(panel, champion.horizon)
        self._unknown_series = UnknownSeries(panel, champion.horizon)
        self._ahead = ahead_of(panel, champion.horizon)
        self._price = as_written(last_known(panel, self._ahead[PRICE])) if PRICE in panel.known else None
        bottom = self.levels.ranges_of(panel.keys)
        group, step = np.divmod(np.arange(self.champion.mean.size), champion.horizon)
        ends = bottom.quantiles(self.champion.mean.reshape(-1), group, step, self.probabilities)
        self._units = np.stack([self.champion.mean, *ends.reshape(2, *self.champion.mean.shape)])
        self._new_ranges = self._ranges_without_history(bottom)
        self._new = without_history(panel)

    @classmethod
    def load(cls, folder: Path, version: str = "unregistered", room: int = ROOM) -> Service:
        """Loads the bundle in `folder`, which takes about as long as forecasting all series.

        The panel stays on disk and is read on use, so the folder must not be moved. `room` is the number of bytes of
        features that may be kept in memory. Raises UnreadableFile where the bundle is missing, damaged or foreign.
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
        """The columns that rows of `predict` may have. A value in any other column is an error of its row."""
        return self._reader.columns

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Predicts units and revenue, each row for one series and day, with the range of `settings.serving.range`.

        `rows` have the key columns, ``date``, and optionally ``price``, ``promotion``, other covariates that are known
        ahead, and attributes of the series. Null means not given. Texts are read like those of the data.

        Returns as many rows in the same order: ``units``, ``units_low``, ``units_high``, ``revenue``,
        ``revenue_low``, ``revenue_high`` (null where not known), ``basis`` (``series``, or ``new`` for a series without
        a history), ``assumed`` (a list of the assumptions) and ``error`` (why a row could not be answered, else null).
        """
        asked = self._reader.read(rows)
        answer = Answer.empty(len(asked))
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
        """The forecast of the first `horizon` days (all by default), as a table like that of `Forecasts.to_frame`.

        `where` chooses series by the values of columns; all series by default. With a `level`, the result has the whole
        groups to which the series belong; else the series themselves. `quantiles` are rising probabilities.

        `changes` are by covariate, see `core.scenario.Change`. They hold for the chosen series on all of these days.
        The effect of reconciliation on a series is taken not to change. A group changes by the sum of its series, and
        series that were not chosen do not change.

        Raises UsageError for series, levels, days and covariates that do not exist.
        """
        return self.levels.forecast(where or {}, level, horizon, quantiles, changes or {}).to_polars()

    def explain(
        self, where: Mapping[str, object], first: date | str | None = None, last: date | str | None = None
    ) -> Explanation:
        """Explains the forecast of the chosen series from `first` to `last` by reasons that add up to it.

        Raises UsageError for series and days that the forecast does not have, and for too many series: an explanation
        takes some hundred times as long as a forecast.
        """
        rows = series_where(self.panel.series, where)
        if len(rows) > MOST_EXPLAINED:
            raise UsageError(
                f"That is {len(rows):,} series; at most {MOST_EXPLAINED} are explained at once. Choose fewer."
            )
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
        """Predicts the value of single sales, a row for each: ``value``, ``low``, ``high``, ``assumed``, ``error``.

        Raises UsageError where the bundle has no model of single sales.
        """
        if self.transactions is None:
            raise UsageError(
                "This model does not predict single sales. Name a column to predict in the settings, such as "
                "'transactions: {target: revenue}', and train again."
            )
        return self.transactions.predict(rows)

    def forecast_revenue(self, first: date, last: date, quantiles: Sequence[float] = ()) -> pl.DataFrame:
        """Forecasts the revenue of all sales on each day from `first` to `last`: ``date``, ``mean``, ``q050``, ...

        Raises UsageError where the bundle has no model of daily revenue, and for days that cannot be forecast.
        """
        if self.revenue is None:
            raise UsageError(
                "This model has no forecast of daily revenue: it was written before there was one. Train again, with "
                "'transactions: {target: revenue}' in the settings where single sales say what was earned."
            )
        return self.revenue.forecast(first, last, quantiles)

    def about(self) -> dict[str, object]:
        """A description of the loaded model, as plain data: versions, days, counts, models, covariates, memory."""
        panel, manifest = self.panel, self.manifest
        combination = self.champion.champion.combination
        description: dict[str, object] = {
            "name": manifest.name,
            "version": self.version,
            "foresell": manifest.foresell,
            "data": manifest.data,
            "trained": manifest.trained.isoformat(),
            "cutoff": manifest.cutoff.isoformat(),
            "days_since_cutoff": (date.today() - calendar_day(manifest.cutoff)).days,
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
            "models": combination.blend.weights.to_dicts(),
            "series_models": combination.series_by_model,
            "range": self.settings.serving.range,
            "memory_mb": round(self._memory() / 2**20, 1),
        }
        if self.transactions is not None:
            description["transactions"] = self.transactions.about()
        if self.revenue is not None:
            description["revenue"] = self.revenue.about()
        return description

    @cached_property
    def _reasons(self) -> dict[str, str]:
        return reasons.reasons_of(catalogue(self.panel, self.settings.levels), self.panel.frequency)

    def _answer_series(self, asked: RequestRows, rows: np.ndarray, answer: Answer) -> None:
        """Answers rows about series that the panel has."""
        series, step = asked.series[rows], asked.step[rows]
        answer.units[:, rows] = self._units[:, series, step]
        answer.new[rows] = self._new[series]
        self._fill_price(asked, rows, answer)
        self._assume_unknown(asked, rows)
        self._assume_attributes(asked, rows)
        changes: dict[str, np.ndarray] = {}
        for name in self.champion.reads & asked.given.keys():
            given = asked.given[name][rows].astype(np.float32)
            changes[name] = np.where(given == self._ahead[name][series, step], np.float32(np.nan), given)
        differs = np.zeros(len(rows), bool)
        for values in changes.values():
            differs |= ~np.isnan(values)
        changed = np.flatnonzero(differs)
        if len(changed):
            changes = {name: values[changed] for name, values in changes.items()}
            self._answer_what_if(asked, rows[changed], changes, answer)

    def _answer_what_if(
        self, asked: RequestRows, rows: np.ndarray, changes: Mapping[str, np.ndarray], answer: Answer
    ) -> None:
        """Answers rows with values other than the known ones: `changes` float32 [row], NaN where nothing changes."""
        series, step = asked.series[rows], asked.step[rows]
        place = np.arange(len(rows))
        ahead = {}
        for name, values in changes.items():
            if not np.isnan(values).all():
                ahead[name] = np.full((len(rows), self.manifest.horizon), np.nan, np.float32)
                ahead[name][place, step] = values
        mean = self.champion.answer_scenario(ScenarioRows(series, ahead, place, step))
        of_series = self.levels.ranges_of(self.panel.keys)
        is_open = of_series.is_open[series, step] | (mean > 0)  # a price may say that a new series begins earlier
        ends = of_series.quantiles(mean, series, step, self.probabilities, is_open=is_open)
        answer.units[:, rows] = [mean, *ends]

    def _answer_new(self, asked: RequestRows, rows: np.ndarray, answer: Answer) -> None:
        """Answers rows about series that the panel does not have."""
        panel, step = self._unknown_series.panel_of(asked, rows), asked.step[rows]
        mean = self.champion.new_series(panel, step)
        place, group = np.arange(len(rows)), np.zeros(len(rows), np.int64)
        is_open = ~closed_days(panel, self.manifest.horizon)[place, step]
        ends = self._new_ranges.quantiles(mean, group, step, self.probabilities, is_open=is_open)
        answer.units[:, rows] = [mean, *ends]
        answer.new[rows] = True
        if PRICE in panel.known:
            answer.price[rows] = as_written(panel.known[PRICE].values[place, panel.n_days + step])
        if PRICE in asked.given:
            given = asked.given[PRICE][rows]
            answer.price[rows] = np.where(np.isnan(given), answer.price[rows], given)

    def _fill_price(self, asked: RequestRows, rows: np.ndarray, answer: Answer) -> None:
        """Fills in the price for the revenue: the given one, else the one known ahead, else the last known one."""
        series, step = asked.series[rows], asked.step[rows]
        given = asked.given[PRICE][rows] if PRICE in asked.given else np.full(len(rows), np.nan)
        if self._price is None:
            answer.price[rows] = given
            asked.assume(rows[~np.isnan(given)], f"{PRICE}: for the revenue only, the data have none")
            return
        known = self._price[series, step]
        answer.price[rows] = np.where(np.isnan(given), known, given)
        guessed = np.flatnonzero(np.isnan(given) & np.isnan(self._ahead[PRICE][series, step]))
        texts = [
            "not known" if np.isnan(price) else f"{price:.6g} for the revenue, the last known"
            for price in known[guessed]
        ]
        asked.assume(rows[guessed], [f"{PRICE}: {text}" for text in texts])

    def _assume_unknown(self, asked: RequestRows, rows: np.ndarray) -> None:
        """Records which covariates of the models are neither given nor known for the day."""
        series, step = asked.series[rows], asked.step[rows]
        for name in sorted(self.champion.reads - {PRICE}):
            given = ~np.isnan(asked.given[name][rows]) if name in asked.given else np.zeros(len(rows), bool)
            missing = np.isnan(self._ahead[name][series, step]) & ~given
            asked.assume(rows[missing], f"{name}: not known for that {self.panel.frequency.noun}")
        if PROMOTION in asked.given and PROMOTION not in self.panel.known:
            unused = rows[~np.isnan(asked.given[PROMOTION][rows])]
            asked.assume(unused, f"{PROMOTION}: not used, the data have none")

    def _assume_attributes(self, asked: RequestRows, rows: np.ndarray) -> None:
        """Records where a given attribute differs from that of the series, which is used."""
        for name in asked.attributes.columns:
            given, own = asked.attributes[name][rows], self.panel.series[name].gather(asked.series[rows])
            for place in np.flatnonzero((given.is_not_null() & given.ne_missing(own)).to_numpy()):
                asked.assume([int(rows[place])], f"{name}: {own[int(place)]}, as the series has it")

    def _ranges_without_history(self, bottom: LevelRanges) -> LevelRanges:
        """The ranges of series without a history, as group 0."""
        from foresell.adjust.spread import SeriesMoments

        units = np.full((1, 1), np.nan, np.float32)
        moments = SeriesMoments.of(units, self.panel.frequency, bottom.rows["grain"][0])
        return replace(bottom, moments=moments, is_open=np.ones((1, self.manifest.horizon), bool))

    def _memory(self) -> int:
        """The number of bytes in memory, without the models and the panel, which is read from disk."""
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
