"""The fitted model: arrays of weights, which forecast by NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Finding
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.core.statistics import Statistics
from foresell.models.closed_days import closed_days
from foresell.models.contract import Contributions
from foresell.models.neural.layout import Layout
from foresell.models.neural.network import Weights, log_ratios
from foresell.models.neural.tensors import read_tensors, write_tensors
from foresell.models.neural.windows import scaled, windows

BLOCK = 512
"""The number of series that are forecast at a time."""

MODEL = "model.json"


@dataclass(frozen=True)
class FittedLstm:
    """Networks with the `layout` of what they read; their forecasts are averaged.

    `losses` has the loss of each epoch of each network on the windows that decided when to stop.
    """

    layout: Layout
    weights: tuple[Weights, ...]
    losses: tuple[tuple[float, ...], ...]
    findings: tuple[Finding, ...] = ()
    name: str = "lstm"

    @property
    def horizon(self) -> int:
        """The number of days (periods) that the model forecasts."""
        return self.layout.horizon

    def reads(self, panel: Panel) -> frozenset[str]:
        """The covariates that the network reads."""
        return frozenset(self.layout.covariates) & panel.known.keys()

    def statistics(self, block: Panel) -> Statistics:
        """The number of series only, because no forecast depends on the sales of other series."""
        return Statistics.of(block)

    def forecast(self, panel: Panel, statistics: Statistics | None = None) -> Forecast:
        """The mean of each series and step, 0 on closed days and of a series without a known day."""
        mean = self._mean(panel, self.layout.covariates)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)

    def explain(self, panel: Panel, series: Sequence[int] | None = None) -> Contributions:
        """The units that each covariate ahead adds; the base is the forecast where all of them are as usual.

        As usual is a price as in the past, and the mean of other covariates in training. A covariate's part is the mean
        of two: where it is the first to be known, and where it is the last (Shapley values of two orders).
        """
        panel = panel if series is None else panel.part(np.array(series, np.int64))
        names = tuple(name for name in self.layout.covariates if name in panel.known)
        whole, base = self._mean(panel, self.layout.covariates), self._mean(panel, ())
        units = np.zeros((len(names), *whole.shape), np.float64)
        for order in (names, names[::-1]):
            before = base.astype(np.float64)
            for place, name in enumerate(order, 1):
                after = whole if place == len(order) else self._mean(panel, order[:place])
                units[names.index(name)] += (after - before) / 2
                before = after.astype(np.float64)
        return Contributions(names, base, units.astype(np.float32))

    def drivers(self) -> pl.DataFrame:
        """No shares of importance, because a network has none that follow from its weights."""
        return pl.DataFrame(schema={"feature": pl.String, "share": pl.Float64})

    def save(self, folder: Path) -> None:
        """Writes what the networks read as JSON, and the weights of each network in the format safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        text = {
            "kind": self.name,
            "layout": self.layout.plain(),
            "losses": self.losses,
            "findings": [finding.to_dict() for finding in self.findings],
        }
        (folder / MODEL).write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
        for number, weights in enumerate(self.weights):
            write_tensors(weights, folder / _file(number))

    def _mean(self, panel: Panel, shown: Sequence[str]) -> np.ndarray:
        """The mean of each series and step where only the `shown` covariates are known ahead: float32."""
        calendar = self.layout.calendar(panel).astype(np.float64)
        parts = [self._of_block(block, calendar, shown) for block in panel.blocks(BLOCK)]
        mean = np.concatenate(parts).astype(np.float32)
        mean[closed_days(panel, self.horizon)] = 0
        mean[np.isnan(panel.units).all(axis=1)] = 0
        return mean

    def _of_block(self, block: Panel, calendar: np.ndarray, shown: Sequence[str]) -> np.ndarray:
        series = np.arange(block.n_series)
        asked = scaled(self.layout, windows(self.layout, block, series, np.full(block.n_series, block.n_days - 1)))
        count = len(self.layout.covariates)
        hidden = [place - count for place, name in enumerate(self.layout.covariates) if name not in shown]
        if hidden:
            ahead = asked.ahead.copy()
            ahead[:, :, hidden] = 0
            asked = replace(asked, ahead=ahead)
        ratio = np.mean([np.exp(log_ratios(weights, asked, calendar)) for weights in self.weights], axis=0)
        return asked.level[:, None] * ratio


def load(folder: Path) -> FittedLstm:
    """The model that was saved in `folder`. Raises UnreadableFile where a file of it is missing or damaged."""
    try:
        text = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        losses = tuple(tuple(each) for each in text["losses"])
        weights = tuple(read_tensors(folder / _file(number)) for number in range(len(losses)))
        findings = tuple(Finding(**{**plain, "examples": tuple(plain["examples"])}) for plain in text["findings"])
        return FittedLstm(Layout.of_plain(text["layout"]), weights, losses, findings, text["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(
            f"{folder} does not hold a whole saved model: {error}. Train one with: foresell train"
        ) from error


def _file(number: int) -> str:
    return f"network_{number + 1}.safetensors"
