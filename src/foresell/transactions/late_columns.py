"""Columns of single sales that are known only after the sale: found by their role, their name, or their numbers.

A model that is shown the units sold foretells revenue splendidly, and is of no use: when it is asked, nobody knows
them. What the settings say is known (keys, price, promotion, attributes, known ahead) is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations, product

import numpy as np
import polars as pl

from foresell.onboarding.column_names import name_score, plain

AFTER = (
    "revenue turnover total subtotal net gross amount sales sold units quantity qty margin profit tax vat returned "
    "returns return refund refunded cancelled canceled void delivered shipped paid rating review commission"
)
"""Words that name what comes of a sale; a column whose name has no others, but for `PLAIN` ones, is refused."""

PLAIN = "order orders line is flag value usd eur gbp of in count number sum items item"
RATES = "price rate discount cost fee pct percent percentage"

ROWS = 5_000  # sales whose numbers are looked at
QUICKLY = 60  # of these, so many tell that most combinations of columns do not give the target
NEAR = 0.005  # relative
NEARLY_ALL = 0.9
MANY_VALUES = 50  # a column of fewer is no curve
MOST = 80  # factors that are tried in threes


def known_after(
    sales: pl.DataFrame,
    target: str,
    quantity: str | None,
    known: Collection[str],
    allowed: Collection[str] = (),
    seed: int = 1,
) -> dict[str, str]:
    """The columns of `sales` that are known only after the sale, each with the reason; the target is not among them.

    `known` are columns that are known before, whatever they look like. `allowed` ones are wanted all the same, and so
    is what gives the target only together with one of them. Three things tell of others:

    - they are the `quantity` of the settings;
    - their name says nothing but what comes of a sale (``revenue``, ``Units Sold``), or they are dates;
    - their numbers give the target, or the quantity, nearly exactly: alone (a copy, a multiple, any curve), as a sum
      or difference of two columns, or as a product or quotient of up to three, among which 1 - x and 1 + x for rates.
      Of such columns the one that is a price or a rate by its name is taken to be known, where another is left.

    >>> units = np.tile([1.0, 2, 3, 5], 50)
    >>> price = np.repeat([1.99, 3.49, 4.99, 7.99, 9.99], 40)
    >>> sales = pl.DataFrame({"revenue": units * price, "taken": units, "price": price})
    >>> known_after(sales, "revenue", None, ["price"])
    {'taken': 'price and taken give revenue'}
    """
    refused: dict[str, str] = {}
    known = {*known, *allowed} - {target}
    for name in sales.columns:
        if name == target or name in known:
            continue
        if name == quantity:
            refused[name] = "it is the quantity"
        elif sales.schema[name] == pl.Date:
            refused[name] = "it is another date than that of the sale"
        elif sales.schema[name].is_numeric() and _says_after(name):
            refused[name] = "its name says what comes of a sale"
    told = {name: sales[name].cast(pl.Float64).to_numpy() for name in sales.columns if sales.schema[name].is_numeric()}
    rows = np.sort(np.random.default_rng(seed).permutation(sales.height)[:ROWS])
    told = {name: values[rows] for name, values in told.items()}
    for given_away in (target, quantity):
        if given_away in told and given_away not in known:
            aside = {target, *refused, *([quantity] if quantity else [])}
            refused |= _giving(told, given_away, aside - known | {given_away}, known, {*allowed})
    return refused


def _says_after(name: str) -> bool:
    words, after = set(plain(name).split("_")), set(AFTER.split())
    named = bool(words & after) and words <= after | set(PLAIN.split())
    return named or any(name_score(name, role) == 4 for role in ("revenue", "quantity", "void"))


def _giving(
    told: Mapping[str, np.ndarray], target: str, aside: set[str], known: set[str], allowed: set[str]
) -> dict[str, str]:
    """The columns that give `target`, fewest together first; one that is refused is looked at no more."""
    refused: dict[str, str] = {}
    for search in (_curves, _sums, _products):
        while True:
            left = {name: values for name, values in told.items() if name not in aside and name not in refused}
            found = next((each for each in search(left, told[target]) if not (each <= known or each & allowed)), None)
            if found is None:
                break
            doubtful = sorted(found - known)
            rates = [name for name in doubtful if set(plain(name).split("_")) & set(RATES.split())]
            worst = [name for name in doubtful if name not in rates] or doubtful
            verb = "give" if len(found) > 1 else "gives"
            reason = f"{' and '.join(sorted(found))} {verb} {target}"
            refused |= dict.fromkeys(worst, reason)
    return refused


def _holds(said: np.ndarray, target: np.ndarray, near: float = NEAR) -> bool:
    """Whether `said` is the target on nearly all rows, also among those that do not have its most frequent value."""
    with np.errstate(invalid="ignore"):
        right = np.abs(said - target) <= near * np.abs(target)
    values, counts = np.unique(target[~np.isnan(target)], return_counts=True)
    if len(values) < 2:
        return False
    odd = target != values[counts.argmax()]
    return bool(right.mean() >= NEARLY_ALL and right[odd].mean() >= NEARLY_ALL)


def _curves(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    """Columns of many values that give the target by themselves along any curve: one half of the rows draws it,
    the other half is read off it."""
    for name, values in columns.items():
        there = ~np.isnan(values) & ~np.isnan(target)
        x, y = values[there], target[there]
        if len(np.unique(x)) < MANY_VALUES or there.mean() < NEARLY_ALL:
            continue
        points = pl.DataFrame({"x": x[::2], "y": y[::2]}).group_by("x").agg(pl.col("y").median()).sort("x")
        if _holds(np.interp(x[1::2], points["x"], points["y"]), y[1::2], near=0.01):
            yield frozenset([name])


def _sums(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    for one, other in combinations(columns, 2):
        for sign, turned in ((1, 1), (1, -1), (-1, 1)):
            said = sign * columns[one] + turned * columns[other]
            if _varies(columns[one]) and _varies(columns[other]) and _holds(said, target):
                yield frozenset([one, other])


def _products(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    """Columns whose product or quotient, times any constant, is the target: sought on logarithms, fewest first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.log(np.where(target > 0, target, np.nan))
    usable = ~np.isnan(wanted)
    if usable.mean() < NEARLY_ALL:
        return
    wanted, actual = wanted[usable], target[usable]
    factors = [(name, log) for name, values in columns.items() for log in _factors(values[usable])][:MOST]
    if not factors:
        return
    logs = np.array([sign * log for _, log in factors for sign in (1, -1)])  # [factor, row]
    names = [name for name, _ in factors for _ in (1, -1)]
    for size in (1, 2, 3):
        for chosen in _promising(logs[:, :QUICKLY], wanted[:QUICKLY], size):
            together = frozenset(names[place] for place in chosen)
            if len(together) == size:
                said = logs[list(chosen)].sum(axis=0)
                said = np.exp(said + np.nanmedian(wanted - said))
                if _holds(said, actual):
                    yield together


