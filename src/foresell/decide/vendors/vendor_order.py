"""The best order of one vendor at a given price of money, by the next pack of the largest gain for its load.

The pieces of all series are ranked by gain less the price of their money, for each unit of the vendor's main measure.
Orders are beginnings of that ranking: up to where packs stop to pay, further to reach a minimum, a price break or the
fill of a truck, less far where a truck is full. With fractions of packs that is the optimum of the linear programme
(Dantzig, "Discrete-variable extremum problems", Operations Research 5, 1957), which bounds what whole packs can gain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from foresell.decide.vendors.terms import PriceLevel, TruckLoads, VendorTerms

_ROUNDING = 1e-9
_OPTIONS = 4  # numbers of trucks that are tried, those with the largest bounds


def total(packs: np.ndarray, of_pack: np.ndarray) -> float:
    """The sum of packs x what each has, [piece] both: without the threads of a matrix product, which cost more here."""
    return float((packs * of_pack).sum())


@dataclass(frozen=True)
class VendorLines:
    """The pieces of all series of one vendor, and its terms.

    - `series`, `packs`, `gain`, `whole`: [piece], as in `decide.stock.gain_curves`; a series' pieces in order.
    - `money`: float64 [piece], what a pack costs at list prices.
    - `load`, `minimum_load`, `break_load`: float64 [piece], a pack in the measures of the terms: the main one, that of
      the minimum, that of the breaks.
    """

    terms: VendorTerms
    series: np.ndarray
    packs: np.ndarray
    gain: np.ndarray
    whole: np.ndarray
    money: np.ndarray
    load: np.ndarray
    minimum_load: np.ndarray
    break_load: np.ndarray

    @cached_property
    def truck_loads(self) -> TruckLoads:
        """What may be loaded."""
        return self.terms.truck_loads(total(self.packs, self.load))

    @cached_property
    def price_levels(self) -> tuple[PriceLevel, ...]:
        """The prices that an order may have."""
        return self.terms.price_levels()

    @cached_property
    def follows(self) -> np.ndarray:
        """The piece that has to be bought before each piece can be: int64 [piece], -1 for none."""
        same = np.r_[False, self.series[1:] == self.series[:-1]]
        return np.where(same, np.arange(len(self.series)) - 1, -1)

    def sums(self, rank: np.ndarray) -> RunningSums:
        """The running sums of the pieces in the order of `rank`."""
        packs = self.packs[rank]

        def running(each: np.ndarray) -> np.ndarray:
            return np.concatenate([[0.0], np.cumsum(each[rank] * packs)])

        return RunningSums(*map(running, (self.gain, self.load, self.minimum_load, self.break_load, self.money)))

    @cached_property
    def by_gain_for_money(self) -> tuple[np.ndarray, RunningSums]:
        """The pieces by falling gain for their money, with their sums: the ranking at any price of money."""
        rank = np.argsort(-self.gain / np.maximum(self.money, 1e-12), kind="stable")
        return rank, self.sums(rank)

    def order(self, bought: np.ndarray) -> VendorOrder | None:
        """The order of `bought` [piece] packs with the best price that it has; None where the terms do not allow it."""
        if not bought.any():
            return VendorOrder(bought, 0.0, 0.0, 0, None)
        slack = 1 + 1e-9
        if total(bought, self.minimum_load) * slack < self.terms.minimum - _ROUNDING:
            return None
        load, trucks = total(bought, self.load), self.truck_loads
        fits = np.flatnonzero((trucks.low <= load * slack + _ROUNDING) & (load <= trucks.high * slack + _ROUNDING))
        if not len(fits):
            return None
        in_break, money = total(bought, self.break_load) * slack + _ROUNDING, total(bought, self.money)
        reached = [level for level in self.price_levels if level.threshold <= in_break]
        level = max(reached, key=lambda each: each.discount * money + each.constant)
        saving = level.discount * money + level.constant
        gain = total(bought, self.gain) + saving - float(trucks.cost[fits[0]])
        return VendorOrder(bought, gain, money - saving, int(trucks.trucks[fits[0]]), level)


@dataclass(frozen=True)
class VendorOrder:
    """An order of one vendor: `bought` packs int64 [piece], its `gain`, what is `paid` for it in money, the number of
    `trucks`, and the price `level`; None where nothing is ordered."""

    bought: np.ndarray
    gain: float
    paid: float
    trucks: int
    level: PriceLevel | None

    def value(self, price: float) -> float:
        """The gain less the `price` of the money that is paid."""
        return self.gain - price * self.paid


@dataclass(frozen=True)
class Limits:
    """An upper bound of what an order of a vendor can be worth at a price of money, and where it lies.

    - `value`: the bound, in money, and `paid` the money of the linear programme's order there.
    - `binds`: "minimum", "truck fill", "truck", "price break" or "".
    - `shadow_price`: what one unit more of a full truck would gain, or what one unit less of the minimum, the fill or
      the break would save: 0 or more, in money for each unit of the main measure or of that of the limit.
    """

    value: float
    paid: float
    binds: str
    shadow_price: float


NOTHING = Limits(0.0, 0.0, "", 0.0)


def vendor_limits(lines: VendorLines, price: float) -> Limits:
    """The bound of all orders, see `Limits`.

    >>> terms = VendorTerms(minimum=5, minimum_measure="units")
    >>> one = np.ones(2)
    >>> packs, gain = np.array([3, 4]), np.array([2.0, -0.5])
    >>> lines = VendorLines(terms, np.array([0, 0]), packs, gain, one == 0, one, one, one, one)
    >>> vendor_limits(lines, 0.0)  # 3 x 2 - 2 x 0.5
    Limits(value=5.0, paid=5.0, binds='minimum', shadow_price=0.5)
    """
    best = max(_options(lines, price), key=lambda option: option.bound, default=None)
    if best is None or best.bound <= 0:
        return NOTHING
    return Limits(best.bound, best.paid, best.limit, best.shadow_price)


def best_order(lines: VendorLines, price: float) -> VendorOrder:
    """A good order in whole packs at a price of money; how good, `vendor_limits` says."""
    best = VendorOrder(np.zeros(len(lines.packs), np.int64), 0.0, 0.0, 0, None)
    for option in sorted(_options(lines, price), key=lambda each: -each.bound):
        if option.bound <= best.value(price):
            break
        order = lines.order(option.whole_packs())
        if order is not None and order.value(price) > best.value(price):
            best = order
    return best


class RunningSums(NamedTuple):
    """Sums over the first pieces of a ranking, float64 [piece + 1] each, from 0."""

    gain: np.ndarray
    loads: np.ndarray
    minima: np.ndarray
    breaks: np.ndarray
    money: np.ndarray


@dataclass(frozen=True)
class _Ranking:
    """The pieces of a vendor by falling value for their load, at one price level and price of money.

    `rank` int64 [piece] are the pieces, `value` float64 [piece] is that of a pack, `values` its running sum.
    """

    lines: VendorLines
    level: PriceLevel
    price: float
    rank: np.ndarray
    value: np.ndarray
    values: np.ndarray
    sums: RunningSums

    @classmethod
    def of(cls, lines: VendorLines, level: PriceLevel, price: float) -> _Ranking:
        of_money = level.discount - price * (1 - level.discount)
        value = lines.gain + of_money * lines.money
        if lines.terms.main_measure() == "money":
            rank, sums = lines.by_gain_for_money
        else:
            # Packs that a policy neither wants nor minds are all worth 0; the stable sort leaves each series' in order.
            rank = np.argsort(-value / np.maximum(lines.load, 1e-12), kind="stable")
            sums = lines.sums(rank)
        return cls(lines, level, price, rank, value[rank], sums.gain + of_money * sums.money, sums)

    def options(self) -> Iterator[_Option]:
        """The beginnings of the ranking that the vendor's terms allow, with fractions of packs: the best few."""
        lines, level, trucks, sums = self.lines, self.level, self.lines.truck_loads, self.sums
        terms, last = lines.terms, len(self.rank)
        enough = {
            "minimum": float(_places(sums.minima, np.array([terms.minimum]))[0]),
            "price break": float(_places(sums.breaks, np.array([level.threshold]))[0]),
        }
        if not last or max(enough.values()) > last:
            return
        free = float(np.count_nonzero(self.value > 0))
        places = np.arange(last + 1, dtype=np.float64)
        measures = {"minimum": terms.minimum_measure, "price break": terms.break_measure}
        # The bound counts the limits in one measure only, which the linear programme of the ranking can.
        relaxed = max([0.0, *(enough[name] for name in enough if measures[name] == terms.main_measure())])
        fill, most = _places(sums.loads, trucks.low), np.interp(trucks.high, sums.loads, places)
        least = np.maximum(fill, relaxed)
        rows = np.flatnonzero((least <= last) & (least <= most))
        bound_place = np.minimum(np.maximum(free, least[rows]), most[rows])
        bound = np.interp(bound_place, places, self.values) + level.constant * (1 + self.price) - trucks.cost[rows]
        for best in np.argsort(-bound, kind="stable")[:_OPTIONS].tolist():
            row = int(rows[best])
            reach = {"truck fill": float(fill[row]), **enough}
            binding = max(reach, key=reach.__getitem__)
            binds = binding if reach[binding] > free else ("truck" if most[row] < free else "")
            money = float(np.interp(bound_place[best], places, sums.money))
            place = min(max(free, reach[binding]), max(float(most[row]), reach[binding]))
            yield _Option(self, float(bound[best]), (1 - level.discount) * money - level.constant, binds, place, row)


