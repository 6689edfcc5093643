"""The model before its fit: its options, and the windows that it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import polars as pl

from foresell.core.errors import UsageError
from foresell.core.extras import require
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.core.words import many
from foresell.engine.local import LOCAL
from foresell.engine.protocol import Engine
from foresell.features.question import calendar_codes
from foresell.features.training_rows import BLOCK
from foresell.models.contract import Progress
from foresell.models.global_models.model import unknown_ahead
from foresell.models.neural import training
from foresell.models.neural.checkpoint import Checkpoint
from foresell.models.neural.fitted import FittedLstm, load
from foresell.models.neural.layout import PAST, Layout
from foresell.models.neural.windows import WindowDraw, Windows, centres, draw_windows, scaled
from foresell.models.option_checks import check_share, check_whole, wrong_option

DAYS = {
    Frequency.HOUR: 2184,
    Frequency.DAY: 730,
    Frequency.WEEK: 156,
    Frequency.MONTH: 120,
    Frequency.QUARTER: 60,
    Frequency.YEAR: 40,
}
"""The number of last periods whose cutoffs windows are drawn from."""

JUDGING = 4_000
"""The largest number of windows that decide when to stop."""

FORMAT = 1
"""The version of what a network reads; another one makes checkpoints anew."""


@dataclass(frozen=True)
class Lstm:
    """A sequence-to-sequence network of LSTMs with attention, one for all series; see `network`.

    - `likelihood`: of the answers. ``quasi_poisson`` suits counts and other units, and lets all series count about
      alike, whatever their size; ``negative_binomial`` is for counts, ``gaussian`` for others.
    - `past`: the periods that the encoder reads. `days`: the last periods whose cutoffs are learnt from.
    - `max_windows`: about how many windows are drawn; each is learnt from once an epoch.
    - `units`: the size of the network's states. `networks`: so many networks, of other seeds, are averaged.
    - `epochs`: the largest number of passes. Training stops before that when the last horizon before the cutoff, which
      no window of the training reaches into, is forecast no better for `patience` epochs.
    - `batch`, `learning_rate`, `dropout`, `weight_decay`: how the optimiser, AdamW, learns.
    - `threads`: of the processor; 0 is what torch chooses. A GPU is used where there is one.
    - `checkpoints`: a folder in which every epoch leaves its state, so that a training that was stopped goes on there.
    """

    likelihood: str = "quasi_poisson"
    past: int | None = None
    days: int | None = None
    max_windows: int = 30_000
    units: int = 48
    networks: int = 1
    epochs: int = 12
    patience: int = 4
    batch: int = 256
    learning_rate: float = 0.001
    dropout: float = 0.1
    weight_decay: float = 0.001
    threads: int = 0
    seed: int = 1
    checkpoints: Path | str | None = None
    name: str = "lstm"

    def __post_init__(self) -> None:
        for option in ("past", "days", "max_windows", "units", "networks", "epochs", "patience", "batch"):
            check_whole(self.name, option, getattr(self, option))
        for option in ("threads", "seed"):
            check_whole(self.name, option, getattr(self, option), least=0)
        check_share(self.name, "learning_rate", self.learning_rate)
        for option in ("dropout", "weight_decay"):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise wrong_option(self.name, option, value, "a number from 0, below 1")
        if self.likelihood not in training.LOSSES:
            raise wrong_option(self.name, "likelihood", self.likelihood, "one of " + ", ".join(training.LOSSES))

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows of a backtest share nothing, because each learns from what lies before its cutoff.

        Raises NotInstalled without torch, before anything else is learnt.
        """
        require("neural")

    def fit(
        self,
        panel: Panel,
        horizon: int,
        prepared: None = None,
        progress: Progress | None = None,
        engine: Engine = LOCAL,
    ) -> FittedLstm:
        """Learns from windows that `engine` draws from the blocks of `panel`.

        Raises NotInstalled without torch, and UsageError where the history is too short or has no sales.
        """
        training.imported()
        blocks = panel.blocks(BLOCK)
        layout, drawn, judging = self._windows(panel, blocks, horizon, engine)
        centre, spread = centres(layout, drawn)
        layout = replace(layout, centre=centre, spread=spread)
        drawn, judging = scaled(layout, drawn), scaled(layout, judging)
        calendar = layout.calendar(panel)
        sizes = tuple(len(values) for values in layout.categories.values())
        learnt = []
        for number in range(self.networks):
            schedule = self._schedule(number)
            parts = (FORMAT, schedule, sizes, drawn, judging, calendar)
            done = partial(_tell, progress, number * self.epochs, self.networks * self.epochs)
            checkpoint = Checkpoint.of(None if self.checkpoints is None else Path(self.checkpoints), *parts)
            learnt.append(training.learn(drawn, judging, calendar, sizes, schedule, checkpoint, done))
        weights, losses = (tuple(getattr(each, name) for each in learnt) for name in ("weights", "losses"))
        return FittedLstm(layout, weights, losses, name=self.name)

    def _windows(
        self, panel: Panel, blocks: Sequence[Panel], horizon: int, engine: Engine
    ) -> tuple[Layout, Windows, Windows]:
        """What the network reads, the windows that it learns from, and those of the last horizon, which judge."""
        last = panel.n_days - 1
        days = self.days or DAYS[panel.frequency]
        cutoffs = tuple(range(max(last - 2 * horizon - days + 1, 0), last - 2 * horizon + 1))
        if not cutoffs:
            raise UsageError(_too_short(panel, horizon))
        statistics = engine.merge(Statistics.of, blocks, Statistics.merge)
        blind = unknown_ahead(statistics, panel.n_days, horizon)
        categories = {
            name: values for name, values in statistics.codes.items() if 2 <= len(values) <= statistics.n_series / 2
        }
        layout = Layout(
            horizon,
            self.past or PAST[panel.frequency],
            tuple(name for name in panel.known if name not in blind),
            categories=categories,
            codes=_familiar_codes(panel, horizon),
        )
        share = min(self.max_windows / max(statistics.n_series * len(cutoffs), 1), 1.0)
        judged = min(JUDGING / max(statistics.n_series, 1), 1.0)
        drawn, judging = (
            engine.merge(partial(draw_windows, draw), blocks, Windows.merge).in_order()
            for draw in (
                WindowDraw(layout, cutoffs, share, self.seed),
                WindowDraw(layout, (last - horizon,), judged, self.seed),
            )
        )
        if not (drawn.target > 0).any() or not len(judging):
            raise UsageError(_too_short(panel, horizon))
        return layout, drawn, judging

    def _schedule(self, number: int) -> training.Schedule:
        """How the network of this number learns."""
        options = {each.name: getattr(self, each.name) for each in fields(training.Schedule)}
        return training.Schedule(**{**options, "seed": self.seed + number})

    @staticmethod
    def load(folder: Path) -> FittedLstm:
        """The model that was saved in `folder`. Raises UnreadableFile where a file of it is missing or damaged."""
        return load(folder)


def _familiar_codes(panel: Panel, horizon: int) -> dict[str, tuple[str, ...]]:
    """The names of holidays and events that occur in the days of training; others would only add noise."""
    dates = panel.dates[: panel.n_days - horizon]
    begun, end = dates[0].astype("datetime64[D]").astype(object), panel.dates[len(dates)].astype("datetime64[D]")
    inside = pl.col("date").is_between(begun, end.astype(object), closed="left")
    learnt = replace(panel, dates=dates, units=panel.units[:, : len(dates)], events=panel.events.filter(inside))
    return {kind: names for kind, names in calendar_codes(learnt).items() if names}


def _tell(progress: Progress | None, before: int, total: int, epochs: int) -> None:
    if progress is not None:
        progress(before + epochs, total)


def _too_short(panel: Panel, horizon: int) -> str:
    return (
        f"The history of {many(panel.n_days, panel.frequency.noun)} has no sales to learn a horizon of {horizon} from: "
        f"the model 'lstm' needs more than {2 * horizon}, of which the last {horizon} decide when its training stops. "
        "Give a longer history or a shorter horizon, or take 'lstm' out of 'models'."
    )