def _promising(logs: np.ndarray, wanted: np.ndarray, size: int) -> Iterator[tuple[int, ...]]:
    """The `size` factors [factor, row] whose sum is the wanted one but for a constant, on most of a few rows."""
    count = len(logs)
    if size == 1:
        pairs, sums = np.zeros((1, 0), np.int64), np.zeros((1, len(wanted)))
    elif size == 2:
        pairs, sums = np.arange(count)[:, None], logs
    else:
        pairs = np.array(list(combinations(range(count), 2)), np.int64).reshape(-1, 2)
        sums = logs[pairs[:, 0]] + logs[pairs[:, 1]]
    for first in range(count):
        rest = wanted - logs[first] - sums
        middle = np.nan_to_num(np.partition(rest, rest.shape[1] // 2, axis=1)[:, rest.shape[1] // 2])
        share = (np.abs(rest - middle[:, None]) <= 2 * NEAR).mean(axis=1)
        for place in np.flatnonzero(share >= NEARLY_ALL - 0.15):
            chosen = (first, *map(int, pairs[place]))
            if list(chosen) == sorted(set(chosen)):
                yield chosen


def _factors(values: np.ndarray) -> Iterator[np.ndarray]:
    """Logarithms of what may be factors of a product: a column's values; of a share or a per cent, 1 - x and 1 + x."""
    most = np.nanmax(values, initial=0)
    shares = [values, *([values / 100] if 1 < most < 100 else [])] if np.nanmin(values, initial=0) >= 0 else []
    rates = [1 + sign * part for part, sign in product(shares, (-1, 1)) if np.nanmax(part, initial=0) < 1]
    for factor in (values, *rates):
        positive = factor > 0
        if positive.mean() >= NEARLY_ALL and _varies(factor):
            with np.errstate(divide="ignore", invalid="ignore"):
                yield np.log(np.where(positive, factor, np.nan))


def _varies(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and known.min() < known.max()
