"""A Gaussian process of log sums with a calendar kernel: the total by itself, the others by their shares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from foresell.core.errors import UnreadableFile
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days, without_history
from foresell.models.contract import Progress
from foresell.models.option_checks import check_whole
from foresell.models.upper_levels.calendar_days import CalendarDays, has_weekdays
from foresell.models.upper_levels.calendar_kernel import Parameters
from foresell.models.upper_levels.default_parameters import ROOT, default_parameters, share_sets
from foresell.models.upper_levels.log_sums import LogSums, repeated_days
from foresell.models.upper_levels.parents import LEVEL, levels_of, parents
from foresell.models.upper_levels.process import Prior, learn_parameters, posterior

PERIODS = 1400
"""The last periods from which shares are learnt, whatever the history: the work grows with the cube of them."""

PERIODS_OF_ROOT = 1820
"""The last periods from which the total is learnt."""

EVALUATIONS_OF_DAYS, EVALUATIONS_OF_LONGER_PERIODS = 12, 60
"""The evaluations of the likelihood, where they are not given. Weeks and months are fewer, so that each is quick."""

PRIOR_OF_DAYS, PRIOR_OF_LONGER_PERIODS = (
    Prior(level=0.3, others=0.3, scale=2.0),
    Prior(level=0.5, others=1.0, scale=1.0),
)
"""The defaults are of days, so that other periods are believed more (benchmarks/LOG.md)."""

PERIODS_FOR_PARAMETERS = 728
SERIES_FOR_PARAMETERS = 16
"""Parameters are learnt from so many last periods of so many series, whatever the number of groups."""

LARGEST_CORRECTION = 2.0
"""The mean of a series is at most so many times the exponential of its mean logarithm."""

LARGEST_DAY = 3.0
"""A day counts for that mean with at most so many times what was expected of it."""


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process of the logarithms of sums, whose kernel is made of the calendar's causes.

    Level, trend, time of the year, weekday, day of the month, covariates known ahead, named events and public holidays
    each add a part to the covariance of two days. The total is a process by itself. Every other group is a process of
    the logarithm of its share in a coarser group that holds it, and is multiplied down. Groups of similar levels share
    their parameters. These are learnt by marginal likelihood, with a prior about values that suit retail sales, in at
    most `evaluations` evaluations: 12 of days and 60 of longer periods where not given. Days on which nearly nothing
    was sold, such as Christmas, are left out; the next such day is forecast as the last one. Outliers count less.

    It learns from the last 1,820 periods of the total and 1,400 of shares, so that the time is bounded; it grows in
    proportion to the number of groups. It is a model of sums, which sell on nearly every day.
    """

    evaluations: int | None = None
    name: str = "gaussian_process"

    def __post_init__(self) -> None:
        check_whole(self.name, "evaluations", self.evaluations, 0)

    def prepare(self, panel: Panel, horizon: int, cutoffs: Sequence[int]) -> None:
        """Windows share nothing, because parameters are learnt from what lies before each cutoff."""

    def fit(
        self, panel: Panel, horizon: int, prepared: None = None, progress: Progress | None = None
    ) -> FittedGaussianProcess:
        """Learns the parameters from the sums `panel`, which end at the cutoff."""
        tree = SumTree.of(panel, horizon)
        days = tree.logs.open_days[-PERIODS_FOR_PARAMETERS:]
        sets, daily = tree.parameter_sets, has_weekdays(panel.frequency)
        prior = PRIOR_OF_DAYS if daily else PRIOR_OF_LONGER_PERIODS
        evaluations = EVALUATIONS_OF_DAYS if daily else EVALUATIONS_OF_LONGER_PERIODS
        evaluations = evaluations if self.evaluations is None else self.evaluations
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            if progress:
                progress(min(done, len(sets) * evaluations), len(sets) * evaluations)

        parameters = {}
        for name, rows in sets.items():
            start = default_parameters(name, panel.frequency)
            known = rows[~without_history(panel)[rows]]
            if evaluations and len(known) and len(days) > 1:
                some = known[np.linspace(0, len(known) - 1, min(len(known), SERIES_FOR_PARAMETERS)).astype(int)]
                values = tree.relative[np.ix_(some, days)]
                start = learn_parameters(tree.days.part(days), values, start, prior, evaluations, count)
            parameters[name] = start
        return FittedGaussianProcess(horizon, parameters, tree.set_of_level)

    @staticmethod
    def load(folder: Path) -> FittedGaussianProcess:
        """The model that was saved in `folder`. Raises UnreadableFile where it is damaged."""
        try:
            plain = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            parameters = {str(name): _numbers(values) for name, values in plain["parameters"].items()}
            return FittedGaussianProcess(int(plain["horizon"]), parameters, dict(plain["sets"]))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise UnreadableFile(f"{folder} does not hold a whole saved model: {error}.") from error


