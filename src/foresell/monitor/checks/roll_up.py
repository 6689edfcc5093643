"""Which groups explain the biases that lie outside: a store, and not each of its departments.

Groups overlap. If the sales of one store fall, those of its departments fall, all sales fall a little, and beside all
sales every other store rises. `roll_up` looks for the few groups that explain all of it. It takes groups outside
their bounds, one after the other: the forecast of a group's series is multiplied by the group's own deviation, and the
group after which all biases together lie nearest to what is usual is taken first (forward selection by the sum of
squared scores). What lies within its bounds after that is explained. What moves to the same side within a group that
was taken, by no more than the group itself beside it, is explained by it too.

This raises no more false alarms: it starts only where a figure lies outside its bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foresell.monitor.accuracy import LEVEL, SeriesSums
from foresell.monitor.bounds import BIAS
from foresell.monitor.checks.judging import FAR, Judgement

MOST_NAMED = 12
"""After so many groups, what is still outside is named without a search."""

_MOST_TRIED = 30  # groups that are tried at each turn, the largest scores first


def roll_up(judgements: Sequence[Judgement], sums: SeriesSums) -> list[Judgement]:
    """The judgements; biases that others explain are no alarm, and say by which groups (`Judgement.explained_by`).

    Where there is an alarm, ``beside`` has the bias of each group beside all that is as usual.
    """
    search = _Search(judgements, sums)
    if not len(search.outside()):
        return list(judgements)
    search.run()
    return [search.after(judgement) for judgement in judgements]


class _Search:
    """The biases of groups and segments (the nodes), while the forecasts of some series are corrected.

    `named` has the places of the groups that were taken, each with its deviation from what is usual.
    """

    def __init__(self, judgements: Sequence[Judgement], sums: SeriesSums):
        biases = {one.node: one for one in judgements if one.figure == BIAS}
        self.total = next((one for one in biases.values() if one.part == LEVEL), None)
        self.nodes: list[Judgement] = []
        self.members: list[tuple[np.ndarray, int]] = []  # of a node: the group of each series, and its own number
        self.divisions: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # groups of series; numbers, places
        for (part, of), (names, rows) in sums.places.items():
            numbers = [number for number, name in enumerate(names) if (part, of, name) in biases]
            self.divisions.append((rows, np.array(numbers, np.int64), len(self.nodes) + np.arange(len(numbers))))
            self.nodes += [biases[part, of, names[number]] for number in numbers]
            self.members += [(rows, number) for number in numbers]
        self.place = {judgement.node: place for place, judgement in enumerate(self.nodes)}
        self.units, self.forecast = sums.units, sums.forecast
        self.ratios_before = self.ratios(self.forecast)
        self.expected = np.array([judgement.expected for judgement in self.nodes])
        self.spread = np.array([max(judgement.spread, 1e-9) for judgement in self.nodes])
        self.reach = np.array([(judgement.high or 0.0) - judgement.expected for judgement in self.nodes])
        self.named: dict[int, float] = {}

    def mask(self, place: int) -> np.ndarray:
        """Which series are in a node, bool [series]."""
        rows, number = self.members[place]
        inside: np.ndarray = rows == number
        return inside

    def ratios(self, forecast: np.ndarray) -> np.ndarray:
        """The log of units over forecast, float64 [node]."""
        ratios = np.zeros(len(self.nodes))
        for rows, numbers, places in self.divisions:
            if len(numbers):
                units, forecasts = (np.bincount(rows, of)[numbers] for of in (self.units, forecast))
                ratios[places] = _log_ratio(units, forecasts)
        return ratios

    def total_ratio(self, forecast: np.ndarray) -> float:
        return float(_log_ratio(self.units.sum(), forecast.sum()))

    def off(self, forecast: np.ndarray) -> np.ndarray:
        """How far each node lies from what is usual, with the bias of all sales taken out: float64 [node]."""
        off: np.ndarray = self.ratios(forecast) - self.total_ratio(forecast) - self.expected
        return off

    def outside(self) -> np.ndarray:
        """The places of the nodes outside their bounds, the largest scores first."""
        ranked = self.ranked()
        return ranked[np.abs(self.off(self.forecast))[ranked] > self.reach[ranked]]

    def ranked(self) -> np.ndarray:
        """The places of all nodes, the largest scores first."""
        return np.argsort(-np.abs(self.off(self.forecast)) / self.spread, kind="stable")

    def run(self) -> None:
        """Takes groups until nothing is outside that they do not explain."""
        while unexplained := self.not_explained(self.outside()):
            if len(self.named) >= MOST_NAMED:
                self.named |= {place: self.deviation(place) for place in unexplained}
                return
            place = min(self.candidates() or unexplained, key=lambda place: self.distance(self.corrected(place)))
            deviation, self.forecast = self.deviation(place), self.corrected(place)
            self.named[place] = deviation

    def candidates(self) -> list[int]:
        """The nodes that may be taken: those outside their bounds beside the rest of all sales. A large one may be so
        although it is not beside all sales, of which it is a part itself."""
        tried = self.not_explained(self.ranked()[:_MOST_TRIED])
        return [place for place in tried if abs(self.deviation(place)) > self.reach[place]]

    def not_explained(self, places: np.ndarray) -> list[int]:
        """Those of the nodes that were not taken themselves, and do not lie within one that was and move with it."""
        left = np.abs(self.off(self.forecast))
        own = self.ratios_before - self.total_ratio(self.forecast) - self.expected
        return [
            place
            for place in places.tolist()
            if place not in self.named
            and not any(
                left[place] <= abs(deviation) and own[place] * deviation > 0 and self.is_within(place, other)
                for other, deviation in self.named.items()
            )
        ]

    def is_within(self, place: int, other: int) -> bool:
        """Whether all series of a node are in another."""
        return not (self.mask(place) & ~self.mask(other)).any()

    def deviation(self, place: int) -> float:
        """The log of a node's units over its forecast, beside the rest of all sales and less what is usual."""
        inside, units, forecast = self.mask(place), self.units, self.forecast
        own = _log_ratio(units[inside].sum(), forecast[inside].sum())
        rest = 0.0 if inside.all() else _log_ratio(units[~inside].sum(), forecast[~inside].sum())
        return float(own - rest - self.expected[place])

    def corrected(self, place: int) -> np.ndarray:
        """The forecast after that of a node is multiplied by the node's deviation, float64 [series]."""
        return np.where(self.mask(place), self.forecast * np.exp(self.deviation(place)), self.forecast)

    def distance(self, forecast: np.ndarray) -> float:
        """The sum of the squared scores of all nodes and of the total.

        Of two stores, one that rises and another that falls beside it are the same beside the total; the total tells
        them apart. Its own spread may hardly be known, so it is taken to be no larger than that of most groups.
        """
        scores = self.off(forecast) / self.spread
        usual = 0.0 if self.total is None else self.total.expected
        spreads = [] if self.total is None else [max(self.total.spread, 1e-9)]
        total = (self.total_ratio(forecast) - usual) / min([float(np.median(self.spread)), *spreads])
        return float(np.sum(scores**2) + total**2)

    def after(self, judgement: Judgement) -> Judgement:
        """A judgement after the search."""
        if judgement.figure != BIAS:
            return judgement
        if judgement.part == LEVEL:
            left = self.total_ratio(self.forecast) - judgement.expected
            still = abs(left) > (judgement.high or 0.0) - judgement.expected
            explained = judgement.alarm and not still
            return replace(judgement, alarm=judgement.alarm and still, explained_by=self.titles() if explained else ())
        place = self.place.get(judgement.node)
        if place is None:
            return judgement
        beside = float(self.ratios_before[place]) - self.total_ratio(self.forecast)
        off, reach = abs(beside - judgement.expected), self.reach[place]
        alarm = place in self.named
        return replace(
            judgement,
            beside=beside,
            alarm=alarm,
            far=alarm and bool(off > FAR * reach),
            explained_by=self.titles(place) if off > reach and not alarm else (),
        )

    def titles(self, place: int | None = None) -> tuple[str, ...]:
        """The named groups, or those of them that have series in common with a node, such as ``store S1``."""
        named = list(self.named)
        if place is not None:
            named = [other for other in named if (self.mask(place) & self.mask(other)).any()] or named
        return tuple(self.nodes[other].title for other in named)


def _log_ratio(units: np.ndarray | float, forecast: np.ndarray | float) -> np.ndarray:
    """As `figure.log_ratio`."""
    ratio: np.ndarray = np.log((np.asarray(units) + 0.5) / (np.asarray(forecast) + 0.5))
    return ratio