@dataclass(frozen=True)
class _Option:
    """A beginning of a ranking up to `place`, a number of pieces with a fraction, for one row of the truck loads."""

    ranking: _Ranking
    bound: float
    paid: float
    binds: str
    place: float
    row: int

    @property
    def limit(self) -> str:
        """What binds, see `Limits`; also a break for whose discount packs beyond the need are worth their money."""
        lines = self.ranking.lines
        needed = total(np.where(lines.gain > 0, lines.packs, 0), lines.break_load)
        reached = not self.binds and needed < self.ranking.level.threshold * (1 - _ROUNDING)
        return "price break" if reached else self.binds

    @property
    def shadow_price(self) -> float:
        """See `Limits`."""
        if not self.limit:
            return 0.0
        ranking = self.ranking
        lines = ranking.lines
        piece = min(max(int(np.ceil(self.place - _ROUNDING)) - 1, 0), len(ranking.rank) - 1)
        row = ranking.rank[piece]
        load = {"minimum": lines.minimum_load, "price break": lines.break_load}.get(self.limit, lines.load)
        # A pack less of a break that pays is bought later, with the discount: only its holding is saved.
        value = float(ranking.value[piece]) if self.binds else float(lines.gain[row])
        return abs(value) / max(float(load[row]), 1e-12)

    def whole_packs(self) -> np.ndarray:
        """The packs of each piece, int64 [piece]: rounded up to reach a limit, down to stay in a truck."""
        ranking, lines = self.ranking, self.ranking.lines
        trucks, packs = lines.truck_loads, lines.packs[ranking.rank]
        bought = np.zeros(len(packs), np.int64)  # [place in the ranking]
        full = int(self.place + _ROUNDING)
        bought[:full] = packs[:full]
        part = self.place - full
        if full < len(packs) and part > _ROUNDING:
            count = np.ceil(part * packs[full] - 1e-6)
            bought[full] = packs[full] if lines.whole[ranking.rank[full]] else count
        room = float(trucks.high[self.row]) - total(bought, lines.load[ranking.rank])
        if room < -_ROUNDING * max(1.0, float(trucks.high[self.row])):
            self._unload(bought, -room)
            room = float(trucks.high[self.row]) - total(bought, lines.load[ranking.rank])
        if self.binds in ("minimum", "truck fill", "price break"):
            self._trim(bought)
        elif np.isfinite(room):
            self._load(bought, room)
        result = np.zeros(len(packs), np.int64)
        result[ranking.rank] = bought
        return result

    def _unload(self, bought: np.ndarray, excess: float) -> None:
        """Takes the last packs out until the load is `excess` smaller."""
        ranking, lines = self.ranking, self.ranking.lines
        for place in reversed(range(int(np.flatnonzero(bought)[-1]) + 1)):
            if excess <= _ROUNDING:
                return
            piece, load = ranking.rank[place], float(lines.load[ranking.rank[place]])
            count = int(bought[place]) if lines.whole[piece] else int(np.ceil(excess / max(load, 1e-12) - 1e-9))
            count = min(count, int(bought[place]))
            bought[place] -= count
            excess -= count * load

    def _load(self, bought: np.ndarray, room: float) -> None:
        """Adds later packs that pay and fit into the `room` that is left."""
        ranking, lines = self.ranking, self.ranking.lines
        place_of = np.empty(len(bought), np.int64)
        place_of[ranking.rank] = np.arange(len(bought))
        loads, packs = lines.load[ranking.rank], lines.packs[ranking.rank]
        while True:
            open_places = np.flatnonzero((bought < packs) & (ranking.value > 0) & (loads <= room + _ROUNDING))
            before = lines.follows[ranking.rank[open_places]]
            allowed = (before < 0) | (bought[place_of[before]] == lines.packs[before])
            needs = np.where(lines.whole[ranking.rank[open_places]], packs[open_places], 1) * loads[open_places]
            open_places = open_places[allowed & (needs <= room + _ROUNDING)]
            if not len(open_places):
                return
            place = open_places[0]
            count = min(int((room + _ROUNDING) / max(loads[place], 1e-12)), int(packs[place] - bought[place]))
            bought[place] += count
            room -= count * loads[place]

    def _trim(self, bought: np.ndarray) -> None:
        """Takes packs out that lose money and that the limits do not need, the most costly first."""
        ranking, lines = self.ranking, self.ranking.lines
        rank, terms = ranking.rank, lines.terms
        needs = (
            (lines.load[rank], float(lines.truck_loads.low[self.row])),
            (lines.minimum_load[rank], terms.minimum),
            (lines.break_load[rank], ranking.level.threshold),
        )
        spare = [total(bought, load) - least for load, least in needs]
        places = np.flatnonzero((bought > 0) & (ranking.value < 0))
        least_count = np.where(lines.whole[rank[places]], bought[places], 1)
        while len(places):
            counts = np.min(
                [room / np.maximum(load[places], 1e-12) for (load, _), room in zip(needs, spare, strict=True)], axis=0
            )
            keep = counts + 1e-9 >= least_count
            places, least_count, counts = places[keep], least_count[keep], counts[keep]
            if not len(places):
                return
            place = places[-1]
            count = min(int(counts[-1] + 1e-9), int(bought[place]))
            bought[place] -= count
            spare = [room - count * load[place] for (load, _), room in zip(needs, spare, strict=True)]
            places, least_count = places[:-1], least_count[:-1]


def _options(lines: VendorLines, price: float) -> Iterator[_Option]:
    for level in lines.price_levels:
        yield from _Ranking.of(lines, level, price).options()


def _places(running: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How many pieces, with a fraction, reach each of `targets` in a running sum; infinite where all do not."""
    if len(running) == 1:
        return np.where(targets > 0, np.inf, 0.0)
    after = np.clip(np.searchsorted(running, targets * (1 - 1e-12)), 1, len(running) - 1)
    step = running[after] - running[after - 1]
    part = np.minimum((targets - running[after - 1]) / np.where(step > 0, step, 1.0), 1.0)
    place = after - 1 + np.where(step > 0, part, 1.0)
    place = np.where(running[-1] < targets * (1 - 1e-9), np.inf, place)
    return np.where(targets > 0, place, 0.0)