@dataclass(frozen=True)
class FittedGaussianProcess:
    """The parameters by name of their set, and the set of each level. What else is needed follows from the sums."""

    horizon: int
    parameters: Mapping[str, Parameters]
    sets: Mapping[str, str]
    name: str = "gaussian_process"

    def forecast(self, panel: Panel) -> Forecast:
        """The mean of each of the sums `panel` and each step after their cutoff; 0 where nothing was ever sold."""
        mean = np.zeros((panel.n_series, self.horizon))
        if panel.n_days and panel.n_series:
            mean = self._mean(panel)
        mean[~(panel.units > 0).any(axis=1)] = 0
        mean[closed_days(panel, self.horizon)] = 0
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean.astype(np.float32))

    def _mean(self, panel: Panel) -> np.ndarray:
        tree = SumTree.of(panel, self.horizon)
        logs, ahead = tree.logs, tree.days.part(np.arange(panel.n_days, panel.n_days + self.horizon))
        smooth = tree.relative.copy()  # [series, day]: the past without its noise, where it was learnt from
        to_come = np.zeros((panel.n_series, self.horizon))
        for name, rows in tree.sets_by(self.sets).items():
            periods = PERIODS_OF_ROOT if name == ROOT else PERIODS
            days = logs.open_days[-periods:]
            result = posterior(tree.days.part(days), ahead, tree.relative[np.ix_(rows, days)], self.parameters[name])
            smooth[np.ix_(rows, days)], to_come[rows] = result.past, result.ahead
        for rows, holders in tree.steps_down():
            smooth[rows] += smooth[holders]
            to_come[rows] += to_come[holders]
        mean = np.exp(to_come) * _correction(logs, smooth, panel.frequency.year)[:, None]
        repeated = repeated_days(panel, logs.closed, self.horizon)
        mean[:, repeated >= 0] = np.nan_to_num(logs.units[:, repeated[repeated >= 0]])
        return mean

    def save(self, folder: Path) -> None:
        """Writes ``model.json``: the horizon, the parameters and the sets of levels."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {"kind": self.name, "horizon": self.horizon, "parameters": self.parameters, "sets": self.sets}
        (folder / "model.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class SumTree:
    """The sums as logarithms, each with its parent, and the days that they are on."""

    panel: Panel
    logs: LogSums
    days: CalendarDays
    parent: np.ndarray  # int64 [series], -1 for a root

    @classmethod
    def of(cls, panel: Panel, horizon: int) -> SumTree:
        logs = LogSums.of(panel)
        return cls(panel, logs, CalendarDays.of(panel, horizon, logs.closed), parents(panel))

    @cached_property
    def relative(self) -> np.ndarray:
        """The log units of roots, and the log shares of others in their parents: float64 [series, day]."""
        relative = self.logs.values.copy()
        held = self.parent >= 0
        relative[held] -= self.logs.values[self.parent[held]]
        return relative

    @cached_property
    def set_of_level(self) -> dict[str, str]:
        """The name of the set of parameters of each level, by the level's name.

        Levels with a parent are divided by their number of groups.
        """
        levels = sorted(levels_of(self.panel), key=len)
        roots = [rows for rows in levels if (self.parent[rows] < 0).any()]
        shared = [rows for rows in levels if (self.parent[rows] >= 0).all()]
        names = share_sets(len(shared))
        return {
            **{self._name(rows): ROOT for rows in roots},
            **{self._name(rows): name for rows, name in zip(shared, names, strict=True)},
        }

    @property
    def parameter_sets(self) -> dict[str, np.ndarray]:
        """The rows of the series that share parameters, by the name of their set."""
        return self.sets_by(self.set_of_level)

    def sets_by(self, set_of_level: Mapping[str, str]) -> dict[str, np.ndarray]:
        """The rows by set; a series without a parent here has those of a root, whatever its level."""
        sets: dict[str, list[np.ndarray]] = {}
        for rows in levels_of(self.panel):
            name = set_of_level.get(self._name(rows), ROOT)
            rooted = self.parent[rows] < 0
            sets.setdefault(ROOT, []).append(rows[rooted])
            sets.setdefault(name, []).append(rows[~rooted])
        joined = {name: np.concatenate(parts) for name, parts in sets.items()}
        return {name: rows for name, rows in joined.items() if len(rows)}

    def steps_down(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The rows of each level with parents and their parents' rows, coarse levels first."""
        levels = sorted(levels_of(self.panel), key=len)
        return [(rows, self.parent[rows]) for rows in levels if (self.parent[rows] >= 0).all()]

    def _name(self, rows: np.ndarray) -> str:
        return str(self.panel.series[LEVEL][int(rows[0])]) if LEVEL in self.panel.series.columns else ""


def _correction(logs: LogSums, smooth: np.ndarray, year: int) -> np.ndarray:
    """The mean of what was sold over the exponential of the `smooth` logarithms in the last year: [series].

    The exponential of a mean logarithm is less than the mean; this is the smearing estimate of Duan, "Smearing
    estimate: a nonparametric retransformation method", 1983, as a ratio of sums.
    """
    days = logs.open_days[-year:]
    units = logs.units[:, days]
    known = ~np.isnan(units)
    expected = np.where(known, np.exp(smooth[:, days]), 0)
    sold = np.where(known, np.minimum(units, LARGEST_DAY * expected), 0).sum(axis=1)
    ratio = np.divide(sold, expected.sum(axis=1), out=np.ones(len(sold)), where=expected.sum(axis=1) > 0)
    return np.clip(ratio, 1 / LARGEST_CORRECTION, LARGEST_CORRECTION)


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}
