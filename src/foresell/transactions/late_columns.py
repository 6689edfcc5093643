"""Finds columns of single sales that are known only after the sale, by their role, their name or their numbers.

A model that is given the units sold predicts revenue very well in training, but is useless, because nobody knows the
units when it is asked. Columns that the settings declare as known (keys, price, promotion, attributes, known ahead) are
never refused.
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
"""Words for results of a sale. A column is refused if its name has one of them, and no others but those of `PLAIN`."""

PLAIN = "order orders line is flag value usd eur gbp of in count number sum items item"
RATES = "price rate discount cost fee pct percent percentage"

ROWS = 5_000  # so many sales are examined
FIRST_ROWS = 60  # so many of these suffice to rule out most combinations of columns
NEAR = 0.005  # relative difference up to which two numbers count as equal
NEARLY_ALL = 0.9  # the share of rows on which they must be equal
MANY_VALUES = 50  # a column with fewer values is not tried as a curve
MOST_FACTORS = 80  # so many are tried in combinations of three


def known_after(
    sales: pl.DataFrame,
    target: str,
    quantity: str | None,
    known: Collection[str],
    allowed: Collection[str] = (),
    seed: int = 1,
) -> dict[str, str]:
    """The columns of `sales` that are known only after the sale, each with the reason; the target is not among them.

    `known` columns are never refused. `allowed` ones are not either, nor are columns that give the target only together
    with one of them. Any other column is refused if

    - it is the `quantity` of the settings;
    - its name only says a result of the sale (``revenue``, ``Units Sold``), or it is a date;
    - its numbers give the target, or the quantity, nearly exactly: alone (a copy, a multiple, any curve), as a sum
      or difference of two columns, or as a product or quotient of up to three, where a rate x counts as 1 - x or 1 + x.
      Of the columns of such a combination, prices and rates (by their names) are kept if another can be refused.

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
        elif sales.schema[name].is_numeric() and _names_result(name):
            refused[name] = "its name says that it is a result of the sale"
    rows = np.sort(np.random.default_rng(seed).permutation(sales.height)[:ROWS])
    numbers = {
        name: sales[name].cast(pl.Float64).to_numpy()[rows] for name in sales.columns if sales.schema[name].is_numeric()
    }
    for result in (target, quantity):
        if result in numbers and result not in known:
            excluded = {target, *refused, *([quantity] if quantity else [])}
            refused |= _columns_giving(result, numbers, excluded - known | {result}, known, {*allowed})
    return refused


def _names_result(name: str) -> bool:
    words, after = set(plain(name).split("_")), set(AFTER.split())
    named = bool(words & after) and words <= after | set(PLAIN.split())
    return named or any(name_score(name, role) == 4 for role in ("revenue", "quantity", "void"))


def _columns_giving(
    target: str, numbers: Mapping[str, np.ndarray], excluded: set[str], known: set[str], allowed: set[str]
) -> dict[str, str]:
    """The columns that give `target`, and the reason; single columns are tried before combinations."""
    refused: dict[str, str] = {}
    for search in (_curves, _sums, _products):
        while True:
            left = {name: values for name, values in numbers.items() if name not in excluded and name not in refused}
            combinations_found = search(left, numbers[target])
            columns = next((names for names in combinations_found if not (names <= known or names & allowed)), None)
            if columns is None:
                break
            doubtful = sorted(columns - known)
            rates = [name for name in doubtful if set(plain(name).split("_")) & set(RATES.split())]
            verb = "give" if len(columns) > 1 else "gives"
            reason = f"{' and '.join(sorted(columns))} {verb} {target}"
            refused |= dict.fromkeys([name for name in doubtful if name not in rates] or doubtful, reason)
    return refused


def _equals(values: np.ndarray, target: np.ndarray, near: float = NEAR) -> bool:
    """Whether `values` are the target on nearly all rows, also on those without its most frequent value."""
    with np.errstate(invalid="ignore"):
        right = np.abs(values - target) <= near * np.abs(target)
    distinct, counts = np.unique(target[~np.isnan(target)], return_counts=True)
    if len(distinct) < 2:
        return False
    unusual = target != distinct[counts.argmax()]
    return bool(right.mean() >= NEARLY_ALL and right[unusual].mean() >= NEARLY_ALL)


def _curves(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    """Columns that give the target by themselves, along any curve; it is drawn from every second row, and must fit the
    others."""
    for name, values in columns.items():
        known = ~np.isnan(values) & ~np.isnan(target)
        x, y = values[known], target[known]
        if len(np.unique(x)) < MANY_VALUES or known.mean() < NEARLY_ALL:
            continue
        points = pl.DataFrame({"x": x[::2], "y": y[::2]}).group_by("x").agg(pl.col("y").median()).sort("x")
        if _equals(np.interp(x[1::2], points["x"], points["y"]), y[1::2], near=0.01):
            yield frozenset([name])


def _sums(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    for one, other in combinations(columns, 2):
        for sign, other_sign in ((1, 1), (1, -1), (-1, 1)):
            total = sign * columns[one] + other_sign * columns[other]
            if _varies(columns[one]) and _varies(columns[other]) and _equals(total, target):
                yield frozenset([one, other])


def _products(columns: Mapping[str, np.ndarray], target: np.ndarray) -> Iterator[frozenset[str]]:
    """Columns whose product or quotient, times any constant, is the target; the search is on logarithms."""
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.log(np.where(target > 0, target, np.nan))
    usable = ~np.isnan(wanted)
    if usable.mean() < NEARLY_ALL:
        return
    wanted, actual = wanted[usable], target[usable]
    factors = [(name, log) for name, values in columns.items() for log in _factors(values[usable])][:MOST_FACTORS]
    if not factors:
        return
    logs = np.array([sign * log for _, log in factors for sign in (1, -1)])  # [factor, row]
    names = [name for name, _ in factors for _ in (1, -1)]
    for size in (1, 2, 3):
        for chosen in _candidates(logs[:, :FIRST_ROWS], wanted[:FIRST_ROWS], size):
            columns_chosen = frozenset(names[place] for place in chosen)
            if len(columns_chosen) == size:
                log_product = logs[list(chosen)].sum(axis=0)
                if _equals(np.exp(log_product + np.nanmedian(wanted - log_product)), actual):
                    yield columns_chosen


def _candidates(logs: np.ndarray, wanted: np.ndarray, size: int) -> Iterator[tuple[int, ...]]:
    """The sets of `size` rows of `logs` [factor, row] whose sum is `wanted` plus a constant, on most of a few rows."""
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
    """Logarithms of the factors that a column may be: its values, or 1 - x and 1 + x of a share or percentage x."""
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
